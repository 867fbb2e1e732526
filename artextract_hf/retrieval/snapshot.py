"""The core of a search: the nearest vectors become hits, with their records and what their scores are worth."""

import threading
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from PIL import Image

from artextract_hf.errors import QueryError
from artextract_hf.retrieval.calibration import Calibration, calibrate
from artextract_hf.retrieval.filters import parse_where
from artextract_hf.retrieval.records import RecordTable
from artextract_hf.retrieval.rerank.rerankers import Gallery
from artextract_hf.retrieval.vectors.store import VectorStore
from artextract_hf.retrieval.versions import fold_versions, same_works


@dataclass(frozen=True)
class Hit:
    """One answer of a search.

    Attributes:
        id: of the painting.
        score: similarity, larger is more: the cosine, the inner product, or minus the Euclidean distance.
        rank: 1 is the nearest.
        record: what is known about it.
        same: probability that it has the query's `artist` and `style`; empty where the index cannot tell, and where
            the query is a text or several examples.
        good_match: whether it is as near as paintings of this collection are to each other; None likewise.
        versions: ids of other pictures of the same work, where they were folded into this hit.
    """

    id: str
    score: float
    rank: int
    record: dict[str, Any]
    same: dict[str, float] = field(default_factory=dict)
    good_match: bool | None = None
    versions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ask:
    """What is asked of a collection, beside the query.

    Attributes:
        k: how many hits.
        where: a filter, see `filters.py`.
        fold: whether pictures of one work become one hit.
        without: a row that is no answer; then there is one query.
    """

    k: int
    where: str | None = None
    fold: bool = False
    without: int | None = None

    def __post_init__(self) -> None:
        if self.k < 1:
            raise QueryError(f"k is {self.k}; it must be at least 1.")


class Collection:
    """What answers: vectors, and the records of the same rows.

    It never changes: a change of an index makes another, so searches that run beside it see all of it or nothing.

    Args:
        store: the vectors.
        records: one a vector.
        calibration: of the two; fitted when first asked for, where it is not given.
    """

    def __init__(self, store: VectorStore, records: RecordTable, calibration: Calibration | None = None) -> None:
        self.store, self.records, self._calibration = store, records, calibration
        self._gallery: Gallery | None = None
        self._lock = threading.Lock()  # so that what several searches need at once is computed once

    @property
    def calibration(self) -> Calibration:
        """What scores are worth."""
        with self._lock:
            if self._calibration is None:
                labels = {"artist": self.records.texts("artist_name", "artist"), "style": self.records.texts("style")}
                self._calibration = calibrate(self.store, labels)
            return self._calibration

    @property
    def gallery(self) -> Gallery:
        """Who is near whom among the paintings; for re-ranking."""
        with self._lock:
            if self._gallery is None:
                search = None if self.store.metric == "l2" else self.store.search  # scores of l2 are no cosines
                self._gallery = Gallery(self.store.vectors(), search=search)
            return self._gallery

    def extended(self, vectors: np.ndarray, records: RecordTable) -> Self:
        """This collection and then other vectors (M, dim) with their records; itself where there are none.

        Raises:
            PaintingIndexError: the records do not fit.
        """
        if not len(records):
            return self
        table, store = self.records.extended(records), self.store.copy()
        store.add(vectors)
        return type(self)(store, table)

    def without(self, rows: np.ndarray) -> Self:
        """The collection but these rows; itself where there are none."""
        if not len(rows):
            return self
        store = self.store.copy()
        store.remove(rows)
        return type(self)(store, self.records.without(rows))

    def answer(self, vectors: np.ndarray, ask: Ask) -> list[list[Hit]]:
        """The hits of each query (Q, dim), best first; fewer than k where what may answer is less."""
        rows = None
        if ask.where and ask.where.strip():
            rows = np.flatnonzero(parse_where(ask.where, self.records.fields))
        if ask.fold:
            return [self._works(vector[None], ask, rows) for vector in vectors]
        scores, found = self._nearest(vectors, ask.k, ask, rows)
        return [self._hits(s, f.tolist(), [[]] * len(f)) for s, f in zip(scores, found, strict=True)]

    def _nearest(self, vectors: np.ndarray, k: int, ask: Ask, rows: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Scores and rows (Q, k) of the nearest, without the row that is no answer."""
        if ask.without is None:
            return self.store.search(vectors, k, rows=rows)
        scores, found = self.store.search(vectors, k + 1, rows=rows)
        kept = np.flatnonzero(found[0] != ask.without)[:k]
        return scores[:, kept], found[:, kept]

    def _works(self, vector: np.ndarray, ask: Ask, rows: np.ndarray | None) -> list[Hit]:
        """The nearest k works of one query (1, dim); looks deeper until there are k, or no more."""
        depth, pictures = 2 * ask.k, dict[int, Image.Image]()
        while True:
            scores, found = (part[0] for part in self._nearest(vector, depth, ask, rows))
            pictures |= {row: self.records.thumbnail(row) for row in found.tolist() if row not in pictures}
            works = fold_versions(same_works([pictures[row] for row in found.tolist()]))
            if len(works) >= ask.k or len(found) < depth:
                break
            depth *= 2
        first = [work[0] for work in works[: ask.k]]
        others = [found[work[1:]].tolist() for work in works[: ask.k]]
        return self._hits(scores[first], found[first].tolist(), others)

    def _hits(self, scores: np.ndarray, rows: list[int], versions: list[list[int]]) -> list[Hit]:
        records = self.records.at(rows)
        same, threshold = self.calibration.same(scores), self.calibration.threshold
        return [
            Hit(
                record["id"],
                score,
                rank,
                record,
                same[rank - 1],
                None if threshold is None else score >= threshold,
                tuple(self.records.ids[row] for row in versions[rank - 1]),
            )
            for rank, (score, record) in enumerate(zip(scores.tolist(), records, strict=True), 1)
        ]


def uncalibrated(hits: list[Hit]) -> list[Hit]:
    """Hits of a query whose scores mean something else than those between two pictures."""
    return [replace(hit, same={}, good_match=None) for hit in hits]
