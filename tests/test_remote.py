"""Repetitions and refusals, and repositories fetched by the real client from a loopback Hub that fails."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from artextract_hf.errors import ArtExtractError, DataError
from artextract_hf.remote import ATTEMPTS, ask_hub, first_wait, is_absent, pause, reason, retry
from tests.hub.loopback_hub import Fault, LoopbackHub, Repo

REPO = "somebody/paintings"


def refusal(status: int, kind: type[HfHubHTTPError] = HfHubHTTPError, text: str = "", **headers: str) -> HfHubHTTPError:
    request = httpx2.Request("GET", "http://hub.example")
    return kind(text or str(status), response=httpx2.Response(status, headers=headers, request=request))


def caused(error: Exception, cause: Exception) -> Exception:
    """An error as `raise error from cause` leaves it."""
    error.__cause__ = cause
    return error


@pytest.fixture(autouse=True)
def short_waits(monkeypatch) -> None:
    monkeypatch.setenv("ARTEXTRACT_RETRY_WAIT_S", "0.02")


class Calls:
    """Fails as told, then answers."""

    def __init__(self, *errors: Exception) -> None:
        self.errors, self.times = list(errors), []

    def __call__(self) -> str:
        self.times.append(time.monotonic())
        if self.errors:
            raise self.errors.pop(0)
        return "answer"

    @property
    def waits(self) -> list[float]:
        return [later - before for before, later in zip(self.times, self.times[1:], strict=False)]


def test_what_may_pass_is_repeated_with_growing_waits():
    calls = Calls(refusal(500), httpx2.ReadError("cut"), refusal(412))
    assert retry(calls) == "answer"
    assert all(wait >= least for wait, least in zip(calls.waits, (0.02, 0.04, 0.08), strict=True))


def test_the_hubs_own_wait_is_kept_up_to_a_minute():
    assert pause(refusal(429, **{"Retry-After": "7"}), 1.0) == 7.0
    assert pause(refusal(429, **{"Retry-After": "900"}), 1.0) == 60.0
    assert pause(refusal(429, **{"Retry-After": "soon"}), 1.0) == pause(httpx2.ReadError("cut"), 1.0) == 1.0
    calls = Calls(refusal(429, **{"Retry-After": "0"}))
    assert retry(calls) == "answer" and calls.waits[0] < 0.02


def test_the_first_wait_is_configured(monkeypatch):
    assert first_wait() == 0.02
    monkeypatch.delenv("ARTEXTRACT_RETRY_WAIT_S")
    assert first_wait() == 1.0
    for wrong in ("soon", "-1", "nan", "3600"):
        monkeypatch.setenv("ARTEXTRACT_RETRY_WAIT_S", wrong)
        with pytest.raises(ArtExtractError, match=f"ARTEXTRACT_RETRY_WAIT_S is '{wrong}'"):
            retry(Calls())


FINAL = [
    refusal(403),
    refusal(404),
    ValueError("bad"),
    OfflineModeIsEnabled("offline"),
    RuntimeError("no cause"),
    caused(LocalEntryNotFoundError("not cached"), httpx2.ConnectError("refused")),
]


@pytest.mark.parametrize("error", FINAL)
def test_a_refusal_is_final(error):
    calls = Calls(error)
    with pytest.raises(type(error)):
        retry(calls)
    assert len(calls.times) == 1


@pytest.mark.parametrize("wrapper", [RuntimeError("Error while uploading"), LocalEntryNotFoundError("not cached")])
def test_what_may_pass_is_repeated_although_the_client_wraps_it(wrapper):
    calls = Calls(caused(wrapper, refusal(503)))
    assert retry(calls) == "answer" and len(calls.times) == 2


def test_it_gives_up_in_the_end():
    calls = Calls(*[refusal(503)] * 99)
    with pytest.raises(HfHubHTTPError):
        retry(calls)
    assert len(calls.times) == ATTEMPTS


def test_a_refusal_becomes_our_error_and_our_own_errors_stay():
    with pytest.raises(DataError, match="^no: bad name$"):
        ask_hub(Calls(HFValidationError("bad name\nsee the docs")), lambda why: DataError(f"no: {why}"))
    with pytest.raises(ArtExtractError, match="^ours$"):
        ask_hub(Calls(ArtExtractError("ours")), lambda why: DataError(f"no: {why}"))
    with pytest.raises(ZeroDivisionError):  # a mistake in the program is no refusal
        ask_hub(lambda: 1 / 0, lambda why: DataError(f"no: {why}"))


def test_the_reason_is_one_line_that_says_something():
    assert reason(refusal(404, text="404 Client Error.\n\nRepository Not Found for url: x.\nMore.")) == (
        "404 Client Error. Repository Not Found for url: x."
    )
    assert reason(ValueError("first\nsecond")) == "first" and reason(ValueError()) == "ValueError"
    sent = caused(RuntimeError("Error while uploading 'a'."), refusal(503, text="503 Server Error"))
    assert reason(sent) == "Error while uploading 'a'. 503 Server Error"


ABSENT = [
    (refusal(404, RepositoryNotFoundError), True),
    (refusal(403, GatedRepoError), False),
    (refusal(404, RevisionNotFoundError), False),
    (refusal(403), False),
    (refusal(503), True),
    (httpx2.ConnectError("refused"), True),
    (OfflineModeIsEnabled("offline"), True),
    (LocalEntryNotFoundError("not cached"), True),
    (HFValidationError("bad name"), False),
    (OSError("disk full"), False),
]


@pytest.mark.parametrize(("error", "expected"), ABSENT)
def test_absent_is_what_is_not_there_or_cannot_be_reached(error, expected):
    assert is_absent(error) is expected


# --- repositories ---------------------------------------------------------------------------------------------------

FETCH = """
import json, sys, time
from artextract_hf.errors import DataError
from artextract_hf.remote import download_snapshot
start = time.monotonic()
try:
    folder = download_snapshot(sys.argv[1], DataError, kind="dataset", revision=sys.argv[2] or None, ignore=["*.md"])
    found = {path.name: path.read_text() for path in folder.iterdir()}
