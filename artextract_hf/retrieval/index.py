"""An index of paintings: vectors to be searched, the records behind them, and the embedder that made the vectors.

    index = PaintingIndex.build(paintings, AutoEmbedder.from_pretrained("default"))
    index.search("my_painting.jpg", k=5, where="year >= 1870 and genre == 'portrait'")

An index never answers a query with another embedder than the one it was built with. `storage.py` says what it is on
disk.
"""

import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from datasets import Dataset
from PIL import Image

from artextract_hf.data.schema import SkipList
from artextract_hf.embedders.protocol import Embedder, check_protocol
from artextract_hf.errors import PaintingIndexError, QueryError
from artextract_hf.retrieval.calibration import Calibration
from artextract_hf.retrieval.embed import embedded_records
from artextract_hf.retrieval.fingerprint import check_embedder
from artextract_hf.retrieval.named_embedder import load_named_embedder
from artextract_hf.retrieval.publication import Publishable
from artextract_hf.retrieval.queries import Query, combine, is_text, listed, read_queries
from artextract_hf.retrieval.records import RecordTable, ids_of, set_of_ids
from artextract_hf.retrieval.rerank.rerankers import find_reranker
from artextract_hf.retrieval.rerank.search import search_reranked
from artextract_hf.retrieval.snapshot import Hit, SearchOptions, Snapshot, without_calibration
from artextract_hf.retrieval.storage import find_index, read_embeddings, read_index, write_index
from artextract_hf.retrieval.vectors.store import VectorStore, check_factory


