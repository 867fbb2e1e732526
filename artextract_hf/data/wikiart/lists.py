"""The lists of ArtGAN's WikiArt release as arrays, with every flaw they have counted.

The files are read in `list_files.py`. A painting may stand in two style folders, in the lists of one task or of
several, and in train of one task and val of another.
Source: cs-chan/ArtGAN, folder "WikiArt Dataset", commit 27876da.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from artextract_hf.data.labels import TASKS, UNKNOWN, artist_class
from artextract_hf.data.schema import SkipList
from artextract_hf.data.wikiart.list_files import Line, ListFile, has_classes, read_classes, read_list
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
        skipped: filled with the lines that name no known class, with the first and the number of those of each list
            that cannot be read or contradict another, with the lists that are not there, and with the class files that
            are not, where the lists are not those of the release.

    Raises:
        DataError: no list there, one that cannot be read, or a class file that does not number its classes 0, 1, 2, ...
    """
    folder, flaws = Path(folder), Flaws()
    skipped = SkipList() if skipped is None else skipped
    classes = {task: read_classes(folder, task) for task in TASKS}
    names = [f"{task}_{side}" for task in TASKS for side in SIDES]
    files = {name: file for name in names if (file := read_list(folder, name))}
    if not files:
        raise DataError(f"{folder} holds none of the lists {{style,genre,artist}}_{{train,val}}.")
    for name, file in files.items():
        task = name.partition("_")[0]
        _count_flaws_of_lines(file, flaws, skipped)
        _leave_out_unknown(file, task, len(classes[task]), flaws, skipped)
    paths = list(dict.fromkeys(path for file in files.values() for _, path, _ in file.rows))
    row_of = {path: row for row, path in enumerate(paths)}
    labels = {task: _labels(task, files, row_of, flaws, skipped) for task in TASKS}
    if missing := [name for name in names if name not in files]:
        skipped.add(folder.name, f"has no list {', '.join(missing)}, and so no labels from there")
    sources = {
        name: {"sha256": file.sha256, "rows": len(file.rows), "release": RELEASE_SHA256[name] == file.sha256}
        for name, file in files.items()
    }
    unlike = {name.partition("_")[0] for name, source in sources.items() if not source["release"]}
    if unnamed := [f"{task}_class.txt" for task in TASKS if task in unlike and not has_classes(folder, task)]:
        skipped.add(folder.name, f"has no {', '.join(unnamed)}; the release's names are taken for its numbers")
    lists = WikiArtLists(paths, labels, classes, sources, flaws)
    _count_flaws_of_files(lists)
    return lists


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


def _count_flaws_of_lines(file: ListFile, flaws: Flaws, skipped: SkipList) -> None:
    flaws.header_lines += file.header_lines
    flaws.blank_lines += file.blank_lines
    flaws.double_commas += file.double_commas
    flaws.unreadable_lines += len(file.unreadable)
    _list_first(
        file, [(line, f"is {text!r}, not `relative/path.jpg,class_index`") for line, text in file.unreadable], skipped
    )


def _leave_out_unknown(file: ListFile, task: str, classes: int, flaws: Flaws, skipped: SkipList) -> None:
    """Take the rows out of a list whose class the task does not have."""
    for _, path, label in file.rows:
        if label >= classes:
            flaws.unknown_classes += 1
            skipped.add(path, f"{file.name} gives class {label}, but {task} has {classes} classes")
    file.rows = [row for row in file.rows if row[2] < classes]


def _labels(
    task: str, files: Mapping[str, ListFile], row_of: Mapping[str, int], flaws: Flaws, skipped: SkipList
) -> np.ndarray:
    """int16 (2, N): the classes of a task by side; the first line of a list that names a file counts."""
    labels = np.full((2, len(row_of)), UNKNOWN, dtype=np.int16)
    for side, name in enumerate(SIDES):
        if file := files.get(f"{task}_{name}"):
            _fill(labels[side], file, row_of, flaws, skipped)
    differ = np.flatnonzero((labels != UNKNOWN).all(axis=0) & (labels[TRAIN] != labels[VAL]))
    flaws.contradicting_lines += len(differ)
    if len(differ):
        path = list(row_of)[int(differ[0])]
        reason = f"{task}_train and {task}_val give it two classes; where it is on one side, that of train counts"
        skipped.add(path, f"{reason}; such files: {len(differ)}")
    return labels


def _fill(labels: np.ndarray, file: ListFile, row_of: Mapping[str, int], flaws: Flaws, skipped: SkipList) -> None:
    """Write the classes of a list into its side (N,)."""
    contradicting = []
    for line, path, label in file.rows:
        row = row_of[path]
        if labels[row] == UNKNOWN:
            labels[row] = label
        elif labels[row] == label:
            flaws.repeated_lines += 1
        else:
            contradicting.append((line, f"gives {path} class {label}, a line before class {labels[row]}, which counts"))
    flaws.contradicting_lines += len(contradicting)
    _list_first(file, contradicting, skipped)


def _list_first(file: ListFile, lines: Sequence[Line], skipped: SkipList) -> None:
    """List the first of the lines that share a flaw, with their number."""
    if lines:
        number, reason = lines[0]
        skipped.add(f"{file.name} line {number}", f"{reason}; such lines: {len(lines)}")


def _count_flaws_of_files(lists: WikiArtLists) -> None:
    copies = Counter(file_name(path) for path in lists.paths)
    lists.flaws.non_ascii_files = sum(not path.isascii() for path in lists.paths)
    lists.flaws.files_in_two_style_folders = sum(count > 1 for count in copies.values())
    lists.flaws.files_on_both_sides = int(lists.listed.all(axis=0).sum())
    lists.flaws.known_damaged_files = sum(path in lists.paths for path in KNOWN_DAMAGED)
