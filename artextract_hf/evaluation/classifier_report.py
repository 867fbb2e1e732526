"""The evaluation of a classifier: figures, baselines beside them, and files that show where it errs.

metrics.json             all figures; cards and the README are made from it
report.html, report.md   the same, to look at and to read
scores.txt               precision, recall, F1 and support of every class, with their averages; where the classifier
                         gives prediction sets, how often they hold each class
per_class_<task>.csv     precision, recall, F1, support; n/a where undefined
confusion_<task>.csv, .png
predictions.parquet      id of every painting, and by task its label, prediction and confidence, and the five most
                         probable classes with their scores, `<task>_top5` and `<task>_top5_scores`
"""

import csv
import json
import platform
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from datasets import ClassLabel, Dataset
from scipy.special import softmax
from sklearn.metrics import classification_report

from artextract_hf.data.schema import class_names, with_ids
from artextract_hf.errors import ArtExtractError
from artextract_hf.escapes import for_spreadsheet
from artextract_hf.evaluation.baselines import frozen_features, majority
from artextract_hf.evaluation.calibration import calibration_error
from artextract_hf.evaluation.classification import TOP, class_report, confusion_matrix
from artextract_hf.evaluation.classifier_page import classifier_page, percent, top_confusions
from artextract_hf.evaluation.learnt import count_learnt, learnt_warning
from artextract_hf.evaluation.metrics.painting_classification import PaintingClassification
from artextract_hf.evaluation.plots import draw_confusion
from artextract_hf.evaluation.predict import Predictions, known_labels, predict
from artextract_hf.evaluation.uncertainty.conformal import cross_fitted_sets, score_sets
from artextract_hf.evaluation.uncertainty.intervals import intervals
from artextract_hf.outputs import check_report_folder, whole_files

PACKAGES = ("torch", "transformers", "timm", "datasets", "scikit-learn")
KEYS = ("model", "split", "tasks", "baselines")  # of metrics.json, by which an earlier report is known
CONFUSIONS = 20  # of a task, in metrics.json
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
    fitted_here: bool = False,
) -> dict[str, Any]:
    """Score a classifier on a split and write the report.

    Args:
        model: gives `task_logits`; its configuration has the temperatures in them, and the thresholds of the sets.
        processor: the model's image processor.
        paintings: the split; labels are matched to the model's by class name.
        out: folder to write.
        name: of the model, for the report.
        split: of the data, for the report.
        train: split that the baselines learn from, where there is one.
        baseline_weights: safetensors of the ImageNet backbone, for the frozen-feature baseline.
        batch_size: paintings a forward pass.
        fitted_here: the thresholds come from this very split: those of a part are scored that were fitted without it.

    Returns:
        What metrics.json holds. A task in which nothing can be scored, or that the data lack, has n = 0 and no figures.

    Raises:
        DataError: the data are not of the schema.
        ArtExtractError: `out` cannot be written to, or holds files of a report's names that are of no earlier one.
    """
    check_report_folder(out, _files(model.config.tasks), KEYS)  # before the work
    paintings = with_ids(paintings)
    predictions = predict(model, processor, paintings, batch_size=batch_size)
    tasks = model.config.tasks
    labels = {task: known_labels(paintings, task, names)[predictions.rows] for task, names in tasks.items()}
    report: dict[str, Any] = {"model": name, "split": split, "classes": {t: len(names) for t, names in tasks.items()}}
    report |= _figures(paintings, predictions, labels, model.config)
    report["sets"] = _sets(predictions, labels, model.config, fitted_here=fitted_here)
    frozen = _frozen_features(model.config, processor, train, paintings, baseline_weights)
    report["baselines"] = {"majority": _majority(labels, tasks, train), "frozen_features": frozen}
    report["skipped"] = predictions.skipped.as_json()
    report["learnt"] = count_learnt(model, paintings)
    report["versions"] = {"python": platform.python_version()} | {package: version(package) for package in PACKAGES}
    with whole_files(out) as new:
        (new / "metrics.json").write_text(json.dumps(report, indent=2, ensure_ascii=False), encoding="utf-8")
        (new / "report.md").write_text(classifier_table(report), encoding="utf-8")
        page = classifier_page(report, paintings, predictions, labels, model.config)
        (new / "report.html").write_text(page, encoding="utf-8")
        tables = _class_tables(tasks, labels, predictions) + _set_tables(report)
        (new / "scores.txt").write_text(tables, encoding="utf-8")
        for task, names in tasks.items():
            _write_classes(new, task, names, labels[task], predictions.logits[task].argmax(axis=1))
        _write_predictions(new, paintings, tasks, labels, predictions)
    return report


