"""The evaluation of a classifier, whole: figures, baselines beside them, and the files that show where it errs.

metrics.json             all figures; cards and the README are made from it
report.md                the same, to read
per_class_<task>.csv     precision, recall, F1, support; n/a where undefined
confusion_<task>.csv, .png
predictions.parquet      id, label, prediction and confidence of every painting
"""

import csv
import json
import platform
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from datasets import ClassLabel, Dataset
from scipy.special import softmax

from artextract_hf.data.labels import TASKS
from artextract_hf.data.schema import class_names
from artextract_hf.errors import ArtExtractError, DataError
from artextract_hf.evaluation.baselines import frozen_features, majority
from artextract_hf.evaluation.calibration import calibration_error
from artextract_hf.evaluation.classification import class_report, confusion_matrix, score
from artextract_hf.evaluation.plots import draw_confusion
from artextract_hf.evaluation.predict import Predictions, known_labels, predict

PACKAGES = ("torch", "transformers", "timm", "datasets", "scikit-learn")
METRICS = ("accuracy", "top5", "balanced_accuracy", "macro_f1")


def evaluate_classifier(
    model: Any,
    processor: Any,
    paintings: Dataset,
    out: Path,
    *,
    name: str,
    split: str,
    train: Dataset | None = None,
    baseline_weights: str | Path | None = None,
    batch_size: int = 64,
) -> dict[str, Any]:
    """Score a classifier on a split and write the report.

    Args:
        model: gives `task_logits`; its configuration has the temperatures in them.
        processor: the model's image processor.
        paintings: the split; labels are matched to the model's by class name.
        out: folder to write.
        name: of the model, for the report.
        split: of the data, for the report.
        train: split that the baselines learn from, where there is one.
        baseline_weights: safetensors of the ImageNet backbone, for the frozen-feature baseline.
        batch_size: paintings a forward pass.

    Returns:
        What metrics.json holds. A task in which nothing can be scored, or that the data lack, has n = 0 and no figures.

    Raises:
        DataError: the data are not of the schema, or `out` cannot be written.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)  # first: a report that cannot be written costs no evaluation
    except OSError as error:
        raise DataError(f"the report cannot be written to {out}: {error.strerror}.") from None
    predictions = predict(model, processor, paintings, batch_size=batch_size)
    tasks = model.config.tasks
    report: dict[str, Any] = {"model": name, "split": split, "tasks": {}, "calibration": {}, "unknown_classes": {}}
    labels = {}
    for task, names in tasks.items():
        labels[task] = known_labels(paintings, task, names)[predictions.rows]
        unknown = _unknown_classes(paintings, task, names, predictions.rows)
        logits, temperature = predictions.logits[task], model.config.temperature.get(task, 1.0)
        report["tasks"][task] = asdict(score(labels[task], logits, skipped=sum(unknown.values())))
        report["calibration"][task] = {
            "error": calibration_error(labels[task], logits),
            "without_temperature": calibration_error(labels[task], logits * temperature),
        }
        report["unknown_classes"][task] = unknown
    report["baselines"] = _baselines(model, processor, paintings, labels, predictions, train, baseline_weights)
    report["skipped"] = predictions.skipped.as_json()
    report["versions"] = {"python": platform.python_version()} | {package: version(package) for package in PACKAGES}
    (out / "metrics.json").write_text(json.dumps(report, indent=2, ensure_ascii=False), encoding="utf-8")
    (out / "report.md").write_text(as_text(report), encoding="utf-8")
    for task, names in tasks.items():
        _write_classes(out, task, names, labels[task], predictions.logits[task].argmax(axis=1))
    _write_predictions(out, paintings, tasks, labels, predictions)
    return report


def as_text(report: Mapping[str, Any]) -> str:
    """The figures as an aligned table, percent, with the baselines beside them."""
    majority_, frozen = report["baselines"]["majority"], report["baselines"]["frozen_features"]
    head = ("task", "top-1", "top-5", "balanced", "macro F1", "ECE", "majority", "frozen", "paintings", "left out")
    rows = [head]
    for task, figures in report["tasks"].items():
        beside = [(kind["tasks"] or {}).get(task, {}).get("accuracy") for kind in (majority_, frozen)]
        values = [*(figures[m] for m in METRICS), report["calibration"][task]["error"], *beside]
        percent = ["n/a" if v is None else f"{100 * v:.1f}" for v in values]
        rows.append((task, *percent, str(figures["n"]), str(figures["skipped"])))
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))])
        for row in rows
    ]
    notes = [f"model {report['model']}, split {report['split']}; percent; ECE: expected calibration error"]
    if frozen["reason"]:
        notes.append(f"frozen features: {frozen['reason']}")
    if report["skipped"]:
        notes.append(f"{len(report['skipped'])} pictures could not be decoded; metrics.json lists them")
    return "\n".join(["```", *lines, "```", "", *notes]) + "\n"


def _unknown_classes(paintings: Dataset, task: str, names: list[str], rows: np.ndarray) -> dict[str, int]:
    """How many of the samples carry each class that the model does not know."""
    if not isinstance(paintings.features.get(task), ClassLabel):
        return {}
    known = class_names(paintings, task)
    column = paintings[task]
    given = Counter(known[column[row]] for row in rows.tolist() if column[row] is not None and column[row] >= 0)
    return {name: count for name, count in sorted(given.items()) if name not in names}


def _baselines(
    model: Any,
    processor: Any,
    paintings: Dataset,
    labels: Mapping[str, np.ndarray],
    predictions: Predictions,
    train: Dataset | None,
    weights: str | Path | None,
) -> dict[str, Any]:
    tasks = {task: model.config.tasks[task] for task in labels}
    nothing = np.zeros(0, dtype=np.int64)
    most_frequent = {
        task: asdict(majority(known_labels(train, task, names) if train else nothing, labels[task], len(names)))
        for task, names in tasks.items()
    }
    learnt_from = "the train split" if train else "the scored labels themselves"
    frozen: dict[str, Any] = {"tasks": None, "reason": ""}
    if train is None:
        frozen["reason"] = "not computed: the data hold no train split beside the scored one"
    elif weights is None:
        frozen["reason"] = "not computed: give the backbone's weights with --baseline-weights"
    else:
        try:
            scored = frozen_features(model.config.backbone, weights, processor, train, paintings, tasks)
            frozen["tasks"] = {task: asdict(value) for task, value in scored.items()}
        except ArtExtractError as error:
            frozen["reason"] = f"not computed: {error}"
    return {"majority": {"tasks": most_frequent, "learnt_from": learnt_from}, "frozen_features": frozen}


def _write_classes(out: Path, task: str, names: list[str], labels: np.ndarray, predicted: np.ndarray) -> None:
    with (out / f"per_class_{task}.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["class", "precision", "recall", "f1", "support"])
        for row in class_report(labels, predicted, names):
            figures = ["n/a" if v is None else f"{v:.4f}" for v in (row.precision, row.recall, row.f1)]
            writer.writerow([row.name, *figures, row.support])
    matrix = confusion_matrix(labels, predicted, len(names))
    pd.DataFrame(matrix, index=names, columns=names).to_csv(out / f"confusion_{task}.csv")
    if matrix.any():
        draw_confusion(matrix, names, out / f"confusion_{task}.png")


def _write_predictions(
    out: Path,
    paintings: Dataset,
    tasks: Mapping[str, list[str]],
    labels: Mapping[str, np.ndarray],
    predictions: Predictions,
) -> None:
    ids = paintings["id"]
    table: dict[str, Any] = {"id": [ids[row] for row in predictions.rows.tolist()]}
    for task in [task for task in TASKS if task in tasks]:
        probability = softmax(predictions.logits[task], axis=1)
        names = tasks[task]
        table[f"{task}_label"] = [names[y] if y >= 0 else None for y in labels[task]]
        table[f"{task}_predicted"] = [names[c] for c in probability.argmax(axis=1)]
        table[f"{task}_confidence"] = probability.max(axis=1)
    pd.DataFrame(table).to_parquet(out / "predictions.parquet", index=False)
