"""Whether a training may go on in a folder: only where it has the settings, and learns from the paintings, of the run
before. Otherwise weights of one would be described by those of another.

config.json                what the run was given
checkpoint.safetensors     says in `progress` which paintings it learnt from, as `paintings_digest` gives it, and by
                           how many processes
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, fields
from hashlib import sha256
from pathlib import Path
from typing import Any

from datasets import Dataset

from artextract_hf.data import class_names
from artextract_hf.documents import read_document
from artextract_hf.errors import DataError
from artextract_hf.hub import in_words
from training.recipe import Recipe

CONFIG = "config.json"
NAMED = 8  # settings at most
# What changes neither the weights nor which of them are kept. BYOL's figures are taken anew when it ends.
MAY_DIFFER = (
    "output_dir", "push_to_hub", "workers", "checkpoint_every", "trackers", "frozen_baseline",
    "gallery_split", "query_split", "watched", "watch_every",
)  # fmt: skip
PLACES = ("data", "backbone_weights", "start_from", "teachers")  # the same place may be written in several ways


def as_document(config: Recipe) -> dict[str, Any]:
    """A configuration as `config.json` holds it."""
    document = json.loads(json.dumps(asdict(config)))
    if "start_from" in document:  # a folder `runs/first` looks like a model of the Hub where it is not
        document["start_from"] = _from_the_root(document["start_from"])
    return document


def read_settings(file: Path) -> dict[str, Any]:
    """What a `config.json` holds; an empty text was null to older versions.

    Raises:
        DataError: there is no such file, or it holds something else.
    """
    return {name: "" if value is None else value for name, value in read_document(file, DataError).items()}


def refuse_other_settings(config: Recipe) -> None:
    """Refuse to go on with a run of other settings; called before anything is written.

    What an older version did not know yet has its default. `tasks` that are still to be found in the data may be any.

    Raises:
        DataError: the output folder holds such a run.
    """
    out = Path(config.output_dir)
    if not (out / CONFIG).exists():
        return
    defaults = {f.name: _default(f) for f in fields(config)}
    before = json.loads(json.dumps(defaults)) | read_settings(out / CONFIG)
    now = as_document(config)
    free = MAY_DIFFER if now.get("tasks", True) else (*MAY_DIFFER, "tasks")
    others = [name for name in now | before if name not in free and not _alike(name, now, before)]
    if others:
        more = [f"{len(others) - NAMED} more"] if len(others) > NAMED else []
        raise DataError(
            f"{out} holds a run with other settings, in {in_words([*others[:NAMED], *more])}; give this one another "
            "--output_dir, or the settings of that run to go on with it."
        )


def _alike(name: str, now: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    """Whether a setting is the same, or the same place, in two documents."""
    one, other = now.get(name), before.get(name)
    return one == other or (name in PLACES and _from_the_root(one) == _from_the_root(other))


def paintings_digest(paintings: Dataset, tasks: Sequence[str] = ()) -> str:
    """SHA-256 of the paintings that are learnt from, in their order, with their classes of these tasks."""
    classes = {task: [class_names(paintings, task), paintings[task][:]] for task in tasks}
    return sha256(json.dumps([paintings["id"][:], classes]).encode()).hexdigest()


def refuse_other_paintings(config: Recipe, reached: Mapping[str, Any] | None, digest: str) -> None:
    """Refuse to go on with a run that learnt from other paintings, as where its data were prepared anew.

    Args:
        config: of the training.
        reached: progress of the run's checkpoint; None where it has none. Older versions did not write a digest.
        digest: of the paintings now.

    Raises:
        DataError: they are others.
    """
    if reached and reached.get("paintings", digest) != digest:
        raise DataError(
            f"{config.output_dir} holds a run that learnt from other paintings or classes than {config.data} has now; "
            "give another --output_dir."
        )


def refuse_other_processes(config: Recipe, reached: Mapping[str, Any] | None, processes: int) -> None:
    """Refuse to go on with a run of another number of processes, whose steps are of other batches.

    Args:
        config: of the training.
        reached: progress of the run's checkpoint; None where it has none. Older versions did not write a number.
        processes: of the training now.

    Raises:
        DataError: they are more or fewer.
    """
    before = (reached or {}).get("processes", processes)
    if before != processes:
        raise DataError(
            f"{config.output_dir} holds a run of {before} processes, and this has {processes}; start {before} to go "
            "on with it, or give another --output_dir."
        )


def _default(field: Any) -> Any:
    if field.default_factory is not MISSING:
        return field.default_factory()
    return None if field.default is MISSING else field.default


def _from_the_root(value: Any) -> Any:
    """Names of files and folders with their whole paths; names of other things, such as models, stay."""
    if isinstance(value, list):
        return [_from_the_root(name) for name in value]
    return str(Path(value).resolve()) if isinstance(value, str) and value and Path(value).exists() else value
