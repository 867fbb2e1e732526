"""Output folders that are whole, the old or the new, whenever a run is killed or the disk is full.

    data/.museum.artextract/lock    held by the run that writes data/museum; the system frees it when that run ends
    data/.museum.artextract/swap    held while a folder takes the place of another
    data/.museum.artextract/new     what is being written; once it is on the disk, it takes the place of data/museum,
    data/.museum.artextract/old     which waits here meanwhile, and is removed last
    data/.museum.artextract/room    where a run may lay down what it needs on the way

A run that is killed leaves this folder, and the next run clears it. Where both are there and data/museum is not, the
run was killed between the two renames: `new` is whole, and `recover` puts it in place for whoever reads or writes next.
"""

import contextlib
import errno
import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from artextract_hf.documents import read_document
from artextract_hf.errors import ArtExtractError

if sys.platform != "win32":
    import fcntl

LOCK, SWAP, NEW, OLD, ROOM = "lock", "swap", "new", "old", "room"
SPLITS = "dataset_dict.json"  # of a data set, whose splits are folders in it
# By one of these an index, embeddings, prepared data or a model is known, into which no report goes.
WHOLE = ("index.json", "embedder.json", SPLITS, "dataset_info.json", "state.json", "config.json")
HEAD = 2**12  # bytes of a file in which the mark of what wrote it stands
_held: set[int] = set()  # handles of locks, which a forked process must not keep when this one is killed


def _forget_locks() -> None:
    for handle in _held:
        os.close(handle)
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_locks)


@contextlib.contextmanager
def output_lock(folder: str | Path) -> Iterator[None]:
    """Hold the right to write an output folder, for as long as a run takes; it ends with the process in any case.

    Raises:
        ArtExtractError: another run holds it, links lie where it would work, or it would lie in a file.
    """
    target = real_path(folder)
    _existing(target.parent)
    if target.parent.exists() and not os.access(target.parent, os.W_OK):
        yield  # a mounted folder, perhaps: there is no place for a lock beside it
        return
    with _lock(_work(target) / LOCK) as held:
        if not held:
            raise ArtExtractError(f"another run is writing {target}; wait for its end, or choose another folder.")
        with _lock(_work(target) / SWAP, wait=True):
            _clear(target)
        yield


@contextlib.contextmanager
def replacement(folder: str | Path) -> Iterator[Path]:
    """An empty folder to be filled; it then takes the place of `folder` as a whole, or leaves that as it is.

    Whether what is in `folder` may be replaced is for the caller to know. Others who replace it meanwhile wait.

    Raises:
        ArtExtractError: it cannot be replaced, see `check_replaceable`, or links lie where it would be made.
        OSError: it cannot be written, as on a full disk; what was there is intact.
    """
    target = real_path(folder)
    check_replaceable(target)
    new, old = _work(target) / NEW, _work(target) / OLD
    with _lock(_work(target) / SWAP, wait=True):
        _clear(target)
        new.mkdir()
        try:
            yield new
            _flush(new)
            _exchange(new, target, old)
        finally:
            if target.exists() or not old.exists():  # else `old` is the only whole folder there is
                for left in (new, old):
                    shutil.rmtree(left, ignore_errors=True)


@contextlib.contextmanager
def working_room(folder: str | Path) -> Iterator[Path]:
    """An empty folder on the disk of an output folder, for files that a run needs on the way; removed at the end.

    Raises:
        ArtExtractError: another run is writing the output folder.
    """
    room = _work(real_path(folder)) / ROOM
    with output_lock(folder):
        shutil.rmtree(room, ignore_errors=True)  # of a run that was killed
        room.mkdir()
        try:
            yield room
        finally:
            shutil.rmtree(room, ignore_errors=True)


def check_replaceable(folder: str | Path) -> None:
    """Refuse a folder that could not be replaced, before the work on what is to replace it.

    Raises:
        ArtExtractError: it is a file, the working directory or around it, or mounted, or the folder around it is
            read-only, or a file.
    """
    target = real_path(folder)
    if target.exists() and not target.is_dir():
        raise ArtExtractError(f"{target} is a file; choose another folder.")
    if Path.cwd().is_relative_to(target):
        raise ArtExtractError(f"{target} is the working directory, and would be replaced; choose another folder.")
    if target.is_mount():
        raise ArtExtractError(f"{target} is mounted, and cannot be replaced; choose a folder in it.")
    check_writable(target.parent)


