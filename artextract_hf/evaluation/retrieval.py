"""How good search is: figures from vectors and labels, by label, or from rankings of any search.

With labels, a gallery painting is relevant where it has the query's label. What shows the query's own work never
counts, neither as an answer nor as something that could have been found: its file, copies of it, near-duplicates.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from artextract_hf.errors import DataError

CHUNK = 512  # queries ranked at a time
DEPTHS = (1, 5, 10)
GAINS = 1 / np.log2(np.arange(2, 12))  # of the first ten places (Järvelin and Kekäläinen 2002)


@dataclass(frozen=True)
class RetrievalScores:
    """Means over the queries that have anything to find.

    Attributes:
        precision: at 1, 5 and 10: the share of relevant paintings among the first k.
        recall: at 1, 5 and 10: the share of all relevant paintings that are among the first k.
        map: mean average precision over the whole ranking.
        mrr: mean of one over the rank of the first relevant painting.
        ndcg: at 10, with gain 1 for a relevant painting.
        queries: how many were asked.
        chance: precision of a random order: the share of relevant paintings in the gallery; None where that is unknown.
    """

    precision: dict[int, float]
    recall: dict[int, float]
    map: float
    mrr: float
    ndcg: float
    queries: int
    chance: float | None = None

    def by_name(self) -> dict[str, float]:
        """All figures that are known, such as `p@10`, `r@10`, `map`; `queries` last."""
        found = {f"p@{k}": value for k, value in self.precision.items()}
        found |= {f"r@{k}": value for k, value in self.recall.items()}
        found |= {"map": self.map, "mrr": self.mrr, "ndcg@10": self.ndcg}
        chance = {} if self.chance is None else {"chance": self.chance}
        return found | chance | {"queries": self.queries}

    def as_json(self) -> dict[str, float]:
        """The same, rounded as `artextract evaluate embedder --json` prints them."""
        return {name: round(value, 4) for name, value in self.by_name().items()}


def score_retrieval(
    gallery: np.ndarray,
    gallery_labels: Sequence[str | None],
    queries: np.ndarray,
    query_labels: Sequence[str | None],
    *,
    gallery_works: Sequence[str] = (),
    query_works: Sequence[str] = (),
) -> RetrievalScores | None:
    """Rank the gallery for each query by cosine and score the rankings.

    Args:
        gallery: (N, dim), unit rows.
        gallery_labels: name of each gallery painting's class, None where unknown: such a painting is left out.
        queries: (M, dim), unit rows.
        query_labels: likewise; a query without a label is not asked.
        gallery_works: what each painting shows, such as the name of its file; copies and near-duplicates share one.
        query_works: likewise; paintings of the query's own work are left out. Empty where nothing is to be.

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
        gallery_works=gallery_works,
        query_works=query_works,
    )


def score_similarities(
    similarities: Callable[[np.ndarray], np.ndarray],
    gallery_labels: Sequence[str | None],
    query_labels: Sequence[str | None],
    *,
    gallery_works: Sequence[str] = (),
    query_works: Sequence[str] = (),
) -> RetrievalScores | None:
    """Score rankings by any similarity, a re-ranking's for example.

    Args:
        similarities: gives for the rows (m,) of some queries their similarities (m, N) to the gallery, larger first.
        gallery_labels: see `score_retrieval`, as is all that follows.
        query_labels: likewise.
        gallery_works: likewise.
        query_works: likewise.

    Returns:
        The figures, or None where no query has anything to find.
    """
    kept = np.array([i for i, label in enumerate(gallery_labels) if label is not None], dtype=np.int64)
    asked = np.array([i for i, label in enumerate(query_labels) if label is not None], dtype=np.int64)
    if not len(kept) or not len(asked):
        return None
    codes, wanted = _codes([gallery_labels[i] for i in kept], [query_labels[i] for i in asked])
    own = np.full(len(kept), -2), np.full(len(asked), -1)  # no work is that of a query
    if len(gallery_works) and len(query_works):
        own = _codes([gallery_works[i] for i in kept], [query_works[i] for i in asked])
    figures, shares = [], []
    for chunk in (np.s_[start : start + CHUNK] for start in range(0, len(asked), CHUNK)):
        left_out = own[0] == own[1][chunk, None]
        relevant = (codes == wanted[chunk, None]) & ~left_out
        scores = np.where(left_out, -np.inf, similarities(asked[chunk])[:, kept])  # last, where it counts for nothing
        order = np.argsort(-scores, axis=1, kind="stable")
        total = relevant.sum(axis=1)
        figures.append(_score_rankings(np.take_along_axis(relevant, order, axis=1), total))
        shares.append((total / np.maximum((~left_out).sum(axis=1), 1))[total > 0])
    chance = np.concatenate(shares)
    return _means(np.concatenate(figures), chance=float(chance.mean()) if len(chance) else None)


