"""Bytes by address: the one way to all addresses but the Hub's own, which `artextract_hf.remote` asks.

    address --parse_address--> host --resolve, once--> IP addresses --connect to one of these--> redirect, or body

Addresses and servers may be hostile. Only http and https are asked, and only hosts that everybody can reach, unless
the settings allow others; that is checked of every address a host name has, and the connection goes to what was
checked. A redirect is checked like the first address. What an answer may take is bounded in time and in size.
"""

import base64
import http.client
import io
import ipaddress
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, TypeVar
from urllib.parse import unquote, urljoin

import urllib3
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ProtocolError, SSLError
from urllib3.util import Url, parse_url
from urllib3.util.retry import Retry

from artextract_hf.embedded import NAMESPACE
from artextract_hf.errors import DataError
from artextract_hf.version import __version__

Result = TypeVar("Result")
IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

# With a page to write to, as Wikimedia's policy asks (foundation.wikimedia.org/wiki/Policy:User-Agent_policy).
AGENT = f"artextract-hf/{__version__} (https://huggingface.co/{NAMESPACE})"
ADDRESS = re.compile(r"\s*[a-zA-Z][a-zA-Z0-9+.-]+://")
SCHEMES = ("http", "https")
MAX_REDIRECTS = 5
MAX_HEADER = 1 << 16  # bytes of the lines before an answer's body, all together
HTML = ("text/html", "application/xhtml+xml")  # what a server sends in place of what was asked for
BUSY = frozenset({429, 500, 502, 503, 504})  # answers that may be others a moment later
BAD_ANSWERS = 2  # how often an answer is asked for again that is not what was asked for, or took all its time
CHUNK = 1 << 16
LONGEST_REASON = 300  # characters that a message takes over from an answer or from another library

UNICAST = ipaddress.IPv6Network("2000::/3")  # all that is routed in public (RFC 4291, section 2.4)
# What a cloud answers itself, or whatever machine is nearest, or none (RFC 6890 and later); Python knows a part of it.
_V4 = ("168.63.129.16/32", "192.0.0.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.175.48.0/24")
_V6 = ("2001::/23", "2620:4f:8000::/48", "3fff::/20")
SPECIAL = [ipaddress.ip_network(network) for network in (*_V4, *_V6)]
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # IPv4 addresses, as networks of IPv6 alone see them (RFC 6052)


@dataclass(frozen=True)
class DownloadSettings:
    """How often and how patiently a server is asked.

    Args:
        concurrency: requests at the same time.
        per_second: requests a second, at most.
        retries: how often a request is repeated after an error, with growing pauses.
        timeout_s: seconds that an answer may take, with all its redirects, from the host's name to the last byte.
        max_bytes: a larger body is refused; counted after decompression.
        pause_s: the first pause; each following one is twice as long.
        max_pause_s: the longest pause, also where the server's Retry-After asks for more.
        allow_private_hosts: ask also this machine, and hosts of private networks.
    """

    concurrency: int = 8
    per_second: float = 10.0
    retries: int = 6
    timeout_s: float = 60.0
    max_bytes: int = 50_000_000
    pause_s: float = 0.5
    max_pause_s: float = 60.0
    allow_private_hosts: bool = False

    def __post_init__(self) -> None:
        if min(self.concurrency, self.per_second, self.timeout_s, self.max_bytes) <= 0 or self.retries < 0:
            raise DataError(f"not a way to treat a server: {self}")


def is_address(text: str) -> bool:
    """Whether a text is an address, of any scheme, and not the name of a file.

    >>> is_address("HTTPS://museum.example/a.jpg"), is_address("pictures/a.jpg"), is_address("C:/a.jpg")
    (True, False, False)
    """
    return ADDRESS.match(text) is not None


# Parameters whose value lets in whoever knows it, as services of pictures and stores in clouds call them.
_SECRET = re.compile(r"(?i)(?<=[?&;])([\w.%-]*(token|api.?key|secret|signature|credential|password)|auth|sig)=[^&;#]*")


def shown(address: str) -> str:
    """An address as messages and lists show it: without passwords, spaces and control characters encoded.

    >>> shown("https://me:secret@museum.example/a b.jpg"), shown("https://m.example/a?w=9&access_token=secret")
    ('https://museum.example/a%20b.jpg', 'https://m.example/a?w=9&access_token=...')
    """
    public = _SECRET.sub(r"\1=...", re.sub(r"(?<=://)[^/?#]*@", "", address.strip()))
    return re.sub(r"[\x00-\x20\x7f-\x9f]", lambda found: f"%{ord(found[0]):02X}", public)


def parse_address(address: str) -> Url:
    """The parts of an address, ready to be sent: umlauts and spaces encoded, the host's name as in IDNA.

    >>> parse_address("https://Bücher.example/Dürer 1.jpg").url
    'https://xn--bcher-kva.example/D%C3%BCrer%201.jpg'

    Raises:
        DataError: it is no address of http or https.
    """
    try:
        parts = parse_url(address.strip())
    except (HTTPError, ValueError):
        raise DataError("is no address that can be read") from None
    if parts.scheme not in SCHEMES or not parts.host:
        raise DataError("is no address of http or https, and others are not fetched")
    return parts


