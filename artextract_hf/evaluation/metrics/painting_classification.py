"""The figures of a classifier with one task or several, as a module of `evaluate`."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import datasets
import evaluate
import numpy as np

from artextract_hf.errors import DataError
from artextract_hf.evaluation.calibration import calibration_error
from artextract_hf.evaluation.classification import further_scores, score

DESCRIPTION = """\
Figures of a classifier of paintings with one task (style) or several at once (style, genre and artist): top-1 and top-5
accuracy, balanced accuracy, precision, recall and F1 (macro and weighted), area under the ROC curve of each class
against the rest, and expected calibration error. A negative label is unknown and does not count. Averages are over the
classes that occur among the labels. A figure that is not defined is None.
"""
INPUTS = """\
Args:
    predictions: logits of each sample, one a class. Of several tasks: for each sample one list of logits a task.
        Class indices will do; then figures that need probabilities are None.
    references: class index of each sample, negative where unknown. Of several tasks: for each sample one index a task.
    tasks: names of the tasks, in the order of the lists; needed where there are several.

Returns:
    accuracy: share of samples whose most probable class is right.
    top5: share of samples whose class is among the five most probable.
    balanced_accuracy: recall, averaged over the classes; macro_recall is the same.
    macro_f1, weighted_f1, macro_precision, weighted_precision, macro_recall, weighted_recall: averaged over the classes
        evenly, or by their samples. A class that was never predicted has no macro precision, and 0 in the weighted one.
    auc: area under the ROC curve of each class against the rest, averaged; None where one class occurs.
    ece: expected calibration error, 15 bins (Guo et al. 2017).
    n: how many samples were scored.
    Of several tasks, each of them after the task's name: style_accuracy.
"""
OF_PROBABILITIES = ("top5", "auc", "ece")
CITATION = """\
@inproceedings{guo2017calibration,
  title = {On Calibration of Modern Neural Networks},
  author = {Guo, Chuan and Pleiss, Geoff and Sun, Yu and Weinberger, Kilian Q.},
  booktitle = {Proceedings of the 34th International Conference on Machine Learning},
  year = {2017}
}
"""


class PaintingClassification(evaluate.Metric):
    """Top-1, top-5, balanced accuracy, precision, recall, F1, area under the ROC curve and calibration error."""

    example = {
        "predictions": [[[2.0, 0.5, 0.1], [1.0, 0.0]], [[0.2, 0.3, 1.5], [0.1, 0.9]], [[1.0, 1.2, 0.2], [0.7, 0.4]]],
        "references": [[0, 0], [2, 1], [0, -1]],
        "tasks": ["style", "genre"],
    }

    def _info(self) -> evaluate.MetricInfo:
        logits, index = datasets.Sequence(datasets.Value("float64")), datasets.Value("int64")
        columns = ((index, index), (logits, index), (datasets.Sequence(logits), datasets.Sequence(index)))
        return evaluate.MetricInfo(
            description=DESCRIPTION,
            inputs_description=INPUTS,
            citation=CITATION,
            features=[datasets.Features({"predictions": p, "references": r}) for p, r in columns],
        )

    def _compute(
        self, predictions: Sequence[Any], references: Sequence[Any], tasks: Sequence[str] = ()
    ) -> dict[str, float | None]:
        if not isinstance(references[0], list):
            return _figures(predictions, references)
        lengths = {len(row) for rows in (predictions, references) for row in rows}
        if lengths != {len(tasks)}:
            raise DataError(f"tasks are {list(tasks)}, but samples have {sorted(lengths)}; name the task of each list.")
        columns = zip(tasks, zip(*predictions, strict=True), zip(*references, strict=True), strict=True)
        return {
            f"{task}_{name}": value
            for task, scores, labels in columns
            for name, value in _figures(scores, labels).items()
        }


def _figures(predictions: Sequence[Any], references: Sequence[int]) -> dict[str, float | None]:
    """The figures of one task.

    Args:
        predictions: (N, C) logits, or (N,) class indices.
        references: (N,) class indices, negative where unknown.

    Raises:
        DataError: the logits are no table of numbers, or an index is no class.
    """
    labels = np.array([-1 if label is None else label for label in references])
    try:
        scores = np.array(predictions, dtype=np.float64)  # None becomes NaN
    except ValueError:  # rows of different lengths
        scores = np.array(np.nan)
    if np.isnan(scores).any():
        raise DataError("logits differ in number from sample to sample, or are not numbers; give one for each class.")
    indices = scores.ndim == 1
    if indices and scores.min() < 0:
        raise DataError(f"a prediction is class {scores.min():.0f}; classes count from 0.")
    if indices:
        scores = np.eye(int(max(scores.max(), labels.max(), 0)) + 1)[scores.astype(np.int64)]
    if labels.max() >= scores.shape[1]:
        raise DataError(f"a label is class {labels.max()}, but the predictions have {scores.shape[1]} classes.")
    figures = asdict(score(labels, scores)) | asdict(further_scores(labels, scores))
    figures |= {"ece": calibration_error(labels, scores)} | (dict.fromkeys(OF_PROBABILITIES) if indices else {})
    del figures["skipped"]  # what the data set could not give, which is not known here
    return figures | {"n": figures.pop("n")}
