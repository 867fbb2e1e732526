"""WikiArt as ArtGAN released it: pictures in style folders, and the lists of `data/wikiart/lists.py`.

    wikiart/<Style folder>/<artist-slug>_<title-slug>[-year][-n].jpg
    wikiart_csv/{style,genre,artist}_{train,val}.csv, {style,genre,artist}_class.txt

With the split `official` a painting is one record a side, with the labels that this side's lists give it, -1 where they
give none: 566 files of the full release are in train of one task and val of another, and so stand on both sides. With
every other split (`data/wikiart/splits.py`) a painting is one record, with all its labels.
"""

import hashlib
import logging
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from datasets import DatasetDict
from tqdm import tqdm

from artextract_hf.data.decode import decode_image
from artextract_hf.data.duplicates import DECODE_SIDE, grey_thumbnail, near_duplicates
from artextract_hf.data.labels import TASKS, UNKNOWN, artist_class, display_name, mend_mojibake
from artextract_hf.data.parallel import ordered_map
from artextract_hf.data.schema import SkipList, make_dataset, new_record, painting_features
from artextract_hf.data.wikiart.lists import KNOWN_DAMAGED, SIDES, TRAIN, VAL, WikiArtLists, read_lists
from artextract_hf.data.wikiart.splits import (
    SPLITS,
    class_minimum,
    grouped_sides,
    groups_of,
    joint_sides,
    label_baselines,
)
from artextract_hf.errors import DataError, ImageError

ARTIST_LABELS = ("official", "names")
LICENSE = "ArtGAN WikiArt release: non-commercial research"
RELEASE = "cs-chan/ArtGAN, WikiArt Dataset, commit 27876da"
CHECK_SIDE = 32  # a cut file is found at any scale, and this one decodes fastest

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FileName:
    """What a file name of the release says."""

    artist: str
    title: str
    year: int | None
    source_url: str


def parse_file_name(path: str) -> FileName:
    """Artist, title and year from `Style/artist-slug_title-slug-year.jpg`.

    >>> parse_file_name("Baroque/rembrandt_the-angel-appearing-to-the-shepherds-1634.jpg")
    ... # doctest: +NORMALIZE_WHITESPACE
    FileName(artist='Rembrandt', title='The angel appearing to the shepherds', year=1634,
             source_url='https://www.wikiart.org/en/rembrandt/the-angel-appearing-to-the-shepherds-1634')
    """
    artist, _, title = mend_mojibake(PurePosixPath(path).stem).partition("_")
    slug = re.sub(r"\(\d+\)$", "", title)
    year = re.search(r"-(1[0-9]{3}|20[0-2][0-9])(?:-\d{1,2})?$", slug)
    words = (slug[: year.start()] if year else slug).replace("-", " ").strip()
    return FileName(
        artist=display_name(artist_class(artist)),
        title=words[:1].upper() + words[1:],
        year=int(year[1]) if year else None,
        source_url=f"https://www.wikiart.org/en/{artist}/{slug}",
    )


@dataclass(frozen=True)
class WikiArt:
    """A split of WikiArt and where it comes from.

    Attributes:
        splits: `train` and `val`; a side without a record is left out.
        manifest: the split, its seed, the lists with their checksums and flaws, and the baselines of each task.
    """

    splits: DatasetDict
    manifest: dict[str, Any]


def load_wikiart(root: str | Path, split: str = "official", **options: Any) -> DatasetDict:
    """WikiArt as a DatasetDict of `train` and `val` (a side without a record is left out).

    Args:
        root: the folder that holds `wikiart/` and `wikiart_csv/`.
        split: one of `data/wikiart/splits.py`: `official`, `joint`, `grouped`, `artist_disjoint`.
        options: those of `read_wikiart`.

    Raises:
        DataError: the folder or its lists are missing, or nothing usable is in them.
    """
    skipped = SkipList()
    wikiart = read_wikiart(root, split, skipped=skipped, **options)
    if skipped.items:
        first = skipped.items[0]
        logger.warning("%d files were left out, the first: %s (%s)", len(skipped.items), first.path, first.reason)
    return wikiart.splits


