"""The promises of the package as a whole."""

import ast
import doctest
import importlib
import importlib.metadata
import inspect
import json
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from dataclasses import is_dataclass
from pathlib import Path

import pytest

import artextract_hf
from artextract_hf.data import load_wikiart
from artextract_hf.version import __version__
from tests.imports import SourceTree

ROOT = Path(__file__).parent.parent
LAZY = ("data", "embedders", "evaluation", "retrieval", "curation", "linked", "hub")  # `models` is eager
PACKAGES = ("artextract_hf", *(f"artextract_hf.{stage}" for stage in (*LAZY, "models")))
WITH_EXAMPLES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in sorted((ROOT / "artextract_hf").rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8") and path.parent.name != "artextract_hf"
]


@pytest.mark.parametrize("package", PACKAGES)
def test_public_names_can_be_imported_and_say_what_they_are(package):
    module = importlib.import_module(package)
    assert module.__doc__ and len(module.__all__) == len(set(module.__all__)) > 3
    for name in module.__all__:
        value = getattr(module, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert value.__name__ == name and value.__module__.startswith("artextract_hf.")
            written = value.__doc__ and not (is_dataclass(value) and value.__doc__.startswith(f"{name}("))
            assert written, f"{package}.{name} has no docstring"
        else:
            assert name.isupper()  # a constant


def test_the_module_of_each_public_name_exists():
    tree = SourceTree(ROOT, ("artextract_hf",))
    assert set(tree.lazy_names) == set(PACKAGES) - {"artextract_hf.models"}
    homes = {home for names in tree.lazy_names.values() for home in names.values()}
    assert homes <= set(tree.files)


@pytest.mark.parametrize("package", ["artextract_hf", "artextract_hf.cli", *(f"artextract_hf.{s}" for s in LAZY)])
def test_import_is_light(package):
    heavy = "{'torch', 'transformers', 'datasets', 'numpy', 'PIL'}"
    code = f"import sys, {package}; dir({package}); print(*{heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_what_is_published_is_read_without_the_networks():
    code = "import sys, artextract_hf.hub.release; print(*{'torch', 'timm', 'transformers'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_the_example_of_the_package_runs(tmp_path, monkeypatch):
    from artextract_hf.data.synthetic.spec import PaintingSpec, paint

    (tmp_path / "my_paintings").mkdir()
    for name, motif in (("meadow", "landscape"), ("vase", "still_life"), ("aunt", "portrait")):
        paint(PaintingSpec("impasto", "sunlit", motif, seed=1)).save(tmp_path / f"my_paintings/{name}.png")
    monkeypatch.chdir(tmp_path)
    done = doctest.testmod(artextract_hf)
    assert done.failed == 0 and done.attempted > 6


@pytest.mark.parametrize("module", WITH_EXAMPLES)
def test_examples_in_docstrings_run(module):
    done = doctest.testmod(importlib.import_module(module))
    assert done.failed == 0 and done.attempted


def test_there_are_examples():
    assert {"artextract_hf.data.labels", "artextract_hf.data.rights"} <= set(WITH_EXAMPLES)


def test_no_pickle_in_the_code():
    words = ("import pickle", "joblib", "torch.save(", "torch.load(", "allow_pickle=True")
    for folder in ("artextract_hf", "training", "spaces_app"):
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            assert not any(word in text for word in words), path


def test_what_is_imported_is_declared():
    """Whoever installs the package with an extra has what its code imports; nothing comes by chance with another."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    needed = project["dependencies"] + [text for extra, texts in extras.items() if extra != "dev" for text in texts]
    declared = {normalized(re.match(r"[\w.-]+", text)[0]) for text in needed}
    known = importlib.metadata.packages_distributions()
    tops = ("artextract_hf", "spaces_app", "training")
    files = [path for top in tops for path in (ROOT / top).rglob("*.py")]
    names = {name for path in files for node in ast.walk(ast.parse(path.read_text())) for name in imported(node)}
    others = names - set(tops) - set(sys.stdlib_module_names)
    assert {"torch", "yaml", "httpx2", "gradio"} <= others
    missing = {name for name in others if not {normalized(d) for d in known.get(name, ())} & declared}
    assert missing <= {"gradio_client"}  # a version of gradio needs just one of its client


def imported(node: ast.AST) -> list[str]:
    """The top packages that an import names."""
    if isinstance(node, ast.Import):
        return [alias.name.partition(".")[0] for alias in node.names]
    return [node.module.partition(".")[0]] if isinstance(node, ast.ImportFrom) and node.module else []


def normalized(distribution: str) -> str:
    """A name as the package registry compares it."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Runs a program of an environment that has the wheel, and else only what this package needs, in any folder.

    The libraries are those of the environment that runs the tests. Its `.pth` files are not read from there, so that
    an editable installation of this package is not found.
    """
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder / "env", with_pip=False)
    python = folder / "env/bin/python"
    install = ["-m", "pip", "--python", str(python), "install", "--no-deps", "--no-index", "--quiet", str(wheel)]
    subprocess.run([sys.executable, *install], check=True)
    packages = next(folder.glob("env/lib/python*/site-packages"))
    (packages / "libraries.pth").write_text(sysconfig.get_paths()["purelib"])
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    environment |= {"XDG_CACHE_HOME": str(folder / "cache"), "OMP_NUM_THREADS": "1"}

    def run(program: str, *arguments: object) -> str:
        command = [str(folder / "env/bin" / program), *map(str, arguments)]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    run.folder = folder
    run.package = packages / "artextract_hf"
    return run


@pytest.mark.long
def test_a_wheel_holds_one_package_and_what_that_reads(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {name.partition("/")[0] for name in names} == {"artextract_hf", f"artextract_hf-{__version__}.dist-info"}
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]
    for folder in ("training", "spaces_app", "model_cards"):
        files = [path.relative_to(ROOT) for path in (ROOT / folder).rglob("*.*") if "__pycache__" not in path.parts]
        assert len(files) > 4 and {f"artextract_hf/bundled/{file.as_posix()}" for file in files} <= names
    stubs = {f"{package.replace('.', '/')}/__init__.pyi" for package in PACKAGES} - {
        "artextract_hf/models/__init__.pyi"
    }
    pretrained = {f"artextract_hf/pretrained/{n}/model.safetensors" for n in ("crnn-wikiart", "byol-paintings")}
    assert {"artextract_hf/py.typed", *stubs, *pretrained} <= names


@pytest.mark.long
def test_an_installed_wheel_shows_the_page_and_publishes(installed):
    assert installed("python", "-c", "import artextract_hf; print(artextract_hf.__file__)").startswith(
        str(installed.package)
    )
    answers = json.loads(installed("artextract", "demo", "--check", "--json"))
    assert set(answers["classification"]) == {"style", "genre", "artist"} and len(answers["neighbours"]) == 5
    index = next(installed.folder.glob("cache/artextract-hf/demo-*"))
    installed("artextract", "publish", "index", index, "somebody/index", "--dry-run", "--out", "index")
    assert "somebody/index" in (installed.folder / "index/README.md").read_text(encoding="utf-8")
    installed("artextract", "publish", "space", "default", "somebody/space", "--dry-run", "--out", "space")
    assert (installed.folder / "space/spaces_app/app.py").is_file()
    assert not list(installed.folder.glob("space/**/bundled")) and not list(installed.folder.glob("space/**/*.pyc"))
    # The Space finds its templates too: it is a checkout of a kind.
    card = "from artextract_hf.hub import space_card; print(space_card('app.py'))"
    assert "sdk: gradio" in installed("python", "-c", f"import sys; sys.path.insert(0, 'space'); {card}")


@pytest.mark.long
@pytest.mark.parametrize(
    ("kind", "recipe", "values"),
    [
        ("classifier", "plain", {"checkpoint_every": 1}),
        ("byol", "byol_small_batch", {"warmup_epochs": 0, "model.projection_size": 8}),
    ],
)
def test_an_installed_wheel_trains(installed, tiny_wikiart, kind, recipe, values):
    import timm
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(0)
    save_file(timm.create_model("mobilenetv2_035", num_classes=0).state_dict(), installed.folder / "b.safetensors")
    load_wikiart(tiny_wikiart, artists="names").save_to_disk(installed.folder / "data")
    values |= {
        "data": "data",
        "output_dir": f"runs/{kind}",
        "pretrained" if kind == "byol" else "frozen_baseline": "false",
        "backbone_weights": "b.safetensors",
        "model.backbone": "mobilenetv2_035",
        "model.image_size": 64,
        "epochs": 1,
        "sizes": "[[0, 64]]",
        "batch_size": 2,
    }
    arguments = [text for key, value in values.items() for text in (f"--{key}", value)]
    installed("artextract", "train", kind, "--config", recipe, *arguments)
    assert list((installed.folder / f"runs/{kind}").rglob("model.safetensors"))
