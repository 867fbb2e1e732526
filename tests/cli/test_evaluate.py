import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import timm
import torch
from datasets import Dataset, DatasetDict, Image, Value, load_from_disk
from safetensors.torch import save_file

from artextract_hf import ArtImageProcessor, AutoEmbedder, ByolConfig, ByolModel, load_classifier
from artextract_hf.data.schema import painting_features
from tests.conftest import plain_picture

GENRES = [
    "landscape",
    "portrait",
    "genre_painting",
    "still_life",
]  # not the classifier's order, and one it does not know
ARTISTS = ["Nobody", "Somebody"]  # unknown to the classifier, both


def split(rows: list[tuple[str, int, int]]) -> Dataset:
    """Records from (id, genre, artist)."""
    features = painting_features(genres=GENRES, artists=ARTISTS)
    records = []
    for number, (name, genre, artist) in enumerate(rows):
        file = io.BytesIO()
        plain_picture((40 * number, 90, 200 - 30 * number), seed=number).save(file, "PNG")
        labels = {"style": -1, "genre": genre, "artist": artist}
        records.append(
            dict.fromkeys(features) | labels | {"id": name, "image": {"bytes": file.getvalue(), "path": None}}
        )
    return Dataset.from_list(records, features=features)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prepared")
    val = split([("a", 0, 0), ("b", 1, 1), ("c", 3, -1), ("d", -1, 0)])
    DatasetDict({"val": val}).save_to_disk(folder / "val_only")
    train = split([("e", 0, -1), ("f", 1, -1), ("g", 2, 0), ("h", 2, 1), ("i", 2, 1)])
    DatasetDict({"train": train, "val": val, "test": val.filter(lambda record: False)}).save_to_disk(folder / "both")
    val.save_to_disk(folder / "single")
    return folder


def evaluate(run_cli, model: Path, data: Path, out: Path, *more: object) -> dict:
    code, stdout, stderr = run_cli(
        "evaluate", "classifier", "--model", model, "--data", data, "--out", out, "--json", *more
    )
    assert code == 0, stderr
    return json.loads(stdout)


def test_only_a_val_split_with_classes_the_model_does_not_know(run_cli, tiny_classifier, prepared, tmp_path):
    report = evaluate(run_cli, tiny_classifier, prepared / "val_only", tmp_path)
    model, processor = load_classifier(str(tiny_classifier))
    pictures = [record["image"] for record in split([("a", 0, 0), ("b", 1, 1)])]
    with torch.inference_mode():
        logits = model(processor(images=pictures, return_tensors="pt")["pixel_values"]).task_logits["genre"]
    predicted = [model.config.tasks["genre"][c] for c in logits.argmax(dim=1).tolist()]
    genre = report["tasks"]["genre"]
    assert genre["accuracy"] == np.mean([p == t for p, t in zip(predicted, ["landscape", "portrait"], strict=True)])
    assert (genre["n"], genre["skipped"]) == (2, 1)
    nothing = dict.fromkeys(("accuracy", "top5", "balanced_accuracy", "macro_f1"))
    assert report["tasks"]["artist"] == nothing | {"n": 0, "skipped": 3}
    assert report["tasks"]["style"] == nothing | {"n": 0, "skipped": 0}
    assert report["unknown_classes"] == {
        "style": {},
        "genre": {"still_life": 1},
        "artist": {"Nobody": 2, "Somebody": 1},
    }


def test_all_is_the_records_of_every_split(run_cli, tiny_classifier, prepared, tmp_path):
    report = evaluate(run_cli, tiny_classifier, prepared / "both", tmp_path, "--split", "all", "--batch-size", 2)
    assert report["split"] == "all"
    assert (report["tasks"]["genre"]["n"], report["tasks"]["genre"]["skipped"]) == (7, 1)


def test_a_data_set_without_splits_is_all(run_cli, tiny_classifier, prepared, tmp_path):
    assert (
        evaluate(run_cli, tiny_classifier, prepared / "single", tmp_path, "--split", "all")["tasks"]["genre"]["n"] == 2
    )


def test_baselines_learn_from_the_train_split(run_cli, tiny_classifier, prepared, tmp_path):
    torch.manual_seed(0)
    weights = tmp_path / "backbone.safetensors"
    save_file(timm.create_model("mobilenetv3_small_050", num_classes=0).state_dict(), weights)
    report = evaluate(run_cli, tiny_classifier, prepared / "both", tmp_path / "out", "--baseline-weights", weights)
    baselines = report["baselines"]
    assert baselines["majority"]["learnt_from"] == "the train split"
    assert baselines["majority"]["tasks"]["genre"]["accuracy"] == 0.0  # genre_painting leads in train, none in val
    assert baselines["frozen_features"]["tasks"]["genre"]["n"] == 2
    assert baselines["frozen_features"]["tasks"]["artist"]["accuracy"] is None


def test_people_get_a_table(run_cli, tiny_classifier, prepared, tmp_path):
    code, stdout, _ = run_cli(
        "evaluate", "classifier", "--model", tiny_classifier, "--data", prepared / "both", "--out", tmp_path
    )
    assert code == 0
    lines = stdout.splitlines()
    assert [line.split()[0] for line in lines[1:5]] == ["task", "style", "genre", "artist"]
    assert len({len(line) for line in lines[1:5]}) == 1  # aligned
    assert "majority" in lines[1] and "n/a" in lines[2]


