"""A loopback IIIF server that serves procedural paintings and misbehaves on demand, and counts what it is asked."""

import http.server
import io
import json
import re
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

from PIL import Image

from tests.conftest import plain_picture


def jpeg(key: str, size: tuple[int, int] = (90, 60)) -> bytes:
    """A picture that is another for every key."""
    data = io.BytesIO()
    seed = sum(map(ord, key))
    plain_picture((seed * 37 % 256, seed * 91 % 256, seed * 53 % 256), size, seed=seed).save(data, "JPEG")
    return data.getvalue()


@dataclass
class IiifServer:
    """What it serves and what it was asked; `faults[path]` is a list of faults, one for each of the next requests.

    A fault is a status (429, 500, 404), "cut", "html", "text", "truncated", or ("slow", seconds).
    """

    documents: dict[str, object] = field(default_factory=dict)
    faults: dict[str, list] = field(default_factory=dict)
    delay: float = 0.0
    asked: Counter = field(default_factory=Counter)
    times: list[float] = field(default_factory=list)
    agents: set[str] = field(default_factory=set)
    busiest: int = 0
    busy: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self) -> "IiifServer":
        """Listen on a free port."""
        handler = type("Handler", (_Handler,), {"state": self})
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.http.daemon_threads = True
        self.http.handle_error = lambda *_: None  # a client that was killed is no news
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def stop(self) -> None:
        """Listen no longer."""
        self.http.shutdown()
        self.http.server_close()

    def pictures(self) -> Counter:
        """How often each picture was asked for, by its identifier."""
        return Counter({p.split("/")[2]: n for p, n in self.asked.items() if p.startswith("/iiif/")})


class _Handler(http.server.BaseHTTPRequestHandler):
    state: IiifServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None: ...

    def do_GET(self) -> None:
        state = self.state
        with state.lock:
            state.asked[self.path] += 1
            state.times.append(time.monotonic())
            state.agents.add(self.headers.get("User-Agent", ""))
            state.busy += 1
            state.busiest = max(state.busiest, state.busy)
            waiting = state.faults.get(self._key(), [])
            fault = waiting.pop(0) if waiting else None
        try:
            time.sleep(state.delay)
            self._answer(fault)
        except (BrokenPipeError, ConnectionResetError):
            pass
        finally:
            with state.lock:
                state.busy -= 1

    def _key(self) -> str:
        """The identifier of a picture, or the path of a document."""
        return self.path.split("/")[2] if self.path.startswith("/iiif/") else self.path

    def _answer(self, fault: object) -> None:
        if isinstance(fault, tuple):
            time.sleep(fault[1])
            fault = None
        if isinstance(fault, int):
            return self._send(fault, b"no", "text/plain", {"Retry-After": "1"} if fault == 429 else {})
        if fault in ("html", "text"):
            return self._send(200, b"<h1>Sorry</h1>", "text/html" if fault == "html" else "text/plain")
        if self.path in self.state.documents:
            document = self.state.documents[self.path]
            body = document if isinstance(document, bytes) else json.dumps(document).encode()
            return self._send(200, body, "application/ld+json")
        if not (found := re.fullmatch(r"/iiif/([^/]+)/full/(full|max|!(\d+),\d+)/0/default\.jpg", self.path)):
            return self._send(404, b"not found", "text/plain")
        body = jpeg(found[1])
        if found[3]:
            with Image.open(io.BytesIO(body)) as image:
                image.thumbnail((int(found[3]), int(found[3])))
                small = io.BytesIO()
                image.save(small, "JPEG")
                body = small.getvalue()
        if fault == "truncated":
            body = body[: len(body) // 2]
        if fault == "cut":
            self.send_response(200)
            self.send_header("Content-Type", "image/jpeg")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 3])
            self.wfile.flush()
            self.close_connection = True
            return None
        return self._send(200, body, "image/jpeg")

    def _send(self, status: int, body: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
