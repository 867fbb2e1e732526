"""What lies in a table of paintings: one row a painting, and in the metadata of its schema what the vectors came from.

id, title, ...   the fields of the record; a label is its name, null where unknown
thumbnail        JPEG, null where the collection came without pictures
vector           float32, of fixed length
"""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from datasets import Dataset, Features

from artextract_hf.data.schema import SkipList
from artextract_hf.embedders.protocol import Embedder
from artextract_hf.errors import PaintingIndexError
from artextract_hf.retrieval.embed import embedded_batches, names_of_classes
from artextract_hf.retrieval.records import THUMBNAIL, RecordTable, finite, refuse_foreign_schema
from artextract_hf.retrieval.vectors.scan import METRICS, check_metric, check_vectors

VECTOR = "vector"
ABOUT = b"artextract"  # key of the schema's metadata: JSON with metric, embedder, fingerprint
BLOCK = 4096  # rows handed to the database at a time


def table_schema(fields: Iterable[pa.Field], dim: int, *, metric: str, embedder: str, fingerprint: str) -> pa.Schema:
    """Columns for records with these fields and vectors of this length.

    Args:
        fields: of the records.
        dim: length of the vectors.
        metric: by which they are compared.
        embedder: name of what made them.
        fingerprint: of the embedder.

    Raises:
        QueryError: an unknown metric.
        PaintingIndexError: a field has the name of the column of vectors.
    """
    check_metric(metric)
    fields = [field for field in fields if field.name != THUMBNAIL]
    if any(field.name == VECTOR for field in fields):
        raise PaintingIndexError(f"a field of the records is called {VECTOR!r}, as the vectors are; rename it.")
    own = [pa.field(THUMBNAIL, pa.binary()), pa.field(VECTOR, pa.list_(pa.float32(), dim))]
    about = {"metric": metric, "embedder": embedder, "fingerprint": fingerprint}
    return pa.schema([*fields, *own], metadata={ABOUT: json.dumps(about)})


def record_fields(features: Features) -> list[pa.Field]:
    """The fields that the records of a data set become."""
    labels = names_of_classes(features)
    return [f.with_type(pa.string()) if f.name in labels else f for f in features.arrow_schema if f.name != "image"]


def read_about(name: str, schema: pa.Schema) -> dict[str, str]:
    """Metric, embedder and fingerprint of a table.

    Raises:
        PaintingIndexError: the table was made by something else.
    """
    try:
        about = json.loads((schema.metadata or {})[ABOUT])
        known = {key: about[key] for key in ("metric", "embedder", "fingerprint")}
        fits = all(isinstance(value, str) for value in known.values()) and known["metric"] in METRICS
        kind = schema.field(VECTOR).type
    except (KeyError, TypeError, ValueError, RecursionError):
        fits = False
    fits = fits and pa.types.is_fixed_size_list(kind) and kind.value_type == pa.float32() and kind.list_size > 0
    if not fits:
        raise PaintingIndexError(f"the table {name!r} is no index of paintings; choose another name.")
    return known


def refuse_foreign_columns(name: str, schema: pa.Schema) -> None:
    """Refuse the columns of a table that are none of records, by the rules of an index in files.

    Raises:
        PaintingIndexError: one is of another type, or is missing.
    """
    try:
        refuse_foreign_schema(pa.schema([field for field in schema if field.name != VECTOR]))
    except ValueError as error:
        raise PaintingIndexError(f"the table {name!r} is damaged: {error}") from None
    if THUMBNAIL not in schema.names:
        raise PaintingIndexError(f"the table {name!r} is damaged: it has no column {THUMBNAIL}.")


def picture_rows(
    dataset: Dataset, embedder: Embedder, skipped: SkipList, schema: pa.Schema, *, progress: bool
) -> Iterator[pa.RecordBatch]:
    """The rows of a data set, a batch of pictures at a time; numbers that are none become null."""
    metric = read_about("", schema)["metric"]
    for vectors, rows in embedded_batches(dataset, embedder, skipped, progress=progress):
        columns = {VECTOR: _vector_column(vectors, metric)}
        for field in schema:
            if field.name != VECTOR:
                columns[field.name] = finite(pa.array([row.get(field.name) for row in rows], field.type))
        yield pa.RecordBatch.from_pydict(columns, schema=schema)


def vector_rows(
    read_vectors: Callable[[np.ndarray], np.ndarray], records: RecordTable, schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    """The rows of records that have their vectors already.

    Args:
        read_vectors: gives the vectors (n, dim) of some rows (n,).
        records: of the paintings.
        schema: of the table.
    """
    table, metric = records.table, read_about("", schema)["metric"]
    if THUMBNAIL not in table.column_names:
        table = table.append_column(THUMBNAIL, pa.nulls(len(table), pa.binary()))
    for start in range(0, len(table), BLOCK):
        part = table.slice(start, BLOCK)
        columns: dict[str, Any] = {name: part[name].combine_chunks() for name in part.column_names}
        columns[VECTOR] = _vector_column(read_vectors(np.arange(start, start + len(part))), metric)
        yield pa.RecordBatch.from_pydict(columns, schema=schema)


def vectors_of(table: pa.Table) -> np.ndarray:
    """The vectors (n, dim) of rows."""
    column = table[VECTOR].combine_chunks()
    return column.flatten().to_numpy().reshape(-1, column.type.list_size)


def _vector_column(vectors: np.ndarray, metric: str) -> pa.FixedSizeListArray:
    dim = vectors.shape[1]
    return pa.FixedSizeListArray.from_arrays(pa.array(check_vectors(vectors, dim, metric).ravel()), dim)
