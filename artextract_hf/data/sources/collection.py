"""One's own collection as records, read from a folder, a table, a data set of the Hub or a IIIF document.

    collection/metadata.csv          file_name,title,artist,date,rights,...    (may be absent; also a Parquet file)
    collection/images/100026.jpg     -> id "collection/images/100026.jpg"

A source is what `artextract prepare` wrote, a folder of pictures, a CSV or Parquet file, a data set of the Hub or as
it is stored there (`data/sources/tables.py`), or a IIIF manifest or collection (`data/sources/iiif.py`). An id is the
name of the source and the path in it, so the same picture keeps its id whether the folder or the CSV in it is read.
Pixels stay on disk: a record refers to its file until it is decoded or saved.
"""

import csv
import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from datasets import Dataset, DatasetDict, concatenate_datasets, load_from_disk

from artextract_hf.data.fetch import DownloadSettings, is_address
from artextract_hf.data.fields import Columns, columns_with, fields_of, label_of, words_of
from artextract_hf.data.labels import TASKS, UNKNOWN, class_table
from artextract_hf.data.pictures import check_picture, encoded_pictures, picture_source, usable
from artextract_hf.data.schema import DETAILS, SkipList, make_dataset, new_record, painting_features
from artextract_hf.data.sources.iiif import read_iiif
from artextract_hf.data.sources.tables import read_table
from artextract_hf.errors import DataError

ACCEPTED = (
    "a folder written by `artextract prepare`, a folder of pictures, a CSV or Parquet file that lists pictures, the "
    "name of a data set on the Hub, or the address of a IIIF manifest"
)
METADATA_FILE = "metadata.csv"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Listed:
    """A picture that a folder or a CSV names, and what the CSV says about it."""

    id: str
    path: Path
    row: dict[str, str] = field(default_factory=dict)


def load_collection(source: str | Path, **options: Any) -> Dataset:
    """The paintings of `source` as records of the schema in `data/schema.py`.

    Args:
        source: a folder written by `artextract prepare` (all splits; a painting that stands in two counts once, with
            the labels of both); a folder of pictures (recursive; a `metadata.csv` in it or beside it is read); a CSV or
            Parquet file with a column `file_name`, `path`, `image` or `filename` and any of COLUMNS in
            `data/fields.py`, paths relative to
            the file; a folder that holds a data set as the Hub stores it, or its name there (`owner/name`); the
            address or the file of a IIIF Presentation manifest or collection.
        options: those of `read_collection`.

    Raises:
        DataError: there is no such source, or no usable picture in it.
    """
    skipped = SkipList()
    dataset = read_collection(source, skipped, **options)
    if skipped.items:
        first = skipped.items[0]
        logger.warning(
            "%d pictures of %s were left out, the first: %s (%s)", len(skipped.items), source, first.path, first.reason
        )
    return dataset


def read_collection(
    source: str | Path,
    skipped: SkipList,
    *,
    columns: Mapping[str, str] | None = None,
    classes: str | None = None,
    images_dir: str | Path | None = None,
    allow_private_hosts: bool = False,
) -> Dataset:
    """`load_collection`, with every picture that was left out noted in `skipped`.

    Args:
        source: as in `load_collection`.
        skipped: filled with what was left out.
        columns: field of the schema -> column of the source, where it is called otherwise than in COLUMNS.
        classes: `style`, `genre` or `artist`, where the subfolders of a folder are classes of this task.
        images_dir: where the pictures of a IIIF source are kept; by default a folder of this user's cache.
        allow_private_hosts: fetch a IIIF source also from this machine and from hosts of private networks.
    """
    known = columns_with(columns or {})
    if classes is not None and classes not in TASKS:
        raise DataError(f"the classes of subfolders can be of {', '.join(TASKS)}, not of {classes!r}.")
    text, path = str(source), Path(source)
    if is_address(text) or (path.is_file() and path.suffix.lower() == ".json"):
        settings = DownloadSettings(allow_private_hosts=allow_private_hosts)
        dataset = read_iiif(text, Path(images_dir) if images_dir else _cache(), skipped, settings=settings)
    elif path.is_dir():
        # `resolve` so that "." has a name and a later change of folder does not lose the files
        dataset = _read_folder(path.resolve(), skipped, known, classes)
    elif path.is_file() and path.suffix.lower() == ".csv":
        dataset = _dataset(_listed_in_csv(path.resolve(), known), skipped)
    elif path.is_file() and path.suffix.lower() == ".parquet":
        dataset = read_table(path.resolve(), known, skipped)
    elif is_hub_name(source):
        dataset = read_table(text, known, skipped)
    else:
        raise DataError(f"{source} is no folder and no file of a known kind on this machine; give {ACCEPTED}.")
    if not len(dataset):
        raise DataError(f"{source} holds no usable picture ({len(skipped.items)} were left out{_example(skipped)}).")
    return dataset


def is_hub_name(source: str | Path) -> bool:
    """Whether a source is `owner/name`, and nothing on this machine is called so."""
    return bool(re.fullmatch(r"[\w.-]+/[\w.-]+", str(source))) and not Path(source).exists()


def _cache() -> Path:
    from huggingface_hub.constants import HF_HOME

    return Path(HF_HOME) / "artextract" / "iiif"


