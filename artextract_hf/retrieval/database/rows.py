"""What lies in a table of paintings: one row a painting, and in the metadata of its schema what the vectors came from.

id, title, ...   the fields of the record; a label is its name, null where unknown
thumbnail        JPEG, null where the collection came without pictures
vector           float32, of fixed length
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa
from datasets import Dataset, Features

from artextract_hf.data.schema import SkipList
from artextract_hf.embedders.protocol import Embedder
from artextract_hf.errors import ArtExtractError, PaintingIndexError
from artextract_hf.retrieval.embed import embedded_batches, names_of_classes
from artextract_hf.retrieval.records import THUMBNAIL, RecordTable
from artextract_hf.retrieval.vectors.store import VectorStore

VECTOR = "vector"
ABOUT = b"artextract"  # key of the schema's metadata: JSON with metric, embedder, fingerprint
BLOCK = 4096  # rows handed to the database at a time


def table_schema(fields: Iterable[pa.Field], dim: int, about: Mapping[str, str]) -> pa.Schema:
    """Columns for records with these fields and vectors of this length.

    Raises:
        PaintingIndexError: a field has the name of the column of vectors.
    """
    fields = [field for field in fields if field.name != THUMBNAIL]
    if any(field.name == VECTOR for field in fields):
        raise PaintingIndexError(f"a field of the records is called {VECTOR!r}, as the vectors are; rename it.")
    own = [pa.field(THUMBNAIL, pa.binary()), pa.field(VECTOR, pa.list_(pa.float32(), dim))]
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
        about: dict[str, str] = json.loads((schema.metadata or {})[ABOUT])
    except KeyError:
        raise PaintingIndexError(f"the table {name!r} is no index of paintings; choose another name.") from None
    return about


def picture_rows(
    dataset: Dataset, embedder: Embedder, skipped: SkipList, schema: pa.Schema, metric: str, *, progress: bool
) -> Iterator[pa.RecordBatch]:
    """The rows of a data set, a batch of pictures at a time; numbers that are none become null."""
    for vectors, rows in embedded_batches(dataset, embedder, skipped, progress=progress):
        columns = {VECTOR: _vector_column(vectors, metric)}
        for field in schema:
            if field.name != VECTOR:
                columns[field.name] = pa.array([row.get(field.name) for row in rows], field.type, from_pandas=True)
        yield pa.RecordBatch.from_pydict(columns, schema=schema)


def vector_rows(vectors: np.ndarray, records: RecordTable, schema: pa.Schema, metric: str) -> Iterator[pa.RecordBatch]:
    """The rows of records that have their vectors (N, dim) already."""
    table = records.table
    if THUMBNAIL not in table.column_names:
        table = table.append_column(THUMBNAIL, pa.nulls(len(table), pa.binary()))
    for start in range(0, len(table), BLOCK):
        part = table.slice(start, BLOCK)
        columns = {name: part[name].combine_chunks() for name in part.column_names}
        columns[VECTOR] = _vector_column(vectors[start : start + BLOCK], metric)
        yield pa.RecordBatch.from_pydict(columns, schema=schema)


def checked(vectors: np.ndarray, metric: str) -> np.ndarray:
    """Vectors (n, dim) that the file index would take: finite, and of length 1 where the metric is the cosine.

    Raises:
        QueryError: others.
    """
    return VectorStore.build(vectors, factory="flat", metric=metric).vectors()


def written(
    what: str,
    write: Callable[[pa.RecordBatchReader], Any],
    schema: pa.Schema,
    batches: Iterable[pa.RecordBatch],
) -> Any:
    """Stream batches into the database; what they raise comes out as it was, not as the engine retells it.

    Raises:
        PaintingIndexError: the database refused them; `what` begins its message.
    """
    failures: list[Exception] = []

    def watched() -> Iterator[pa.RecordBatch]:
        try:
            yield from batches
        except Exception as error:
            failures.append(error)
            raise

    try:
        with said_in_one_line(what):
            return write(pa.RecordBatchReader.from_batches(schema, watched()))
    except PaintingIndexError:
        if failures:
            raise failures[0] from None
        raise


@contextmanager
def said_in_one_line(what: str) -> Iterator[None]:
    """LanceDB's errors, which are of many kinds and lengths, as one of ours."""
    try:
        yield
    except ArtExtractError:
        raise
    except (ValueError, OSError, RuntimeError) as error:
        raise PaintingIndexError(f"{what}: {str(error).splitlines()[0][:300]}") from None


def _vector_column(vectors: np.ndarray, metric: str) -> pa.FixedSizeListArray:
    return pa.FixedSizeListArray.from_arrays(pa.array(checked(vectors, metric).ravel()), vectors.shape[1])