def score_rankings(
    answers: Sequence[Sequence[str]], relevant: Sequence[Sequence[str]], left_out: Sequence[Sequence[str]]
) -> RetrievalScores | None:
    """Score the answers of any search, given by name.

    Args:
        answers: for each query the names of what was found, best first; a name counts where it first stands.
        relevant: for each query the names of all that could be found.
        left_out: for each query the names that never count: its own, its copies, its near-duplicates.

    Returns:
        The figures, or None where no query has anything to find. What was not found has no rank: average precision and
        the reciprocal rank are 0 there.
    """
    without = [
        ([name for name in dict.fromkeys(found) if name not in out], set(true) - out)
        for found, true, out in zip(answers, relevant, map(set, left_out), strict=True)
    ]
    hits = np.zeros((len(without), max((len(found) for found, _ in without), default=0)), dtype=bool)
    for row, (found, true) in enumerate(without):
        hits[row, : len(found)] = [name in true for name in found]
    return _means(_score_rankings(hits, np.array([len(true) for _, true in without], dtype=np.int64)))


def self_retrieval(queries: Sequence[str], answers: Sequence[Sequence[str]]) -> float | None:
    """Share of the queries that find themselves first: a check that a search works at all, and no figure of quality.

    Args:
        queries: their names.
        answers: for each the names of what was found, best first, nothing left out.

    Returns:
        None where no query is among its answers: then what was searched does not hold the queries.
    """
    pairs = list(zip(queries, answers, strict=True))
    if not any(query in found for query, found in pairs):
        return None
    return float(np.mean([len(found) > 0 and found[0] == query for query, found in pairs]))


def _codes(gallery: Sequence[str | None], queries: Sequence[str | None]) -> tuple[np.ndarray, np.ndarray]:
    """Names as numbers: equal ones are equal, and -1 for a query's that the gallery does not have."""
    numbers = {name: number for number, name in enumerate(sorted(set(map(str, gallery))))}
    return (
        np.array([numbers[str(name)] for name in gallery], dtype=np.int64),
        np.array([numbers.get(str(name), -1) for name in queries], dtype=np.int64),
    )


def _score_rankings(hits: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Precision and recall at each depth, average precision, reciprocal rank and nDCG at 10 of each ranking.

    Args:
        hits: bool (M, D), whether the answer at each place is relevant.
        total: (M,) how many relevant paintings there are.

    Returns:
        (Q, 9) of the Q rankings in which there is anything to find.
    """
    hits, total = hits[total > 0], total[total > 0]
    if missing := max(0, max(DEPTHS) - hits.shape[1]):
        hits = np.pad(hits, ((0, 0), (0, missing)))  # places without an answer are misses
    counts = hits.cumsum(axis=1)
    ranks = np.arange(1, hits.shape[1] + 1)
    average = (counts / ranks * hits).sum(axis=1) / total
    reciprocal = np.where(counts[:, -1] > 0, 1 / (hits.argmax(axis=1) + 1), 0)
    ideal = np.cumsum(GAINS)[np.minimum(total, len(GAINS)) - 1]
    ndcg = (hits[:, : len(GAINS)] * GAINS).sum(axis=1) / ideal
    found = [counts[:, k - 1] for k in DEPTHS]
    precision = [at / k for at, k in zip(found, DEPTHS, strict=True)]
    return np.column_stack([*precision, *(at / total for at in found), average, reciprocal, ndcg])


def _means(figures: np.ndarray, *, chance: float | None = None) -> RetrievalScores | None:
    """Means over the rows (Q, 9) of `_score_rankings`; None where there is no row."""
    if not len(figures):
        return None
    means = figures.mean(axis=0).tolist()
    deep = len(DEPTHS)
    precision, recall = (dict(zip(DEPTHS, part, strict=True)) for part in (means[:deep], means[deep : 2 * deep]))
    average, reciprocal, ndcg = means[2 * deep :]
    return RetrievalScores(precision, recall, average, reciprocal, ndcg, len(figures), chance)


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