def is_public(address: IpAddress) -> bool:
    """Whether an IP address is one of the public internet, reached from everywhere alike (RFC 6890).

    An IPv4 address inside one of IPv6 (mapped, 6to4, NAT64) counts as itself.

    >>> [is_public(ipaddress.ip_address(a)) for a in ("151.101.1.1", "169.254.169.254", "::ffff:10.0.0.1")]
    [True, False, False]
    """
    if any(address in network for network in SPECIAL):
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global and not address.is_multicast
    inner = address.ipv4_mapped or address.sixtofour
    if address in NAT64:
        inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return is_public(inner) if inner else address in UNICAST and address.is_global


class Fetcher:
    """Bodies by address, with a rate limit, retries and pauses; used from several threads."""

    def __init__(self, settings: DownloadSettings) -> None:
        self.settings = settings
        self._pools = urllib3.PoolManager(maxsize=settings.concurrency, block=True)
        self._pools.pool_classes_by_scheme = {"http": _PlainPool, "https": _TlsPool}
        self._turn, self._lock = 0.0, threading.Lock()

    def get(self, address: str, parse: Callable[[bytes], Result]) -> Result:
        """What `parse` makes of the body at an address.

        Args:
            address: http or https.
            parse: raises ImageError or ValueError where the body is not what was asked for, which may be another one
                a moment later; DataError where it never will be.

        Raises:
            DataError: it could not be fetched, with the last reason.
        """
        target = parse_address(address)
        retry = Retry(
            self.settings.retries,
            status_forcelist=BUSY,
            backoff_factor=self.settings.pause_s,
            backoff_max=self.settings.max_pause_s,
            retry_after_max=max(1, round(self.settings.max_pause_s)),
        )
        bad = 0
        while True:
            self._wait_for_turn()
            busy: urllib3.BaseHTTPResponse | None = None
            error: Exception | None = None
            end = time.monotonic() + self.settings.timeout_s
            try:
                with self._answer(target, end) as answer:
                    if answer.status not in BUSY:
                        return self._parsed(answer, parse)
                    busy = answer
            except DataError:
                raise
            except HTTPError as broken:
                error = broken
                bad += time.monotonic() >= end
            except ValueError as wrong:  # an ImageError is one, too
                error = ProtocolError(str(wrong))
                bad += 1
            if error and (bad > BAD_ANSWERS or _is_final(error)):
                raise DataError(_reason(error)) from None
            retry = _pause(retry, busy, error)

    @contextmanager
    def _answer(self, target: Url, end: float) -> Iterator[urllib3.BaseHTTPResponse]:
        """The answer to which an address leads, by whatever redirects, before the moment `end`."""
        for _ in range(1 + MAX_REDIRECTS):
            answer = self._request(target, end)
            try:
                location = answer.get_redirect_location()
                if not location:
                    yield answer
                    return
            finally:  # an answer that was not read to its end goes back closed, not with a rest in it
                answer.close()
                answer.release_conn()
            target = _redirected(target, location)
        raise DataError(f"the server redirects more than {MAX_REDIRECTS} times")

    def _request(self, target: Url, end: float) -> urllib3.BaseHTTPResponse:
        """One answer, of the first IP address of the host that takes a connection, before the moment `end`."""
        host = (target.host or "").strip("[]")
        headers = {"User-Agent": AGENT, "Host": target.netloc or host}
        if target.auth:
            headers["Authorization"] = "Basic " + base64.b64encode(unquote(target.auth).encode()).decode()
        addresses = _resolve(host, end - time.monotonic(), allow_private=self.settings.allow_private_hosts)
        failed: HTTPError | None = None
        for number, ip in enumerate(addresses):
            # To the checked IP address; the certificate has to be of the name all the same.
            pool = self._pools.connection_from_host(ip, target.port, target.scheme, {"server_hostname": host})
            seconds = max(end - time.monotonic(), 0.001)
            timeout = urllib3.Timeout(total=seconds, connect=seconds / (len(addresses) - number))
            try:
                return pool.urlopen(
                    "GET",
                    target.request_uri,
                    headers=headers,
                    redirect=False,
                    retries=False,
                    preload_content=False,
                    timeout=timeout,
                )
            except (NewConnectionError, ConnectTimeoutError) as error:
                failed = error
        raise failed or HTTPError(f"the host {host} has no address")

    def _parsed(self, answer: urllib3.BaseHTTPResponse, parse: Callable[[bytes], Result]) -> Result:
        """The body, which is judged by its bytes: servers give pictures and JSON every content type but HTML's."""
        if answer.status != 200:
            raise DataError(f"the server answered {answer.status}")
        stated = answer.headers.get("Content-Type", "")
        if stated.partition(";")[0].strip().lower() in HTML:
            raise ValueError(f"the server sent a page ({stated})")
        data = bytearray()
        while chunk := answer.read(CHUNK):
            data += chunk
            if len(data) > self.settings.max_bytes:
                raise DataError(f"is larger than {self.settings.max_bytes / 1e6:g} MB")
        try:
            return parse(bytes(data))
        except DataError:
            raise
        except ValueError as wrong:
            raise ValueError(f"{str(wrong).removesuffix('.')}. It was sent as {stated[:80] or 'nothing'!r}.") from None

    def _wait_for_turn(self) -> None:
        """Give every request its own moment, 1 / per_second apart."""
        with self._lock:
            now = time.monotonic()
            self._turn = max(self._turn, now)
            wait = self._turn - now
            self._turn += 1 / self.settings.per_second
        time.sleep(wait)


