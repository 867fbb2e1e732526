"""The lists of ArtGAN's WikiArt release as arrays, with every flaw they have counted.

    {style,genre,artist}_{train,val}     relative/path.jpg,class_index     (also .csv, .gz, .csv.gz)
    {style,genre,artist}_class           class_index class_name            (also .txt, .gz, .txt.gz)

The artist lists begin with a header and a blank line and have a double comma; the others begin at once. A painting may
stand in two style folders, in the lists of one task or of several, and in train of one task and val of another.
Source: cs-chan/ArtGAN, folder "WikiArt Dataset", commit 27876da.
"""

import csv
import gzip
import hashlib
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from artextract_hf.data.labels import RELEASE_CLASSES, TASKS, UNKNOWN, artist_class
from artextract_hf.data.schema import SkipList
from artextract_hf.errors import DataError

SIDES = ("train", "val")
TRAIN, VAL = range(2)

# Cut short or damaged in the archive of the release (cs-chan/ArtGAN, issues 4 and 14).
KNOWN_DAMAGED = (
    "Baroque/rembrandt_woman-standing-with-raised-hands.jpg",
    "Post_Impressionism/vincent-van-gogh_l-arlesienne-portrait-of-madame-ginoux-1890.jpg",
)

# SHA-256 of the release's own lists, unpacked: a list that has it is ArtGAN's, byte for byte.
RELEASE_SHA256 = {
    "style_train": "5a70342fe9f72a90e68af6c6aae1eb6b7852d7ddd360eb9d6a5558f4d78b4123",
    "style_val": "9a28b6416fec793c9baf21fb1999fd3a28704d5a7b51ef78158b8fba6c1a1984",
    "genre_train": "151e0d874eaa2cfae2ccd95d19b2eba909c5eabc2f68150b66ab516afae22d34",
    "genre_val": "05b683e5be29bb09afe4bc94dc8140b238f36db6fe67121ca7a04fee4c4fcb95",
    "artist_train": "0eb243e9a5fa35ee2345dd042746b1c4596637e52c92d9618d0cf3701c2d423f",
    "artist_val": "8c6814ca84e0308bf8bbf80bc4e35e1c2c42247fa79867cbdf388c3f758de67e",
}


@dataclass
class Flaws:
    """What was met and understood while the lists were read; counts of lines, or of files where it says so."""

    header_lines: int = 0
    blank_lines: int = 0
    double_commas: int = 0
    unreadable_lines: int = 0
    unknown_classes: int = 0
    repeated_lines: int = 0
    contradicting_lines: int = 0  # the file stands in the same list, or in both lists of the task, with another class
    non_ascii_files: int = 0
    files_in_two_style_folders: int = 0
    files_on_both_sides: int = 0  # train of one task, val of another
    known_damaged_files: int = 0

    def as_json(self) -> dict[str, int]:
        """The counts by name."""
        return asdict(self)


@dataclass(frozen=True)
class WikiArtLists:
    """The lists as arrays.

    Attributes:
        paths: (N,) every listed file once, in the order in which the lists name them.
        labels: int16 (2, N) by task: the class that the train lists and the val lists give, -1 where they give none.
        classes: the class names by task.
        sources: for each list that was read its SHA-256 (unpacked), its rows, and whether it is ArtGAN's own.
        flaws: what was met while reading.
    """

    paths: list[str]
    labels: dict[str, np.ndarray]
    classes: dict[str, list[str]]
    sources: dict[str, dict[str, Any]] = field(default_factory=dict)
    flaws: Flaws = field(default_factory=Flaws)

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def listed(self) -> np.ndarray:
        """bool (2, N): whether any list of the side names the file."""
        return np.any([labels != UNKNOWN for labels in self.labels.values()], axis=0)

    @property
    def artists(self) -> np.ndarray:
        """(N,) the artist's class name, from the file name."""
        return np.array([artist_class(file_name(path).partition("_")[0]) for path in self.paths])

    def of_either_side(self) -> dict[str, np.ndarray]:
        """int16 (N,) by task: the class that any list gives; the train list's where both give one."""
        return {task: np.where(both[TRAIN] != UNKNOWN, both[TRAIN], both[VAL]) for task, both in self.labels.items()}

    def take(self, rows: np.ndarray) -> "WikiArtLists":
        """The given rows only."""
        labels = {task: both[:, rows] for task, both in self.labels.items()}
        return WikiArtLists([self.paths[row] for row in rows], labels, self.classes, self.sources, self.flaws)


