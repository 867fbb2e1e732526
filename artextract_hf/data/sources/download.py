"""Pictures and documents over HTTP: no faster than a server likes, and a killed run goes on where it stopped.

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
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3
from tqdm import tqdm
from urllib3.util.retry import Retry

from artextract_hf.data.parallel import ordered_map
from artextract_hf.data.pictures import check_picture
from artextract_hf.data.schema import SkipList
from artextract_hf.errors import DataError, ImageError
from artextract_hf.version import __version__

JOURNAL = "downloads.jsonl"
BUSY = frozenset({429, 500, 502, 503, 504})  # answers that may be others a moment later
BAD_ANSWERS = 2  # how often an answer that is no picture is asked for again
CHUNK = 1 << 16


@dataclass(frozen=True)
class DownloadSettings:
    """How often and how patiently a server is asked.

    Args:
        concurrency: requests at the same time.
        per_second: requests a second, at most.
        retries: how often a request is repeated after an error, with growing pauses.
        timeout_s: seconds without a byte before a request counts as failed.
        max_bytes: a larger answer is refused.
        pause_s: the first pause; each following one is twice as long.
        max_pause_s: the longest pause, also where the server's Retry-After asks for more.
    """

    concurrency: int = 8
    per_second: float = 10.0
    retries: int = 6
    timeout_s: float = 30.0
    max_bytes: int = 50_000_000
    pause_s: float = 0.5
    max_pause_s: float = 60.0

    def __post_init__(self) -> None:
        if min(self.concurrency, self.per_second, self.timeout_s, self.max_bytes) <= 0 or self.retries < 0:
            raise DataError(f"not a way to treat a server: {self}")


class Fetcher:
    """Bytes by address, with a rate limit, retries and pauses; used from several threads."""

    def __init__(self, settings: DownloadSettings) -> None:
        self.settings = settings
        agent = f"artextract-hf/{__version__}"
        self._pool = urllib3.PoolManager(maxsize=settings.concurrency, block=True, headers={"User-Agent": agent})
        self._turn, self._lock = 0.0, threading.Lock()

    def get(self, url: str, *, kind: str, check: Callable[[bytes], object] | None = None) -> bytes:
        """The body of an address.

        Args:
            url: http or https.
            kind: what its content type has to contain, such as `image/` or `json`.
            check: raises ImageError or ValueError where the body is not what was asked for.

        Raises:
            DataError: it could not be fetched, with the last reason.
        """
        retry = Retry(
            self.settings.retries,
            status_forcelist=BUSY,
            backoff_factor=self.settings.pause_s,
            backoff_max=self.settings.max_pause_s,
            retry_after_max=max(1, round(self.settings.max_pause_s)),
        )
        bad = 0
        while True:
            self._wait_for_turn()
            busy: urllib3.BaseHTTPResponse | None = None
            error: urllib3.exceptions.HTTPError | None = None
            try:
                with self._request(url) as answer:
                    if answer.status not in BUSY:
                        return self._body(answer, kind, check)
                    busy = answer
            except ValueError as wrong:  # an ImageError is one, too
                bad += 1
                if isinstance(wrong, DataError) or bad > BAD_ANSWERS:
                    raise DataError(f"{wrong}") from None
                error = urllib3.exceptions.ProtocolError(str(wrong))
            except urllib3.exceptions.HTTPError as broken:
                error = broken
            try:
                retry = retry.increment("GET", url, response=busy, error=error)
            except urllib3.exceptions.HTTPError as last:  # MaxRetryError, or the error itself where none is left
                raise DataError(f"gave up: {getattr(last, 'reason', None) or last}") from None
            retry.sleep(busy)

    @contextmanager
    def _request(self, url: str) -> Iterator[urllib3.BaseHTTPResponse]:
        once = Retry(total=None, connect=0, read=0, status=0, other=0, redirect=4)
        answer = self._pool.request(
            "GET", url, preload_content=False, retries=once, timeout=urllib3.Timeout(self.settings.timeout_s)
        )
        try:
            yield answer
        finally:  # an answer that was not read to its end goes back closed, not with a rest in it
            answer.close()
            answer.release_conn()

    def _body(self, answer: urllib3.BaseHTTPResponse, kind: str, check: Callable[[bytes], object] | None) -> bytes:
        if answer.status != 200:
            raise DataError(f"the server answered {answer.status}")
        data = bytearray()
        for chunk in answer.stream(CHUNK):
            data += chunk
            if len(data) > self.settings.max_bytes:
                raise DataError(f"is larger than {self.settings.max_bytes / 1e6:.0f} MB")
        stated = answer.headers.get("Content-Type", "")
        if kind not in stated:
            raise ValueError(f"the server sent {stated or 'no content type'}, not {kind}")
        body = bytes(data)
        if check:
            check(body)
        return body

    def _wait_for_turn(self) -> None:
        """Give every request its own moment, 1 / per_second apart."""
        with self._lock:
            now = time.monotonic()
            self._turn = max(self._turn, now)
            wait = self._turn - now
            self._turn += 1 / self.settings.per_second
        time.sleep(wait)


def download_images(
    wanted: Iterable[tuple[str, str]],
    folder: Path,
    skipped: SkipList,
    *,
    total: int | None = None,
    settings: DownloadSettings | None = None,
) -> list[Path | None]:
    """Fetch pictures into a folder.

    Args:
        wanted: (address, file name) of each.
        folder: made where it is missing.
        skipped: filled with what could not be fetched, by address.
        total: how many are wanted, for the progress bar.
        settings: how often and how patiently the server is asked.

    Returns:
        The files in the order in which they were wanted, None where one could not be fetched.
    """
    settings = settings or DownloadSettings()
    folder.mkdir(parents=True, exist_ok=True)
    cache, fetcher = _Cache(folder), Fetcher(settings)

    def one(item: tuple[str, str]) -> Path | str:
        url, name = item
        if cache.holds(url, name):
            return folder / name
        try:
            cache.keep(url, name, fetcher.get(url, kind="image/", check=check_picture))
        except DataError as error:
            return str(error)
        return folder / name

    files: list[Path | None] = []
    wanted = list(wanted)
    bar = tqdm(ordered_map(one, wanted, threads=settings.concurrency), "downloads", total or len(wanted), disable=None)
    for (url, _), result in zip(wanted, bar, strict=True):
        if isinstance(result, str):
            skipped.add(url, result)
        files.append(None if isinstance(result, str) else result)
    return files


class _Cache:
    """What a folder holds, by its journal; several threads ask and add."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._lock = folder, threading.Lock()
        self._known = _read_journal(folder / JOURNAL)
        for unfinished in folder.glob(".*.part"):
            unfinished.unlink()

    def holds(self, url: str, name: str) -> bool:
        """Whether the file is there and whole."""
        path = self.folder / name
        if not path.is_file():
            return False
        data = path.read_bytes()
        entry = self._known.get(name)
        if entry is not None:
            same = entry["url"] == url and entry["bytes"] == len(data)
            return bool(same and entry["sha256"] == hashlib.sha256(data).hexdigest())
        try:
            check_picture(data)
        except ImageError:
            return False
        self._note(url, name, data)
        return True

    def keep(self, url: str, name: str, data: bytes) -> None:
        """Write the file whole or not at all, then note it."""
        unfinished = self.folder / f".{name}.part"
        with unfinished.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(self.folder / name)
        self._note(url, name, data)

    def _note(self, url: str, name: str, data: bytes) -> None:
        entry = {"url": url, "file": name, "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
        with self._lock, (self.folder / JOURNAL).open("a", encoding="utf-8") as journal:
            journal.write(json.dumps(entry) + "\n")


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
        except (ValueError, KeyError, TypeError):
            continue
    if text and not text.endswith("\n"):
        with path.open("a", encoding="utf-8") as journal:
            journal.write("\n")
    return entries
