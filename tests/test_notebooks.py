"""The notebooks are whole, small and clean, use public names, and run."""

import ast
import json
import re

import pytest

from tests.conftest import ROOT
from tests.imports import SourceTree
from tests.test_layers import TOPS

FOLDER = ROOT / "notebooks"
NAMES = ("classification", "evaluation", "museum", "similarity")
MAX_BYTES = 2_000_000
MACHINE = re.compile(r"(?<![\w.:/])/(?:home|root|tmp|work|usr|opt|Users)/|[A-Z]:\\\\|Traceback")

nbformat = pytest.importorskip("nbformat")


@pytest.fixture(scope="module")
def tree() -> SourceTree:
    return SourceTree(ROOT, TOPS)


def code(notebook) -> list[str]:
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def test_every_notebook_is_listed_here():
    assert sorted(path.stem for path in FOLDER.glob("*.ipynb")) == list(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_is_kept_with_its_outputs(name, tree):
    path = FOLDER / f"{name}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert path.stat().st_size < MAX_BYTES
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert {output.output_type for output in outputs} <= {"stream", "display_data", "execute_result"}
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 1
    shown = json.dumps([output.get("text") or output["data"].get("text/plain") for output in outputs])
    assert not MACHINE.search(shown)
    for source in code(notebook):
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("artextract_hf"):
                assert {found.name for found in node.names} <= set(tree.public_names(node.module)), node.module


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_runs(name, tmp_path, monkeypatch):
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT), prepend=":")
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    before = [len(cell.outputs) > 0 for cell in cells]
    resources = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=600, kernel_name="python3", resources=resources).execute()
    told = [
        [o for o in cell.outputs if o.get("name") != "stderr"] for cell in notebook.cells if cell.cell_type == "code"
    ]
    assert [len(outputs) > 0 for outputs in told] == before