def read_wikiart(
    root: str | Path,
    split: str = "official",
    *,
    skipped: SkipList,
    artists: str = "official",
    min_artist_works: int = 1,
    max_samples: int = 0,
    seed: int = 0,
    progress: bool = False,
) -> WikiArt:
    """`load_wikiart` with its manifest, and with every file that was left out noted in `skipped`.

    Args:
        root: the folder that holds `wikiart/` and `wikiart_csv/`.
        split: one of SPLITS.
        skipped: filled with listed files that are missing or are no whole picture.
        artists: where the artist label comes from: `official`, the 23 of the release's list, or `names`, the artist in
            the file name; with the split `official` on the side of the painting's first listed task.
        min_artist_works: with `names`, artists with fewer listed works get no label.
        max_samples: keep so many paintings only, spread evenly over the styles; 0 keeps all.
        seed: of the draw of `grouped`, `artist_disjoint` and `max_samples`.
        progress: show a progress bar on a terminal.
    """
    if split not in SPLITS:
        raise DataError(f"there is no split {split!r}; the splits are {', '.join(SPLITS)}.")
    if artists not in ARTIST_LABELS:
        raise DataError(f"artist labels come from {' or '.join(ARTIST_LABELS)}, not from {artists!r}.")
    pictures, folder = _folders(Path(root))
    lists = read_lists(folder, skipped)
    if max_samples:
        lists = lists.take(_spread(lists, max_samples, seed))
    lists, thumbnails = _usable(lists, pictures, skipped, thumbnails=split == "grouped", progress=progress)
    if not len(lists):
        raise DataError(f"no painting of {root} is both listed and readable ({len(skipped.items)} were left out).")
    if artists == "names":
        lists = _label_by_name(lists, min_artist_works)
    found = near_duplicates(thumbnails) if thumbnails is not None else []
    pairs = [(pair.first, pair.second) for pair in found]
    assigned = assign(lists, split, seed=seed, pairs=pairs)
    classes = lists.classes
    features = painting_features(styles=classes["style"], genres=classes["genre"], artists=classes["artist"])
    splits = {}
    for side, name in enumerate(SIDES):
        rows = np.flatnonzero(assigned.member[side])
        if len(rows):
            labels = {task: both[side] for task, both in assigned.labels.items()}
            splits[name] = make_dataset(_records(lists.paths, rows, pictures, labels), features)
    return WikiArt(DatasetDict(splits), make_manifest(lists, assigned, split, seed=seed))


@dataclass(frozen=True)
class Assigned:
    """The outcome of a split.

    Attributes:
        member: bool (2, N), which paintings are in train, which in val.
        labels: (2, N) by task, as each side has them.
        groups: (N,) what was kept together; None for the release's own sides.
        near_duplicate_pairs: how many of them tied groups together.
    """

    member: np.ndarray
    labels: dict[str, np.ndarray]
    groups: np.ndarray | None = None
    near_duplicate_pairs: int = 0


def assign(lists: WikiArtLists, split: str, *, seed: int = 0, pairs: list[tuple[int, int]] | None = None) -> Assigned:
    """Put every listed painting on its side or sides; `pairs` are near-duplicates, as rows, for `grouped`."""
    if split == "official":
        return Assigned(lists.listed, lists.labels)
    groups = groups_of(lists, split, pairs or [])
    labels = lists.of_either_side()
    sides = joint_sides(lists, groups) if split == "joint" else grouped_sides(groups, labels, seed=seed)
    member = np.stack([sides == TRAIN, sides == VAL])
    both = {task: np.where(member, values, UNKNOWN) for task, values in labels.items()}
    return Assigned(member, both, groups, len(pairs or []))


def make_manifest(lists: WikiArtLists, assigned: Assigned, split: str, *, seed: int) -> dict[str, Any]:
    """Where a split comes from and how hard it is, as JSON: checksums, counts, baselines, classes with few artists."""
    artists = lists.artists
    train, val = assigned.member
    assignment = "".join(f"{path}\t{t:d}{v:d}\n" for path, t, v in zip(lists.paths, train, val, strict=True))
    manifest: dict[str, Any] = {
        "source": RELEASE,
        "split": split,
        "seed": seed if split in ("grouped", "artist_disjoint") else None,
        "lists": lists.sources,
        "flaws": lists.flaws.as_json(),
        "paintings": len(lists),
        "rows": {name: int(assigned.member[side].sum()) for side, name in enumerate(SIDES)},
        "assignment_sha256": hashlib.sha256(assignment.encode()).hexdigest(),
        "baselines": {
            task: label_baselines(both[TRAIN][train], artists[train], both[VAL][val], artists[val])
            for task, both in assigned.labels.items()
        },
    }
    if assigned.groups is not None:
        sides = val.astype(np.int8)
        sizes = np.bincount(assigned.groups)
        moved = (lists.listed[TRAIN] & ~train) | (lists.listed[VAL] & ~val)
        manifest |= {
            "groups": len(sizes),
            "largest_group": int(sizes.max()),
            "near_duplicate_pairs": assigned.near_duplicate_pairs,
            "moved": int(moved.sum()),  # paintings that a list of the release has on the other side
            "classes": {
                task: class_minimum(values, sides, artists, lists.classes[task])
                for task, values in lists.of_either_side().items()
            },
        }
        manifest["thin_classes"] = {
            task: [name for name, row in rows.items() if row["thin"]] for task, rows in manifest["classes"].items()
        }
    return manifest


