"""The Space as it is pushed: pinned, whole, and able to start from nothing but its own files."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import textwrap
import urllib.request
from pathlib import Path

import pytest
from huggingface_hub import RepoCard

from artextract_hf.digests import file_digest
from artextract_hf.errors import ArtExtractError
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
    command += ["--model", "somebody/crnn", "--index", "somebody/collection", "--embedder", "somebody/byol"]
    environment = os.environ | hub.environment(tmp_path / "home")
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr[-2000:]
    space = hub.repo(REPO, "spaces")
    assert len(space.commits) == 2
    parts = {"MODEL": "somebody/crnn", "INDEX": "somebody/collection", "EMBEDDER": "somebody/byol"}
    assert space.variables == {f"ARTEXTRACT_{part}": repo for part, repo in parts.items()}
    card = RepoCard(space.files["README.md"].decode())
    front = card.data.to_dict()
    assert front["app_file"] == "spaces_app/app.py" and front["app_file"] in space.files
    assert front["models"] == ["somebody/crnn", "somebody/byol"] and front["datasets"] == ["somebody/collection"]
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


@pytest.fixture
def installed(tmp_path) -> Path:
    """A folder with the package as a wheel installs it: without a checkout, the folders beside it under `bundled`."""
    package = tmp_path / "site/artextract_hf"
    (package / "bundled").mkdir(parents=True)
    for path in (ROOT / "artextract_hf").iterdir():
        (package / path.name).symlink_to(path)
    for name in ("spaces_app", "model_cards", "training"):
        (package / "bundled" / name).symlink_to(ROOT / name)
    return package.parent


def test_from_an_installed_package_it_is_the_same(installed, tmp_path):
    space_repository(ROOT / "spaces_app", REPO, model="a/b").write(tmp_path / "checkout")
    code = """
    import artextract_hf
    from artextract_hf.hub.space_repo import space_repository
    assert artextract_hf.__file__.startswith("{site}")
    space_repository("", "{repo}", model="a/b").write(Path("{folder}"))
    space_repository("{site}/artextract_hf/bundled/spaces_app", "{repo}", model="a/b").write(Path("{folder}-too"))
    """
    code = "from pathlib import Path\n" + textwrap.dedent(code)
    code = code.format(site=installed, repo=REPO, folder=tmp_path / "installed")
    environment = os.environ | {"PYTHONPATH": str(installed)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=180
    )
    assert done.returncode == 0, done.stderr[-2000:]
    expected = contents(tmp_path / "checkout")
    assert contents(tmp_path / "installed") == contents(tmp_path / "installed-too") == expected
    assert "spaces_app/app.py" in expected and not any("bundled" in name for name in expected)


def contents(folder: Path) -> dict[str, str]:
    """Digests of all files below a folder by their names there."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): file_digest(path) for path in files}


def test_a_page_that_is_named_by_a_link_is_the_page_behind_it(tmp_path):
    (tmp_path / "spaces_app").symlink_to(ROOT / "spaces_app")
    report = space_repository(tmp_path / "spaces_app", REPO).write(tmp_path / "space")
    assert "spaces_app/app.py" in report["files"] and not (tmp_path / "space/spaces_app").is_symlink()


def test_a_dry_run_names_the_variables(tmp_path):
    report = space_repository("", REPO, model="a/b").write(tmp_path / "space")
    assert report["variables"] == {"ARTEXTRACT_MODEL": "a/b"} and "README.md" in report["files"]


def test_where_versions_are_not_known_nothing_is_pinned(monkeypatch):
    monkeypatch.setattr("artextract_hf.hub.space_repo.DISTRIBUTION", "artextract-of-nobody")
    with pytest.raises(ArtExtractError, match=r"artextract-of-nobody is not installed.*pip install"):
        pinned_requirements()


def test_from_elsewhere_it_is_refused(run_cli, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    code, _, err = run_cli("publish", "space", tmp_path / "elsewhere", REPO, "--dry-run", "--out", tmp_path / "space")
    assert code == 2 and "not the folder spaces_app of a checkout" in err


@pytest.mark.parametrize("name", ["spaces_app/key", "model_cards"])
def test_links_out_of_a_checkout_are_not_published(tmp_path, name):
    for part in ("spaces_app", "artextract_hf", "model_cards"):
        (tmp_path / "checkout" / part).mkdir(parents=True)
    (tmp_path / "checkout/spaces_app/app.py").write_text("")
    (tmp_path / "home").mkdir()
    link = tmp_path / "checkout" / name
    shutil.rmtree(link, ignore_errors=True)
    link.symlink_to(tmp_path / "home")
    with pytest.raises(ArtExtractError, match=f"{name} is a link out of"):
        space_repository(tmp_path / "checkout/spaces_app", REPO).write(tmp_path / "space")


@pytest.mark.parametrize("name", ["a\0b", "a/b\nsdk: static", "\udcff", "a/b/c", "-a", "../a"])
def test_names_that_no_repository_can_have_stand_in_no_card(name):
    with pytest.raises(ArtExtractError, match="is no name of a repository"):
        space_repository("", REPO, model=name)
    with pytest.raises(ArtExtractError, match="is no name of a repository"):
        space_repository("", name)
