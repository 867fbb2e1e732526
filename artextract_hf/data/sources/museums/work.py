"""A work as a museum's interface describes it, and the record that it becomes."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from artextract_hf.data.labels import ARTISTS, STYLES, UNKNOWN, known_artist, match_class
from artextract_hf.data.rights import claims_copyright
from artextract_hf.data.schema import new_record
from artextract_hf.data.words.dates import first_year, last_year

MOST = 10**15  # a larger number counts and names nothing
YEARS = range(-1_000_000, 2100)  # as in texts, see `data/words/dates.py`; 9999 stands for no year
CC0 = "CC0 1.0"
RESTRICTED = "not open access"


@dataclass(frozen=True)
class Work:
    """What a museum says of a work.

    Args:
        museum: by which it is called, as `met`.
        number: of the work, in the museum's interface.
        images: addresses of its picture, the best first.
        title: and so on: the columns of `data/schema.py`.
        artist: as a label prints the name, "Workshop of" and the like before it.
        styles: the museum's terms.
        kind: what the museum calls it, as "Paintings"; empty where it does not say.
    """

    museum: str
    number: int
    images: tuple[str, ...]
    title: str
    artist: str
    years: tuple[int | None, int | None]
    medium: str
    credit: str
    license: str
    page: str
    wikidata_id: str = ""
    alt_text: str = ""
    styles: tuple[str, ...] = ()
    kind: str = ""

    @property
    def id(self) -> str:
        """The id of its record."""
        return f"{self.museum}/{self.number}"

    @property
    def file(self) -> str:
        """The name of its picture's file."""
        return f"{self.museum}-{self.number}.jpg"


def record_of(work: Work, file: Path, holder: str) -> dict[str, Any]:
    """The record of a work; `holder` is the museum's name, for the credit line."""
    artist = known_artist(work.artist)
    styles = set(filter(None, (match_class(style, STYLES) for style in work.styles)))
    return new_record(
        id=work.id,
        image={"path": str(file), "bytes": None},
        style=STYLES.index(styles.pop()) if len(styles) == 1 else UNKNOWN,
        artist=ARTISTS.index(artist) if artist else UNKNOWN,
        title=work.title,
        artist_name=work.artist,
        year=work.years[0],
        year_end=work.years[1],
        source_url=work.page,
        license=work.license,
        credit_line=", ".join(filter(None, (work.artist, work.title, work.credit, holder))),
        medium=work.medium,
        wikidata_id=work.wikidata_id,
        alt_text=work.alt_text,
    )


def inner(value: Any, *keys: str) -> Any:
    """What lies in objects of JSON, key by key; None where something on the way is no object.

    >>> inner({"images": {"web": {"url": "a"}}}, "images", "web", "url"), inner({"images": None}, "images", "web")
    ('a', None)
    """
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def number_in(value: Any) -> int | None:
    """A whole number, also one that is written as a text; None where there is none.

    >>> number_in(1906), number_in("-500"), number_in(1906.0), number_in(True), number_in("c. 1906"), number_in("²")
    (1906, -500, 1906, None, None, None)
    """
    if isinstance(value, str) and re.fullmatch(r"\s*-?[0-9]{1,15}\s*", value):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < MOST else None


def years_in(first: Any, last: Any, date: str) -> tuple[int | None, int | None]:
    """The first and the last year of a work: numbers of the museum, or where it gives none the date in words.

    >>> years_in(1906, 1908, ""), years_in(1850, "9999", ""), years_in(None, None, "c. 1875–90")
    ((1906, 1908), (1850, None), (1875, 1890))
    """
    years = [year if year in YEARS else None for year in map(number_in, (first, last))]
    return (years[0], years[1]) if any(year is not None for year in years) else (first_year(date), last_year(date))


def wikidata_in(address: str) -> str:
    """The number at the end of an address of Wikidata; empty where there is none.

    >>> wikidata_in("https://www.wikidata.org/wiki/Q432253"), wikidata_in("https://www.wikidata.org/")
    ('Q432253', '')
    """
    found = re.search(r"(?:^|/)(Q[1-9][0-9]{0,14})/?$", address.strip())
    return found[1] if found else ""


def license_in(is_open: bool, *notices: str) -> str:
    """What a work's rights come to: CC0 where the museum calls it open and no notice beside claims copyright.

    >>> license_in(True, "", "Gift of Ann"), license_in(True, "© Ann Example"), license_in(False, "", "Gift of Ann")
    ('CC0 1.0', '© Ann Example', 'not open access')
    """
    return next((notice for notice in notices if claims_copyright(notice, CC0)), CC0 if is_open else RESTRICTED)
