"""How far a classifier's probabilities can be believed, and the temperature that mends them (Guo et al. 2017)."""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

BINS = 15  # as in the tables of Guo et al.
TEMPERATURES = (0.05, 20.0)  # that are tried


def calibration_error(labels: np.ndarray, logits: np.ndarray) -> float | None:
    """Expected calibration error (eq. 3): how far confidence and accuracy lie apart, averaged over the samples.

    Args:
        labels: (N,) class indices, negative where unknown.
        logits: (N, C).

    Returns:
        A share in 0..1 over 15 bins of equal width, or None where nothing is labelled.
    """
    known = labels >= 0
    if not known.any():
        return None
    probability = softmax(logits[known], axis=1)
    confidence, right = probability.max(axis=1), probability.argmax(axis=1) == labels[known]
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = np.bincount(bins, weights=confidence - right, minlength=BINS)
    return float(np.abs(gaps).sum() / len(right))


def fit_temperature(labels: np.ndarray, logits: np.ndarray) -> float:
    """What to divide logits by so that the labels are most probable (section 4.2); below 1 it makes the answers surer.

    Args:
        labels: (N,) class indices, negative where unknown; at least one is known.
        logits: (N, C), of samples that were not learnt from.

    Returns:
        A number within TEMPERATURES; about its ends where no temperature fits.
    """
    known = labels >= 0
    labels, logits = labels[known], logits[known]

    def surprise(log_temperature: float) -> float:
        log_p = log_softmax(logits / np.exp(log_temperature), axis=1)
        return float(-log_p[np.arange(len(labels)), labels].mean())

    bounds = np.log(TEMPERATURES)
    found = minimize_scalar(surprise, bounds=bounds, method="bounded").x
    # Where every answer is right by far, the surprise is 0 over a whole stretch, and the search stops inside of it.
    return TEMPERATURES[0] if surprise(bounds[0]) <= surprise(found) else float(np.exp(found))
