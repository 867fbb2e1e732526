"""A folder that `save_to_disk` of `datasets` wrote, opened so that no byte in it can take the process down.

    dataset_dict.json                    {"splits": [...]}; absent where there is one data set only
    [<split>/]state.json                 the names of the Arrow files
    [<split>/]dataset_info.json          the typed columns
    [<split>/]data-00000-of-00001.arrow  mapped into memory

`datasets` believes its documents, and Arrow the lengths in its files: of 300 damaged files one ends the process that
reads it. So the documents are checked for their shape, and Arrow is validated in a process of its own.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from datasets import ClassLabel, Dataset, DatasetDict, Image, Value

from artextract_hf.data import arrow_check
from artextract_hf.data.schema import painting_features
from artextract_hf.data.sources.named_files import first_elsewhere
from artextract_hf.documents import read_document
from artextract_hf.errors import DataError, first_line

ALL = "all"  # the one split of a data set without splits
SPLITS, STATE, INFO = "dataset_dict.json", "state.json", "dataset_info.json"
SPLIT_NAME, ARROW_NAME = r"\w+(\.\w+)*", r"[\w-]+\.arrow"  # as `datasets` has them
CHECK_S, CHECK_BYTES_PER_S = 60, 20_000_000  # a slow disk; texts and lengths are read, pictures are not
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # else each core takes a share of the memory


def open_saved(folder: Path, *, known: Iterable[str] | None = None) -> DatasetDict:
    """The splits of a folder; a data set without splits is a single split `all`.

    Args:
        folder: what `save_to_disk` wrote.
        known: the files in it that may be read, as paths in it; all by default.

    Raises:
        DataError: it holds no data set, or one that is damaged or refers to files elsewhere.
    """
    parts = _parts(folder)
    files = {name: _arrow_files(part) for name, part in parts.items()}
    arrows = [path for paths in files.values() for path in paths]
    used = [*arrows, *(part / name for part in parts.values() for name in (STATE, INFO)), folder / SPLITS]
    if other := first_elsewhere(used, [folder]):
        raise DataError(f"{other} lies outside the data set {folder}; a link may not lead there.")
    present = {path.relative_to(folder).as_posix() for path in used if path.exists()}
    if known is not None and (unknown := present.difference(known)):
        raise DataError(f"{folder / min(unknown)} is not of this data set; prepare it again.")
    check_files(arrows)
    try:  # without the format that was saved, which may hide columns
        splits = DatasetDict({name: Dataset.load_from_disk(str(part)).with_format() for name, part in parts.items()})
    except Exception as error:  # noqa: BLE001  (whatever a document makes `datasets` stumble over)
        raise DataError(f"{folder} cannot be read as a data set: {first_line(error)}") from None
    for name, split in splits.items():
        _check_columns(split, parts[name])
    return splits


def _parts(folder: Path) -> dict[str, Path]:
    """The folder of each split."""
    if not (folder / SPLITS).exists():
        return {ALL: folder}
    names = read_document(folder / SPLITS, DataError).get("splits")
    return {name: folder / name for name in _names(names, SPLIT_NAME, folder / SPLITS)}


def _arrow_files(folder: Path) -> list[Path]:
    """The Arrow files of a split, all of them in its folder."""
    read_document(folder / INFO, DataError)
    files = read_document(folder / STATE, DataError).get("_data_files")
    names = [file.get("filename") for file in files if isinstance(file, dict)] if isinstance(files, list) else files
    return [folder / name for name in _names(names, ARROW_NAME, folder / STATE)]


def _names(value: object, form: str, document: Path) -> list[str]:
    """What a document lists, if it is names of this form, none of which leads to another folder."""
    names = value if isinstance(value, list) else []
    if not names or not all(isinstance(name, str) and re.fullmatch(form, name) for name in names):
        raise DataError(f"{document} does not name the parts of a data set.")
    return names


def check_files(paths: Sequence[Path]) -> None:
    """Have Arrow or Parquet files read in full by another process, which has a limit on time and memory.

    Raises:
        DataError: they are damaged, or it died, or took too much.
    """
    if missing := [path for path in paths if not path.is_file()]:
        raise DataError(f"{missing[0]} is missing.")
    seconds = CHECK_S + sum(path.stat().st_size for path in paths) // CHECK_BYTES_PER_S
    # -P: else the files beside the program could be imported in place of others of the same name
    command = [sys.executable, "-P", arrow_check.__file__, str(seconds), *map(str, paths)]
    try:
        done = subprocess.run(
            command, env=os.environ | ONE_THREAD, capture_output=True, text=True, errors="replace", timeout=2 * seconds
        )
    except subprocess.TimeoutExpired:
        raise DataError(f"{paths[0]} cannot be read as a data set: it takes more than {seconds} s.") from None
    if done.returncode:
        died = f"{paths[0]} cannot be read as a data set: it ends the process that reads it."
        raise DataError((done.stderr.strip().splitlines() if done.returncode == 1 else [died])[-1])


def _check_columns(split: Dataset, folder: Path) -> None:
    """Refuse columns of the schema that are of another type, labels without a class, and pictures elsewhere.

    Raises:
        DataError: there is one.
    """
    for name, expected in painting_features().items():
        if name not in split.column_names:
            continue
        found = split.features[name]
        column = split.data.column(name)
        if type(found) is not type(expected) or (isinstance(expected, Value) and found != expected):
            raise DataError(f"the column {name} of {folder} holds {found}, not {expected}.")
        if isinstance(found, ClassLabel):
            labels = pc.min_max(column).as_py()
            if not all(isinstance(word, str) for word in found.names) or (
                labels["max"] is not None and not -1 <= labels["min"] <= labels["max"] < len(found.names)
            ):
                raise DataError(f"the column {name} of {folder} holds labels without a class.")
        if isinstance(found, Image):
            _check_pictures(column, folder)


def _check_pictures(column: pa.ChunkedArray, folder: Path) -> None:
    """Refuse pictures that are the path of a file: `save_to_disk` puts every file's bytes in."""
    sizes = pc.fill_null(pc.binary_length(pc.struct_field(column, "bytes")), 0)
    paths = pc.fill_null(pc.struct_field(column, "path"), "")
    elsewhere = paths.filter(pc.and_(pc.equal(sizes, 0), pc.not_equal(paths, "")))
    if len(elsewhere):
        raise DataError(f"{folder} holds no picture of {elsewhere[0].as_py()!r}, only its path; prepare it again.")
