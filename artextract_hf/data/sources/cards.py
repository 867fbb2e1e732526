"""What the card of a data set states of its rights: one more statement beside those of its rows.

    README.md, between two lines of ---    license: cc-by-nc-4.0, there or under `dataset_info`

A row is open where both are. `other` and `unknown` are the Hub's words for no licence of its list: they count where a
row states nothing.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from datasets.config import REPOCARD_FILENAME

from artextract_hf.data.rights import is_open, least_open, names_closed
from artextract_hf.data.schema import SkipList
from artextract_hf.data.words.columns import COLUMNS, column_key, tells_of_rights
from artextract_hf.data.words.fields import stated_licenses
from artextract_hf.documents import PlainYaml
from artextract_hf.errors import DataError, first_line

NO_LICENSE = ("other", "unknown")
LINK = "license_link"  # often to a file that is called LICENSE
KEYS = re.compile(r"^[ \t-]*(\w+)[ \t]*:", re.MULTILINE)  # of a front matter that is no YAML
DEPTH = 2  # of the lists and structures in which a licence is looked for; YAML can put one into itself
IN_THE_ROWS = "see-the-column-license"  # `license_name` of a card that leaves it to the rows, as ours do


@dataclass(frozen=True)
class StatedOfAll:
    """What is stated of the rights in all of some data.

    Attributes:
        license: that of all, as far as one is named.
        said: the texts that tell of rights by their keys, in each document: also credits and holders.
    """

    license: str
    said: tuple[Mapping[str, list[str]], ...]

    def beside(self, own: str) -> str:
        """What a record states of its rights, with what is stated of all."""
        found = own if own and self.license in NO_LICENSE else least_open([own, self.license])
        if not is_open(found):
            return found
        return least_open([found, *stated_licenses({**document, "license": found} for document in self.said)])


def stated_in_card(folder: Path) -> StatedOfAll:
    """What the card in a folder states of the rights in all of its data."""
    card = _front_matter(folder / REPOCARD_FILENAME)
    parts = (card.get(key) for key in ("dataset_info", "configs"))
    return stated_in([card, *(one for part in parts for one in (part if isinstance(part, list) else [part]))])


def stated_in(documents: Iterable[Any]) -> StatedOfAll:
    """What documents about the same data state of the rights; a link counts where it names a licence that is closed."""
    said = [_said(document) for document in documents if isinstance(document, dict)]
    named = [
        {key: [text for text in texts if text not in (*NO_LICENSE, IN_THE_ROWS)] for key, texts in document.items()}
        for document in said
    ]
    unnamed = (text for document in said for texts in document.values() for text in texts if text in NO_LICENSE)
    return StatedOfAll(least_open(stated_licenses(named)) or next(unnamed, ""), tuple(named))


def _said(document: Mapping[Any, Any]) -> dict[str, list[str]]:
    """The texts of a document that tell of rights, by their keys."""
    said = {
        key: list(_texts(value))
        for key, value in document.items()
        if isinstance(key, str) and tells_of_rights(column_key(key), COLUMNS)
    }
    return {key: [t for t in texts if key != LINK or names_closed(t)] for key, texts in said.items()}


def add_card_rights(rows: Iterable[dict[str, str]], of_all: StatedOfAll, folder: str, skipped: SkipList) -> None:
    """Let what a card states count beside what rows state, and note how many it closes.

    Args:
        rows: by field of the schema; their `license` is changed.
        of_all: what `stated_in_card` gave.
        folder: the name of the data set, for the note.
        skipped: filled with the note.
    """
    beside, closed = cache(of_all.beside), []
    for row in rows:
        stated = row.get("license", "")
        if license := beside(stated):
            row["license"] = license
        if is_open(stated) and not is_open(license):
            closed.append(license)
    if closed:
        reason = f"states {closed[0]}, which counts also for {len(closed)} rows that state an open licence"
        skipped.add(f"{folder}/{REPOCARD_FILENAME}", reason)


def _front_matter(card: Path) -> dict[str, Any]:
    """The document at the beginning of a card; empty where there is none.

    Raises:
        DataError: a key stands twice in it, which the Hub refuses as well, or it states rights and cannot be read.
    """
    try:
        text = card.read_text(encoding="utf-8-sig", errors="replace")
    except OSError:
        return {}
    found = re.match(r"\s*---[ \t]*\n(.*?\n)---", text, re.DOTALL)
    front = found[1] if found else ""
    try:
        document = yaml.load(front, PlainYaml)
    except DataError as error:
        raise DataError(f"{card}: {error}; leave one of them.") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        if any(tells_of_rights(column_key(key), COLUMNS) for key in KEYS.findall(front)):
            raise DataError(f"{card} states rights, and cannot be read as YAML: {first_line(error)}.") from None
        return {}  # a text that begins with a line, perhaps
    return {key: value for key, value in document.items() if isinstance(key, str)} if isinstance(document, dict) else {}


def _texts(value: Any, depth: int = DEPTH) -> Iterator[str]:
    """The texts in a value; what lies deeper states no licence."""
    if isinstance(value, str):
        yield value.strip()
    elif isinstance(value, dict | list) and depth:
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part, depth - 1)
