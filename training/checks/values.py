"""Whether a value of a recipe, from YAML, from the command line or from Python, is of the kind that its key takes."""

import math
from collections.abc import Mapping
from typing import Any, get_args

from artextract_hf.errors import DataError

Texts, Pairs, Settings, Weights = tuple[str, ...], tuple[tuple[int, int], ...], dict[str, Any], dict[str, float]
WORDS: Mapping[Any, str] = {
    str: "a text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    Texts: "a list of texts",
    Pairs: "a list of [first epoch, side] pairs",
    Settings: "settings by name",
    Weights: "numbers by name",
}
MOST = 2**31 - 1  # of whole numbers; seeds of numpy end soon after
SHOWN = 60  # characters of a wrong value


def check_value(key: str, kind: Any, value: Any) -> None:
    """Refuse a value of another kind than a key takes, and a number that no key can have.

    Args:
        key: of the recipe.
        kind: its type, one of WORDS or a union of them.
        value: a sequence may be a list or a tuple.

    Raises:
        DataError: it is of another kind, below zero, or a whole one above MOST.
    """
    kinds = [kind] if kind in WORDS else list(get_args(kind))
    if not any(_fits(one, value) for one in kinds):
        raise DataError(f"--{key} has to be {' or '.join(WORDS[one] for one in kinds)}, not {shown(value)}.")
    numbers = value.values() if Weights in kinds and isinstance(value, dict) else [value]
    for number in filter(is_number, numbers):
        if number < 0:
            raise DataError(f"--{key} is {shown(value)}; nothing below 0 is taken.")
        if isinstance(number, int) and number > MOST:
            raise DataError(f"--{key} is {shown(value)}; nothing above {MOST} is taken.")


def check_least(key: str, value: int, least: int) -> None:
    """Refuse a whole number that is too small.

    Raises:
        DataError: it is.
    """
    if value < least:
        raise DataError(f"--{key} is {value}; it has to be at least {least}.")


def is_number(value: Any) -> bool:
    """Whether a value of a recipe is a number; to Python, true and false are too."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def takes_text(kind: Any) -> bool:
    """Whether what follows a key on the command line may be a text, as a name of digits or nothing is."""
    return kind in (str, Texts) or str in get_args(kind)


def shown(value: Any) -> str:
    """A value in a message, cut where it is long."""
    try:
        text = repr(list(value) if isinstance(value, tuple) else value)
    except ValueError:  # Python spells no number of thousands of digits
        text = "a number of thousands of digits"
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def _fits(kind: Any, value: Any) -> bool:
    if kind is float:
        return is_number(value) and _is_plain(value)
    if kind == Texts:
        return isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)
    if kind == Pairs:
        return isinstance(value, list | tuple) and bool(value) and all(_is_pair(item) for item in value)
    if kind == Settings:
        return isinstance(value, dict) and _is_plain(value)
    if kind == Weights:
        return isinstance(value, dict) and all(isinstance(name, str) for name in value) and _are_numbers(value)
    return type(value) is kind


def _are_numbers(weights: Mapping[str, Any]) -> bool:
    return all(_fits(float, weight) for weight in weights.values())


def _is_pair(item: Any) -> bool:
    return isinstance(item, list | tuple) and len(item) == 2 and all(type(n) is int and 0 <= n <= MOST for n in item)


def _is_plain(value: Any) -> bool:
    """Whether JSON can hold a value, as `config.json` has to: no date, nothing infinite, names that are texts."""
    try:
        return _holds_plain(value)
    except RecursionError:  # YAML can put a mapping into itself
        return False


def _holds_plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(name, str) and _holds_plain(inner) for name, inner in value.items())
    if isinstance(value, list | tuple):
        return all(map(_holds_plain, value))
    if is_number(value):
        return abs(value) <= 1e300 and math.isfinite(value)
    return value is None or isinstance(value, bool | str)