def _files(tasks: Iterable[str]) -> list[str]:
    """Names of the files of a report."""
    endings = ("per_class_{}.csv", "confusion_{}.csv", "confusion_{}.png")
    by_task = [ending.format(task) for task in tasks for ending in endings]
    return ["metrics.json", "report.html", "report.md", "scores.txt", "predictions.parquet", *by_task]


def classifier_table(report: Mapping[str, Any]) -> str:
    """The figures as an aligned table, percent, with the baselines beside them."""
    majority_, frozen = report["baselines"]["majority"], report["baselines"]["frozen_features"]
    last = ("paintings", "left out", "top-1, 95 %")
    head = ("task", "top-1", "top-5", "balanced", "macro F1", "ECE", "majority", "frozen", *last)
    rows = [head]
    for task, figures in report["tasks"].items():
        beside = [(kind["tasks"] or {}).get(task, {}).get("accuracy") for kind in (majority_, frozen)]
        few = report.get("classes", {}).get(task, 6) <= 5  # then the right one is always among the first five
        values = [
            *(None if few and m == "top5" else figures[m] for m in METRICS),
            report["calibration"][task]["error"],
            *beside,
        ]
        interval = (report.get("intervals", {}).get(task) or {}).get("accuracy") or [None]
        counts = (str(figures["n"]), str(figures["skipped"]), "-".join(map(percent, interval)))
        rows.append((task, *map(percent, values), *counts))
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))])
        for row in rows
    ]
    notes = [f"model {report['model']}, split {report['split']}; percent; ECE: expected calibration error"]
    notes.append("95 %: within which top-1 would be if other artists had been drawn (bootstrap)")
    if frozen["reason"]:
        notes.append(f"frozen features: {frozen['reason']}")
    if report["skipped"]:
        notes.append(f"{len(report['skipped'])} pictures could not be decoded; metrics.json lists them")
    warning = learnt_warning(report.get("learnt"))
    return "\n".join([*([warning, ""] if warning else []), "```", *lines, "```", "", *notes]) + "\n"


def _figures(
    paintings: Dataset, predictions: Predictions, labels: Mapping[str, np.ndarray], config: Any
) -> dict[str, dict[str, Any]]:
    """`tasks`, `further`, `intervals`, `confusions`, `calibration` and `unknown_classes` of the report, by task."""
    scores, further, moves, confusions, errors, unknown = {}, {}, {}, {}, {}, {}
    artists = _artists(paintings, predictions.rows)
    for task, names in config.tasks.items():
        unknown[task] = _unknown_classes(paintings, task, names, predictions.rows)
        logits, temperature = predictions.logits[task].astype(np.float64), config.temperature.get(task, 1.0)
        found = _scores(logits, labels[task])
        scores[task] = {name: found.pop(name) for name in (*METRICS, "n")} | {"skipped": sum(unknown[task].values())}
        moves[task] = intervals(labels[task], logits, artists)
        confusions[task] = top_confusions(labels[task], logits.argmax(axis=1), names)[:CONFUSIONS]
        errors[task] = {
            "error": found.pop("ece"),
            "without_temperature": calibration_error(labels[task], logits * temperature),
        }
        further[task] = found
    return {
        "tasks": scores,
        "further": further,
        "intervals": moves,
        "confusions": confusions,
        "calibration": errors,
        "unknown_classes": unknown,
    }


