import csv
import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from artextract_hf.errors import ArtExtractError
from artextract_hf.evaluation.classifier_report import classifier_table, evaluate_classifier
from artextract_hf.evaluation.plots import draw_class_balance, draw_confusion, draw_lines, draw_results

ROWS = [
    ("red", "Impressionism", "Claude_Monet"),  # right, right
    ("red", "Baroque", "Nobody"),  # wrong, an artist the model does not know
    ("blue", "Baroque", None),  # right, unlabelled
    ("blue", "Fauvism", "Rembrandt"),  # a style the model does not know, right
    (b"no picture", "Baroque", "Nobody"),  # listed, and counted nowhere else
]


def test_every_figure_and_file_of_a_known_case(paintings, color_model, processor, tmp_path):
    report = evaluate_classifier(color_model, processor, paintings(ROWS), tmp_path, name="colours", split="val")
    style = report["tasks"]["style"]
    assert style == {
        "accuracy": pytest.approx(2 / 3),
        "top5": 1.0,
        "balanced_accuracy": pytest.approx((1 + 0.5) / 2),
        "macro_f1": pytest.approx((2 / (1 + 2) + 2 / (2 + 1)) / 2),
        "n": 3,
        "skipped": 1,
    }
    error = pytest.approx(1 / 3, abs=1e-3)  # as good as certain, and right two times of three
    assert report["calibration"]["style"] == {"error": error, "without_temperature": error}
    artist = report["tasks"]["artist"]
    assert (artist["accuracy"], artist["n"], artist["skipped"]) == (1.0, 2, 1)
    assert report["unknown_classes"] == {"style": {"Fauvism": 1}, "artist": {"Nobody": 1}}
    assert [item["path"] for item in report["skipped"]] == ["test/4"]
    most_frequent = report["baselines"]["majority"]
    assert most_frequent["tasks"]["style"]["accuracy"] == pytest.approx(2 / 3)
    assert most_frequent["learnt_from"] == "the scored labels themselves"
    assert report["baselines"]["frozen_features"]["tasks"] is None
    assert "no train split" in report["baselines"]["frozen_features"]["reason"]

    assert json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8")) == report
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert text == classifier_table(report)
    assert "66.7" in text and "1 pictures could not be decoded" in text
    with (tmp_path / "per_class_style.csv").open(encoding="utf-8") as file:
        rows = [(r["class"], r["precision"], r["support"]) for r in csv.DictReader(file)]
    assert rows == [
        ("Impressionism", "0.5000", "1"),
        ("Baroque", "1.0000", "2"),
    ]
    matrix = pd.read_csv(tmp_path / "confusion_style.csv", index_col=0)
    assert matrix.loc["Baroque"].to_dict() == {"Impressionism": 1, "Baroque": 1}
    table = pd.read_parquet(tmp_path / "predictions.parquet")
    assert table["id"].tolist() == ["test/0", "test/1", "test/2", "test/3"]
    assert table["style_predicted"].tolist() == ["Impressionism", "Impressionism", "Baroque", "Baroque"]
    assert table["artist_confidence"].between(0.5, 1).all()
    with Image.open(tmp_path / "confusion_style.png") as picture:
        assert min(picture.size) > 300


def test_the_error_without_the_temperature_stands_beside_the_error(paintings, color_model, processor, tmp_path):
    color_model.config.temperature = {"style": 1e-6}  # without which it would answer one half throughout
    report = evaluate_classifier(color_model, processor, paintings(ROWS), tmp_path, name="colours", split="val")
    style, artist = report["calibration"]["style"], report["calibration"]["artist"]
    assert style["error"] == pytest.approx(1 / 3, abs=1e-3)
    assert style["without_temperature"] == pytest.approx(2 / 3 - 1 / 2, abs=1e-3)
    assert artist["without_temperature"] == artist["error"]
    row = next(line for line in classifier_table(report).splitlines() if line.startswith("style"))
    assert row.split()[5] == "33.3"  # behind the four figures of accuracy
    assert row.split()[-1] == "-".join(f"{100 * end:.1f}" for end in report["intervals"]["style"]["accuracy"])


def test_a_task_without_anything_to_score_is_null_not_an_error(paintings, color_model, processor, tmp_path):
    data = paintings([("red", "Impressionism", "Nobody"), ("blue", "Baroque", "Nobody")])
    report = evaluate_classifier(color_model, processor, data, tmp_path, name="m", split="val")
    nothing = dict.fromkeys(("accuracy", "top5", "balanced_accuracy", "macro_f1"))
    assert report["tasks"]["artist"] == nothing | {"n": 0, "skipped": 2}
    assert report["calibration"]["artist"] == {"error": None, "without_temperature": None}
    assert report["tasks"]["style"]["accuracy"] == 1.0
    assert "n/a" in (tmp_path / "per_class_artist.csv").read_text()
    report = evaluate_classifier(
        color_model, processor, data.remove_columns("artist"), tmp_path, name="m", split="val", train=data
    )
    assert report["tasks"]["artist"] == nothing | {"n": 0, "skipped": 0}
    assert report["baselines"]["majority"]["tasks"]["artist"]["accuracy"] is None


