"""What `artextract prepare` writes, and how it is read back.

DIR/dataset_dict.json, DIR/<split>/...    `datasets.load_from_disk` reads it; the pictures are inside
DIR/manifest.json                         where the data come from, how they were split, and the baselines on it
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from datasets import Dataset, DatasetDict, concatenate_datasets, load_from_disk

from artextract_hf.errors import DataError
from artextract_hf.version import __version__

ALL = "all"
MANIFEST = "manifest.json"


def write_prepared(splits: DatasetDict, manifest: Mapping[str, Any], folder: str | Path) -> None:
    """Write a data set with its manifest; splits that an earlier call left in the folder are removed."""
    folder = Path(folder)
    if (folder / "dataset_dict.json").is_file():
        for old in json.loads((folder / "dataset_dict.json").read_text(encoding="utf-8"))["splits"]:
            shutil.rmtree(folder / old, ignore_errors=True)
    splits.save_to_disk(folder)
    document = json.dumps({"artextract_hf": __version__, **manifest}, indent=2, ensure_ascii=False)
    (folder / MANIFEST).write_text(document + "\n", encoding="utf-8")


def read_manifest(folder: str | Path) -> dict[str, Any]:
    """The manifest of a prepared folder; empty where there is none."""
    path = Path(folder) / MANIFEST
    try:
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except ValueError as error:
        raise DataError(f"{path} is no JSON document: {error}") from None


def load_prepared(folder: str | Path) -> DatasetDict:
    """The splits of a prepared folder; one without splits is a single split `all`.

    Raises:
        DataError: the folder does not exist, or `artextract prepare` did not write it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder.")
    if not (folder / "dataset_dict.json").is_file() and not (folder / "dataset_info.json").is_file():
        raise DataError(f"{folder} was not written by `artextract prepare`.")
    try:
        data = load_from_disk(folder)
    except (OSError, ValueError, IndexError) as error:  # IndexError: a split that was saved without a shard
        raise DataError(f"{folder} cannot be read as a data set: {str(error).splitlines()[0]}") from None
    return data if isinstance(data, DatasetDict) else DatasetDict({ALL: data})


def take_split(splits: DatasetDict, name: str) -> Dataset:
    """A split by its name; `all` is the records of all of them.

    Raises:
        DataError: no such split, or no record in it.
    """
    if name == ALL:
        chosen = concatenate_datasets(list(splits.values()))
    elif name in splits:
        chosen = splits[name]
    else:
        known = ", ".join(dict.fromkeys([*splits, ALL]))
        raise DataError(f"the data have no split {name!r}; give one of: {known}.")
    if not len(chosen):
        raise DataError(f"the split {name!r} is empty.")
    return chosen