def _resolve(host: str, seconds: float, *, allow_private: bool) -> list[str]:
    """The IP addresses of a host, asked for within a time, which `getaddrinfo` does not bound.

    Raises:
        DataError: one of them is not public, and that is not allowed.
        HTTPError: it has none, or nobody says now.
    """
    answers: SimpleQueue[Any] = SimpleQueue()

    def look_up() -> None:
        try:
            answers.put(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            answers.put(error)

    threading.Thread(target=look_up, daemon=True).start()
    try:
        found = answers.get(timeout=max(seconds, 0.001))
    except Empty:
        raise HTTPError(f"the host {host} was not found in time") from None
    if isinstance(found, Exception):
        raise HTTPError(f"the host {host} is not known: {found}")
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    private = [address for address in addresses if not is_public(ipaddress.ip_address(address))]
    if private and not allow_private:
        where = host if host == private[0] else f"{host} ({private[0]})"
        raise DataError(
            f"{where} is this machine or a host of a private network; --allow-private-hosts, in Python "
            "allow_private_hosts=True, lets it be asked"
        )
    return addresses


def _is_final(error: Exception) -> bool:
    """Whether asking again cannot help: the server's certificate is of another host, or nobody's we trust."""
    return isinstance(error, SSLError) and isinstance(error.args[0], ssl.SSLCertVerificationError)


def _redirected(target: Url, location: str) -> Url:
    """Where a redirect leads.

    Raises:
        DataError: nowhere, or to no address of http or https.
    """
    with suppress(UnicodeError):  # a header is read as Latin-1, but many servers write UTF-8
        location = location.encode("latin-1").decode()
    try:
        return parse_address(urljoin(target.url, location))
    except ValueError as error:
        raise DataError(f"the server redirects to {shown(location)[:LONGEST_REASON]}: {error}") from None


def _pause(retry: Retry, busy: urllib3.BaseHTTPResponse | None, error: Exception | None) -> Retry:
    """Wait as long as the server asks, or longer each time; what is left of the retries.

    Raises:
        DataError: nothing is.
    """
    try:
        retry = retry.increment("GET", "", response=busy, error=error)
    except HTTPError as last:  # MaxRetryError, or the error itself where none is left
        raise DataError(f"gave up: {_reason(getattr(last, 'reason', None) or last)}") from None
    try:
        retry.sleep(busy)
    except (HTTPError, ValueError, OverflowError):  # a Retry-After that means nothing
        retry.sleep()
    return retry


def _reason(error: object) -> str:
    """What an error says, in one line that is not too long, without control characters that a server sent."""
    text = re.sub(r"^\w+\(host=[^)]*\): ", "", str(error))  # the connection that met it
    if isinstance(error, ProtocolError) and isinstance(error.args[-1], Exception):  # it says everything twice
        text = f"{type(error.args[-1]).__name__}: {error.args[-1]}"
    return "".join(c if c.isprintable() else " " for c in text)[:LONGEST_REASON].strip()


class _Source(io.RawIOBase):
    """Bytes of a socket until a moment; the socket's own time limit begins anew with every byte."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        self._raw, self._sock = raw, sock
        self._end = time.monotonic() + (sock.gettimeout() or 0.0)
        self.left: float = float("inf")  # bytes that may still be read

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        seconds = self._end - time.monotonic()
        if seconds <= 0:
            raise TimeoutError("timed out")
        self._sock.settimeout(seconds)
        count = self._raw.readinto(buffer)
        self.left -= count or 0
        if self.left < 0:
            raise http.client.HTTPException(f"a header of more than {MAX_HEADER} bytes")
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Answer(http.client.HTTPResponse):
    """An answer that ends within the time limit of the socket, with a header of at most MAX_HEADER bytes."""

    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self._source = _Source(self.fp.detach(), sock)
        self.fp = io.BufferedReader(self._source)

    def begin(self) -> None:
        self._source.left = MAX_HEADER
        super().begin()
        self._source.left = float("inf")


class _PlainConnection(urllib3.connection.HTTPConnection):
    response_class = _Answer


class _TlsConnection(urllib3.connection.HTTPSConnection):
    response_class = _Answer


class _PlainPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _TlsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _TlsConnection
