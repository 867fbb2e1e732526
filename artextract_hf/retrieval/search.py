"""What an index answers: its reading half, which changes nothing."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from PIL import Image

from artextract_hf.data.decode import decode_image
from artextract_hf.data.schema import SkipList
from artextract_hf.embedders.auto import AutoEmbedder
from artextract_hf.embedders.protocol import Embedder, dense
from artextract_hf.errors import QueryError
from artextract_hf.retrieval.calibration import Calibration
from artextract_hf.retrieval.fingerprint import insist_on
from artextract_hf.retrieval.queries import Query, combine, is_text, read_queries
from artextract_hf.retrieval.records import RecordTable
from artextract_hf.retrieval.rerank.rerankers import Candidates, Probe, find_reranker
from artextract_hf.retrieval.rerank.rerankers import rerank as new_order
from artextract_hf.retrieval.snapshot import Ask, Collection, Hit, uncalibrated
from artextract_hf.retrieval.vectors.store import VectorStore


class PaintingSearch:
    """Vectors to be searched, the records behind them, and the embedder that both came from.

    Searches may run at the same time in several threads, and beside one that changes the index.

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
        self._collection = Collection(store, records, calibration)  # read once by whatever uses two of its parts
        self._embedder, self.embedder_name, self.fingerprint = embedder, embedder_name, fingerprint
        self.skipped = SkipList()
        self._loading = threading.Lock()  # the embedder

    def search(
        self, query: Query, k: int = 5, where: str | None = None, *, fold: bool = False, rerank: str | None = None
    ) -> list[Hit]:
        """The paintings most similar to a query.

        Args:
            query: a picture in any form, a unit vector (dim,) of this index's embedder, or a text where the embedder
                reads texts; a string that names no file and no address is a text.
            k: how many; fewer come where the index, or what `where` leaves of it, has fewer.
            where: a filter, see `filters.py`; k answers come if k records pass it.
            fold: make one hit of all pictures of the same work.
            rerank: how the nearest are put into a better order, see `rerank.py`; hits keep their scores.

        Raises:
            QueryError: k below 1, a vector of another length, a filter that cannot be read, an unknown way of
                re-ranking, or one that the query does not allow.
            ImageError: the query is no picture.
            ModelError: re-ranking by maps, with an embedder that gives none.
            PaintingIndexError: the embedder is not the one the index was built with.
        """
        if rerank is None:
            return self.search_many([query], k, where, fold=fold)[0]
        if fold:
            raise QueryError("give fold or rerank, not both.")
        return self._reranked(query, Ask(k, where), rerank)

    def search_many(
        self, queries: Sequence[Query], k: int = 5, where: str | None = None, *, fold: bool = False
    ) -> list[list[Hit]]:
        """`search` for several queries at once, which are embedded in one batch and searched in one call."""
        vectors = read_queries(queries, lambda: self.embedder, self.dim)
        answers = self._collection.answer(vectors, Ask(k, where, fold))
        return [uncalibrated(hits) if is_text(query) else hits for query, hits in zip(queries, answers, strict=True)]

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
        if not like:
            raise QueryError("give at least one example of what the answers should be like.")
        vectors = read_queries([*like, *unlike], lambda: self.embedder, self.dim)
        query = combine(vectors[: len(like)], vectors[len(like) :])
        (hits,) = self._collection.answer(query[None], Ask(k, where, fold))
        return hits if len(like) == 1 and not unlike and not is_text(like[0]) else uncalibrated(hits)

    def similar_to(self, id_: str, k: int = 5, where: str | None = None, *, fold: bool = False) -> list[Hit]:
        """The paintings most similar to one of the index, itself left out.

        Raises:
            QueryError: the index does not hold the id; otherwise as `search`.
        """
        collection = self._collection
        row = collection.records.row(id_)
        (hits,) = collection.answer(collection.store.vectors(np.array([row])), Ask(k, where, fold, without=row))
        return hits

    def _reranked(self, query: Query, ask: Ask, name: str) -> list[Hit]:
        """The nearest of a deeper search in another order."""
        reranker, vector = find_reranker(name), read_queries([query], lambda: self.embedder, self.dim)[0]
        collection = self._collection
        (hits,) = collection.answer(vector[None], replace(ask, k=max(ask.k, reranker.depth)))
        rows = np.array([collection.records.row(hit.id) for hit in hits], dtype=np.int64)
        probe, candidates = Probe(vector), Candidates(rows, collection.gallery)
        if reranker.needs != "nothing":
            others = [collection.records.thumbnail(row) for row in rows.tolist()]
            probe, candidates = self._with_pictures(query, others, probe, candidates, maps=reranker.needs == "maps")
        order = new_order(name, probe, candidates)[: ask.k].tolist()
        ranked = [replace(hits[place], rank=rank) for rank, place in enumerate(order, 1)]
        return uncalibrated(ranked) if is_text(query) else ranked

    def _with_pictures(
        self, query: Query, others: list[Image.Image], probe: Probe, candidates: Candidates, *, maps: bool
    ) -> tuple[Probe, Candidates]:
        """What is compared, with its pictures, and with their maps where those are compared."""
        if is_text(query) or (isinstance(query, np.ndarray) and query.ndim == 1):
            raise QueryError("this re-ranking compares pictures; the query is none.")
        own = decode_image(query)
        if not maps:
            return replace(probe, picture=own), replace(candidates, pictures=others)
        found = dense(self.embedder).maps([own, *others])
        return replace(probe, feature_map=found[0]), replace(candidates, maps=found[1:])

    @property
    def calibration(self) -> Calibration:
        """What scores are worth; fitted again when first asked after the index was changed."""
        return self._collection.calibration

    @property
    def threshold(self) -> float | None:
        """Score of the nearest painting below which a picture has no good match; None where too few records tell."""
        return self.calibration.threshold

    @property
    def embedder(self) -> Embedder:
        """The embedder of the index, loaded by its name when first needed, and checked."""
        with self._loading:
            if self._embedder is None:
                self._embedder = AutoEmbedder.from_pretrained(self.embedder_name)
        insist_on(self._embedder, self.embedder_name, self.fingerprint)
        return self._embedder

    def __len__(self) -> int:
        return len(self._collection.records)

    @property
    def dim(self) -> int:
        """Length of the vectors."""
        return self._collection.store.dim

    @property
    def metric(self) -> str:
        """`cosine`, `ip` or `l2`."""
        return self._collection.store.metric

    @property
    def factory(self) -> str:
        """How the vectors are searched."""
        return self._collection.store.factory

    @property
    def ids(self) -> list[str]:
        """Ids of the paintings, in the order of the vectors."""
        return list(self._collection.records.ids)

    def records(self) -> list[dict[str, Any]]:
        """The records without their pictures, in the order of the ids."""
        records = self._collection.records
        return records.at(range(len(records)))

    def column(self, field: str) -> list[Any]:
        """One field of every record, in the order of the ids."""
        return self._collection.records.column(field)

    def vectors(self) -> np.ndarray:
        """The vectors (N, dim), in the order of the ids."""
        return self._collection.store.vectors()

    def thumbnail(self, id_: str) -> Image.Image:
        """A small picture of a painting, long side 256 px at most."""
        records = self._collection.records
        return records.thumbnail(records.row(id_))

    def describe(self) -> dict[str, Any]:
        """What the index is, as JSON."""
        return self._about(self._collection)

    def _about(self, collection: Collection) -> dict[str, Any]:
        store, records = collection.store, collection.records
        return {
            "count": len(records),
            "dim": store.dim,
            "metric": store.metric,
            "factory": store.factory,
            "reason": store.reason,
            "embedder": self.embedder_name,
            "fingerprint": self.fingerprint,
            "data": records.fingerprint,
        }