def test_prediction_sets_are_scored_by_hand_and_shown(paintings, color_model, processor, tmp_path):
    color_model.config.set_thresholds, color_model.config.set_level = {"style": [0.5, 0.0]}, 0.9
    report = evaluate_classifier(color_model, processor, paintings(ROWS), tmp_path, name="m", split="val")
    assert report["sets"] == {  # red: both styles; blue: Baroque alone
        "style": {
            "level": 0.9,
            "fitted_here": False,
            "coverage": 1.0,
            "by_class": {"Impressionism": 1.0, "Baroque": 1.0},
            "lowest": None,
            "mean_size": pytest.approx(5 / 3),
            "median_size": 2.0,
            "empty": 0.0,
            "single": pytest.approx(1 / 3),
            "n": 3,
        }
    }
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<td>style</td><td>90.0</td>\n<td>100.0</td><td>n/a</td><td>1.67</td>\n<td>2.00</td>" in page
    scores = (tmp_path / "scores.txt").read_text(encoding="utf-8").splitlines()
    start = scores.index("style, sets at 90%")
    assert [line.split() for line in scores[start + 3 : start + 7]] == [
        ["Impressionism", "1.000"],
        ["Baroque", "1.000"],
        ["all", "1.000"],
        ["mean", "size", "1.667"],
    ]
    color_model.config.set_thresholds = {"style": [1.0, 1.0]}
    here = {"name": "m", "split": "val", "fitted_here": True}
    report = evaluate_classifier(color_model, processor, paintings(ROWS), tmp_path, **here)
    assert report["sets"]["style"]["mean_size"] == 2.0  # two other paintings are too few to rule anything out
    assert "thresholds from the other paintings" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_without_thresholds_nothing_is_said_of_sets(paintings, color_model, processor, tmp_path):
    report = evaluate_classifier(color_model, processor, paintings(ROWS), tmp_path, name="m", split="val")
    assert report["sets"] == {}
    assert not any("sets" in (tmp_path / name).read_text("utf-8") for name in ("report.html", "scores.txt"))


def test_a_frozen_baseline_that_cannot_be_had_says_why(paintings, color_model, processor, tmp_path):
    data = paintings(ROWS)
    for weights, reason in [(None, "--baseline-weights"), (tmp_path / "absent.safetensors", "absent.safetensors")]:
        report = evaluate_classifier(
            color_model, processor, data, tmp_path, name="m", split="val", train=data, baseline_weights=weights
        )
        assert report["baselines"]["frozen_features"]["tasks"] is None
        assert reason in report["baselines"]["frozen_features"]["reason"]
        assert reason in classifier_table(report)
        assert report["baselines"]["majority"]["learnt_from"] == "the train split"


def test_a_folder_that_cannot_be_written_is_found_before_the_work(paintings, color_model, processor, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ArtExtractError, match="is a file; choose another folder"):
        evaluate_classifier(color_model, processor, paintings(ROWS), tmp_path / "file", name="m", split="val")


def test_confusion_of_many_classes_is_drawn_large_enough_to_read(tmp_path):
    names = [f"Artist_with_a_long_name_{i}" for i in range(68)]
    draw_confusion(np.eye(68, dtype=int), names, tmp_path / "many.png")
    with Image.open(tmp_path / "many.png") as picture:
        width, height = picture.size
    assert min(width, height) / 68 > 20  # pixels a class; labels are 7 points, 11 pixels high


def test_names_of_the_data_are_drawn_as_words_and_warn_of_nothing(tmp_path, recwarn):
    names = ["\x1b[31mred\x07", "$\\frac$ and $", "\u7d75\u753b"]  # no formula; letters that the font has not
    draw_confusion(np.eye(3, dtype=int), names, tmp_path / "confusion.png")
    draw_class_balance({name: dict.fromkeys(names, 1) for name in names}, tmp_path / "balance.png")
    draw_results({name: dict.fromkeys(names, 0.5) for name in names}, names[0], tmp_path / "results.png")
    draw_lines({name: {other: [0.5] for other in names} for name in names}, tmp_path / "lines.png")
    assert len(list(tmp_path.iterdir())) == 4 and not recwarn.list