def recover(folder: str | Path) -> None:
    """Put in place what a run that was killed between two renames had finished; otherwise do nothing."""
    target = real_path(folder)
    with contextlib.suppress(OSError):  # such as a folder that may only be read
        if not target.exists() and (_work(target) / OLD).is_dir():
            with _lock(_work(target) / SWAP, wait=True):
                _clear(target)


def real_path(name: str | Path) -> Path:
    """A path from the root, links followed.

    Raises:
        ArtExtractError: nothing can be called so.
    """
    try:
        return Path(name).resolve()
    except ValueError as error:  # a zero byte
        raise ArtExtractError(f"{str(name)!r} cannot be the name of a file or folder: {error}.") from None


def first_other(folder: Path, written: str) -> Path | None:
    """The first file in a folder whose path in it does not match a regular expression; links never do."""
    for path in sorted(folder.rglob("*")):
        other = not re.fullmatch(written, path.relative_to(folder).as_posix()) and not path.is_dir()
        if other or path.is_symlink():
            return path
    return None


def check_writable(folder: str | Path) -> None:
    """Refuse a folder into which no file could be written, before the work on the file.

    Raises:
        ArtExtractError: it is a file, or read-only, or would lie in such a place.
    """
    there = _existing(real_path(folder))
    if not os.access(there, os.W_OK):
        raise ArtExtractError(f"{there} cannot be written to; choose a folder elsewhere.")


def _existing(target: Path) -> Path:
    """The folder itself, or the nearest around it that there is.

    Raises:
        ArtExtractError: that is a file.
    """
    there = next(path for path in (target, *target.parents) if path.exists())
    if not there.is_dir():
        raise ArtExtractError(f"{there} is a file; choose another folder.")
    return there


def refuse_filled(folder: str | Path) -> None:
    """Refuse a folder with anything in it, and one that could not be written.

    Raises:
        ArtExtractError: it is such a folder.
    """
    check_writable(folder)
    if real_path(folder).is_dir() and any(Path(folder).iterdir()):
        raise ArtExtractError(f"{folder} is not empty; delete it, or choose another folder.")


def refuse_foreign_file(path: Path, mark: bytes) -> None:
    """Refuse to write over a file that the same command has not written, before the work on what is to replace it.

    Args:
        path: of the file; it need not exist.
        mark: what stands in the first HEAD bytes of every file that the command writes.

    Raises:
        ArtExtractError: there is another file, a folder or a link, or it could not be written.
    """
    check_writable(path.parent)
    if path.is_symlink() or (path.exists() and not _has_mark(path, mark)):
        raise ArtExtractError(f"{path} is of no earlier run, and is kept; move it, or choose another name.")


def _has_mark(path: Path, mark: bytes) -> bool:
    if not path.is_file():  # a pipe never ends
        return False
    with path.open("rb") as file:
        return mark in file.read(HEAD)


def refuse_foreign_files(folder: Path, names: Sequence[str], keys: Iterable[str]) -> None:
    """Refuse to write a report over files that are of no earlier one; called before the work on the report.

    Args:
        folder: that the report goes to; it need not exist, and other files in it do not matter.
        names: of the report's files; the first is a JSON object, by which an earlier report is known.
        keys: that it has.

    Raises:
        ArtExtractError: there are such files, or links, or the folder cannot be written to.
    """
    check_writable(folder)
    there = [path for path in (folder / name for name in names) if path.exists() or path.is_symlink()]
    try:
        is_report = read_document(folder / names[0], ArtExtractError, most=None).keys() >= set(keys)
    except ArtExtractError:
        is_report = False
    if foreign := [path for path in there if path.is_symlink() or not is_report]:
        raise ArtExtractError(f"{foreign[0]} is of no earlier run, and is kept; move it, or choose another folder.")


def check_report_folder(folder: Path, names: Sequence[str], keys: Iterable[str]) -> None:
    """`refuse_foreign_files` for a report, which may not go into an index, embeddings, prepared data or a model.

    Raises:
        ArtExtractError: as there, or the folder is such a thing, or lies in a data set.
    """
    target = real_path(folder)
    marks = [target / name for name in WHOLE] + [target.parent / SPLITS]
    if mark := next((path for path in marks if path.exists()), None):
        raise ArtExtractError(
            f"{mark.parent} holds an index, embeddings, prepared data or a model ({mark.name}), which a report would "
            "damage; choose another folder."
        )
    refuse_foreign_files(folder, names, keys)


