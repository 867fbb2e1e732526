"""Exact search: the oracle of every index, and what scores the candidates of an approximate one.

Scores are larger for more similar vectors: the inner product (`cosine`, `ip`), or minus the Euclidean distance (`l2`).
"""

from typing import Any

import faiss
import numpy as np

from artextract_hf.errors import QueryError, whole_number

METRICS = {"cosine": faiss.METRIC_INNER_PRODUCT, "ip": faiss.METRIC_INNER_PRODUCT, "l2": faiss.METRIC_L2}
BLOCK_FLOATS = 2**24  # vectors are read in blocks of 64 MB, so that memory stays bounded
UNIT_TOLERANCE = 1e-3
LARGEST_NUMBER = 1e15  # of a vector: products of thousands of them are still float32


def units(vectors: np.ndarray) -> np.ndarray:
    """Vectors (..., dim) scaled to length 1; those of length 0 stay as they are."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def check_vectors(vectors: np.ndarray, dim: int, metric: str) -> np.ndarray:
    """Vectors as FAISS takes them, (N, dim) float32 in one piece; it aborts or answers nonsense on others.

    Raises:
        QueryError: another shape, values that are not finite, rows that are not of length 1 for the cosine.
    """
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    if vectors.ndim != 2 or vectors.shape[1] != dim:
        raise QueryError(f"the index holds vectors of length {dim}, not of shape {vectors.shape[1:]}.")
    step = max(1, BLOCK_FLOATS // dim)
    for start in range(0, len(vectors), step):
        block = vectors[start : start + step]
        if metric == "cosine":
            with np.errstate(all="ignore"):
                lengths = np.sqrt(np.einsum("nd,nd->n", block, block))
            if (np.abs(lengths - 1) <= UNIT_TOLERANCE).all():  # then all numbers are finite
                continue
        if not are_numbers(block, LARGEST_NUMBER):
            raise QueryError("a vector holds values that are not finite numbers, or too large.")
        if metric == "cosine":
            raise QueryError("a vector is not of length 1, which the cosine needs.")
    return vectors


def are_numbers(array: np.ndarray, largest: float) -> bool:
    """Whether all of an array lies between minus and plus this number; NaN does not."""
    return not array.size or bool(-largest <= array.min() and array.max() <= largest)


def check_metric(metric: Any) -> None:
    """Refuse what is no key of METRICS.

    Raises:
        QueryError: it is none.
    """
    if metric not in list(METRICS):  # a list, which takes also what has no hash
        raise QueryError(f"there is no metric {metric!r}; the metrics are {', '.join(METRICS)}.")


def check_k(k: Any) -> int:
    """A number of answers as an int, NumPy's too.

    Raises:
        QueryError: it is no whole number, or below 1.
    """
    return whole_number(k, "k", least=1, error=QueryError)


def check_rows(rows: np.ndarray, count: int) -> np.ndarray:
    """Rows in their order, each once.

    Raises:
        QueryError: rows that do not exist.
    """
    rows = np.asarray(rows, dtype=np.int64).reshape(-1)
    if not (rows[1:] > rows[:-1]).all():
        rows = np.unique(rows)
    if len(rows) and (rows[0] < 0 or rows[-1] >= count):
        raise QueryError(f"the index has {count} rows, counted from 0, and was asked for {rows[0]} to {rows[-1]}.")
    return rows


def similarity(vectors: np.ndarray, query: np.ndarray, metric: str) -> np.ndarray:
    """Scores (N,) of vectors (N, dim) for a query (dim,)."""
    if metric != "l2":
        return vectors @ query
    differences = vectors - query
    return -np.sqrt(np.einsum("nd,nd->n", differences, differences))


def scan(
    vectors: np.ndarray, queries: np.ndarray, k: int, metric: str, *, rows: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The k best of all vectors, or of these rows, by reading each of them.

    Args:
        vectors: (N, dim) float32, in memory or memory-mapped.
        queries: (Q, dim) float32.
        k: at most as many as there are vectors or rows.
        metric: a key of `METRICS`.
        rows: int64, the rows that may answer.

    Returns:
        Scores (Q, k) float32, best first, and rows (Q, k) int64.
    """
    count, step = len(vectors) if rows is None else len(rows), max(1, BLOCK_FLOATS // vectors.shape[1])
    best = np.empty((len(queries), 0), np.float32), np.empty((len(queries), 0), np.int64)
    for start in range(0, count, step):
        part = slice(start, start + step)
        block = np.ascontiguousarray(vectors[part] if rows is None else vectors[rows[part]])
        scores, places = faiss.knn(queries, block, min(k, len(block)), metric=METRICS[metric])
        found = places + start if rows is None else rows[places + start]
        best = _merge(best, (-scores if metric == "l2" else scores, found), k)
    # FAISS gives squared distances, and rounds those of many queries more than those of one.
    return rescore(vectors, queries, best[1], k, metric) if metric == "l2" else best


def rescore(
    vectors: np.ndarray, queries: np.ndarray, candidates: np.ndarray, k: int, metric: str
) -> tuple[np.ndarray, np.ndarray]:
    """The k best of each query's candidates (Q, C) by their exact scores.

    A candidate that is no row (FAISS says -1 where it found too few) is passed over; places without an answer hold
    minus infinity and the row -1.
    """
    scores = np.full((len(queries), k), -np.inf, np.float32)
    rows = np.full((len(queries), k), -1, np.int64)
    for i, query in enumerate(queries):
        known = candidates[i][(candidates[i] >= 0) & (candidates[i] < len(vectors))]
        exact = similarity(vectors[known], query, metric)
        order = np.argsort(-exact, kind="stable")[:k]
        scores[i, : len(order)], rows[i, : len(order)] = exact[order], known[order]
    return scores, rows


def _merge(
    first: tuple[np.ndarray, np.ndarray], second: tuple[np.ndarray, np.ndarray], k: int
) -> tuple[np.ndarray, np.ndarray]:
    scores, rows = (np.concatenate(pair, axis=1) for pair in zip(first, second, strict=True))
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(scores, order, axis=1), np.take_along_axis(rows, order, axis=1)
