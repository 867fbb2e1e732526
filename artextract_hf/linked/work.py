"""A work as it leaves: its record, what may be done with it, and where its documents are on the web."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from artextract_hf.data.fetch import parse_address, shown
from artextract_hf.errors import DataError

PICTURE, THUMBNAIL = "picture.jpg", "thumbnail.jpg"
MANIFEST, SIMILAR, SCHEMA_ORG, LINKED_ART = "manifest.json", "similar.json", "schema-org.json", "linked-art.json"
JPEG = "image/jpeg"
WIKIDATA = re.compile(r"Q[1-9][0-9]*")
YEARS = range(1, 10_000)  # that four digits write; dates of ISO 8601 and XML differ about earlier ones


@dataclass(frozen=True)
class Work:
    """A record and its documents.

    Attributes:
        record: of the index, without its picture.
        address: on the web, of the folder of its documents, without a slash at the end.
        size: width and height of its picture, in pixels.
        thumbnail: of its small picture; None where the picture itself is small.
        licence: as it is stated, in whatever field of the record.
    """

    record: Mapping[str, Any]
    address: str
    size: tuple[int, int]
    thumbnail: tuple[int, int] | None = None
    licence: str = ""

    def at(self, name: str) -> str:
        """The address of one of its documents."""
        return f"{self.address}/{name}"

    def text(self, field: str) -> str:
        """A field of the record; nothing where it has none, or one that is no text."""
        value = self.record.get(field)
        return value.strip() if isinstance(value, str) else ""

    @property
    def id(self) -> str:
        """Of the record."""
        return str(self.record["id"])

    @property
    def canvas(self) -> str:
        """The address of its canvas."""
        return self.at("canvas")

    @property
    def title(self) -> str:
        """Its title, or its id where it has none."""
        return self.text("title") or self.id

    @property
    def years(self) -> tuple[int, int] | None:
        """The first and the last year that it may be from; None where one of them is not known."""
        first = self.record.get("year")
        last = self.record.get("year_end", first)  # null where a date is open; older data sets have no such column
        if not (isinstance(first, int) and isinstance(last, int)):
            return None
        return (first, last) if first in YEARS and last in YEARS and first <= last else None

    @property
    def date(self) -> str:
        """Its years as people read them."""
        if self.years is None:
            return ""
        first, last = self.years
        return str(first) if first == last else f"{first}\u2013{last}"

    @property
    def homepage(self) -> str:
        """Its own page, where the record names an address that can be opened, and nothing."""
        return web_address(self.text("source_url"))

    @property
    def wikidata(self) -> str:
        """Its entity at Wikidata, or nothing."""
        id_ = self.text("wikidata_id").rpartition("/")[2]
        return f"http://www.wikidata.org/entity/{id_}" if WIKIDATA.fullmatch(id_) else ""


def web_address(text: str) -> str:
    """An address of http or https, ready to stand in a document; nothing where a text is none.

    >>> web_address("javascript:alert(1)"), web_address("https://museum.example/a b")
    ('', 'https://museum.example/a%20b')
    """
    try:
        return parse_address(shown(text)).url
    except DataError:
        return ""


def file_name(id_: str) -> str:
    """A name for a work's folder or file that every system takes, and that no other id has.

    >>> file_name("museum:images/Poppies at Argenteuil.jpg"), file_name("../..")
    ('museum-images-poppies-at-argenteuil-jpg-3f6b7096dd', '0cfd1c96cb')
    """
    words = re.sub(r"[^a-z0-9]+", "-", id_.lower())[:60].strip("-")
    return "-".join(filter(None, (words, hashlib.sha256(id_.encode()).hexdigest()[:10])))