def read_lists(folder: str | Path, skipped: SkipList | None = None) -> WikiArtLists:
    """Read every list of a folder; a list that is not there gives no label.

    Args:
        folder: holds the lists, plain or gzipped, with or without `.csv` and `.txt`.
        skipped: filled with the lines that name no known class.

    Raises:
        DataError: no list there, or a class file that does not number its classes 0, 1, 2, ...
    """
    folder, flaws = Path(folder), Flaws()
    skipped = SkipList() if skipped is None else skipped
    classes = {task: read_classes(folder, task) for task in TASKS}
    row_of: dict[str, int] = {}
    found: dict[str, list[tuple[int, int, int]]] = {task: [] for task in TASKS}
    sources = {}
    for task in TASKS:
        for side, name in enumerate(SIDES):
            if not (path := _find(folder, f"{task}_{name}")):
                continue
            data = _unpacked(path)
            before = len(found[task])
            for file, label in _rows(data, str(path), flaws):
                if label >= len(classes[task]):
                    flaws.unknown_classes += 1
                    skipped.add(file, f"{path.name} gives class {label}, but {task} has {len(classes[task])} classes")
                    continue
                found[task].append((side, row_of.setdefault(file, len(row_of)), label))
            digest = hashlib.sha256(data).hexdigest()
            known = RELEASE_SHA256.get(f"{task}_{name}") == digest
            sources[f"{task}_{name}"] = {"sha256": digest, "rows": len(found[task]) - before, "release": known}
    if not sources:
        raise DataError(f"{folder} holds none of the lists {{style,genre,artist}}_{{train,val}}.")
    labels = {task: _as_array(found[task], len(row_of), flaws) for task in TASKS}
    lists = WikiArtLists(list(row_of), labels, classes, sources, flaws)
    _count_flaws_of_files(lists)
    return lists


def read_classes(folder: Path, task: str) -> list[str]:
    """The class names of a task from its class file, or the release's own where there is no such file."""
    path = _find(folder, f"{task}_class")
    if not path:
        return list(RELEASE_CLASSES[task])
    pairs = [line.split(maxsplit=1) for line in _unpacked(path).decode("utf-8").splitlines() if line.strip()]
    try:
        names = {int(index): name.strip() for index, name in pairs}
    except ValueError:
        raise DataError(f"{path} holds a line that is not `number name`.") from None
    if sorted(names) != list(range(len(names))):
        raise DataError(f"{path} does not number its classes 0, 1, 2, ...")
    return [names[index] for index in range(len(names))]


def file_name(path: str) -> str:
    """The last part of a path of the lists: `artist-slug_title-slug.jpg`, the same for a work in two style folders."""
    return PurePosixPath(path).name


def title_stem(path: str) -> str:
    """The title in a file name without years, numbers and copies: what the works of a series share.

    >>> title_stem("Impressionism/claude-monet_water-lilies-6.jpg")
    'water-lilies'
    >>> title_stem("Abstract_Expressionism/gene-davis_untitled-1979(3).jpg")
    'untitled'
    """
    title = PurePosixPath(path).stem.partition("_")[2]
    stem = re.sub(r"(\(\d+\)|-(\d+|[ivx]+))+$", "", title)
    return stem or title


def _find(folder: Path, name: str) -> Path | None:
    endings = ("", ".csv", ".txt", ".gz", ".csv.gz", ".txt.gz")
    return next((path for ending in endings if (path := folder / f"{name}{ending}").is_file()), None)


def _unpacked(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if path.suffix == ".gz" else data
    except (OSError, EOFError) as error:
        raise DataError(f"{path} cannot be read: {error}") from None


def _rows(data: bytes, name: str, flaws: Flaws) -> Iterator[tuple[str, int]]:
    """(relative path, class index) of each line that is one."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"{name} is not in UTF-8: {error}") from None
    for number, cells in enumerate(csv.reader(io.StringIO(text, newline=""))):
        filled = [cell.strip() for cell in cells if cell.strip()]
        if len(filled) == 2 and filled[1].isdecimal():
            flaws.double_commas += len(cells) > len(filled)
            yield filled[0], int(filled[1])
        elif not filled:
            flaws.blank_lines += 1
        elif number == 0:
            flaws.header_lines += 1
        else:
            flaws.unreadable_lines += 1


def _as_array(found: list[tuple[int, int, int]], n: int, flaws: Flaws) -> np.ndarray:
    """int16 (2, n) of (side, row, label); the first line that names a file counts."""
    labels = np.full((2, n), UNKNOWN, dtype=np.int16)
    for side, row, label in found:
        if labels[side, row] == UNKNOWN:
            labels[side, row] = label
        elif labels[side, row] == label:
            flaws.repeated_lines += 1
        else:
            flaws.contradicting_lines += 1
    on_both = (labels != UNKNOWN).all(axis=0)
    flaws.contradicting_lines += int((on_both & (labels[TRAIN] != labels[VAL])).sum())
    return labels


def _count_flaws_of_files(lists: WikiArtLists) -> None:
    copies = Counter(file_name(path) for path in lists.paths)
    lists.flaws.non_ascii_files = sum(not path.isascii() for path in lists.paths)
    lists.flaws.files_in_two_style_folders = sum(count > 1 for count in copies.values())
    lists.flaws.files_on_both_sides = int(lists.listed.all(axis=0).sum())
    lists.flaws.known_damaged_files = sum(path in lists.paths for path in KNOWN_DAMAGED)
