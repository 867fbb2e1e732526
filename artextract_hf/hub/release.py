"""A whole release from one YAML file: model, embedder, data set, index and Space of one version, and their collection.

    namespace: somebody
    version: v1.0
    collection: Paintings            # title; leave it out for none
    parts:
      - {kind: model, name: crnn-wikiart, path: runs/crnn_best/best}
      - {kind: index, name: museum-index, path: index}
      - {kind: space, name: artextract, path: spaces_app, model: crnn-wikiart, index: museum-index}

A part whose repository has the version already is left alone: a release that was interrupted goes on where it stopped.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import yaml
from huggingface_hub import HfApi

from artextract_hf.errors import DataError
from artextract_hf.hub.dataset_repo import publish_dataset, write_dataset_repo
from artextract_hf.hub.index_repo import publish_index, write_index_repo
from artextract_hf.hub.model_repo import publish_model, write_model_repo
from artextract_hf.hub.push import refusal, tags_of
from artextract_hf.hub.space_repo import publish_space, write_space_repo
from artextract_hf.remote import ask_hub

REPOSITORIES = {"model": "model", "embedder": "model", "dataset": "dataset", "index": "dataset", "space": "space"}
DONE, PUBLISHED, PLANNED = "already there", "published", "would be pushed"


@dataclass(frozen=True)
class Part:
    """One repository of a release.

    Args:
        kind: `model`, `embedder`, `dataset`, `index` or `space`.
        name: of the repository, without the namespace.
        path: what is published.
        model: of a Space: the name of the part that it shows; the embedded model where empty.
        index: of a Space: likewise; procedural paintings where empty.
        dataset: of a model or an embedder: the name of the part that its figures were taken on.
        allow_restricted: of a data set or an index: publish also pictures without an open licence.
    """

    kind: str
    name: str
    path: str
    model: str = ""
    index: str = ""
    dataset: str = ""
    allow_restricted: bool = False

    def __post_init__(self) -> None:
        if self.kind not in REPOSITORIES:
            raise DataError(f"a release has no part of kind {self.kind!r}; the kinds are {', '.join(REPOSITORIES)}.")


@dataclass(frozen=True)
class Release:
    """What is released: its parts, in the order in which they are pushed (what a Space names comes before it)."""

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
            parts = [Part(**vars(part) | {"path": str(path.parent / part.path)}) for part in parts]
            return cls(parts=tuple(parts), **values)
        except (TypeError, KeyError, AttributeError, yaml.YAMLError) as error:
            raise DataError(f"{path} is no release: {str(error).splitlines()[0]}.") from None

    def repo_id(self, name: str) -> str:
        """`namespace/name`; a name with a namespace, or none at all, as it is."""
        return f"{self.namespace}/{name}" if name and "/" not in name else name


def plan(release: Release, folder: str | Path) -> list[dict[str, Any]]:
    """Write every part's repository below `folder`, push nothing, and say what would be pushed."""
    found = []
    for part in release.parts:
        repo_id = release.repo_id(part.name)
        report = _write_part(release, part, repo_id, Path(folder) / part.name)
        found.append({"kind": part.kind, "repo_id": repo_id, "state": PLANNED, "files": report["files"]})
    return found


def publish(release: Release) -> list[dict[str, Any]]:
    """Push every part that does not have the version yet, then the collection.

    Returns:
        `kind`, `repo_id` and `state` of each part.

    Raises:
        ArtExtractError: a part cannot be published; those before it stay, and the same call goes on from there.
    """
    found = []
    for part in release.parts:
        repo_id = release.repo_id(part.name)
        there = release.version in tags_of(repo_id, kind=REPOSITORIES[part.kind])
        if not there:
            _publish_part(release, part, repo_id)
        found.append({"kind": part.kind, "repo_id": repo_id, "state": DONE if there else PUBLISHED})
    if release.collection:
        ask_hub(lambda: _collect(release), refusal(f"the collection {release.collection!r}"))
    return found


def _publish_part(release: Release, part: Part, repo_id: str) -> None:
    private, tag = release.private, release.version
    if part.kind in ("model", "embedder"):
        publish_model(part.path, repo_id, dataset=release.repo_id(part.dataset), private=private, tag=tag)
    elif part.kind == "space":
        model, index = release.repo_id(part.model), release.repo_id(part.index)
        publish_space(part.path, repo_id, model=model, index=index, private=private, tag=tag)
    else:
        push = publish_dataset if part.kind == "dataset" else publish_index
        push(part.path, repo_id, allow_restricted=part.allow_restricted, private=private, tag=tag)


def _write_part(release: Release, part: Part, repo_id: str, folder: Path) -> dict[str, Any]:
    if part.kind in ("model", "embedder"):
        return write_model_repo(part.path, folder, repo_id=repo_id, dataset=release.repo_id(part.dataset))
    if part.kind == "space":
        return write_space_repo(part.path, folder, model=release.repo_id(part.model), index=release.repo_id(part.index))
    write = write_dataset_repo if part.kind == "dataset" else write_index_repo
    return write(part.path, folder, repo_id=repo_id, allow_restricted=part.allow_restricted)


def _collect(release: Release) -> None:
    """One collection with all parts; what is in it already stays."""
    api = HfApi()
    slug = api.create_collection(
        release.collection, namespace=release.namespace, private=release.private, exists_ok=True
    ).slug
    for part in release.parts:
        kind: Any = REPOSITORIES[part.kind]
        api.add_collection_item(slug, release.repo_id(part.name), item_type=kind, exists_ok=True)
