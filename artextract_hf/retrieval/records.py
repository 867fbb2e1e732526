"""The records of an index: an Arrow table with one row for each vector. Only rows that are read become objects."""

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import repeat
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from datasets import Dataset
from PIL import Image

from artextract_hf.data.decode import decode_image
from artextract_hf.data.schema import painting_features
from artextract_hf.errors import ArtExtractError, PaintingIndexError, QueryError
from artextract_hf.retrieval.fingerprint import data_fingerprint

THUMBNAIL = "thumbnail"  # the column of small pictures; all others are fields
YEARS = ("year", "year_end")
TEXTS = tuple(name for name in painting_features() if name not in ("image", *YEARS))  # classes by their names
BLOCK = 1024  # pictures in Python's hands at a time


class RecordTable:
    """Records by row and by id. A table never changes: `extended` and `without` give a new one.

    Args:
        table: column `id`, fields, and, where there are pictures to show, `thumbnail`. Numbers that JSON does not have
            become null, so that fields are JSON values.
    """

    def __init__(self, table: pa.Table) -> None:
        self.table = table = without_nan(table)
        has_picture = THUMBNAIL in table.column_names
        fields = table.drop_columns([THUMBNAIL]) if has_picture else table
        self.fields = fields.cast(known_types(fields.schema)).combine_chunks()
        self._batches = self.fields.to_batches()

    @classmethod
    def from_rows(cls, rows: Sequence[Mapping[str, Any]]) -> Self:
        """Rows with the same keys; there may be none."""
        table = pa.Table.from_pylist(list(rows)) if rows else pa.table({"id": pa.array([], pa.string())})
        return cls(table)

    @cached_property
    def ids(self) -> list[str]:
        """In the order of the rows."""
        return self.fields["id"].to_pylist()

    @cached_property
    def fingerprint(self) -> str:
        """Of the ids and the small pictures, see `data_fingerprint`."""
        return data_fingerprint(self.ids, self.contents())

    @cached_property
    def _row_of(self) -> dict[str, int]:
        return {id_: row for row, id_ in enumerate(self.ids)}

    def __contains__(self, id_: object) -> bool:
        return id_ in self._row_of

    def __len__(self) -> int:
        return len(self.table)

    def row(self, id_: str) -> int:
        """The row of an id.

        Raises:
            QueryError: the index does not hold it.
        """
        try:
            return self._row_of[id_]
        except (KeyError, TypeError):  # or what can be no key
            raise QueryError(f"the index holds no {id_!r}.") from None

    def rows(self, ids: Iterable[str]) -> np.ndarray:
        """The rows of ids, int64, in ascending order.

        Raises:
            QueryError: the index does not hold one of them.
        """
        return np.sort(np.array([self.row(id_) for id_ in ids], dtype=np.int64))

    def at(self, rows: Sequence[int]) -> list[dict[str, Any]]:
        """The records of these rows (k,), without their pictures."""
        if not len(rows):
            return []
        # A batch is four times faster than a table here, and a few columns' lists than `to_pylist` of the whole.
        source = self._batches[0] if len(self._batches) == 1 else self.fields
        columns = [column.to_pylist() for column in source.take(pa.array(rows, pa.int64())).columns]
        return [dict(zip(self.fields.column_names, values, strict=True)) for values in zip(*columns, strict=True)]

    def thumbnail(self, row: int) -> Image.Image:
        """The small picture of a row.

        Raises:
            QueryError: the index was made without pictures.
        """
        encoded = self.table[THUMBNAIL][row].as_py() if THUMBNAIL in self.table.column_names else None
        if encoded is None:
            raise QueryError(f"the index holds no picture of {self.ids[row]!r}; it was made without pictures.")
        return decode_image(encoded)

    def texts(self, *fields: str) -> np.ndarray:
        """Of each record the first of these fields that is filled: object (N,), None where none is."""
        known = [pc.if_else(pc.equal(self.fields[f], ""), None, self.fields[f]) for f in fields if self._has_text(f)]
        return pc.coalesce(*known).to_numpy() if known else np.full(len(self), None, dtype=object)

    def extended(self, other: Self) -> Self:
        """These records and then the others; a field that only one side has is null on the other.

        Raises:
            PaintingIndexError: a field holds texts on one side and numbers on the other.
        """
        try:
            return type(self)(pa.concat_tables([self.table, other.table], promote_options="permissive"))
        except pa.ArrowException as error:
            reason = str(error).splitlines()[0]
            raise PaintingIndexError(f"the new records do not fit those of the index: {reason}") from None

    def without(self, rows: np.ndarray) -> Self:
        """The records but these rows, in the same order."""
        kept = np.ones(len(self), dtype=bool)
        kept[rows] = False
        return type(self)(self.table.filter(pa.array(kept)))

    def column(self, field: str) -> list[Any]:
        """One field of every record.

        Raises:
            QueryError: there is no such field.
        """
        if field not in self.fields.column_names:
            raise QueryError(f"the records have no field {field!r}; they have {', '.join(self.fields.column_names)}.")
        return self.fields[field].to_pylist()

    def contents(self) -> Iterable[bytes | None]:
        """Of each record its small picture, encoded; None where there is none."""
        if THUMBNAIL not in self.table.column_names:
            return repeat(None, len(self))
        batches = self.table.select([THUMBNAIL]).to_batches(max_chunksize=BLOCK)
        return (picture for batch in batches for picture in batch[THUMBNAIL].to_pylist())

    def _has_text(self, field: str) -> bool:
        return field in self.fields.column_names and pa.types.is_string(self.fields.schema.field(field).type)


