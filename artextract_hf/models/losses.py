"""Losses over partly labelled batches: a label of -1 or -100 takes no part."""

import torch
import torch.nn.functional as F
from torch import Tensor

IGNORE_INDEX = -100


def masked_cross_entropy(
    logits: Tensor, labels: Tensor, *, class_weights: Tensor | None = None, label_smoothing: float = 0.0
) -> Tensor:
    """Mean cross-entropy over the labelled samples; 0, with a gradient of 0, where none is labelled.

    Args:
        logits: (N, C).
        labels: (N,) class indices; any negative label is unknown.
        class_weights: (C,), as in `torch.nn.functional.cross_entropy`.
        label_smoothing: the share of the target spread over all classes.
    """
    labels = labels.masked_fill(labels < 0, IGNORE_INDEX)
    if not bool((labels >= 0).any()):
        return logits.sum() * 0.0
    return F.cross_entropy(
        logits.float(), labels, weight=class_weights, label_smoothing=label_smoothing, ignore_index=IGNORE_INDEX
    )


def class_weights(counts: Tensor, power: float) -> Tensor:
    """Weights proportional to count ** -power with a sample-weighted mean of 1; classes without a sample get 0.

    power 0 weighs all samples alike, 1 weighs all classes alike, 0.5 stands between.
    """
    seen = counts > 0
    weights = torch.where(seen, counts.clamp(min=1).float() ** -power, torch.zeros(()))
    return weights * counts.sum() / (weights * counts).sum().clamp(min=1e-12)