def _read_folder(folder: Path, skipped: SkipList, columns: Columns, classes: str | None) -> Dataset:
    if (folder / "dataset_dict.json").is_file() or (folder / "dataset_info.json").is_file():
        return _read_prepared(folder, skipped)
    if next(folder.rglob("*.parquet"), None):
        return read_table(folder, columns, skipped)
    return _dataset(_listed_in_folder(folder, columns, classes), skipped)


def _read_prepared(folder: Path, skipped: SkipList) -> Dataset:
    try:
        stored = load_from_disk(str(folder))
        splits = list(stored.values()) if isinstance(stored, DatasetDict) else [stored]
        dataset = concatenate_datasets(splits)
        # A damaged Arrow file that is mapped into memory can end the process when it is read, not raise.
        dataset.data.validate(full=True)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{folder} cannot be read as a prepared data set: {error}") from None
    expected = painting_features()
    if missing := [name for name in expected if name not in dataset.column_names and name not in DETAILS]:
        raise DataError(f"{folder} has no column {', '.join(missing)}; `artextract prepare` writes all of them.")
    for name in DETAILS:  # a data set of an earlier version
        if name not in dataset.column_names:
            nothing = [None if name.startswith("year") else ""] * len(dataset)
            dataset = dataset.add_column(name, nothing, feature=expected[name])
    dataset = _once_by_id(dataset)
    pictures, ids = encoded_pictures(dataset.select_columns("image")), dataset["id"]

    def look(row: int) -> None:
        check_picture(picture_source(pictures[row]["image"]))

    return dataset.select([row for row, _ in usable(range(len(dataset)), look, ids.__getitem__, skipped)])


def _once_by_id(dataset: Dataset) -> Dataset:
    """Keep the first record of each id; a label that only a later one knows is taken over."""
    first: dict[str, int] = {}
    owner = [first.setdefault(key, row) for row, key in enumerate(dataset["id"])]
    if len(first) == len(dataset):
        return dataset
    joined = dataset
    for task in TASKS:
        labels = [UNKNOWN] * len(dataset)
        for row, label in zip(owner, dataset[task], strict=True):
            if labels[row] == UNKNOWN and label is not None:
                labels[row] = label
        joined = joined.remove_columns(task).add_column(task, labels, feature=dataset.features[task])
    return joined.select_columns(dataset.column_names).select(list(first.values()))


def _listed_in_folder(folder: Path, columns: Columns, classes: str | None) -> Iterator[_Listed]:
    """Every visible file of the folder, then what its metadata names but is not there."""
    table = next((t for t in (folder / METADATA_FILE, folder.parent / METADATA_FILE) if t.is_file()), None)
    rows: dict[Path, _Listed] = {}
    for item in _listed_in_csv(table, columns) if table else ():
        rows.setdefault(item.path, item)
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if path.is_file() and path != table and not any(part.startswith(".") for part in relative.parts):
            listed = rows.pop(path, None)
            row = listed.row if listed else {}
            if classes and len(relative.parts) > 1:
                row = {classes: relative.parts[0]} | row
            yield _Listed(f"{folder.name}/{relative.as_posix()}", path, row)
    # What is left in the table is missing, or lies outside the folder and so is no part of this source.
    yield from (item for item in rows.values() if item.path.is_relative_to(folder))


def _listed_in_csv(table: Path, columns: Columns) -> Iterator[_Listed]:
    try:
        with table.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines)
            names = {name: (name or "").strip().lower() for name in reader.fieldnames or ()}
            if not set(columns["image"]) & set(names.values()):
                raise DataError(
                    f"{table} has no column {' or '.join(columns['image'])}; its columns are "
                    f"{', '.join(names.values())}."
                )
            for number, cells in enumerate(reader, start=1):
                row = fields_of({names[name]: (cells[name] or "").strip() for name in names}, columns)
                name = row.pop("image", "") or f"(row {number} names no file)"
                yield _Listed(f"{table.parent.name}/{name}", table.parent / name, row)
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{table} cannot be read as a CSV file in UTF-8: {error}") from None


def _dataset(listed: Iterable[_Listed], skipped: SkipList) -> Dataset:
    items = list(listed)
    seen: set[str] = set()
    kept = []
    for item, _ in usable(items, lambda item: check_picture(item.path), lambda item: item.id, skipped):
        if item.id in seen:
            skipped.add(item.id, "is listed more than once; the first row counts")
            continue
        seen.add(item.id)
        kept.append(item)
    tables = {task: class_table(task, [label_of(item.row, task) for item in kept]) for task in TASKS}
    features = painting_features(styles=tables["style"][0], genres=tables["genre"][0], artists=tables["artist"][0])
    return make_dataset((_record(item, tables) for item in kept), features)


def _record(item: _Listed, tables: Mapping[str, tuple[list[str], dict[str, int]]]) -> dict[str, Any]:
    labels = {task: table.get(label_of(item.row, task), UNKNOWN) for task, (_, table) in tables.items()}
    image = {"path": str(item.path), "bytes": None}
    return new_record(id=item.id, image=image, **words_of(item.row, untitled=item.path.stem), **labels)


def _example(skipped: SkipList) -> str:
    return f", the first: {skipped.items[0].path}: {skipped.items[0].reason}" if skipped.items else ""