def ids_of(dataset: Dataset, error: type[ArtExtractError] = PaintingIndexError) -> list[str]:
    """The ids of a collection, each once.

    Raises:
        ArtExtractError: it is no data set with ids, a record has none, or two have the same; the kind is `error`.
    """
    if "id" not in getattr(dataset, "column_names", ()):  # of a DatasetDict, those are by split
        raise error(f"a {type(dataset).__name__} without a column id is no collection; give one split, with ids.")
    refuse_duplicate_ids(ids := list(dataset["id"]), error)
    return ids


def set_of_ids(ids: str | Iterable[str]) -> set[str]:
    """Ids of paintings, or the one id that a text is.

    Raises:
        PaintingIndexError: what is given can be no ids.
    """
    try:
        return {ids} if isinstance(ids, str) else set(ids)
    except TypeError:
        raise PaintingIndexError(f"{ids!r} is no id and no list of ids.") from None


def refuse_duplicate_ids(ids: Iterable[str], error: type[ArtExtractError] = PaintingIndexError) -> None:
    """Refuse a collection in which a record has no id, or two have the same.

    Raises:
        ArtExtractError: it is one; the kind is `error`.
    """
    seen: set[str] = set()
    for id_ in ids:
        if not isinstance(id_, str):
            raise error(f"the id {id_!r} is no text; each painting needs its own.")
        if id_ in seen:
            raise error(f"the id {id_!r} appears twice; each painting needs its own.")
        seen.add(id_)


def is_plain(kind: pa.DataType) -> bool:
    """Whether records can hold values of an Arrow type: what JSON has, and Python holds whatever the value is."""
    if pa.types.is_struct(kind):
        names = [field.name for field in kind]
        return len(set(names)) == len(names) and all(is_plain(field.type) for field in kind)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return is_plain(kind.value_type)
    if pa.types.is_float16(kind):  # which no filter compares
        return False
    numbers = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    return bool(numbers or pa.types.is_null(kind) or _is_text(kind))


def refuse_other_types(fields: Iterable[pa.Field]) -> None:
    """Refuse fields of records that are of another type than the schema's, or that no record can hold.

    Raises:
        ValueError: one is; the picture is no field.
    """
    for field in fields:
        if field.name in TEXTS and not (_is_text(field.type) or pa.types.is_null(field.type)):
            raise ValueError(f"the column {field.name} holds {field.type}, not texts.")
        if field.name in YEARS and not (pa.types.is_integer(field.type) or pa.types.is_null(field.type)):
            raise ValueError(f"the column {field.name} holds {field.type}, not whole numbers.")
        if not is_plain(field.type):
            raise ValueError(f"the column {field.name!r} holds {field.type}, neither texts nor numbers.")


def known_types(schema: pa.Schema) -> pa.Schema:
    """Fields with the types of records where a column knows no value, and so has no type of its own."""
    kinds = dict.fromkeys(TEXTS, pa.string()) | dict.fromkeys(YEARS, pa.int32())
    return pa.schema(
        [f.with_type(kinds.get(f.name, f.type)) if pa.types.is_null(f.type) else f for f in schema], schema.metadata
    )


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def refuse_foreign_schema(schema: pa.Schema) -> None:
    """Refuse columns from a file or a database that are none of records, whoever made them.

    Raises:
        ValueError: ids that are no texts, thumbnails that are no pictures, two columns of one name, or other types.
    """
    names = schema.names
    if len(set(names)) != len(names):
        raise ValueError("two columns have one name.")
    if "id" not in names or not pa.types.is_string(schema.field("id").type):
        raise ValueError("not every record has an id.")
    if THUMBNAIL in names and not pa.types.is_binary(schema.field(THUMBNAIL).type):
        raise ValueError(f"the column {THUMBNAIL} holds no pictures.")
    refuse_other_types(field for field in schema if field.name != THUMBNAIL)


def refuse_foreign_records(table: pa.Table) -> None:
    """Refuse a table from a file that is none of records, whoever made the file.

    Raises:
        ValueError: its columns are none of records, or not every record has an id of its own.
        pa.ArrowException: its arrays do not fit together.
    """
    refuse_foreign_schema(table.schema)
    if table["id"].null_count:
        raise ValueError("not every record has an id.")
    fields = table.drop_columns([THUMBNAIL]) if THUMBNAIL in table.column_names else table
    fields.validate(full=True)
    if pc.count_distinct(fields["id"]).as_py() != len(table):
        raise ValueError("an id appears twice.")


def without_nan(table: pa.Table) -> pa.Table:
    """The table with null in place of NaN and infinities, which JSON does not have, and a filter takes as unknown."""
    for place, field in enumerate(table.schema):
        column = table.column(place)
        chunks = [finite(chunk) for chunk in column.chunks]
        if any(new is not old for new, old in zip(chunks, column.chunks, strict=True)):
            column = pa.chunked_array(chunks, chunks[0].type)
            table = table.set_column(place, pa.field(field.name, column.type), column)
    return table


def finite(values: pa.Array) -> pa.Array:
    """Values with null in place of numbers that JSON does not have, also in lists and structures; or the same array."""
    if _is_finite(values):
        return values
    if pa.types.is_floating(values.type):
        return pc.if_else(pc.is_finite(values), values, None)
    return pa.array([_json_value(value) for value in values.to_pylist()], values.type)


def _is_finite(values: pa.Array) -> bool:
    if pa.types.is_floating(values.type):
        return pc.all(pc.is_finite(values)).as_py() is not False  # None where all are null
    if pa.types.is_struct(values.type):
        return all(map(_is_finite, values.flatten()))
    return not hasattr(values, "values") or _is_finite(values.flatten())


def _json_value(value: Any) -> Any:
    """A value of a record, rebuilt where it holds others."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list):
        return [_json_value(part) for part in value]
    return {key: _json_value(part) for key, part in value.items()} if isinstance(value, dict) else value
