"""The trackers people use, for real: TensorBoard's event file, and a run of Weights & Biases without a network."""

import csv
import time
from pathlib import Path

import pytest

from tests.training.test_train_classifier import SCORED, recipe  # noqa: F401  (a fixture)
from training import train_classifier
from training.classifier.config import TrainConfig


def test_tensorboard_gets_what_the_log_gets(recipe, tmp_path):  # noqa: F811
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    values = recipe | SCORED | {"output_dir": str(tmp_path / "run"), "trackers": ["tensorboard"]}
    train_classifier.train(TrainConfig.from_dict(values))
    events = EventAccumulator(str(next(tmp_path.rglob("events.out.tfevents*")).parent)).Reload()
    assert {"loss/phase_1", "loss/phase_2", "style_accuracy"} <= set(events.Tags()["scalars"])
    rows = list(csv.DictReader((tmp_path / "run/log.csv").read_text().splitlines()))
    logged = [event.value for event in events.Scalars("loss/phase_2")]
    assert logged == pytest.approx([float(row["loss"]) for row in rows if row["phase"] == "2"], abs=1e-4)


@pytest.mark.filterwarnings("default")  # W&B's own
def test_wandb_offline(recipe, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    monkeypatch.setenv("WANDB_SILENT", "true")
    values = recipe | {"output_dir": str(tmp_path / "run"), "trackers": ["wandb"]}
    train_classifier.train(TrainConfig.from_dict(values))
    kept: list[Path] = list(tmp_path.rglob("*.wandb"))
    assert len(kept) == 1
    deadline = time.monotonic() + 60  # a process of W&B's own writes it
    while b"loss/phase_2" not in kept[0].read_bytes():
        assert time.monotonic() < deadline
        time.sleep(0.1)
