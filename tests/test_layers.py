"""The plan of the repository: who may import whom, and how large a file and a folder may be."""

import textwrap
from pathlib import Path

import pytest

from tests.imports import Import, SourceTree, circles

ROOT = Path(__file__).parent.parent
TOPS = ("artextract_hf", "training", "spaces_app", "benchmarks", "tests")
GROUND = (
    "errors", "version", "digests", "documents", "embedded", "escapes", "extras", "folders", "outputs", "remote",
    "weights",
)  # fmt: skip
STAGES = ("data", "models", "embedders", "evaluation", "retrieval", "curation", "linked", "hub")
USERS = ("artextract_hf.cli", "spaces_app", "training")  # they import public names only
LAYERS = (  # a part imports from itself and from the layers before its own
    ("ground",),
    *((stage,) for stage in STAGES),
    ("artextract_hf",),
    ("spaces_app", "training"),
    ("cli",),
    ("benchmarks and tests",),
)
PUSH_TO_HUB = ("artextract_hf.retrieval.publication", "artextract_hf.hub.index_repo")  # an index publishes itself
EXTRAS = "artextract_hf.extras,"  # where `require` itself imports
MOST_LINES, MOST_FILES = 400, 16


def part_of(module: str) -> str:
    """The part of the repository that a module belongs to, as LAYERS names it."""
    top, _, rest = module.partition(".")
    if top in ("benchmarks", "tests"):
        return "benchmarks and tests"
    part = rest.partition(".")[0] if top == "artextract_hf" and rest else top
    return "ground" if part in GROUND else part


def forward_imports(tree: SourceTree) -> list[Import]:
    """Imports of a later layer, or of a neighbour in the same one."""
    layer = {part: number for number, parts in enumerate(LAYERS) for part in parts}

    def is_forward(importer: str, imported: str) -> bool:
        own, other = part_of(importer), part_of(imported)
        return own != other and layer[own] <= layer[other] and (importer, imported) != PUSH_TO_HUB

    imports = [*tree.imports, *tree.offers]
    return [i for i in imports if any(is_forward(i.importer, module) for module in {i.written, i.target})]


def import_circles(tree: SourceTree) -> list[list[str]]:
    """Files that import each other."""
    return circles({(i.importer, i.target) for i in tree.imports})


def deep_imports(tree: SourceTree) -> list[Import]:
    """Imports of what the package does not offer, by those who are to use its public names."""

    def is_deep(found: Import) -> bool:
        package, _, rest = found.written.partition(".")
        own = found.written.startswith("artextract_hf.cli") and found.importer.startswith("artextract_hf.cli")
        if package != "artextract_hf" or own:
            return False
        names = tree.public_names(found.written)
        whole = found.name in ("", "*")  # the package itself, which gives nothing but its public names
        return "." in rest or not (whole or names is None or found.name in {*names, "__version__"})

    return [i for i in tree.imports if i.importer.startswith(USERS) and is_deep(i)]


def unreadable_imports(tree: SourceTree) -> list[str]:
    """Imports in the package whose module is computed, so that no rule can judge them."""
    return [place for place in tree.unreadable if place.startswith("artextract_hf.") and not place.startswith(EXTRAS)]


def long_files(tree: SourceTree) -> list[str]:
    """Files with more than MOST_LINES lines."""
    lines = {module: len(path.read_text(encoding="utf-8").splitlines()) for module, path in tree.files.items()}
    return [f"{module}: {count} lines" for module, count in lines.items() if count > MOST_LINES]


def full_folders(tree: SourceTree) -> list[str]:
    """Folders with more than MOST_FILES files of code, those of their subfolders not counted."""
    folders = [path.parent for path in tree.files.values()]
    return [f"{f.relative_to(tree.folder)}: {n} files" for f in set(folders) if (n := folders.count(f)) > MOST_FILES]


ALL_RULES = (forward_imports, import_circles, deep_imports, unreadable_imports, long_files, full_folders)
RULES = {rule.__name__: rule for rule in ALL_RULES}


@pytest.fixture(scope="module")
def repository() -> SourceTree:
    return SourceTree(ROOT, TOPS)


