"""Labels and logits become figures: pure functions on arrays.

A label of -1 or -100 never counts. All figures lie in 0..1, or are None where nothing can be scored.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import softmax
from sklearn.metrics import confusion_matrix as sklearn_confusion_matrix
from sklearn.metrics import precision_recall_fscore_support, roc_auc_score

TOP = 5


@dataclass(frozen=True)
class Scores:
    """Figures of one task on one split.

    Attributes:
        accuracy: share of samples whose most probable class is right.
        top5: share of samples whose class is among the five most probable.
        balanced_accuracy: recall, averaged over the classes that occur among the labels.
        macro_f1: F1, averaged over the classes that occur among the labels.
        n: how many samples were scored.
        skipped: how many were labelled with a class that the model does not know.
    """

    accuracy: float | None
    top5: float | None
    balanced_accuracy: float | None
    macro_f1: float | None
    n: int
    skipped: int = 0


@dataclass(frozen=True)
class FurtherScores:
    """More figures of one task on one split; None where nothing is labelled.

    Attributes:
        auc: area under the ROC curve of each class against the rest by its probability, averaged over the classes that
            occur; None where there is one only.
        macro_precision: averaged over those of the classes that occur that were ever predicted.
        macro_recall: averaged over the classes that occur, which is the balanced accuracy.
        weighted_precision: of the classes that occur, by their samples; that of one never predicted counts as 0.
        weighted_recall: averaged likewise, which is the accuracy.
        weighted_f1: F1, averaged likewise.
    """

    auc: float | None
    macro_precision: float | None
    macro_recall: float | None
    weighted_precision: float | None
    weighted_recall: float | None
    weighted_f1: float | None


@dataclass(frozen=True)
class ClassReport:
    """Figures of one class; precision is None where the class was never predicted, recall where it never occurs."""

    name: str
    precision: float | None
    recall: float | None
    f1: float | None
    support: int


def score(labels: np.ndarray, scores: np.ndarray, *, skipped: int = 0) -> Scores:
    """All figures of a task.

    Args:
        labels: (N,) class indices, negative where unknown.
        scores: (N, C) logits or probabilities.
        skipped: samples that were left out before, kept with the figures.
    """
    known = labels >= 0
    labels, scores = labels[known], scores[known]
    if not len(labels):
        return Scores(None, None, None, None, n=0, skipped=skipped)
    predicted = scores.argmax(axis=1)
    top = np.argsort(-scores, axis=1, kind="stable")[:, :TOP]
    occurring = np.unique(labels)
    _, recall, f1, _ = precision_recall_fscore_support(labels, predicted, labels=occurring, zero_division=0)
    return Scores(
        accuracy=float((predicted == labels).mean()),
        top5=float((top == labels[:, None]).any(axis=1).mean()),
        balanced_accuracy=float(np.mean(recall)),
        macro_f1=float(np.mean(f1)),
        n=len(labels),
        skipped=skipped,
    )


def further_scores(labels: np.ndarray, scores: np.ndarray) -> FurtherScores:
    """The figures beside those of `score`.

    Args:
        labels: (N,) class indices, negative where unknown.
        scores: (N, C) logits or logarithms of probabilities.
    """
    known = labels >= 0
    labels, scores = labels[known], scores[known]
    if not len(labels):
        return FurtherScores(None, None, None, None, None, None)
    occurring, predicted, probability = np.unique(labels), scores.argmax(axis=1), softmax(scores, axis=1)
    precision, recall, f1, support = precision_recall_fscore_support(
        labels, predicted, labels=occurring, zero_division=0
    )
    named = np.isin(occurring, predicted)
    areas = [roc_auc_score(labels == c, probability[:, c]) for c in occurring] if len(occurring) > 1 else []
    return FurtherScores(
        auc=float(np.mean(areas)) if areas else None,
        macro_precision=float(np.mean(precision[named])) if named.any() else None,
        macro_recall=float(np.mean(recall)),
        weighted_precision=float(np.average(precision, weights=support)),
        weighted_recall=float(np.average(recall, weights=support)),
        weighted_f1=float(np.average(f1, weights=support)),
    )


def class_report(labels: np.ndarray, predicted: np.ndarray, names: Sequence[str]) -> list[ClassReport]:
    """Precision, recall, F1 and support of every class, in label order.

    Args:
        labels: (N,) class indices, negative where unknown.
        predicted: (N,) class indices.
        names: class names.
    """
    known = labels >= 0
    if not known.any():
        return [ClassReport(name, precision=None, recall=None, f1=None, support=0) for name in names]
    classes = np.arange(len(names))
    figures = precision_recall_fscore_support(labels[known], predicted[known], labels=classes, zero_division=0)
    predictions = np.bincount(predicted[known], minlength=len(names))
    return [
        ClassReport(
            name=name,
            precision=float(precision) if predictions[i] else None,
            recall=float(recall) if support else None,
            f1=float(f1) if support else None,
            support=int(support),
        )
        for i, (name, precision, recall, f1, support) in enumerate(zip(names, *figures, strict=True))
    ]


def confusion_matrix(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Counts (classes, classes): rows are labels, columns predictions."""
    known = labels >= 0
    if not known.any():
        return np.zeros((classes, classes), dtype=np.int64)
    return sklearn_confusion_matrix(labels[known], predicted[known], labels=np.arange(classes))
