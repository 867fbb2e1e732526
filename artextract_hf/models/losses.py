"""Losses over partly labelled batches: a negative label (-1, -100) takes no part.

A loss comes as `LossTerms`, a sum and the weight to divide it by. Both add up over processes and micro-batches, so
that a training on any number of them can divide by the weight of the whole batch and take the same step. `TaskLoss`
names a loss and its numbers; `masked_cross_entropy` is the plain mean.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from artextract_hf.errors import ModelError

LOSSES = ("cross_entropy", "focal", "supervised_contrastive")


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
    return cross_entropy_terms(logits, labels, class_weights=class_weights, label_smoothing=label_smoothing).mean()


@dataclass(frozen=True)
class LossTerms:
    """A loss before its division.

    Attributes:
        total: (), the weighted sum over the labelled samples; it has a gradient, of 0 where none is labelled.
        weight: (), the sum of their weights, without a gradient.
    """

    total: Tensor
    weight: Tensor

    def mean(self) -> Tensor:
        """The loss of this batch alone; 0 where nothing is labelled."""
        return self.total / self.weight.clamp(min=1e-12)


@dataclass(frozen=True)
class TaskLoss:
    """The loss of one task, as a configuration names it.

    Args:
        name: `cross_entropy`, `focal` or `supervised_contrastive`.
        scale: factor of the loss.
        label_smoothing: share of the target spread over all classes (cross_entropy and focal).
        logit_adjustment: tau of `adjusted_logits`; 0 adjusts nothing (cross_entropy and focal).
        gamma: how far samples that are already right are ignored (focal).
        alpha: factor of the loss, as published with it (focal).
        temperature: of the similarities (supervised_contrastive).
    """

    name: str = "cross_entropy"
    scale: float = 1.0
    label_smoothing: float = 0.0
    logit_adjustment: float = 0.0
    gamma: float = 2.0
    alpha: float = 1.0
    temperature: float = 0.1

    def __post_init__(self) -> None:
        if self.name not in LOSSES:
            raise ModelError(f"TaskLoss.name is {self.name!r}; it takes one of {', '.join(LOSSES)}.")
        if not 0 <= self.label_smoothing < 1:
            raise ModelError(f"TaskLoss.label_smoothing is {self.label_smoothing}; it must lie in [0, 1).")
        for number in ("scale", "logit_adjustment", "gamma", "alpha"):
            if getattr(self, number) < 0:
                raise ModelError(f"TaskLoss.{number} is {getattr(self, number)}; it must not be negative.")
        if self.temperature <= 0:
            raise ModelError(f"TaskLoss.temperature is {self.temperature}; it must be positive.")

    def __call__(
        self,
        logits: Tensor,
        labels: Tensor,
        *,
        embeddings: Tensor | None = None,
        class_weights: Tensor | None = None,
        prior: Tensor | None = None,
    ) -> LossTerms:
        """Score a batch.

        Args:
            logits: (N, C).
            labels: (N,) class indices; any negative label is unknown.
            embeddings: (N, D), which `supervised_contrastive` compares in place of the logits.
            class_weights: (C,).
            prior: (C,), the share of each class in the training data, for the logit adjustment.

        Raises:
            ModelError: the loss needs embeddings or a prior that were not given.
        """
        if self.name == "supervised_contrastive":
            if embeddings is None:
                raise ModelError("supervised_contrastive compares embeddings; pass embeddings=.")
            terms = supervised_contrastive(embeddings, labels, temperature=self.temperature)
        else:
            if self.logit_adjustment:
                if prior is None:
                    raise ModelError("logit_adjustment needs the share of each class; pass prior=.")
                logits = adjusted_logits(logits, prior, tau=self.logit_adjustment)
            focal = {"gamma": self.gamma, "alpha": self.alpha} if self.name == "focal" else {}
            terms = cross_entropy_terms(
                logits, labels, class_weights=class_weights, label_smoothing=self.label_smoothing, **focal
            )
        return LossTerms(self.scale * terms.total, terms.weight)


def cross_entropy_terms(
    logits: Tensor,
    labels: Tensor,
    *,
    class_weights: Tensor | None = None,
    label_smoothing: float = 0.0,
    gamma: float = 0.0,
    alpha: float = 1.0,
) -> LossTerms:
    """Focal loss (Lin et al. 2017, eq. 5); with gamma 0 and alpha 1 it is cross-entropy.

    A sample with the target t, its label smoothed, costs sum_c t_c w_c alpha (1 - p_c)^gamma (-log p_c). As in
    torch's cross-entropy its weight is that of its label's class; alpha scales the loss and is no weight.

    Args:
        logits: (N, C).
        labels: (N,); any negative label is unknown.
        class_weights: w, (C,).
        label_smoothing: the share of the target spread over all classes.
        gamma: focusing; 0 is none.
        alpha: factor.
    """
    known = labels >= 0
    logits, labels = logits[known].float(), labels[known]
    classes = logits.shape[1]
    log_p = logits.log_softmax(dim=1)
    target = (1 - label_smoothing) * F.one_hot(labels, classes) + label_smoothing / classes
    cost = -target * log_p
    if gamma:
        # 1 - p without cancellation; a power below 1 has no finite gradient at 0
        cost = cost * (-torch.expm1(log_p)).clamp(min=1e-6) ** gamma
    weights = logits.new_ones(classes) if class_weights is None else class_weights
    return LossTerms(alpha * (cost * weights).sum(), weights[labels].sum())


def supervised_contrastive(embeddings: Tensor, labels: Tensor, *, temperature: float = 0.1) -> LossTerms:
    """Supervised contrastive loss (Khosla et al. 2020, eq. 2), on embeddings brought to length 1.

    A sample i with positives P(i), the others of its class, costs
    -1 / |P(i)| sum_{p in P(i)} log(exp(z_i z_p / T) / sum_{a != i} exp(z_i z_a / T)).
    Samples without a label are no one's positive or negative; samples without a positive cost nothing and have no
    weight.

    Args:
        embeddings: (N, D); of several processes, gather them first.
        labels: (N,); any negative label is unknown.
        temperature: T.
    """
    known = labels >= 0
    z, labels = F.normalize(embeddings[known].float(), dim=1), labels[known]
    itself = torch.eye(len(z), dtype=torch.bool, device=z.device)
    with torch.autocast(z.device.type, enabled=False):  # similarities in bfloat16 are too coarse for T
        similarity = z @ z.T / temperature
    log_p = similarity.masked_fill(itself, torch.finfo(z.dtype).min).log_softmax(dim=1)
    positive = (labels[:, None] == labels) & ~itself
    count = positive.sum(dim=1)
    cost = -log_p.masked_fill(~positive, 0.0).sum(dim=1) / count.clamp(min=1)
    return LossTerms(cost.sum(), (count > 0).sum().to(z.dtype))


def adjusted_logits(logits: Tensor, prior: Tensor, *, tau: float = 1.0) -> Tensor:
    """Logits + tau log(prior) (Menon et al. 2021, eq. 10), for training only.

    What is learnt without the adjustment at test time then weighs all classes alike. A class that never occurs has its
    prior taken as 1e-12.

    Args:
        logits: (N, C).
        prior: (C,), the share of each class in the training data.
        tau: 1 is consistent with the balanced error.
    """
    return logits.float() + tau * prior.clamp(min=1e-12).log()


class UncertaintyWeighting(nn.Module):
    """Weights of tasks, learnt from their uncertainty (Kendall, Gal and Cipolla 2018, eq. 10).

    The sum over the tasks of exp(-s) L + s / 2, where s = log(sigma^2) is learnt; it is smallest at s = log(2 L). The
    parameters belong to the training, not to the model: give them to the optimiser, without weight decay.

    Args:
        tasks: names of the tasks.
    """

    def __init__(self, tasks: Sequence[str]) -> None:
        super().__init__()
        self.log_variances = nn.ParameterDict({task: nn.Parameter(torch.zeros(())) for task in tasks})

    def forward(self, losses: Mapping[str, Tensor]) -> Tensor:
        """One loss, (), of the losses () by task; a task without a labelled sample is best left out."""
        return torch.stack(
            [torch.exp(-s) * losses[t] + s / 2 for t, s in self.log_variances.items() if t in losses]
        ).sum()


def class_weights(counts: Tensor, power: float) -> Tensor:
    """Weights proportional to count ** -power with a sample-weighted mean of 1; classes without a sample get 0.

    power 0 weighs all samples alike, 1 weighs all classes alike, 0.5 stands between.
    """
    seen = counts > 0
    weights = torch.where(seen, counts.clamp(min=1).float() ** -power, torch.zeros(()))
    return weights * counts.sum() / (weights * counts).sum().clamp(min=1e-12)
