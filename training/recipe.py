"""A training's configuration: one YAML file, every key checked, and `--key value` on the command line over it."""

import argparse
import difflib
import inspect
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

import yaml
from accelerate.utils import LoggerType
from transformers import PreTrainedConfig

from artextract_hf.documents import PlainYaml
from artextract_hf.errors import ArtExtractError, DataError
from training.checks.values import check_least, check_value, is_number, shown, takes_text

PRECISIONS = ("auto", "bf16", "fp16", "no")


class _Loader(PlainYaml):
    """YAML 1.2: 3e-4 is a number, which PyYAML takes for text."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789")
)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The keys of every training. Those without a default here have one in each training, but for the first two."""

    # data and results
    data: str  # what `artextract prepare` wrote
    output_dir: str  # gets checkpoints, the log, the model and its card
    train_splits: tuple[str, ...]  # the splits to learn from, one after the other
    max_samples: int = 0  # learn from this many paintings only; 0 means all
    push_to_hub: str = ""  # repository that gets the model and its card, `owner/name`; empty pushes nothing

    # the network
    backbone_weights: str = ""  # safetensors file in timm's key names (RLA: or its authors'); empty fetches timm's own

    # steps
    epochs: int
    batch_size: int = 64  # paintings a step, each process
    sizes: tuple[tuple[int, int], ...]  # sides of the views, pixels, as [first epoch, side] pairs

    # the run
    seed: int = 0  # of everything random
    mixed_precision: str = "auto"  # `bf16`, `fp16`, `no`; `auto` is bf16 where the processor computes in it
    workers: int = 0  # processes that decode, each process; 0 decodes in the training process, fastest on few cores
    checkpoint_every: int  # steps between checkpoints
    trackers: tuple[str, ...] = ()  # Accelerate's, beside the CSV log, such as `tensorboard` or `wandb`

    def __post_init__(self) -> None:
        for f in fields(self):
            check_value(f.name, f.type, getattr(self, f.name))
        for key in ("data", "output_dir"):
            if not getattr(self, key):
                raise DataError(f"the configuration needs {key!r}.")
        check_choice("mixed_precision", self.mixed_precision, PRECISIONS)
        for tracker in self.trackers:
            check_choice("trackers", tracker, LoggerType.list())
        for key in ("batch_size", "checkpoint_every"):
            check_least(key, getattr(self, key), 1)
        if self.sizes[0][0] or not all(side for _, side in self.sizes):
            raise DataError(
                f"--sizes is {shown(self.sizes)}; the first pair is of epoch 0, and a side has 1 pixel at least."
            )

    def size_at(self, epoch: int) -> int:
        """Side of the training views in an epoch."""
        return [side for first, side in self.sizes if first <= epoch][-1]

    @classmethod
    def load(cls, path: str | Path, overrides: Sequence[str] = ()) -> Self:
        """Read a YAML file and put `--key value` pairs over it; dots reach inside, as in `--model.dropout 0.2`.

        Raises:
            DataError: no such file, no YAML, a key that does not exist, or a value that is missing.
        """
        if not Path(path).is_file():
            raise DataError(f"there is no configuration {path}.")
        values = _parsed(Path(path).read_bytes(), str(path)) or {}
        if not isinstance(values, dict):
            raise DataError(f"{path} is no configuration, which has lines such as `epochs: 10`.")
        kinds = {f.name: f.type for f in fields(cls)}
        for key, value in _pairs(overrides):
            *parents, last = key.split(".")
            inner = values
            for parent in parents:
                inner = inner.setdefault(parent, {})
                if not isinstance(inner, dict):
                    raise DataError(f"{key} reaches inside {parent}, which is {inner!r}.")
            inner[last] = _given(key, kinds.get(key), value)
        return cls.from_dict(values)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Build from plain values, such as YAML gives; sequences become tuples."""
        known = {f.name: f.type for f in fields(cls)}
        for key, value in values.items():
            if key not in known:
                near = difflib.get_close_matches(str(key), known, n=1)
                raise DataError(
                    f"the configuration has no key {key!r}." + (f" Did you mean {near[0]!r}?" if near else "")
                )
            if known[key] == tuple[str, ...] and isinstance(value, str):  # as in `--tasks style,school`
                values = values | {key: [name.strip() for name in value.split(",") if name.strip()]}
        for key in ("data", "output_dir"):
            if key not in values:
                raise DataError(f"the configuration needs {key!r}.")
        return cls(**{key: _frozen(value) for key, value in values.items()})

    @classmethod
    def parser(cls, description: str) -> argparse.ArgumentParser:
        """A command line with `--config`, whose help shows the keys that can follow as they stand in the code."""
        sources = (re.search(r'"""\n\n(.*?)\n\n    def ', inspect.getsource(part), re.DOTALL) for part in (Recipe, cls))
        keys = "\n\n".join(source[1] for source in sources if source)
        parser = argparse.ArgumentParser(
            description=description,
            epilog=f"keys of the configuration, which can follow as `--key value`:\n\n{keys}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        parser.add_argument("--config", required=True, help="YAML file, see training/configs/")
        return parser


def _parsed(text: str | bytes, name: str) -> Any:
    try:
        return yaml.load(text, _Loader)
    except (ValueError, RecursionError, yaml.YAMLError) as error:  # ValueError: UTF-8, dates and numbers too
        raise DataError(f"{name} cannot be read as YAML: {str(error).partition(chr(10))[0]}.") from None


def _given(key: str, kind: Any, text: str) -> Any:
    """The value of a `--key value` pair; a name stays a text, also where it consists of digits or is empty."""
    value = _parsed(text, f"--{key}")
    return text if takes_text(kind) and (is_number(value) or not text) else value


def check_choice(key: str, value: str, choices: Collection[str]) -> None:
    """Refuse a value that is none of the choices of its key.

    Raises:
        DataError: it is none of them.
    """
    if value not in choices:
        raise DataError(f"{key} is {value!r}; it takes one of {', '.join(map(repr, choices))}.")


def check_network(kind: type[PreTrainedConfig], settings: dict[str, Any], **given: Any) -> None:
    """Refuse a `model` of which no network's configuration can be made.

    Args:
        kind: of the configuration.
        settings: the value of `model`.
        given: what the training sets by itself.

    Raises:
        ArtExtractError: it has an unknown setting, or one with a value that it cannot have.
    """
    names = kind.__annotations__
    for name in settings:
        if name not in names or name in given:
            near = difflib.get_close_matches(name, names.keys() - given.keys(), n=1)
            raise DataError(f"--model has no setting {name!r}." + (f" Did you mean {near[0]!r}?" if near else ""))
    try:
        kind(**settings, **given)
    except ArtExtractError:
        raise
    except Exception as error:  # noqa: BLE001  (the Hub's client has its own)
        raise DataError(f"--model cannot be built: {' '.join(str(error).split())}.") from None


def _frozen(value: Any) -> Any:
    return tuple(_frozen(v) for v in value) if isinstance(value, list) else value


def _pairs(overrides: Sequence[str]) -> list[tuple[str, str]]:
    if len(overrides) % 2 or any(not key.startswith("--") for key in overrides[::2]):
        raise DataError(f"expected `--key value` pairs, got: {' '.join(overrides)}")
    return [(key[2:].replace("-", "_"), value) for key, value in zip(overrides[::2], overrides[1::2], strict=True)]
