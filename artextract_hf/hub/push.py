"""A folder becomes one commit of a repository on the Hub, even if the network fails in between.

The client repeats what it can while files travel; a commit it does not. Here the whole push is repeated: what has
arrived is recognised by its checksum and not sent again, and a commit whose answer was lost is recognised as made.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.errors import RepositoryNotFoundError
from huggingface_hub.utils import filter_repo_objects

from artextract_hf.errors import ArtExtractError
from artextract_hf.remote import ask_hub
from artextract_hf.version import __version__

SPACE_SDK = "gradio"


def push_folder(
    folder: str | Path,
    repo_id: str,
    *,
    kind: str,
    private: bool = False,
    replaces: Sequence[str] = (),
    tag: str = "",
) -> str:
    """Push a folder and give the repository's address.

    Args:
        folder: what the repository is to hold.
        repo_id: `owner/name`.
        kind: `model`, `dataset` or `space`.
        private: make the repository private where it is new.
        replaces: patterns of files that go if the folder does not hold them.
        tag: a version; it names the commit, and must not exist yet.

    Raises:
        ArtExtractError: the tag exists, the Hub refused, or it could not be reached in several attempts.
    """
    api = HfApi()
    if tag and tag in tags_of(repo_id, kind=kind):
        raise ArtExtractError(f"{repo_id} has a version {tag} already; versions stay as they are, choose another.")

    def push() -> str:
        sdk = SPACE_SDK if kind == "space" else None
        url = api.create_repo(repo_id, repo_type=kind, private=private, exist_ok=True, space_sdk=sdk)
        # Not `upload_folder`, which with Xet makes a commit of every 250 files or so: half a push could stay.
        commit = api.create_commit(
            repo_id,
            [
                *additions(Path(folder)),
                *deletions(Path(folder), api.list_repo_files(repo_id, repo_type=kind), replaces),
            ],
            commit_message=f"Publish with artextract-hf {__version__}",
            repo_type=kind,
        )
        if tag:
            api.create_tag(repo_id, tag=tag, revision=commit.oid, repo_type=kind, exist_ok=True)
        return str(url)

    return ask_hub(push, refusal(repo_id))


def additions(folder: Path) -> list[CommitOperationAdd]:
    """Every file of a folder, at its place."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [CommitOperationAdd(file.relative_to(folder).as_posix(), file) for file in files]


def deletions(folder: Path, there: Sequence[str], patterns: Sequence[str]) -> list[CommitOperationDelete]:
    """The files of a repository that match a pattern and that the folder does not hold."""
    gone = [name for name in filter_repo_objects(there, allow_patterns=list(patterns)) if not (folder / name).is_file()]
    return [CommitOperationDelete(name) for name in gone]


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

    return ask_hub(ask, refusal(repo_id))


def refusal(what: str) -> Callable[[str], ArtExtractError]:
    """The error for what the Hub did not take, made from its reason."""
    return lambda reason: ArtExtractError(f"{what} could not be published: {reason}")
