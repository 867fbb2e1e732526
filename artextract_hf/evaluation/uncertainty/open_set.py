"""Pictures that are none of what a classifier learnt: how far out each is, and how well that tells them.

statistics of paintings --fit_typical--> TypicalPainting --> distance of any picture
distances of paintings and of others --separation--> AUROC and FPR95
"""

from typing import Any

import numpy as np
import torch
from sklearn.covariance import LedoitWolf
from sklearn.metrics import roc_auc_score

from artextract_hf.errors import DataError
from artextract_hf.models.whitening import TypicalPainting

LEAST = 20  # paintings
FOLDS = 5
STEPS = 100  # quantiles that are kept are one more
LEAST_DEVIATION = 1e-6  # a channel that is the same in all paintings would make any other picture infinitely far


def fit_typical(statistics: np.ndarray) -> TypicalPainting:
    """The average painting, and by how much paintings differ from it: one covariance, shrunk as Ledoit and Wolf (2004).

    Args:
        statistics: (N, F) of paintings.

    Raises:
        DataError: they are fewer than LEAST.
    """
    if len(statistics) < LEAST:
        raise DataError(f"{len(statistics)} paintings do not tell what is usual; there must be {LEAST} at least.")
    values = statistics.astype(np.float64)
    mean, deviation = values.mean(axis=0), np.maximum(values.std(axis=0), LEAST_DEVIATION)
    covariance = LedoitWolf(assume_centered=True).fit((values - mean) / deviation).covariance_
    variances, axes = np.linalg.eigh(covariance)
    whitening = (axes / np.sqrt(variances)) @ axes.T / deviation[:, None]
    typical = TypicalPainting(values.shape[1])
    typical.load_state_dict({"mean": torch.from_numpy(mean), "whitening": torch.from_numpy(whitening)})
    return typical


def distances(typical: TypicalPainting, statistics: np.ndarray) -> np.ndarray:
    """(N, F) to (N,)."""
    return typical(torch.from_numpy(statistics).float()).numpy()


def held_out_distances(learnt: np.ndarray, held_out: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """How far paintings are from the average one of the others: each fifth of them in turn is left out.

    Args:
        learnt: (M, F) of paintings that always count; M may be 0.
        held_out: (N, F).
        seed: of the draw.

    Returns:
        (N,) for `held_out`.
    """
    fold = np.random.default_rng(seed).permutation(len(held_out)) % FOLDS
    found = np.empty(len(held_out), np.float32)
    for number in range(FOLDS):
        typical = fit_typical(np.concatenate([learnt, held_out[fold != number]]))
        found[fold == number] = distances(typical, held_out[fold == number])
    return found


def quantiles(values: np.ndarray) -> list[float]:
    """What a classifier's configuration keeps of distances (N,): STEPS + 1 numbers, ascending, of five digits."""
    return [float(f"{value:.5g}") for value in np.quantile(values, np.linspace(0, 1, STEPS + 1))]


def separation(inside: np.ndarray, outside: np.ndarray) -> dict[str, Any]:
    """How well a distance tells what is outside.

    Args:
        inside: (N,) distances of what the classifier is made for.
        outside: (M,) of anything else.

    Returns:
        `n`: M. `auroc`: how often something outside is farther out than something inside. `fpr95`: the share of what is
        outside that passes where 95 % of what is inside does.
    """
    is_outside = np.repeat([False, True], [len(inside), len(outside)])
    auroc = roc_auc_score(is_outside, np.concatenate([inside, outside]))
    passing = np.mean(outside <= np.quantile(inside, 0.95))
    return {"n": len(outside), "auroc": round(float(auroc), 3), "fpr95": round(float(passing), 3)}
