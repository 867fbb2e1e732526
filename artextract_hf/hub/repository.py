"""What becomes a repository of the Hub: written to a folder to be looked at, or pushed.

repository = model_repository("runs/crnn/best", "somebody/crnn")    # likewise dataset_, index_, space_repository
repository.write(Path("look_at_it"))                                # its files, and nothing is pushed
publish(repository, tag="v1.0")                                     # its files, as one commit on the Hub
"""

import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi
from huggingface_hub.utils import HFValidationError, validate_repo_id

from artextract_hf.data.sources.named_files import first_elsewhere, homes, is_inside
from artextract_hf.errors import ArtExtractError
from artextract_hf.hub.push import push_folder, refusal
from artextract_hf.outputs import replacement
from artextract_hf.remote import ask_hub


@dataclass(frozen=True)
class Repository:
    """A repository of the Hub before it is written.

    Attributes:
        kind: `model`, `dataset` or `space`.
        repo_id: `owner/name`.
        write: puts its files into a folder, which is made where there is none, and returns a report about them.
        replaces: patterns of files of an earlier version that are deleted unless they are written again.
        variables: of a Space, its settings by name.
        source: the folder that is published, into which it is not written.
    """

    kind: str
    repo_id: str
    write: Callable[[Path], dict[str, Any]]
    replaces: Sequence[str] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    source: Path | None = None

    def __post_init__(self) -> None:
        check_repo_id(self.repo_id)


def check_repo_id(name: str) -> None:
    """Refuse what the Hub would, before it stands in a card.

    Raises:
        ArtExtractError: no repository can be called so.
    """
    try:
        validate_repo_id(name)
    except HFValidationError as error:
        raise ArtExtractError(f"{name!r} is no name of a repository: {error}") from None


def check_tag(tag: str) -> None:
    """Refuse what can name no version in Git, before anything is written or pushed.

    Raises:
        ArtExtractError: no version can be called so.
    """
    if tag and (
        not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}", tag) or ".." in tag or tag.endswith((".", ".lock"))
    ):
        raise ArtExtractError(f"{tag[:100]!r} is no name of a version; it takes letters, digits, . _ + -, as in v1.0.")


def publish(repository: Repository, *, private: bool = False, tag: str = "") -> dict[str, Any]:
    """Write a repository and push it to the Hub in one commit.

    Args:
        repository: what is pushed.
        private: make the repository private where it is new.
        tag: a version that names the commit, and that must not exist yet.

    Returns:
        What `repository.write` reports, with the `url`.

    Raises:
        ArtExtractError: what is published cannot be used, the tag exists, or the Hub refused or cannot be reached.
    """
    check_tag(tag)
    repo_id, kind = repository.repo_id, repository.kind
    with tempfile.TemporaryDirectory(prefix="artextract-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        report = repository.write(folder)
        url = push_folder(folder, repo_id, kind=kind, private=private, replaces=repository.replaces, tag=tag)
    if repository.variables:
        ask_hub(lambda: _set_variables(repository), refusal(repo_id))
    return report | {"url": url}


def publish_or_write(
    repository: Repository, folder: Path | None, *, private: bool = False, tag: str = ""
) -> dict[str, Any]:
    """Publish a repository or, where a folder is given, only write it there.

    Returns:
        What `repository.write` reports; with the `url` where it was published.
    """
    check_tag(tag)
    if folder is None:
        return publish(repository, private=private, tag=tag)
    with new_folder(folder, [repository]) as new:
        return repository.write(new)


@contextmanager
def new_folder(folder: str | Path, repositories: Iterable[Repository]) -> Iterator[Path]:
    """An empty folder that becomes `folder` as a whole, with what these repositories hold.

    Raises:
        ArtExtractError: there is something in it already, which may be a link to elsewhere, or it cannot be written; or
            it lies in a folder that is published, and would be a part of it the next time.
    """
    folder = Path(folder)
    for source in filter(None, (repository.source for repository in repositories)):
        if is_inside(folder, source):
            raise ArtExtractError(f"{folder} lies in {source}, which is published; choose a folder outside it.")
    if folder.is_dir() and any(folder.iterdir()):
        raise ArtExtractError(f"{folder} is not empty; delete it, or choose another folder.")
    with replacement(folder) as new:
        yield new


def refuse_links_out(files: Iterable[Path], folder: Path) -> None:
    """Refuse to publish what lies elsewhere than in the folder that is published, links followed.

    Args:
        files: of the folder.
        folder: that is published; it may be a snapshot in the Hub's cache.

    Raises:
        ArtExtractError: one is a link out of the folder.
    """
    if file := first_elsewhere(files, homes(folder)):
        raise ArtExtractError(f"{file} is a link out of {folder}; put what is to be published into the folder.")


def list_files(folder: Path) -> dict[str, Any]:
    """The names of all files below a folder and their size: `files` and `bytes`."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    names = [path.relative_to(folder).as_posix() for path in files]
    return {"files": names, "bytes": sum(path.stat().st_size for path in files)}


def _set_variables(repository: Repository) -> None:
    api = HfApi()
    for name, value in repository.variables.items():
        api.add_space_variable(repository.repo_id, name, value)
