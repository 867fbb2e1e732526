"""A folder is of one run: whoever starts another in it is told so before anything is written."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from datasets import ClassLabel, Dataset, Features, Value

from artextract_hf.errors import DataError
from tests.training import test_train_byol, test_train_classifier
from training import run, train_byol, train_classifier
from training.byol.config import ByolTrainConfig
from training.checks.earlier_run import (
    MAY_DIFFER,
    as_document,
    paintings_digest,
    refuse_other_paintings,
    refuse_other_processes,
    refuse_other_settings,
)
from training.classifier.config import TrainConfig
from training.loop import read_progress

recipe, byol_recipe = test_train_classifier.recipe, test_train_byol.recipe  # fixtures
PLAIN = {"data": "d", "tasks": ["style"], "start_from": "first/best"}
OTHER = {
    "data": "e",
    "frozen_lr": 0.5,
    "batch_size": 4,
    "seed": 7,
    "epochs": 9,
    "model": {"dropout": 0.2},
    "tasks": ["genre"],
    "start_from": "second/best",
    "loss": {},
    "sizes": [[0, 96]],
    "eval_split": "test",
    "teachers": ["t"],
}


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """The working directory, with the folder `run` of a training in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").mkdir()
    keep(PLAIN)
    return tmp_path


def config(values: dict, out: str = "run") -> TrainConfig:
    return TrainConfig.from_dict(values | {"output_dir": out})


def keep(values: dict) -> None:
    Path("run/config.json").write_text(json.dumps(as_document(config(values))))


@pytest.mark.parametrize("name", OTHER)
def test_another_setting_is_refused_by_its_name(folder, name):
    with pytest.raises(DataError, match=rf"^run holds a run with other settings, in {name}; .*--output_dir"):
        refuse_other_settings(config(PLAIN | {name: OTHER[name]}))


def test_all_of_them_are_named(folder):
    with pytest.raises(DataError, match="in batch_size, seed and frozen_lr;"):
        refuse_other_settings(config(PLAIN | {name: OTHER[name] for name in ("frozen_lr", "batch_size", "seed")}))


def test_what_does_not_change_the_weights_may_differ(folder):
    new = {"workers": 3, "push_to_hub": "a/b", "trackers": ["wandb"], "checkpoint_every": 9, "frozen_baseline": False}
    assert new.keys() < set(MAY_DIFFER)
    refuse_other_settings(config(PLAIN | new, out=str(folder / "run")))
    refuse_other_settings(config(PLAIN | {"tasks": []}))  # they are compared when the data are read
    refuse_other_settings(config(PLAIN | {"seed": 7}, out="another"))


def test_a_place_may_be_written_in_several_ways(folder):
    for name in ("d", "first/best"):
        Path(name).mkdir(parents=True)
    keep(PLAIN)
    refuse_other_settings(config({**PLAIN, "data": str(folder / "d"), "start_from": "first/../first/best"}))
    document = json.loads(Path("run/config.json").read_text())
    assert document["start_from"] == str(folder / "first/best")  # `first/best` looks like a model of the Hub


def test_what_an_older_version_wrote_goes_on(folder):
    document = json.loads(Path("run/config.json").read_text())
    for name in ("schedule", "view", "ema_decay", "sizes"):
        del document[name]
    Path("run/config.json").write_text(json.dumps(document | {"balanced_task": None}))
    refuse_other_settings(config(PLAIN))
    with pytest.raises(DataError, match="in ema_decay;"):
        refuse_other_settings(config(PLAIN | {"ema_decay": 0.5}))


def test_a_run_of_the_other_training_is_another(folder):
    with pytest.raises(DataError, match="in train_splits, .* and 30 more;"):
        refuse_other_settings(ByolTrainConfig.from_dict({"data": "d", "output_dir": "run"}))


