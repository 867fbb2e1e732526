"""One's own pictures as records: a prepared data set, a folder of pictures, or a CSV that lists files.

    collection/metadata.csv          file_name,title,artist,date,rights,...    (may be absent)
    collection/images/100026.jpg     -> id "collection/images/100026.jpg"

An id is the name of the source and the path in it, so the same picture keeps its id whether the folder or the CSV in
it is read. Pixels stay on disk: a record refers to its file until it is decoded or saved.
"""

import csv
import logging
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from datasets import Dataset, DatasetDict, Image, concatenate_datasets, load_from_disk

from artextract_hf.data.decode import decode_image
from artextract_hf.data.labels import TASKS, UNKNOWN
from artextract_hf.data.schema import SkipList, painting_features
from artextract_hf.errors import DataError, ImageError

ACCEPTED = "a folder written by `artextract prepare`, a folder of pictures, or a CSV file that lists pictures"
METADATA_FILE = "metadata.csv"
CHECK_SIDE = 32  # a cut file is found at any scale, and this one decodes fastest

# Column names as museums and `datasets` spell them; of several that are present, the first with a value counts.
FILE_COLUMNS = ("file_name", "path", "image", "filename")
ARTIST_COLUMNS = ("artist_name", "artist")
DATE_COLUMNS = ("date", "year")
LICENSE_COLUMNS = ("license", "rights")
URL_COLUMNS = ("source_url", "iiif_url")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Listed:
    """A picture that a folder or a CSV names, and what the CSV says about it."""

    id: str
    path: Path
    row: dict[str, str] = field(default_factory=dict)


def load_collection(source: str | Path) -> Dataset:
    """The paintings of `source` as records of the schema in `data/schema.py`.

    Args:
        source: a folder written by `artextract prepare` (all splits; a painting that stands in two counts once, with
            the labels of both), a folder of pictures (recursive; a `metadata.csv` in it or beside it is read), or a
            CSV file with a column `file_name`, `path`, `image` or `filename` and any of `title`, `artist`, `date`,
            `rights`, `credit_line`, `source_url`, `object_id`; relative paths are relative to the CSV.

    Raises:
        DataError: there is no such source, or no usable picture in it.
    """
    skipped = SkipList()
    dataset = read_collection(source, skipped)
    if skipped.items:
        first = skipped.items[0]
        logger.warning(
            "%d pictures of %s were left out, the first: %s (%s)", len(skipped.items), source, first.path, first.reason
        )
    return dataset


def read_collection(source: str | Path, skipped: SkipList) -> Dataset:
    """`load_collection`, with every picture that was left out noted in `skipped`."""
    path = Path(source)
    if path.is_dir():
        # `resolve` so that "." has a name and a later change of folder does not lose the files
        dataset = _read_folder(path.resolve(), skipped)
    elif path.is_file() and path.suffix.lower() == ".csv":
        dataset = _dataset(_listed_in_csv(path.resolve()), skipped)
    else:
        raise DataError(f"{source} is no folder and no CSV file on this machine; give {ACCEPTED}.")
    if not len(dataset):
        raise DataError(f"{source} holds no usable picture ({len(skipped.items)} were left out{_example(skipped)}).")
    return dataset


def artist_as_printed(text: str) -> str:
    """The artist as a label prints it, without nationality and life dates.

    >>> artist_as_printed("Pierre-Auguste Renoir (French, 1841–1919)")
    'Pierre-Auguste Renoir'
    """
    return " ".join(re.sub(r"\([^()]*\d[^()]*\)", " ", text).split())


def first_year(text: str) -> int | None:
    """The first year of four digits in a date.

    >>> first_year("c. 1875–90"), first_year("17th century")
    (1875, None)
    """
    year = re.search(r"(?<!\d)[0-2]\d{3}(?!\d)", text)
    return int(year[0]) if year else None


def _read_folder(folder: Path, skipped: SkipList) -> Dataset:
    if (folder / "dataset_dict.json").is_file() or (folder / "dataset_info.json").is_file():
        return _read_prepared(folder, skipped)
    return _dataset(_listed_in_folder(folder), skipped)


