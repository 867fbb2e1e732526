"""Nobody gets a file of the machine, or an address fetched, through the page."""

import http.server
import io
import json
import threading
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.conftest import plain_picture

pytestmark = pytest.mark.filterwarnings("default")  # gradio's and starlette's own
META = {"meta": {"_type": "gradio.FileData"}}
NO_UPLOAD = "The file is no upload of this page; choose a picture first."


def post(url: str, body: object) -> tuple[int, dict]:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, {}


def ask(url: str, name: str, data: list) -> tuple[str, object]:
    """The last event of a question, and what it says."""
    status, started = post(f"{url}/gradio_api/call/{name}", {"data": data})
    assert status == 200
    with urllib.request.urlopen(f"{url}/gradio_api/call/{name}/{started['event_id']}", timeout=30) as stream:
        *_, event, said = [line for line in stream.read().decode().splitlines() if line]
    return event.removeprefix("event: "), json.loads(said.removeprefix("data: "))


def upload(url: str, content: bytes, name: str = "painting.png") -> str:
    """Where gradio put it."""
    body = (
        f'--limit\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'.encode()
        + content
        + b"\r\n--limit--\r\n"
    )
    headers = {"Content-Type": "multipart/form-data; boundary=limit"}
    request = urllib.request.Request(f"{url}/gradio_api/upload", body, headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())[0]


