"""What a visitor may use of the machine: bytes, seconds, uploads at once, room on the disk."""

import asyncio
import json
import os
import socket
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import gradio as gr
import pytest
from gradio.data_classes import PredictBodyInternal

from spaces_app import limits
from tests.conftest import plain_picture
from tests.spaces_app.test_upload import META, ask, upload

pytestmark = pytest.mark.filterwarnings("default")  # gradio's and starlette's own
PART = b'--limit\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
END = b"\r\n--limit--\r\n"


def raw(url: str, *chunks: bytes, length: int | None = None, path: str = "/gradio_api/upload") -> socket.socket:
    """A connection on which the head of an upload and these chunks of its body were sent."""
    place = urlsplit(url)
    line = socket.create_connection((place.hostname, place.port), timeout=30)
    size = f"Content-Length: {length}" if length is not None else "Transfer-Encoding: chunked"
    line.sendall(
        f"POST {path} HTTP/1.1\r\nHost: {place.netloc}\r\n{size}\r\n"
        "Content-Type: multipart/form-data; boundary=limit\r\n\r\n".encode()
    )
    for chunk in chunks:
        line.sendall(chunk if length is not None else b"%x\r\n%s\r\n" % (len(chunk), chunk))
    return line


def status(line: socket.socket) -> int:
    with line:
        return int(line.recv(1000).split()[1])


def size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


@pytest.fixture
def folder(served) -> Path:
    return Path(os.environ["GRADIO_TEMP_DIR"])


def test_a_large_upload_ends_early(served, folder):
    started = time.monotonic()
    assert status(raw(served, PART, length=200_000_000)) == 413
    line, sent = raw(served, PART), 0
    with pytest.raises(OSError), line:  # noqa: PT012 (the connection breaks at some chunk)
        for _ in range(200):
            line.sendall(b"%x\r\n%s\r\n" % (1_000_000, bytes(1_000_000)))
            sent += 1
    assert sent < 60 and time.monotonic() - started < 10  # what the system buffers comes on top of 20 MB
    assert ask(served, "classify", [{"path": upload(served, plain_picture((9, 9, 9)).tobytes()), **META}])[0] == "error"


def test_one_picture_a_request(served):
    body = PART + b"a" + b"\r\n" + PART + b"b" + END
    assert status(raw(served, body, length=len(body))) == 413
    assert status(raw(served, *(body[i : i + 1] for i in range(len(body))), END)) == 413
    body = PART + b"a" + END
    assert status(raw(served, body, length=len(body))) == 200


def test_other_requests_are_small(served):
    question = json.dumps({"data": ["x" * 2_000_000]}).encode()
    request = urllib.request.Request(
        f"{served}/gradio_api/call/classify", question, {"Content-Type": "application/json"}
    )
    with pytest.raises((urllib.error.URLError, ConnectionError)) as refused:
        urllib.request.urlopen(request, timeout=30)
    assert getattr(refused.value, "code", 413) == 413


def test_half_open_uploads_end_and_leave_nothing(served, folder, monkeypatch):
    monkeypatch.setattr(limits, "STALL_S", 0.3)
    monkeypatch.setattr(limits, "UPLOAD_S", 1.0)
    still = raw(served, PART + b"x" * 100_000, length=1_000_000)
    assert status(still) == 408
    drip, started = raw(served, PART, length=1_000_000), time.monotonic()
    with pytest.raises(OSError), drip:  # noqa: PT012
        while time.monotonic() - started < 10:
            drip.sendall(b"x")
            time.sleep(0.05)
    assert 0.9 < time.monotonic() - started < 3
    raw(served, PART + b"x" * 100_000, length=1_000_000).close()  # a visitor who leaves
    time.sleep(1)
    upload(served, b"another")
    assert [file.name for file in folder.iterdir() if file.is_file()] == []


def test_many_uploads_at_once_are_told_that_the_page_is_busy(served, monkeypatch):
    monkeypatch.setattr(limits, "MAX_UPLOADS", 3)
    lines = [raw(served, PART, length=1000) for _ in range(3)]
    time.sleep(0.5)
    assert status(raw(served, PART, length=1000)) == 503
    for line in lines:
        line.close()
    time.sleep(0.5)
    assert Path(upload(served, b"again")).is_file()


def test_the_oldest_files_make_room_and_the_examples_stay(served, folder, monkeypatch):
    monkeypatch.setattr(limits, "FOLDER_BYTES", 3_000_000)
    examples = json.loads(urllib.request.urlopen(f"{served}/config").read())
    kept = {s[0]["path"] for c in examples["components"] for s in c["props"].get("samples") or ()}
    assert len(kept) == 6 and all(Path(path).is_relative_to(folder) for path in kept)
    kept |= {str(path) for path in folder.rglob("preview.jpeg")}
    places = [upload(served, bytes([i]) * 1_000_000) for i in range(8)]
    assert size(folder) <= 3_000_000 + 1_000_000 + sum(Path(path).stat().st_size for path in kept)
    assert [Path(place).is_file() for place in places[:4]] == [False] * 4 and Path(places[-1]).is_file()
    assert all(Path(path).is_file() for path in kept)
    assert (
        ask(served, "classify", [{"path": next(path for path in kept if path.endswith("png")), **META}])[0]
        == "complete"
    )
    monkeypatch.setattr(limits, "FOLDER_FILES", 2)
    for i in range(6):
        upload(served, bytes([i]) * 10)
    assert sum(file.is_file() for file in folder.rglob("*")) <= len(kept) + 3
    monkeypatch.setattr(limits, "FOLDER_AGE_S", 0.0)
    upload(served, b"last")
    assert sum(file.is_file() for file in folder.rglob("*")) <= len(kept) + 1


def test_questions_are_forgotten_with_their_answers():
    with gr.Blocks() as page:
        page.load(lambda: None)
    queue, folder = page.queue()._queue, limits.UploadFolder()
    folder.serve(page)
    queue.pending_messages_per_session.max_size = 2
    for name in "abcd":
        body = PredictBodyInternal(fn_index=0, data=[], session_hash=name)
        assert asyncio.run(queue.push(body, request=None, username=None))[0]
    assert list(queue.pending_event_ids_session) == ["a", "b", "c", "d"]  # gradio keeps them all
    folder.forget_questions()
    assert list(queue.pending_event_ids_session) == ["c", "d"]


def test_the_folder_goes_with_its_page():
    import gc

    folder = limits.UploadFolder()
    (folder.path / "a").write_bytes(b"a")
    path = folder.path
    del folder
    gc.collect()
    assert not path.exists()
