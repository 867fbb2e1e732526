"""Ways to re-rank: each scores the first answers of a search again.

    csls, k_reciprocal     from the vectors of the whole gallery: who is near everybody, and who are near each other
    expansion              from the vectors of the first answers, which join the query
    spatial                from feature maps: do the same details stand in the same arrangement

benchmarks/results/rerank.json says which of them help. It also has re-ranking by pixels (SSIM, RMSE), which is not
offered: it loses 2 to 8 points of P@10.
"""

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from artextract_hf.errors import QueryError
from artextract_hf.retrieval.rerank.k_reciprocal import (
    K1,
    Neighbourhoods,
    ReciprocalGallery,
    Search,
    encode_gallery,
    exact_search,
    k_reciprocal,
    neighbourhoods,
)
from artextract_hf.retrieval.rerank.spatial import spatial_scores

CSLS_K = 50  # neighbours; Conneau et al. 2018 take 10, 50 measured better (benchmarks/results/rerank.json)
EXPANSION_K, ALPHA = 3, 3.0  # answers that join the query; the power is that of Radenovic et al. 2018


def csls(cosines: np.ndarray, query_density: np.ndarray, gallery_density: np.ndarray) -> np.ndarray:
    """Cross-domain similarity local scaling, 2 cos(q, g) - r(q) - r(g): hubs, near to everything, count for less.

    Conneau et al. 2018, "Word translation without parallel data", equation 5. There r(g) is the mean cosine of g to its
    K nearest queries; a single query has no such company, so g is compared with its K nearest in the gallery.

    Args:
        cosines: (Q, N).
        query_density: (Q,) r(q), mean cosine of each query to its K nearest of the gallery.
        gallery_density: (N,) r(g).

    Returns:
        (Q, N), larger is more similar.
    """
    return 2 * cosines - query_density[:, None] - gallery_density


def expand_queries(
    queries: np.ndarray, answers: np.ndarray, cosines: np.ndarray, *, alpha: float = ALPHA
) -> np.ndarray:
    """The mean direction of each query and its first answers, each answer weighted by its cosine to the power alpha.

    Radenovic et al. 2018, "Fine-tuning CNN image retrieval with no human annotation", alpha query expansion.

    Args:
        queries: (Q, dim), unit rows.
        answers: (Q, n, dim), unit rows.
        cosines: (Q, n) of the answers.
        alpha: 0 for a plain mean.

    Returns:
        (Q, dim), unit rows.
    """
    total = queries + np.einsum("qn,qnd->qd", np.clip(cosines, 0, None) ** alpha, answers)
    return total / np.linalg.norm(total, axis=1, keepdims=True)


class Gallery:
    """The vectors that are searched, and what re-ranking computes from them once, when it is first needed.

    Args:
        vectors: (N, dim), unit rows.
        search: among them; exact where none is given.
    """

    def __init__(self, vectors: np.ndarray, *, search: Search | None = None) -> None:
        self.vectors = vectors
        self.search = search or exact_search(vectors)

    @cached_property
    def near(self) -> Neighbourhoods:
        """Neighbourhoods large enough for all that follows."""
        return neighbourhoods(self.vectors, max(K1, CSLS_K), search=self.search)

    @cached_property
    def density(self) -> np.ndarray:
        """(N,) mean cosine of each painting to its nearest others."""
        return self.near.cosines[:, :CSLS_K].mean(axis=1)

    @cached_property
    def reciprocal(self) -> ReciprocalGallery:
        """What `k_reciprocal` reads."""
        return encode_gallery(self.vectors, self.near, search=self.search)


@dataclass(frozen=True)
class Probe:
    """What is searched with: its unit vector (dim,), and its feature map (C, h, w) where that is needed."""

    vector: np.ndarray
    feature_map: np.ndarray | None = None


@dataclass(frozen=True)
class Candidates:
    """The first answers of a search: their rows (n,) in the gallery, and their feature maps where those are needed."""

    rows: np.ndarray
    gallery: Gallery
    maps: np.ndarray | None = None


@dataclass(frozen=True)
class Reranker:
    """A way to re-rank.

    Attributes:
        score: gives each candidate (n,) a score, larger is more similar.
        depth: how many of the first answers are worth its time.
        needs_maps: whether it compares feature maps beside the vectors.
    """

    score: Callable[[Probe, Candidates], np.ndarray]
    depth: int
    needs_maps: bool = False


def rerank(name: str, probe: Probe, candidates: Candidates) -> np.ndarray:
    """The order (n,) in which a re-ranker puts the candidates, as positions in `candidates.rows`, best first.

    Raises:
        QueryError: no such re-ranker, or what it needs is not there.
    """
    reranker, count = find_reranker(name), len(candidates.rows)
    if count < 2:  # nothing to put in order, and perhaps no neighbours in the gallery
        return np.arange(count)
    return np.argsort(-reranker.score(probe, candidates), kind="stable")


def find_reranker(name: str) -> Reranker:
    """A re-ranker by its name.

    Raises:
        QueryError: there is none.
    """
    if name not in list(RERANKERS):
        near = difflib.get_close_matches(str(name), RERANKERS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"give one of: {', '.join(RERANKERS)}."
        raise QueryError(f"there is no re-ranking {name!r}; {hint}")
    return RERANKERS[name]


def _by_csls(probe: Probe, candidates: Candidates) -> np.ndarray:
    gallery, rows = candidates.gallery, candidates.rows
    nearest, _ = gallery.search(probe.vector[None], CSLS_K)
    cosines = (gallery.vectors[rows] @ probe.vector)[None]
    return csls(cosines, nearest.mean(axis=1), gallery.density[rows])[0]


def _by_k_reciprocal(probe: Probe, candidates: Candidates) -> np.ndarray:
    return k_reciprocal(probe.vector[None], candidates.gallery.reciprocal, candidates.rows[None])[0]


def _by_expansion(probe: Probe, candidates: Candidates) -> np.ndarray:
    gallery = candidates.gallery
    cosines, rows = gallery.search(probe.vector[None], EXPANSION_K)
    return gallery.vectors[candidates.rows] @ expand_queries(probe.vector[None], gallery.vectors[rows], cosines)[0]


def _by_place(probe: Probe, candidates: Candidates) -> np.ndarray:
    if probe.feature_map is None or candidates.maps is None or len(candidates.maps) != len(candidates.rows):
        raise QueryError("spatial re-ranking needs the feature maps of the query and of each candidate.")
    return spatial_scores(probe.feature_map, candidates.maps)


RERANKERS = {
    "csls": Reranker(_by_csls, depth=200),
    "k_reciprocal": Reranker(_by_k_reciprocal, depth=200),
    "expansion": Reranker(_by_expansion, depth=200),
    "spatial": Reranker(_by_place, depth=50, needs_maps=True),
}
