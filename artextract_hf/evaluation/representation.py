"""Figures on vectors, with labels or without: what tells a good representation from a collapsed one."""

import numpy as np


def spread(vectors: np.ndarray) -> float:
    """Standard deviation of the unit vectors' components, times sqrt(dim): 0 where all point one way, 1 everywhere.

    Args:
        vectors: (N, dim).
    """
    units = _units(vectors)
    return float(units.std(axis=0).mean() * units.shape[1] ** 0.5)


def effective_rank(vectors: np.ndarray) -> float:
    """How many directions the vectors use: exp of the entropy of their singular values (Roy and Vetterli 2007).

    Args:
        vectors: (N, dim); they are centred here.
    """
    values = np.linalg.svd(vectors - vectors.mean(axis=0), compute_uv=False)
    total = values.sum()
    if total <= np.finfo(np.float32).eps * max(1.0, float(np.abs(vectors).max())):
        return 0.0
    shares = values[values > 0] / total
    return float(np.exp(-(shares * np.log(shares)).sum()))


def knn_accuracy(
    gallery: np.ndarray, gallery_labels: np.ndarray, queries: np.ndarray, query_labels: np.ndarray, *, k: int = 20
) -> float | None:
    """Share of queries whose nearest neighbours vote for their label; votes weigh exp(cos / 0.07) (Wu et al. 2018).

    Args:
        gallery: (N, dim).
        gallery_labels: (N,), -1 where unknown: those do not vote.
        queries: (M, dim).
        query_labels: (M,), -1 where unknown: those are not asked.
        k: neighbours.

    Returns:
        A share, or None where nothing is labelled.
    """
    known, asked = gallery_labels >= 0, query_labels >= 0
    if not known.any() or not asked.any():
        return None
    labels, truth = gallery_labels[known], query_labels[asked]
    cosines = _units(queries[asked]) @ _units(gallery[known]).T
    nearest = np.argpartition(-cosines, min(k, len(labels)) - 1, axis=1)[:, :k]
    votes = np.zeros((len(truth), labels.max() + 1))
    weights = np.exp(np.take_along_axis(cosines, nearest, axis=1) / 0.07)
    np.add.at(votes, (np.arange(len(truth))[:, None], labels[nearest]), weights)
    return float((votes.argmax(axis=1) == truth).mean())


def _units(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