@pytest.mark.parametrize("rule", RULES)
def test_the_repository_keeps_the_rule(repository, rule):
    violations = [str(violation) for violation in RULES[rule](repository)]
    assert not violations, "\n".join(violations)


def test_the_exception_is_needed(repository):
    assert PUSH_TO_HUB in {(i.importer, i.target) for i in repository.imports}


def test_what_is_read_is_the_repository(repository):
    """The rules hold for what is read: every part, and imports that the files are known to have."""
    assert {part_of(module) for module in repository.files} == {part for layer in LAYERS for part in layer}
    edges = {(i.importer, i.target) for i in repository.imports}
    assert ("artextract_hf.retrieval.explain.explanation", "artextract_hf.embedders.protocol") in edges
    assert ("spaces_app.app", "artextract_hf.embedders.auto") in edges  # by way of the root


@pytest.fixture
def planted(tmp_path):
    """A small package of the same plan, into which a test plants a file: `planted("data/labels.py", "import os")`."""
    files = {
        "__init__.py": "",
        "__init__.pyi": "from .retrieval.index import PaintingIndex as PaintingIndex",
        "errors.py": "",
        "data/__init__.py": "",
        "data/__init__.pyi": "from .schema import SkipList as SkipList",
        "data/schema.py": "from artextract_hf.errors import DataError",
        "retrieval/__init__.py": "",
        "retrieval/__init__.pyi": "from .index import PaintingIndex as PaintingIndex",
        "retrieval/index.py": "from artextract_hf.data.schema import SkipList",
        "hub/__init__.py": "",
        "hub/push.py": "from artextract_hf.retrieval.index import PaintingIndex",
        "cli/__init__.py": "from artextract_hf import PaintingIndex\nfrom artextract_hf.data import SkipList",
        "../training/__init__.py": "",
        "../training/loop.py": "from artextract_hf.data import SkipList",
    }

    def plant(name: str, code: str) -> SourceTree:
        for path, text in (files | {name: textwrap.dedent(code)}).items():
            (tmp_path / "artextract_hf" / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "artextract_hf" / path).write_text(text)
        return SourceTree(tmp_path, TOPS)

    return plant


def test_a_package_without_a_violation_passes(planted):
    tree = planted("data/labels.py", "import os\nfrom . import schema\nfrom .schema import SkipList")
    assert {rule: check(tree) for rule, check in RULES.items()} == dict.fromkeys(RULES, [])


@pytest.mark.parametrize(
    "code",
    [
        "import artextract_hf.hub.push",
        "import artextract_hf.hub.push as p",
        "import os, artextract_hf.hub.push",
        "from artextract_hf.hub import push",
        "from artextract_hf.hub.push import push_folder",
        "from artextract_hf.retrieval import PaintingIndex",
        "from artextract_hf.retrieval import *",
        "from ..hub import push",
        "from ..hub.push import push_folder as p",
        "from .. import hub",
        "def late():\n    from artextract_hf.hub import push",
        "class A:\n    def late(self):\n        import artextract_hf.hub",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from artextract_hf.hub.push import A",
        "try:\n    import artextract_hf.hub\nexcept ImportError:\n    pass",
        "import importlib\nimportlib.import_module('artextract_hf.hub.push')",
        "from importlib import import_module as find\nfind('artextract_hf.hub.push')",
        "import importlib\nfind = importlib.import_module\nfind('artextract_hf.hub')",
        "import importlib\nimportlib.import_module('..hub.push', package=__package__)",
        "import importlib\nimportlib.import_module(name='artextract_hf.hub.push')",
        "import pkgutil\npkgutil.resolve_name('artextract_hf.hub.push:push_folder')",
        "__import__('artextract_hf.hub.push')",
        "import lazy_loader\nlazy_loader.load('artextract_hf.hub')",
        "from artextract_hf.extras import require\nrequire('artextract_hf.hub', extra='app')",
        "import artextract_hf",
        "import artextract_hf as root",
        "from artextract_hf import PaintingIndex",
        "from artextract_hf import __version__",
        "from .. import PaintingIndex",
        "import training.loop",
        "from training import loop",
        "import spaces_app",
        "from benchmarks import tables",
        "from tests.conftest import shared",
    ],
)
def test_an_import_of_a_later_layer_is_found(planted, code):
    found = forward_imports(planted("data/labels.py", code))
    assert found and {i.importer for i in found} == {"artextract_hf.data.labels"}


