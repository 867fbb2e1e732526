"""Calls to the Hub: repeated while they may still succeed, and refused in one sentence.

The client itself gives up on many errors that pass. ARTEXTRACT_RETRY_WAIT_S shortens or lengthens the first pause.
"""

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import httpx2
from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

from artextract_hf.errors import ArtExtractError

Answer = TypeVar("Answer")

ATTEMPTS = 5
FIRST_WAIT_S = float(os.environ.get("ARTEXTRACT_RETRY_WAIT_S", "1"))
LONGEST_WAIT_S = 60.0
REACH_TIMEOUT_S = 5  # for the question whether the Hub can be reached; snapshot_download itself would retry for 23 s
CONFLICT, TOO_MANY = 412, 429  # somebody else committed meanwhile; asked too often
FAILURES = (HfHubHTTPError, httpx2.HTTPError, OSError, ValueError)  # what the client raises, whatever the reason


def retry(action: Callable[[], Answer]) -> Answer:
    """The answer of a call that may be repeated without harm; pauses as the Hub asks, or longer each time.

    Raises:
        Exception: what the client raised last, one of FAILURES.
    """
    wait = FIRST_WAIT_S
    for _ in range(ATTEMPTS - 1):
        try:
            return action()
        except FAILURES as error:
            if not _may_pass(error):
                raise
            time.sleep(_wait_of(error, wait))
            wait = min(2 * wait, LONGEST_WAIT_S)
    return action()


def ask_hub(action: Callable[[], Answer], refused: Callable[[str], ArtExtractError]) -> Answer:
    """`retry`, with one of our own errors for a refusal.

    Args:
        action: a call to the Hub.
        refused: makes the error from the client's reason, which is one line.

    Raises:
        ArtExtractError: what `refused` makes.
    """
    try:
        return retry(action)
    except ArtExtractError:
        raise
    except FAILURES as error:
        raise refused(first_line(error)) from None


def download_snapshot(
    repo_id: str,
    refused: Callable[[str], ArtExtractError],
    *,
    kind: str = "model",
    revision: str | None = None,
    allow: Sequence[str] | None = None,
    ignore: Sequence[str] | None = None,
) -> Path:
    """The folder with the files of a repository: fetched, or what the cache has where the Hub cannot be reached.

    Args:
        repo_id: `owner/name`.
        refused: as for `ask_hub`.
        kind: `model`, `dataset` or `space`.
        revision: a branch, a tag or a commit.
        allow: patterns of the files that are wanted; all by default.
        ignore: patterns of those that are not.

    Raises:
        ArtExtractError: there is no such repository, or neither the Hub nor the cache gives it.
    """

    def download() -> Path:
        try:
            HfApi().repo_info(repo_id, repo_type=kind, revision=revision, timeout=REACH_TIMEOUT_S)
            reachable = True
        except (httpx2.TransportError, OfflineModeIsEnabled):
            reachable = False
        folder = snapshot_download(
            repo_id,
            repo_type=kind,
            revision=revision,
            allow_patterns=allow,
            ignore_patterns=ignore,
            local_files_only=not reachable,
        )
        return Path(folder)

    return ask_hub(download, refused)


def first_line(error: BaseException) -> str:
    """What an error says, in one line; its kind where it says nothing."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


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
