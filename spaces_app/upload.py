"""The upload field of every tab, and the one way from an uploaded file to a picture."""

import gradio as gr
from gradio.data_classes import ImageData
from PIL import Image

from artextract_hf.data.decode import decode_image
from artextract_hf.errors import ImageError


class PaintingUpload(gr.Image):
    """gradio's image field, which hands on the file as it came: the package's own decoder opens it, with its limits."""

    def preprocess(self, payload: ImageData | None) -> str | None:
        """The path of the uploaded file."""
        return None if payload is None else payload.path

    def get_block_name(self) -> str:
        """What the browser shows it as."""
        return "image"


def painting_upload(elem_id: str) -> PaintingUpload:
    """The field as every tab shows it."""
    return PaintingUpload(
        label="Painting", elem_id=elem_id, type="filepath", sources=["upload", "clipboard"], height=420, buttons=[]
    )


def open_upload(path: str | None) -> Image.Image:
    """The uploaded picture, or one sentence in the page that says why there is none."""
    if path is None:
        raise gr.Error("Choose a picture first.", print_exception=False)
    try:
        return decode_image(path, min_side=1024)
    except ImageError as error:
        # The message without the server's path of the file.
        raise gr.Error(str(error).replace(path, "The file"), print_exception=False) from None
