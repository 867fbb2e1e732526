"""WikiArt as ArtGAN released it: pictures in style folders, one list of files a task and a side.

    wikiart/<Style folder>/<artist-slug>_<title-slug>[-year][-n].jpg
    wikiart_csv/{style,genre,artist}_{train,val}.csv     relative/path.jpg,class_index
    wikiart_csv/{style,genre,artist}_class.txt           class_index class_name

Source: cs-chan/ArtGAN, WikiArt dataset. A painting is one record a side with the labels that this side's lists give
it, -1 where they give none; 566 files of the full release are in the train list of one task and the val list of
another, and so stand on both sides, each time with the labels of that side only.
"""

import csv
import logging
import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from datasets import Dataset, DatasetDict

from artextract_hf.data.decode import decode_image
from artextract_hf.data.labels import RELEASE_CLASSES, TASKS, UNKNOWN, artist_class, display_name, mend_mojibake
from artextract_hf.data.schema import SkipList, painting_features
from artextract_hf.errors import DataError, ImageError

SIDES = ("train", "val")
SPLITS = ("official",)
ARTIST_LABELS = ("official", "names")
LICENSE = "ArtGAN WikiArt release: non-commercial research"
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


def load_wikiart(root: str | Path, split: str = "official", **options: Any) -> DatasetDict:
    """WikiArt as a DatasetDict of `train` and `val` (a side without a record is left out).

    Args:
        root: the folder that holds `wikiart/` and `wikiart_csv/`.
        split: `official`, the release's own lists.
        options: `artists` and `min_artist_works`, as in `read_wikiart`.

    Raises:
        DataError: the folder or its lists are missing, or nothing usable is in them.
    """
    skipped = SkipList()
    dataset = read_wikiart(root, split, skipped=skipped, **options)
    if skipped.items:
        first = skipped.items[0]
        logger.warning("%d files were left out, the first: %s (%s)", len(skipped.items), first.path, first.reason)
    return dataset


def read_wikiart(
    root: str | Path,
    split: str = "official",
    *,
    skipped: SkipList,
    artists: str = "official",
    min_artist_works: int = 1,
) -> DatasetDict:
    """`load_wikiart`, with every file that was left out noted in `skipped`.

    Args:
        root: the folder that holds `wikiart/` and `wikiart_csv/`.
        split: `official`.
        skipped: filled with listed files that are missing or are no whole picture.
        artists: where the artist label comes from: `official`, the 23 of the release's list, or `names`, the artist in
            the file name, on the side of the painting's first listed task.
        min_artist_works: with `names`, artists with fewer listed works get no label.
    """
    if split not in SPLITS:
        raise DataError(f"there is no split {split!r}; the splits are {', '.join(SPLITS)}.")
    if artists not in ARTIST_LABELS:
        raise DataError(f"artist labels come from {' or '.join(ARTIST_LABELS)}, not from {artists!r}.")
    pictures, lists = _folders(Path(root))
    classes = {task: read_classes(lists, task) for task in TASKS}
    labels = {side: _labels_of_side(lists, side, classes, skipped) for side in SIDES}
    _drop_unusable(labels, pictures, skipped)
    if artists == "names":
        classes["artist"] = _label_by_name(labels, min_artist_works)
    features = painting_features(styles=classes["style"], genres=classes["genre"], artists=classes["artist"])
    sides = {
        side: Dataset.from_list([_record(p, pictures, labels[side][p]) for p in labels[side]], features=features)
        for side in SIDES
        if labels[side]
    }
    if not sides:
        raise DataError(f"no painting of {root} is both listed and readable ({len(skipped.items)} were left out).")
    return DatasetDict(sides)


