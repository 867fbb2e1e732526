"""What others see of the page where its address is shared: title, description and picture, in the head of its HTML.

gradio's template has its own there, and what `launch(head=)` adds comes only in a browser, which such readers are not.
"""

import html
import re

import gradio as gr
from gradio.processing_utils import save_pil_to_cache
from gradio.route_utils import get_root_url
from gradio.utils import get_upload_folder
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from artextract_hf.data import decode_image
from spaces_app.sheet import draw_sheet

TAGS = re.compile(rb'<meta\s+(?:property="og:|name="twitter:)[^>]*>\s*')
HEAD = b"<head>"
COLUMNS = 3  # of the picture


def preview_picture(files: list[str]) -> str:
    """The path, in gradio's folder, of a picture of pictures side by side."""
    sheet = draw_sheet([(decode_image(file), "") for file in files], columns=COLUMNS)
    return str(save_pil_to_cache(sheet, get_upload_folder(), "preview", "jpeg"))


class LinkPreview:
    """ASGI middleware that puts the page's own description into its HTML, with addresses as the reader came by.

    Args:
        app: what answers.
        page: whose title it is.
        about: a sentence.
        picture: its path.
    """

    def __init__(self, app: ASGIApp, page: gr.Blocks, about: str, picture: str) -> None:
        self.app, self.page, self.about, self.picture = app, page, about, picture

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["path"] != "/" or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        start: Message = {}
        body = bytearray()

        async def send_described(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
                return
            body.extend(message.get("body", b""))
            if message.get("more_body", False):
                return
            described = TAGS.sub(b"", bytes(body)).replace(HEAD, HEAD + self._tags(Request(scope)), 1)
            MutableHeaders(scope=start)["Content-Length"] = str(len(described))
            await send(start)
            await send({**message, "body": described})

        await self.app(scope, receive, send_described)

    def _tags(self, request: Request) -> bytes:
        root = get_root_url(request, "/", None)
        told = {"title": self.page.title, "description": self.about, "url": f"{root}/"}
        told |= {"type": "website", "image": f"{root}/gradio_api/file={self.picture}"}
        tags = [f'<meta property="og:{name}" content="{html.escape(words)}">' for name, words in told.items()]
        return "".join([*tags, '<meta name="twitter:card" content="summary_large_image">']).encode()
