"""Records from what the `datasets` library reads: a Parquet file, a folder as the Hub stores it, or a name on the Hub.

A column of images, or of paths to files of the collection, and whatever else COLUMNS of `data/words/columns.py` knows.
Classes come by name: those that say "unknown" become -1, and those of the release are put in its order.
`huggan/wikiart` is such a data set: 129 artists with an "Unknown Artist", 11 genres with an "Unknown Genre", 27 styles
(its dataset_infos.json).
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
from datasets import (
    ClassLabel,
    Dataset,
    DatasetDict,
    Features,
    Image,
    List,
    Value,
    concatenate_datasets,
    config,
    load_dataset,
)
from huggingface_hub.constants import HF_HUB_CACHE

from artextract_hf.data.labels import TASKS, UNKNOWN, class_table, display_name, is_unknown
from artextract_hf.data.pictures import check_picture, encoded_pictures, picture_source, usable
from artextract_hf.data.saved import check_files
from artextract_hf.data.schema import SkipList, distinct_ids, make_dataset, new_record, painting_features
from artextract_hf.data.sources.cards import StatedOfAll, add_card_rights, stated_in, stated_in_card
from artextract_hf.data.sources.hub_format import as_pattern, check_columns, download_repository, load_stored
from artextract_hf.data.sources.named_files import first_elsewhere, homes, outside
from artextract_hf.data.words.columns import Columns, column_key, own_tasks, picture_column
from artextract_hf.data.words.dates import Years, years_of
from artextract_hf.data.words.fields import (
    PART,
    cells_of,
    check_chosen,
    features_of,
    fields_of,
    label_of,
    labels_of,
    list_several,
    may_tell_of_rights,
    own_ids,
    splits_of,
    words_of,
)
from artextract_hf.data.words.nested import plain_rows
from artextract_hf.errors import ArtExtractError, DataError, ImageError, first_line


def read_table(
    source: str | Path,
    columns: Columns,
    skipped: SkipList,
    own: Sequence[str] = (),
    *,
    allow_outside: bool = False,
) -> tuple[Dataset, list[str]]:
    """The records of a Parquet file, of a folder of a data set, or of `owner/name` on the Hub, and the split of each.

    Columns that are classes to the data set stay so, whether the schema has them or not.

    Args:
        source: a file, a folder, or a name.
        columns: the names a column may have, by field of the schema.
        skipped: filled with rows whose picture is missing, damaged or outside the collection.
        own: fields of `columns` that are tasks of one's own.
        allow_outside: take also pictures outside the folder of the source, where a row leads there.

    Raises:
        DataError: it cannot be read, or has no column of pictures.
    """
    with _as_data_error(source):
        folder = _folder_of(source)
        parts = _load(source, folder, skipped, allow_outside=allow_outside)
        table = concatenate_datasets(list(parts.values()))
        if len(parts) > 1:
            table = table.add_column(PART, [name for name, part in parts.items() for _ in range(len(part))])
        of_all = stated_in_card(folder)
        return _read(table, source, columns, skipped, own, of_all=of_all, allow_outside=allow_outside)


def read_table_splits(
    source: str | Path, columns: Columns, skipped: SkipList, *, allow_outside: bool = False
) -> DatasetDict:
    """As `read_table`, split by split."""
    with _as_data_error(source):
        return DatasetDict(
            {
                split: _read(part, source, columns, skipped, of_all=stated_in([]), allow_outside=allow_outside)[0]
                for split, part in _load(source, _folder_of(source), skipped, allow_outside=allow_outside).items()
            }
        )


@contextmanager
def _as_data_error(source: str | Path) -> Iterator[None]:
    try:
        yield
    except ArtExtractError:
        raise
    except Exception as error:  # noqa: BLE001  (datasets, pyarrow, fsspec and the Hub's client each have their own)
        raise DataError(f"{source} cannot be read as a data set: {first_line(error.__cause__ or error)}") from None


def _folder_of(source: str | Path) -> Path:
    """The folder that a source is, or lies in; one of the Hub is fetched."""
    if isinstance(source, str):
        return download_repository(source)
    return source if source.is_dir() else source.parent


def _load(source: str | Path, folder: Path, skipped: SkipList, *, allow_outside: bool) -> DatasetDict:
    if isinstance(source, str):
        return load_stored(folder, skipped, within=homes(folder))
    if source.is_dir():
        return load_stored(source, skipped, within=None if allow_outside else homes(source))
    check_files([source])
    check_columns(source)
    return load_dataset("parquet", data_files=as_pattern(source))


def _read(
    table: Dataset,
    source: str | Path,
    columns: Columns,
    skipped: SkipList,
    own: Sequence[str] = (),
    *,
    of_all: StatedOfAll,
    allow_outside: bool,
) -> tuple[Dataset, list[str]]:
    name = str(source) if isinstance(source, str) else source.name.removesuffix(".parquet")
    words, pictures, called = _split(table, source, columns)
    classes = _class_columns(words, columns)
    columns = {**columns, **{task: (column,) for task, column in classes.items()}}
    folders = _folders(source)
    ids = _usable_ids(pictures, called, name, folders, skipped, allow_outside=allow_outside)
    if not ids:
        return make_dataset([], painting_features()), []
    rows = _rows(words, ids, columns, source) if words.column_names else [{} for _ in ids]
    check_chosen(rows, columns, source)
    add_card_rights(rows, of_all, name, skipped)
    names = own_ids(rows, list(ids.values()))
    list_several(zip(names, rows, strict=True), skipped)
    years = years_of(names, rows, skipped)
    records = _records(rows, names, years, [*own, *classes])
    pictures = pictures.select(list(ids))
    if _is_text(pictures.features["image"]):
        paths = [{"path": str(folders[0] / path), "bytes": None} for path in pictures["image"]]
        pictures = Dataset.from_dict({"image": paths}, features=Features({"image": Image()}))
    pictures = pictures.cast_column("image", Image(mode="RGB"))  # they stay where they are, mapped into memory
    dataset = concatenate_datasets([records, pictures], axis=1)
    ordered = [*painting_features(), *(name for name in records.column_names if name not in painting_features())]
    return dataset.select_columns(ordered), splits_of(rows, names, skipped)


def _class_columns(words: Dataset, columns: Columns) -> dict[str, str]:
    """The columns that are classes to the data set and nothing to the schema, by the names of their tasks."""
    known = {name for usual in columns.values() for name in usual}
    found: dict[str, str] = {}
    for column, feature in words.features.items():
        if _class_feature(feature) and column_key(column) not in known:
            with suppress(DataError):  # what can be no task is left out, as any other column is
                found |= own_tasks([column])
    return found


def _split(table: Dataset, source: str | Path, columns: Columns) -> tuple[Dataset, Dataset, list[str | None]]:
    """The words of each row; its picture, as a cell or as the name of a file; and how it is called if not by that."""
    spelt = {column_key(column): column for column in table.column_names}
    picture_column(table.column_names, {**columns, "image_url": ()}, source)  # addresses are not fetched
    usual = [spelt[c] for c in columns["image"] if c in spelt]
    pixels = [column for column in usual if not _is_text(table.features[column])]
    named = [column for column in usual if column not in pixels]
    image = (pixels or named)[0]  # pixels come before the names of files
    worded = [c for c in table.column_names if c != image or not pixels]
    words = table.select_columns([c for c in worded if _is_word(table, c, columns)])
    called: list[str | None] = list(table[named[0]]) if pixels and named else [None] * len(table)
    pictures = table.select_columns(image)
    pictures = pictures if image == "image" else pictures.rename_column(image, "image")
    if not pixels:
        return words, pictures, called
    pictures = encoded_pictures(pictures)  # a struct of bytes and path, as `datasets` and pandas keep them
    stored = pictures.data.column("image")
    if not pc.sum(pc.binary_length(pc.struct_field(stored, "bytes"))).as_py():  # as `to_parquet` of a folder leaves it
        paths = pc.struct_field(stored, "path").to_pylist()
        pictures = Dataset.from_dict({"image": paths}, features=Features({"image": Value("string")}))
        called = [Path(path).name if path else None for path in paths]
    return words, pictures, called


def _is_text(feature: Any) -> bool:
    return getattr(feature, "dtype", "") in ("string", "large_string")


def _is_word(table: Dataset, column: str, columns: Columns) -> bool:
    """Whether a column can be words, or tells of rights in any form."""
    feature = table.features[column]
    if may_tell_of_rights(table.features.arrow_schema.field(column), columns):
        return True
    return isinstance(feature.feature if isinstance(feature, List) else feature, (Value, ClassLabel))


def _folders(source: str | Path) -> list[Path]:
    """Where files that a table names may lie; those that are not absolute are looked for in the first."""
    if isinstance(source, Path):
        return [source.parent if source.is_file() else source]
    return [Path(HF_HUB_CACHE), Path(config.HF_DATASETS_CACHE)]  # where `datasets` puts what it downloads


def _usable_ids(
    pictures: Dataset,
    called: list[str | None],
    name: str,
    folders: list[Path],
    skipped: SkipList,
    *,
    allow_outside: bool,
) -> dict[int, str]:
    """The id of each row whose picture can be used; of equal names all but the first get a number."""

    def look(row: int) -> str:
        cell = pictures[row]["image"]
        if isinstance(cell, str):
            check_picture(_file(cell, folders, allow_outside=allow_outside))
        elif cell and not cell["bytes"]:
            raise ImageError("the row holds no picture, as others do, but only a path")
        else:
            check_picture(picture_source(cell))
        return _name_of(cell, row, called[row])

    def name_of(row: int) -> str:
        return f"{name}/{_name_of(pictures[row]['image'], row, called[row])}"

    found = dict(usable(range(len(pictures)), look, name_of, skipped))
    return dict(zip(found, distinct_ids([f"{name}/{key}" for key in found.values()]), strict=True))


def _file(name: str, folders: list[Path], *, allow_outside: bool) -> Path:
    """The file that a row names.

    Raises:
        ImageError: it is an address, or lies outside the collection.
    """
    if "://" in name:
        raise ImageError("is an address, and no file; download the picture, and name the file")
    path = folders[0] / name
    if not allow_outside and first_elsewhere([path], folders):
        raise ImageError(outside(folders[0]))
    return path


def _name_of(cell: Any, row: int, called: str | None) -> str:
    """What tells a picture from the others of its table: its path, its file's name, or the digest of its bytes."""
    if isinstance(cell, str):
        return called or cell
    if cell is None:
        return f"row {row}"
    return Path(cell["path"] or called or "").name or hashlib.sha256(cell["bytes"] or b"").hexdigest()[:16]


