"""The pictures that a folder holds or a metadata file names, each with its row, before any of them is looked at.

    collection/metadata.csv          read in the folder, in any folder in it, or beside it
    collection/images/100026.jpg     -> id "collection/images/100026.jpg"

A picture has to lie in the folder of its source: not a row, and not a link, takes in another one of this machine.
"""

import os
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from PIL import Image

from artextract_hf.data.decode import FORMATS
from artextract_hf.data.fetch import is_address, shown
from artextract_hf.data.rights import least_open
from artextract_hf.data.schema import SkipList
from artextract_hf.data.sources.download import file_of
from artextract_hf.data.sources.metadata import METADATA, read_rows
from artextract_hf.data.sources.named_files import NamedFiles, is_inside, outside
from artextract_hf.data.words.columns import Columns
from artextract_hf.data.words.fields import PART, SPLIT_NAMES, fields_of
from artextract_hf.errors import ImageError

PARQUET = ".parquet"
KINDS = {ending for ending, kind in Image.registered_extensions().items() if kind in FORMATS}
HIDDEN = "is hidden: its name begins with a dot"
LISTED_TWICE = "is listed more than once; the first row counts"


@dataclass(frozen=True)
class Listed:
    """A picture that a folder or a table names.

    Attributes:
        id: name of the source and path in it.
        path: of its file, or of the place where one would be that has to be fetched.
        row: what the table says, by field of the schema.
        address: of its picture, where that has to be fetched first.
        problem: why it cannot be used, where that is known before its file is opened.
    """

    id: str
    path: Path
    row: dict[str, str] = field(default_factory=dict)
    problem: str = ""
    address: str = ""


def add_rights(first: Listed, other: Listed) -> None:
    """Let what another row states of the rights of a picture count beside what its first row does."""
    if stated := least_open([first.row.get("license", ""), other.row.get("license", "")]):
        first.row["license"] = stated


def listed_in_table(table: Path, columns: Columns, skipped: SkipList, *, allow_outside: bool) -> Iterator[Listed]:
    """The pictures that a list names, by paths relative to it or by addresses; a row may name several of one work.

    Raises:
        DataError: it cannot be read, or has no column that names the pictures.
    """
    files = NamedFiles(table.parent)
    for number, row in enumerate(read_rows(table, columns, skipped), start=1):
        words = fields_of(row.cells, columns)
        skipped.tables[-1].count(words)
        named = [words.pop(name, "") for name in ("image", "image_url")]
        cell = next(filter(None, named), f"(row {number} names no file)")
        for name in _names(cell, files):
            yield _listed_in_row(name, dict(words), row.problem, table, files, allow_outside=allow_outside)


def _names(cell: str, files: NamedFiles) -> list[str]:
    """The pictures that a cell names: one, or several parted by semicolons, bars, commas or line breaks.

    An address may hold such signs itself, as those of IIIF do; behind one they part it from a further address only.
    """
    between = r"[;|,\n]\s*(?=https?://)" if is_address(cell.strip()) else r"[;|,\n]"
    parts = [part.strip() for part in re.split(between, cell) if part.strip()]
    if len(parts) < 2 or files.has(cell):
        return [cell]
    is_several = all(is_address(part) or Path(part).suffix.lower() in KINDS for part in parts)
    return list(dict.fromkeys(parts)) if is_several else [cell]


def _listed_in_row(
    name: str, words: dict[str, str], problem: str, table: Path, files: NamedFiles, *, allow_outside: bool
) -> Listed:
    if is_address(name):
        return Listed(f"{table.parent.name}/{shown(name)}", table.parent / file_of(name), words, problem, name)
    path = table.parent / name
    try:
        path = files.find(name)
        if not allow_outside and not files.hold(path):
            problem = outside(table.parent)
    except ImageError as error:
        problem = str(error)
    known = not problem and path.is_relative_to(table.parent)
    return Listed(_id(path, table.parent) if known else f"{table.parent.name}/{name}", path, words, problem)


