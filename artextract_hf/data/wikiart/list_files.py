"""One file of ArtGAN's lists: found, unpacked, and read line by line.

    {style,genre,artist}_{train,val}     relative/path.jpg,class_index     (also .csv, .gz, .csv.gz)
    {style,genre,artist}_class           class_index class_name            (also .txt, .gz, .txt.gz)

The artist lists begin with a header and a blank line and have a double comma; the others begin at once.
"""

import gzip
import hashlib
import io
import re
import zlib
from dataclasses import dataclass, field
from pathlib import Path

from artextract_hf.data.labels import RELEASE_CLASSES
from artextract_hf.data.sources.metadata import MAX_TEXT, csv_lines
from artextract_hf.data.sources.named_files import is_inside
from artextract_hf.errors import DataError

Line = tuple[int, str]  # its number in the file, from 1, and what is said about it


@dataclass
class ListFile:
    """A list as it was read.

    Attributes:
        name: of the file.
        sha256: of the list, unpacked.
        rows: line, relative path and class index of each line that has them.
        unreadable: the lines that are neither rows nor blank nor a header, with their text.
        header_lines, blank_lines, double_commas: counts of lines.
    """

    name: str
    sha256: str
    rows: list[tuple[int, str, int]] = field(default_factory=list)
    unreadable: list[Line] = field(default_factory=list)
    header_lines: int = 0
    blank_lines: int = 0
    double_commas: int = 0


def read_list(folder: Path, name: str) -> ListFile | None:
    """A list of a folder by its name without an ending; None where it is not there.

    Raises:
        DataError: it cannot be read, leaves a quotation mark open, or has no line that names a file and its class.
    """
    path = _find(folder, name)
    if not path:
        return None
    data = _unpacked(path)
    text = _text(data, path)
    found = ListFile(path.name, hashlib.sha256(data).hexdigest())
    found.blank_lines = sum(not line.strip("\r\n") for line in io.StringIO(text, newline=""))
    for number, (line, cells) in enumerate(csv_lines(io.StringIO(text, newline=""), path)):
        if any(re.search(r"[\r\n]", cell) for cell in cells):
            raise DataError(
                f"{path} cannot be read: the row of line {line} goes on in the next; a quotation mark is not closed."
            )
        _add(found, line, cells, is_first=number == 0)
    if not found.rows:
        seen = (
            f"line {found.unreadable[0][0]} is {found.unreadable[0][1]!r}" if found.unreadable else "it names no file"
        )
        raise DataError(
            f"{path} has no line `relative/path.jpg,class_index`: {seen}. Put the release's list there, or remove it; "
            "a list that is not there gives no labels."
        )
    return found


def has_classes(folder: Path, task: str) -> bool:
    """Whether a folder has a class file of a task."""
    return _find(folder, f"{task}_class") is not None


def read_classes(folder: Path, task: str) -> list[str]:
    """The class names of a task from its class file, or the release's own where there is no such file.

    Raises:
        DataError: it cannot be read, does not number its classes 0, 1, 2, ..., or names one twice.
    """
    path = _find(folder, f"{task}_class")
    if not path:
        return list(RELEASE_CLASSES[task])
    pairs = [line.split(maxsplit=1) for line in _text(_unpacked(path), path).splitlines() if line.strip()]
    try:
        classes = sorted((int(index), name.strip()) for index, name in pairs)
    except ValueError:
        raise DataError(f"{path} holds a line that is not `number name`.") from None
    names = [name for _, name in classes]
    if not names or [index for index, _ in classes] != list(range(len(names))):
        raise DataError(f"{path} does not number its classes 0, 1, 2, ...")
    if twice := next((name for place, name in enumerate(names) if name in names[:place]), ""):
        raise DataError(f"{path} names two classes {twice!r}; give each class one line and a name of its own.")
    return names


def _add(found: ListFile, line: int, cells: list[str], *, is_first: bool) -> None:
    """Take in a line as what it is."""
    filled = [cell.strip() for cell in cells if cell.strip()]
    if len(filled) == 2 and re.fullmatch(r"\d{1,9}", filled[1]):
        found.double_commas += len(cells) > len(filled)
        found.rows.append((line, filled[0], int(filled[1])))
    elif not filled:
        found.blank_lines += 1
    elif is_first and _is_header(filled):
        found.header_lines += 1
    else:
        found.unreadable.append((line, ",".join(cells)[:100]))


def _is_header(filled: list[str]) -> bool:
    """Whether a first line names two columns, and not a file with something that is no class."""
    return len(filled) == 2 and not re.search(r"[/\\]|\.\w{1,5}$", filled[0])


def _find(folder: Path, name: str) -> Path | None:
    endings = ("", ".csv", ".txt", ".gz", ".csv.gz", ".txt.gz")
    path = next((path for ending in endings if (path := folder / f"{name}{ending}").is_file()), None)
    if path and not is_inside(path, folder):
        raise DataError(f"{path} is a link that leads out of {folder}; put the list itself there.")
    return path


def _unpacked(path: Path) -> bytes:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            data = file.read(MAX_TEXT + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read: {error}") from None
    if len(data) > MAX_TEXT:
        raise DataError(f"{path} holds more than {MAX_TEXT / 1e6:g} MB, which no list of paintings does.")
    return data


def _text(data: bytes, path: Path) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not in UTF-8: {error}") from None
