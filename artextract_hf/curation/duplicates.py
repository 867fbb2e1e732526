"""Pictures that a collection holds twice, or that stand on two sides of a split."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset, DatasetDict, Features, Value, concatenate_datasets
from datasets import Image as ImageFeature
from PIL import Image

from artextract_hf.curation.findings import Finding
from artextract_hf.data.duplicates import DECODE_SIDE, grey_thumbnail, near_duplicates
from artextract_hf.data.pictures import decoded
from artextract_hf.data.prepared import load_prepared
from artextract_hf.data.schema import SkipList, with_ids
from artextract_hf.data.sources.collection import is_hub_name, read_collection
from artextract_hf.data.sources.listing import is_stored_dataset
from artextract_hf.data.sources.named_files import is_inside
from artextract_hf.data.sources.tables import read_table_splits
from artextract_hf.data.words.columns import COLUMNS
from artextract_hf.errors import DataError, PaintingIndexError
from artextract_hf.retrieval.index import PaintingIndex

SPLIT = "split"  # the column that says where a record comes from
NEW, INDEXED = "new", "index"  # what is looked for, and what is there already
TEXTS = ("title", "artist_name")  # what a report says of a record beside its id, where it has them


@dataclass(frozen=True)
class Duplicate:
    """Two records that show the same painting; `exact` where their pixels are the same, else `near`."""

    first: str
    second: str
    first_split: str
    second_split: str
    similarity: float
    kind: str
    rows: tuple[int, int]  # in the collection that was searched

    def as_json(self) -> dict[str, Any]:
        """The pair as the command line prints it."""
        return {key: value for key, value in asdict(self).items() if key != "rows"}


def read_splits(
    source: str | Path, skipped: SkipList, *, allow_outside: bool = False, allow_private_hosts: bool = False
) -> Dataset:
    """The records of every split of a source, with a column `split`.

    Args:
        source: a prepared folder; a folder with one subfolder of pictures a split (train/, val/, ...); a data set of
            the Hub, or a folder as it is stored there; or any other collection, which is one split without a name.
        skipped: filled with pictures that cannot be used.
        allow_outside: as in `read_collection`.
        allow_private_hosts: as there.
    """
    folder = Path(source)
    if (folder / "dataset_dict.json").is_file():
        splits = load_prepared(folder)
    elif folder.is_dir() and (parts := _split_folders(folder)):
        splits = DatasetDict({part.name: read_collection(part, skipped, allow_outside=allow_outside) for part in parts})
    elif is_hub_name(source) or (folder.is_dir() and is_stored_dataset(folder)):
        where = folder.resolve() if folder.is_dir() else str(source)
        splits = read_table_splits(where, COLUMNS, skipped, allow_outside=allow_outside)
    else:
        whole = read_collection(source, skipped, allow_outside=allow_outside, allow_private_hosts=allow_private_hosts)
        splits = DatasetDict({"": whole})
    named = [_shown(part).add_column(SPLIT, [name] * len(part)) for name, part in splits.items() if len(part)]
    if not named:
        raise DataError(f"{source} holds no usable picture ({skipped.summary()}).")
    return concatenate_datasets(named)


def find_duplicates(records: Dataset, skipped: SkipList, *, across_splits: bool) -> list[Duplicate]:
    """Every pair of records with the same painting.

    Args:
        records: with columns `id`, `image` and `split`, as `read_splits` gives them.
        skipped: filled with pictures that cannot be decoded; they are in no pair.
        across_splits: only pairs on two different splits.

    Raises:
        DataError: there is but one split to look across.
    """
    splits = np.array(records[SPLIT])
    if across_splits and len(set(splits)) < 2:
        raise DataError(
            "leaks are looked for across splits, and this source has one only; use `audit duplicates` for it."
        )
    pictures = records.select_columns(["id", "image"])
    seen = dict(decoded(pictures, _thumbnail_and_digest, skipped, min_side=DECODE_SIDE, progress="pictures"))
    if not seen:
        raise DataError("no picture of the source can be decoded.")
    rows, (thumbnails, digests) = list(seen), zip(*seen.values(), strict=True)
    sides = splits[rows] if across_splits else None
    near = near_duplicates(np.stack(thumbnails), sides=sides)
    found = {(pair.first, pair.second): (pair.similarity, "near") for pair in near}
    found |= dict.fromkeys(_same_pixels(digests, sides), (1.0, "exact"))
    ids = records["id"]
    return [
        Duplicate(ids[rows[a]], ids[rows[b]], str(splits[rows[a]]), str(splits[rows[b]]), *how, (rows[a], rows[b]))
        for (a, b), how in sorted(found.items(), key=lambda item: (-item[1][0], item[0]))
    ]


def find_copies(index: PaintingIndex) -> list[Finding]:
    """The works of an index that are there twice, by its small pictures, the most similar pair first.

    Raises:
        PaintingIndexError: the index was made without pictures.
    """
    works = _indexed(index)
    return [
        Finding(
            pair.first,
            "duplicate",
            pair.similarity,
            f"{pair.second} shows the same painting (similarity {pair.similarity:.2f}).",
            (pair.second,),
        )
        for pair in find_duplicates(works, SkipList(), across_splits=False)
    ]


def beside_index(records: Dataset, index: PaintingIndex) -> Dataset:
    """The records of a source and those of an index, as the splits NEW and INDEXED.

    Args:
        records: as `read_splits` gives them.
        index: with small pictures.

    Raises:
        PaintingIndexError: the index was made without pictures.
    """
    asked = _shown(records).add_column(SPLIT, [NEW] * len(records))
    return concatenate_datasets([asked, _indexed(index).cast(asked.features)])


def _indexed(index: PaintingIndex) -> Dataset:
    """The works of an index as `read_splits` gives records, with their small pictures.

    Raises:
        PaintingIndexError: the index was made without pictures.
    """
    pictures = [{"bytes": picture, "path": None} for picture in index.thumbnails()]
    if not any(picture["bytes"] for picture in pictures):
        raise PaintingIndexError("the index was made without pictures, so there is nothing to compare with.")
    held = index.records()
    texts = {name: [str(record.get(name) or "") for record in held] for name in TEXTS}
    text = dict.fromkeys([*TEXTS, SPLIT], Value("string"))
    features = Features({"id": Value("string"), "image": ImageFeature(mode="RGB"), **text})
    columns = {"id": index.ids, "image": pictures, **texts, SPLIT: [INDEXED] * len(held)}
    return Dataset.from_dict(columns, features=features)


def _shown(part: Dataset) -> Dataset:
    """What a report shows of records: `id`, `image`, TEXTS.

    Raises:
        DataError: they have no pictures.
    """
    if "image" not in part.column_names:
        raise DataError("the source has no column image, so there is nothing to look for.")
    part = with_ids(part)
    for name in TEXTS:
        if name not in part.column_names:
            part = part.add_column(name, [""] * len(part), feature=Value("string"))
    return part.select_columns(["id", "image", *TEXTS])


def _split_folders(folder: Path) -> list[Path]:
    """The subfolders, where the folder holds nothing else but them and at least two."""
    parts = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    names = {"train", "val", "valid", "validation", "dev", "test"}

    def is_split(part: Path) -> bool:
        return part.is_dir() and part.name.lower() in names and is_inside(part, folder)

    return parts if len(parts) > 1 and all(is_split(part) for part in parts) else []


def _thumbnail_and_digest(picture: Image.Image, _: dict[str, Any]) -> tuple[np.ndarray, str]:
    """The thumbnail (64, 64) of a picture, and the digest of its pixels."""
    return grey_thumbnail(picture), hashlib.sha256(picture.tobytes()).hexdigest()


def _same_pixels(digests: Sequence[str], sides: np.ndarray | None) -> list[tuple[int, int]]:
    """Pairs with the same digest: of each picture and the first like it, so that n copies are n - 1 pairs a side."""
    first: dict[tuple[str, Any], int] = {}
    pairs = []
    for row, digest in enumerate(digests):
        for side in [None] if sides is None else sorted(set(sides)):
            if sides is not None and side == sides[row]:
                continue
            if (earlier := first.get((digest, side))) is not None:
                pairs.append((earlier, row))
        first.setdefault((digest, None if sides is None else sides[row]), row)
    return pairs
