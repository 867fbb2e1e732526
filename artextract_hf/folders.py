"""Where the folders beside the package lie: at the top of a checkout, or inside an installed package.

A wheel has `training`, `spaces_app` and `model_cards` under `artextract_hf/bundled`, where pyproject.toml puts them, so
that nothing but `artextract_hf` is installed.
"""

import sys
from pathlib import Path

from artextract_hf.errors import ArtExtractError

PACKAGE = Path(__file__).parent
BUNDLED = PACKAGE / "bundled"


def top_folder(name: str) -> Path:
    """The folder `training`, `spaces_app` or `model_cards`.

    Raises:
        ArtExtractError: it is not there; the package was copied without it.
    """
    folder = (BUNDLED if BUNDLED.is_dir() else PACKAGE.parent) / name
    if not folder.is_dir():
        raise ArtExtractError(f"the folder {name} is not at {folder}; install artextract-hf, or use a whole checkout.")
    return folder


def add_to_path(name: str) -> None:
    """Make a top folder importable by its own name, as a Space and `accelerate launch` import it."""
    parent = str(top_folder(name).parent)
    if parent not in sys.path:
        sys.path.insert(0, parent)