def listed_in_folder(
    folder: Path, columns: Columns, classes: str | None, skipped: SkipList, *, allow_outside: bool
) -> Iterator[Listed]:
    """Every visible file of the folder, then what its metadata names but is not there, and rows that do not count.

    Of hidden pictures that no row names the first is listed, with their number.

    Raises:
        DataError: a metadata file in it, or beside it, cannot be read.
    """
    items = list(_visible(folder, allow_outside=allow_outside))
    found = {item.path: item for item in items if item.problem != HIDDEN}
    tables = [p for p, item in found.items() if p.name.lower() in METADATA and not item.problem]
    tables.sort(key=lambda path: (-len(path.parts), path))  # the nearest to a picture counts
    if not any(table.parent == folder for table in tables) and (beside := _metadata_beside(folder)):
        tables.append(beside)
    counting: dict[Path, tuple[Path, Listed]] = {}  # by picture, with the folder of the list
    for table in tables:
        for item in listed_in_table(table, columns, skipped, allow_outside=allow_outside):
            if table.parent == folder.parent and not item.path.is_relative_to(folder):
                continue  # no part of this source
            place, first = counting.setdefault(item.path, (table.parent, item))
            add_rights(first, item)
            if first is not item and place == table.parent and item.path in found:
                yield replace(item, id=_id(item.path, folder), problem=LISTED_TWICE)
    rows = {path: item for path, (_, item) in counting.items()}
    in_splits = _is_in_splits(path.relative_to(folder).parts[:-1] for path in found)
    for path in sorted(found.keys() - set(tables)):
        listed, (*folders, _) = rows.pop(path, None), path.relative_to(folder).parts
        row = listed.row if listed else {}
        if in_splits and folders and folders[0].lower() in SPLIT_NAMES:
            row = row | {PART: folders.pop(0)}
        if classes and folders:
            row = row | {classes: folders[0]}
        problem = found[path].problem or (listed.problem if listed else "")
        yield Listed(_id(path, folder), path, row, problem)
    if hidden := sorted(item.id for item in items if item.problem == HIDDEN and item.path not in rows):
        yield Listed(hidden[0], folder / hidden[0], problem=f"{HIDDEN}; such pictures: {len(hidden)}")
    for path, item in rows.items():  # missing, refused, or to be fetched
        is_here = path.is_relative_to(folder) and not item.address
        yield replace(item, id=_id(path, folder)) if is_here else item


def _is_in_splits(paths: Iterable[tuple[str, ...]]) -> bool:
    """Whether folders in a folder are splits, as `train` and `val` are; a single one says nothing."""
    return len({path[0].lower() for path in paths if path} & SPLIT_NAMES.keys()) > 1


def is_stored_dataset(folder: Path) -> bool:
    """Whether a folder is a data set as the Hub stores it: Parquet files, without pictures or with a card that says so.

    Pictures beside a Parquet file are a collection of their own, to which something was added: an index, say.
    """
    visible = (item for item in _visible(folder, allow_outside=False) if item.problem != HIDDEN)
    endings = {item.path.suffix.lower() for item in visible}
    return PARQUET in endings and (not endings & KINDS or _has_card(folder))


def _has_card(folder: Path) -> bool:
    try:
        card = (folder / "README.md").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return card.startswith("---") and ("\nconfigs:" in card or "\ndataset_info:" in card)


def _visible(folder: Path, *, allow_outside: bool) -> Iterator[Listed]:
    """What is visible in a folder and in those in it; a folder behind a link counts where it lies outside, once.

    Of what is hidden, pictures come with the problem that they are; those of macOS (`._a.jpg`) are none.
    """
    waiting, seen = deque([str(folder)]), {os.path.realpath(folder)}
    while waiting:
        place = waiting.pop()
        try:
            entries = list(os.scandir(place))
        except OSError as error:
            yield _listed(place, folder, f"cannot be opened: {error.strerror}")
            continue
        for entry in entries:
            path, is_link = entry.path, entry.is_symlink()
            if entry.name.startswith("."):
                if _is_hidden_picture(entry):
                    yield _listed(path, folder, HIDDEN)
                continue
            leads_out = is_link and not is_inside(path, folder)
            if leads_out and not allow_outside:
                yield _listed(path, folder, outside(folder))
            elif not _holds(entry.is_dir):
                yield _listed(path, folder, _problem(entry))
            elif not allow_outside and not is_link:
                waiting.append(path)
            elif (leads_out or not is_link) and (real := os.path.realpath(path)) not in seen:
                seen.add(real)
                waiting.insert(0 if leads_out else len(waiting), path)  # what is no link comes first


def _is_hidden_picture(entry: os.DirEntry[str]) -> bool:
    is_picture = Path(entry.name).suffix.lower() in KINDS and not entry.name.startswith("._")
    return is_picture and _holds(entry.is_file)


def _holds(question: Callable[[], bool]) -> bool:
    """What an entry of a folder says of itself; no, where it is a loop of links."""
    try:
        return question()
    except OSError:
        return False


def _problem(entry: os.DirEntry[str]) -> str:
    if not _holds(entry.is_file):
        return "is a link to no file" if entry.is_symlink() else "is no file (a pipe, a socket or a device)"
    name = entry.name.lower()
    if name.endswith(PARQUET) and name not in METADATA:
        return "is a table in a folder of pictures; read it as a source of its own"
    return ""


def _listed(path: str, folder: Path, problem: str) -> Listed:
    return Listed(_id(Path(path), folder), Path(path), problem=problem)


def _metadata_beside(folder: Path) -> Path | None:
    beside = (folder.parent / name for name in METADATA)
    return next((table for table in beside if table.is_file() and is_inside(table, folder.parent)), None)


def _id(path: Path, folder: Path) -> str:
    return f"{folder.name}/{path.relative_to(folder).as_posix()}"
