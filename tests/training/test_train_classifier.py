import csv
import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import timm
import torch
import yaml
from datasets import ClassLabel, Dataset
from safetensors.torch import load_file, save_file

from artextract_hf import CrnnConfig, CrnnForImageClassification, load_classifier, load_wikiart
from artextract_hf.data import load_prepared, write_prepared
from artextract_hf.errors import DataError
from training import train_classifier
from training.classifier.config import TrainConfig
from training.classifier.model import build_model, save_model
from training.classifier.paintings import as_classes, load_splits

ROOT = Path(__file__).parent.parent.parent
SCORED = {"eval_split": "val"}
CONFIGS = sorted(p for p in (ROOT / "training/configs").glob("*.yaml") if not p.stem.startswith("byol_"))


@pytest.fixture(scope="module")
def recipe(tiny_wikiart, tmp_path_factory) -> dict:
    """A recipe that trains on eight pictures in seconds; with SCORED it is evaluated too, which takes most of them."""
    folder = tmp_path_factory.mktemp("recipe")
    load_wikiart(tiny_wikiart, artists="names").save_to_disk(folder / "data")
    torch.manual_seed(0)
    save_file(timm.create_model("mobilenetv2_035", num_classes=0).state_dict(), folder / "backbone.safetensors")
    return {
        "data": str(folder / "data"),
        "backbone_weights": str(folder / "backbone.safetensors"),
        "model": {"backbone": "mobilenetv2_035", "image_size": 64, "projection_size": 16, "hidden_size": 8},
        "frozen_epochs": 1,
        "epochs": 3,
        "sizes": [[0, 32], [1, 64]],
        "batch_size": 2,
        "mixup": 0.2,
        "eval_split": "",
        "eval_every": 1,
        "checkpoint_every": 1,
        "class_weight_power": 0.5,
        "mixed_precision": "no",
    }


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def test_the_command_trains_end_to_end(recipe, tmp_path):
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe | SCORED | {"output_dir": "unused"}))
    out = tmp_path / "run"
    command = [sys.executable, "-m", "artextract_hf.cli", "train", "classifier"]
    command += ["--config", str(tmp_path / "recipe.yaml"), "--output_dir", str(out)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    rows = list(csv.DictReader((out / "log.csv").read_text().splitlines()))
    assert [(r["phase"], r["epoch"], r["size"]) for r in rows] == [
        ("1", "1", "32"),
        ("2", "1", "32"),
        ("2", "2", "64"),
        ("2", "3", "64"),
    ]
    assert "learning style (2 classes)" in done.stdout and "scored on" in done.stdout
    assert f"calibration.py --model {out}/best" in done.stdout and (out / "progress.png").stat().st_size > 10_000
    model, processor = load_classifier(str(out / "best"))
    assert model.config.tasks["style"] == ["Baroque", "Impressionism"]  # only what the data holds
    assert json.loads((out / "config.json").read_text())["seed"] == 0
    card = (out / "best/README.md").read_text()
    report = json.loads((out / "evaluation/metrics.json").read_text())
    assert f"{100 * report['tasks']['style']['accuracy']:.1f}" in card
    assert not list(out.rglob("*.bin")) and not list(out.rglob("*.pkl"))


def test_an_interrupted_run_ends_with_the_same_weights(recipe, tmp_path, monkeypatch):
    def config(name: str) -> TrainConfig:
        return TrainConfig.from_dict(recipe | {"output_dir": str(tmp_path / name)})

    train_classifier.train(config("whole"))

    class Killed(Exception):
        pass

    steps = iter(range(1000))
    real = train_classifier.update_average

    def killed_at_step_five(*arguments, **options):
        if next(steps) == 4:  # in the middle of an epoch of the second phase
            raise Killed
        real(*arguments, **options)

    monkeypatch.setattr(train_classifier, "update_average", killed_at_step_five)
    with pytest.raises(Killed):
        train_classifier.train(config("halves"))
    monkeypatch.setattr(train_classifier, "update_average", real)
    train_classifier.train(config("halves"))
    whole, halves = weights(tmp_path / "whole/last"), weights(tmp_path / "halves/last")
    assert whole.keys() == halves.keys()
    assert all(torch.equal(value, halves[key]) for key, value in whole.items())


def test_a_run_learns_from_the_run_before_it(recipe, tmp_path):
    first, second = (TrainConfig.from_dict(recipe | {"output_dir": str(tmp_path / name)}) for name in ("one", "two"))
    train_classifier.train(first)
    taught = replace(second, teachers=(str(tmp_path / "one/last"),))
    train_classifier.train(taught)
    alone = replace(second, output_dir=str(tmp_path / "alone"))
    train_classifier.train(alone)
    learnt, unlearnt = weights(tmp_path / "two/last"), weights(tmp_path / "alone/last")
    assert learnt.keys() == unlearnt.keys()  # the teacher is no part of it
    assert any(not torch.equal(value, unlearnt[key]) for key, value in learnt.items())


def test_an_auxiliary_column_teaches_the_trunk_and_leaves_no_head(recipe, tmp_path, monkeypatch):
    monkeypatch.setattr("training.classifier.paintings.LEAST_WORKS", 1)
    alone, beside = (recipe | {"output_dir": str(tmp_path / name)} for name in ("alone", "beside"))
    train_classifier.train(TrainConfig.from_dict(alone))
    train_classifier.train(TrainConfig.from_dict(beside | {"auxiliary": {"artist_name": 0.5}}))
    without, taught = weights(tmp_path / "alone/last"), weights(tmp_path / "beside/last")
    assert taught.keys() == without.keys()
    assert any(not torch.equal(value, without[key]) for key, value in taught.items())


def test_an_auxiliary_column_has_a_class_for_what_stands_there_often():
    painters = ["A", "B", "", "A", "C", "A", "B", "A", "C", "C", "C"]
    paintings = Dataset.from_dict({"id": list(map(str, range(11))), "artist_name": painters, "style": list(range(11))})
    classes = as_classes(paintings, "artist_name")
    assert classes.features["artist_name"].names == ["A", "C"]
    assert classes["artist_name"][:5] == [0, -1, -1, 0, 1]
    for other in ("school", "style"):
        with pytest.raises(DataError, match=f"no column of text '{other}'; there are id, artist_name"):
            as_classes(paintings, other)
    with pytest.raises(DataError, match="nothing to learn"):
        as_classes(paintings.select(range(4)), "artist_name")
    wrong = [({"style": 1.0}, "a task already"), ({"artist_name": 0.0}, "a weight a column")]
    for auxiliary, message in [*wrong, ("artist_name", "numbers by name"), ({"artist_name": -1.0}, "below 0")]:
        with pytest.raises(DataError, match=message):
            TrainConfig.from_dict({"data": "-", "output_dir": "-", "tasks": ["style"], "auxiliary": auxiliary})


def test_a_run_goes_on_without_the_companions_of_what_it_starts_from(recipe, tmp_path):
    start = build_model(*prepared(recipe, tmp_path))
    pair = CrnnForImageClassification(
        CrnnConfig(tasks=start.config.tasks, **recipe["model"], companions=[{"hidden_size": 4}])
    )
    save_model(pair, tmp_path / "pair")
    model = build_model(*prepared(recipe | {"start_from": str(tmp_path / "pair")}, tmp_path))
    other = recipe | {"start_from": str(tmp_path / "pair"), "model": recipe["model"] | {"dropout": 0.7}}
    with pytest.raises(DataError, match=r"model\.dropout is 0\.7, but .*pair, which start_from takes as it is"):
        build_model(*prepared(other, tmp_path))
    model.save_pretrained(tmp_path / "model")
    assert weights(tmp_path / "model").keys() == start.state_dict().keys() and not model.config.companions
    for later, script in (
        ({"companions": [{"hidden_size": 4}]}, "ensemble"),
        ({"temperature": {"style": 2.0}}, "calibration"),
        ({"set_thresholds": {"style": [0.1, 0.2]}}, "calibration"),
    ):
        with pytest.raises(DataError, match=rf"training/{script}\.py"):
            TrainConfig.from_dict(recipe | {"output_dir": "-", "model": later})


def prepared(values: dict, tmp_path: Path) -> tuple[TrainConfig, Dataset]:
    config = TrainConfig.from_dict(values | {"output_dir": str(tmp_path)})
    return load_splits(config)[:2]


def test_a_frozen_trunk_learns_heads_for_classes_of_ones_own_and_stops_early(recipe, tmp_path):
    first = TrainConfig.from_dict(recipe | {"output_dir": str(tmp_path / "first")})
    train_classifier.train(first)
    splits = load_prepared(recipe["data"])
    own = [ClassLabel(names=["in", "out"]), [number % 2 for number in range(100)]]
    for name, part in splits.items():
        splits[name] = part.add_column("side", own[1][: len(part)], feature=own[0])
    write_prepared(splits, {}, tmp_path / "data")
    small = SCORED | {"start_from": str(tmp_path / "first/last"), "frozen": "trunk", "epochs": 0, "frozen_epochs": 9}
    small |= {"data": str(tmp_path / "data"), "output_dir": str(tmp_path / "small"), "eval_every": 1, "patience": 2}
    config = TrainConfig.from_dict(recipe | small | {"tasks": [], "frozen_lr": 1e-9})
    train_classifier.train(config)
    before, after = weights(tmp_path / "first/last"), weights(tmp_path / "small/best")
    trunk = {key for key in before if key.startswith("crnn.")}
    assert trunk == {key for key in after if key.startswith("crnn.")} and len(after) == len(trunk) + 2
    assert all(torch.equal(before[key], after[key]) for key in trunk)
    assert after["heads.side.1.weight"].shape[0] == 2
    scores = (tmp_path / "small/scores.csv").read_text().splitlines()
    assert len(scores) == 1 + 3  # nothing gets better at this rate: the first epoch counts, and two more are tried
    again = TrainConfig.from_dict(recipe | small | {"tasks": ["side", *first.tasks]})
    kept = build_model(again, load_splits(again)[1])
    for task in first.tasks:  # the heads of classes that it knows stay
        assert torch.equal(kept.state_dict()[f"heads.{task}.1.weight"], before[f"heads.{task}.1.weight"])


def test_pieces_of_a_batch_with_norms_that_learn_are_warned_of(recipe, tmp_path, caplog):
    config, learn = prepared(recipe | {"accumulate": 2, "fold_norms": False}, tmp_path)
    model = build_model(config, learn)
    train_classifier.set_norms(config, model, torch.device("cpu"))
    assert "the loss depends on `accumulate`" in caplog.text
    caplog.clear()
    train_classifier.set_norms(replace(config, fold_norms=True), model, torch.device("cpu"))
    assert not caplog.text


def test_the_frozen_phase_moves_the_heads_only(recipe, tmp_path):
    train_classifier.train(TrainConfig.from_dict(recipe | {"output_dir": str(tmp_path), "epochs": 0}))
    before, after = load_file(recipe["backbone_weights"]), weights(tmp_path / "last")
    assert all(torch.equal(value, after[f"crnn.backbone.{key}"]) for key, value in before.items())


@pytest.mark.parametrize("extra", [("--data", "{folder}"), ("--eval_split", "test"), ("--epochz", "3")])
def test_bad_input_is_one_line(recipe, tmp_path, monkeypatch, capsys, extra):
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe | {"output_dir": str(tmp_path / "run")}))
    option, value = extra
    command = ["train_classifier.py", "--config", str(tmp_path / "recipe.yaml"), option, value.format(folder=tmp_path)]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit) as ended:
        train_classifier.main()
    assert ended.value.code == 2 and re.fullmatch("train_classifier: .+\n", capsys.readouterr().err)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.stem)
def test_every_recipe_is_a_valid_configuration(path):
    TrainConfig.load(path)
