"""What a classifier is trained on: the losses of its tasks over a partly labelled batch, as one number.

Sums and counts are kept apart. A loss is the sum over the labelled samples, divided by the weight of all labelled
samples of the global batch, so one process, several processes and several pieces of a batch give the same loss and
gradient.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from artextract_hf.models import (
    CrnnClassifierOutput,
    CrnnForImageClassification,
    TaskLoss,
    UncertaintyWeighting,
    class_weights,
    make_head,
)
from training.classifier.batch import Batch, Labels
from training.classifier.config import TrainConfig


class Learner(nn.Module):
    """The classifier with its losses: what is trained, and what is made parallel.

    Args:
        model: the classifier.
        config: losses and their weights.
        counts: (classes,) labelled training samples of each class, by task; those of auxiliary tasks too, whose heads
            are the learner's own.
    """

    def __init__(self, model: CrnnForImageClassification, config: TrainConfig, counts: Labels) -> None:
        super().__init__()
        self.model, self.config, self.tasks = model, config, tuple(counts)
        self.loss = config.task_loss()
        self.contrast = TaskLoss("supervised_contrastive", scale=config.contrastive) if config.contrastive else None
        self.uncertainty = UncertaintyWeighting(self.tasks) if config.task_weights == "uncertainty" else None
        width, dropout = model.crnn.embedding_size, model.config.dropout
        self.auxiliary = nn.ModuleList(
            make_head("linear", width, len(counts[task]), dropout=dropout) for task in config.auxiliary
        )
        for task, count in counts.items():  # not saved: they come from the data
            self.register_buffer(f"{task}_weights", class_weights(count, config.class_weight_power), persistent=False)
            self.register_buffer(f"{task}_prior", count / count.sum().clamp(min=1), persistent=False)

    def totals(self, labels: Labels) -> Tensor:
        """(T,) the weight of the labelled samples of a batch, by task: what the sums are divided by."""
        weights = []
        for task in self.tasks:
            known = labels[task] >= 0
            weights.append(self.get_buffer(f"{task}_weights")[labels[task].clamp(min=0)][known].sum())
        return torch.stack(weights)

    def forward(self, batch: Batch, totals: Tensor) -> Tensor:
        """The loss of a batch, or of a piece of one.

        Args:
            batch: the batch or its piece.
            totals: (T,) of the whole global batch.
        """
        output = batch.classify(self.model)
        for task, head in zip(self.config.auxiliary, self.auxiliary, strict=True):
            output["task_logits"][task] = head(output.embeddings)
        losses = {
            task: sum(share * self._total(task, output, labels[task]) for labels, share in batch.targets)
            / totals[index].clamp(min=1e-6)
            for index, task in enumerate(self.tasks)
        }
        if batch.answers:
            share = self.config.distillation
            for task in self.model.config.tasks:  # a teacher may know more
                taught = self._divergence(output["task_logits"][task], batch.answers[task])
                losses[task] = (1 - share) * losses[task] + share * taught
        if self.uncertainty:
            return self.uncertainty(losses)
        weights = self.config.task_weights
        fixed = (weights if isinstance(weights, dict) else {}) | self.config.auxiliary
        return sum(fixed.get(task, 1.0) * loss for task, loss in losses.items()) / len(self.model.config.tasks)

    def _divergence(self, logits: Tensor, answer: Tensor) -> Tensor:
        """KL(teachers || student) of a piece, labelled or not, such that the pieces add up to the mean of the batch."""
        return F.kl_div(logits.float().log_softmax(dim=1), answer, reduction="batchmean") / self.config.accumulate

    def _total(self, task: str, output: CrnnClassifierOutput, labels: Tensor) -> Tensor:
        """The sum of a task's losses over the labelled samples."""
        total = self.loss(
            output["task_logits"][task],
            labels,
            class_weights=self.get_buffer(f"{task}_weights"),
            prior=self.get_buffer(f"{task}_prior"),
        ).total
        if self.contrast:
            total = total + self.contrast(output["task_logits"][task], labels, embeddings=output.embeddings).total
        return total
