"""Records from what the `datasets` library reads: a Parquet file, a folder as the Hub stores it, or a name on the Hub.

A column of images, or of paths, and whatever else COLUMNS of `data/fields.py` knows. Classes come by name: those that
say "unknown" become -1, and those of the release are put in its order. `huggan/wikiart` is such a data set: 129 artists
with an "Unknown Artist", 11 genres with an "Unknown Genre", 27 styles (its dataset_infos.json).
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from datasets import ClassLabel, Dataset, DatasetDict, Features, Image, concatenate_datasets, load_dataset

from artextract_hf.data.fields import Columns, fields_of, label_of, words_of
from artextract_hf.data.labels import TASKS, UNKNOWN, class_table, display_name, is_unknown
from artextract_hf.data.pictures import check_picture, encoded_pictures, picture_source, usable
from artextract_hf.data.schema import SkipList, make_dataset, new_record, painting_features
from artextract_hf.errors import DataError


def read_table(source: str | Path, columns: Columns, skipped: SkipList) -> Dataset:
    """The records of a Parquet file, of a folder of a data set, or of `owner/name` on the Hub; all splits together.

    Args:
        source: a file, a folder, or a name.
        columns: the names a column may have, by field of the schema.
        skipped: filled with rows whose picture is missing or damaged.

    Raises:
        DataError: it cannot be read, or has no column of pictures.
    """
    return _read(concatenate_datasets(list(_load(source).values())), source, columns, skipped)


def read_table_splits(source: str | Path, columns: Columns, skipped: SkipList) -> DatasetDict:
    """As `read_table`, split by split."""
    return DatasetDict({split: _read(part, source, columns, skipped) for split, part in _load(source).items()})


def _read(table: Dataset, source: str | Path, columns: Columns, skipped: SkipList) -> Dataset:
    name = str(source) if isinstance(source, str) else source.name.removesuffix(".parquet")
    spelt = {column.strip().lower(): column for column in table.column_names}
    image = next((spelt[c] for c in columns["image"] if c in spelt), None)
    if image is None:
        raise DataError(
            f"{source} has no column {' or '.join(columns['image'])}; its columns are {', '.join(table.column_names)}."
        )
    table = table if image == "image" else table.rename_column(image, "image")
    pictures = table.select_columns("image")
    named = getattr(pictures.features["image"], "dtype", "") in ("string", "large_string")
    if not named:  # pixels, perhaps as bytes and path in a struct, as pandas keeps them
        pictures = encoded_pictures(pictures)
    ids = _usable_ids(pictures, name, Path(source).parent, skipped)
    records = _records(table.remove_columns("image").select(list(ids)), list(ids.values()), columns)
    pictures = pictures.select(list(ids))
    if named:
        paths = [{"path": str(Path(source).parent / path), "bytes": None} for path in pictures["image"]]
        pictures = Dataset.from_dict({"image": paths}, features=Features({"image": Image()}))
    pictures = pictures.cast_column("image", Image(mode="RGB"))  # they stay where they are, mapped into memory
    return concatenate_datasets([records, pictures], axis=1).select_columns(list(painting_features()))


def _load(source: str | Path) -> DatasetDict:
    try:
        if isinstance(source, Path) and source.is_file():
            pq.read_schema(source)  # says in one line what is wrong, where `datasets` would raise something long
            loaded = load_dataset("parquet", data_files=str(source))
        else:
            loaded = load_dataset(str(source))
    except Exception as error:  # noqa: BLE001  (datasets, pyarrow, fsspec and the Hub's client each have their own)
        raise DataError(f"{source} cannot be read as a data set: {str(error).splitlines()[0]}") from None
    return loaded


def _usable_ids(pictures: Dataset, name: str, folder: Path, skipped: SkipList) -> dict[int, str]:
    """The id of each row whose picture can be used; a name that several rows have gets a number."""

    def look(row: int) -> str:
        cell = pictures[row]["image"]
        check_picture(folder / cell if isinstance(cell, str) else picture_source(cell))
        return _name_of(cell, row)

    def name_of(row: int) -> str:
        return f"{name}/{_name_of(pictures[row]['image'], row)}"

    ids: dict[int, str] = {}
    seen: Counter[str] = Counter()
    for row, key in usable(range(len(pictures)), look, name_of, skipped):
        seen[key] += 1
        ids[row] = f"{name}/{key}" + (f"-{seen[key]}" if seen[key] > 1 else "")
    return ids


def _name_of(cell: Any, row: int) -> str:
    """What tells a picture from the others of its table: its path, its file's name, or the digest of its bytes."""
    if isinstance(cell, str):
        return cell
    if cell is None:
        return f"row {row}"
    return Path(cell["path"]).name if cell["path"] else hashlib.sha256(cell["bytes"] or b"").hexdigest()[:16]


def _records(words: Dataset, ids: list[str], columns: Columns) -> Dataset:
    """The records without their pictures."""
    rows: list[dict[str, str]] = [{} for _ in ids]  # of a table that holds pictures only
    if words.column_names:
        rows = [_fields(cells, words, columns) for cells in words]
    tables = {task: class_table(task, [label_of(row, task) for row in rows]) for task in TASKS}
    styles, genres, artists = (tables[task][0] for task in TASKS)

    def records() -> Iterator[dict[str, Any]]:
        for id_, row in zip(ids, rows, strict=True):
            labels = {task: table.get(label_of(row, task), UNKNOWN) for task, (_, table) in tables.items()}
            if row.get("artist"):
                row["artist_name"] = display_name(artists[labels["artist"]])
            yield new_record(id=id_, image={"path": None, "bytes": None}, **words_of(row, untitled=""), **labels)

    features = painting_features(styles=styles, genres=genres, artists=artists)
    return make_dataset(records(), features).remove_columns("image")


def _fields(cells: Mapping[str, Any], words: Dataset, columns: Columns) -> dict[str, str]:
    """A row by fields of the schema, as text; classes by name, nothing where they say that nothing is known."""
    text = {}
    for column, value in cells.items():
        feature = words.features[column]
        if isinstance(feature, ClassLabel):
            value = feature.int2str(value) if value is not None and value >= 0 else ""
        text[column.strip().lower()] = "" if value is None or is_unknown(str(value)) else str(value)
    row = fields_of(text, columns)
    classes = next((c for c in words.column_names if c.strip().lower() == "artist"), None)
    if classes and isinstance(words.features[classes], ClassLabel) and text["artist"]:
        row["artist"] = text["artist"]
    return row
