"""How far a figure would move if other artists had been drawn: the cluster bootstrap.

Works of an artist are alike, so artists are drawn with replacement, each with all of their works, and the figure is
computed of each draw (Davison and Hinkley 1997, "Bootstrap methods and their application", section 3.8).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from artextract_hf.evaluation.classification import TOP

DRAWS = 1000
LEVEL = 0.95
SEED = 0


def intervals(
    labels: np.ndarray, scores: np.ndarray, clusters: Sequence[Any], *, draws: int = DRAWS, seed: int = SEED
) -> dict[str, list[float]] | None:
    """Percentile intervals of a task's figures.

    Args:
        labels: (N,) class indices, negative where unknown.
        scores: (N, C) logits or probabilities.
        clusters: (N,) what each sample belongs to, such as its artist.
        draws: of the clusters.
        seed: of the draws.

    Returns:
        Low and high end of `accuracy`, `top5`, `balanced_accuracy` and `macro_f1`, which `score` defines; None where
        fewer than two clusters are labelled.
    """
    known = np.flatnonzero(labels >= 0)
    names, cluster = np.unique([str(clusters[row]) for row in known.tolist()], return_inverse=True)
    if len(names) < 2:
        return None
    drawn = np.random.default_rng(seed).multinomial(len(names), np.full(len(names), 1 / len(names)), size=draws)
    ends = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)
    figures = _figures(labels[known], scores[known], cluster, drawn)
    low, high = np.quantile(list(figures.values()), ends, axis=1)
    return {name: [float(low[i]), float(high[i])] for i, name in enumerate(figures)}


def _figures(labels: np.ndarray, scores: np.ndarray, cluster: np.ndarray, drawn: np.ndarray) -> dict[str, np.ndarray]:
    """Each figure of each draw.

    Args:
        labels: (N,) class indices.
        scores: (N, C).
        cluster: (N,) 0..K-1.
        drawn: (draws, K) how often each cluster was drawn.
    """
    predicted = scores.argmax(axis=1)
    top = (np.argsort(-scores, axis=1, kind="stable")[:, :TOP] == labels[:, None]).any(axis=1)
    shape = (drawn.shape[1], scores.shape[1])

    def counted(classes: np.ndarray, which: np.ndarray) -> np.ndarray:
        """(draws, C): samples of each class, of those that count."""
        by_cluster = np.zeros(shape)
        np.add.at(by_cluster, (cluster[which], classes[which]), 1)
        return drawn @ by_cluster

    everything, right = np.ones(len(labels), dtype=bool), predicted == labels
    support, hits, named = counted(labels, everything), counted(labels, right), counted(predicted, everything)
    n = support.sum(axis=1)
    occurs = np.where(support > 0, 1.0, np.nan)  # a class without a sample in a draw has no figures in it
    return {
        "accuracy": hits.sum(axis=1) / n,
        "top5": counted(labels, top).sum(axis=1) / n,
        "balanced_accuracy": np.nanmean(hits / np.maximum(support, 1) * occurs, axis=1),
        "macro_f1": np.nanmean(2 * hits / np.maximum(support + named, 1) * occurs, axis=1),
    }
