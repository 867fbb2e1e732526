"""The one fetcher against hostile addresses and servers: nothing private is asked, nothing outlives its limits."""

import base64
import gzip
import ipaddress
import random
import re
import socket
import socketserver
import subprocess
import threading
import time
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from artextract_hf.data import fetch
from artextract_hf.data.decode import decode_image, fetch_picture
from artextract_hf.data.fetch import DownloadSettings, Fetcher, is_public, shown
from artextract_hf.errors import DataError, ImageError
from tests.conftest import ROOT
from tests.data.hostile_server import DRIPPING_S, PICTURE, HostileServer

LOCAL = DownloadSettings(
    retries=0, timeout_s=20, per_second=1000, pause_s=0.01, max_bytes=1_000_000, allow_private_hosts=True
)


@pytest.fixture(scope="module")
def running():
    server = HostileServer()
    yield server
    server.stop()


@pytest.fixture
def server(running):
    for kept in (running.asked, running.hosts, running.agents, running.logins):
        kept.clear()
    return running


@pytest.fixture
def names(monkeypatch):
    """Host names that resolve to what a test says: `names["museum.test"] = [["127.0.0.1"], ...]`, answer by answer."""
    known: dict[str, list[list[str]]] = {}
    resolve = socket.getaddrinfo

    def getaddrinfo(host, port, *args, **options):
        if host not in known:
            return resolve(host, port, *args, **options)
        answer = known[host].pop(0)
        return [entry for ip in answer for entry in resolve(ip, port, *args, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return known


def refusal(address: str, settings: DownloadSettings = LOCAL) -> str:
    with pytest.raises(DataError) as caught:
        Fetcher(settings).get(address, bytes)
    assert "\n" not in str(caught.value) and "\x1b" not in str(caught.value) and len(str(caught.value)) < 800
    return str(caught.value)


PRIVATE = """127.0.0.1 0.0.0.0 10.1.2.3 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 192.0.0.192 198.18.0.1
    203.0.113.5 224.0.0.1 239.255.255.250 240.0.0.1 255.255.255.255 :: ::1 ::127.0.0.1 ::ffff:127.0.0.1
    ::ffff:169.254.169.254 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b:1::1 2002:7f00:1:: 2002:c0a8:101::1
    2001:0:4136:e378::1 fe80::1 fec0::1 fc00::1 fd00:ec2::254 ff02::1 ff0e::1 2001:db8::1 100::1 fe80::1%eth0
    168.63.129.16 192.88.99.1 192.31.196.1 192.175.48.1 192.52.193.1 ::ffff:168.63.129.16 2002:a83f:8110:: 3fff::1
    2620:4f:8000::1 2001:3::1 2001:4:112::1"""
PUBLIC = "151.101.1.1 8.8.8.8 2606:4700::1111 2a04:4e42::1 ::ffff:8.8.8.8 64:ff9b::808:808 2002:808:808::1"


def test_what_is_public_is_told_from_what_is_not():
    assert [ip for ip in PRIVATE.split() if is_public(ipaddress.ip_address(ip))] == []
    assert [ip for ip in PUBLIC.split() if not is_public(ipaddress.ip_address(ip))] == []


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "LOCALHOST.", "127.1", "2130706433", "0x7f.1", "017700000001", "0", "[::1]"]
)
def test_every_spelling_of_this_machine_is_refused(server, host):
    address = f"http://{host}:{server.port}/x.jpg"
    with pytest.raises(ImageError, match="could not be fetched"):
        decode_image(address)
    assert not server.asked


def test_a_private_host_is_asked_only_where_that_is_allowed(server):
    with pytest.raises(ImageError, match=r"private network; --allow-private-hosts"):
        decode_image(f"{server.url}/x.jpg")
    assert not server.asked
    assert np.array_equal(decode_image(f"{server.url}/x.jpg", allow_private_hosts=True), decode_image(PICTURE))


def test_no_other_file_asks_addresses():
    client = re.compile(
        r"^\s*(?:import|from) (?:urllib3|urllib\.request|requests|httpx2?|http\.client|aiohttp|ftplib|socket)\b", re.M
    )
    files = [file for top in ("artextract_hf", "spaces_app", "training") for file in (ROOT / top).rglob("*.py")]
    asking = {str(file.relative_to(ROOT)) for file in files if client.search(file.read_text(encoding="utf-8"))}
    assert asking == {"artextract_hf/data/fetch.py", "artextract_hf/remote.py"}


