"""Who is near whom in a gallery, and k-reciprocal re-ranking, which asks it (Zhong et al. 2017)."""

from collections.abc import Callable
from dataclasses import dataclass

import faiss
import numpy as np
from scipy.sparse import csr_array, eye_array

from artextract_hf.errors import QueryError

# k1 and k2 are those of Zhong et al. 2017. Their lambda, 0.3, is for pictures of one person; on paintings it raises
# mAP, often at the cost of P@10, and 0.9 raised both (benchmarks/results/rerank.json).
K1, K2, COSINE_SHARE = 20, 6, 0.9
CHUNK = 8192  # pairs of vectors multiplied at a time
BLOCK = 1024  # queries at a time: an index of codes looks at up to 100 candidates for each answer

Search = Callable[[np.ndarray, int], tuple[np.ndarray, np.ndarray]]


def exact_search(vectors: np.ndarray) -> Search:
    """Search among unit rows: (queries (Q, dim), k) to (cosines (Q, k), rows (Q, k)), best first, k at most N."""
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(np.ascontiguousarray(vectors, dtype=np.float32))
    return lambda queries, k: index.search(np.ascontiguousarray(queries, dtype=np.float32), min(k, len(vectors)))


@dataclass(frozen=True)
class Neighbourhoods:
    """The k nearest others of each of N paintings, best first: `rows` (N, k) int64 and `cosines` (N, k) float32."""

    rows: np.ndarray
    cosines: np.ndarray


def neighbourhoods(vectors: np.ndarray, k: int, *, search: Search | None = None) -> Neighbourhoods:
    """The nearest others of each painting among all of them.

    Args:
        vectors: (N, dim), unit rows.
        k: how many, N - 1 at most.
        search: among these vectors; exact where none is given.
    """
    k = min(k, len(vectors) - 1)
    search = search or exact_search(vectors)
    found = [search(vectors[start : start + BLOCK], k + 1) for start in range(0, len(vectors), BLOCK)]
    cosines, rows = (np.concatenate(parts) for parts in zip(*found, strict=True))
    itself = rows == np.arange(len(rows))[:, None]  # not always first: a duplicate may be
    others = np.argsort(itself, axis=1, kind="stable")[:, :k]
    return Neighbourhoods(np.take_along_axis(rows, others, axis=1), np.take_along_axis(cosines, others, axis=1))


@dataclass(frozen=True)
class ReciprocalGallery:
    """A gallery as k-reciprocal re-ranking reads it; made by `encode_gallery`.

    Attributes:
        vectors: (N, dim), unit rows.
        search: among them.
        reach: (N,) cosine of each painting's k1-th neighbour: whoever is nearer is one of its k1 nearest.
        core: (N, N) sparse; row g holds 1 for the members of R(g, k1 / 2).
        weights: (N, N) sparse; row g is V of equation 7: how strongly each painting belongs to g.
        averaged: (N, N) sparse; V of equation 11, averaged over the k2 nearest.
        k1: size of a neighbourhood.
        k2: size of the neighbourhood whose weights are averaged.
    """

    vectors: np.ndarray
    search: Search
    reach: np.ndarray
    core: csr_array
    weights: csr_array
    averaged: csr_array
    k1: int
    k2: int


def encode_gallery(
    vectors: np.ndarray, near: Neighbourhoods, *, k1: int = K1, k2: int = K2, search: Search | None = None
) -> ReciprocalGallery:
    """Each painting as the weighted set of its k-reciprocal neighbours; once for a gallery.

    Zhong et al. 2017, "Re-ranking person re-identification with k-reciprocal encoding". As in the authors' program a
    painting is a member of its own neighbourhood, beside its k nearest, and one of its own k2.

    Args:
        vectors: (N, dim), unit rows.
        near: their neighbourhoods, of k1 at least.
        k1: neighbours that may be reciprocal, equation 2.
        k2: paintings whose weights are averaged, equation 11; 1 for none.
        search: among these vectors; exact where none is given.

    Raises:
        QueryError: near holds fewer than k1, or k1 is below 2, or k2 outside 1..k1.
    """
    if not 1 <= k2 <= k1 or k1 < 2 or near.rows.shape[1] < min(k1, len(vectors) - 1):
        raise QueryError(f"k1={k1} and k2={k2} do not fit neighbourhoods of {near.rows.shape[1]}; 1 <= k2 <= k1.")
    mutual, core = (_reciprocal(near.rows[:, :k]) for k in (k1, round(k1 / 2)))
    weights = _weigh(_expand(mutual, core), vectors, vectors)
    around = _members(near.rows[:, : k2 - 1], len(vectors)) + eye_array(len(vectors), dtype=np.float32)
    averaged = csr_array(around @ weights) / np.float32(k2)
    reach = near.cosines[:, :k1].min(axis=1)
    return ReciprocalGallery(vectors, search or exact_search(vectors), reach, core, weights, averaged, k1, k2)


