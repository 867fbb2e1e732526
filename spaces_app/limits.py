"""What visitors may ask of the machine: routes, bytes and seconds of a request, uploads at once, room on the disk.

    request --RequestLimits--> gradio --> upload folder <--make_room, now and then and before each upload

gradio bounds one file; here are bounded the files of a request, the uploads under way, and the folder they fill. Of
gradio's routes only those are open that the page and clients need: others fetch addresses, or use the owner's token.
"""

import asyncio
import contextlib
import ctypes
import json
import re
import shutil
import tempfile
import time
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.route_utils import FnIndexInferError
from python_multipart.multipart import parse_options_header  # the parser gradio itself reads uploads with
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from spaces_app.upload import is_upload

MAX_FILE = 20_000_000  # bytes of a picture
MAX_UPLOAD = MAX_FILE + 10_000  # with the frame around it
MAX_QUESTION = 200_000  # bytes of any other request; JSON takes up to forty times as much in memory
MAX_DELIMITERS = 2  # one picture a request: a delimiter before it, one behind
MAX_UPLOADS = 16  # under way at once
STALL_S = 10.0  # without a byte
UPLOAD_S = 120.0  # from the first byte to the last; 20 MB at 1.3 Mbit/s
FOLDER_BYTES = 500_000_000  # uploads and drawn answers
FOLDER_FILES = 5_000
FOLDER_AGE_S = 3600.0
SWEEP_S = 5.0
CLOSE = {"Connection": "close"}  # else the server goes on reading, and drops, what a visitor goes on sending
ROUTES = re.compile(
    r"/(|config/?|theme\.css|favicon\.ico|manifest\.json|robots\.txt|pwa_icon(/\d+)?|(assets|static|svelte)/.+)"
    r"|/gradio_api/(info/?|openapi\.json|app_id/?|startup-events|theme\.css|heartbeat/[^/]+|cancel|reset/?"
    r"|queue/(join|data)|call/[^/]+(/[^/]+)?/?|upload|upload_progress|mcp(/|/schema)?)"
)
TOOLS = re.compile(r"/gradio_api/mcp/?")  # MCP's
RANGE = re.compile(r"(bytes=(\d{1,15}-\d{0,15}|-\d{1,15}))?")
FILE = re.compile(r"/gradio_api/file[=/](.+)", re.DOTALL)
TOO_LARGE = f"a picture has at most {MAX_FILE // 1_000_000} MB"
TOO_LONG = f"a question has at most {MAX_QUESTION // 1000} kB; upload a picture, or give its address"


def _no_function(_: Request, error: Exception) -> PlainTextResponse:
    return PlainTextResponse("no such function", 404)


def _left(_: Request, error: Exception) -> PlainTextResponse:
    return PlainTextResponse("the request ended early", 400)  # to nobody


# By what gradio raises where it looks up what a visitor names, and starlette where a visitor leaves: else each of them
# is a fault of the server, with 500 and its stack in the log.
ANSWERS: dict[type[Exception], Callable[[Request, Exception], PlainTextResponse]] = {
    FnIndexInferError: _no_function,
    KeyError: _no_function,
    ClientDisconnect: _left,
}