def test_the_agent_names_the_project_and_a_page(server):
    fetch_picture(f"{server.url}/x.jpg", allow_private_hosts=True)
    assert server.agents == [fetch.AGENT] and fetch.AGENT.startswith("artextract-hf/") and "https://" in fetch.AGENT


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("/Dürer.jpg", "/Dürer.jpg"),
        ("/young hare.jpg", "/young hare.jpg"),
        ("/D%C3%BCrer.jpg", "/Dürer.jpg"),
        ("/100%.jpg", "/100%.jpg"),
        ("/a.jpg?title=Junger Hase&ö", "/a.jpg?title=Junger Hase&ö"),
        ("/a.jpg#part", "/a.jpg"),
        ("/a\tb.jpg", "/a\tb.jpg"),
        ("", "/"),
        ("/utf8/", "/Dürer 1.jpg"),
    ],
)
def test_addresses_are_taken_as_browsers_take_them(server, given, asked):
    assert Fetcher(LOCAL).get(f" {server.url}{given}\n", bytes) == PICTURE
    assert server.asked[-1] == asked


def test_umlauts_in_the_name_of_a_host(server, names):
    names["xn--mnchen-3ya.test"] = [["127.0.0.1"]]
    assert Fetcher(LOCAL).get(f"HTTP://München.test:{server.port}/a.jpg", bytes) == PICTURE
    assert server.hosts == [f"xn--mnchen-3ya.test:{server.port}"]


def test_a_host_is_resolved_once_and_the_connection_goes_there(server, names):
    names["museum.test"] = [["127.0.0.1"]]  # a second question would find nothing to pop
    assert Fetcher(LOCAL).get(f"http://museum.test:{server.port}/a.jpg", bytes) == PICTURE
    assert server.hosts == [f"museum.test:{server.port}"] and names["museum.test"] == []


def test_one_private_address_of_several_is_enough_to_refuse(server, names):
    names["museum.test"] = [["151.101.1.1", "127.0.0.1"]]
    reason = refusal(f"http://museum.test:{server.port}/a.jpg", DownloadSettings(retries=0))
    assert "museum.test (127.0.0.1)" in reason and not server.asked


def test_a_host_whose_first_address_is_dead_is_reached_by_the_next(server, names):
    names["museum.test"] = [["127.0.0.3", "127.0.0.1"]]
    with socket.socket() as other:  # bound on the first address alone, and listening nowhere
        other.bind(("127.0.0.3", 0))
        assert Fetcher(LOCAL).get(f"http://museum.test:{server.port}/a.jpg", bytes) == PICTURE


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("http://127.0.0.2:{port}/inside.jpg", "private network"),
        ("//127.0.0.2:{port}/inside.jpg", "private network"),
        ("ftp://127.0.0.1/a.jpg", "redirects to ftp://127.0.0.1/a.jpg: is no address of http or https"),
        ("file:///etc/passwd", "redirects to file:///etc/passwd: is no address of http or https"),
        ("data:image/png;base64,xx", "no address of http or https"),
        ("http://[nowhere", "redirects to http://[nowhere"),
        ("https://me:secret@[x]/", "redirects to https://[x]/: "),
    ],
)
def test_a_redirect_is_checked_like_an_address(server, monkeypatch, location, reason):
    monkeypatch.setattr(fetch, "is_public", lambda ip: str(ip) == "127.0.0.1")
    settings = DownloadSettings(retries=0)
    assert Fetcher(settings).get(f"{server.url}/to//to//a.jpg", bytes) == PICTURE
    found = refusal(f"{server.url}/to/{location.format(port=server.port)}", settings)
    assert reason in found and "secret" not in found
    assert not any("inside" in path for path in server.asked if not path.startswith("/to/"))


def test_five_redirects_are_followed_and_no_more(server):
    assert Fetcher(LOCAL).get(f"{server.url}/hops/5", bytes) == PICTURE
    assert "more than 5 times" in refusal(f"{server.url}/hops/6")