def _scores(logits: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """The figures of one task, as `evaluate` gives them to anybody; it makes a folder even where it writes nothing."""
    with tempfile.TemporaryDirectory() as folder:
        metric = PaintingClassification(keep_in_memory=True, cache_dir=folder)
        return metric.compute(predictions=logits, references=labels)


def _sets(
    predictions: Predictions, labels: Mapping[str, np.ndarray], config: Any, *, fitted_here: bool
) -> dict[str, dict[str, Any]]:
    """The figures of the prediction sets, by task; none of a task without thresholds."""
    figures = {}
    for task, thresholds in config.set_thresholds.items():
        probability = softmax(predictions.logits[task], axis=1)
        sets = cross_fitted_sets(labels[task], probability) if fitted_here else probability >= thresholds
        scores = asdict(score_sets(labels[task], sets))
        scores["by_class"] = dict(zip(config.tasks[task], scores["by_class"], strict=True))
        figures[task] = {"level": config.set_level, "fitted_here": fitted_here} | scores
    return figures


def _set_tables(report: Mapping[str, Any]) -> str:
    """How often the prediction sets hold each class, task by task, as scikit-learn would print it."""
    tables = []
    for task, figures in report["sets"].items():
        rows = [*figures["by_class"].items(), ("all", figures["coverage"]), ("mean size", figures["mean_size"])]
        width = max(len(name) for name, _ in rows)
        lines = [f"{name:>{width}}  {'n/a' if value is None else f'{value:.3f}':>8}\n" for name, value in rows]
        tables.append(f"\n{task}, sets at {figures['level']:.0%}\n{'':{width}}  coverage\n\n" + "".join(lines))
    return "".join(tables)


def _artists(paintings: Dataset, rows: np.ndarray) -> list[str]:
    """The artist of each scored painting, or its id where nobody is named."""
    ids = paintings["id"]
    names = paintings["artist_name"] if "artist_name" in paintings.column_names else [None] * len(ids)
    return [names[row] or f"/{ids[row]}" for row in rows.tolist()]


def _class_tables(tasks: Mapping[str, list[str]], labels: Mapping[str, np.ndarray], predictions: Predictions) -> str:
    """Every class of every task that occurs or was predicted, with averages, as scikit-learn prints them."""
    tables = []
    for task, names in tasks.items():
        known = labels[task] >= 0
        if known.any():
            y, predicted = labels[task][known], predictions.logits[task][known].argmax(axis=1)
            shown = np.union1d(y, predicted)
            table = classification_report(
                y, predicted, labels=shown, target_names=[names[c] for c in shown], digits=3, zero_division=np.nan
            )
            tables.append(f"{task}\n{table}".replace(" nan", " n/a"))
    return "\n".join(tables)


def _unknown_classes(paintings: Dataset, task: str, names: list[str], rows: np.ndarray) -> dict[str, int]:
    """How many of the samples carry each class that the model does not know."""
    if not isinstance(paintings.features.get(task), ClassLabel):
        return {}
    known = class_names(paintings, task)
    column = paintings[task]
    given = Counter(known[column[row]] for row in rows.tolist() if column[row] is not None and column[row] >= 0)
    return {name: count for name, count in sorted(given.items()) if name not in names}


def _majority(
    labels: Mapping[str, np.ndarray], tasks: Mapping[str, list[str]], train: Dataset | None
) -> dict[str, Any]:
    """The figures of the most frequent class, by task, and where the frequency comes from."""
    nothing = np.zeros(0, dtype=np.int64)
    figures = {
        task: asdict(majority(known_labels(train, task, names) if train else nothing, labels[task], len(names)))
        for task, names in tasks.items()
    }
    return {"tasks": figures, "learnt_from": "the train split" if train else "the scored labels themselves"}


def _frozen_features(
    config: Any, processor: Any, train: Dataset | None, paintings: Dataset, weights: str | Path | None
) -> dict[str, Any]:
    """The figures of a linear model on the backbone's ImageNet features, by task, or why there are none."""
    if train is None:
        reason = "the data hold no train split beside the scored one"
    elif weights is None:
        reason = "give the backbone's weights with --baseline-weights"
    else:
        try:
            scored = frozen_features(config.backbone, weights, processor, train, paintings, config.tasks)
            return {"tasks": {task: asdict(value) for task, value in scored.items()}, "reason": ""}
        except ArtExtractError as error:
            reason = str(error)
    return {"tasks": None, "reason": f"not computed: {reason}"}


def _write_classes(out: Path, task: str, names: list[str], labels: np.ndarray, predicted: np.ndarray) -> None:
    with (out / f"per_class_{task}.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["class", "precision", "recall", "f1", "support"])
        for row in class_report(labels, predicted, names):
            figures = ["n/a" if v is None else f"{v:.4f}" for v in (row.precision, row.recall, row.f1)]
            writer.writerow([for_spreadsheet(row.name), *figures, row.support])
    matrix = confusion_matrix(labels, predicted, len(names))
    heads = [for_spreadsheet(name) for name in names]
    pd.DataFrame(matrix, index=heads, columns=heads).to_csv(out / f"confusion_{task}.csv")
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
    for task, names in tasks.items():
        probability = softmax(predictions.logits[task], axis=1)
        top = np.argsort(-probability, axis=1, kind="stable")[:, :TOP]
        table[f"{task}_label"] = [names[y] if y >= 0 else None for y in labels[task]]
        table[f"{task}_predicted"] = [names[c] for c in probability.argmax(axis=1)]
        table[f"{task}_confidence"] = probability.max(axis=1)
        table[f"{task}_top{TOP}"] = [[names[c] for c in classes] for classes in top]
        table[f"{task}_top{TOP}_scores"] = list(np.take_along_axis(probability, top, axis=1))
    pd.DataFrame(table).to_parquet(out / "predictions.parquet", index=False)