def _read_prepared(folder: Path, skipped: SkipList) -> Dataset:
    try:
        stored = load_from_disk(str(folder))
        splits = list(stored.values()) if isinstance(stored, DatasetDict) else [stored]
        dataset = concatenate_datasets(splits)
        # A damaged Arrow file that is mapped into memory can end the process when it is read, not raise.
        dataset.data.validate(full=True)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{folder} cannot be read as a prepared data set: {error}") from None
    if missing := [column for column in painting_features() if column not in dataset.column_names]:
        raise DataError(f"{folder} has no column {', '.join(missing)}; `artextract prepare` writes all of them.")
    dataset = _once_by_id(dataset)
    encoded = dataset.select_columns(["id", "image"]).cast_column("image", Image(decode=False))

    def problem(index: int) -> str | None:
        image = encoded[index]["image"]
        return _problem(image["bytes"] or Path(image["path"]))

    return dataset.select(list(_usable(range(len(dataset)), problem, dataset["id"], skipped)))


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


def _listed_in_folder(folder: Path) -> Iterator[_Listed]:
    """Every visible file of the folder, then what its metadata names but is not there."""
    table = next((t for t in (folder / METADATA_FILE, folder.parent / METADATA_FILE) if t.is_file()), None)
    rows: dict[Path, _Listed] = {}
    for item in _listed_in_csv(table) if table else ():
        rows.setdefault(item.path, item)
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if path.is_file() and path != table and not any(part.startswith(".") for part in relative.parts):
            listed = rows.pop(path, None)
            yield _Listed(f"{folder.name}/{relative.as_posix()}", path, listed.row if listed else {})
    # What is left in the table is missing, or lies outside the folder and so is no part of this source.
    yield from (item for item in rows.values() if item.path.is_relative_to(folder))


def _listed_in_csv(table: Path) -> Iterator[_Listed]:
    try:
        with table.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines)
            columns = {name: (name or "").strip().lower() for name in reader.fieldnames or ()}
            if not set(FILE_COLUMNS) & set(columns.values()):
                raise DataError(
                    f"{table} has no column {' or '.join(FILE_COLUMNS)}; its columns are {', '.join(columns.values())}."
                )
            for number, cells in enumerate(reader, start=1):
                row = {columns[name]: (cells[name] or "").strip() for name in columns}
                name = _first(row, FILE_COLUMNS) or f"(row {number} names no file)"
                yield _Listed(f"{table.parent.name}/{name}", table.parent / name, row)
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{table} cannot be read as a CSV file in UTF-8: {error}") from None


def _dataset(listed: Iterable[_Listed], skipped: SkipList) -> Dataset:
    items = list(listed)
    seen: set[str] = set()
    records = []
    for item in _usable(items, lambda item: _problem(item.path), [item.id for item in items], skipped):
        if item.id in seen:
            skipped.add(item.id, "is listed more than once; the first row counts")
            continue
        seen.add(item.id)
        records.append(_record(item))
    features = painting_features()
    return Dataset.from_dict({name: [record[name] for record in records] for name in features}, features=features)


def _usable(
    items: Sequence[Any], problem: Callable[[Any], str | None], names: Iterable[str], skipped: SkipList
) -> Iterator[Any]:
    """The items without a problem, in order; every other one is noted under its name."""
    with ThreadPoolExecutor() as pool:
        for item, name, reason in zip(items, names, pool.map(problem, items), strict=True):
            if reason is None:
                yield item
            else:
                skipped.add(name, reason)


def _problem(image: Path | bytes) -> str | None:
    try:
        if isinstance(image, Path) and not image.is_file():
            return "there is no such file"
        decode_image(image, min_side=CHECK_SIDE)
    except (ImageError, OSError) as error:  # OSError: a file that may not be read, a name too long for the system
        return str(error)
    return None


def _record(item: _Listed) -> dict[str, Any]:
    row = item.row
    title = row.get("title") or row.get("object_id") or item.path.stem
    artist, date = artist_as_printed(_first(row, ARTIST_COLUMNS)), _first(row, DATE_COLUMNS)
    return {
        "id": item.id,
        "image": {"path": str(item.path), "bytes": None},
        **dict.fromkeys(TASKS, UNKNOWN),
        "title": title,
        "artist_name": artist,
        "year": first_year(date),
        "source_url": _first(row, URL_COLUMNS),
        "license": _first(row, LICENSE_COLUMNS),
        "credit_line": row.get("credit_line") or ", ".join(part for part in (artist, title, date) if part) + ".",
    }


def _first(row: dict[str, str], columns: Iterable[str]) -> str:
    return next((row[column] for column in columns if row.get(column)), "")


def _example(skipped: SkipList) -> str:
    return f", the first: {skipped.items[0].path}: {skipped.items[0].reason}" if skipped.items else ""
