"""What `artextract prepare` wrote, read back."""

from pathlib import Path

from datasets import Dataset, DatasetDict, concatenate_datasets, load_from_disk

from artextract_hf.errors import DataError

ALL = "all"


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
