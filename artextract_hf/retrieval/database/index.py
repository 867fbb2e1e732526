"""A vector database behind the calls of `PaintingIndex`, for collections that outgrow the memory.

    index = DatabaseIndex.build(paintings, embedder, "folder_of_databases", "paintings")
    index = DatabaseIndex.open("folder_of_databases", "paintings")     # this machine, nothing to be started
    index = DatabaseIndex.open("s3://bucket/databases", "paintings")   # object storage: any number of machines read it
    index = DatabaseIndex.open("db://museum", "paintings")             # a LanceDB cluster; its key is LANCEDB_API_KEY
    index.search("my_painting.jpg", k=5, where="year >= 1870 and genre == 'portrait'")

The database is LanceDB, whose engine runs inside this process for the first two and on the servers for the third; the
client is the same. Every change is one version of the table, all or nothing, and other processes see it at once.
Vectors, records and small pictures lie on disk: the collection may be larger than the memory. So there are no calls
that give all of them, and no re-ranking that reads all vectors.
"""

from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa
from datasets import Dataset
from PIL import Image

from artextract_hf.data.schema import SkipList
from artextract_hf.embedders.protocol import Embedder, check_protocol
from artextract_hf.errors import PaintingIndexError, QueryError
from artextract_hf.retrieval.calibration import Calibration
from artextract_hf.retrieval.database.connection import check_table_name, connect
from artextract_hf.retrieval.database.export import write_table
from artextract_hf.retrieval.database.rows import picture_rows, record_fields, table_schema, vector_rows
from artextract_hf.retrieval.database.table import PaintingTable, refuse_other_rerankers
from artextract_hf.retrieval.embed import indexed_columns
from artextract_hf.retrieval.fingerprint import check_embedder
from artextract_hf.retrieval.named_embedder import load_named_embedder
from artextract_hf.retrieval.publication import Publishable
from artextract_hf.retrieval.queries import Query, combine, is_text, listed, read_queries
from artextract_hf.retrieval.records import ids_of, set_of_ids
from artextract_hf.retrieval.rerank.search import search_reranked
from artextract_hf.retrieval.snapshot import Hit, SearchOptions, without_calibration
from artextract_hf.retrieval.storage import find_index, read_embeddings, read_index
from artextract_hf.retrieval.vectors.scan import check_vectors
from artextract_hf.retrieval.vectors.store import VectorStore

if TYPE_CHECKING:
    from lancedb import DBConnection

IN_MEMORY = "memory://"  # of LanceDB


