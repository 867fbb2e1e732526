"""`--push_to_hub` at the end of a training: from the main process only, with card, figures and code."""

import os
import subprocess

from tests.hub.conftest import hub  # noqa: F401  (a fixture)
from tests.training.test_distributed import ROOT, command
from tests.training.test_train_classifier import recipe  # noqa: F401  (a fixture)


def test_two_processes_push_once(recipe, hub, tmp_path):  # noqa: F811
    values = recipe | {"output_dir": str(tmp_path / "run"), "push_to_hub": "somebody/crnn", "epochs": 1}
    environment = os.environ | hub.environment(tmp_path / "home") | {"ACCELERATE_USE_CPU": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command(tmp_path, values, 2), cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert sum(asked.startswith("POST /api/models/somebody/crnn/commit/") for asked in hub.asked) == 1
    files = hub.repo("somebody/crnn").files
    assert {"README.md", "model.safetensors", "modeling_crnn.py", "metrics.json", "log.csv"} <= files.keys()
    assert files["model.safetensors"] == (tmp_path / "run/best/model.safetensors").read_bytes()
    assert b"Attribution is not authentication" in files["README.md"]
