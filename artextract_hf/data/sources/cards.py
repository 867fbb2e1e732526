"""What the card of a data set states of its rights: one more statement beside those of its rows.

    README.md, between two lines of ---    license: cc-by-nc-4.0, there or under `dataset_info`

A row is open where both are. `other` and `unknown` are the Hub's words for no licence of its list: they count where a
row states nothing.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from datasets.config import REPOCARD_FILENAME

from artextract_hf.data.fields import COLUMNS, column_key, stated_licenses, tells_of_rights
from artextract_hf.data.rights import is_open, least_open, names_closed
from artextract_hf.data.schema import SkipList

NO_LICENSE = ("other", "unknown")
LINK = "license_link"  # often to a file that is called LICENSE
DEPTH = 2  # of the lists and structures in which a licence is looked for; YAML can put one into itself
IN_THE_ROWS = "see-the-column-license"  # `license_name` of a card that leaves it to the rows, as ours do


def card_license(folder: Path) -> str:
    """What the card in a folder states of the rights in all of its data; nothing where there is none."""
    card = _front_matter(folder / REPOCARD_FILENAME)
    infos = card.get("dataset_info")
    return license_in([card, *(infos if isinstance(infos, list) else [infos])])


def license_in(documents: Iterable[Any]) -> str:
    """What documents about the same data state of the rights; a link counts where it names a licence that is closed."""
    said = [_said(document) for document in documents if isinstance(document, dict)]
    named = [
        {key: [text for text in texts if text not in (*NO_LICENSE, IN_THE_ROWS)] for key, texts in document.items()}
        for document in said
    ]
    unnamed = (text for document in said for texts in document.values() for text in texts if text in NO_LICENSE)
    return least_open(stated_licenses(named)) or next(unnamed, "")


def _said(document: Mapping[Any, Any]) -> dict[str, list[str]]:
    """The texts of a document that tell of rights, by their keys."""
    said = {
        key: list(_texts(value))
        for key, value in document.items()
        if isinstance(key, str) and tells_of_rights(column_key(key), COLUMNS)
    }
    return {key: [t for t in texts if key != LINK or names_closed(t)] for key, texts in said.items()}


def beside(stated: str, license: str) -> str:
    """What a row states of the rights, with what is stated of all."""
    return stated if stated and license in NO_LICENSE else least_open([stated, license])


def add_card_license(rows: Iterable[dict[str, str]], license: str, folder: str, skipped: SkipList) -> None:
    """Let what a card states count beside what rows state, and note how many it closes.

    Args:
        rows: by field of the schema; their `license` is changed.
        license: what `card_license` gave.
        folder: the name of the data set, for the note.
        skipped: filled with the note.
    """
    closed = 0
    for row in rows:
        stated = row.get("license", "")
        if license:
            row["license"] = beside(stated, license)
            closed += is_open(stated) and not is_open(row["license"])
    if closed:
        skipped.add(
            f"{folder}/{REPOCARD_FILENAME}",
            f"states {license}, which counts also for {closed} rows that state an open licence",
        )


def _front_matter(card: Path) -> dict[str, Any]:
    """The document at the beginning of a card; empty where there is none."""
    try:
        text = card.read_text(encoding="utf-8-sig", errors="replace")
        found = re.match(r"\s*---[ \t]*\n(.*?\n)---", text, re.DOTALL)
        document = yaml.safe_load(found[1]) if found else {}
    except (OSError, yaml.YAMLError, ValueError, RecursionError):  # a text that begins with a line, perhaps
        return {}
    return {key: value for key, value in document.items() if isinstance(key, str)} if isinstance(document, dict) else {}


def _texts(value: Any, depth: int = DEPTH) -> Iterator[str]:
    """The texts in a value; what lies deeper states no licence."""
    if isinstance(value, str):
        yield value.strip()
    elif isinstance(value, dict | list) and depth:
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part, depth - 1)
