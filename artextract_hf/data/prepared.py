"""What `artextract prepare` writes, and how it is read back.

DIR/dataset_dict.json, DIR/<split>/...    `datasets.load_from_disk` reads it; the pictures are inside
DIR/manifest.json                         where the data come from, how they were split, the baselines on it, and
                                          size and SHA-256 of every file
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from datasets import Dataset, DatasetDict, Features, concatenate_datasets

from artextract_hf.data.decode import decode_image
from artextract_hf.data.labels import UNKNOWN
from artextract_hf.data.parallel import ordered_map
from artextract_hf.data.pictures import encoded_bytes, encoded_pictures, picture_source, with_pictures
from artextract_hf.data.rights import is_closed, least_open, shared_rights
from artextract_hf.data.saved import ALL, INFO, SPLIT_NAME, SPLITS, open_saved
from artextract_hf.data.schema import DETAILS, SkipList, distinct_ids, painting_features, tasks_of
from artextract_hf.data.sources.cards import stated_in
from artextract_hf.data.words.dates import checked_years
from artextract_hf.data.words.fields import rights_columns, stated_licenses
from artextract_hf.data.words.nested import plain_rows
from artextract_hf.digests import document_digest, file_digest
from artextract_hf.documents import read_document
from artextract_hf.errors import DataError, ImageError, first_line
from artextract_hf.outputs import first_other, recover, replacement
from artextract_hf.version import __version__

MANIFEST = "manifest.json"
FILES = "files"  # key of the manifest: `bytes` and `sha256` by the path of a file; of the manifest, of its other keys
ROW = "__row__"  # a column for the time of reading
WRITTEN = rf"{MANIFEST}|{SPLITS}|({SPLIT_NAME}/)?((data|cache)-[\w-]+\.arrow|state\.json|{INFO})"  # by us, `datasets`


def write_prepared(splits: DatasetDict, manifest: Mapping[str, Any], folder: str | Path) -> None:
    """Write a data set with its manifest, all or nothing; what an earlier call wrote into the folder is replaced.

    Raises:
        DataError: a split has no usable name, or the folder holds something else.
        OSError: it cannot be written; what was there is intact.
    """
    if bad := [name for name in splits if not re.fullmatch(SPLIT_NAME, name)]:
        raise DataError(f"a split cannot be called {bad[0]!r}.")
    check_prepared_output(folder)
    with replacement(folder) as new:
        splits.save_to_disk(new)
        document = {"artextract_hf": __version__, **manifest}
        files = {path.relative_to(new).as_posix(): path for path in sorted(new.rglob("*")) if path.is_file()}
        listed = {name: {"bytes": path.stat().st_size, "sha256": file_digest(path)} for name, path in files.items()}
        listed[MANIFEST] = {"sha256": document_digest(document)}
        text = json.dumps({**document, FILES: listed}, indent=2, ensure_ascii=False)
        (new / MANIFEST).write_text(text + "\n", encoding="utf-8")


def check_prepared_output(folder: str | Path) -> None:
    """Refuse a folder with anything in it that `artextract prepare` did not write, and that it would remove.

    Raises:
        DataError: there is something else.
    """
    folder = Path(folder)
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    if "artextract_hf" not in read_manifest(folder):
        raise DataError(f"{folder} was not written by `artextract prepare`, and is kept; choose another folder.")
    if other := first_other(folder, WRITTEN):
        raise DataError(f"{other} was not written by `artextract prepare`; move it, or choose another folder.")


def read_manifest(folder: str | Path) -> dict[str, Any]:
    """The manifest of a prepared folder; empty where there is none.

    Raises:
        DataError: it is damaged.
    """
    path = Path(folder) / MANIFEST
    if not path.exists():
        return {}
    manifest = read_document(path, DataError)
    split, baselines = manifest.get("split", ""), manifest.get("baselines", {})
    if not isinstance(split, str) or not re.fullmatch(r"[\w.-]*", split) or not isinstance(baselines, dict):
        raise DataError(f"{path} is damaged.")
    return manifest


def load_prepared(folder: str | Path) -> DatasetDict:
    """The splits of a prepared folder; one without splits is a single split `all`.

    Every byte is checked by the manifest before it is parsed. A data set without one, or with that of an earlier
    version, is checked as far as reading it safely asks.

    Raises:
        DataError: the folder does not exist, `artextract prepare` did not write it, or it is damaged.
    """
    if not isinstance(folder, str | Path):
        raise DataError(f"what `artextract prepare` wrote is named by its folder, and not by {folder!r:.60}.")
    folder = Path(folder)
    recover(folder)
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder.")
    if not (folder / SPLITS).is_file() and not (folder / INFO).is_file():
        raise DataError(f"{folder} was not written by `artextract prepare`.")
    manifest = read_manifest(folder)
    if FILES in manifest:
        _check_files(folder, manifest)
    return open_saved(folder, known=manifest.get(FILES))


def load_records(folder: Path) -> DatasetDict:
    """`load_prepared` with all that a record has; the licence of each is what all of its columns state of the rights.

    So count the licence of all and the description in `dataset_info.json`, and what the records of the same picture
    state, see `with_shared_rights`.

    Raises:
        DataError: as there, or a column is missing in a split.
    """
    splits = load_prepared(folder)
    _check_columns(splits, folder)
    stated = {name: _with_stated_rights(split) for name, split in splits.items()}
    return DatasetDict(zip(stated, with_shared_rights(list(stated.values())), strict=True))


def with_shared_rights(parts: Sequence[Dataset]) -> list[Dataset]:
    """Records of which those with the same picture, byte for byte, have a licence that is not open if one of them has.

    Only pictures of equal size are compared, and none is decoded.
    """
    licenses = [license or "" for part in parts for license in part["license"]]
    if len(set(map(is_closed, licenses))) < 2:
        return list(parts)
    places = [(pictures, row) for pictures in map(_pictures_of, parts) for row in range(len(pictures))]
    sizes = [_size(pictures[row]["image"]) for pictures, row in places]
    open_sizes, closed_sizes = (
        {s for s, c in zip(sizes, map(is_closed, licenses), strict=True) if c is want} for want in (False, True)
    )
    both = {size for size in open_sizes & closed_sizes if size}
    digests = (
        hashlib.sha256(encoded_bytes(pictures[row]["image"])).digest() if size in both else None
        for (pictures, row), size in zip(places, sizes, strict=True)
    )
    shared = iter(shared_rights(licenses, digests))
    return [_with_licenses(part, list(islice(shared, len(part)))) for part in parts]


def _pictures_of(part: Dataset) -> Dataset:
    return encoded_pictures(part.select_columns("image"))


def _size(cell: Mapping[str, Any] | None) -> int:
    """Bytes of the encoded picture of a cell; 0 where it has none."""
    path = Path((cell and cell["path"]) or "")
    return len(cell["bytes"]) if cell and cell["bytes"] else path.stat().st_size if path.is_file() else 0


def _with_stated_rights(split: Dataset) -> Dataset:
    columns = rights_columns(split.features.arrow_schema)
    description: Any = split.info.description  # as the document has it
    paragraphs = re.split(r"\n\s*\n", description) if isinstance(description, str) else description
    beside = cache(stated_in([{"license": split.info.license, "description": paragraphs}]).beside)
    stated = stated_licenses(plain_rows(split.select_columns(columns)))
    return _with_licenses(split, list(map(beside, stated)))


def _with_licenses(split: Dataset, stated: list[str]) -> Dataset:
    if stated == list(split["license"]):
        return split
    return _with_columns(split, {"license": stated})


def _with_columns(dataset: Dataset, values: dict[str, list[Any]]) -> Dataset:
    """The records with other values in some of their columns."""
    new = Dataset.from_dict(values, features=Features({name: dataset.features[name] for name in values}))
    # First, as `datasets` appends to no block of which `select_columns` has left no column.
    joined = concatenate_datasets([new, dataset.remove_columns(list(values))], axis=1)
    return joined.select_columns(dataset.column_names)


def _check_columns(splits: DatasetDict, folder: Path) -> None:
    """Refuse data that lack columns of a record; a training needs only the picture and the classes that it learns."""
    wanted = [name for name in painting_features() if name not in DETAILS]
    if missing := [name for name in wanted if any(name not in split.column_names for split in splits.values())]:
        raise DataError(f"{folder} has no column {', '.join(missing)}; `artextract prepare` writes all of them.")


def _check_files(folder: Path, manifest: dict[str, Any]) -> None:
    """Compare every file with the manifest, and the manifest with itself."""
    files = manifest[FILES]
    document = {key: value for key, value in manifest.items() if key != FILES}
    if not isinstance(files, dict) or not all(isinstance(entry, dict) for entry in files.values()):
        raise DataError(f"{folder / MANIFEST} is damaged.")
    if files.get(MANIFEST, {}).get("sha256") != document_digest(document):
        raise DataError(f"{folder / MANIFEST} is damaged; prepare the data again.")

    def is_whole(name: str) -> bool:
        path, entry = folder / name, files[name]
        known = re.fullmatch(WRITTEN, name) and path.is_file() and path.stat().st_size == entry.get("bytes")
        return bool(known) and file_digest(path) == entry.get("sha256")

    names = [name for name in files if name != MANIFEST]
    for name, whole in zip(names, ordered_map(is_whole, names), strict=True):
        if not whole:
            raise DataError(f"{folder / name} is missing, damaged, or not of this data set; prepare the data again.")


def read_prepared(folder: Path, skipped: SkipList) -> Dataset:
    """The records of all splits; a painting that stands in two counts once, with the labels of both.

    It is one painting where the id and the picture are the same, byte for byte or pixel for pixel. Of different
    pictures with one id all but the first get a number behind it: `0`, `0-2`.

    Args:
        folder: what `artextract prepare` wrote, or a data set with the same columns.
        skipped: filled with records that have no id, or whose picture is missing or damaged.

    Raises:
        DataError: the folder cannot be used.
    """
    return read_prepared_splits(folder, skipped)[0]


def read_prepared_splits(folder: Path, skipped: SkipList) -> tuple[Dataset, list[str]]:
    """`read_prepared`, with the split of each record, the first where it stands in two; "" where there are none."""
    splits = load_records(folder)
    names = [name for name, split in splits.items() for _ in range(len(split))]
    dataset = take_split(splits, ALL).add_column(ROW, list(range(len(names))))
    expected = painting_features()
    for name in DETAILS:  # a data set of an earlier version
        if name not in dataset.column_names:
            nothing = [None if name.startswith("year") else ""] * len(dataset)
            dataset = dataset.add_column(name, nothing, feature=expected[name])
    for row, id_ in enumerate(dataset["id"]):
        if id_ is None:
            skipped.add(f"row {row}", "the record has no id")
    dataset = _each_once(dataset)
    named = [row for row, id_ in enumerate(dataset["id"]) if id_ is not None]
    dataset = _with_checked_years(with_pictures(dataset.select(named), skipped), skipped)
    stated = ["" if list(splits) == [ALL] else names[row] for row in dataset[ROW]]
    return dataset.remove_columns(ROW), stated


def _with_checked_years(dataset: Dataset, skipped: SkipList) -> Dataset:
    """The records, of which those whose last year lies before the first have neither, see `checked_years`."""
    stated = list(zip(dataset["year"], dataset["year_end"], strict=True))
    years = checked_years(((id_, dated, "") for id_, dated in zip(dataset["id"], stated, strict=True)), skipped)
    if years == stated:
        return dataset
    first, last = zip(*years, strict=True)
    return _with_columns(dataset, {"year": list(first), "year_end": list(last)})


def _each_once(dataset: Dataset) -> Dataset:
    """Keep the first record of each painting; a label that only a later one knows is taken over."""
    ids, rows_of = list(dataset["id"]), dict[str, list[int]]()
    for row, id_ in enumerate(ids):
        if id_ is not None:
            rows_of.setdefault(id_, []).append(row)
    if len(rows_of) == len(dataset):
        return dataset
    pictures, owner = encoded_pictures(dataset.select_columns("image")), list(range(len(dataset)))
    for rows in rows_of.values():
        first: dict[str, int] = {}
        digests = _digests([pictures[row]["image"] for row in rows]) if len(rows) > 1 else [""]
        for row, digest in zip(rows, digests, strict=True):
            owner[row] = first.setdefault(digest, row)
    named = [row for row in sorted(set(owner)) if ids[row] is not None]
    for row, id_ in zip(named, distinct_ids([ids[row] for row in named]), strict=True):
        ids[row] = id_
    columns = {"id": ids} | {task: _joined_labels(dataset[task], owner) for task in tasks_of(dataset)}
    columns["license"] = _joined_rights(dataset["license"], owner)
    joined = dataset.remove_columns(list(columns))
    for name, values in columns.items():
        joined = joined.add_column(name, values, feature=dataset.features[name])
    return joined.select_columns(dataset.column_names).select(sorted(set(owner)))


def _joined_labels(labels: Iterable[int | None], owner: Sequence[int]) -> list[int]:
    """The labels of each row's owner, and of others what it does not know."""
    joined = [UNKNOWN] * len(owner)
    for row, label in zip(owner, labels, strict=True):
        if joined[row] == UNKNOWN and label is not None:
            joined[row] = label
    return joined