def _folders(root: Path) -> tuple[Path, Path]:
    if not root.is_dir():
        raise DataError(f"{root} is not a folder.")
    pictures, lists = root / "wikiart", root / "wikiart_csv"
    for folder in (pictures, lists):
        if not folder.is_dir():
            raise DataError(
                f"{root} has no folder {folder.name}/; expected wikiart/ (pictures) and wikiart_csv/ (lists)."
            )
    return pictures, lists


def _spread(lists: WikiArtLists, n: int, seed: int) -> np.ndarray:
    """Rows of at most `n` paintings, in the order of the lists: every style keeps its share."""
    if n >= len(lists):
        return np.arange(len(lists))
    by_style = np.lexsort((np.random.default_rng(seed).random(len(lists)), lists.of_either_side()["style"]))
    return np.sort(by_style[np.linspace(0, len(lists) - 1, n).round().astype(int)])


def _usable(
    lists: WikiArtLists, pictures: Path, skipped: SkipList, *, thumbnails: bool, progress: bool
) -> tuple[WikiArtLists, np.ndarray | None]:
    """Decode every listed picture once; leave out what is missing or damaged. With their thumbnails, if wanted."""
    root = pictures.resolve()

    def look(name: str) -> str | np.ndarray | None:
        path = pictures / name
        if not path.resolve().is_relative_to(root):
            return "points outside the folder of pictures"
        if not path.is_file():
            return "listed, but there is no such file"
        try:
            image = decode_image(path, min_side=DECODE_SIDE if thumbnails else CHECK_SIDE)
        except ImageError as error:
            return f"{error}{' It is one of two that are damaged in the release.' if name in KNOWN_DAMAGED else ''}"
        return grey_thumbnail(image) if thumbnails else None

    rows, kept = [], []
    found = tqdm(ordered_map(look, lists.paths), "pictures", len(lists), disable=None if progress else True)
    for row, result in enumerate(found):
        if isinstance(result, str):
            skipped.add(lists.paths[row], result)
            continue
        rows.append(row)
        if result is not None:
            kept.append(result)
    return lists.take(np.array(rows, dtype=int)), np.stack(kept) if kept else None


def _label_by_name(lists: WikiArtLists, min_works: int) -> WikiArtLists:
    """Replace the artist labels by the artists in the file names, in alphabetical order.

    A painting that stands on both sides is labelled on the side of its first listed task, so that no name is counted
    or scored twice.
    """
    artists = lists.artists
    works = Counter(artists.tolist())
    names = sorted(name for name, count in works.items() if count >= min_works)
    index = {name: label for label, name in enumerate(names)}
    label = np.array([index.get(artist, UNKNOWN) for artist in artists], dtype=np.int16)
    named = np.stack([lists.labels[task] != UNKNOWN for task in TASKS])  # (tasks, 2, N)
    first = np.where(named.any(axis=0), named.argmax(axis=0), len(TASKS))  # (2, N) the first task of each side
    here = np.stack([first[TRAIN] <= first[VAL], first[VAL] < first[TRAIN]]) & lists.listed
    return replace(
        lists,
        labels=lists.labels | {"artist": np.where(here, label, UNKNOWN)},
        classes=lists.classes | {"artist": names},
    )


def _records(
    paths: list[str], rows: np.ndarray, pictures: Path, labels: dict[str, np.ndarray]
) -> Iterator[dict[str, Any]]:
    for row in rows.tolist():
        name = paths[row]
        known = parse_file_name(name)
        year = f", {known.year}" if known.year else ""
        yield new_record(
            id=f"wikiart/{name}",
            image={"path": str(pictures / name), "bytes": None},
            **{task: int(values[row]) for task, values in labels.items()},
            title=known.title,
            artist_name=known.artist,
            year=known.year,
            year_end=known.year,
            source_url=known.source_url,
            license=LICENSE,
            credit_line=f"{known.artist}, {known.title}{year}. WikiArt.",
        )