@contextlib.contextmanager
def whole_files(folder: Path) -> Iterator[Path]:
    """A folder to write files into, which then take their places in `folder`, one by one; others in it stay.

    Raises:
        ArtExtractError: the folder to write into is a link.
        OSError: they cannot be written; what was there is intact.
    """
    new = real_path(folder) / ".new"  # inside, so that no rename leads to another disk
    _refuse_link(new)
    shutil.rmtree(new, ignore_errors=True)  # of a run that was killed
    new.mkdir(parents=True)
    try:
        yield new
        for path in sorted(new.iterdir()):
            move_whole(path, folder / path.name)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file whole or not at all, and so that it outlives a power cut."""
    unfinished = path.with_name(f"{path.name}.new")
    unfinished.unlink(missing_ok=True)  # of a run that was killed; where it is a link, what it leads to stays
    with unfinished.open("xb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
    move_whole(unfinished, path)


def move_whole(unfinished: Path, path: Path) -> None:
    """Give a written file its name once its bytes are on the disk."""
    _flush_one(unfinished)
    unfinished.replace(path)
    _flush_one(path.parent)


def reserve_space(path: Path) -> None:
    """Have the disk keep room for all of a file that is to be written by way of memory.

    Raises:
        OSError: the disk is too full; found later, that would end the process by a signal.
    """
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)


def _work(target: Path) -> Path:
    """The folder beside an output folder.

    Raises:
        ArtExtractError: it holds links, or is one: what is behind them is somebody else's.
    """
    work = target.parent / f".{target.name}.artextract"
    for path in (work, *(work / name for name in (LOCK, SWAP, NEW, OLD, ROOM))):
        _refuse_link(path)
    return work


def _refuse_link(path: Path) -> None:
    if path.is_symlink():
        raise ArtExtractError(f"{path} is a link, which no run has made; remove it.")


def _clear(target: Path) -> None:
    """End what a run that was killed had begun."""
    new, old = _work(target) / NEW, _work(target) / OLD
    if not target.exists() and old.exists() and new.exists():  # else it was deleted after the swap
        new.rename(target)
    for left in (new, old):
        shutil.rmtree(left, ignore_errors=True)


def _exchange(new: Path, target: Path, old: Path) -> None:
    """Put a folder in the place of another, which becomes `old`; where that fails, the other is put back."""
    if target.exists():
        target.rename(old)
    try:
        new.rename(target)
    except OSError:
        if old.exists():
            old.rename(target)
        raise
    _flush_one(target.parent)


def _flush(folder: Path) -> None:
    """Have all bytes of a folder on the disk, so that a power cut after a rename leaves no empty file."""
    for path in [*folder.rglob("*"), folder]:
        _flush_one(path)


def _flush_one(path: Path) -> None:
    if sys.platform == "win32" and path.is_dir():
        return  # a folder cannot be opened there
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError:
        if not path.is_dir():  # some file systems cannot flush a folder
            raise
    finally:
        os.close(handle)


@contextlib.contextmanager
def _lock(file: Path, *, wait: bool = False) -> Iterator[bool]:
    """Hold a file's lock, and remove the file at the end; False where another run holds it."""
    handle = _take(file, wait=wait)
    if handle is None:
        yield False
        return
    _held.add(handle)
    try:
        yield True
    finally:
        with contextlib.suppress(OSError):
            file.unlink()
            file.parent.rmdir()  # the last one out
        _held.discard(handle)
        os.close(handle)


def _take(file: Path, *, wait: bool) -> int | None:
    """A handle of the locked file, None where it is locked already."""
    while True:
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(file, os.O_RDWR | os.O_CREAT)
        except FileNotFoundError:
            continue  # a run that ended removed the folder
        if sys.platform == "win32":
            return handle
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            if os.path.samestat(os.fstat(handle), file.stat()):
                return handle
            os.close(handle)
        except BlockingIOError:
            os.close(handle)
            return None
        except FileNotFoundError:
            os.close(handle)  # a run that ended removed the file: lock the next one
        except OSError as error:
            if error.errno in (errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL):
                return handle  # a file system without locks
            os.close(handle)
            raise
