"""Pictures over HTTP, kept in a folder: a killed run goes on where it stopped.

    DIR/<file>                 a whole, verified picture, written beside and renamed
    DIR/downloads.jsonl        url, file, sha256, bytes of each, appended when it is there

What is finished is never fetched again: a file counts whose size and checksum are those in the journal. One that the
journal lacks, because the process was killed in between, counts if it can be decoded.
"""

import hashlib
import json
import os
import threading
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from artextract_hf.data.fetch import DownloadSettings, Fetcher, shown
from artextract_hf.data.parallel import ordered_map
from artextract_hf.data.pictures import check_picture
from artextract_hf.data.schema import SkipList
from artextract_hf.errors import DataError, ImageError

JOURNAL = "downloads.jsonl"
LEFT_OVER_S = 600  # an unfinished file this old is of a run that was killed; a younger one may be of one that runs


@dataclass(frozen=True)
class Wanted:
    """A picture that is to be fetched.

    Args:
        file: its name in the folder.
        addresses: where it is to be had; each but the first is asked where those before it gave no picture.
    """

    file: str
    addresses: tuple[str, ...]


def file_of(address: str) -> str:
    """The name under which a picture of an address is kept."""
    return hashlib.sha256(address.encode()).hexdigest()[:24] + ".jpg"


def download_images(
    wanted: Iterable[Wanted],
    folder: Path,
    skipped: SkipList,
    *,
    settings: DownloadSettings | None = None,
) -> list[Path | None]:
    """Fetch pictures into a folder; what is wanted several times is fetched once.

    Args:
        wanted: the pictures.
        folder: made where it is missing.
        skipped: filled with what could not be fetched, by address.
        settings: how often and how patiently the server is asked.

    Returns:
        The files in the order in which they were wanted, None where one could not be fetched.
    """
    settings = settings or DownloadSettings()
    folder.mkdir(parents=True, exist_ok=True)
    cache, fetcher = _Cache(folder), Fetcher(settings)
    wanted = list(wanted)
    first: dict[str, Wanted] = {}
    for item in wanted:
        first.setdefault(item.file, item)

    def one(item: Wanted) -> Path | DataError:
        try:
            return _fetch(item, cache, fetcher)
        except DataError as error:
            return error

    found = tqdm(ordered_map(one, first.values(), threads=settings.concurrency), "downloads", len(first), disable=None)
    results = dict(zip(first, found, strict=True))
    files: list[Path | None] = []
    for item in wanted:
        result = results[item.file]
        if item.addresses != first[item.file].addresses:
            result = DataError(f"the file {item.file} is of another address, {shown(first[item.file].addresses[0])}")
        if isinstance(result, DataError):
            skipped.add(shown(item.addresses[0]), result)
        files.append(None if isinstance(result, DataError) else result)
    return files


def _fetch(item: Wanted, cache: "_Cache", fetcher: Fetcher) -> Path:
    """The file of a picture, from the first of its addresses that gives one.

    Raises:
        DataError: none does, with the reason of the first; or its name would leave the folder.
    """
    if Path(item.file).name != item.file or item.file in ("", "..") or "\0" in item.file:
        raise DataError(f"{item.file!r} is no name of a file")
    refused: DataError | None = None
    if cache.holds(item):
        return cache.folder / item.file
    for address in item.addresses:
        try:
            cache.keep(item, fetcher.get(address, _whole_picture))
            return cache.folder / item.file
        except DataError as error:
            refused = refused or error
    raise refused or DataError("has no address")


def _whole_picture(data: bytes) -> bytes:
    check_picture(data)
    return data


class _Cache:
    """What a folder holds, by its journal; several threads ask and add."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._lock = folder, threading.Lock()
        self._known = _read_journal(folder / JOURNAL)
        for unfinished in folder.glob(".*.part"):
            if unfinished.stat().st_mtime < time.time() - LEFT_OVER_S:
                unfinished.unlink(missing_ok=True)

    def holds(self, item: Wanted) -> bool:
        """Whether the file is there and whole."""
        path = self.folder / item.file
        if not path.is_file():
            return False
        data = path.read_bytes()
        entry = self._known.get(item.file)
        if entry is not None:
            same = entry["url"] == shown(item.addresses[0]) and entry["bytes"] == len(data)
            return bool(same and entry["sha256"] == hashlib.sha256(data).hexdigest())
        try:
            check_picture(data)
        except ImageError:
            return False
        self._note(item, data)
        return True

    def keep(self, item: Wanted, data: bytes) -> None:
        """Write the file whole or not at all, then note it."""
        unfinished = self.folder / f".{uuid.uuid4().hex}.part"  # its own, whoever else keeps the same file now
        try:
            with unfinished.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(self.folder / item.file)
        finally:
            unfinished.unlink(missing_ok=True)
        self._note(item, data)

    def _note(self, item: Wanted, data: bytes) -> None:
        entry = {
            "url": shown(item.addresses[0]),
            "file": item.file,
            "sha256": hashlib.sha256(data).hexdigest(),
            "bytes": len(data),
        }
        with self._lock:
            _append(self.folder / JOURNAL, json.dumps(entry) + "\n")


def _read_journal(path: Path) -> dict[str, dict[str, Any]]:
    """Entries by file, the last one of each; a line that a kill cut off is ended, and does not count."""
    entries: dict[str, dict[str, Any]] = {}
    if not path.is_file():
        return entries
    text = path.read_text(encoding="utf-8", errors="replace")
    for line in text.splitlines():
        try:
            entry = json.loads(line)
            entries[entry["file"]] = {key: entry[key] for key in ("url", "sha256", "bytes")}
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
    if text and not text.endswith("\n"):
        _append(path, "\n")
    return entries


def _append(path: Path, text: str) -> None:
    """Add to a journal; never behind a link, which is another file's."""
    if path.is_symlink():
        raise DataError(f"{path} is a link, which no run has made; remove it.")
    with path.open("a", encoding="utf-8") as journal:
        journal.write(text)
