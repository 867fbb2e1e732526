"""What no page would ask is answered as the asker's mistake, and takes one line of the log at most."""

import json
import time
import urllib.request

import pytest

from tests.conftest import plain_picture
from tests.spaces_app.test_limits import PART, raw
from tests.spaces_app.test_upload import META, ask, post, upload

pytestmark = pytest.mark.filterwarnings("default")  # gradio's and starlette's own
EVENTS = [
    None,
    {},
    {"index": 99},
    {"index": "x", "value": None},
    {"index": [1]},
    [1],
    "x",
    {"work": "gone"},
    {"work": [1]},
    7,
]
VALUES = [[], [None], [None, None], [7, 7], ["x"], [[[9]]], [{"a": 1}, [{"id": "gone"}]], [-1], [None] * 9]


@pytest.fixture
def log(capfd, caplog):
    """The lines that were written since the last call; of the log those of warnings and worse."""

    def lines() -> list[str]:
        time.sleep(0.2)
        written = "".join(capfd.readouterr())
        assert "Traceback" not in written
        told = [record.getMessage() for record in caplog.records]
        caplog.clear()
        return told

    yield lines
    lines()


def answer(url: str, question: dict, session: str) -> str:
    """The last message of a question by the queue."""
    status, _ = post(f"{url}/gradio_api/queue/join", question | {"session_hash": session})
    if status != 200:
        assert 400 <= status < 500
        return ""
    with urllib.request.urlopen(f"{url}/gradio_api/queue/data?session_hash={session}", timeout=30) as stream:
        return [line for line in stream.read().decode().splitlines() if '"process_completed"' in line][-1]


def test_functions_of_the_page_take_any_arguments(served, log):
    config = json.loads(urllib.request.urlopen(f"{served}/config").read())
    names = {event["id"]: event["api_name"] for event in config["dependencies"]}
    assert {"why", "take", "search", "open", "show", "evidence", "load_example"} <= set(names.values())
    for number, name in names.items():
        for place, data in enumerate(VALUES):
            question = {"data": data, "fn_index": number, "event_data": EVENTS[place % len(EVENTS)]}
            said = answer(served, question, f"{name}-{number}-{place}")
            assert not said or '"success":false' in said or '"success":true' in said
            assert len(log()) <= 1


def test_a_result_that_is_none_is_no_fault(served, log):
    config = json.loads(urllib.request.urlopen(f"{served}/config").read())
    why = next(event["id"] for event in config["dependencies"] if event["api_name"] == "why")
    place = {"path": upload(served, plain_picture((9, 99, 9)).tobytes()), **META}
    for number, event in enumerate(EVENTS):
        said = answer(served, {"data": [place, [{"id": "x"}]], "fn_index": why, "event_data": event}, f"why-{number}")
        assert '"success":true' not in said and len(log()) <= 1


@pytest.mark.parametrize("name", ["nothing", "v2/nothing", "%00", "x" * 500])
def test_an_unknown_endpoint_is_not_found(served, log, name):
    assert post(f"{served}/gradio_api/call/{name}", {"data": []})[0] == 404
    assert not log()


@pytest.mark.parametrize("number", [99, -1, 10**30])
def test_an_unknown_function_is_not_found(served, log, number):
    for session in ("s", None, ""):
        question = {"data": [], "fn_index": number, "session_hash": session}
        assert 400 <= post(f"{served}/gradio_api/queue/join", question)[0] < 500
    assert not log()


@pytest.mark.parametrize("sent", [b"", PART, PART + b"x" * 100_000])
def test_who_leaves_during_an_upload_leaves_no_trace(served, log, sent):
    for length in (1_000_000, None):
        raw(served, sent, length=length).close()
    raw(served, sent, length=1_000_000, path="/gradio_api/upload?upload_id=a").close()
    time.sleep(0.5)
    assert not log()
    assert ask(served, "classify", [None])[1]["error"] == "Choose a picture first."
