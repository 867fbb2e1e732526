"""The upload field of every tab, and the one way from an uploaded file to a picture."""

import gradio as gr
from PIL import Image

from artextract_hf.data import decode_image
from artextract_hf.errors import ImageError

VIEW_SIDE = 512  # pixels; a larger JPEG is decoded at a smaller scale whose sides are still at least this


def painting_upload(elem_id: str) -> gr.Image:
    """gradio's image field, which hands on the path of the file: the package's own decoder opens it."""
    field = gr.Image(
        label="Painting", elem_id=elem_id, type="filepath", sources=["upload", "clipboard"], height=420, buttons=[]
    )
    # Set on the field, since gradio writes a stub file beside every module that derives from a component.
    field.preprocess = lambda payload: None if payload is None else payload.path
    return field


def open_upload(path: str | None) -> Image.Image:
    """The uploaded picture, or one sentence in the page that says why there is none."""
    if path is None:
        raise gr.Error("Choose a picture first.", print_exception=False)
    try:
        return decode_image(path, min_side=VIEW_SIDE)
    except ImageError as error:
        # The message without the server's path of the file.
        raise gr.Error(str(error).replace(path, "The file"), print_exception=False) from None