class RequestLimits:
    """ASGI middleware that refuses other routes, files that are no uploads, and requests too large, slow or many.

    Args:
        app: what answers the others.
        make_room: called before each upload.
    """

    def __init__(self, app: ASGIApp, make_room: Callable[[], None]) -> None:
        self.app = app
        self.make_room = make_room
        self.uploads = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif (file := FILE.fullmatch(scope["path"])) and not is_upload(file[1]):
            await PlainTextResponse("no such upload", 403)(scope, receive, send)
        elif not file and not ROUTES.fullmatch(scope["path"]):
            await PlainTextResponse("no such page", 404, CLOSE)(scope, receive, send)
        elif file and not RANGE.fullmatch(Headers(scope=scope).get("range", "")):
            await PlainTextResponse("one range of bytes at most", 416)(scope, receive, send)
        elif TOOLS.fullmatch(scope["path"]):
            await self._tool(scope, receive, send)
        elif Headers(scope=scope).get("content-type", "").lower().startswith("multipart/"):
            await self._upload(scope, receive, send)
        else:
            body = _Body(receive, MAX_QUESTION)
            await self.app(scope, body.receive, body.closing(send))

    async def _tool(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand MCP's server a whole body of JSON; it takes anything else for a fault of its own."""
        if scope["method"] != "POST":  # a stream that stays open, and says nothing
            await PlainTextResponse("post a question", 405, {"Allow": "POST"})(scope, receive, send)
            return
        try:
            whole = await Request(scope, _Body(receive, MAX_QUESTION).receive).body()
            json.loads(whole)
        except HTTPException as refused:
            await PlainTextResponse(refused.detail, refused.status_code, CLOSE)(scope, receive, send)
        except (ValueError, RecursionError):
            await PlainTextResponse("a question is JSON", 400)(scope, receive, send)
        else:
            messages = [{"type": "http.request", "body": whole, "more_body": False}]

            async def receive_whole() -> Message:
                return messages.pop() if messages else await receive()

            await self.app(scope, receive_whole, send)

    async def _upload(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length[:20]) > MAX_UPLOAD:
            await PlainTextResponse(TOO_LARGE, 413, CLOSE)(scope, receive, send)
            return
        if self.uploads >= MAX_UPLOADS:
            await PlainTextResponse("busy: too many uploads at once, try again", 503, CLOSE)(scope, receive, send)
            return
        _, options = parse_options_header(headers["content-type"])
        body = _Body(receive, MAX_UPLOAD, b"--" + options.get(b"boundary", b""))
        self.uploads += 1
        try:
            await asyncio.to_thread(self.make_room)
            await self.app(scope, body.receive, body.closing(send))
        finally:
            self.uploads -= 1


class _Body:
    """The body of a request, as long as it keeps within its limits.

    What breaks them raises starlette's HTTPException inside the app, which answers with it and reads no more.
    """

    def __init__(self, receive: Receive, limit: int, delimiter: bytes = b"") -> None:
        self._receive, self._limit, self._delimiter = receive, limit, delimiter
        self._bytes = self._delimiters = 0
        self._tail = b""
        self._whole = False
        self._end = time.monotonic() + UPLOAD_S

    async def receive(self) -> Message:
        if self._whole:  # what comes now is the news that the visitor left
            return await self._receive()
        wait = min(STALL_S, self._end - time.monotonic())
        try:
            message = await asyncio.wait_for(self._receive(), wait)
        except TimeoutError:
            raise HTTPException(408, "the request came too slowly") from None
        if message["type"] == "http.request":
            self._whole = not message.get("more_body", False)
            self._count(message.get("body", b""))
        return message

    def closing(self, send: Send) -> Send:
        """`send`, which ends the connection where the answer comes before the end of the body."""

        async def send_closing(message: Message) -> None:
            if message["type"] == "http.response.start" and not self._whole:
                MutableHeaders(scope=message).update(CLOSE)
            await send(message)

        return send_closing

    def _count(self, chunk: bytes) -> None:
        self._bytes += len(chunk)
        if self._bytes > self._limit:
            raise HTTPException(413, TOO_LARGE if self._delimiter else TOO_LONG)
        if self._delimiter:
            chunk = self._tail + chunk
            self._delimiters += chunk.count(self._delimiter)
            self._tail = chunk[-len(self._delimiter) + 1 :]
            if self._delimiters > MAX_DELIMITERS:
                raise HTTPException(413, "one picture a request")


class UploadFolder:
    """A new folder for the uploads and answers of one page, kept within its bounds, removed with the process."""

    def __init__(self) -> None:
        # Not gradio's usual one, which all pages of a user share: what is old is removed from this one.
        self.path = Path(tempfile.mkdtemp(prefix="artextract-")).resolve()
        self.kept: frozenset[Path] = frozenset()
        self.page: gr.Blocks | None = None
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)

    def serve(self, page: gr.Blocks) -> None:
        """Be the folder of a page that is laid out: what it put here until now, the copies of the examples, stays."""
        self.kept = frozenset(self.path.rglob("*"))
        self.page = page

    def make_room(self) -> None:
        """Remove what is old, uploads that nobody goes on with, and then the oldest until the folder is in bounds."""
        now = time.time()
        found = sorted(self._files(), reverse=True)  # the newest first
        room, removed = FOLDER_BYTES, set()
        for place, (touched, size, file) in enumerate(found):
            room -= size
            most = 3 * STALL_S if file.parent == self.path else FOLDER_AGE_S  # at the top: not yet uploaded whole
            if room < 0 or place >= FOLDER_FILES or now - touched > most:
                with contextlib.suppress(OSError):
                    file.unlink(missing_ok=True)
                    removed.add(str(file))
                    if file.parent != self.path:
                        file.parent.rmdir()  # refused while another file is there
        for names in self.page.temp_file_sets if self.page else ():  # of all files that gradio ever made, without end
            names -= removed

    def forget_questions(self) -> None:
        """Let go of what visitors asked whose answers gradio dropped: it holds some answers, but all that was asked."""
        if self.page:
            queue = self.page._queue
            for session in queue.pending_event_ids_session.keys() - queue.pending_messages_per_session.keys():
                del queue.pending_event_ids_session[session]

    def _files(self) -> list[tuple[float, int, Path]]:
        """When each file was last touched (gradio touches what it hands out again), its bytes, and where it is."""
        found = []
        for file in self.path.rglob("*"):
            with contextlib.suppress(OSError):  # another removed it
                about = file.lstat()
                if file not in self.kept and not file.is_dir():
                    found.append((about.st_ctime, about.st_size, file))
        return found

    def lifespan(self, _: Any) -> AbstractAsyncContextManager[None]:
        """Keep room, on the disk and in memory, as long as the page is served."""

        async def sweep() -> None:
            self.forget_questions()  # here, where gradio reads them, and in no other thread
            await asyncio.to_thread(self.make_room)
            await asyncio.to_thread(return_free_memory)

        return _repeated(sweep, SWEEP_S)


def return_free_memory() -> None:
    """Give the system back what is free in the heaps of glibc, which keeps it."""
    with contextlib.suppress(AttributeError, OSError, TypeError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)


@asynccontextmanager
async def _repeated(work: Callable[[], Awaitable[None]], seconds: float) -> AsyncIterator[None]:
    async def loop() -> None:
        while True:
            await asyncio.sleep(seconds)
            await work()

    task = asyncio.create_task(loop())
    try:
        yield
    finally:
        task.cancel()