def k_reciprocal(
    queries: np.ndarray,
    gallery: ReciprocalGallery,
    rows: np.ndarray | None = None,
    *,
    cosine_share: float = COSINE_SHARE,
) -> np.ndarray:
    """Similarity by shared k-reciprocal neighbours (Zhong et al. 2017).

    A query stays outside: it is tested for being among a painting's k1 nearest, and changes no neighbourhood of the
    gallery. So one query and a batch of queries give the same answers.

    Args:
        queries: (Q, dim), unit rows.
        gallery: what is searched.
        rows: (Q, n) the candidates of each query; the whole gallery where none are given.
        cosine_share: lambda of equation 12.

    Returns:
        (Q, n), or (Q, N): 1 - d* of equation 12 with d = 1 - cosine; larger is more similar.
    """
    encoded = _encode_queries(queries, gallery)
    scores = []
    for number, query in enumerate(queries):
        chosen = slice(None) if rows is None else rows[number]
        jaccard = _jaccard(encoded[[number]].toarray()[0], gallery.averaged[chosen])
        scores.append((1 - cosine_share) * jaccard + cosine_share * (gallery.vectors[chosen] @ query))
    return np.stack(scores)


def _encode_queries(queries: np.ndarray, gallery: ReciprocalGallery) -> csr_array:
    """(Q, N) sparse: V of each query."""
    cosines, rows = gallery.search(queries, gallery.k1)
    number = len(gallery.vectors)
    mutual = _members(rows, number, kept=cosines >= gallery.reach[rows])
    weights = _weigh(_expand(mutual, gallery.core), queries, gallery.vectors)
    around = _members(rows[:, : gallery.k2 - 1], number)
    return csr_array(weights + around @ gallery.weights) / np.float32(gallery.k2)


def _members(rows: np.ndarray, number: int, *, kept: np.ndarray | None = None) -> csr_array:
    """(P, number) sparse, 1 where a column is in the row of `rows` (P, k), and kept."""
    ends = np.arange(0, rows.size + 1, rows.shape[1]) if rows.size else np.zeros(len(rows) + 1, dtype=np.int64)
    ones = np.ones(rows.size, dtype=np.float32) if kept is None else kept.astype(np.float32).ravel()
    members = csr_array((ones, rows.flatten(), ends), shape=(len(rows), number))  # a copy: it is changed in place
    members.eliminate_zeros()
    return members


def _reciprocal(rows: np.ndarray) -> csr_array:
    """R(p, k), equation 2, of each painting and itself: neighbours that have it among their own k."""
    members = _members(rows, len(rows)) + eye_array(len(rows), dtype=np.float32)
    return csr_array(members.multiply(members.T))


def _expand(mutual: csr_array, core: csr_array) -> csr_array:
    """R*(p, k), section 3.2: joined by R(g, k / 2) of each member g of which two thirds are in R(p, k)."""
    shared = csr_array(
        (mutual @ core).multiply(mutual)
    )  # |R(p, k) and R(g, k / 2)| for each member g; core is symmetric
    sizes = np.diff(core.indptr)
    shared.data = (3 * shared.data >= 2 * sizes[shared.indices]).astype(np.float32)
    shared.eliminate_zeros()
    return csr_array(mutual + shared @ core)


def _weigh(sets: csr_array, left: np.ndarray, right: np.ndarray) -> csr_array:
    """exp(-d) where a set (P, N) has a member, equation 7."""
    entries = sets.tocoo()
    starts = range(0, entries.nnz, CHUNK)
    pairs = [(entries.row[i : i + CHUNK], entries.col[i : i + CHUNK]) for i in starts]
    cosines = [np.einsum("nd,nd->n", left[p], right[g]) for p, g in pairs]
    values = np.exp(np.concatenate([*cosines, np.zeros(0, dtype=np.float32)]) - 1)
    return csr_array((values, (entries.row, entries.col)), shape=sets.shape)


def _jaccard(query: np.ndarray, gallery: csr_array) -> np.ndarray:
    """Sum of the smaller weights over sum of the larger ones, equation 10: query (N,), gallery (n, N) to (n,)."""
    smaller = np.minimum(gallery.data, query[gallery.indices])
    overlap = csr_array((smaller, gallery.indices, gallery.indptr), shape=gallery.shape).sum(axis=1)
    return overlap / (query.sum() + gallery.sum(axis=1) - overlap)
