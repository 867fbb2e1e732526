import httpx2
import pytest
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

from artextract_hf import remote as module
from artextract_hf.remote import ATTEMPTS, retry


def refusal(status: int, **headers: str) -> HfHubHTTPError:
    request = httpx2.Request("GET", "http://hub.example")
    return HfHubHTTPError(str(status), response=httpx2.Response(status, headers=headers, request=request))


@pytest.fixture
def waits(monkeypatch) -> list[float]:
    found: list[float] = []
    monkeypatch.setattr(module.time, "sleep", found.append)
    return found


class Calls:
    """Fails as told, then answers."""

    def __init__(self, *errors: Exception) -> None:
        self.errors, self.number = list(errors), 0

    def __call__(self) -> str:
        self.number += 1
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


def test_what_may_pass_is_repeated_with_growing_waits(waits):
    calls = Calls(refusal(500), httpx2.ReadError("cut"), refusal(412))
    assert retry(calls) == "answer" and calls.number == 4
    assert waits == [1.0, 2.0, 4.0]


def test_the_hubs_own_wait_is_kept_up_to_a_minute(waits):
    assert retry(Calls(refusal(429, **{"Retry-After": "7"}), refusal(429, **{"Retry-After": "900"}))) == "answer"
    assert waits == [7.0, 60.0]


@pytest.mark.parametrize("error", [refusal(403), refusal(404), ValueError("bad"), OfflineModeIsEnabled("offline")])
def test_a_refusal_is_final(waits, error):
    calls = Calls(error)
    with pytest.raises(type(error)):
        retry(calls)
    assert calls.number == 1 and not waits


def test_it_gives_up_in_the_end(waits):
    calls = Calls(*[refusal(503)] * 99)
    with pytest.raises(HfHubHTTPError):
        retry(calls)
    assert calls.number == ATTEMPTS and len(waits) == ATTEMPTS - 1
