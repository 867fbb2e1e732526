"""How good an embedding is at search: figures from vectors and labels, by label.

A gallery painting is relevant where it has the query's label. A query's own file never counts: neither as an answer,
nor as something that could have been found.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from artextract_hf.errors import DataError

CHUNK = 512  # queries ranked at a time
DEPTHS = (1, 5, 10)


@dataclass(frozen=True)
class RetrievalScores:
    """Means over the queries that have anything to find.

    Attributes:
        precision: at 1, 5 and 10: the share of relevant paintings among the first k.
        map: mean average precision over the whole ranking.
        mrr: mean of one over the rank of the first relevant painting.
        ndcg: at 10, with gain 1 for a relevant painting (Järvelin and Kekäläinen 2002).
        chance: precision of a random order: the share of relevant paintings in the gallery.
        queries: how many were asked.
    """

    precision: dict[int, float]
    map: float
    mrr: float
    ndcg: float
    chance: float
    queries: int

    def as_json(self) -> dict[str, float]:
        """Keys as `artextract evaluate embedder --json` prints them."""
        found = {f"p@{k}": round(value, 4) for k, value in self.precision.items()}
        others = {"map": self.map, "mrr": self.mrr, "ndcg@10": self.ndcg, "chance": self.chance}
        return found | {name: round(value, 4) for name, value in others.items()} | {"queries": self.queries}


def score_retrieval(
    gallery: np.ndarray,
    gallery_labels: Sequence[str | None],
    queries: np.ndarray,
    query_labels: Sequence[str | None],
    *,
    gallery_ids: Sequence[str] = (),
    query_ids: Sequence[str] = (),
) -> RetrievalScores | None:
    """Rank the gallery for each query by cosine and score the rankings.

    Args:
        gallery: (N, dim), unit rows.
        gallery_labels: name of each gallery painting's class, None where unknown: such a painting is left out.
        queries: (M, dim), unit rows.
        query_labels: likewise; a query without a label is not asked.
        gallery_ids: names of the files, to leave a query's own out.
        query_ids: names of the files.

    Returns:
        The figures, or None where no query has anything to find.

    Raises:
        DataError: vectors and labels differ in number, or galleries and queries in width.
    """
    if len(gallery) != len(gallery_labels) or len(queries) != len(query_labels) or gallery.shape[1] != queries.shape[1]:
        raise DataError(f"cannot score {gallery.shape} vectors against {queries.shape} with other numbers of labels.")
    return score_similarities(
        lambda rows: queries[rows] @ gallery.T,
        gallery_labels,
        query_labels,
        gallery_ids=gallery_ids,
        query_ids=query_ids,
    )


def score_similarities(
    similarities: Callable[[np.ndarray], np.ndarray],
    gallery_labels: Sequence[str | None],
    query_labels: Sequence[str | None],
    *,
    gallery_ids: Sequence[str] = (),
    query_ids: Sequence[str] = (),
) -> RetrievalScores | None:
    """Score rankings by any similarity, a re-ranking's for example.

    Args:
        similarities: gives for the rows (m,) of some queries their similarities (m, N) to the gallery, larger first.
        gallery_labels: see `score_retrieval`, as is all that follows.
        query_labels: likewise.
        gallery_ids: likewise.
        query_ids: likewise.

    Returns:
        The figures, or None where no query has anything to find.
    """
    kept = np.array([i for i, label in enumerate(gallery_labels) if label is not None], dtype=np.int64)
    asked = np.array([i for i, label in enumerate(query_labels) if label is not None], dtype=np.int64)
    if not len(kept) or not len(asked):
        return None
    names = {name: code for code, name in enumerate(sorted({str(gallery_labels[i]) for i in kept}))}
    codes = np.array([names[str(gallery_labels[i])] for i in kept])
    truth = np.array([names.get(str(query_labels[i]), -1) for i in asked])
    places = {str(gallery_ids[i]): place for place, i in enumerate(kept)} if len(gallery_ids) else {}
    own = np.array([places.get(str(query_ids[i]), -1) if len(query_ids) else -1 for i in asked])
    chunks = [np.s_[start : start + CHUNK] for start in range(0, len(asked), CHUNK)]
    figures = np.concatenate(
        [_score_rankings(similarities(asked[c])[:, kept], codes == truth[c, None], own[c]) for c in chunks]
    )
    return _mean_scores(figures[figures[:, -1] > 0])


def _mean_scores(figures: np.ndarray) -> RetrievalScores | None:
    """Means over the rows (M, 7) of `_score_rankings`; None where there is no row."""
    if not len(figures):
        return None
    *precision, average, reciprocal, ndcg, chance = figures.mean(axis=0)
    return RetrievalScores(
        dict(zip(DEPTHS, map(float, precision), strict=True)),
        float(average),
        float(reciprocal),
        float(ndcg),
        float(chance),
        len(figures),
    )


def _score_rankings(cosines: np.ndarray, relevant: np.ndarray, own: np.ndarray) -> np.ndarray:
    """(M, 7): precision at each depth, average precision, reciprocal rank, nDCG at 10, share of relevant ones."""
    has_own = np.flatnonzero(own >= 0)
    relevant[has_own, own[has_own]] = False
    cosines[has_own, own[has_own]] = -np.inf  # ranked last, where it counts for nothing
    order = np.argsort(-cosines, axis=1, kind="stable")
    hits = np.take_along_axis(relevant, order, axis=1)
    ranks = np.arange(1, hits.shape[1] + 1)
    total = hits.sum(axis=1)
    precision_at = hits.cumsum(axis=1) / ranks
    average = (precision_at * hits).sum(axis=1) / np.maximum(total, 1)
    reciprocal = np.where(total > 0, 1 / (hits.argmax(axis=1) + 1), 0)
    gains = 1 / np.log2(ranks[:10] + 1)
    ideal = np.cumsum(gains)[np.clip(total, 1, len(gains)) - 1]
    ndcg = (hits[:, :10] * gains).sum(axis=1) / ideal
    among = hits.shape[1] - (own >= 0)
    at = [precision_at[:, min(k, hits.shape[1]) - 1] for k in DEPTHS]
    return np.column_stack([*at, average, reciprocal, ndcg, total / np.maximum(among, 1)])


def recall_of_works(gallery: np.ndarray, photos: np.ndarray, works: np.ndarray, *, k: int = 1) -> float:
    """Share of photographs whose own work is among the first k of the gallery.

    Args:
        gallery: (N, dim), unit rows.
        photos: (M, dim), unit rows: photographs of gallery works.
        works: (M,) the row of each photograph's work in the gallery.
        k: how many answers are looked at.
    """
    cosines = photos @ gallery.T
    own = np.take_along_axis(cosines, works[:, None], axis=1)
    return float(((cosines > own).sum(axis=1) < k).mean())
