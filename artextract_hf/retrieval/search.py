"""What an index answers: its reading half, which changes nothing."""

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from artextract_hf.data.schema import SkipList
from artextract_hf.errors import PaintingIndexError, QueryError
from artextract_hf.models.embedder import AutoEmbedder, Embedder
from artextract_hf.retrieval.calibration import Calibration, calibrate
from artextract_hf.retrieval.fingerprint import data_fingerprint
from artextract_hf.retrieval.hits import Ask, Collection, Hit, uncalibrated
from artextract_hf.retrieval.queries import Query, combine, is_text, read_queries
from artextract_hf.retrieval.records import RecordTable
from artextract_hf.retrieval.vectors import VectorStore


class PaintingSearch:
    """Vectors to be searched, the records behind them, and the embedder that both came from.

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
        self._store, self._records, self._calibration = store, records, calibration
        self._embedder, self.embedder_name, self.fingerprint = embedder, embedder_name, fingerprint
        self.skipped = SkipList()
        self._lock = threading.RLock()  # loading the embedder, calibrating, and changing the index

    def search(self, query: Query, k: int = 5, where: str | None = None, *, fold: bool = False) -> list[Hit]:
        """The paintings most similar to a query.

        Args:
            query: a picture in any form, a unit vector (dim,) of this index's embedder, or a text where the embedder
                reads texts; a string that names no file and no address is a text.
            k: how many; fewer come where the index, or what `where` leaves of it, has fewer.
            where: a filter, see `filters.py`; k answers come if k records pass it.
            fold: make one hit of all pictures of the same work.

        Raises:
            QueryError: k below 1, a vector of another length, a filter that cannot be read.
            ImageError: the query is no picture.
            PaintingIndexError: the embedder is not the one the index was built with.
        """
        return self.search_many([query], k, where, fold=fold)[0]

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
        row = self._records.row(id_)
        (hits,) = self._collection.answer(self._store.vectors(np.array([row])), Ask(k, where, fold, without=row))
        return hits

    @property
    def _collection(self) -> Collection:
        return Collection(self._store, self._records, self.calibration)

    @property
    def calibration(self) -> Calibration:
        """What scores are worth; fitted again when first asked after the index was changed."""
        with self._lock:
            if self._calibration is None:
                labels = {"artist": self._records.texts("artist_name", "artist"), "style": self._records.texts("style")}
                self._calibration = calibrate(self._store, labels)
            return self._calibration

    @property
    def threshold(self) -> float | None:
        """Score of the nearest painting below which a picture has no good match; None where too few records tell."""
        return self.calibration.threshold

    @property
    def embedder(self) -> Embedder:
        """The embedder of the index, loaded by its name when first needed, and checked."""
        with self._lock:
            if self._embedder is None:
                self._embedder = AutoEmbedder.from_pretrained(self.embedder_name)
        if self._embedder.fingerprint != self.fingerprint:
            raise PaintingIndexError(
                f"the index was built with {self.embedder_name!r} (fingerprint {self.fingerprint}), but the embedder "
                f"at hand has {self._embedder.fingerprint}; build the index again, or load that embedder."
            )
        return self._embedder

    def __len__(self) -> int:
        return len(self._records)

    @property
    def dim(self) -> int:
        """Length of the vectors."""
        return self._store.dim

    @property
    def metric(self) -> str:
        """`cosine`, `ip` or `l2`."""
        return self._store.metric

    @property
    def factory(self) -> str:
        """How the vectors are searched."""
        return self._store.factory

    @property
    def ids(self) -> list[str]:
        """Ids of the paintings, in the order of the vectors."""
        return list(self._records.ids)

    def records(self) -> list[dict[str, Any]]:
        """The records without their pictures, in the order of the ids."""
        return self._records.at(range(len(self)))

    def column(self, field: str) -> list[Any]:
        """One field of every record, in the order of the ids."""
        return self._records.column(field)

    def vectors(self) -> np.ndarray:
        """The vectors (N, dim), in the order of the ids."""
        return self._store.vectors()

    def thumbnail(self, id_: str) -> Image.Image:
        """A small picture of a painting, long side 256 px at most."""
        return self._records.thumbnail(self._records.row(id_))

    def describe(self) -> dict[str, Any]:
        """What the index is, as JSON."""
        return {
            "count": len(self),
            "dim": self.dim,
            "metric": self.metric,
            "factory": self.factory,
            "reason": self._store.reason,
            "embedder": self.embedder_name,
            "fingerprint": self.fingerprint,
            "data": data_fingerprint(self._records.ids, self._records.contents()),
        }
