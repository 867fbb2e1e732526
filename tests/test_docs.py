"""What README.md and docs/ tell people to do works as it is written, in its order."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

from tests.conftest import ROOT, plain_picture
from tests.data.sources.museums.museum_server import MuseumServer, Painting

README = ROOT / "README.md"
PAGES = [
    ROOT / "docs" / f"{name}.md"
    for name in (
        "bring-paintings-in",
        "search",
        "train",
        "your-own-labels",
        "audit",
        "publish",
        "extend",
        "speed",
        "code",
        "results",
        "reliability",
    )
]
TEXTS = [README, ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *PAGES]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?://)([^)#]+)")
COMMAND = re.compile(r"^artextract .*|`(artextract [^`]+)`", re.MULTILINE)


def blocks(page: Path, language: str) -> list[str]:
    """The code blocks of a language, in their order."""
    return [code for kind, code in BLOCK.findall(page.read_text(encoding="utf-8")) if kind == language]


def commands(page: Path) -> list[list[str]]:
    """Every call of the command in a text, in a block or in a sentence, as words."""
    found = (match[1] or match[0] for match in COMMAND.finditer(page.read_text(encoding="utf-8")))
    return [words[1:] for words in map(shlex.split, found) if len(words) > 1 and "|" not in words[-1]]


def test_the_readme_is_read_in_five_minutes():
    assert len(README.read_text(encoding="utf-8").split()) <= 800


def test_every_page_of_the_docs_is_listed_here():
    assert set(PAGES) == set((ROOT / "docs").glob("*.md"))


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: page.stem)
def test_links_lead_somewhere(page):
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: page.stem)
def test_paths_in_the_text_exist(page):
    folders = "artextract_hf|training|benchmarks|spaces_app|model_cards|tests|docs"
    for path in re.findall(rf"`((?:{folders})/[\w/.-]+)`", page.read_text(encoding="utf-8")):
        assert (ROOT / path).exists(), path


def test_tests_that_hold_a_promise_exist():
    text = (ROOT / "docs/reliability.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", text)
    assert len(named) > 20
    for path, name in named:
        assert f"def {name}" in (ROOT / path).read_text(encoding="utf-8"), f"{path}::{name}"


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: page.stem)
def test_commands_and_their_options_exist(page):
    from artextract_hf.cli import app

    for words in commands(page):
        command = typer.main.get_command(app)
        rest = words
        while hasattr(command, "commands") and rest and not rest[0].startswith("-"):
            name, *rest = rest
            assert name in command.commands, f"{page.name}: artextract {' '.join(words)}"
            command = command.commands[name]
        known = {"--help", *(option for parameter in command.params for option in parameter.opts)}
        if not command.context_settings.get("ignore_unknown_options"):
            options = [word for word in rest if re.fullmatch(r"--?[a-z][a-z-]*", word)]
            assert set(options) <= known, f"{page.name}: artextract {' '.join(words)}"


@pytest.mark.filterwarnings("ignore:'pin_memory' argument")  # of Trainer, where there is no GPU
@pytest.mark.parametrize(
    "page", [README, ROOT / "docs" / "train.md", ROOT / "docs" / "extend.md"], ids=lambda page: page.stem
)
def test_python_blocks_run(page, tmp_path, monkeypatch, capsys, evaluate_caches):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    for code in blocks(page, "python"):
        exec(compile(code, str(page), "exec"), {})
    assert capsys.readouterr().out.strip()


@pytest.fixture(scope="module")
def desk(tmp_path_factory, tiny_wikiart) -> Path:
    """A folder like a checkout, with a museum, a WikiArt, and the file of weights that the pages speak of."""
    import timm
    from safetensors.torch import save_file

    folder = tmp_path_factory.mktemp("desk")
    for name in ("artextract_hf", "model_cards", "training", "spaces_app", "docs"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "wikiart_release").symlink_to(tiny_wikiart)
    colors = {"landscape": (60, 160, 60), "portrait": (170, 120, 90)}
    rows = ["file_name,titel,artist,date,rights,school"]
    for number in range(60):  # `audit dates` needs 50
        genre = list(colors)[number % 2]
        path = folder / "museum" / "images" / genre / f"{101 + number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        plain_picture(colors[genre], (320, 260), seed=number).save(path)
        school = ("north", "south")[number % 2]
        rows.append(f"images/{genre}/{path.name},Number {number},Ann Example,{1850 + number},CC0,{school}")
    (folder / "museum" / "metadata.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (folder / "museum" / "images" / "101.jpg").write_bytes((folder / "museum/images/landscape/101.jpg").read_bytes())
    network = timm.create_model("mobilenetv2_100", pretrained=False)
    save_file(network.state_dict(), folder / "mobilenetv2.safetensors")
    (folder / "data").mkdir()
    return folder


@pytest.fixture
def met():
    """A museum in place of the one that the docs ask."""
    server = MuseumServer().start()
    server.paintings = [Painting(number) for number in range(1, 4)]
    yield server
    server.stop()


@pytest.mark.long
def test_shell_blocks_run(desk, met):
    """Those of the README after its Python, then those of each page of the docs."""
    scripts = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{scripts}:{os.environ['PATH']}", "HF_HUB_OFFLINE": "1"}
    environment |= {"ARTEXTRACT_MET_URL": f"{met.url}/met", "ARTEXTRACT_ALLOW_PRIVATE_HOSTS": "1"}
    python = shlex.quote(sys.executable)
    for page in (README, *PAGES):
        lines = [f"{python} - <<'END'\n{code}END" for code in blocks(page, "python") if page == README]
        lines += [line for code in blocks(page, "sh") for line in code.splitlines()]
        for line in lines:
            done = subprocess.run(["bash", "-c", line], cwd=desk, env=environment, capture_output=True, text=True)
            assert done.returncode == 0, f"{page.name}: {line}\n{done.stdout[-1500:]}\n{done.stderr[-3000:]}"
