"""A loopback server each of whose addresses misbehaves in its own way, on two of the machine's loopback addresses."""

import gzip
import http.server
import ssl
import threading
import time
from pathlib import Path
from urllib.parse import unquote

from tests.data.sources.iiif_server import jpeg

PICTURE = jpeg("museum")
DRIPPING_S = 8.0  # how long an answer that comes a byte at a time goes on


class HostileServer:
    """Serves a picture at every address that does not say otherwise, and keeps what it was asked."""

    def __init__(self, certificate: Path | None = None) -> None:
        self.asked: list[str] = []
        self.hosts: list[str] = []
        self.agents: list[str] = []
        self.logins: list[str] = []
        handler = type("Handler", (_Handler,), {"state": self})
        self.http = http.server.ThreadingHTTPServer(("0.0.0.0", 0), handler)
        self.http.daemon_threads = True
        self.http.handle_error = lambda *_: None  # clients hang up, as they should
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.http.socket = context.wrap_socket(self.http.socket, server_side=True)
        self.port = self.http.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Listen no longer."""
        self.http.shutdown()
        self.http.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    state: HostileServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None: ...

    def do_GET(self) -> None:
        state, (kind, _, rest) = self.state, unquote(self.path).lstrip("/").partition("/")
        state.asked.append(unquote(self.path))
        state.hosts.append(self.headers["Host"])
        state.agents.append(self.headers["User-Agent"])
        state.logins.append(self.headers.get("Authorization", ""))
        answer = getattr(self, f"_{kind}", None)
        if answer:
            answer(rest)
        else:
            self._send(PICTURE)

    def _send(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in ({"Content_Type": "image/jpeg", "Content_Length": str(len(body))} | headers).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def _raw(self, *parts: bytes) -> None:
        self.close_connection = True
        for part in parts:
            self.wfile.write(part)
            self.wfile.flush()

    def _drip(self, start: bytes) -> None:
        self._raw(start)
        end = time.monotonic() + DRIPPING_S
        while time.monotonic() < end:
            time.sleep(0.05)
            self._raw(b"1")

    def _to(self, rest: str) -> None:
        self._send(b"", 302, Location=rest)

    def _utf8(self, rest: str) -> None:
        self._raw(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: /D\xc3\xbcrer 1.jpg\r\n\r\n")

    def _hops(self, rest: str) -> None:
        self._to(f"/hops/{int(rest) - 1}" if int(rest) > 1 else "/end.jpg")

    def _status(self, rest: str) -> None:
        self._send(b"no", int(rest))

    def _busy(self, rest: str) -> None:
        self._send(b"", 429, Retry_After=rest)

    def _html(self, rest: str) -> None:
        self._send(PICTURE, Content_Type="text/html; charset=utf-8")

    def _type(self, rest: str) -> None:
        self._send(PICTURE, Content_Type=rest)

    def _words(self, rest: str) -> None:
        self._send(b"no picture \x1b[2J", Content_Type="image/\x1b[2J")

    def _bomb(self, rest: str) -> None:
        self._send(gzip.compress(bytes(int(rest)), 1), Content_Encoding="gzip")

    def _nogzip(self, rest: str) -> None:
        self._send(PICTURE, Content_Encoding="gzip")

    def _cut(self, rest: str) -> None:
        self._raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1000\r\n", PICTURE[:500])

    def _short(self, rest: str) -> None:
        self._raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n", PICTURE)

    def _nothing(self, rest: str) -> None:
        self._raw(b"")

    def _nonsense(self, rest: str) -> None:
        self._raw(b"\x1b[2J\x00\xff" * 100 + b"\r\n\r\n")

    def _chunks(self, rest: str) -> None:
        self._raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"9" * 70_000 + b"\r\n")

    def _header(self, rest: str) -> None:
        self._raw(b"HTTP/1.1 200 OK\r\n", *(b"X-%d: %s\r\n" % (i, b"x" * 60_000) for i in range(90)), b"\r\n")

    def _continue(self, rest: str) -> None:
        self._raw(*(b"HTTP/1.1 100 Continue\r\n\r\n" for _ in range(20_000)))

    def _slowbody(self, rest: str) -> None:
        self._drip(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n")

    def _slowheader(self, rest: str) -> None:
        self._drip(b"HTTP/1.1 200 OK\r\nX-Slow: ")

    def _slowchunk(self, rest: str) -> None:
        self._drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")

    def _slowtrailer(self, rest: str) -> None:
        self._drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Slow: ")

    def _slowhops(self, rest: str) -> None:
        time.sleep(0.4)
        self._to("/slowhops/")
