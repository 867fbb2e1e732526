"""WikiArt as ArtGAN released it: pictures in style folders, and the lists of `data/wikiart/lists.py`.

    wikiart/<Style folder>/<artist-slug>_<title-slug>[-year][-n].jpg
    wikiart_csv/{style,genre,artist}_{train,val}.csv, {style,genre,artist}_class.txt

With the split `official` a painting is one record a side, with the labels that this side's lists give it, -1 where they
give none: 566 files of the full release are in train of one task and val of another, and so stand on both sides. With
every other split (`data/wikiart/splits.py`) a painting is one record, with all its labels.
"""

import logging
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from datasets import DatasetDict

from artextract_hf.data.decode import decode_image
from artextract_hf.data.duplicates import DECODE_SIDE, grey_thumbnail, near_duplicates
from artextract_hf.data.labels import TASKS, UNKNOWN, artist_class, display_name, mend_mojibake
from artextract_hf.data.pictures import CHECK_SIDE, usable
from artextract_hf.data.schema import SkipList, make_dataset, new_record, painting_features
from artextract_hf.data.sources.named_files import NamedFiles
from artextract_hf.data.wikiart.lists import KNOWN_DAMAGED, SIDES, TRAIN, VAL, WikiArtLists, read_lists
from artextract_hf.data.wikiart.manifest import make_manifest
from artextract_hf.data.wikiart.splits import SPLITS, Assigned, assign
from artextract_hf.errors import DataError, ImageError

ARTIST_LABELS = ("official", "names")
LICENSE = "ArtGAN WikiArt release: non-commercial research"

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


@dataclass(frozen=True)
class WikiArtOptions:
    """Which paintings are read, with which artist labels, and how they are split.

    Attributes:
        split: one of SPLITS in `data/wikiart/splits.py`: `official`, `joint`, `grouped`, `artist_disjoint`.
        artists: where the artist label comes from: `official`, the 23 of the release's list, or `names`, the artist in
            the file name; with the split `official` on the side of the painting's first listed task.
        min_artist_works: with `names`, artists with fewer listed works get no label.
        max_samples: keep so many paintings only, spread evenly over the styles; 0 keeps all.
        seed: of the draw of `grouped`, `artist_disjoint` and `max_samples`.

    Raises:
        DataError: there is no such split, or no such source of artist labels.
    """

    split: str = "official"
    artists: str = "official"
    min_artist_works: int = 1
    max_samples: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            raise DataError(f"there is no split {self.split!r}; the splits are {', '.join(SPLITS)}.")
        if self.artists not in ARTIST_LABELS:
            raise DataError(f"artist labels come from {' or '.join(ARTIST_LABELS)}, not from {self.artists!r}.")


def load_wikiart(root: str | Path, split: str = "official", *, progress: bool = False, **options: Any) -> DatasetDict:
    """WikiArt as a DatasetDict of `train` and `val` (a side without a record is left out).

    Args:
        root: the folder that holds `wikiart/` and `wikiart_csv/`.
        split: see `WikiArtOptions`.
        progress: show a progress bar on a terminal.
        options: the other fields of `WikiArtOptions`.

    Raises:
        DataError: the folder or its lists are missing, or nothing usable is in them.
    """
    skipped = SkipList()
    wikiart = read_wikiart(root, WikiArtOptions(split, **options), skipped=skipped, progress=progress)
    if skipped.items:
        logger.warning("%s: %s", root, skipped.summary())
    return wikiart.splits


def read_wikiart(
    root: str | Path, options: WikiArtOptions | None = None, *, skipped: SkipList, progress: bool = False
) -> WikiArt:
    """`load_wikiart` with its manifest, and with every file that was left out noted in `skipped`.

    Args:
        root: the folder that holds `wikiart/` and `wikiart_csv/`.
        options: what is read; by default all of it, with the release's own sides.
        skipped: filled with listed files that are missing or are no whole picture.
        progress: show a progress bar on a terminal.

    Raises:
        DataError: the folder or its lists are missing, or nothing usable is in them.
    """
    options = options or WikiArtOptions()
    pictures, folder = _folders(Path(root))
    lists = read_lists(folder, skipped)
    if options.max_samples:
        lists = lists.take(_spread(lists, options.max_samples, options.seed))
    grouped = options.split == "grouped"
    lists, thumbnails = _readable(lists, pictures, skipped, thumbnails=grouped, progress=progress)
    if not len(lists):
        raise DataError(f"no painting of {root} is both listed and readable ({skipped.summary()}).")
    if options.artists == "names":
        lists = _label_by_name(lists, options.min_artist_works)
    pairs = [(pair.first, pair.second) for pair in near_duplicates(np.stack(thumbnails))] if grouped else []
    assigned = assign(lists, options.split, seed=options.seed, pairs=pairs)
    manifest = make_manifest(lists, assigned, options.split, seed=options.seed)
    return WikiArt(_datasets(lists, assigned, pictures), manifest)


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


def _readable(
    lists: WikiArtLists, pictures: Path, skipped: SkipList, *, thumbnails: bool, progress: bool
) -> tuple[WikiArtLists, list[np.ndarray]]:
    """Decode every listed picture once; leave out what is missing or damaged. With their thumbnails, if wanted."""
    files = NamedFiles(pictures)

    def look(row: int) -> np.ndarray | None:
        name = lists.paths[row]
        path = files.find(name)
        if not files.hold(path):
            raise ImageError("points outside the folder of pictures")
        if not path.is_file():
            raise ImageError("listed, but there is no such file")
        try:
            image = decode_image(path, min_side=DECODE_SIDE if thumbnails else CHECK_SIDE)
        except ImageError as error:
            known = " It is one of two that are damaged in the release." if name in KNOWN_DAMAGED else ""
            raise ImageError(f"{error}{known}") from None
        return grey_thumbnail(image) if thumbnails else None

    bar = "pictures" if progress else ""
    found = dict(usable(range(len(lists)), look, lists.paths.__getitem__, skipped, progress=bar))
    return lists.take(np.array(list(found), dtype=int)), [seen for seen in found.values() if seen is not None]


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


def _datasets(lists: WikiArtLists, assigned: Assigned, pictures: Path) -> DatasetDict:
    """The records of each side that has any."""
    classes, files = lists.classes, NamedFiles(pictures)
    features = painting_features(styles=classes["style"], genres=classes["genre"], artists=classes["artist"])
    splits = {}
    for side, name in enumerate(SIDES):
        rows = np.flatnonzero(assigned.member[side])
        if len(rows):
            labels = {task: both[side] for task, both in assigned.labels.items()}
            splits[name] = make_dataset(_records(lists.paths, rows, files, labels), features)
    return DatasetDict(splits)


def _records(
    paths: list[str], rows: np.ndarray, files: NamedFiles, labels: dict[str, np.ndarray]
) -> Iterator[dict[str, Any]]:
    for row in rows.tolist():
        name = paths[row]
        known = parse_file_name(name)
        year = f", {known.year}" if known.year else ""
        yield new_record(
            id=f"wikiart/{name}",
            image={"path": str(files.find(name)), "bytes": None},
            **{task: int(values[row]) for task, values in labels.items()},
            title=known.title,
            artist_name=known.artist,
            year=known.year,
            year_end=known.year,
            source_url=known.source_url,
            license=LICENSE,
            credit_line=f"{known.artist}, {known.title}{year}. WikiArt.",
        )
