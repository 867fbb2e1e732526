"""A data set as the Hub stores it: which files are its own, before anything reads them.

`datasets` takes whatever the card of a data set names: files anywhere on this machine, and addresses. So the card is
read first, and may name files of its data set only; Parquet and Arrow files are checked as `data/saved.py` does.
"""

import glob
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import pyarrow.parquet as pq
import yaml
from datasets import DatasetDict, Features, load_dataset_builder
from datasets.config import METADATA_CONFIGS_FIELD, REPOCARD_FILENAME, REPOYAML_FILENAME
from huggingface_hub import DatasetCard
from PIL import Image

from artextract_hf.data.saved import check_files
from artextract_hf.data.schema import SkipList
from artextract_hf.data.sources.named_files import first_elsewhere, outside
from artextract_hf.errors import DataError, first_line
from artextract_hf.remote import download_snapshot

SHOWN = 100  # characters of an error of another library
CHECKED = (".parquet", ".arrow")
ELSEWHERE = re.compile(r"^[/\\~]|(^|[/\\])\.\.([/\\]|$)|^[A-Za-z]:[/\\]")
ADDRESS = re.compile("://|::")  # also of an archive, or of a file system that fsspec knows


def download_repository(repo_id: str) -> Path:
    """The folder of a data set of the Hub on this machine, by its `owner/name`.

    Raises:
        DataError: there is none, or it cannot be fetched.
    """

    def refused(reason: str) -> DataError:
        return DataError(f"{repo_id} cannot be read as a data set: {reason}")

    return download_snapshot(repo_id, refused, kind="dataset")


def load_stored(folder: Path, skipped: SkipList, *, within: Sequence[Path] | None) -> DatasetDict:
    """The splits of a folder.

    Args:
        folder: with the files of the data set, and a card perhaps.
        skipped: filled with files of data that are of none of its splits.
        within: folders where the files may lie, links followed; None for anywhere on this machine.

    Raises:
        DataError: the card names an address, files lie elsewhere, one is damaged, or `datasets` cannot open the folder
            by its name.
    """
    if glob.has_magic(str(folder)):
        raise DataError(f"{folder} has *, ? or [ in its path, which `datasets` takes for a pattern; rename it.")
    for pattern in _patterns(folder):
        if ADDRESS.search(pattern):
            raise DataError(f"the card of {folder} names the address {pattern!r}; download the file into the folder.")
        if within and ELSEWHERE.search(pattern):
            raise DataError(f"{pattern!r}, which the card of {folder} names, {outside(folder)}.")
    builder = load_dataset_builder(str(folder))
    paths = [Path(file) for split in (builder.config.data_files or {}).values() for file in split]
    if within and (other := first_elsewhere(paths, within)):
        raise DataError(f"{other} {outside(folder)}.")
    check_files([path for path in paths if path.suffix in CHECKED])
    tables = [path for path in paths if path.suffix == ".parquet"]
    for path in tables:
        check_columns(path)
    _check_classes(tables)
    for path in sorted(_data_files(folder) - set(paths)):
        skipped.add(path.relative_to(folder.parent), "is in no split of the data set")
    builder.download_and_prepare()  # of what was checked
    return cast(DatasetDict, builder.as_dataset())


def check_columns(path: Path) -> None:
    """Refuse a Parquet file two of whose columns have one name, or whose description of them `datasets` cannot read.

    Raises:
        DataError: it is such a file.
    """
    schema = pq.read_schema(path)
    if twice := [name for name, times in Counter(schema.names).items() if times > 1]:
        raise DataError(f"{path} has two columns called {twice[0]!r}; rename one of them.")
    try:
        Features.from_arrow_schema(schema).arrow_schema  # noqa: B018  (its types are looked up only now)
    except Exception as error:  # noqa: BLE001  (whatever a document makes `datasets` stumble over)
        raise DataError(
            f"{path} describes its columns in a form that `datasets` cannot read ({type(error).__name__}: "
            f"{first_line(error)[:SHOWN]}); write the file anew without the key `huggingface` in its schema."
        ) from None


def _check_classes(paths: Sequence[Path]) -> None:
    """Refuse files that number their classes in other ways; `datasets` reads all by the numbers of the first.

    Raises:
        DataError: there are two.
    """
    known: dict[str, tuple[Path, Any]] = {}
    for path in paths:
        for column, names in _stored_classes(path).items():
            first, expected = known.setdefault(column, (path, names))
            if names != expected:
                raise DataError(f"{path} has other classes of {column} than {first}; write both with the same.")


def _stored_classes(path: Path) -> dict[str, Any]:
    """The names of the classes of each column, as `datasets` keeps them in a Parquet file."""
    stored = (pq.read_schema(path).metadata or {}).get(b"huggingface", b"{}")
    try:
        features = json.loads(stored)["info"]["features"]
        return {column: feature["names"] for column, feature in features.items() if "names" in feature}
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):  # none that `datasets` would read
        return {}


def as_pattern(path: Path) -> str:
    """A path as `datasets` reads it, which takes it for a pattern, or for the address of an archive.

    Raises:
        DataError: it cannot be written so.
    """
    if ADDRESS.search(str(path)):
        raise DataError(f"{path} has :: in its name, which `datasets` takes for an address; rename it.")
    return glob.escape(str(path))


def _data_files(folder: Path) -> set[Path]:
    """The tables and pictures of a folder; in hidden folders, and of macOS (`._a.jpg`), none is."""
    endings = {*CHECKED, *Image.registered_extensions()}
    return {
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in endings
        and not path.name.startswith("._")
        and not any(part.startswith(".") for part in path.relative_to(folder).parts[:-1])
    }


def _patterns(folder: Path) -> Iterator[str]:
    """The files and folders that the card names, or the document that may stand for it."""
    documents: list[Any] = []
    if (card := folder / REPOCARD_FILENAME).is_file():
        documents.append(DatasetCard.load(card, ignore_metadata_errors=True).data.to_dict())
    if (document := folder / REPOYAML_FILENAME).is_file():
        documents.append(yaml.safe_load(document.read_text(encoding="utf-8")))
    for document in documents:
        configs = document.get(METADATA_CONFIGS_FIELD) if isinstance(document, dict) else None
        for config in configs or ():
            yield from _texts([config.get("data_files"), config.get("data_dir")], set())


def _texts(node: Any, seen: set[int]) -> Iterator[str]:
    """Every text in a YAML document; a part that it repeats by an alias, once."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, (dict, list)) and id(node) not in seen:
        seen.add(id(node))
        for part in node.values() if isinstance(node, dict) else node:
            yield from _texts(part, seen)
