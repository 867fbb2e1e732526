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

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields, replace
from pathlib import Path
from typing import Any, Self

import yaml
from huggingface_hub import HfApi
from yaml.constructor import ConstructorError

from artextract_hf.documents import PlainYaml
from artextract_hf.errors import DataError, first_line
from artextract_hf.hub.dataset_repo import dataset_repository
from artextract_hf.hub.index_repo import index_repository
from artextract_hf.hub.model_repo import model_repository
from artextract_hf.hub.push import refusal, tags_of
from artextract_hf.hub.repository import Repository, check_tag, new_folder, publish
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
WORDS: dict[Any, str] = {str: 'a text; write it in quotes, as in "1.0"', bool: "true or false"}
SHOWN = 60  # characters of a wrong value
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
        _check_kinds(self, f"the part {self.name!r}")
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

    def __post_init__(self) -> None:
        _check_kinds(self, "the release")
        check_tag(self.version)
        names = Counter(self.repo_id(part.name) for part in self.parts)
        if twice := [name for name, count in names.items() if count > 1]:
            raise DataError(f"two parts of the release are called {twice[0]}; give each a name of its own.")

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a YAML file; paths in it are relative to it.

        Raises:
            DataError: no such file, a key that is missing, unknown or given twice, or a value of another kind.
        """
        path = Path(path)
        if not path.is_file():
            raise DataError(f"there is no release file {path}.")
        try:
            values = _keys(cls, yaml.load(path.read_text(encoding="utf-8"), PlainYaml), "the release")
            if not isinstance(values["parts"], list) or not values["parts"]:
                raise DataError(f"parts is {_shown(values['parts'])}; it has to be a list of parts.")
            parts = [Part(**_keys(Part, part, f"part {n}")) for n, part in enumerate(values["parts"], start=1)]
            parts = [replace(part, path=str(path.parent / part.path)) if part.path else part for part in parts]
            return cls(**values | {"parts": tuple(parts)})
        except ConstructorError as error:
            line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
            raise DataError(f"{path} is no release: it holds{line} what is no text, number, list or keys.") from None
        except (ValueError, RecursionError, yaml.YAMLError) as error:
            # ValueError: also YAML's dates and numbers that are none
            raise DataError(f"{path} is no release: {first_line(error).removesuffix('.')}.") from None

    def repo_id(self, name: str) -> str:
        """`namespace/name`; a name with a namespace, or none at all, as it is."""
        return f"{self.namespace}/{name}" if name and "/" not in name else name

    def repository(self, part: Part) -> Repository:
        """What a part becomes; names of other parts become those of their repositories."""
        make, keys = KINDS[part.kind]
        options = {key: getattr(part, key) for key in keys}
        options |= {key: self.repo_id(name) for key, name in options.items() if key in NAMES}
        return make(part.path, self.repo_id(part.name), **options)


def _keys(kind: "type[Part | Release]", values: Any, name: str) -> dict[str, Any]:
    """The values of a part or a release by their keys.

    Raises:
        DataError: they have none, or one is missing or unknown.
    """
    if not isinstance(values, dict):
        raise DataError(f"{name} is {_shown(values)}; it has to have keys with values.")
    known = {field.name: field for field in fields(kind)}
    if unknown := [key for key in values if key not in known]:
        raise DataError(f"{name} has no key {_shown(unknown[0])}; the keys are {', '.join(known)}.")
    if missing := [key for key, field in known.items() if field.default is MISSING and key not in values]:
        raise DataError(f"{name} needs {' and '.join(missing)}.")
    return values


def _check_kinds(record: "Part | Release", name: str) -> None:
    """Refuse what is no text where one belongs, and no choice where one does.

    Raises:
        DataError: there is such a value.
    """
    for field in fields(record):
        value, words = getattr(record, field.name), WORDS.get(field.type)
        if words and type(value) is not field.type:
            raise DataError(f"{field.name} of {name} is {_shown(value)}; it has to be {words}.")


def _shown(value: Any) -> str:
    """A value as YAML writes it, cut where it is long."""
    return json.dumps(value, default=str, ensure_ascii=False)[:SHOWN]


def plan_release(release: Release, folder: str | Path) -> list[dict[str, Any]]:
    """Write every part's repository below a new folder, push nothing, and say what would be pushed."""
    found = []
    repositories = [(part, release.repository(part)) for part in release.parts]
    with new_folder(folder, [repository for _, repository in repositories]) as new:
        for part, repository in repositories:
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
