"""The Gradio Space as a repository of the Hub that needs nothing but the package registry.

README.md             the front matter that Spaces read, from model_cards/space.md
requirements.txt      the package's dependencies, at the versions that this was tested with
spaces_app/           the page
artextract_hf/        the package with its embedded models: the Space starts without any other repository
model_cards/          templates that the package reads
"""

import re
import shutil
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

from artextract_hf.errors import ArtExtractError
from artextract_hf.extras import installation
from artextract_hf.folders import BUNDLED, PACKAGE, top_folder
from artextract_hf.hub.card import space_card
from artextract_hf.hub.repository import Repository, check_repo_id, list_files, publish, refuse_links_out
from artextract_hf.outputs import real_path

APP, CODE, CARDS = "spaces_app", "artextract_hf", "model_cards"
VARIABLES = {part: f"ARTEXTRACT_{part.upper()}" for part in ("model", "index", "embedder")}  # what the page reads
DISTRIBUTION = "artextract-hf"
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_OF_THE_PAGE = re.compile(r"""extra == ["']app["']""")


def publish_space(
    app: str | Path, repo_id: str, *, private: bool = False, tag: str = "", **parts: str
) -> dict[str, Any]:
    """Publish the Space and set its variables; arguments are those of `publish` and `space_repository`.

    Returns:
        `files`, `bytes`, `variables` and the `url`.

    Raises:
        ArtExtractError: there is no page in `app`, or the Hub refused or cannot be reached.
    """
    return publish(space_repository(app, repo_id, **parts), private=private, tag=tag)


def space_repository(
    app: str | Path, repo_id: str, *, model: str = "", index: str = "", embedder: str = ""
) -> Repository:
    """The Space as a repository; its `write` reports `files`, `bytes` and `variables`.

    Args:
        app: the folder `spaces_app` of a checkout of this project; that of this package where empty.
        repo_id: `owner/name`.
        model: repository of its classifier; the embedded one where empty.
        index: repository of its collection; procedural paintings where empty.
        embedder: repository of the network that the index was built with; the model's where empty.

    Raises:
        ArtExtractError: a repository cannot be called so.
    """
    parts = {"model": model, "index": index, "embedder": embedder}
    variables = {VARIABLES[part]: repo for part, repo in parts.items() if repo}
    for repo in variables.values():
        check_repo_id(repo)

    def write(folder: Path) -> dict[str, Any]:
        sources = _sources(real_path(app) if str(app) else top_folder(APP))
        return _write(sources, folder, **parts) | {"variables": variables}

    source = Path(app) if str(app) else None
    return Repository("space", repo_id, write, replaces=["artextract_hf/**"], variables=variables, source=source)


def pinned_requirements() -> list[str]:
    """What the page needs, at the versions that are installed here.

    Raises:
        ArtExtractError: one of these packages is not installed, or this package is not.
    """
    installed_version(DISTRIBUTION)
    pinned = []
    for requirement in requires(DISTRIBUTION) or []:
        text, _, marker = requirement.partition(";")
        if not marker or _OF_THE_PAGE.search(marker):
            found = _NAME.match(text.strip())
            name = found[0] if found else text
            pinned.append(f"{name}=={installed_version(name)}")
    return sorted(pinned)


def installed_version(name: str) -> str:
    """The version of a package that a Space is pinned to.

    Raises:
        ArtExtractError: it is not installed.
    """
    try:
        return version(name).partition("+")[0]
    except PackageNotFoundError:
        raise ArtExtractError(f"{name} is not installed, so its version is not known; {installation('app')}.") from None


def _sources(app: Path) -> dict[str, Path]:
    """The folders of the Space: those beside its page in a checkout, or those of this installed package.

    Raises:
        ArtExtractError: they are not there, or hold links out of themselves.
    """
    root = app.parent
    sources = {APP: app, CODE: PACKAGE if root == BUNDLED else root / CODE, CARDS: root / CARDS}
    if not (app / "app.py").is_file() or any(not folder.is_dir() for folder in sources.values()):
        raise ArtExtractError(
            f"{app} is not the folder {APP} of a checkout: it holds no app.py, or no {CODE} and {CARDS} lie beside it."
        )
    for folder in sources.values() if root != BUNDLED else ():  # what is installed is as it was installed
        refuse_links_out([folder], root)
        refuse_links_out(folder.rglob("*"), folder)
    return sources


def _write(sources: dict[str, Path], folder: Path, **parts: str) -> dict[str, Any]:
    folder.mkdir(parents=True, exist_ok=True)
    for name, source in sources.items():
        shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", BUNDLED.name))
    space_card(f"{APP}/app.py", **parts).save(folder / "README.md")
    (folder / "requirements.txt").write_text("\n".join(pinned_requirements()) + "\n", encoding="utf-8")
    return list_files(folder)
