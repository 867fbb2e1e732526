"""Each extra does its job where nothing but the package's own requirements and the extra's are installed."""

import os
import re
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.conftest import ROOT, plain_picture

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PACKAGES = Path(sysconfig.get_paths()["purelib"])
COMMAND = "from artextract_hf.cli import main; import sys; sys.argv[1:] = '{}'.split(); main()"
JOBS = {
    "app": "import spaces_app.app, gradio_client",
    "train": "import training.train_classifier, training.train_byol, training.embed_collection",
    "onnx": COMMAND.format("export onnx --model {model} --out {out}/model.onnx"),
    "openvino": COMMAND.format("classify {picture} --model {model} --backend openvino"),
    "database": "import artextract_hf.retrieval.database.index, lancedb.index; lancedb.connect({out!r})",
    "heif": "import pillow_heif; pillow_heif.register_heif_opener()",
    "lpips": "import lpips; lpips.LPIPS(pretrained=False, pnet_rand=True, verbose=False)",
    "trackers": "import training.train_classifier, tensorboard, wandb; from accelerate import Accelerator; "
    "Accelerator(log_with='tensorboard', project_dir={out!r}).init_trackers('artextract')",
    "": COMMAND.format("classify {picture} --model {model}"),
}


def installed_with(requirements: Sequence[str]) -> set[str]:
    """Names of the distributions that pip installs for requirements."""
    found: set[tuple[str, str]] = set()
    wanted = [(Requirement(text), "") for text in requirements]
    while wanted:
        requirement, extra = wanted.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = re.sub(r"[-_.]+", "-", requirement.name).lower()
        for part in {"", *requirement.extras} - {part for other, part in found if other == name}:
            found.add((name, part))
            wanted += [(Requirement(text), part) for text in metadata.requires(name) or []]
    return {name for name, _ in found}


def test_every_extra_has_a_job():
    assert set(JOBS) - {""} == set(PROJECT["optional-dependencies"]) - {"dev"}


@pytest.mark.long
@pytest.mark.parametrize("extra", JOBS)
def test_it_does_its_job_alone(extra, tiny_classifier, tmp_path):
    libraries = tmp_path / "libraries"
    libraries.mkdir()
    for name in installed_with([*PROJECT["dependencies"], *PROJECT["optional-dependencies"].get(extra, [])]):
        tops = {file.parts[0] for file in metadata.files(name) or [] if file.parts[0] not in ("..", "__pycache__")}
        for top in tops:
            if not (libraries / top).exists():
                (libraries / top).symlink_to(PACKAGES / top)
    plain_picture((200, 40, 40)).save(tmp_path / "picture.png")
    places = {"model": str(tiny_classifier), "out": str(tmp_path), "picture": str(tmp_path / "picture.png")}
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{libraries}", "OMP_NUM_THREADS": "1"}
    command = [
        sys.executable,
        "-S",
        "-c",
        JOBS[extra].format(**places),
    ]  # -S: the environment's own packages are not seen
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
