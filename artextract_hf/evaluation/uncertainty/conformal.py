"""Prediction sets: the classes of a painting that cannot be ruled out (conformal prediction).

A class belongs to a painting's set where its probability reaches the threshold of the class: a quantile of the
probabilities that held-out paintings of the class gave to it (the least ambiguous sets of Sadinle, Lei and Wasserman
2019, class by class as in Vovk 2012, "Conditional validity of inductive conformal predictors"). Of new paintings that
are drawn like the held-out ones, a share of `LEVEL` of each class then has a set that holds the class, whatever the
classifier is worth; the sets of a poor one are large.
"""

from dataclasses import dataclass

import numpy as np

LEVEL = 0.9
# Held-out samples that a threshold needs: the fewest of which one in ten can fall below it, 1 / (1 - LEVEL) - 1, as in
# Ding et al. 2023, "Class-conditional conformal prediction with many classes", section 3.
LEAST = 9
OFTEN = 20  # samples of a class from which on its coverage says something
FOLDS, SEED = 5, 0  # of `cross_fitted_sets`


@dataclass(frozen=True)
class SetScores:
    """Figures of the prediction sets of one task on one split; None where nothing is labelled.

    Attributes:
        coverage: share of samples whose set holds their class.
        by_class: coverage of the samples of each class, in label order; None where it does not occur.
        lowest: of the classes with OFTEN samples or more.
        mean_size: classes in a set.
        median_size: of the sets, likewise.
        empty: share of sets without a class.
        single: share of sets of one class.
        n: how many samples were scored.
    """

    coverage: float | None
    by_class: list[float | None]
    lowest: float | None
    mean_size: float | None
    median_size: float | None
    empty: float | None
    single: float | None
    n: int


def fit_thresholds(labels: np.ndarray, scores: np.ndarray) -> np.ndarray | None:
    """The threshold of each class, which a share of LEVEL of its samples reaches.

    Args:
        labels: (N,) class indices, negative where unknown, of samples that were not learnt from.
        scores: (N, C), the larger the better a class fits, such as probabilities.

    Returns:
        float64 (C,), or None where fewer than LEAST samples are labelled.
    """
    known = np.flatnonzero(labels >= 0)
    if len(known) < LEAST:
        return None
    labels = labels[known]
    own = scores[known, labels]
    groups = threshold_groups(np.bincount(labels, minlength=scores.shape[1]))
    # Rank (1 - LEVEL) (n + 1), below which the next sample falls with that probability. Between two ranks in
    # proportion: the lower one of them would be safe for each class, and cover two points too many of rare ones.
    return np.array([np.quantile(own[groups[labels] == group], 1 - LEVEL, method="weibull") for group in groups])


def threshold_groups(counts: np.ndarray) -> np.ndarray:
    """Which classes have a threshold together.

    Classes of fewer than LEAST samples share one, with as many of the next rarest as it takes to have LEAST together:
    their level is met by all of them together, not by each.

    Args:
        counts: (C,) samples of each class.

    Returns:
        int64 (C,): equal numbers for classes that share; others have their own index.
    """
    order = np.argsort(counts, kind="stable")
    rarer = np.cumsum(counts[order]) - counts[order]  # samples of all classes before it
    rare = (counts[order] < LEAST) | ((rarer < LEAST) & (counts.min() < LEAST))
    groups = np.arange(len(counts))
    groups[order[rare]] = order[0]
    return groups


def cross_fitted_sets(labels: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """The sets (N, C) of samples, each by thresholds that were fitted without its part, one of FOLDS drawn by a seed.

    Args:
        labels: (N,) class indices, negative where unknown.
        scores: (N, C), as in `fit_thresholds`.
    """
    fold = np.random.default_rng(SEED).permutation(len(labels)) % FOLDS
    sets = np.ones(scores.shape, dtype=bool)  # of too few samples nothing can be ruled out
    for part in range(FOLDS):
        if (thresholds := fit_thresholds(labels[fold != part], scores[fold != part])) is not None:
            sets[fold == part] = scores[fold == part] >= thresholds
    return sets


def score_sets(labels: np.ndarray, sets: np.ndarray) -> SetScores:
    """All figures of a task's sets.

    Args:
        labels: (N,) class indices, negative where unknown; only labelled samples count.
        sets: bool (N, C), which classes each sample's set holds.
    """
    known = labels >= 0
    labels, sets = labels[known], sets[known]
    if not len(labels):
        return SetScores(None, [None] * sets.shape[1], None, None, None, None, None, n=0)
    held, sizes = sets[np.arange(len(labels)), labels], sets.sum(axis=1)
    counts = np.bincount(labels, minlength=sets.shape[1])
    shares = np.bincount(labels, weights=held, minlength=sets.shape[1]) / np.maximum(counts, 1)
    return SetScores(
        coverage=float(held.mean()),
        by_class=[float(share) if count else None for share, count in zip(shares, counts, strict=True)],
        lowest=float(shares[counts >= OFTEN].min()) if (counts >= OFTEN).any() else None,
        mean_size=float(sizes.mean()),
        median_size=float(np.median(sizes)),
        empty=float((sizes == 0).mean()),
        single=float((sizes == 1).mean()),
        n=len(labels),
    )
