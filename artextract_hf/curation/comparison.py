"""Two collections side by side, by their vectors: what each has that the other lacks, and what both have.

nearest neighbours across  --> coverage, unique works, closest pairs
kernels within and across  --> are they samples of one distribution (MMD)
thumbnails                 --> works that are in both, found by their pixels
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import faiss
import numpy as np

from artextract_hf.data.duplicates import grey_thumbnail, near_duplicates
from artextract_hf.errors import PaintingIndexError, QueryError
from artextract_hf.retrieval.index import PaintingIndex
from artextract_hf.retrieval.vectors.scan import units

NEIGHBOURS = 5  # k of Naeem et al. 2020
SAMPLE = 1000  # works of each collection whose kernels are compared
PERMUTATIONS = 999
LISTED = 50  # unique works and closest pairs in a JSON document
LATEST = 9999  # year of a work, and the earliest before our era
ROUNDING = 1e-6  # two float32 cosines of the same vectors differ by less


@dataclass(frozen=True)
class Coverage:
    """How much of a collection is covered by the other one.

    Attributes:
        share: of its works for which a work of the other is nearer than their k-th neighbour in their own collection.
        expected: what `share` is on average if both are samples of one distribution.
    """

    share: float
    expected: float


@dataclass(frozen=True)
class Mmd:
    """Maximum mean discrepancy of two samples.

    Attributes:
        squared: its unbiased estimate; about 0, and possibly below, if both come from one distribution.
        p_value: share of random divisions of the works into two samples that are at least as far apart.
        bandwidth: of the kernel, a distance.
        samples: how many works of each were compared.
    """

    squared: float
    p_value: float
    bandwidth: float
    samples: tuple[int, int]


@dataclass(frozen=True)
class Match:
    """A work of one collection beside a work of the other, by their ids."""

    id: str
    other: str
    similarity: float


@dataclass(frozen=True)
class Part:
    """One of two compared collections.

    Attributes:
        count: its works.
        covered: by the other collection.
        nearest: each work with the nearest of the other, by cosine; the most unique first.
        decades: works by decade, from the first to the last: `{1870: 12, 1880: 0, ...}`.
        undated: works without a year.
    """

    count: int
    covered: Coverage
    nearest: list[Match]
    decades: dict[int, int]
    undated: int

    def as_json(self) -> dict[str, Any]:
        """With the most unique works only."""
        return asdict(self) | {"nearest": [asdict(match) for match in self.nearest[:LISTED]]}


@dataclass(frozen=True)
class Comparison:
    """Two collections side by side.

    Attributes:
        embedder: whose vectors were compared.
        k: of the coverage.
        a: the first collection.
        b: the second.
        closest: a work of `a` and a work of `b` that are each other's nearest, by cosine; the closest first.
        shared: pairs of works that are in both; their similarity is that of `data/duplicates.py`.
        mmd: whether both may come from one distribution.
    """

    embedder: str
    k: int
    a: Part
    b: Part
    closest: list[Match]
    shared: list[Match]
    mmd: Mmd

    @property
    def in_both(self) -> tuple[int, int]:
        """How many works of `a` are in `b`, and of `b` in `a`; one may be in several pairs of `shared`."""
        return len({match.id for match in self.shared}), len({match.other for match in self.shared})

    def as_json(self) -> dict[str, Any]:
        """With the closest pairs only."""
        shortened = {"closest": [asdict(match) for match in self.closest[:LISTED]]}
        return asdict(self) | {"a": self.a.as_json(), "b": self.b.as_json()} | shortened


def compare(index_a: PaintingIndex, index_b: PaintingIndex, *, k: int = NEIGHBOURS, seed: int = 0) -> Comparison:
    """Compare two collections that one embedder has indexed.

    Args:
        index_a: with two works at least, as `index_b`.
        index_b: the other.
        k: a work is covered by what is nearer than its k-th neighbour in its own collection.
        seed: of the samples and permutations of the MMD.

    Raises:
        PaintingIndexError: the indexes are of different embedders, or hold fewer than two works.
    """
    if index_a.fingerprint != index_b.fingerprint:
        raise PaintingIndexError(
            f"the indexes were built with different embedders, {index_a.embedder_name!r} ({index_a.fingerprint}) and "
            f"{index_b.embedder_name!r} ({index_b.fingerprint}); build both with the same one."
        )
    if min(len(index_a), len(index_b)) < 2:
        counts = f"{len(index_a)} and {len(index_b)}"
        raise PaintingIndexError(f"collections of {counts} works cannot be compared; each needs at least two.")
    a, b = (units(index.vectors()) for index in (index_a, index_b))  # a compressed index changes lengths a little
    (to_b, in_b), (to_a, in_a) = nearest(a, b), nearest(b, a)
    mutual = np.flatnonzero(in_a[in_b] == np.arange(len(a)))
    closest = [Match(index_a.ids[i], index_b.ids[in_b[i]], float(to_b[i])) for i in mutual]
    return Comparison(
        index_a.embedder_name,
        k,
        _part(index_a, index_b, coverage(a, b, k=k), to_b, in_b),
        _part(index_b, index_a, coverage(b, a, k=k), to_a, in_a),
        sorted(closest, key=lambda match: -match.similarity),
        shared_works(index_a, index_b),
        mmd(a, b, seed=seed),
    )


def nearest(queries: np.ndarray, gallery: np.ndarray, k: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """The k-th nearest of a gallery.

    Args:
        queries: (Q, dim) float32, unit rows.
        gallery: (N, dim) float32, unit rows; N >= k.
        k: 1 is the nearest.

    Returns:
        Cosines and rows of the gallery, (Q,) each.
    """
    index = faiss.IndexFlatIP(gallery.shape[1])
    index.add(gallery)
    cosines, rows = index.search(queries, k)
    return cosines[:, -1], rows[:, -1]


def coverage(works: np.ndarray, others: np.ndarray, *, k: int = NEIGHBOURS) -> Coverage:
    """Share of works that have one of the others nearer than their own k-th neighbour.

    Naeem et al. 2020, "Reliable fidelity and diversity metrics for generative models", section 3: coverage, and its
    value for two samples of one distribution, where a work is missed if its k nearest of all are its own.

    Args:
        works: (N, dim) float32, unit rows, N >= 2.
        others: (M, dim) float32, unit rows.
        k: at most N - 1, and taken as that where it is more.
    """
    k = min(k, len(works) - 1)
    radius, _ = nearest(works, works, k + 1)  # the first is the work itself
    cosines, _ = nearest(works, others)
    n, m = len(works), len(others)
    missed = np.prod([(n - i) / (n + m - i) for i in range(1, k + 1)])
    return Coverage(float((cosines >= radius - ROUNDING).mean()), float(1 - missed))


def mmd(a: np.ndarray, b: np.ndarray, *, sample: int = SAMPLE, permutations: int = PERMUTATIONS, seed: int = 0) -> Mmd:
    """The unbiased squared maximum mean discrepancy with a Gaussian kernel, and its p-value.

    Gretton et al. 2012, "A kernel two-sample test": lemma 6 for the estimate, section 8 for the bandwidth, the median
    distance of the pooled samples.

    Args:
        a: (N, dim), N >= 2.
        b: (M, dim), M >= 2.
        sample: how many of each are compared, drawn at random where there are more.
        permutations: the p-value is at least 1 / (permutations + 1).
        seed: of the sample and the permutations.
    """
    rng = np.random.default_rng(seed)
    a, b = (rows[np.sort(rng.permutation(len(rows))[:sample])].astype(np.float64) for rows in (a, b))
    pooled = np.concatenate([a, b])
    norms = (pooled**2).sum(axis=1)
    squares = np.maximum(norms[:, None] + norms - 2 * pooled @ pooled.T, 0)
    bandwidth = float(np.median(np.sqrt(squares[np.triu_indices(len(pooled), 1)])))
    kernel = np.exp(-squares / (2 * bandwidth**2)) if bandwidth else np.ones_like(squares)
    np.fill_diagonal(kernel, 0)
    dealt = np.zeros((permutations + 1, len(pooled)))
    dealt[0, : len(a)] = 1
    for row in dealt[1:]:
        row[rng.permutation(len(pooled))[: len(a)]] = 1
    found = _squared_mmd(kernel, dealt, len(a), len(b))
    as_far = int((found[1:] >= found[0] - ROUNDING).sum())
    return Mmd(float(found[0]), (as_far + 1) / (permutations + 1), bandwidth, (len(a), len(b)))


def _squared_mmd(kernel: np.ndarray, dealt: np.ndarray, n: int, m: int) -> np.ndarray:
    """Of each way (P, n + m) to deal out the pooled works: 1 where a work goes to the first sample, else 0."""
    toward = dealt @ kernel  # (P, n + m): sum over the first sample
    within_first = (toward * dealt).sum(axis=1)
    across = toward.sum(axis=1) - within_first
    within_second = kernel.sum() - within_first - 2 * across
    return within_first / (n * (n - 1)) + within_second / (m * (m - 1)) - 2 * across / (n * m)


def shared_works(index_a: PaintingIndex, index_b: PaintingIndex) -> list[Match]:
    """Pairs of works that are in both collections, even if cropped, turned a little, re-encoded or re-coloured.

    Works that were indexed without a picture are left out.
    """
    sides = (list(_thumbnails(index_a)), list(_thumbnails(index_b)))
    if not all(sides):
        return []
    ids, thumbnails = zip(*sides[0], *sides[1], strict=True)
    pairs = near_duplicates(np.stack(thumbnails), sides=np.repeat([0, 1], [len(side) for side in sides]))
    found = [Match(ids[pair.first], ids[pair.second], pair.similarity) for pair in pairs]
    return sorted(found, key=lambda match: -match.similarity)


def _thumbnails(index: PaintingIndex) -> Iterator[tuple[str, np.ndarray]]:
    for id_ in index.ids:
        try:
            yield id_, grey_thumbnail(index.thumbnail(id_))
        except QueryError:  # indexed without a picture
            continue


def timeline(index: PaintingIndex) -> dict[int, int]:
    """Works by decade of their first possible year, from the first decade to the last: `{1870: 12, 1880: 0, ...}`."""
    return count_decades(record.get("year") for record in index.records())


def count_decades(years: Iterable[int | None]) -> dict[int, int]:
    """Years by decade, also the empty ones between; unknown years are left out, and numbers that are no year.

    >>> count_decades([1874, 1879, None, 1891, 2**31])
    {1870: 2, 1880: 0, 1890: 1}
    """
    counts = Counter(year // 10 * 10 for year in years if year is not None and abs(year) <= LATEST)
    return {decade: counts[decade] for decade in range(min(counts), max(counts) + 1, 10)} if counts else {}


def _part(index: PaintingIndex, other: PaintingIndex, covered: Coverage, cosines: np.ndarray, rows: np.ndarray) -> Part:
    ids, others = index.ids, other.ids
    order = np.argsort(cosines, kind="stable")
    matches = [Match(ids[i], others[rows[i]], float(cosines[i])) for i in order]
    decades = timeline(index)
    return Part(len(index), covered, matches, decades, len(index) - sum(decades.values()))
