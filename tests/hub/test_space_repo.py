"""The Space as it is pushed: pinned, whole, and starting from its own files alone."""

import json
import os
import re
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from huggingface_hub import RepoCard

from artextract_hf.hub.space_repo import pinned_requirements, space_repository

ROOT = Path(__file__).parent.parent.parent
REPO = "somebody/paintings-space"


def test_requirements_are_pinned_and_hold_no_stranger():
    pinned = pinned_requirements()
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][0-9a-z.]*", line) for line in pinned), pinned
    names = {line.partition("==")[0] for line in pinned}
    assert {"torch", "transformers", "gradio", "faiss-cpu"} <= names
    assert not names & {"pytest", "mypy", "accelerate", "artextract-hf", "wandb"}


def test_pushed_with_its_variables_in_one_commit(hub, tmp_path):
    command = [sys.executable, "-m", "artextract_hf.cli", "publish", "space", "spaces_app", REPO, "--json"]
    command += ["--model", "somebody/crnn", "--index", "somebody/collection"]
    environment = os.environ | hub.environment(tmp_path / "home")
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr[-2000:]
    space = hub.repo(REPO, "spaces")
    assert len(space.commits) == 2
    assert space.variables == {"ARTEXTRACT_MODEL": "somebody/crnn", "ARTEXTRACT_INDEX": "somebody/collection"}
    card = RepoCard(space.files["README.md"].decode())
    front = card.data.to_dict()
    assert front["app_file"] == "spaces_app/app.py" and front["app_file"] in space.files
    assert front["models"] == ["somebody/crnn"] and front["datasets"] == ["somebody/collection"]
    assert "artextract_hf/pretrained/crnn-wikiart/model.safetensors" in space.files
    assert not any("__pycache__" in name for name in space.files)
    assert set(json.loads(done.stdout)["files"]) == space.files.keys() - {".gitattributes"}


def test_it_starts_from_its_own_files_without_a_network(tmp_path, stranger):
    space_repository(ROOT / "spaces_app", REPO).write(tmp_path / "space")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHONPATH", "ARTEXTRACT"))}
    environment |= {
        "HF_HUB_OFFLINE": "1",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "GRADIO_SERVER_PORT": str(free_port()),
    }
    process = subprocess.Popen(
        [str(stranger), "spaces_app/app.py"],
        cwd=tmp_path / "space",
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        lines = []
        for line in process.stdout:
            lines.append(line)
            if match := re.search(r"running at (http://\S+)", line):
                with urllib.request.urlopen(match[1], timeout=20) as page:
                    assert b"artextract" in page.read()
                break
        else:
            pytest.fail("".join(lines)[-2000:])
    finally:
        process.kill()
        process.communicate()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_from_elsewhere_it_is_refused(run_cli, tmp_path):
    code, _, err = run_cli("publish", "space", tmp_path, REPO, "--dry-run", "--out", tmp_path / "space")
    assert code == 2 and "not the folder spaces_app of a checkout" in err
