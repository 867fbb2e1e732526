"""Checks of what a painting is asked for; each error says what is accepted."""

import difflib
from collections.abc import Iterable

from artextract_hf.errors import DataError


def check_name(what: str, name: str, known: Iterable[str]) -> None:
    """Raise DataError unless `name` is one of the known names of `what`."""
    if name in known:
        return
    close = difflib.get_close_matches(name, known, 1)
    hint = f"; did you mean {close[0]!r}?" if close else "."
    raise DataError(f"there is no {what} {name!r}; there are {', '.join(known)}{hint}")


def check_range(what: str, values: Iterable[float], low: float, high: float) -> None:
    """Raise DataError unless every value of `what` lies between `low` and `high`, both included."""
    for value in values:
        if not low <= value <= high:
            raise DataError(f"{what} lies between {low} and {high}; got {value}.")
