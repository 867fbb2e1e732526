"""A training's configuration: one YAML file, every key checked, and `--key value` on the command line over it."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Self

import yaml

from artextract_hf.errors import DataError


class _Loader(yaml.SafeLoader):
    """YAML 1.2's numbers: 3e-4 is one, which PyYAML takes for text."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789")
)


class Recipe:
    """Base of the configurations, which are frozen dataclasses with `data` and `output_dir`."""

    @classmethod
    def load(cls, path: str | Path, overrides: Sequence[str] = ()) -> Self:
        """Read a YAML file and put `--key value` pairs over it; dots reach inside, as in `--model.dropout 0.2`.

        Raises:
            DataError: no such file, a key that does not exist, or a value that is missing.
        """
        if not Path(path).is_file():
            raise DataError(f"there is no configuration {path}.")
        values = yaml.load(Path(path).read_text(encoding="utf-8"), _Loader) or {}
        for key, value in _pairs(overrides):
            *parents, last = key.split(".")
            inner = values
            for parent in parents:
                inner = inner.setdefault(parent, {})
            inner[last] = yaml.load(value, _Loader)
        return cls.from_dict(values)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Build from plain values, such as YAML gives; sequences become tuples."""
        known = {f.name: f.type for f in fields(cls)}
        for key, value in values.items():
            if key not in known:
                near = difflib.get_close_matches(key, known, n=1)
                raise DataError(
                    f"the configuration has no key {key!r}." + (f" Did you mean {near[0]!r}?" if near else "")
                )
            if known[key] is float and not is_number(value):
                raise DataError(f"{key} is {value!r}; it takes a number.")
        for key in ("data", "output_dir"):
            if not values.get(key):
                raise DataError(f"the configuration needs {key!r}.")
        return cls(**{key: _frozen(value) for key, value in values.items()})


def is_number(value: Any) -> bool:
    """Whether a value of a recipe is a number; to Python, true and false are too."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _frozen(value: Any) -> Any:
    return tuple(_frozen(v) for v in value) if isinstance(value, list) else value


def _pairs(overrides: Sequence[str]) -> list[tuple[str, str]]:
    if len(overrides) % 2 or any(not key.startswith("--") for key in overrides[::2]):
        raise DataError(f"expected `--key value` pairs, got: {' '.join(overrides)}")
    return [(key[2:].replace("-", "_"), value) for key, value in zip(overrides[::2], overrides[1::2], strict=True)]
