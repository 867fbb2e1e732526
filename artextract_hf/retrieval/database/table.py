"""A table of paintings: its rows, the nearest of them, and what their scores are worth.

A search reads it as it is at that moment, where a `Snapshot` of an index in files stays as it was.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import pyarrow as pa
from PIL import Image

from artextract_hf.data.decode import decode_image
from artextract_hf.errors import PaintingIndexError, QueryError
from artextract_hf.retrieval.calibration import DEPTH, LABELS, MIN_QUERIES, Calibration, fit_calibration
from artextract_hf.retrieval.database.calibration import StoredCalibration
from artextract_hf.retrieval.database.connection import as_user_error, write_batches
from artextract_hf.retrieval.database.rows import VECTOR, read_about, refuse_foreign_columns, vectors_of
from artextract_hf.retrieval.database.where_sql import sql_literal, sql_where
from artextract_hf.retrieval.filters import filter_text
from artextract_hf.retrieval.records import THUMBNAIL, RecordTable
from artextract_hf.retrieval.rerank.rerankers import EXPANSION_K, Candidates, Gallery, find_reranker
from artextract_hf.retrieval.snapshot import Hit, SearchOptions, make_hits
from artextract_hf.retrieval.versions import group_versions, same_works

if TYPE_CHECKING:
    from lancedb import DBConnection
    from lancedb.table import Table

DISTANCE, QUERY = "_distance", "query_index"  # columns that LanceDB adds to what a search finds
# metric: what LanceDB calls it
DISTANCES: dict[str, Literal["cosine", "dot", "l2"]] = {"cosine": "cosine", "ip": "dot", "l2": "l2"}
INDEX_FROM = 10_000  # records; below, comparing with every vector is exact and takes at most 25 ms (512 numbers each)
LIST = 8192  # vectors in a list of the index, LanceDB's own choice
PROBES = 20  # lists that a search reads at least: exact up to about 160,000 records, see benchmarks/search/database.py
QUERIES_AT_ONCE = 64  # of one call; more are not faster
IDS_AT_ONCE = 10_000  # that one condition names
RERANKERS = ("expansion", "spatial")  # those that read the first answers; the others read all vectors
CALIBRATION_QUERIES = 1000  # records that are searched for at most to calibrate; some seconds


class PaintingTable:
    """One table of a database that holds paintings.

    Args:
        database: that holds the table.
        table: made by `create`.

    Attributes:
        name: of the table.
        schema: of its rows.
        fields: of the records, without picture and vector.
        metric: `cosine`, `ip` or `l2`.
        dim: length of the vectors.
        embedder_name: what the embedder was loaded by.
        fingerprint: of the embedder.
        calibration: what scores are worth.
    """

    def __init__(self, database: "DBConnection", table: "Table") -> None:
        self._table = table
        self.name, self.schema = table.name, table.schema
        about = read_about(self.name, self.schema)
        refuse_foreign_columns(self.name, self.schema)
        self.metric, self.embedder_name, self.fingerprint = (about[k] for k in ("metric", "embedder", "fingerprint"))
        self.dim = int(self.schema.field(VECTOR).type.list_size)
        self.fields = pa.schema([field for field in self.schema if field.name not in (VECTOR, THUMBNAIL)])
        self.calibration = StoredCalibration(database, self.name)

    @classmethod
    def create(cls, database: "DBConnection", name: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Self:
        """Make a table of these rows, or none if they fail.

        Raises:
            PaintingIndexError: there is a table of this name, or the database refuses the rows.
        """

        def write(reader: pa.RecordBatchReader) -> "Table":
            return database.create_table(name, data=reader)

        made = write_batches(write, schema, batches, failure=f"a table {name!r} cannot be made")
        table = cls(database, made)
        table.calibration.write(Calibration(), 0)  # not that of an earlier table of this name
        table.index_rows()
        return table

    @classmethod
    def open(cls, database: "DBConnection", name: str) -> Self:
        """A table that `create` made.

        Raises:
            PaintingIndexError: there is no such table, or it was made by another program.
        """
        with as_user_error(f"the table {name!r} cannot be opened"):
            table = database.open_table(name)
        return cls(database, table)

    # --- searching --------------------------------------------------------------------------------------------------

    def search(self, vectors: np.ndarray, options: SearchOptions, *, without: str | None = None) -> list[list[Hit]]:
        """The hits of each query (Q, dim), best first; fewer than k where fewer are left to be found.

        Args:
            vectors: that the metric can take.
            options: of the search.
            without: id of a painting that is not to be found.
        """
        if options.fold:
            return [self._works(vector, options, without) for vector in vectors]
        found = self.nearest(vectors, options.k + (without is not None), options.where)
        works = [[[place] for place in _places(table, without)[: options.k]] for table in found]
        return [self._hits(table, places) for table, places in zip(found, works, strict=True)]

    def nearest(
        self, vectors: np.ndarray, k: int, where: str | None = None, *, pictures: bool = False
    ) -> list[pa.Table]:
        """For each query (Q, dim) the records that are nearest, best first, with their DISTANCE; k if there are k.

        Args:
            vectors: that the metric can take.
            k: how many.
            where: a filter, see `filters.py`.
            pictures: give the column of small pictures too.
        """
        columns = [*self.fields.names, *([THUMBNAIL] if pictures else []), DISTANCE]
        text = filter_text(where)
        condition = sql_where(text, self.fields) if text else None
        limit = min(k, max(len(self), 1))
        blocks = [vectors[start : start + QUERIES_AT_ONCE] for start in range(0, len(vectors), QUERIES_AT_ONCE)]
        return list(chain.from_iterable(self._nearest(block, limit, condition, columns) for block in blocks))

    def _nearest(self, vectors: np.ndarray, k: int, condition: str | None, columns: list[str]) -> list[pa.Table]:
        one = len(vectors) == 1
        search: Any = self._table.search(vectors[0] if one else list(vectors), vector_column_name=VECTOR)
        # The lists beyond the nearest PROBES are read only where a filter left fewer than k: 0 is "all of them".
        search = search.distance_type(DISTANCES[self.metric]).minimum_nprobes(PROBES).maximum_nprobes(0).limit(k)
        if condition:
            search = search.where(condition, prefilter=True)
        with as_user_error(f"the table {self.name!r} cannot be searched"):
            found = search.select(columns).to_arrow()
        if one:
            return [found.select(columns)]
        found = found.sort_by([(QUERY, "ascending"), (DISTANCE, "ascending")])
        ends = np.searchsorted(found[QUERY].to_numpy(), np.arange(len(vectors) + 1)).tolist()
        found = found.select(columns)
        return [found.slice(start, end - start) for start, end in zip(ends, ends[1:], strict=False)]

    def _works(self, vector: np.ndarray, options: SearchOptions, without: str | None) -> list[Hit]:
        """The nearest k works of one query (dim,); looks deeper until there are k, or no more."""
        depth = 2 * options.k
        while True:
            (found,) = self.nearest(vector[None], depth + (without is not None), options.where, pictures=True)
            places, records = _places(found, without)[:depth], RecordTable(found)
            works = group_versions(same_works([records.thumbnail(place) for place in places]))
            if len(works) >= options.k or len(places) < depth:
                break
            depth *= 2
        return self._hits(found, [[places[hit] for hit in work] for work in works[: options.k]])

    def _hits(self, found: pa.Table, works: list[list[int]]) -> list[Hit]:
        """One hit for each work, whose places in what was found are given."""
        first, ids = [work[0] for work in works], found["id"].to_pylist()
        records = RecordTable(found.select(self.fields.names)).at(first)
        versions = [tuple(ids[place] for place in work[1:]) for work in works]
        scores = self._scores(found)[first] if first else np.zeros(0)
        return make_hits(records, scores, self.calibration.read(), versions=versions)

    def _scores(self, found: pa.Table) -> np.ndarray:
        """LanceDB's distances (1 - cosine, 1 - inner product, squared Euclidean) as scores, larger for more similar."""
        distances = found[DISTANCE].to_numpy()
        return -np.sqrt(distances) if self.metric == "l2" else 1 - distances

    def candidates(self, vector: np.ndarray, hits: Sequence[Hit]) -> Candidates:
        """The hits of a query (dim,) as the RERANKERS read them.

        Their gallery holds the vectors of these hits and of the nearest of all; it finds only the latter.
        """
        (found,) = self.nearest(vector[None], EXPANSION_K)
        near, count = self.vectors(found["id"].to_pylist()), len(hits)
        places = count + np.arange(len(near))
        gallery = Gallery(
            np.concatenate([self.vectors([hit.id for hit in hits]), near]),
            search=lambda queries, k: (queries @ near[:k].T, places[None, :k]),
        )
        return Candidates(np.arange(count), gallery)

    # --- reading ----------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return int(self._table.count_rows())

    def ids(self) -> list[str]:
        """Ids of the paintings, in the order of the table."""
        ids: list[str] = self._select(["id"])["id"].to_pylist()
        return ids

    def vectors(self, ids: Sequence[str]) -> np.ndarray:
        """The vectors (n, dim) of these paintings.

        Raises:
            QueryError: there is no such painting.
        """
        return vectors_of(self._rows(ids, VECTOR))

    def thumbnails(self, ids: Sequence[str]) -> list[Image.Image]:
        """The small pictures of these paintings.

        Raises:
            QueryError: there is no such painting, or no picture of it.
        """
        encoded = self._rows(ids, THUMBNAIL)[THUMBNAIL].to_pylist()
        if missing := [id_ for id_, data in zip(ids, encoded, strict=True) if data is None]:
            raise QueryError(f"the index holds no picture of {missing[0]!r}; it was made without pictures.")
        return [decode_image(data) for data in encoded]

    def existing(self, ids: Sequence[str]) -> set[str]:
        """Those of the ids that the table holds."""
        parts = (ids[start : start + IDS_AT_ONCE] for start in range(0, len(ids), IDS_AT_ONCE))
        return set(chain.from_iterable(self._select(["id"], _one_of(part))["id"].to_pylist() for part in parts))

    def refuse_known(self, ids: Sequence[str]) -> None:
        """Raise PaintingIndexError for the first of the ids that the table holds already."""
        existing = self.existing(ids)
        if known := next((id_ for id_ in ids if id_ in existing), None):
            raise PaintingIndexError(f"the id {known!r} is already in the index; update or remove it.")

    def refuse_unknown(self, ids: Sequence[str]) -> None:
        """Raise PaintingIndexError for the first of the ids that the table does not hold."""
        existing = self.existing(ids)
        if unknown := next((id_ for id_ in ids if id_ not in existing), None):
            raise PaintingIndexError(f"the index holds no {unknown!r}.")

    def batches(self) -> pa.RecordBatchReader:
        """All rows, some at a time."""
        return self._table.search().select(self.schema.names).limit(max(len(self), 1)).to_batches()

    def _rows(self, ids: Sequence[str], column: str) -> pa.Table:
        """`id` and a column of these paintings, in this order."""
        texts = [id_ for id_ in ids if isinstance(id_, str)]  # no other can be an id
        nothing = self.schema.empty_table().select(["id", column])
        found = self._select(["id", column], _one_of(texts)) if texts else nothing
        place = {id_: row for row, id_ in enumerate(found["id"].to_pylist())}
        if missing := [id_ for id_ in ids if not isinstance(id_, str) or id_ not in place]:
            raise QueryError(f"the index holds no {missing[0]!r}.")
        return found.take(pa.array([place[id_] for id_ in ids], pa.int64()))

    def _select(self, columns: list[str], condition: str | None = None) -> pa.Table:
        search = self._table.search().select(columns).limit(max(len(self), 1))
        with as_user_error(f"the table {self.name!r} cannot be read"):
            return (search.where(condition) if condition else search).to_arrow()

    # --- changing: each is one version of the table ------------------------------------------------------------------

    def add(self, batches: Iterable[pa.RecordBatch]) -> None:
        """Put rows at the end."""
        self._write(self._table.add, batches)

    def update(self, batches: Iterable[pa.RecordBatch]) -> None:
        """Replace the rows with the same ids; they move to the end."""
        self._write(self._table.merge_insert("id").when_matched_update_all().execute, batches)

    def remove(self, ids: Iterable[str]) -> None:
        """Take rows out."""
        with as_user_error(f"the table {self.name!r} cannot be changed"):
            self._table.delete(_one_of(ids))

    def _write(self, write: Callable[[pa.RecordBatchReader], Any], batches: Iterable[pa.RecordBatch]) -> None:
        write_batches(write, self.schema, batches, failure=f"the table {self.name!r} cannot be changed")
        self.index_rows()

    def index_rows(self) -> None:
        """Make the indexes that a search reads if the table is large enough, or take new rows into them."""
        from lancedb.index import BTree, IvfFlat

        if len(self) < INDEX_FROM:
            return
        with as_user_error(f"the table {self.name!r} cannot be indexed"):
            if self._table.list_indices():
                self._table.optimize()
                return
            self._table.create_index("id", config=BTree())
            lists = IvfFlat(distance_type=DISTANCES[self.metric], target_partition_size=LIST)
            self._table.create_index(VECTOR, config=lists)

    # --- calibration ------------------------------------------------------------------------------------------------

    def fit_calibration(self) -> None:
        """Measure what scores are worth, by searches for some of the records, and keep it."""
        count = len(self)
        self.calibration.write(self._measure(count) if count >= MIN_QUERIES else Calibration(), count)

    def _measure(self, count: int) -> Calibration:
        offsets = np.linspace(0, count - 1, min(count, CALIBRATION_QUERIES)).round().astype(np.int64)
        with as_user_error(f"the table {self.name!r} cannot be read"):
            sample: Any = self._table.take_offsets(offsets.tolist()).select([*self.fields.names, VECTOR]).to_arrow()
        found, depth = self.nearest(vectors_of(sample), min(DEPTH, count - 1) + 1), min(DEPTH, count - 1)
        # Where a record is not among its own nearest, lost among its equals, the last of them is left out instead.
        places = [_places(near, id_)[:depth] for near, id_ in zip(found, sample["id"].to_pylist(), strict=True)]
        whole = [row for row, kept in enumerate(places) if len(kept) == depth]  # all, unless rows vanish meanwhile
        near = [found[row].take(pa.array(places[row], pa.int64())) for row in whole]
        scores = np.stack([self._scores(table) for table in near])
        asked, answers = RecordTable(sample.drop_columns([VECTOR]).take(whole)), RecordTable(pa.concat_tables(near))
        own = {name: asked.texts(*fields) for name, fields in LABELS.items()}
        others = {name: answers.texts(*fields).reshape(scores.shape) for name, fields in LABELS.items()}
        return fit_calibration(scores, own, others)


def refuse_other_rerankers(name: str) -> None:
    """Refuse a way of re-ranking for which `PaintingTable.candidates` does not suffice.

    Raises:
        QueryError: there is no such re-ranker, or it reads all vectors.
    """
    find_reranker(name)
    if name not in RERANKERS:
        raise QueryError(
            f"re-ranking by {name} reads all vectors, which a database keeps on disk; "
            f"take {' or '.join(RERANKERS)}, or search a PaintingIndex."
        )


def _places(found: pa.Table, without: str | None) -> list[int]:
    """Places of what was found, without a painting that is not wanted."""
    return [place for place, id_ in enumerate(found["id"].to_pylist()) if id_ != without]


def _one_of(ids: Iterable[str]) -> str:
    return f"id IN ({', '.join(map(sql_literal, ids))})"
