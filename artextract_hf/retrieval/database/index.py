"""A vector database behind the interface of `PaintingIndex`, for collections that outgrow a file.

    index = DatabaseIndex.build(paintings, embedder, "folder_of_databases", "paintings")
    index = DatabaseIndex.open("folder_of_databases", "paintings")     # this machine, nothing to be started
    index = DatabaseIndex.open("s3://bucket/databases", "paintings")   # object storage: any number of machines read it
    index = DatabaseIndex.open("db://museum", "paintings")             # a LanceDB cluster; its key is LANCEDB_API_KEY
    index.search("my_painting.jpg", k=5, where="year >= 1870 and genre == 'portrait'")

The database is LanceDB, whose engine runs inside this process for the first two and on the servers for the third; the
client is the same. Every change is one version of the table, all or nothing, and other processes see it at once.
Vectors, records and small pictures lie on disk: the collection may be larger than the memory.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import pyarrow as pa
from datasets import Dataset
from PIL import Image

from artextract_hf.data.decode import decode_image
from artextract_hf.data.schema import SkipList, Skipped
from artextract_hf.embedders.auto import AutoEmbedder
from artextract_hf.embedders.protocol import Embedder
from artextract_hf.errors import ArtExtractError, PaintingIndexError, QueryError
from artextract_hf.retrieval.database.rows import (
    VECTOR,
    checked,
    picture_rows,
    read_about,
    record_fields,
    said_in_one_line,
    table_schema,
    vector_rows,
    written,
)
from artextract_hf.retrieval.database.where_sql import sql_literal, sql_where
from artextract_hf.retrieval.fingerprint import insist_on
from artextract_hf.retrieval.queries import Query, read_queries
from artextract_hf.retrieval.records import THUMBNAIL, refuse_twice
from artextract_hf.retrieval.snapshot import Ask, Hit
from artextract_hf.retrieval.storage import read_embeddings

if TYPE_CHECKING:
    from lancedb import DBConnection
    from lancedb.table import Table

DISTANCE = "_distance"
# metric: what LanceDB calls it
DISTANCES: dict[str, Literal["cosine", "dot", "l2"]] = {"cosine": "cosine", "ip": "dot", "l2": "l2"}
INDEX_FROM = 10_000  # records; below, comparing with every vector is exact and takes at most 25 ms (512 numbers each)
LIST = 8192  # vectors in a list of the index, LanceDB's own choice
PROBES = 20  # lists that a search reads at least: exact up to about 160,000 records, see benchmarks/search/database.py
IDS_AT_ONCE = 10_000  # that one condition names


class DatabaseIndex:
    """Paintings by similarity, in a table of a database. Made by `build` or `open`.

    Attributes:
        metric: `cosine`, `ip` or `l2`.
        embedder_name: what the embedder was loaded by.
        fingerprint: of the embedder.
        skipped: pictures that could not be decoded, and were left out.
    """

    def __init__(self, table: "Table", *, embedder: Embedder | None = None) -> None:
        self._table, self._given = table, embedder
        schema = table.schema
        about = read_about(table.name, schema)
        self.metric, self.embedder_name, self.fingerprint = (about[k] for k in ("metric", "embedder", "fingerprint"))
        self.dim = int(schema.field(VECTOR).type.list_size)
        self._fields = pa.schema([field for field in schema if field.name not in (VECTOR, THUMBNAIL)])
        self.skipped = SkipList()
        if embedder is not None:
            _ = self.embedder  # its check

    # --- making -----------------------------------------------------------------------------------------------------

    @classmethod
    def build(
        cls,
        dataset: Dataset,
        embedder: Embedder,
        uri: "str | DBConnection",
        table: str,
        *,
        metric: str = "cosine",
        progress: bool = False,
    ) -> Self:
        """Embed a collection into a new table, batch by batch: it never lies in memory as a whole.

        Args:
            dataset: records of `data/schema.py`; pictures that cannot be decoded are left out and listed in `.skipped`.
            embedder: anything with `embed`, `dim` and `fingerprint`.
            uri: as for `open`.
            table: its name.
            metric: `cosine`, `ip` or `l2`.
            progress: show a progress bar on a terminal.

        Raises:
            QueryError: an unknown metric.
            PaintingIndexError: nothing to index, an id that stands twice, or a table of this name.
        """
        _refuse_unknown(metric)
        refuse_twice(dataset["id"])
        name = getattr(embedder, "name", type(embedder).__name__)
        about = {"metric": metric, "embedder": name, "fingerprint": embedder.fingerprint}
        schema, skipped = table_schema(record_fields(dataset.features), embedder.dim, about), SkipList()
        rows = picture_rows(dataset, embedder, skipped, schema, metric, progress=progress)
        first = next(rows, None)
        if first is None:
            raise PaintingIndexError(f"no picture could be indexed ({len(skipped.items)} were left out).")
        index = cls(_made(uri, table, schema, chain([first], rows)), embedder=embedder)
        index.skipped = skipped
        index._tend()
        return index

    @classmethod
    def from_embeddings(
        cls,
        folder: str | Path,
        uri: "str | DBConnection",
        table: str,
        *,
        metric: str = "cosine",
        embedder: Embedder | None = None,
    ) -> Self:
        """Put what `artextract embed` wrote into a new table; no picture is decoded again.

        Args:
            folder: with embeddings.npy, records.parquet, ids.json and embedder.json.
            uri: as for `open`.
            table: its name.
            metric: as for `build`.
            embedder: as for `open`.

        Raises:
            QueryError: an unknown metric.
            PaintingIndexError: a file is missing, damaged or of another collection, the embedder is another, or a table
                of this name.
        """
        _refuse_unknown(metric)
        vectors, records, known = read_embeddings(Path(folder))
        if embedder is not None:
            insist_on(embedder, known["embedder"], known["fingerprint"])
        about = {"metric": metric, "embedder": known["embedder"], "fingerprint": known["fingerprint"]}
        schema = table_schema(records.table.schema, known["dim"], about)
        index = cls(_made(uri, table, schema, vector_rows(vectors, records, schema, metric)), embedder=embedder)
        index.skipped = SkipList([Skipped(**item) for item in known["skipped"]])
        index._tend()
        return index

    @classmethod
    def open(cls, uri: "str | DBConnection", table: str, *, embedder: Embedder | None = None) -> Self:
        """A table that `build` made.

        Args:
            uri: a folder, an address (`s3://`, `gs://`, `az://`, `db://`), or, where credentials or a host are not in
                the environment, what `lancedb.connect` made of them.
            table: its name.
            embedder: of its vectors; loaded by its name when a query needs it, where it is not given.

        Raises:
            PaintingIndexError: no such table, one of another program, or another embedder than that of its vectors.
        """
        with said_in_one_line(f"the table {table!r} cannot be opened"):
            opened = _connect(uri).open_table(table)
        return cls(opened, embedder=embedder)

    # --- changing: each is one version of the table ------------------------------------------------------------------

    def add(self, dataset: Dataset, *, progress: bool = False) -> None:
        """Index more paintings; ids must be new.

        Raises:
            PaintingIndexError: an id that the index or the dataset already holds; nothing is added then.
        """
        ids = list(dataset["id"])
        refuse_twice(ids)
        held = self._held(ids)
        if known := next((id_ for id_ in ids if id_ in held), None):
            raise PaintingIndexError(f"the id {known!r} is already in the index; update or remove it.")
        self._write(self._table.add, dataset, progress=progress)

    def remove(self, ids: Iterable[str]) -> None:
        """Take paintings out; the others keep their ids and order.

        Raises:
            PaintingIndexError: an id that the index does not hold; nothing is removed then.
        """
        if gone := set(ids):
            self._insist(sorted(gone))
            self._table.delete(_one_of(gone))

    def update(self, dataset: Dataset, *, progress: bool = False) -> None:
        """Replace paintings by those with the same ids; they move to the end of the order.

        A picture that cannot be decoded is listed in `.skipped`, and what the index holds of it stays.

        Raises:
            PaintingIndexError: an id that the index does not hold, or that the dataset holds twice; nothing changes.
        """
        ids = list(dataset["id"])
        refuse_twice(ids)
        self._insist(ids)
        self._write(self._table.merge_insert("id").when_matched_update_all().execute, dataset, progress=progress)

    def _write(self, write: Callable[[pa.RecordBatchReader], Any], dataset: Dataset, *, progress: bool) -> None:
        schema, skipped = self._table.schema, SkipList()
        if strange := [name for name in dataset.features if name not in {*self._fields.names, "image"}]:
            raise PaintingIndexError(f"the new records do not fit those of the index: it has no {strange[0]!r}.")
        batches = picture_rows(dataset, self.embedder, skipped, schema, self.metric, progress=progress)
        written("the table cannot be changed", write, schema, batches)
        self.skipped.items += skipped.items
        self._tend()

    def _tend(self) -> None:
        """Index what is large enough, and take new records into the index that is there."""
        from lancedb.index import BTree, IvfFlat

        if len(self) < INDEX_FROM:
            return
        if self._table.list_indices():
            self._table.optimize()
        else:
            self._table.create_index("id", config=BTree())
            lists = IvfFlat(distance_type=DISTANCES[self.metric], target_partition_size=LIST)
            self._table.create_index(VECTOR, config=lists)

    # --- asking -----------------------------------------------------------------------------------------------------

    def search(self, query: Query, k: int = 5, where: str | None = None) -> list[Hit]:
        """The paintings most similar to a query.

        Args:
            query: a picture in any form, a unit vector (dim,) of this index's embedder, or a text where the embedder
                reads texts.
            k: how many; fewer come where the index, or what `where` leaves of it, has fewer.
            where: a filter, see `filters.py`; k answers come if k records pass it.

        Raises:
            QueryError: k below 1, a vector of another length, a filter that cannot be read.
            ImageError: the query is no picture.
            PaintingIndexError: the embedder is not the one the index was built with.
        """
        ask = Ask(k, where)
        (vector,) = checked(read_queries([query], lambda: self.embedder, self.dim), self.metric)
        search: Any = self._table.search(vector, vector_column_name=VECTOR)
        # The lists beyond the nearest PROBES are read only where a filter left fewer than k: 0 is "all of them".
        search = (
            search.distance_type(DISTANCES[self.metric])
            .minimum_nprobes(PROBES)
            .maximum_nprobes(0)
            .limit(min(ask.k, max(len(self), 1)))
        )
        if where and where.strip():
            search = search.where(sql_where(where, self._fields), prefilter=True)
        found = search.select([*self._fields.names, DISTANCE]).to_arrow()
        scores = _scores(found[DISTANCE].to_numpy(), self.metric)
        records = found.select(self._fields.names).to_pylist()
        return [
            Hit(record["id"], score, rank, record)
            for rank, (score, record) in enumerate(zip(scores.tolist(), records, strict=True), 1)
        ]

    def thumbnail(self, id_: str) -> Image.Image:
        """A small picture of a painting, long side 256 px at most."""
        found = self._select([THUMBNAIL], _one_of([id_]))[THUMBNAIL].to_pylist()
        if not found:
            raise QueryError(f"the index holds no {id_!r}.")
        if found[0] is None:
            raise QueryError(f"the index holds no picture of {id_!r}; it was made from vectors alone.")
        return decode_image(found[0])

    @cached_property
    def embedder(self) -> Embedder:
        """The embedder of the index, loaded by its name when first needed, and checked."""
        embedder = self._given or AutoEmbedder.from_pretrained(self.embedder_name)
        insist_on(embedder, self.embedder_name, self.fingerprint)
        return embedder

    @property
    def ids(self) -> list[str]:
        """Ids of the paintings, in the order of the table."""
        ids: list[str] = self._select(["id"])["id"].to_pylist()
        return ids

    def __len__(self) -> int:
        return int(self._table.count_rows())

    def _select(self, columns: list[str], condition: str | None = None) -> pa.Table:
        search = self._table.search().select(columns).limit(max(len(self), 1))
        return (search.where(condition) if condition else search).to_arrow()

    def _held(self, ids: Sequence[str]) -> set[str]:
        """Those of the ids that the index holds."""
        parts = (ids[start : start + IDS_AT_ONCE] for start in range(0, len(ids), IDS_AT_ONCE))
        return set(chain.from_iterable(self._select(["id"], _one_of(part))["id"].to_pylist() for part in parts))

    def _insist(self, ids: Sequence[str]) -> None:
        held = self._held(ids)
        if unknown := next((id_ for id_ in ids if id_ not in held), None):
            raise PaintingIndexError(f"the index holds no {unknown!r}.")


def _connect(uri: "str | DBConnection") -> "DBConnection":
    try:
        import lancedb
    except ImportError:
        raise ArtExtractError("lancedb is missing; pip install 'artextract-hf[database]'.") from None
    if not isinstance(uri, str):
        return uri
    with said_in_one_line(f"the database {uri} cannot be reached"):
        # An interval of zero: a search sees what another process has just written.
        return lancedb.connect(uri, read_consistency_interval=timedelta(0))


def _made(uri: "str | DBConnection", table: str, schema: pa.Schema, rows: Iterable[pa.RecordBatch]) -> "Table":
    """A new table with these rows, or none where they fail."""
    database = _connect(uri)
    what = f"a table {table!r} cannot be made"
    made: Table = written(what, lambda reader: database.create_table(table, data=reader), schema, rows)
    return made


def _refuse_unknown(metric: str) -> None:
    if metric not in DISTANCES:
        raise QueryError(f"there is no metric {metric!r}; the metrics are {', '.join(DISTANCES)}.")


def _scores(distances: np.ndarray, metric: str) -> np.ndarray:
    """LanceDB's distances (1 - cosine, 1 - inner product, squared Euclidean) as scores, larger for more similar."""
    return -np.sqrt(distances) if metric == "l2" else 1 - distances


def _one_of(ids: Iterable[str]) -> str:
    return f"id IN ({', '.join(map(sql_literal, ids))})"
