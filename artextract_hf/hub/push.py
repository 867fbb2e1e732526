"""A folder becomes one commit of a repository on the Hub, whatever the network does in between.

The client repeats what it can while files travel; a commit it does not. Here the whole push is repeated: what has
arrived is recognised by its checksum and not sent again, and a commit whose answer was lost is recognised as made.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import httpx2
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

import artextract_hf
from artextract_hf.errors import ArtExtractError

Answer = TypeVar("Answer")

ATTEMPTS = 5
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 60.0
CONFLICT, TOO_MANY = 412, 429  # somebody else committed meanwhile; asked too often


def push_folder(
    folder: str | Path,
    repo_id: str,
    *,
    kind: str,
    private: bool = False,
    replaces: Sequence[str] = (),
    tag: str = "",
    space_sdk: str | None = None,
) -> str:
    """Push a folder and give the repository's address.

    Args:
        folder: what the repository is to hold.
        repo_id: `owner/name`.
        kind: `model`, `dataset` or `space`.
        private: make the repository private where it is new.
        replaces: patterns of files that go if the folder does not hold them.
        tag: a version; it names the commit, and must not exist yet.
        space_sdk: of a space.

    Raises:
        ArtExtractError: the tag exists, the Hub refused, or it could not be reached in several attempts.
    """
    api = HfApi()
    if tag and tag in tags_of(repo_id, kind=kind):
        raise ArtExtractError(f"{repo_id} has a version {tag} already; versions stay as they are, choose another.")

    def push() -> str:
        url = api.create_repo(repo_id, repo_type=kind, private=private, exist_ok=True, space_sdk=space_sdk)
        commit = api.upload_folder(
            folder_path=folder,
            repo_id=repo_id,
            repo_type=kind,
            commit_message=f"Publish with artextract-hf {artextract_hf.__version__}",
            delete_patterns=list(replaces) or None,
        )
        if tag:
            api.create_tag(repo_id, tag=tag, revision=commit.oid, repo_type=kind, exist_ok=True)
        return str(url)

    return insist(push, what=repo_id)


def tags_of(repo_id: str, *, kind: str) -> set[str]:
    """The versions that a repository has; none where it does not exist.

    Raises:
        ArtExtractError: the Hub refused, or cannot be reached.
    """

    def ask() -> set[str]:
        try:
            return {tag.name for tag in HfApi().list_repo_refs(repo_id, repo_type=kind).tags}
        except RepositoryNotFoundError:
            return set()

    return insist(ask, what=repo_id)


def insist(action: Callable[[], Answer], *, what: str) -> Answer:
    """Repeat a call to the Hub while it may still succeed.

    Args:
        action: may be repeated without harm.
        what: is published, for the message.

    Raises:
        ArtExtractError: refused, or not done in ATTEMPTS attempts.
    """
    wait = FIRST_WAIT_S
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return action()
        except (HfHubHTTPError, httpx2.HTTPError, OSError, ValueError) as error:
            if attempt == ATTEMPTS or not _may_pass(error):
                reason = str(error).strip().splitlines()[0]
                raise ArtExtractError(f"{what} could not be published: {reason}") from None
            time.sleep(_wait_of(error, wait))
            wait = min(2 * wait, LONGEST_WAIT_S)
    raise AssertionError("unreachable")


def _may_pass(error: Exception) -> bool:
    """Whether another attempt may go better."""
    if isinstance(error, HfHubHTTPError) and error.response is not None:
        return error.response.status_code in (CONFLICT, TOO_MANY) or error.response.status_code >= 500
    return isinstance(error, httpx2.TransportError | ConnectionError | TimeoutError)


def _wait_of(error: Exception, otherwise: float) -> float:
    """Seconds: what the Hub asks for, else `otherwise`."""
    response = getattr(error, "response", None)
    asked = response.headers.get("Retry-After", "") if response is not None else ""
    return min(float(asked), LONGEST_WAIT_S) if asked.isdigit() else otherwise
