"""Answers of a museum's interface, each fetched once.

    DIR/documents/<24 digits of the SHA-256 of its address>.json    an answer as it came, written whole or not at all

Answers that are there are not asked for again, so a run that was killed goes on where it stopped. Kept are only those
that were as the museum documents them.
"""

import hashlib
import json
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode

from artextract_hf.data.fetch import DownloadSettings, Fetcher, shown
from artextract_hf.data.schema import SkipList
from artextract_hf.data.sources.museums.work import Work, number_in
from artextract_hf.errors import DataError
from artextract_hf.outputs import write_whole

MAX_ANSWER = 20_000_000  # bytes; a hundred works in full take under one million
WINDOW = 10_000  # results beyond which the interfaces of Chicago and the Met give none
TOO_DEEP = "It is nested too deeply."
DRAWN_PAGE = 20  # works of a page, where pages are drawn; neighbours are often of one series

Result = TypeVar("Result")
Page = tuple[int, list[Any]]  # how many results there are, and those of one page


class Client:
    """A museum's interface.

    Args:
        base: the address before all paths.
        folder: where answers are kept, in a subfolder.
        settings: how often and how patiently the interface is asked.
    """

    def __init__(self, base: str, folder: Path, settings: DownloadSettings) -> None:
        self.base, self.folder = base.rstrip("/"), folder / "documents"
        self._fetcher = Fetcher(replace(settings, max_bytes=MAX_ANSWER))

    def get(self, path: str, parameters: Mapping[str, Any], read: Callable[[dict[str, Any]], Result]) -> Result:
        """What `read` makes of an answer.

        Args:
            path: of the interface, from its base.
            parameters: of the question.
            read: raises ValueError where the answer is not as the museum documents it.

        Raises:
            DataError: there is no such answer, with the path and the reason.
        """
        address = f"{self.base}{path}" + (f"?{urlencode(parameters)}" if parameters else "")
        kept = self.folder / f"{hashlib.sha256(address.encode()).hexdigest()[:24]}.json"
        with suppress(OSError, ValueError):  # not there, or damaged since
            return _understood(kept.read_bytes(), read)
        try:
            data, result = self._fetcher.get(address, lambda data: (data, _understood(data, read)))
        except DataError as error:
            raise DataError(f"{shown(self.base + path)}: {error}") from None
        self.folder.mkdir(parents=True, exist_ok=True)
        write_whole(kept, data)
        return result


def _understood(data: bytes, read: Callable[[dict[str, Any]], Result]) -> Result:
    try:
        document = json.loads(data)
    except ValueError:
        raise ValueError("It is no JSON document.") from None
    except RecursionError:
        raise ValueError(TOO_DEEP) from None
    if not isinstance(document, dict):
        raise ValueError("It is a JSON list or value, no object.")
    try:
        return read(document)
    except RecursionError:
        raise ValueError(TOO_DEEP) from None


def page_in(document: dict[str, Any], items: str, total: Any) -> Page:
    """A page of results.

    Args:
        document: the answer.
        items: its key for the results; null where there are none.
        total: what it says of their number.

    Raises:
        ValueError: it has no results at all.
    """
    found = document.get(items, False)
    if not (found is None or isinstance(found, list)):
        raise ValueError(f"It has no list {items!r}, as the museum documents it.")
    return number_in(total) or 0, found or []


def pages(
    page: Callable[[int, int], Page], *, size: int, in_order: bool, museum: str, skipped: SkipList
) -> Iterator[list[Any]]:
    """The pages of a result, as far as the interface gives them.

    Args:
        page: asks for one, by the number of results before it and its size.
        size: the most results that the interface gives in one.
        in_order: as the interface orders them; else drawn by chance, each time the same.
        museum: as it is called in `skipped`.
        skipped: filled where the interface gives fewer results than it says that there are.
    """
    given = total = 0
    if not in_order:
        total, _ = page(0, DRAWN_PAGE)
        starts = list(range(0, min(total, WINDOW), DRAWN_PAGE)) or [0]
        random.Random(0).shuffle(starts)
        for start in starts:
            _, found = page(start, DRAWN_PAGE)
            given += len(found)
            yield found
    else:
        for start in range(0, WINDOW, size):
            total, found = page(start, size)
            given += len(found)
            yield found
            # Neither the stated number nor a short page alone is believed: results change while they are read.
            if not found or (len(found) < size and start + size >= total):
                break
    if given < min(total, WINDOW):
        skipped.add(museum, f"its search speaks of {total:,} works, and gave {given:,}; the others are not known")


def works_of(found: Iterator[list[Work | None]], museum: str, skipped: SkipList) -> Iterator[Work]:
    """The works of all pages; what is None for want of a number is listed."""
    for work in chain.from_iterable(found):
        if work is None:
            skipped.add(museum, "its interface names a work without a number")
        else:
            yield work