@pytest.fixture(scope="module")
def secret(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("home") / "secret.png"
    plain_picture((10, 200, 30)).save(path)
    return path


@pytest.fixture
def asked():
    """A server on loopback, and the requests that reached it."""
    paths: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            paths.append(self.path)
            self.send_error(404)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", paths
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("name", ["classify", "similar"])
def test_a_file_of_the_machine_is_refused_and_a_missing_one_in_the_same_words(served, secret, asked, name):
    address, requests = asked
    gone = secret.with_name("gone.png")
    link = secret.with_name("link.png")
    link.symlink_to("/etc/passwd") if not link.is_symlink() else None
    places = [secret, gone, secret.parent, link, "/etc/passwd", "/dev/zero", "/proc/self/environ", "\0", "x" * 5000, ""]
    places += [f"{address}/a.png", "http://169.254.169.254/latest", "ftp://127.0.0.1/a", f"file://{secret}"]
    for place in places:
        for payload in ({"path": str(place)}, {"path": str(place), **META}, {"path": str(place), "url": address}):
            rest = [] if name == "classify" else [5, ""]
            event, said = ask(served, name, [payload, *rest])
            assert (event, said["error"]) == ("error", NO_UPLOAD), payload
    assert requests == []


@pytest.mark.parametrize("count", [0, -1, 25, 1e9, None, "x", [3], {"a": 1}])
def test_a_number_of_answers_that_is_none_is_told_as_that(served, count):
    painted = io.BytesIO()
    plain_picture((10, 200, 30)).save(painted, "PNG")
    place = {"path": upload(served, painted.getvalue()), **META}
    event, said = ask(served, "similar", [place, count, ""])
    assert (event, said["error"]) == ("error", "How many has to be a number from 1 to 24.")


def test_nor_inside_other_values(served, secret, asked):
    address, requests = asked
    inside = upload(served, secret.read_bytes())
    for place in (str(secret), str(secret.with_name("gone.png")), f"{address}/b.png"):
        for where in ({"path": place, **META}, [{"a": [{"path": place, **META}]}]):
            event, said = ask(served, "similar", [{"path": inside, **META}, 5, where])
            assert (event, said["error"]) == ("error", NO_UPLOAD)
    assert requests == []


def test_every_other_way_to_a_function_is_closed_or_the_same(served, secret):
    config = json.loads(urllib.request.urlopen(f"{served}/config").read())
    states = {component["id"] for component in config["components"] if component["type"] == "state"}  # not the asker's
    for event in config["dependencies"]:
        inputs = [{"path": str(secret)} for _ in event["inputs"]]
        for way in ("run", "api"):  # past the queue
            assert post(f"{served}/gradio_api/{way}/{event['api_name']}", {"data": inputs})[0] in (404, 500)
        session = f"s{event['id']}"
        question = {"data": inputs, "fn_index": event["id"], "session_hash": session}
        if post(f"{served}/gradio_api/queue/join", question)[0] == 200:
            with urllib.request.urlopen(f"{served}/gradio_api/queue/data?session_hash={session}", timeout=30) as stream:
                ended = [line for line in stream.read().decode().splitlines() if '"process_completed"' in line]
            assert len(ended) == 1, event["api_name"]
            assert '"success":false' in ended[0] or not set(event["inputs"]) - states, event["api_name"]


@pytest.mark.parametrize(
    "rest", [["x", ""], [1e308, ""], [-3, ""], [None, ""], [[1], ""], [3, 7], [3, {"a": 1}], [3, "x" * 150_000], [3]]
)
def test_other_hostile_values_end_in_an_error_or_an_answer(served, secret, rest):
    place = upload(served, secret.read_bytes())
    event, said = ask(served, "similar", [{"path": place, **META}, *rest])
    assert event in ("error", "complete") and "Traceback" not in str(said)


def test_an_upload_is_answered_as_before(served, secret):
    place = upload(served, secret.read_bytes())
    event, answer = ask(served, "classify", [{"path": place, **META}])
    assert event == "complete" and set(answer[0]["tasks"]) == {"style", "genre", "artist"}
    assert ask(served, "classify", [{"path": place}])[0] == "complete"
    assert ask(served, "classify", [place]) == (event, answer)
    assert ask(served, "similar", [{"path": place, **META}, 3, ""])[0] == "complete"
    assert ask(served, "classify", [None])[1]["error"] == "Choose a picture first."


def test_files_and_addresses_are_not_served(served, secret, asked):
    address, requests = asked
    for place in (secret, secret.with_name("gone"), f"{address}/c.png", "http://example.org/x", "/etc/passwd"):
        for route in ("file=", "file/"):
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(f"{served}/gradio_api/{route}{place}", timeout=30)
            assert refused.value.code == 403 and refused.value.read() == b"no such upload"
    assert requests == []


def test_an_address_with_an_upload_in_it_is_an_address(served, secret, asked):
    address, requests = asked
    place = upload(served, secret.read_bytes())
    for path in (f"file/{address}/file={place}", f"file={address}/file/{place}", f"file/{address}//{place}"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{served}/gradio_api/{path}", timeout=30)
        assert refused.value.code == 403
    assert requests == []


CLOSED = """gradio_api/run-history/buckets gradio_api/runs gradio_api/proxy=http://x.hf.space/ gradio_api/dev/reload
    monitoring gradio_api/vibe-code gradio_api/token gradio_api/deep_link openapi.json login gradio_api/run/classify
    gradio_api/custom_component/1/a/b/c gradio_api/stream/a/b/1/playlist.m3u8 x/gradio_api/upload"""


@pytest.mark.parametrize("path", CLOSED.split())
def test_what_the_page_does_not_need_is_closed(served, path):
    for data in (None, b"{}"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{served}/{path}", data, timeout=30)
        assert refused.value.code == 404 and refused.value.read() == b"no such page"


def test_no_run_is_kept_with_the_token_of_whoever_serves(served):
    with urllib.request.urlopen(f"{served}/config") as config:
        assert json.loads(config.read())["run_history"] is False


def test_a_page_that_was_opened_still_decodes_by_itself(served):
    """What opens a page may update its picture field, which gradio then makes anew with its own decoding step."""
    config = json.loads(urllib.request.urlopen(f"{served}/config").read())
    functions = {event["api_name"]: event["id"] for event in config["dependencies"]}
    events = [event for event in config["dependencies"] if event["targets"]]
    (opening,) = [e["id"] for e in events if e["targets"][0][1] == "load" and len(e["outputs"]) > 2]

    def join(number: int, data: list) -> dict:
        assert (
            post(f"{served}/gradio_api/queue/join", {"data": data, "fn_index": number, "session_hash": "new"})[0] == 200
        )
        with urllib.request.urlopen(f"{served}/gradio_api/queue/data?session_hash=new", timeout=30) as stream:
            (ended,) = [line for line in stream.read().decode().splitlines() if '"process_completed"' in line]
        return json.loads(ended.removeprefix("data: "))

    assert join(opening, [""])["success"]
    bad = {"path": upload(served, b"this is no picture"), **META}
    answer = join(functions["answers"], [bad])
    assert not answer["success"] and "is not a picture in a known format" in answer["output"]["error"]


def test_what_the_log_would_show_as_a_fault_is_refused(served, secret, capfd):
    place = upload(served, secret.read_bytes())
    event, said = ask(served, "classify", [{"path": [place], **META}])
    assert event == "error" and said["error"] == NO_UPLOAD
    request = urllib.request.Request(f"{served}/gradio_api/file={place}", headers={"Range": "bytes=0-,1-"})
    with pytest.raises(urllib.error.HTTPError, match="416"):
        urllib.request.urlopen(request, timeout=30)
    assert "Traceback" not in "".join(capfd.readouterr())
