"""Packages that only an extra installs: imported where they are needed, missed in one sentence."""

from importlib import import_module
from typing import Any

from artextract_hf.errors import ArtExtractError
from artextract_hf.folders import BUNDLED, PACKAGE


def require(package: str, *, extra: str) -> Any:
    """Import a package that is installed with an extra of this one.

    Args:
        package: name of the module, such as `lancedb`.
        extra: of pyproject.toml, such as `database`.

    Raises:
        ArtExtractError: it is not installed; the message says what to install.
    """
    try:
        return import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package.partition(".")[0]:  # the package is there, and lacks something itself
            raise
        raise ArtExtractError(f"{package} is not installed; {installation(extra)}.") from None


def installation(extra: str) -> str:
    """The command that installs an extra: of a wheel by its name, of a checkout by its folder."""
    if BUNDLED.is_dir():
        return f"pip install 'artextract-hf[{extra}]'"
    return f"pip install --editable '{PACKAGE.parent}[{extra}]'"