@pytest.mark.parametrize(
    ("data", "more", "message"),
    [
        ("both", ["--split", "test"], "'test' is empty"),
        ("both", ["--split", "tset"], "no split 'tset'; give one of: train, val, test, all"),
        ("both", ["--model", "nobody/nothing"], "'nobody/nothing'"),
        ("both", ["--out", "{file}"], "is a file"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(run_cli, tiny_classifier, prepared, tmp_path, data, more, message):
    (tmp_path / "file").write_text("")
    more = [m.format(file=tmp_path / "file") for m in more]
    code, stdout, stderr = run_cli(
        "evaluate",
        "classifier",
        "--model",
        tiny_classifier,
        "--data",
        prepared / data,
        "--out",
        tmp_path / "out",
        *more,
    )
    assert (code, stdout) == (2, "")
    errors = [line for line in stderr.splitlines() if line.startswith("artextract: ")]
    assert len(errors) == 1 and message in errors[0]
    assert "Traceback" not in stderr


def test_files_of_somebody_else_are_kept(run_cli, tiny_classifier, prepared, tmp_path, monkeypatch):
    """Found before the work, which here would fail."""
    data = prepared / "single"
    classifier = ("evaluate", "classifier", "--model", tiny_classifier, "--split", "all", "--data", data)
    embedder = ("evaluate", "embedder", "--embedder", tiny_classifier, "--gallery", data, "--queries", data)
    monkeypatch.setattr("artextract_hf.evaluation.classifier_report.predict", None)
    monkeypatch.setattr("artextract_hf.evaluation.embedder_report.embed_split", None)
    for command, name in ((classifier, "confusion_genre.png"), (classifier, "metrics.json"), (embedder, "report.md")):
        (out := tmp_path / f"{command[1]}-{name}").mkdir()
        (out / name).write_text("{}")
        code, _, err = run_cli(*command, "--out", out)
        assert code == 2 and f"{name} is of no earlier run" in err and len(err.splitlines()) == 1
        assert [(path.name, path.read_text()) for path in out.iterdir()] == [(name, "{}")]


def test_records_without_ids_are_called_by_their_row(run_cli, tiny_classifier, prepared, tmp_path):
    val = load_from_disk(prepared / "single").select(range(3))
    cells = [*val.cast_column("image", Image(decode=False))["image"][:2], {"bytes": b"no picture", "path": None}]
    damaged = val.remove_columns(["id", "image"]).add_column("id", ["a", None, None], feature=Value("string"))
    damaged.add_column("image", cells, feature=Image(mode="RGB")).save_to_disk(tmp_path / "data")
    report = evaluate(run_cli, tiny_classifier, tmp_path / "data", tmp_path / "out", "--split", "all")
    assert [item["path"] for item in report["skipped"]] == ["row 2, without an id"]
    ids = pd.read_parquet(tmp_path / "out/predictions.parquet")["id"].tolist()
    assert ids == ["a", "row 1, without an id"]
    sides = ("--gallery", tmp_path / "data", "--queries", prepared / "single")
    code, _, err = run_cli("evaluate", "embedder", "--embedder", tiny_classifier, *sides, "--out", tmp_path / "other")
    assert code == 2 and "a record of the gallery has no id" in err and len(err.splitlines()) == 1


def test_embedder(run_cli, tiny_classifier, prepared, tmp_path):
    arguments = ["--gallery", prepared / "both", "--queries", prepared / "val_only", "--out", tmp_path, "--photos", 3]
    code, out, err = run_cli("evaluate", "embedder", "--embedder", tiny_classifier, *arguments, "--json")
    assert code == 0, err
    report = json.loads(out)
    assert report["gallery"] == 9 and report["queries"] == 4
    assert report["labels"]["genre"].keys() >= {"p@1", "p@10", "map", "queries"}
    # Of genre, a and b find another of theirs in train; of c's, there is only c itself.
    assert report["labels"]["genre"]["queries"] == 2 and report["labels"]["artist"]["queries"] == 3
    assert report["dim"] == AutoEmbedder.from_pretrained(str(tiny_classifier)).dim
    assert report["photos"]["works"] == 3 and (tmp_path / "report.md").is_file()
    code, out, err = run_cli("evaluate", "embedder", "--embedder", tmp_path / "none", *arguments)
    assert code == 2 and len(err.strip().splitlines()) == 1


def test_embedder_of_byol(run_cli, prepared, tmp_path):
    byol = {"backbone": "mobilenetv3_small_050", "image_size": 64}
    ByolModel(ByolConfig(**byol)).save_pretrained(tmp_path / "byol")
    ArtImageProcessor(size={"height": 64, "width": 64}).save_pretrained(tmp_path / "byol")
    arguments = ["--gallery", prepared / "both", "--queries", prepared / "both", "--out", tmp_path, "--photos", 0]
    for _ in range(2):  # a report takes the place of an earlier one
        code, out, err = run_cli("evaluate", "embedder", "--embedder", tmp_path / "byol", *arguments, "--json")
        assert code == 0, err
    assert json.loads(out)["dim"] == 288 and "photos" not in json.loads(out)
