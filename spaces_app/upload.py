"""The upload field of the page, and the one way from an uploaded file to a picture.

A visitor's browser names the file that it uploaded, so what arrives here is a stranger's word: only files inside
gradio's upload folder, which also holds copies of the examples, are opened. All else, a path that exists and one that
does not, an address, gets the same answer.
"""

import contextlib
import logging
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import gradio as gr
from gradio.components.api_component import Api
from gradio.state_holder import SessionState
from gradio.utils import get_upload_folder
from gradio_client.utils import is_file_obj_with_meta, traverse
from PIL import Image

from artextract_hf.data import decode_image
from artextract_hf.errors import ArtExtractError, ImageError

VIEW_SIDE = 512  # pixels; a larger JPEG is decoded at a smaller scale whose sides are still at least this
# Of every event: all decodes and inferences of the page share one line, two at once, whichever tab asks.
ONE_LINE: dict[str, Any] = {"concurrency_id": "pictures", "concurrency_limit": 2}
LINE = 200  # characters of an error in the log
NO_ANSWER = "This question cannot be answered."
NO_UPLOAD = "The file is no upload of this page; choose a picture first."
# Asks what the open tab asks, once there is a picture.
PRESS = """(picture) => {
  const open = (button) => button.closest('[role="tabpanel"]')?.checkVisibility();
  if (picture) [...document.querySelectorAll("#classify-button, #similar-button, #explore-button")].find(open)?.click();
}"""

# An answer that comes when its picture is another, or gone: what is under way cannot always be stopped.
KEEP_CURRENT = """(picture, answer) => {
  const name = encodeURIComponent(picture?.path).replaceAll("'", "%27");
  return answer?.includes(`data-of="${name}"`) ? answer : null;
}"""


@dataclass(frozen=True)
class Answers:
    """What a tab shows of the picture: it goes with the picture.

    Attributes:
        shown: components that are empty without an answer.
        events: functions that fill them; those under way end with the picture.
    """

    shown: Sequence[Any]
    events: Sequence[Any]


logger = logging.getLogger(__name__)


def painting_upload(elem_id: str) -> gr.Image:
    """gradio's image field, which hands on the path of the file: the package's own decoder opens it."""
    field = gr.Image(
        label="Painting", elem_id=elem_id, type="filepath", sources=["upload", "clipboard"], height=380, buttons=[]
    )
    # Set on the field, since gradio writes a stub file beside every module that derives from a component. gradio's own
    # step would open the picture with all of Pillow's formats.
    field.preprocess = lambda payload: None if payload is None else payload.path
    return field


def is_upload(path: str) -> bool:
    """Whether a path names a file that lies in gradio's upload folder, links followed."""
    try:
        file = Path(path).resolve()
        return file.is_relative_to(Path(get_upload_folder()).resolve()) and file.is_file()
    except (OSError, ValueError, RuntimeError):  # too long, a NUL byte, links in a circle
        return False


@contextlib.contextmanager
def errors_on_page() -> Iterator[None]:
    """Say in the page what is wrong with a question."""
    try:
        yield
    except ArtExtractError as error:
        raise gr.Error(str(error), print_exception=False) from None


def open_upload(path: str | None) -> Image.Image:
    """The uploaded picture, or one sentence in the page that says why there is none."""
    if path is None:
        raise gr.Error("Choose a picture first.", print_exception=False)
    if not is_upload(path):
        raise gr.Error(NO_UPLOAD, print_exception=False)
    try:
        return decode_image(path, min_side=VIEW_SIDE)
    except ImageError as error:
        # The message without the server's path of the file.
        raise gr.Error(str(error).replace(path, "The file"), print_exception=False) from None
    except OSError:  # removed between the two steps, to make room
        raise gr.Error(NO_UPLOAD, print_exception=False) from None


def answer_of(path: str | None, words: str) -> str:
    """An answer in HTML that says which picture it is of, see KEEP_CURRENT."""
    name = quote(path or "", safe="!~*()")  # as encodeURIComponent writes it, but for the apostrophe
    return f'<div data-of="{name}">{words}</div>'


class Page(gr.Blocks):
    """gradio's page, which takes no file from a question but its own uploads, whatever the component or endpoint."""

    async def process_api(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Answer a question; one that no function can take, as only a stranger sends it, is a line in the log."""
        try:
            return await super().process_api(*args, **kwargs)
        except gr.Error:
            raise
        except Exception as error:  # noqa: BLE001  (whatever values a function stumbles over)
            place = traceback.extract_tb(error.__traceback__)[-1]
            logger.warning("a question failed: %s at %s:%s", repr(error)[:LINE], place.filename, place.lineno)
            raise gr.Error(NO_ANSWER, print_exception=False) from None

    async def preprocess_data(self, block_fn: Any, inputs: list[Any], *args: Any, **kwargs: Any) -> list[Any]:
        """Refuse what gradio would fetch or copy before a component sees it: files named in JSON, at any depth."""
        traverse(inputs, _refuse_foreign, is_file_obj_with_meta)
        left_out = block_fn.inputs[len(inputs) :]
        if all(isinstance(block, Api) for block in left_out):  # whose values are the defaults of the function
            inputs = [*inputs, *(block.value for block in left_out)]
        try:
            return await super().preprocess_data(block_fn, inputs, *args, **kwargs)
        except ValueError:  # pydantic's, of a value that is no file
            raise gr.Error(NO_UPLOAD, print_exception=False) from None

    async def postprocess_data(
        self, block_fn: Any, predictions: list[Any] | dict[str, Any], state: SessionState | None
    ) -> list[Any]:
        """Keep the steps that this page puts in place of gradio's own.

        For a visitor to whom a function gives an update of a component, `gr.skip` too, gradio makes it anew.
        """
        answers = await super().postprocess_data(block_fn, predictions, state)
        for block in block_fn.outputs:
            if state and "preprocess" in vars(block):
                state[block._id].preprocess = block.preprocess
        return answers


def _refuse_foreign(file: dict[str, Any]) -> dict[str, Any]:
    if not is_upload(file["path"]):
        raise gr.Error(NO_UPLOAD, print_exception=False)
    return file