@pytest.mark.parametrize("how", ["slowbody", "slowheader", "slowchunk", "slowtrailer", "slowhops"])
def test_a_byte_at_a_time_does_not_outlive_the_deadline(server, how):
    settings = replace(LOCAL, timeout_s=0.4)
    start = time.monotonic()
    assert refusal(f"{server.url}/{how}/", settings).startswith("gave up: Read timed out.")
    assert time.monotonic() - start < DRIPPING_S / 2


def test_a_server_that_takes_all_the_time_is_asked_three_times(server):
    assert "timed out" in refusal(f"{server.url}/slowbody/", replace(LOCAL, timeout_s=0.1, retries=20))
    assert server.asked == ["/slowbody/"] * 3


def test_the_host_has_to_be_found_within_the_deadline(monkeypatch):
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait())
    start = time.monotonic()
    assert "museum.test was not found in time" in refusal("http://museum.test/a.jpg", replace(LOCAL, timeout_s=0.1))
    assert time.monotonic() - start < 1
    over.set()


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("status/404", "answered 404"),
        ("status/503", "503"),
        ("html/", "a page (text/html"),
        ("nogzip/", "gzip"),
        ("cut/", "IncompleteRead"),
        ("short/", "IncompleteRead"),
        ("nothing/", "RemoteDisconnected"),
        ("nonsense/", "BadStatusLine"),
        ("chunks/", "LineTooLong"),
        ("header/", "header of more than 65536 bytes"),
        ("continue/", "header of more than 65536 bytes"),
        ("busy/10", "429"),
    ],
)
def test_every_failure_is_one_line(server, path, reason):
    assert reason in refusal(f"{server.url}/{path}")
    with pytest.raises(ImageError, match="could not be fetched"):
        decode_image(f"{server.url}/{path}", allow_private_hosts=True)


@pytest.mark.parametrize(
    "address",
    [
        "http://",
        "http:///x.jpg",
        "http://[::1/x.jpg",
        "http://127.0.0.1:99999/x.jpg",
        "http://127.0.0.1:port/x.jpg",
        "http://127.0.0.1:0/x.jpg",
        "http://127.0.0.1:9/x.jpg",
        "http://nobody.invalid/x.jpg",
        "http://exa mple.org/x.jpg",
        "http://a" + "b" * 70 + ".org/x.jpg",
        "http://ü" + "b" * 70 + ".org/x.jpg",
        "http://..:80/x.jpg",
        "http://\ud800/x.jpg",
        "http://127.0.0.1\x00.org/x.jpg",
        "https://127.0.0.1:9/x.jpg",
        "ftp://127.0.0.1/x.jpg",
        "FILE:///etc/passwd",
        "gopher://127.0.0.1/",
        "jar:http://127.0.0.1/!x",
    ],
)
def test_every_bad_address_is_an_image_error(address):
    with pytest.raises(ImageError):
        decode_image(address, allow_private_hosts=True)


def test_https_where_there_is_none_is_an_image_error(server):
    with pytest.raises(ImageError, match="could not be fetched"):
        decode_image(f"https://127.0.0.1:{server.port}/x.jpg", allow_private_hosts=True)


def test_a_body_is_bounded_after_decompression(server):
    tracemalloc.start()
    assert "is larger than 1 MB" in refusal(
        f"{server.url}/bomb/{50_000_000}", DownloadSettings(retries=0, max_bytes=1_000_000, allow_private_hosts=True)
    )
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 60_000_000  # the server of this test, which is in this process, makes the 50 MB


@pytest.mark.parametrize("kind", ["binary/octet-stream", "text/plain", "application/json", ""])
def test_a_picture_may_be_sent_under_any_content_type_but_that_of_a_page(server, kind):
    assert Fetcher(LOCAL).get(f"{server.url}/type/{kind}", bytes) == PICTURE


@pytest.mark.parametrize("asked", ["0", "soon", "9" * 5000, "Mon, 01 Jan 99999999 00:00:00 GMT", "-1"])
def test_a_retry_after_that_means_nothing_is_not_obeyed(server, asked):
    settings = DownloadSettings(retries=1, pause_s=0.01, max_pause_s=0.1, per_second=1000, allow_private_hosts=True)
    refusal(f"{server.url}/busy/{asked}", settings)


