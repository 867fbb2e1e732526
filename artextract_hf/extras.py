"""Packages that only an extra installs: imported where they are needed, missed in one sentence."""

from importlib import import_module
from typing import Any

from artextract_hf.errors import ArtExtractError


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
        raise ArtExtractError(f"{package} is not installed; pip install 'artextract-hf[{extra}]'.") from None