def _records(rows: list[dict[str, str]], ids: list[str], years: list[Years], own: Sequence[str]) -> Dataset:
    """The records without their pictures."""
    tables = {task: class_table(task, [label_of(row, task) for row in rows]) for task in (*TASKS, *own)}
    artists, _ = tables["artist"]

    def records() -> Iterator[dict[str, Any]]:
        for id_, row, dated in zip(ids, rows, years, strict=True):
            labels = labels_of(row, tables)
            if row.get("artist"):
                row["artist_name"] = display_name(artists[labels["artist"]])
            yield new_record(id=id_, image={"path": None, "bytes": None}, **words_of(row, dated, untitled="")) | labels

    return make_dataset(records(), features_of(tables)).remove_columns("image")


def _rows(words: Dataset, chosen: Iterable[int], columns: Columns, source: str | Path) -> list[dict[str, str]]:
    """The chosen rows by fields of the schema.

    Raises:
        DataError: one contradicts itself, or holds a class without a name.
    """
    found = []
    for row, cells in zip(chosen, plain_rows(words.select(chosen)), strict=True):
        try:
            found.append(_fields(cells, words, columns))
        except DataError as error:
            raise DataError(f"row {row + 1} of {source}: {error}") from None
    return found


def _class_feature(feature: Any) -> ClassLabel | None:
    """The classes of a column that holds them, one a cell or in lists."""
    inner = feature.feature if isinstance(feature, List) else feature
    return inner if isinstance(inner, ClassLabel) else None


