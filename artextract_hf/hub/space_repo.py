"""The Gradio Space as a repository of the Hub that needs nothing but the package registry.

README.md             the front matter that Spaces read, from model_cards/space.md
requirements.txt      the package's dependencies, at the versions that this was tested with
spaces_app/           the page
artextract_hf/        the package with its embedded models: the Space starts without any other repository
model_cards/          templates that the package reads
"""

import re
import shutil
import tempfile
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi

from artextract_hf.errors import ArtExtractError
from artextract_hf.hub.card import space_card
from artextract_hf.hub.push import push_folder

FOLDERS = ("spaces_app", "artextract_hf", "model_cards")
MODEL, INDEX = "ARTEXTRACT_MODEL", "ARTEXTRACT_INDEX"  # what the page reads
_NAME = re.compile(r"^([A-Za-z0-9._-]+)(\[[^\]]+\])?")


def publish_space(
    app: str | Path, repo_id: str, *, model: str = "", index: str = "", private: bool = False, tag: str = ""
) -> dict[str, Any]:
    """Write the Space's repository, push it in one commit, and set its variables.

    Args:
        app: the folder `spaces_app` of a checkout of this project.
        repo_id: `owner/name`.
        model: repository of its classifier; the embedded one where empty.
        index: repository of its collection; procedural paintings where empty.
        private: make the Space private where it is new.
        tag: a version that names the commit.

    Returns:
        What `write_space_repo` says, with the `url` and the `variables`.

    Raises:
        ArtExtractError: `app` lies in no checkout, or the Hub refused or cannot be reached.
    """
    variables = {name: value for name, value in ((MODEL, model), (INDEX, index)) if value}
    with tempfile.TemporaryDirectory(prefix="artextract-") as folder:
        report = write_space_repo(app, folder, model=model, index=index)
        url = push_folder(
            folder, repo_id, kind="space", private=private, tag=tag, space_sdk="gradio", replaces=["artextract_hf/**"]
        )
    for name, value in variables.items():
        HfApi().add_space_variable(repo_id, name, value)
    return report | {"url": url, "variables": variables}


def write_space_repo(app: str | Path, folder: str | Path, *, model: str = "", index: str = "") -> dict[str, Any]:
    """Write the folder that is pushed; arguments are those of `publish_space`.

    Returns:
        `files` and `bytes`.
    """
    root, folder = Path(app).resolve().parent, Path(folder)
    if missing := [name for name in FOLDERS if not (root / name).is_dir()]:
        raise ArtExtractError(f"{app} is not the folder spaces_app of a checkout: no {', '.join(missing)} beside it.")
    folder.mkdir(parents=True, exist_ok=True)
    for name in FOLDERS:
        shutil.copytree(root / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    space_card("spaces_app/app.py", model=model, index=index).save(folder / "README.md")
    (folder / "requirements.txt").write_text("\n".join(pinned_requirements()) + "\n", encoding="utf-8")
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    names = [path.relative_to(folder).as_posix() for path in files]
    return {"files": names, "bytes": sum(path.stat().st_size for path in files)}


def pinned_requirements() -> list[str]:
    """What the page needs, at the versions that are installed here."""
    pinned = []
    for requirement in requires("artextract-hf") or []:
        text, _, marker = requirement.partition(";")
        if marker and "app" not in marker:
            continue
        match = _NAME.match(text.strip())
        name = match[1] if match else text
        try:
            pinned.append(f"{name}=={version(name).partition('+')[0]}")
        except PackageNotFoundError:
            raise ArtExtractError(f"{name} is not installed, so its version is not known; run `make test`.") from None
    return sorted(pinned)
