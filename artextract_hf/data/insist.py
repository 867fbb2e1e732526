"""Calls to the Hub that are repeated while they may still succeed: the client itself gives up on many of them."""

import time
from collections.abc import Callable
from typing import TypeVar

import httpx2
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

Answer = TypeVar("Answer")

ATTEMPTS = 5
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 60.0
CONFLICT, TOO_MANY = 412, 429  # somebody else committed meanwhile; asked too often
REFUSED = (HfHubHTTPError, httpx2.HTTPError, OSError, ValueError)  # what the client raises, whatever the reason


def insist(action: Callable[[], Answer]) -> Answer:
    """The answer of a call that may be repeated without harm; waits in between as the Hub asks, or longer each time.

    Raises:
        Exception: what the client raised last, one of REFUSED.
    """
    wait = FIRST_WAIT_S
    for _ in range(ATTEMPTS - 1):
        try:
            return action()
        except REFUSED as error:
            if not _may_pass(error):
                raise
            time.sleep(_wait_of(error, wait))
            wait = min(2 * wait, LONGEST_WAIT_S)
    return action()


def _may_pass(error: Exception) -> bool:
    """Whether another attempt may go better."""
    if isinstance(error, HfHubHTTPError) and error.response is not None:
        return error.response.status_code in (CONFLICT, TOO_MANY) or error.response.status_code >= 500
    passing = isinstance(error, httpx2.TransportError | ConnectionError | TimeoutError)
    return passing and not isinstance(error, OfflineModeIsEnabled)


def _wait_of(error: Exception, otherwise: float) -> float:
    """Seconds: what the Hub asks for, else `otherwise`."""
    response = getattr(error, "response", None)
    asked = response.headers.get("Retry-After", "") if response is not None else ""
    return min(float(asked), LONGEST_WAIT_S) if asked.isdigit() else otherwise