def _joined_rights(licenses: Iterable[str | None], owner: Sequence[int]) -> list[str]:
    """What is stated of each row's owner on any of its rows: a statement that is not open, where there is one."""
    joined = [""] * len(owner)
    for row, license in zip(owner, licenses, strict=True):
        joined[row] = least_open([joined[row], license or ""])
    return joined


def _digests(cells: list[dict[str, Any]]) -> list[str]:
    """What tells pictures apart: the digest of their bytes, or of their pixels where the bytes differ."""
    digests = [hashlib.sha256(encoded_bytes(cell)).hexdigest() for cell in cells]
    return digests if len(set(digests)) == 1 else list(map(_digest_of_pixels, cells, digests))


def _digest_of_pixels(cell: dict[str, Any], damaged: str) -> str:
    """The digest of a picture's pixels; `damaged` where it cannot be decoded."""
    try:
        picture = decode_image(picture_source(cell))
    except ImageError:
        return damaged
    return hashlib.sha256(f"{picture.size}".encode() + picture.tobytes()).hexdigest()


def take_split(splits: DatasetDict, name: str) -> Dataset:
    """A split by its name; `all` is the records of all of them.

    Raises:
        DataError: no such split, or no record in it, or splits whose columns differ.
    """
    if name == ALL:
        try:
            chosen = concatenate_datasets(list(splits.values()))
        except (ValueError, TypeError) as error:
            raise DataError(f"the splits do not fit together: {first_line(error)}") from None
    elif name in splits:
        chosen = splits[name]
    else:
        known = ", ".join(dict.fromkeys([*splits, ALL]))
        raise DataError(f"the data have no split {name!r}; give one of: {known}.")
    if not len(chosen):
        raise DataError(f"the split {name!r} is empty.")
    return chosen
