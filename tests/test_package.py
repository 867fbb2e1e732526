"""The promises of the package as a whole."""

import ast
import doctest
import importlib
import subprocess
import sys
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


def test_no_pickle_in_the_code():
    words = ("import pickle", "joblib", "torch.save(", "torch.load(", "allow_pickle=True")
    for folder in ("artextract_hf", "training", "spaces_app"):
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            assert not any(word in text for word in words), path
