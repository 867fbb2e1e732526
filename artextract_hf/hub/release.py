"""A whole release from one YAML file: model, embedder, data set, index and Space of one version, and their collection.

    namespace: somebody
    version: v1.0
    collection: Paintings            # title; leave it out for none
    parts:
      - {kind: model, name: crnn-wikiart, path: runs/crnn_best/best}
      - {kind: index, name: museum-index, path: index}
      - {kind: space, name: artextract, model: crnn-wikiart, index: museum-index}

A part whose repository has the version already is not pushed again: a release that was interrupted goes on where it
stopped.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import yaml
from huggingface_hub import HfApi

from artextract_hf.errors import DataError
from artextract_hf.hub.dataset_repo import dataset_repository
from artextract_hf.hub.index_repo import index_repository
from artextract_hf.hub.model_repo import model_repository
from artextract_hf.hub.push import refusal, tags_of
from artextract_hf.hub.repository import Repository, new_folder, publish
from artextract_hf.hub.space_repo import space_repository
from artextract_hf.remote import ask_hub

# kind of a part: what makes it a repository, and which keys of the part that takes
KINDS: dict[str, tuple[Callable[..., Repository], tuple[str, ...]]] = {
    "model": (model_repository, ("dataset",)),
    "embedder": (model_repository, ("dataset",)),
    "dataset": (dataset_repository, ("allow_restricted",)),
    "index": (index_repository, ("allow_restricted",)),
    "space": (space_repository, ("model", "index", "embedder")),
}
NAMES = ("model", "index", "embedder", "dataset")  # keys of a part that name another part
DONE, PUBLISHED, PLANNED = "already there", "published", "would be pushed"


@dataclass(frozen=True)
class Part:
    """One repository of a release.

    Args:
        kind: `model`, `embedder`, `dataset`, `index` or `space`.
        name: of the repository, without the namespace.
        path: what is published; of a Space the folder `spaces_app`, that of this package where empty.
        model: of a Space: the name of the part that it shows; the embedded model where empty.
        index: of a Space: likewise; procedural paintings where empty.
        embedder: of a Space: likewise, the network that its index was built with; the model where empty.
        dataset: of a model or an embedder: the name of the part that its figures were taken on.
        allow_restricted: of a data set or an index: publish also pictures without an open licence.
    """

    kind: str
    name: str
    path: str = ""
    model: str = ""
    index: str = ""
    embedder: str = ""
    dataset: str = ""
    allow_restricted: bool = False

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise DataError(f"a release has no part of kind {self.kind!r}; the kinds are {', '.join(KINDS)}.")
        if not self.path and self.kind != "space":
            raise DataError(f"the part {self.name!r} of the release has no path.")


@dataclass(frozen=True)
class Release:
    """The parts of a version, in the order in which they are pushed; what a Space names comes before it."""

    namespace: str
    version: str
    parts: tuple[Part, ...]
    collection: str = ""
    private: bool = False

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a YAML file; paths in it are relative to it.

        Raises:
            DataError: no such file, or a key that is missing or unknown.
        """
        path = Path(path)
        if not path.is_file():
            raise DataError(f"there is no release file {path}.")
        try:
            values = yaml.safe_load(path.read_text(encoding="utf-8"))
            parts = [Part(**part) for part in values.pop("parts")]
            parts = [replace(part, path=str(path.parent / part.path)) if part.path else part for part in parts]
            return cls(parts=tuple(parts), **values)
        except (TypeError, LookupError, AttributeError, ValueError, RecursionError, yaml.YAMLError) as error:
            # ValueError: also YAML's dates and numbers that are none
            raise DataError(f"{path} is no release: {str(error).splitlines()[0]}.") from None

    def repo_id(self, name: str) -> str:
        """`namespace/name`; a name with a namespace, or none at all, as it is."""
        return f"{self.namespace}/{name}" if name and "/" not in name else name

    def repository(self, part: Part) -> Repository:
        """What a part becomes; names of other parts become those of their repositories."""
        make, keys = KINDS[part.kind]
        options = {key: getattr(part, key) for key in keys}
        options |= {key: self.repo_id(name) for key, name in options.items() if key in NAMES}
        return make(part.path, self.repo_id(part.name), **options)


def plan_release(release: Release, folder: str | Path) -> list[dict[str, Any]]:
    """Write every part's repository below a new folder, push nothing, and say what would be pushed."""
    found = []
    with new_folder(folder) as new:
        for part in release.parts:
            repository = release.repository(part)
            report = repository.write(new / part.name)
            found.append({"kind": part.kind, "repo_id": repository.repo_id, "state": PLANNED, "files": report["files"]})
    return found


def publish_release(release: Release) -> list[dict[str, Any]]:
    """Push every part that does not have the version yet, then the collection.

    Returns:
        `kind`, `repo_id` and `state` of each part.

    Raises:
        ArtExtractError: a part cannot be published; those before it stay, and the same call goes on from there.
    """
    found = []
    for part in release.parts:
        repository = release.repository(part)
        there = release.version in tags_of(repository.repo_id, kind=repository.kind)
        if not there:
            publish(repository, private=release.private, tag=release.version)
        found.append({"kind": part.kind, "repo_id": repository.repo_id, "state": DONE if there else PUBLISHED})
    if release.collection:
        ask_hub(lambda: _add_to_collection(release), refusal(f"the collection {release.collection!r}"))
    return found


def _add_to_collection(release: Release) -> None:
    """One collection with all parts; what is in it already stays."""
    api = HfApi()
    slug = api.create_collection(
        release.collection, namespace=release.namespace, private=release.private, exists_ok=True
    ).slug
    for part in release.parts:
        repository = release.repository(part)
        kind: Any = repository.kind
        api.add_collection_item(slug, repository.repo_id, item_type=kind, exists_ok=True)