def read_classes(lists: Path, task: str) -> list[str]:
    """The class names of a task from its class file, or the release's own where there is no such file."""
    path = lists / f"{task}_class.txt"
    if not path.is_file():
        return list(RELEASE_CLASSES[task])
    pairs = [line.split(maxsplit=1) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    names = {int(index): name for index, name in pairs}
    if sorted(names) != list(range(len(names))):
        raise DataError(f"{path} does not number its classes 0, 1, 2, ...")
    return [names[index] for index in range(len(names))]


def read_list(path: Path) -> Iterator[tuple[str, int]]:
    """(relative path, class index) of a list; headers, blank lines and double commas are understood."""
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.reader(lines):
            cells = [cell.strip() for cell in row if cell.strip()]
            if len(cells) == 2 and cells[1].isdigit():
                yield cells[0], int(cells[1])


def _folders(root: Path) -> tuple[Path, Path]:
    if not root.is_dir():
        raise DataError(f"{root} is not a folder.")
    pictures, lists = root / "wikiart", root / "wikiart_csv"
    for folder in (pictures, lists):
        if not folder.is_dir():
            raise DataError(
                f"{root} has no folder {folder.name}/; expected wikiart/ (pictures) and wikiart_csv/ (lists)."
            )
    if not any(lists.glob("*_train.csv")) and not any(lists.glob("*_val.csv")):
        raise DataError(f"{lists} holds none of the lists {{style,genre,artist}}_{{train,val}}.csv.")
    return pictures, lists


def _labels_of_side(
    lists: Path, side: str, classes: dict[str, list[str]], skipped: SkipList
) -> dict[str, dict[str, int]]:
    """path -> {task: label} of one side, in the order of the lists."""
    labels: dict[str, dict[str, int]] = {}
    for task in TASKS:
        path = lists / f"{task}_{side}.csv"
        for name, label in read_list(path) if path.is_file() else ():
            if label >= len(classes[task]):
                skipped.add(name, f"{path.name} gives class {label}, but {task} has {len(classes[task])} classes")
                continue
            labels.setdefault(name, {})[task] = label
    return labels


def _drop_unusable(labels: dict[str, dict[str, dict[str, int]]], pictures: Path, skipped: SkipList) -> None:
    """Decode every listed picture once and take out what is missing or damaged."""
    listed = sorted(set().union(*labels.values()))
    with ThreadPoolExecutor() as pool:
        for name, problem in zip(listed, pool.map(lambda n: _problem(pictures, n), listed), strict=True):
            if problem is None:
                continue
            skipped.add(name, problem)
            for side in SIDES:
                labels[side].pop(name, None)


def _problem(pictures: Path, name: str) -> str | None:
    path = pictures / name
    if not path.resolve().is_relative_to(pictures.resolve()):
        return "points outside the folder of pictures"
    if not path.is_file():
        return "listed, but there is no such file"
    try:
        decode_image(path, min_side=CHECK_SIDE)
    except ImageError as error:
        return str(error)
    return None


def _label_by_name(labels: dict[str, dict[str, dict[str, int]]], min_works: int) -> list[str]:
    """Replace the artist labels by the artists in the file names; return the class names, in alphabetical order.

    A painting that stands on both sides is labelled on the side of its style list (all paintings of the release have a
    style), so that no name is counted or scored twice.
    """
    by_path = {
        name: artist_class(PurePosixPath(name).name.partition("_")[0]) for side in SIDES for name in labels[side]
    }
    works = Counter(by_path.values())
    names = sorted(name for name, count in works.items() if count >= min_works)
    index = {name: label for label, name in enumerate(names)}
    for side, other in (SIDES, SIDES[::-1]):
        for name, tasks in labels[side].items():
            tasks.pop("artist", None)
            if name in labels[other] and _first_task(labels[other][name]) < _first_task(tasks):
                continue
            if by_path[name] in index:
                tasks["artist"] = index[by_path[name]]
    return names


def _first_task(tasks: dict[str, int]) -> int:
    return min((TASKS.index(task) for task in tasks), default=len(TASKS))


def _record(name: str, pictures: Path, labels: dict[str, int]) -> dict[str, Any]:
    known = parse_file_name(name)
    year = f", {known.year}" if known.year else ""
    return {
        "id": f"wikiart/{name}",
        "image": {"path": str(pictures / name), "bytes": None},
        **{task: labels.get(task, UNKNOWN) for task in TASKS},
        "title": known.title,
        "artist_name": known.artist,
        "year": known.year,
        "source_url": known.source_url,
        "license": LICENSE,
        "credit_line": f"{known.artist}, {known.title}{year}. WikiArt.",
    }
