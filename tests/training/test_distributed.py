"""One process and two take the same steps; features kept aside, pieces of a batch and lost processes."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file

from tests.hub.loopback_hub import LoopbackHub
from tests.training.test_train_classifier import SCORED, recipe, weights  # noqa: F401  (a fixture)
from training import train_classifier
from training.classifier.config import TrainConfig

ROOT = Path(__file__).parent.parent.parent
ENVIRONMENT = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def steady(recipe):  # noqa: F811
    """The recipe without what each process draws for itself."""
    return recipe | {"mixup": 0.0, "batch_size": 4, "model": recipe["model"] | {"dropout": 0.0}, "epochs": 2}


def command(folder: Path, values: dict, processes: int) -> list[str]:
    (folder / "recipe.yaml").write_text(yaml.safe_dump(values))
    launch = ["torch.distributed.run", "--nproc_per_node", str(processes), "--master_port", "0"]
    launch += ["--rdzv_backend", "c10d", "--rdzv_endpoint", "localhost:0"]
    return [sys.executable, "-m", *launch, "training/train_classifier.py", "--config", str(folder / "recipe.yaml")]


def losses(folder: Path) -> list[float]:
    return [float(row["loss"]) for row in csv.DictReader((folder / "log.csv").read_text().splitlines())]


@pytest.fixture(scope="module")
def two_processes(steady, tmp_path_factory) -> tuple[Path, LoopbackHub]:
    """The folder of a training by two processes, and the Hub that they pushed to at its end."""
    folder, hub = tmp_path_factory.mktemp("two_processes"), LoopbackHub().start()
    values = steady | SCORED | {"output_dir": str(folder / "run"), "batch_size": 2, "push_to_hub": "somebody/crnn"}
    environment = ENVIRONMENT | hub.environment(folder / "home")
    done = subprocess.run(command(folder, values, 2), cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    hub.stop()
    return folder / "run", hub


@pytest.mark.long
def test_two_processes_take_the_steps_of_one(steady, two_processes, tmp_path):
    one, (two, _) = tmp_path / "one", two_processes
    train_classifier.train(TrainConfig.from_dict(steady | SCORED | {"output_dir": str(one)}))
    assert losses(two) == pytest.approx(losses(one), abs=2e-3)
    first, second = weights(one / "last"), weights(two / "last")
    for name, value in first.items():
        assert torch.allclose(value, second[name], rtol=1e-2, atol=2e-4), name
    # Every val painting is scored once, although three do not divide by two.
    reports = [json.loads((run / "evaluation/metrics.json").read_text())["tasks"] for run in (one, two)]
    assert reports[0]["style"]["n"] == reports[1]["style"]["n"] == 3
    scores = [(run / "scores.csv").read_text().splitlines() for run in (one, two)]
    assert scores[0][0] == scores[1][0] and len(scores[0]) == len(scores[1])


@pytest.mark.long
def test_two_processes_push_once_with_card_figures_and_code(two_processes):
    run, hub = two_processes
    assert sum(asked.startswith("POST /api/models/somebody/crnn/commit/") for asked in hub.asked) == 1
    files = hub.repo("somebody/crnn").files
    assert {"README.md", "model.safetensors", "modeling_crnn.py", "metrics.json", "log.csv"} <= files.keys()
    assert files["model.safetensors"] == (run / "best/model.safetensors").read_bytes()
    assert b"Attribution is not authentication" in files["README.md"]


def test_pieces_of_a_batch_give_the_loss_of_the_whole(steady, tmp_path):
    for name, pieces in (("whole", 1), ("pieces", 2)):
        train_classifier.train(
            TrainConfig.from_dict(steady | {"output_dir": str(tmp_path / name), "accumulate": pieces})
        )
    assert losses(tmp_path / "pieces") == pytest.approx(losses(tmp_path / "whole"), abs=2e-3)


def test_the_frozen_phase_from_kept_features_is_that_from_pixels(steady, tmp_path):
    """With one view an epoch, features computed once are the features computed anew (but for float16)."""
    values = steady | {"frozen_epochs": 2, "epochs": 0, "sizes": [[0, 64]]}
    for name, views in (("anew", 0), ("kept", 2)):
        train_classifier.train(
            TrainConfig.from_dict(values | {"output_dir": str(tmp_path / name), "kept_views": views})
        )
    assert losses(tmp_path / "kept") == pytest.approx(losses(tmp_path / "anew"), abs=5e-3)
    assert not (tmp_path / "kept/maps.npy").exists()


@pytest.mark.long
def test_a_run_that_loses_a_process_ends_with_an_error(steady, tmp_path):
    values = steady | {"output_dir": str(tmp_path / "run"), "batch_size": 1, "epochs": 1000, "eval_every": 1000}
    run = subprocess.Popen(
        command(tmp_path, values, 2), cwd=ROOT, env=ENVIRONMENT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 120
        while len(losses(tmp_path / "run") if (tmp_path / "run/log.csv").exists() else []) < 2:
            assert time.monotonic() < deadline and run.poll() is None
            time.sleep(0.2)
        children = Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()
        os.kill(int(children[-1]), signal.SIGKILL)
        run.communicate(timeout=90)
        assert run.returncode != 0
    finally:
        run.kill()


@pytest.mark.parametrize(
    "extra",
    [
        {"task_weights": "uncertainty"},
        {"task_weights": {"style": 2.0, "artist": 0.5}, "cutmix": 1.0},
        {"contrastive": 0.5, "mixup": 0.0},
        {"loss": {"name": "focal", "logit_adjustment": 1.0}, "balanced_task": "artist"},
        {"optimizer": "sgd", "layer_decay": 0.7, "frozen_layers": 3, "schedule": "exponential"},
    ],
    ids=lambda extra: "+".join(extra),
)
def test_every_ingredient_trains(recipe, tmp_path, extra):  # noqa: F811
    values = recipe | {"output_dir": str(tmp_path), "epochs": 1} | extra
    train_classifier.train(TrainConfig.from_dict(values))
    assert all(value == value for value in losses(tmp_path))
    assert all(torch.isfinite(value).all() for value in load_file(tmp_path / "last/model.safetensors").values())


TWINS = ("system_003_genre", "system_003_style")  # as system_003_artist, for other tasks
SYSTEMS = [
    pytest.param(path, id=path.stem, marks=[pytest.mark.long] if path.stem in TWINS else [])
    for path in sorted((ROOT / "training/configs").glob("system_*.yaml"))
]


@pytest.mark.parametrize("path", SYSTEMS)
def test_every_system_trains_from_its_recipe(recipe, tmp_path, path):  # noqa: F811
    """Its own YAML on eight pictures, with a small trunk in place of its own (RLA in place of RLA)."""
    values = yaml.safe_load(path.read_text())
    rla = values["model"]["backbone"].startswith("rla_")
    small = {"backbone": "rla_mobilenetv2_100" if rla else "mobilenetv2_035", "image_size": 64, "hidden_size": 8}
    values |= {key: recipe[key] for key in ("data", "batch_size", "mixed_precision")}
    values |= {"model": values["model"] | small, "sizes": [[0, 64]], "epochs": 1, "frozen_epochs": 1}
    values |= {"output_dir": str(tmp_path / "run"), "backbone_weights": recipe["backbone_weights"]}
    if rla:
        import timm
        from safetensors.torch import save_file

        values["backbone_weights"] = str(tmp_path / "plain.safetensors")
        save_file(timm.create_model("mobilenetv2_100", num_classes=0).state_dict(), values["backbone_weights"])
    train_classifier.train(TrainConfig.from_dict(values))
    report = json.loads((tmp_path / "run/evaluation/metrics.json").read_text())
    assert set(report["tasks"]) == set(values.get("tasks", ["style", "genre", "artist"]))
    assert (tmp_path / "run/best/README.md").is_file()
