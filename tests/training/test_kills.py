"""Trainings by two processes that are killed at random moments end with the weights of one that was not."""

import csv
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.hub.loopback_hub import LoopbackHub
from tests.training import test_train_byol, test_train_classifier
from tests.training.test_distributed import ENVIRONMENT, ROOT, command

pytestmark = pytest.mark.long
recipe, byol_recipe = test_train_classifier.recipe, test_train_byol.recipe  # fixtures
SETTINGS = {  # long enough that a kill finds it at work
    "train_classifier.py": {"epochs": 6} | test_train_classifier.SCORED,
    "train_byol.py": {"epochs": 6, "base_lr": 1e-3, "gallery_split": "", "query_split": ""},
}
KILLS = 4


def start(script: str, folder: Path, values: dict, environment: dict[str, str]) -> subprocess.Popen:
    """A training by two processes, begun by the process that is returned."""
    words = command(folder, values, 2)
    words[words.index("training/train_classifier.py")] = f"training/{script}"
    return subprocess.Popen(words, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def kill_when(run: subprocess.Popen, reached: Callable[[], bool]) -> bool:
    """Kill all processes of a training as soon as it has reached a point; false where it ended before."""
    deadline = time.monotonic() + 300
    while run.poll() is None and not reached():
        assert time.monotonic() < deadline
        time.sleep(0.005)
    if run.poll() is not None:
        return False
    children = Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()
    for process in (run.pid, *map(int, children)):
        os.kill(process, signal.SIGKILL)
    run.wait()
    return True


@pytest.mark.parametrize("script", SETTINGS)
def test_killed_at_random_it_ends_with_the_weights_of_a_whole_run(script, request, tmp_path):
    fixture = {"train_classifier.py": "recipe", "train_byol.py": "byol_recipe"}[script]
    values = request.getfixturevalue(fixture) | SETTINGS[script]
    assert start(script, tmp_path, values | {"output_dir": str(tmp_path / "whole")}, ENVIRONMENT).wait() == 0
    log, draw = tmp_path / "killed/log.csv", np.random.default_rng(0)
    killed = values | {"output_dir": str(tmp_path / "killed")}
    kills = 0
    for _ in range(KILLS):
        run = start(script, tmp_path, killed, ENVIRONMENT)
        rows = log.read_text().count("\n") if log.exists() else 0
        moment: list[float] = []

        def reached(rows: int = rows, moment: list[float] = moment) -> bool:
            """A random while, up to that of two epochs, after the first new row of the log."""
            if not moment and log.exists() and log.read_text().count("\n") > rows:
                moment.append(time.monotonic() + draw.uniform(0, 0.3))
            return bool(moment) and time.monotonic() > moment[0]

        kills += kill_when(run, reached)
    assert kills >= 2  # it was at work
    assert start(script, tmp_path, killed, ENVIRONMENT).wait() == 0
    killed_weights, whole_weights = (tmp_path / name / "last/model.safetensors" for name in ("killed", "whole"))
    assert killed_weights.read_bytes() == whole_weights.read_bytes()
    logs = [(tmp_path / name / "log.csv").read_text().splitlines() for name in ("killed", "whole")]
    steps = [[row["step"] for row in csv.DictReader(log)] for log in logs]
    assert steps[0] == steps[1]  # each epoch once


def test_killed_while_it_pushes_it_pushes_the_same_afterwards(recipe, tmp_path):
    hub = LoopbackHub().start()
    values = recipe | test_train_classifier.SCORED | {"epochs": 1, "push_to_hub": "somebody/crnn"}
    values |= {"output_dir": str(tmp_path / "run")}
    environment = ENVIRONMENT | hub.environment(tmp_path / "home")
    run = start("train_classifier.py", tmp_path, values, environment)
    assert kill_when(run, lambda: any("preupload" in asked for asked in hub.asked))
    weights = (tmp_path / "run/best/model.safetensors").read_bytes()
    assert start("train_classifier.py", tmp_path, values, environment).wait() == 0
    hub.stop()
    repo = hub.repo("somebody/crnn")
    assert 2 <= len(repo.commits) <= 3  # the empty one, and once or twice the same
    assert repo.files["model.safetensors"] == weights == (tmp_path / "run/best/model.safetensors").read_bytes()