class PaintingIndex(Publishable):
    """Paintings by similarity. Made by `build`, `from_embeddings` or `from_pretrained`.

    Searches may run at the same time in several threads, and while one thread changes the index.

    Attributes:
        embedder_name: what the embedder was loaded by.
        fingerprint: of the embedder.
        skipped: pictures that could not be decoded, and were left out.
    """

    def __init__(
        self,
        store: VectorStore,
        records: RecordTable,
        *,
        embedder: Embedder | None,
        embedder_name: str,
        fingerprint: str,
        calibration: Calibration | None = None,
    ) -> None:
        """An index of these parts: the embedder is loaded, and the calibration measured, when first needed."""
        if embedder is not None:
            check_embedder(embedder, embedder_name, fingerprint)
        self._embedder, self.embedder_name, self.fingerprint = embedder, embedder_name, fingerprint
        self.skipped = SkipList()
        self._snapshot = Snapshot(store, records, calibration)  # a method reads it once, so that its parts fit together
        self._changing = threading.Lock()  # one change at a time; searches do not wait for it
        self._loading = threading.Lock()  # the embedder is loaded once

    # --- making -----------------------------------------------------------------------------------------------------

    @classmethod
    def build(
        cls,
        dataset: Dataset,
        embedder: Embedder,
        factory: str = "auto",
        metric: str = "cosine",
        *,
        progress: bool = False,
    ) -> Self:
        """Embed a collection and index it.

        Args:
            dataset: records of `data/schema.py`; pictures that cannot be decoded are left out and listed in `.skipped`.
            embedder: anything with `embed`, `dim` and `fingerprint`.
            factory: how vectors are searched, see `vectors/factories.py`; `auto` chooses by size.
            metric: `cosine`, `ip` or `l2`.
            progress: show a progress bar on a terminal.

        Raises:
            QueryError: an unknown factory or metric.
            ModelError: no embedder.
            PaintingIndexError: nothing to index, or two records with one id.
        """
        check_protocol(embedder)
        ids_of(dataset)
        check_factory(factory, metric, len(dataset), embedder.dim)
        skipped = SkipList()
        vectors, records = embedded_records(dataset, embedder, skipped, progress=progress)
        if not len(records):
            raise PaintingIndexError(f"no picture could be indexed ({skipped.summary()}).")
        store = VectorStore.build(vectors, factory=factory, metric=metric)
        name = getattr(embedder, "name", type(embedder).__name__)
        index = cls(store, records, embedder=embedder, embedder_name=name, fingerprint=embedder.fingerprint)
        index.skipped = skipped
        index.fit_calibration()
        return index

    @classmethod
    def from_embeddings(
        cls,
        folder: str | Path,
        factory: str = "auto",
        metric: str = "cosine",
        *,
        embedder: Embedder | None = None,
        only: Iterable[str] | None = None,
    ) -> Self:
        """Index what `artextract embed` wrote; no picture is decoded again.

        Args:
            folder: with embeddings.npy, records.parquet, ids.json and embedder.json.
            factory: as for `build`.
            metric: as for `build`.
            embedder: of these vectors; loaded by its name when a query needs it, if it is not given.
            only: ids of what is indexed; all by default.

        Raises:
            QueryError: an unknown factory or metric.
            PaintingIndexError: a file is missing, damaged or of another collection, or the embedder is another.
        """
        vectors, records, about = read_embeddings(Path(folder), only=only)
        store = VectorStore.build(vectors, factory=factory, metric=metric)
        index = cls(
            store, records, embedder=embedder, embedder_name=about["embedder"], fingerprint=about["fingerprint"]
        )
        index.skipped = SkipList.from_json(about["skipped"])
        index.fit_calibration()
        return index

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
            rerank: put the nearest into a better order by this method, see `rerank/rerankers.py`; hits keep their
                scores.

        Raises:
            QueryError: k below 1, a vector of another length, a filter that cannot be read, an unknown way of
                re-ranking, one that the query does not allow, or re-ranking together with `fold`.
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
        """`search` for several queries, which are embedded in one batch and searched in one call."""
        queries, options = listed(queries), SearchOptions(k, where, fold)
        if rerank is not None:
            find_reranker(rerank)  # an unknown name is refused before anything is embedded
            if fold:
                raise QueryError("give fold or rerank, not both.")
        vectors, snapshot = read_queries(queries, lambda: self.embedder, self.dim), self._snapshot
        if rerank is None:
            answers = snapshot.search(vectors, options)
        else:
            answers = search_reranked(snapshot, queries, vectors, options, name=rerank, embedder=lambda: self.embedder)
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
        vectors = read_queries([*like, *unlike], lambda: self.embedder, self.dim)
        query = combine(vectors[: len(like)], vectors[len(like) :])
        (hits,) = self._snapshot.search(query[None], SearchOptions(k, where, fold))
        return hits if len(like) == 1 and not unlike and not is_text(like[0]) else without_calibration(hits)

    def similar_to(self, id_: str, k: int = 5, where: str | None = None, *, fold: bool = False) -> list[Hit]:
        """The paintings most similar to one of the index, without that painting itself.

        Raises:
            QueryError: the index does not hold the id; otherwise as `search`.
        """
        snapshot = self._snapshot
        row = snapshot.records.row(id_)
        vector = snapshot.store.vectors(np.array([row]))
        (hits,) = snapshot.search(vector, SearchOptions(k, where, fold, without=row))
        return hits

    # --- changing, all or nothing: as if the index were built anew of the records that it then has ------------------

    def add(self, dataset: Dataset, *, progress: bool = False) -> None:
        """Index more paintings; ids must be new.

        Raises:
            PaintingIndexError: an id that the index or the dataset already holds; nothing is added then.
        """
        with self._changing:
            known = self._snapshot.records
            if id_ := next((id_ for id_ in ids_of(dataset) if id_ in known), None):
                raise PaintingIndexError(f"the id {id_!r} is already in the index; update or remove it.")
            skipped = SkipList()
            vectors, records = embedded_records(dataset, self.embedder, skipped, progress=progress)
            self._snapshot = self._snapshot.extended(vectors, records)
            self.skipped.items += skipped.items

    def remove(self, ids: str | Iterable[str]) -> None:
        """Take paintings out, by one id or several; the others keep their ids and order.

        Raises:
            PaintingIndexError: an id that the index does not hold; nothing is removed then.
        """
        gone = set_of_ids(ids)
        with self._changing:
            known = self._snapshot.records
            if unknown := sorted(id_ for id_ in gone if id_ not in known):
                raise PaintingIndexError(f"the index holds no {unknown[0]!r}.")
            self._snapshot = self._snapshot.without(known.rows(gone))

    def update(self, dataset: Dataset, *, progress: bool = False) -> None:
        """Replace paintings by those with the same ids; they move to the end of the order.

        A picture that cannot be decoded is listed in `.skipped`, and what the index holds of it stays.

        Raises:
            PaintingIndexError: an id that the index does not hold, or that the dataset holds twice; nothing changes.
        """
        with self._changing:
            known = self._snapshot.records
            if id_ := next((id_ for id_ in ids_of(dataset) if id_ not in known), None):
                raise PaintingIndexError(f"the index holds no {id_!r}; add it.")
            skipped = SkipList()
            vectors, records = embedded_records(dataset, self.embedder, skipped, progress=progress)
            rows = known.rows(records.ids)
            self._snapshot = self._snapshot.extended(vectors, records).without(rows)
            self.skipped.items += skipped.items

    def fit_calibration(self) -> None:
        """Measure what scores are worth now, and not at the first search after a change of the index."""
        self._snapshot.fit_calibration()

    # --- keeping ----------------------------------------------------------------------------------------------------

    def save_pretrained(self, directory: str | Path) -> None:
        """Write the index to a folder, all or nothing; an index that is there already is replaced.

        Raises:
            PaintingIndexError: the folder holds something else.
        """
        now = self._snapshot
        about = self._about(now) | {"calibration": now.fit_calibration().as_json()}
        write_index(directory, now.store, now.records, about)

    @classmethod
    def from_pretrained(
        cls, name: str | Path, revision: str | None = None, *, embedder: Embedder | None = None
    ) -> Self:
        """Read an index from a folder or a dataset repository of the Hub, and check every byte of it.

        Args:
            name: the folder, or `owner/name` of the repository.
            revision: a branch, a tag or a commit of the repository.
            embedder: of the index; loaded by its name when a query needs it, if it is not given.

        Raises:
            PaintingIndexError: missing, cut short, changed, made by another format or program, or another embedder.
        """
        store, records, about = read_index(find_index(name, revision), VectorStore.load)
        return cls(
            store,
            records,
            embedder=embedder,
            embedder_name=about["embedder"],
            fingerprint=about["fingerprint"],
            calibration=Calibration.from_json(about.get("calibration", {})),
        )

    # --- what it holds ----------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._snapshot.records)

    @property
    def ids(self) -> list[str]:
        """Ids of the paintings, in the order of the vectors."""
        return list(self._snapshot.records.ids)

    def records(self, ids: Iterable[str] | None = None) -> list[dict[str, Any]]:
        """The records of these paintings without their pictures; by default all, in the order of the ids.

        Raises:
            QueryError: the index does not hold one of them.
        """
        records = self._snapshot.records
        return records.at(range(len(records)) if ids is None else [records.row(id_) for id_ in ids])

    def column(self, field: str) -> list[Any]:
        """One field of every record, in the order of the ids.

        Raises:
            QueryError: the records have no such field.
        """
        return self._snapshot.records.column(field)

    def vectors(self) -> np.ndarray:
        """The vectors (N, dim), in the order of the ids."""
        return self._snapshot.store.vectors()

    def thumbnail(self, id_: str) -> Image.Image:
        """A small picture of a painting, long side 256 px at most.

        Raises:
            QueryError: the index holds no such painting, or was made without pictures.
        """
        records = self._snapshot.records
        return records.thumbnail(records.row(id_))

    def thumbnails(self) -> Iterable[bytes | None]:
        """The small picture of every painting, encoded, in the order of the ids; None where there is none."""
        return self._snapshot.records.contents()

    @property
    def embedder(self) -> Embedder:
        """The embedder of the index, loaded by its name when first needed, and checked; see `named_embedder.py`."""
        with self._loading:
            if self._embedder is None:
                self._embedder = load_named_embedder(self.embedder_name, self.fingerprint)
            return self._embedder

    @property
    def calibration(self) -> Calibration:
        """What scores are worth: probabilities and the threshold of a good match."""
        return self._snapshot.fit_calibration()

    @property
    def threshold(self) -> float | None:
        """Score of the nearest painting below which a picture has no good match; None where too few records tell."""
        return self.calibration.threshold

    @property
    def dim(self) -> int:
        """Length of the vectors."""
        return self._snapshot.store.dim

    @property
    def metric(self) -> str:
        """`cosine`, `ip` or `l2`."""
        return self._snapshot.store.metric

    @property
    def factory(self) -> str:
        """How the vectors are searched."""
        return self._snapshot.store.factory

    def describe(self) -> dict[str, Any]:
        """What the index is, as JSON."""
        return self._about(self._snapshot)

    def _about(self, snapshot: Snapshot) -> dict[str, Any]:
        embedder = {"embedder": self.embedder_name, "fingerprint": self.fingerprint}
        return snapshot.store.describe() | embedder | {"data": snapshot.records.fingerprint}
