"""What a figure has to be read against: the most frequent class, and a linear model on frozen features."""

from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
from datasets import Dataset
from safetensors import SafetensorError
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from artextract_hf.errors import DataError, ModelError
from artextract_hf.evaluation.classification import Scores, score
from artextract_hf.evaluation.predict import known_labels, predict
from artextract_hf.models.backbones import load_imagenet
from artextract_hf.models.rla import PLAIN_NAMES

REGULARISATION = 0.01  # C of the logistic regression, on standardised features
ITERATIONS = 200


def majority(train_labels: np.ndarray, labels: np.ndarray, classes: int) -> Scores:
    """Always the most frequent class of the training labels; of the scored ones where there are no training labels."""
    source = train_labels[train_labels >= 0]
    source = source if len(source) else labels[labels >= 0]
    frequency = np.bincount(source, minlength=classes).astype(float)
    return score(labels, np.tile(frequency, (len(labels), 1)))


class _Features(torch.nn.Module):
    """A timm backbone whose one "task" is its pooled feature, so that `predict` serves it too."""

    def __init__(self, backbone: str, weights: str | None, image_size: int) -> None:
        super().__init__()
        self.network = timm.create_model(backbone, num_classes=0)
        try:
            load_imagenet(self.network, backbone, weights)
        except (SafetensorError, RuntimeError) as error:
            raise ModelError(
                f"{weights} does not hold the weights of {backbone}: {str(error).splitlines()[0]}"
            ) from None
        self.config = type("Config", (), {"tasks": {"feature": ["?"]}, "image_size": image_size})()

    def forward(self, pixels: torch.Tensor) -> Any:
        return type("Output", (), {"task_logits": {"feature": self.network(pixels)}})()


def frozen_features(
    backbone: str,
    weights: str | Path | None,
    processor: Any,
    train: Dataset,
    evaluated: Dataset,
    tasks: dict[str, list[str]],
) -> dict[str, Scores]:
    """Logistic regression on the pooled features of a backbone that was never trained on paintings.

    Args:
        backbone: timm architecture.
        weights: safetensors file in timm's key names; None takes timm's own.
        processor: the preprocessing, the same as the classifier's.
        train: split to learn from.
        evaluated: split to score.
        tasks: class names by task.

    Returns:
        Figures of every task, None in place of each where the training split has fewer than two classes.

    Raises:
        ModelError: the weights are not at hand, or are of another backbone.
        DataError: no picture of a split can be decoded.
    """
    if weights is not None and not Path(weights).is_file():
        raise ModelError(f"there is no file of weights {weights}.")
    side = processor.size["height"]
    backbone = PLAIN_NAMES.get(backbone, backbone)  # layer aggregation is random where nothing is trained
    model = _Features(backbone, None if weights is None else str(weights), side).eval()
    learnt, scored = (predict(model, processor, split) for split in (train, evaluated))
    if not len(learnt.rows) or not len(scored.rows):
        raise DataError("no picture of the split could be decoded.")
    scaler = StandardScaler().fit(learnt.logits["feature"])
    x_train, x = (scaler.transform(p.logits["feature"]) for p in (learnt, scored))
    results = {}
    for task, names in tasks.items():
        y_train = known_labels(train, task, names)[learnt.rows]
        y = known_labels(evaluated, task, names)[scored.rows]
        scores = _linear_scores(x_train, y_train, x, len(names))
        results[task] = Scores(None, None, None, None, n=0) if scores is None else score(y, scores)
    return results


def _linear_scores(x_train: np.ndarray, y_train: np.ndarray, x: np.ndarray, classes: int) -> np.ndarray | None:
    """Log probabilities (N, classes) of x by a logistic regression; None where fewer than two classes are labelled."""
    known = y_train >= 0
    if len(np.unique(y_train[known])) < 2:
        return None
    fitted = LogisticRegression(C=REGULARISATION, max_iter=ITERATIONS).fit(x_train[known], y_train[known])
    scores = np.full((len(x), classes), -np.inf)
    scores[:, fitted.classes_] = fitted.predict_log_proba(x)
    return scores
