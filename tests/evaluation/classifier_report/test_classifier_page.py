"""The page of an evaluation: its figures, what is taken for what, and nothing of a stranger's that runs."""

import json

import numpy as np
import pytest

from artextract_hf.evaluation.classifier_page import top_confusions
from artextract_hf.evaluation.classifier_report import evaluate_classifier

ROWS = [
    ("red", "Impressionism", "Claude_Monet"),
    ("red", "Baroque", "Rembrandt"),
    ("red", "Baroque", None),
    ("blue", "Impressionism", "Claude_Monet"),
    ("blue", "Baroque", "Rembrandt"),
    (b"no picture", "Baroque", None),
]


def test_confusions_by_hand():
    labels, predicted = np.array([0, 0, 0, 1, 2, 2, -1]), np.array([1, 1, 0, 1, 0, 2, 0])
    assert top_confusions(labels, predicted, ["a", "b", "c"]) == [
        {"label": "a", "predicted": "b", "count": 2, "of": 3},
        {"label": "c", "predicted": "a", "count": 1, "of": 2},
    ]
    assert top_confusions(np.array([0, -1]), np.array([0, 1]), ["a", "b"]) == []


def test_the_page_shows_what_metrics_json_holds(color_model, processor, paintings, tmp_path):
    records = paintings(ROWS)
    titles = ["<script>alert(1)</script>"] * len(records)
    records = records.remove_columns("title").add_column("title", titles, feature=records.features["title"])
    report = evaluate_classifier(color_model, processor, records, tmp_path, name="<b>tiny</b>", split="val")
    assert report == json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    assert report["confusions"]["style"] == [
        {"label": "Baroque", "predicted": "Impressionism", "count": 2, "of": 3},
        {"label": "Impressionism", "predicted": "Baroque", "count": 1, "of": 2},
    ]
    low, high = report["intervals"]["style"]["accuracy"]
    assert 0 <= low < report["tasks"]["style"]["accuracy"] < high <= 1
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert f"{100 * low:.1f} to {100 * high:.1f}" in page and "2 of 3" in page
    assert f"{report['further']['style']['auc']:.3f}" in page
    assert page.count('<img alt="reliability"') == page.count('<img alt="ROC of each class"') == 2
    assert page.count("data:image/jpeg") == 3 + 2  # wrong styles, wrong artists
    assert "<script" not in page and "<b>tiny" not in page and "test/5" in page
    scores = (tmp_path / "scores.txt").read_text(encoding="utf-8")
    assert "weighted avg" in scores and "macro avg" in scores and scores.startswith("style\n")


@pytest.mark.parametrize("rows", [[("red", None, None)], [("red", "Impressionism", "Claude_Monet")]])
def test_nothing_labelled_or_one_class_only(color_model, processor, paintings, tmp_path, rows):
    report = evaluate_classifier(color_model, processor, paintings(rows), tmp_path, name="t", split="val")
    assert report["intervals"] == {"style": None, "artist": None} and report["further"]["style"]["auc"] is None
    assert "n/a" in (tmp_path / "report.html").read_text(encoding="utf-8")
