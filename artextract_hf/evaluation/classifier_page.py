"""The evaluation of a classifier as a page to look at: figures with intervals, curves, and what is taken for what."""

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any, BinaryIO

import numpy as np
from datasets import Dataset
from jinja2 import Environment
from scipy.special import softmax
from sklearn.metrics import roc_curve

from artextract_hf.data.labels import display_name
from artextract_hf.data.pictures import decoded, inline_jpeg
from artextract_hf.data.schema import SkipList
from artextract_hf.evaluation.classification import class_report
from artextract_hf.evaluation.learnt import learnt_warning
from artextract_hf.evaluation.plots import draw_bars, draw_reliability, draw_roc
from artextract_hf.evaluation.predict import Predictions

CONFUSIONS = 6  # of a task that are shown
EXAMPLES = 4  # pictures of each
THUMBNAIL = 160  # pixels, long side

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{{ report.model }}, {{ report.split }}</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
table { border-collapse: collapse; } th, td { padding: .3rem 1rem .3rem 0; text-align: right; vertical-align: top; }
th:first-child, td:first-child { text-align: left; } thead th { border-bottom: 1px solid #777; }
small { color: #555; display: block; } .plots { align-items: flex-start; display: flex; flex-wrap: wrap; gap: 1rem; }
.plots img { max-width: 26rem; width: 100%; } .confusion { border-top: 1px solid #ccc; padding: .6rem 0; }
.examples { display: flex; flex-wrap: wrap; gap: .6rem; } .examples img { height: 8rem; }
</style></head><body>
<h1>{{ report.model }}, {{ report.split }}</h1>
{% if warning %}<p><strong>{{ warning }}</strong></p>
{% endif %}<table><thead><tr><th>task</th><th>top-1</th><th>top-5</th><th>balanced</th><th>macro F1</th><th>AUC</th>
<th>ECE</th><th>commonest class</th><th>frozen features</th><th>paintings</th></tr></thead><tbody>
{% for row in table %}<tr><td>{{ row.task }}</td>
{% for cell in row.cells %}
<td>{{ cell.value }}{% if cell.interval %}<small>{{ cell.interval }}</small>{% endif %}</td>
{% endfor %}</tr>
{% endfor %}</tbody></table>
<p>In percent, AUC in 0 to 1. Small: 95 % intervals, if other artists had been drawn; beside the expected calibration
error (ECE), that without the temperature.</p>
{% if report.sets %}<h2>Prediction sets</h2>
<table><thead><tr><th>task</th><th>level</th><th>coverage</th><th>lowest of a class</th><th>mean size</th>
<th>median size</th><th>one class</th><th>empty</th></tr></thead><tbody>
{% for task, sets in report.sets.items() %}<tr><td>{{ task }}</td><td>{{ sets.level | percent }}</td>
<td>{{ sets.coverage | percent }}</td><td>{{ sets.lowest | percent }}</td><td>{{ sets.mean_size | number }}</td>
<td>{{ sets.median_size | number }}</td><td>{{ sets.single | percent }}</td><td>{{ sets.empty | percent }}</td></tr>
{% endfor %}</tbody></table>
<p>In percent; sizes in classes. Coverage: how often a painting's set holds its class.
{% if report.sets.values() | selectattr("fitted_here") | list %}The sets are by thresholds from the other paintings of
this split, a fifth at a time.{% endif %} An empty set: none of the classes fits.</p>{% endif %}
{% for task in tasks %}<h2>{{ task.name }}</h2>
<div class="plots">{% for plot in task.plots %}
<img alt="{{ plot.words }}" src="data:image/png;base64,{{ plot.picture }}">{% endfor %}</div>
{% for confusion in task.confusions %}<div class="confusion">
<strong>{{ confusion.label }}</strong> taken for <strong>{{ confusion.predicted }}</strong>:
{{ confusion.count }} of {{ confusion.of }}
<div class="examples">{% for example in confusion.examples %}
<img alt="{{ example.words }}" title="{{ example.words }}" src="data:image/jpeg;base64,{{ example.picture }}">
{% endfor %}</div></div>
{% endfor %}{% endfor %}
{% if report.skipped %}<h2>Left out</h2><ul>
{% for item in report.skipped %}<li>{{ item.path }}: {{ item.reason }}</li>
{% endfor %}</ul>{% endif %}
</body></html>
"""


def top_confusions(labels: np.ndarray, predicted: np.ndarray, names: Sequence[str]) -> list[dict[str, Any]]:
    """What is taken for what most often: `label`, `predicted`, `count`, and `of` how many with the label.

    Args:
        labels: (N,) class indices, negative where unknown.
        predicted: (N,) class indices.
        names: of the classes.
    """
    wrong = (labels >= 0) & (labels != predicted)
    pairs, counts = np.unique(np.stack([labels[wrong], predicted[wrong]], axis=1), axis=0, return_counts=True)
    support = np.bincount(labels[labels >= 0], minlength=len(names))
    order = np.lexsort((pairs[:, 1], pairs[:, 0], -counts))
    return [
        {"label": names[y], "predicted": names[p], "count": int(counts[i]), "of": int(support[y])}
        for i, (y, p) in ((i, pairs[i].tolist()) for i in order)
    ]


def classifier_page(
    report: Mapping[str, Any],
    paintings: Dataset,
    predictions: Predictions,
    labels: Mapping[str, np.ndarray],
    config: Any,
) -> str:
    """The page as HTML that needs no other file.

    Args:
        report: what metrics.json holds.
        paintings: that were scored.
        predictions: of them.
        labels: (N,) class indices by task, as `predictions.rows`.
        config: of the model.
    """
    tasks = [
        {
            "name": task,
            "plots": _plots(labels[task], predictions.logits[task], config.temperature.get(task), names),
            "confusions": _with_examples(report["confusions"][task], paintings, predictions, labels[task], task, names),
        }
        for task, names in config.tasks.items()
        if report["tasks"][task]["n"]
    ]
    environment = Environment(autoescape=True, trim_blocks=True)
    environment.filters |= {"percent": percent, "number": lambda value: "n/a" if value is None else f"{value:.2f}"}
    return environment.from_string(_PAGE).render(
        report=report, warning=learnt_warning(report["learnt"]), table=_table(report), tasks=tasks
    )


def _table(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = []
    for task, figures in report["tasks"].items():
        intervals = report["intervals"][task] or {}
        cells = [
            {"value": percent(figures[name]), "interval": _range(intervals.get(name))}
            for name in ("accuracy", "top5", "balanced_accuracy", "macro_f1")
        ]
        area, error = report["further"][task]["auc"], report["calibration"][task]
        cells.append({"value": "n/a" if area is None else f"{area:.3f}"})
        cells.append({"value": percent(error["error"]), "interval": percent(error["without_temperature"])})
        for baseline in report["baselines"].values():
            cells.append({"value": percent((baseline["tasks"] or {}).get(task, {}).get("accuracy"))})
        rows.append({"task": task, "cells": [*cells, {"value": figures["n"]}]})
    return rows


def percent(share: float | None) -> str:
    """A share as pages and tables say it."""
    return "n/a" if share is None else f"{100 * share:.1f}"


def _range(interval: Sequence[float] | None) -> str:
    return f"{percent(interval[0])} to {percent(interval[1])}" if interval else ""


def _plots(
    labels: np.ndarray, logits: np.ndarray, temperature: float | None, names: Sequence[str]
) -> list[dict[str, str]]:
    known = labels >= 0
    labels, logits = labels[known], logits[known]
    probability = softmax(logits, axis=1)
    right = probability.argmax(axis=1) == labels
    answers = {"as it answers": (probability.max(axis=1), right)}
    if temperature:
        answers["without temperature"] = (softmax(logits * temperature, axis=1).max(axis=1), right)
    plots = [_plot("reliability", lambda file: draw_reliability(answers, file))]
    classes = np.unique(labels)
    if len(classes) > 1:
        curves = [roc_curve(labels == c, probability[:, c])[:2] for c in classes]
        plots.append(_plot("ROC of each class", lambda file: draw_roc(curves, file)))
    f1 = {row.name: row.f1 or 0.0 for row in class_report(labels, probability.argmax(axis=1), names) if row.support}
    return [*plots, _plot("F1 by class", lambda file: draw_bars(f1, "F1", file))]


def _plot(words: str, draw: Callable[[BinaryIO], None]) -> dict[str, str]:
    file = io.BytesIO()
    draw(file)
    return {"words": words, "picture": base64.b64encode(file.getvalue()).decode()}


def _with_examples(
    confusions: Sequence[Mapping[str, Any]],
    paintings: Dataset,
    predictions: Predictions,
    labels: np.ndarray,
    task: str,
    names: Sequence[str],
) -> list[dict[str, Any]]:
    """The commonest confusions with a few of their pictures, those of which the classifier is surest."""
    probability = softmax(predictions.logits[task], axis=1)
    predicted, sure = probability.argmax(axis=1), probability.max(axis=1)
    shown = []
    for confusion in confusions[:CONFUSIONS]:
        pair = (names.index(confusion["label"]), names.index(confusion["predicted"]))
        mine = np.flatnonzero((labels == pair[0]) & (predicted == pair[1]))
        first = mine[np.argsort(-sure[mine], kind="stable")][:EXAMPLES]
        examples = _pictures(paintings.select(predictions.rows[first]))
        shades = {key: display_name(confusion[key]) for key in ("label", "predicted")}
        shown.append({**confusion, **shades, "examples": examples})
    return shown


def _pictures(paintings: Dataset) -> list[dict[str, str]]:
    def small(picture: Any, record: Mapping[str, Any]) -> dict[str, str]:
        words = ", ".join(str(record[key]) for key in ("artist_name", "title") if record.get(key)) or str(record["id"])
        return {"words": words, "picture": inline_jpeg(picture, THUMBNAIL)}

    return [example for _, example in decoded(paintings, small, SkipList(), min_side=THUMBNAIL)]
