"""An index at one moment: its vectors and records, and the hits that they give.

vectors of queries --the nearest, filtered, one for each work if wanted--> rows --records, probabilities--> hits
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from PIL import Image

from artextract_hf.retrieval.calibration import LABELS, Calibration, calibrate
from artextract_hf.retrieval.filters import matching_rows
from artextract_hf.retrieval.records import RecordTable
from artextract_hf.retrieval.rerank.rerankers import Candidates, Gallery
from artextract_hf.retrieval.vectors.scan import check_k
from artextract_hf.retrieval.vectors.store import VectorStore
from artextract_hf.retrieval.versions import group_versions, same_works


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
        good_match: whether it is as near as paintings of this collection usually are to each other; None where `same`
            is empty for the same reason.
        versions: ids of other pictures of the same work, where a search makes one hit of them.
    """

    id: str
    score: float
    rank: int
    record: dict[str, Any]
    same: dict[str, float] = field(default_factory=dict)
    good_match: bool | None = None
    versions: tuple[str, ...] = ()


@dataclass(frozen=True)
class SearchOptions:
    """How a search is done, whatever is searched for.

    Attributes:
        k: how many hits.
        where: a filter, see `filters.py`.
        fold: whether pictures of one work become one hit.
        without: a row that is not to be found; then there is one query.

    Raises:
        QueryError: k is no whole number, or below 1.
    """

    k: int
    where: str | None = None
    fold: bool = False
    without: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "k", check_k(self.k))


class Snapshot:
    """Vectors, and the records of the same rows, at one moment.

    A snapshot never changes. A change of the index makes a new one, so a search that runs at the same time sees either
    all of the change or nothing of it.

    Args:
        store: the vectors.
        records: one for each vector.
        calibration: of the two; fitted when first needed, if it is not given.
    """

    def __init__(self, store: VectorStore, records: RecordTable, calibration: Calibration | None = None) -> None:
        self.store, self.records, self._calibration = store, records, calibration
        self._gallery: Gallery | None = None
        self._lock = threading.Lock()  # so that what several searches need at once is computed once

    def fit_calibration(self) -> Calibration:
        """Measure what scores are worth, unless that is known already. A large index takes seconds for it."""
        with self._lock:
            if self._calibration is None:
                labels = {name: self.records.texts(*fields) for name, fields in LABELS.items()}
                self._calibration = calibrate(self.store, labels)
            return self._calibration

    @property
    def gallery(self) -> Gallery:
        """The vectors as re-ranking reads them."""
        with self._lock:
            if self._gallery is None:
                search = None if self.store.metric == "l2" else self.store.search  # scores of l2 are no cosines
                self._gallery = Gallery(self.store.vectors(), search=search)
            return self._gallery

    def candidates(self, vector: np.ndarray, hits: Sequence[Hit]) -> Candidates:
        """The hits of a query (dim,) as re-ranking reads them."""
        return Candidates(np.array([self.records.row(hit.id) for hit in hits], dtype=np.int64), self.gallery)

    def thumbnails(self, ids: Sequence[str]) -> list[Image.Image]:
        """The small pictures of these paintings."""
        return [self.records.thumbnail(self.records.row(id_)) for id_ in ids]

    def extended(self, vectors: np.ndarray, records: RecordTable) -> Self:
        """A snapshot with more vectors (M, dim) and their records at the end; the same one if there are none.

        Raises:
            PaintingIndexError: the records do not fit.
        """
        if not len(records):
            return self
        table, store = self.records.extended(records), self.store.copy()
        store.add(vectors)
        return type(self)(store, table)

    def without(self, rows: np.ndarray) -> Self:
        """A snapshot without these rows; the same one if there are none."""
        if not len(rows):
            return self
        store = self.store.copy()
        store.remove(rows)
        return type(self)(store, self.records.without(rows))

    def search(self, vectors: np.ndarray, options: SearchOptions) -> list[list[Hit]]:
        """The hits of each query (Q, dim), best first; fewer than k where fewer are left to be found."""
        rows = matching_rows(options.where, self.records.fields)
        if options.fold:
            return [self._works(vector[None], options, rows) for vector in vectors]
        scores, found = self._nearest(vectors, options.k, options.without, rows)
        return [self._hits(s, f.tolist(), [[]] * len(f)) for s, f in zip(scores, found, strict=True)]

    def _nearest(
        self, vectors: np.ndarray, k: int, without: int | None, rows: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Scores and rows (Q, k) of the nearest, without the row that is not to be found."""
        if without is None:
            return self.store.search(vectors, k, rows=rows)
        scores, found = self.store.search(vectors, k + 1, rows=rows)
        kept = np.flatnonzero(found[0] != without)[:k]
        return scores[:, kept], found[:, kept]

    def _works(self, vector: np.ndarray, options: SearchOptions, rows: np.ndarray | None) -> list[Hit]:
        """The nearest k works of one query (1, dim); looks deeper until there are k, or no more."""
        depth, pictures = 2 * options.k, dict[int, Image.Image]()
        while True:
            scores, found = (part[0] for part in self._nearest(vector, depth, options.without, rows))
            pictures |= {row: self.records.thumbnail(row) for row in found.tolist() if row not in pictures}
            works = group_versions(same_works([pictures[row] for row in found.tolist()]))
            if len(works) >= options.k or len(found) < depth:
                break
            depth *= 2
        first = [work[0] for work in works[: options.k]]
        others = [found[work[1:]].tolist() for work in works[: options.k]]
        return self._hits(scores[first], found[first].tolist(), others)

    def _hits(self, scores: np.ndarray, rows: list[int], versions: list[list[int]]) -> list[Hit]:
        others = [tuple(self.records.ids[row] for row in work) for work in versions]
        return make_hits(self.records.at(rows), scores, self.fit_calibration(), versions=others)


def make_hits(
    records: Sequence[dict[str, Any]],
    scores: np.ndarray,
    calibration: Calibration,
    *,
    versions: Sequence[tuple[str, ...]],
) -> list[Hit]:
    """One hit for each record (k,), best first, with what its score (k,) is worth.

    Args:
        records: of the paintings that were found.
        scores: of the same.
        calibration: of the collection.
        versions: of each, ids of other pictures of the same work.
    """
    same, threshold = calibration.same(scores), calibration.threshold
    found = zip(records, scores.tolist(), same, versions, strict=True)
    return [
        Hit(record["id"], score, rank, record, chances, None if threshold is None else score >= threshold, others)
        for rank, (record, score, chances, others) in enumerate(found, 1)
    ]


def without_calibration(hits: list[Hit]) -> list[Hit]:
    """Hits that state no probabilities: for queries whose scores differ from those between two pictures."""
    return [replace(hit, same={}, good_match=None) for hit in hits]