except DataError as error:
    found = str(error)
print(json.dumps([found, time.monotonic() - start]))
"""


@pytest.fixture
def hub() -> Iterator[LoopbackHub]:
    hub = LoopbackHub().start()
    repo = hub.repos["datasets", REPO] = Repo("datasets", REPO)
    repo.commit({"a.json": b"old", "README.md": b""})
    repo.tags["v1"] = repo.head
    repo.commit({"a.json": b"new", "README.md": b"", "b.json": b"more"})
    yield hub
    hub.stop()


def fetch(hub: LoopbackHub, home: Path, repo_id: str = REPO, revision: str = "", **environment: str) -> tuple:
    """What a process of its own finds, or the error's text; and the seconds it took."""
    command = [sys.executable, "-c", FETCH, repo_id, revision]
    done = subprocess.run(
        command,
        env=os.environ | hub.environment(home) | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return tuple(json.loads(done.stdout))


NOWHERE = {"HF_ENDPOINT": "http://127.0.0.1:9"}  # nothing listens there: a connection is refused at once
NEW = {"a.json": "new", "b.json": "more"}


def test_a_repository_arrives_once_and_is_there_afterwards_without_the_hub(hub, tmp_path):
    assert fetch(hub, tmp_path)[0] == NEW
    assert fetch(hub, tmp_path, revision="v1")[0] == {"a.json": "old"}
    asked = len(hub.asked)
    for nowhere in (NOWHERE, {"HF_HUB_OFFLINE": "1"}):
        found, seconds = fetch(hub, tmp_path, **nowhere)
        assert found == NEW and seconds < 5
        assert fetch(hub, tmp_path, revision="v1", **nowhere)[0] == {"a.json": "old"}
    assert len(hub.asked) == asked
    hub.faults = [Fault("GET /api/", 503, times=99)]
    assert fetch(hub, tmp_path)[0] == NEW


def test_what_is_neither_there_nor_cached_is_one_line_within_seconds(hub, tmp_path):
    found, seconds = fetch(hub, tmp_path, **NOWHERE)
    assert found.startswith(f"the Hub cannot be reached, and {REPO} is not cached") and "\n" not in found
    assert seconds < 5
    assert "offline" in fetch(hub, tmp_path, HF_HUB_OFFLINE="1")[0]
    assert "Repository Not Found" in fetch(hub, tmp_path, "somebody/else")[0]
    assert "Revision Not Found" in fetch(hub, tmp_path, revision="v9")[0]
    assert "repo id" in fetch(hub, tmp_path, "a/b/c")[0].lower()


@pytest.mark.parametrize("how", ["cut", 503])
def test_a_hub_that_stumbles_is_asked_again(hub, tmp_path, how):
    hub.faults = [Fault("GET /api/", how, times=3)]
    assert fetch(hub, tmp_path)[0] == NEW
    assert hub.faults[0].times == 0
