import csv
import json

import numpy as np
import pandas as pd
import pytest
import timm
import torch
from safetensors.torch import save_file
from scipy.special import softmax

from artextract_hf import (
    ArtImageProcessor,
    CrnnConfig,
    CrnnForImageClassification,
    load_classifier,
    load_wikiart,
)
from artextract_hf.evaluation.classifier_report import classifier_table, evaluate_classifier
from artextract_hf.evaluation.predict import predict


@pytest.fixture(scope="module")
def splits(tiny_wikiart):
    return load_wikiart(tiny_wikiart, artists="names")


def test_report_and_its_files_say_the_same(splits, tiny_classifier, tmp_path):
    model, processor = load_classifier(str(tiny_classifier))
    weights = tmp_path / "backbone.safetensors"
    save_file(timm.create_model(model.config.backbone, num_classes=0).state_dict(), weights)
    report = evaluate_classifier(
        model,
        processor,
        splits["val"],
        tmp_path,
        name="tiny",
        split="val",
        train=splits["train"],
        baseline_weights=weights,
    )
    assert report == json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    table = pd.read_parquet(tmp_path / "predictions.parquet")
    assert len(table) == splits["val"].num_rows
    for task in ("style", "genre", "artist"):
        known = table[table[f"{task}_label"].notna()]
        accuracy = (known[f"{task}_label"] == known[f"{task}_predicted"]).mean()
        assert [classes[0] for classes in table[f"{task}_top5"]] == table[f"{task}_predicted"].tolist()
        assert [scores[0] for scores in table[f"{task}_top5_scores"]] == table[f"{task}_confidence"].tolist()
        assert report["tasks"][task]["accuracy"] == pytest.approx(accuracy)
        assert report["tasks"][task]["n"] == len(known)
        with (tmp_path / f"per_class_{task}.csv").open(encoding="utf-8") as file:
            assert sum(int(row["support"]) for row in csv.DictReader(file)) == len(known)
        confusion = pd.read_csv(tmp_path / f"confusion_{task}.csv", index_col=0)
        assert np.trace(confusion.to_numpy()) == round(accuracy * len(known))
        assert (tmp_path / f"confusion_{task}.png").stat().st_size > 1000
    # Three styles in train are Baroque or Impressionism; the frozen baseline was really fitted.
    assert report["baselines"]["frozen_features"]["tasks"]["style"]["n"] == 3
    assert report["baselines"]["majority"]["tasks"]["style"]["accuracy"] == pytest.approx(1 / 3)
    assert "frozen" in classifier_table(report)


def test_the_predictions_hold_the_five_most_probable_classes_of_every_task(splits, tmp_path):
    torch.manual_seed(0)
    tasks = {"artist": [f"painter {i}" for i in range(8)], "school": ["Dutch", "French"]}
    small = {"backbone": "mobilenetv3_small_050", "image_size": 64, "projection_size": 16, "hidden_size": 8}
    model = CrnnForImageClassification(CrnnConfig(tasks=tasks, **small))
    processor = ArtImageProcessor(size={"height": 64, "width": 64})
    evaluate_classifier(model, processor, splits["val"], tmp_path, name="t", split="val")
    table = pd.read_parquet(tmp_path / "predictions.parquet")
    columns = ("label", "predicted", "confidence", "top5", "top5_scores")
    assert list(table) == ["id", *(f"{task}_{column}" for task in tasks for column in columns)]
    predicted = predict(model, processor, splits["val"])
    for task, logits in predicted.logits.items():
        for row, values in zip(table.itertuples(), softmax(logits, axis=1), strict=True):
            order = sorted(range(len(values)), key=lambda c: -values[c])[:5]  # noqa: B023  (used at once)
            assert list(getattr(row, f"{task}_top5")) == [tasks[task][c] for c in order]
            assert list(getattr(row, f"{task}_top5_scores")) == pytest.approx([values[c] for c in order])


def test_without_train_split_or_weights_the_baseline_says_why(splits, tiny_classifier, tmp_path):
    model, processor = load_classifier(str(tiny_classifier))
    for train, weights, reason in [
        (None, None, "no train split"),
        (splits["train"], None, "--baseline-weights"),
        (splits["train"], tmp_path / "none", "no file of weights"),
    ]:
        report = evaluate_classifier(
            model, processor, splits["val"], tmp_path, name="t", split="val", train=train, baseline_weights=weights
        )
        frozen = report["baselines"]["frozen_features"]
        assert frozen["tasks"] is None and reason in frozen["reason"]


def test_pictures_that_cannot_be_decoded_are_listed(splits, tiny_classifier):
    from datasets import Image

    def spoil(record: dict, position: int) -> dict:
        return {"image": {"bytes": b"no picture", "path": None}} if position == 1 else record

    raw = splits["val"].cast_column("image", Image(decode=False))
    spoilt = raw.map(spoil, with_indices=True).cast_column("image", Image(mode="RGB"))
    model, processor = load_classifier(str(tiny_classifier))
    predictions = predict(model, processor, spoilt, batch_size=2)
    assert predictions.rows.tolist() == [0, 2, 3]
    assert [s.path for s in predictions.skipped.items] == [splits["val"][1]["id"]]
    whole = predict(model, processor, splits["val"], batch_size=64)
    for task, logits in whole.logits.items():
        assert np.allclose(logits[predictions.rows], predictions.logits[task], atol=1e-5)