def test_a_password_is_sent_to_its_host_and_shown_nowhere(server):
    host = server.url.removeprefix("http://")
    assert Fetcher(LOCAL).get(f"http://me:s%C3%A9cret@{host}/to//a.jpg", bytes) == PICTURE
    assert base64.b64decode(server.logins[0].removeprefix("Basic ")).decode() == "me:sécret"
    for path in ("status/404", "words/", "html/"):
        with pytest.raises(ImageError) as caught:
            decode_image(f"http://me:se@cret@{host}/{path}", allow_private_hosts=True)
        assert "cret" not in str(caught.value) and f"http://{host}/{path}" in str(caught.value)
        assert "\x1b" not in str(caught.value)


ANSWERS = [
    b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%b" % (len(PICTURE), PICTURE),
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(PICTURE), PICTURE),
    b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 429 Slow\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 24\r\n\r\n" + gzip.compress(b"xxxx"),
]
PLANTED = [b"\r\n", b"9" * 5000, b"-", b"Location: http://[\r\n", b"Content-Length: x\r\n", b"\x1b[2J", b"\xff\x00"]


def mutants(number):
    """Answers of a server, cut, changed and added to at random places of their first lines."""
    rng = random.Random(0)
    for _ in range(number):
        answer = bytearray(rng.choice(ANSWERS))
        for _ in range(rng.randint(1, 6)):
            start = rng.randrange(min(len(answer), 120))
            answer[start : start + rng.randint(0, 6)] = rng.choice([b"", rng.randbytes(3), *PLANTED])
            answer = answer or bytearray(b"?")
        yield bytes(answer)


class Repeats(socketserver.BaseRequestHandler):
    """Gives the answer of the moment, and hangs up."""

    answer = b""

    def handle(self):
        self.request.recv(4096)
        self.request.sendall(self.answer)


def test_damaged_answers_raise_nothing_else():
    refused = 0
    with socketserver.TCPServer(("127.0.0.1", 0), Repeats) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        for Repeats.answer in mutants(300):
            try:
                Fetcher(LOCAL).get(f"http://127.0.0.1:{server.server_address[1]}/", bytes)
            except DataError as error:
                assert str(error).isprintable(), Repeats.answer
                refused += 1
        server.shutdown()
    assert 100 < refused < 300


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    path = tmp_path_factory.mktemp("tls") / "museum.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=museum.test"
    try:
        subprocess.run(
            [*command.split(), "-addext", "subjectAltName=DNS:museum.test", "-keyout", path, "-out", f"{path}.crt"],
            check=True,
            capture_output=True,
        )
    except FileNotFoundError:
        pytest.skip("openssl is not here")
    path.write_text(path.read_text() + (path.parent / "museum.pem.crt").read_text())
    return path


def test_the_certificate_has_to_be_of_the_host_that_is_named(certificate, names, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    server = HostileServer(certificate)
    names["museum.test"], names["other.test"] = [["127.0.0.1"]], [["127.0.0.1"]]
    assert Fetcher(LOCAL).get(f"https://museum.test:{server.port}/a.jpg", bytes) == PICTURE
    assert "certificate" in refusal(f"https://other.test:{server.port}/b.jpg", replace(LOCAL, retries=3))  # asked once
    assert "certificate" in refusal(f"https://127.0.0.1:{server.port}/c.jpg")
    monkeypatch.delenv("SSL_CERT_FILE")
    names["museum.test"] = [["127.0.0.1"]]
    assert "certificate" in refusal(f"https://museum.test:{server.port}/d.jpg")
    assert server.asked == ["/a.jpg"]
    server.stop()


@pytest.mark.parametrize("name", ["access_token", "token", "api_key", "X-Amz-Signature", "sig", "password"])
def test_what_lets_in_is_shown_nowhere(server, name):
    with pytest.raises(ImageError) as caught:
        decode_image(f"{server.url}/status/404?w=9&{name}=geheim&h=7", allow_private_hosts=True)
    assert "geheim" not in str(caught.value) and f"w=9&{name}=...&h=7" in str(caught.value)
    assert shown("https://m.example/a?design=1&resigned=2") == "https://m.example/a?design=1&resigned=2"


def test_what_a_server_sent_is_said_in_a_sentence_of_its_own(server):
    def parse(_):
        raise ValueError("image file is truncated")

    with pytest.raises(DataError, match=r"image file is truncated\. It was sent as"):
        Fetcher(LOCAL).get(f"{server.url}/type/text/plain", parse)