def _names(column: str, value: Any, feature: ClassLabel) -> Any:
    """The class in a cell by its name, or the classes in its list; nothing where it is unknown.

    Raises:
        DataError: it is a number without a name, of which nobody can say what it states.
    """
    if isinstance(value, list):
        return [name for part in value if not is_unknown(name := _names(column, part, feature))]
    if value is None or value == UNKNOWN:
        return ""
    if not 0 <= value < len(feature.names):
        raise DataError(f"the column {column!r} holds the class {value}, and names {len(feature.names)}, from 0 on.")
    return feature.int2str(value)


def _fields(cells: Mapping[str, Any], words: Dataset, columns: Columns) -> dict[str, str]:
    """A row by fields of the schema, as text; classes by name, nothing where they say that nothing is known."""
    known: dict[str, Any] = {}
    for column, value in cells.items():
        if feature := _class_feature(words.features[column]):
            value = _names(column, value, feature)
        known[column] = None if is_unknown(str(value)) else value
    text = cells_of(known.items(), columns)
    row = fields_of(text, columns) | ({PART: text[PART]} if PART in text else {})
    classes = next((c for c in words.column_names if column_key(c) == "artist"), None)
    if classes and isinstance(words.features[classes], ClassLabel) and text.get("artist"):
        row["artist"] = text["artist"]
    return row