def test_paintings_are_known_by_their_ids_and_classes():
    def of(ids: list[str], styles: list[int], names: list[str]) -> str:
        features = Features({"id": Value("string"), "style": ClassLabel(names=names)})
        return paintings_digest(Dataset.from_dict({"id": ids, "style": styles}, features=features), ["style"])

    first = of(["a", "b"], [0, 1], ["x", "y"])
    others = [
        of(["a", "c"], [0, 1], ["x", "y"]),
        of(["a", "b"], [1, 1], ["x", "y"]),
        of(["a", "b"], [0, 1], ["x", "z"]),
    ]
    assert first == of(["a", "b"], [0, 1], ["x", "y"]) and first not in others
    values = config(PLAIN)
    for reached in (None, {"step": 1}, {"step": 1, "paintings": first}):  # older versions wrote none
        refuse_other_paintings(values, reached, first)
    with pytest.raises(DataError, match="other paintings or classes than d has now"):
        refuse_other_paintings(values, {"step": 1, "paintings": first}, others[0])


def test_a_run_is_of_one_number_of_processes():
    values = config(PLAIN)
    for reached in (None, {"step": 1}, {"step": 1, "processes": 2}):  # older versions wrote none
        refuse_other_processes(values, reached, 2)
    with pytest.raises(DataError, match="^run holds a run of 2 processes, and this has 4; start 2 to go on"):
        refuse_other_processes(values, {"step": 1, "processes": 2}, 4)


def state(out: Path) -> dict[str, tuple[int, bytes]]:
    return {str(p): (p.stat().st_mtime_ns, p.read_bytes()) for p in sorted(out.rglob("*")) if p.is_file()}


@pytest.mark.parametrize("kind", ["classifier", "byol"])
def test_a_killed_and_a_finished_training_keep_to_their_settings(kind, request, tmp_path, monkeypatch, capsys):
    """By the commands' own entry: one line, exit code 2, and no byte of the folder changed."""
    script, fixture, cls = {
        "classifier": (train_classifier, "recipe", TrainConfig),
        "byol": (train_byol, "byol_recipe", ByolTrainConfig),
    }[kind]
    short: dict = {"sizes": [[0, 32]], "output_dir": str(tmp_path / "run"), "frozen_epochs": 0, "eval_split": ""}
    if kind == "byol":
        short = {"sizes": [[0, 32]], "output_dir": str(tmp_path / "run"), "gallery_split": "", "query_split": ""}
    short |= {"epochs": 2, "checkpoint_every": 100}
    values = request.getfixturevalue(fixture) | short

    class Killed(Exception):
        pass

    def epoch_that_learns_nothing(*_, epoch: int, step: int) -> int:
        return step + 2

    def killed(*_, epoch: int, step: int) -> int:
        if epoch:
            raise Killed
        return step + 2

    def refused(**other) -> str:
        (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(values | other))
        monkeypatch.setattr("sys.argv", ["train.py", "--config", str(tmp_path / "recipe.yaml")])
        before = state(tmp_path / "run")
        with pytest.raises(SystemExit, match="2"):
            script.main()
        assert state(tmp_path / "run") == before
        return capsys.readouterr().err.splitlines()[-1]

    monkeypatch.setattr(script, "run_epoch", killed)
    with pytest.raises(Killed):
        script.train(cls.from_dict(values))
    monkeypatch.setattr(script, "run_epoch", epoch_that_learns_nothing)
    assert "with other settings, in seed;" in refused(seed=3)
    reached = read_progress(tmp_path / "run")
    assert reached["processes"] == 1
    with monkeypatch.context() as patch:  # as if two had begun it
        patch.setattr(run, "read_progress", lambda _: reached | {"processes": 2})
        assert "holds a run of 2 processes, and this has 1; start 2" in refused()
    monkeypatch.chdir(tmp_path)
    script.train(replace(cls.from_dict(values), output_dir=os.path.relpath(tmp_path / "run")))
    capsys.readouterr()
    assert "with other settings, in epochs and batch_size;" in refused(batch_size=3, epochs=5)
