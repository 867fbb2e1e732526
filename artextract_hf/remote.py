"""Calls to the Hub: repeated while they may still succeed, and refused in one sentence.

The client itself gives up on many errors that pass. Set ARTEXTRACT_RETRY_WAIT_S to shorten or lengthen the first pause.
"""

import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import httpx2
from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
)

from artextract_hf.errors import ArtExtractError, first_line

Answer = TypeVar("Answer")

ATTEMPTS = 5
FIRST_WAIT_S = 1.0  # unless ARTEXTRACT_RETRY_WAIT_S says otherwise; each further pause is twice as long
LONGEST_WAIT_S = 60.0
REACH_TIMEOUT_S = 5  # for the question whether the Hub can be reached; snapshot_download itself would retry for 23 s
CONFLICT, TOO_MANY = 412, 429  # somebody else committed meanwhile; asked too often
# What the client raises: HTTP and the network (HfHubHTTPError is one); files, and the offline mode; names, cards and
# answers that it finds malformed; uploads that failed. Wide, so an action holds calls of the client and nothing else.
FAILURES = (httpx2.HTTPError, OSError, ValueError, RuntimeError)
UNREACHABLE = (httpx2.ConnectError, httpx2.TimeoutException, httpx2.UnsupportedProtocol, OfflineModeIsEnabled)


def retry(action: Callable[[], Answer]) -> Answer:
    """The answer of a call that may be repeated without harm; pauses as the Hub asks, or longer each time.

    Raises:
        Exception: what the client raised last, one of FAILURES.
        ArtExtractError: ARTEXTRACT_RETRY_WAIT_S is no number of seconds.
    """
    wait = first_wait()
    for _ in range(ATTEMPTS - 1):
        try:
            return action()
        except FAILURES as error:
            if not may_pass(error):
                raise
            time.sleep(pause(error, wait))
            wait = min(2 * wait, LONGEST_WAIT_S)
    return action()


def ask_hub(action: Callable[[], Answer], refused: Callable[[str], ArtExtractError]) -> Answer:
    """`retry`, with one of our own errors for a refusal.

    Args:
        action: calls of the Hub's client, and nothing else.
        refused: makes the error from the client's reason, which is one line.

    Raises:
        ArtExtractError: what `refused` makes.
    """
    try:
        return retry(action)
    except ArtExtractError:
        raise
    except FAILURES as error:
        raise refused(reason(error)) from None


def download_snapshot(
    repo_id: str,
    refused: Callable[[str], ArtExtractError],
    *,
    kind: str = "model",
    revision: str | None = None,
    allow: Sequence[str] | None = None,
    ignore: Sequence[str] | None = None,
) -> Path:
    """The folder with the files of a repository, as `snapshot` gives it.

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
    patterns = {"allow_patterns": allow, "ignore_patterns": ignore}
    return ask_hub(partial(snapshot, repo_id, kind=kind, revision=revision, **patterns), refused)


def snapshot(repo_id: str, *, kind: str = "model", revision: str | None = None, **options: Any) -> Path:
    """One attempt to fetch a repository; where the Hub cannot be reached, what the cache has, within seconds.

    Args:
        repo_id: `owner/name`.
        kind: `model`, `dataset` or `space`.
        revision: a branch, a tag or a commit.
        options: further arguments of huggingface_hub's `snapshot_download`, such as `token` or `allow_patterns`.

    Raises:
        Exception: one of FAILURES; `is_absent` tells a repository that is missing from one that is refused.
    """
    wanted: dict[str, Any] = {"repo_type": kind, "revision": revision}
    if options.get("local_files_only"):
        return Path(snapshot_download(repo_id, **wanted, **options))
    try:
        HfApi(token=options.get("token")).repo_info(repo_id, **wanted, timeout=REACH_TIMEOUT_S)
    except (httpx2.TransportError, OfflineModeIsEnabled, HfHubHTTPError) as error:
        if not _is_down(error):
            raise
        return _cached(repo_id, error, **wanted, **options)
    return Path(snapshot_download(repo_id, **wanted, **options))


def _cached(repo_id: str, error: Exception, **options: Any) -> Path:
    """What the cache has of a repository, after the Hub failed with `error`."""
    try:
        return Path(snapshot_download(repo_id, **{**options, "local_files_only": True}))
    except LocalEntryNotFoundError:
        if isinstance(error, UNREACHABLE):
            message = f"the Hub cannot be reached, and {repo_id} is not cached: {first_line(error)}"
            raise LocalEntryNotFoundError(message) from None  # which is final: to wait longer would help nobody
        raise error from None  # the Hub is there, and may answer the next time


def is_absent(error: BaseException) -> bool:
    """Whether there is no such repository, or no way to the Hub; not where a revision is missing or access denied."""
    if isinstance(error, RepositoryNotFoundError):
        return not isinstance(error, GatedRepoError)
    return isinstance(error, LocalEntryNotFoundError) or _is_down(error)


def _is_down(error: BaseException) -> bool:
    """Whether the Hub did not answer, or answered that something is wrong with itself."""
    if isinstance(error, HfHubHTTPError):
        return error.response.status_code >= 500
    return isinstance(error, httpx2.TransportError | OfflineModeIsEnabled)


def may_pass(error: BaseException) -> bool:
    """Whether another attempt may go better."""
    cause = error.__cause__
    if isinstance(error, LocalEntryNotFoundError):  # the client's, also where the Hub answered 5xx
        return isinstance(cause, HfHubHTTPError) and may_pass(cause)
    if isinstance(error, RuntimeError):  # the client's, around what went wrong while a file was sent
        return cause is not None and may_pass(cause)
    if isinstance(error, HfHubHTTPError):
        return error.response.status_code in (CONFLICT, TOO_MANY) or error.response.status_code >= 500
    passing = isinstance(error, httpx2.TransportError | ConnectionError | TimeoutError)
    return passing and not isinstance(error, httpx2.UnsupportedProtocol | OfflineModeIsEnabled)


def first_wait() -> float:
    """Seconds before the second attempt.

    Raises:
        ArtExtractError: ARTEXTRACT_RETRY_WAIT_S is no number of seconds.
    """
    given = os.environ.get("ARTEXTRACT_RETRY_WAIT_S", "")
    try:
        wait = float(given or FIRST_WAIT_S)
    except ValueError:
        wait = -1.0
    if not 0 <= wait <= LONGEST_WAIT_S:
        raise ArtExtractError(
            f"ARTEXTRACT_RETRY_WAIT_S is {given!r}; it takes seconds, from 0 to {LONGEST_WAIT_S:.0f}."
        )
    return wait


def pause(error: BaseException, otherwise: float) -> float:
    """Seconds to wait after an error: what the Hub asks for, at most LONGEST_WAIT_S, else `otherwise`."""
    response = getattr(error, "response", None)
    asked = response.headers.get("Retry-After", "") if response is not None else ""
    return min(float(asked), LONGEST_WAIT_S) if asked.isdigit() else otherwise


def reason(error: BaseException) -> str:
    """Why the Hub refused, in one line."""
    if isinstance(error, RuntimeError) and error.__cause__ is not None:
        return f"{first_line(error)} {reason(error.__cause__)}"
    if isinstance(error, HfHubHTTPError):  # the first line is the status; the second says what it is about
        return " ".join([line.strip() for line in str(error).splitlines() if line.strip()][:2])
    return first_line(error)
