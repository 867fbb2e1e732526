"""The promises of the package as a whole."""

import ast
import doctest
import importlib
import os
import shutil
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import pytest

import artextract_hf

ROOT = Path(__file__).parent.parent
FLOW = ["errors", "data", "models", "evaluation", "retrieval", "curation", "hub", "cli"]


@pytest.mark.parametrize("name", artextract_hf.__all__)
def test_public_names_can_be_imported(name):
    assert getattr(artextract_hf, name).__name__ == name


def test_import_is_light():
    code = "import sys, artextract_hf; sys.exit(any(m in sys.modules for m in ('torch', 'transformers', 'datasets')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_folder_imports_only_from_folders_before_it():
    for path in (ROOT / "artextract_hf").rglob("*.py"):
        stage = path.relative_to(ROOT / "artextract_hf").parts[0].removesuffix(".py")
        if stage == "__init__":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("artextract_hf."):
                other = node.module.split(".")[1]
                forward = (stage, node.module) == ("retrieval", "artextract_hf.hub.index_repo")  # push_to_hub
                assert FLOW.index(other) <= FLOW.index(stage) or forward, f"{path} imports {node.module}"
            elif isinstance(node, ast.ImportFrom):
                assert (node.module or "").split(".")[0] != "training", f"{path} imports {node.module}"


@pytest.mark.parametrize("module", ["labels", "wikiart", "wikiart_lists", "collection", "rights", "iiif"])
def test_examples_in_docstrings_run(module):
    assert doctest.testmod(importlib.import_module(f"artextract_hf.data.{module}")).failed == 0


@pytest.mark.long
def test_a_wheel_holds_what_is_read_at_run_time(tmp_path):
    """Templates of cards, models and the Space's files; they are read from the wheel as it lies in another folder."""
    source = tmp_path / "source"  # building leaves files behind
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(".*", "build", "runs", "tests"))
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(tmp_path),
        str(source),
    ]
    subprocess.run(build, check=True, capture_output=True)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        wheel.extractall(tmp_path / "site")
    code = """
    from artextract_hf import AutoEmbedder, load_classifier
    from artextract_hf.hub.card import TEMPLATES
    load_classifier("default"), AutoEmbedder.from_pretrained("artextract/byol-paintings")
    print(*sorted(path.name for path in TEMPLATES.glob("*.md")), TEMPLATES)
    """
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    command = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    *names, folder = done.stdout.split()
    assert names == sorted(path.name for path in (ROOT / "model_cards").glob("*.md")) and len(names) > 4
    assert Path(folder).is_relative_to(tmp_path)


def test_no_pickle_in_the_code():
    words = ("import pickle", "joblib", "torch.save(", "torch.load(", "allow_pickle=True")
    for folder in ("artextract_hf", "training", "spaces_app"):
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            assert not any(word in text for word in words), path