class DatabaseIndex(Publishable):
    """Paintings by similarity, in a database. Made by `build`, `from_embeddings`, `from_pretrained` or `open`.

    Attributes:
        metric: `cosine`, `ip` or `l2`.
        dim: length of the vectors.
        embedder_name: what the embedder was loaded by.
        fingerprint: of the embedder.
        skipped: pictures that could not be decoded, and were left out.
    """

    def __init__(self, table: PaintingTable, *, embedder: Embedder | None = None) -> None:
        if embedder is not None:
            check_embedder(embedder, table.embedder_name, table.fingerprint)
        self._table, self._given = table, embedder
        self.metric, self.dim = table.metric, table.dim
        self.embedder_name, self.fingerprint = table.embedder_name, table.fingerprint
        self.skipped = SkipList()

    # --- making -----------------------------------------------------------------------------------------------------

    @classmethod
    def build(
        cls,
        dataset: Dataset,
        embedder: Embedder,
        uri: "str | Path | DBConnection",
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
            ModelError: no embedder.
            PaintingIndexError: nothing to index, two records with one id, or a table of this name.
        """
        check_protocol(embedder)
        check_table_name(table)
        name = getattr(embedder, "name", type(embedder).__name__)
        about = {"metric": metric, "embedder": name, "fingerprint": embedder.fingerprint}
        ids_of(dataset)
        dataset = indexed_columns(dataset)
        schema, skipped = table_schema(record_fields(dataset.features), embedder.dim, **about), SkipList()
        rows = picture_rows(dataset, embedder, skipped, schema, progress=progress)
        first = next(rows, None)
        if first is None:
            raise PaintingIndexError(f"no picture could be indexed ({skipped.summary()}).")
        index = cls(PaintingTable.create(connect(uri), table, schema, chain([first], rows)), embedder=embedder)
        index.skipped = skipped
        index.fit_calibration()
        return index

    @classmethod
    def from_embeddings(
        cls,
        folder: str | Path,
        uri: "str | Path | DBConnection",
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
        vectors, records, known = read_embeddings(Path(folder))
        if embedder is not None:
            check_embedder(embedder, known["embedder"], known["fingerprint"])
        about = {key: known[key] for key in ("embedder", "fingerprint")}
        schema = table_schema(records.table.schema, known["dim"], metric=metric, **about)
        rows = vector_rows(vectors.__getitem__, records, schema)
        index = cls(PaintingTable.create(connect(uri), table, schema, rows), embedder=embedder)
        index.skipped = SkipList.from_json(known["skipped"])
        index.fit_calibration()
        return index

    @classmethod
    def from_pretrained(
        cls,
        name: str | Path,
        revision: str | None = None,
        *,
        uri: "str | Path | DBConnection" = IN_MEMORY,
        table: str = "paintings",
        embedder: Embedder | None = None,
    ) -> Self:
        """Put an index in files, from a folder or a dataset repository of the Hub, into a new table.

        Args:
            name: the folder, or `owner/name` of the repository.
            revision: a branch, a tag or a commit of the repository.
            uri: as for `open`; without one, the database lies in the memory of this process.
            table: its name.
            embedder: as for `open`.

        Raises:
            PaintingIndexError: the index is missing, damaged or of another kind, the embedder is another, or there is a
                table of this name.
        """
        store, records, known = read_index(find_index(name, revision), VectorStore.load)
        if embedder is not None:
            check_embedder(embedder, known["embedder"], known["fingerprint"])
        calibration = Calibration.from_json(known.get("calibration", {}))
        about = {key: known[key] for key in ("embedder", "fingerprint")}
        schema = table_schema(records.table.schema, store.dim, metric=store.metric, **about)
        made = PaintingTable.create(connect(uri), table, schema, vector_rows(store.vectors, records, schema))
        made.calibration.write(calibration, len(records))
        return cls(made, embedder=embedder)

    @classmethod
    def open(cls, uri: "str | Path | DBConnection", table: str, *, embedder: Embedder | None = None) -> Self:
        """A table that is there already.

        Args:
            uri: a folder, an address (`s3://`, `gs://`, `az://`, `db://`), or, where credentials or a host are not in
                the environment, what `lancedb.connect` made of them.
            table: its name.
            embedder: of its vectors; loaded by its name when a query needs it, if it is not given.

        Raises:
            PaintingIndexError: no such table, one of another program, or another embedder than that of its vectors.
        """
        return cls(PaintingTable.open(connect(uri, create=False), table), embedder=embedder)

    # --- searching --------------------------------------------------------------------------------------------------

    def search(
        self, query: Query, k: int = 5, where: str | None = None, *, fold: bool = False, rerank: str | None = None
    ) -> list[Hit]:
        """The paintings most similar to a query.

        Args:
            query: a picture in any form, a unit vector (dim,) of this index's embedder, or a text if the embedder
                reads texts; a string that names no file and no address is a text.
            k: how many; fewer come where the index has fewer, or `where` leaves fewer.
            where: a filter, see `filters.py`; k answers come if k records pass it.
            fold: make one hit of all pictures of the same work.
            rerank: put the nearest into a better order by `expansion` or `spatial`, see `rerank/rerankers.py`; hits
                keep their scores.

        Raises:
            QueryError: as of `PaintingIndex.search`, or a way of re-ranking that reads all vectors.
            ImageError: the query is not a picture.
            ModelError: re-ranking by feature maps, with an embedder that gives none.
            PaintingIndexError: the embedder is not the one the index was built with.
        """
        return self.search_many([query], k, where, fold=fold, rerank=rerank)[0]

    def search_many(
        self,
        queries: Sequence[Query],
        k: int = 5,
        where: str | None = None,
        *,
        fold: bool = False,
        rerank: str | None = None,
    ) -> list[list[Hit]]:
        """`search` for several queries, which are embedded in one batch and searched some at a time."""
        options = SearchOptions(k, where, fold)
        if rerank is not None:
            refuse_other_rerankers(rerank)
            if fold:
                raise QueryError("give fold or rerank, not both.")
        queries = listed(queries)
        vectors = self._read(queries)
        if rerank is None:
            answers = self._table.search(vectors, options)
        else:
            source, name = self._table, rerank
            answers = search_reranked(source, queries, vectors, options, name=name, embedder=lambda: self.embedder)
        return [
            without_calibration(hits) if is_text(query) else hits for query, hits in zip(queries, answers, strict=True)
        ]

    def search_examples(
        self,
        like: Sequence[Query],
        unlike: Sequence[Query] = (),
        k: int = 5,
        where: str | None = None,
        *,
        fold: bool = False,
    ) -> list[Hit]:
        """The paintings that are like some examples, and not like others; `queries.combine` has the formula.

        Raises:
            QueryError: no example, or examples that cancel each other out; otherwise as `search`.
        """
        like, unlike = listed(like), listed(unlike)
        if not like:
            raise QueryError("give at least one example of what the answers should be like.")
        vectors = self._read([*like, *unlike])
        query = combine(vectors[: len(like)], vectors[len(like) :])
        (hits,) = self._table.search(query[None], SearchOptions(k, where, fold))
        return hits if len(like) == 1 and not unlike and not is_text(like[0]) else without_calibration(hits)

    def similar_to(self, id_: str, k: int = 5, where: str | None = None, *, fold: bool = False) -> list[Hit]:
        """The paintings most similar to one of the index, without that painting itself.

        Raises:
            QueryError: the index does not hold the id; otherwise as `search`.
        """
        options = SearchOptions(k, where, fold)
        (hits,) = self._table.search(self._table.vectors([id_]), options, without=id_)
        return hits

    def _read(self, queries: Sequence[Query]) -> np.ndarray:
        """The vectors (Q, dim) of queries; those that are given as vectors are checked, as a database takes any."""
        return check_vectors(read_queries(queries, lambda: self.embedder, self.dim), self.dim, self.metric)

    # --- changing: each change is one version of the table ----------------------------------------------------------

    def add(self, dataset: Dataset, *, progress: bool = False) -> None:
        """Index more paintings; ids must be new.

        Raises:
            PaintingIndexError: an id that the index or the dataset already holds; nothing is added then.
        """
        ids = ids_of(dataset)
        self._table.refuse_known(ids)
        rows, skipped = self._rows(dataset, progress=progress)
        self._table.add(rows)
        self._note_changes(len(ids), skipped)

    def remove(self, ids: str | Iterable[str]) -> None:
        """Take paintings out, by one id or several; the others keep their ids and order.

        Raises:
            PaintingIndexError: an id that the index does not hold; nothing is removed then.
        """
        if gone := set_of_ids(ids):
            self._table.refuse_unknown(sorted(gone))
            self._table.remove(gone)
            self._note_changes(len(gone), SkipList())

    def update(self, dataset: Dataset, *, progress: bool = False) -> None:
        """Replace paintings by those with the same ids; they move to the end of the order.

        A picture that cannot be decoded is listed in `.skipped`, and what the index holds of it stays.

        Raises:
            PaintingIndexError: an id that the index does not hold, or that the dataset holds twice; nothing changes.
        """
        ids = ids_of(dataset)
        self._table.refuse_unknown(ids)
        rows, skipped = self._rows(dataset, progress=progress)
        self._table.update(rows)
        self._note_changes(len(ids), skipped)

    def _rows(self, dataset: Dataset, *, progress: bool) -> tuple[Iterable[pa.RecordBatch], SkipList]:
        """The rows of a dataset, made while they are written, and the list of what is left out of them."""
        if strange := [name for name in dataset.features if name not in {*self._table.fields.names, "image"}]:
            raise PaintingIndexError(f"the new records do not fit those of the index: it has no {strange[0]!r}.")
        skipped = SkipList()
        return picture_rows(dataset, self.embedder, skipped, self._table.schema, progress=progress), skipped

    def _note_changes(self, number: int, skipped: SkipList) -> None:
        self.skipped.items += skipped.items
        if self._table.calibration.note_changes(number):
            self.fit_calibration()

    def fit_calibration(self) -> None:
        """Measure what scores are worth, by searches for up to 1,000 of the paintings.

        `build`, `from_embeddings`, and a change after which more than 5 % of the paintings are others do it themselves.
        """
        self._table.fit_calibration()

    # --- keeping ----------------------------------------------------------------------------------------------------

    def save_pretrained(self, directory: str | Path) -> None:
        """Write the paintings as an index in files, all or nothing; `PaintingIndex.from_pretrained` reads it.

        Raises:
            PaintingIndexError: the folder holds something else.
        """
        write_table(self._table, directory)

    # --- what it holds ----------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._table)

    @property
    def ids(self) -> list[str]:
        """Ids of the paintings, in the order of the table."""
        return self._table.ids()

    def thumbnail(self, id_: str) -> Image.Image:
        """A small picture of a painting, long side 256 px at most.

        Raises:
            QueryError: the index holds no such painting, or was made without pictures.
        """
        return self._table.thumbnails([id_])[0]

    @cached_property
    def embedder(self) -> Embedder:
        """The embedder of the index, loaded by its name when first needed, and checked."""
        return self._given or load_named_embedder(self.embedder_name, self.fingerprint)

    @property
    def calibration(self) -> Calibration:
        """What scores are worth: probabilities and the threshold of a good match; none where it was not measured."""
        return self._table.calibration.read()

    @property
    def threshold(self) -> float | None:
        """Score of the nearest painting below which a picture has no good match; None where too few records tell."""
        return self.calibration.threshold

    def describe(self) -> dict[str, Any]:
        """What the index is, as JSON."""
        vectors = {"count": len(self), "dim": self.dim, "metric": self.metric}
        return vectors | {"embedder": self.embedder_name, "fingerprint": self.fingerprint}
