"""The one family of errors. Each message says what was wrong, what was received, and what to do.

ArtExtractError
  ├── ImageError           bytes that are no picture, or too large to be decoded safely
  ├── DataError            a collection, a list or a record that cannot be used
  ├── ModelError           a model name, configuration or weights that cannot be used
  ├── PaintingIndexError   an index that is missing, damaged, or made by another model
  └── QueryError           a search that cannot be answered as asked
"""

import operator
from typing import Any

ERROR_FILE = "ARTEXTRACT_ERROR_FILE"  # in the environment of a training: where it leaves the line that ended it


class ArtExtractError(ValueError):
    """Base of every error this package raises on purpose."""


class ImageError(ArtExtractError):
    """The bytes are no picture, are cut short, or are too large to be decoded safely."""


class DataError(ArtExtractError):
    """A collection, a list or a record cannot be used."""


class ModelError(ArtExtractError):
    """A model name, a configuration or its weights cannot be used."""


class PaintingIndexError(ArtExtractError):
    """An index is missing, damaged, or was made by another model."""


class QueryError(ArtExtractError):
    """A search cannot be answered as it was asked."""


def whole_number(value: Any, name: str, *, least: int, error: type[ArtExtractError]) -> int:
    """A number that somebody gave as an int, NumPy's too.

    Raises:
        ArtExtractError: it is no whole number, or below `least`; the kind is `error`.
    """
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise error(f"{name} is {value!r:.60}; it must be a whole number.")
    if value < least:
        raise error(f"{name} is {value}; it must be at least {least}.")
    return operator.index(value)


def first_line(error: BaseException) -> str:
    """What an error of another library says, in one line; its name where it says nothing."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