def test_a_later_layer_in_a_stub_is_found(planted):
    """A lazy package imports what its stub names."""
    tree = planted("data/__init__.pyi", "from ..hub.push import push_folder as push_folder")
    assert [i.importer for i in forward_imports(tree)] == ["artextract_hf.data"]


@pytest.mark.parametrize(
    "code",
    [
        "import importlib\nNAME = 'artextract_hf.hub'\nimportlib.import_module(NAME)",
        "from importlib import import_module as find\nfind(f'artextract_hf.{1}')",
        "__import__(name='artextract_hf.' + 'hub')",
    ],
)
def test_an_import_that_cannot_be_read_is_found(planted, code):
    assert len(unreadable_imports(planted("data/labels.py", code))) == 1


def test_neighbours_do_not_import_each_other(planted):
    assert forward_imports(planted("../spaces_app/app.py", "from training.loop import mix"))


def test_the_exception_is_for_one_file_only(planted):
    import_ = "def push():\n    from artextract_hf.hub.index_repo import publish_index"
    tree = planted("hub/index_repo.py", "")
    assert not forward_imports(tree)
    assert not forward_imports(planted("retrieval/publication.py", import_))
    assert len(forward_imports(planted("retrieval/index.py", import_))) == 1


@pytest.mark.parametrize(
    ("name", "code", "circle"),
    [
        ("data/labels.py", "from artextract_hf.data import labels", ["labels"]),
        ("errors.py", "def late():\n    from artextract_hf.data.schema import SkipList", ["data.schema", "errors"]),
        ("errors.py", "from artextract_hf.data import SkipList", ["data.schema", "errors"]),
        ("errors.py", "from artextract_hf.data import *", ["data.schema", "errors"]),
        ("errors.py", "import artextract_hf.data", ["data.schema", "errors"]),
        ("data/schema.py", "from artextract_hf import PaintingIndex", ["data.schema", "retrieval.index"]),
        ("data/schema.py", "import_module('artextract_hf.hub.push')", ["data.schema", "hub.push", "retrieval.index"]),
    ],
)
def test_a_circle_is_found(planted, name, code, circle):
    circle = [module if "." in module or module == "errors" else f"data.{module}" for module in circle]
    assert import_circles(planted(name, code)) == [[f"artextract_hf.{module}" for module in circle]]


@pytest.mark.parametrize(
    "code",
    [
        "from artextract_hf.data.schema import SkipList",
        "from artextract_hf.data import schema",
        "import artextract_hf.data.schema",
        "def late():\n    from artextract_hf.data import schema as s",
        "from artextract_hf.data import make_schema",  # neither a module nor a public name
        "import importlib\nimportlib.import_module('artextract_hf.retrieval.index')",
    ],
)
@pytest.mark.parametrize("name", ["cli/audit.py", "../training/loop.py", "../spaces_app/app.py"])
def test_an_import_deeper_than_the_public_names_is_found(planted, name, code):
    assert deep_imports(planted(name, code))


def test_public_names_of_an_eager_package_are_those_of_all(planted):
    code = "from artextract_hf.models import {}"
    models = planted("models/__init__.py", '__all__ = ["load_classifier"]\nfrom os import path')
    assert not deep_imports(models)
    assert not deep_imports(planted("../training/loop.py", code.format("load_classifier")))
    assert deep_imports(planted("../training/loop.py", code.format("path")))


def test_a_long_file_and_a_full_folder_are_found(planted):
    assert long_files(planted("data/labels.py", "\n" * MOST_LINES)) == []
    assert long_files(planted("data/labels.py", "\n" * (MOST_LINES + 1))) == ["artextract_hf.data.labels: 401 lines"]
    for number in range(MOST_FILES - 3):  # beside __init__, schema and labels
        tree = planted(f"data/{number}.py", "")
    assert full_folders(tree) == []
    assert full_folders(planted("data/more.py", "")) == ["artextract_hf/data: 17 files"]
