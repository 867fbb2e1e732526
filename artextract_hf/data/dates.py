"""A date as museums and Wikidata print it becomes a window of years: the first and the last it may be from.

    c. 1875–90 -> 1875..1890    1880s -> 1880..1889    2160 - 2040 BC -> -2160..-2040    1803-11-27 -> 1803..1803

A year before our era is negative: 500 BC is -500, as Wikidata and the National Gallery count. "1600s" is a whole
century; one in words ("17th century") is unknown. Years of the Hijri calendar do not count.
"""

import re

LONGEST = 300  # characters that are read; patterns with several repetitions are slow on long texts

# What stands behind a year before our era, and behind or before one of our era; with and without dots and spaces.
_BEFORE = (
    r"(?:b\.?\s?c\.?(?:\s?e\.?)?|before christ|av(?:ant|\.)?\s?j\.?\s?-?\s?c\.?|a\.\s?(?:de\s)?c\.?|f\.?\s?kr\.?"
    r"|v(?:or|\.)?\s?(?:chr(?:istus|\.)?|u\.?\s?z\.?|unserer zeitrechnung))(?!\w)"
)
_AFTER = (
    r"(?:a\.?\s?d\.?|c\.?\s?e\.?|d\.\s?c\.?|ap(?:r[eè]s|\.)?\s?j\.?\s?-?\s?c\.?|n(?:ach|\.)?\s?chr(?:istus|\.)?)(?!\w)"
)
_AD = r"(?<!\w)(?:a\.\s?d\.|ad|anno domini)"
_HIJRI = r"(?<!\w)a\.?\s?h\.?(?!\w)"
_ABOUT = r"(?:(?:ca?|circa|about|um|vers)\b\.?\s*)?"
_NUMBER = r"(?<!\d)(?<!\d[.,])\d{1,5}(?!\d)"  # of a longer one, as 30,000, no part
_RANGE = rf"({_NUMBER})(?:\s*(?:-|/|to|bis|or|oder|ou|and|und|et|à)\s*{_ABOUT}({_NUMBER}))?"

_OF_AN_ERA = re.compile(rf"{_AD}\s*{_ABOUT}{_RANGE}|{_RANGE}\s*(?:(?P<before>{_BEFORE})|{_AFTER})", re.IGNORECASE)
_MENTION_OF_BEFORE = re.compile(rf"(?<!\w){_BEFORE}", re.IGNORECASE)
_OF_HIJRI = re.compile(rf"{_HIJRI}\s*\d+(?:\s*[-/]\s*\d\d?(?!\d))?|\d+(?:\s*[-/]\s*\d\d?)?\s*{_HIJRI}", re.IGNORECASE)
_SIGNED = re.compile(rf"[\s(\[]*{_ABOUT}(-\d{{1,5}})(?!\d)(?:\s*(?:/|to|bis|\.\.|-)\s*([-+]?\d{{1,5}})(?!\d))?")
# A day, perhaps with its time: Wikidata writes 00 for a month or day that is not known, cameras part them by colons.
_DAY = re.compile(r"(?<!\d)(\d{4})([-/.:])(?:0?\d|1[0-2])\2(?:[0-2]?\d|3[01])(?!\d)(?:[T ]\d\d:\d\d\S*)?")
_DECADE = r"(?:'?s|er)\b"
_SPAN = re.compile(
    rf"(?P<decades>ann[ée]es\s+)?(?<!\d)(?P<year>[0-2]\d{{3}})(?!\d)(?P<decade>{_DECADE})?"
    rf"(?:\s*[-/]\s*(?P<short>\d\d?)(?!\d)(?P<short_decade>{_DECADE})?)?",
    re.IGNORECASE,
)


def first_year(text: str) -> int | None:
    """The first year that a date names.

    >>> first_year("c. 1875–90"), first_year("17th century"), first_year("500–450 B.C.E.")
    (1875, None, -500)
    """
    windows = _windows(text)
    return windows[0][0] if windows else None


def last_year(text: str) -> int | None:
    """The last year that it may be from; one or two digits after a dash complete the year before it.

    >>> last_year("c. 1875–90"), last_year("1869 or 1872"), last_year("1906"), last_year("1880s")
    (1890, 1872, 1906, 1889)
    """
    return max((last for _, last in _windows(text)), default=None)


def _windows(text: str) -> list[tuple[int, int]]:
    """The first and the last year of each date in a text, in its order."""
    text = _DAY.sub(r"\1", text[:LONGEST].replace("\u2212", "-"))  # the sign for minus, also used as a dash
    if signed := _SIGNED.match(text):
        years = [int(year) for year in signed.groups() if year]
        return [(min(years), max(years))]
    text = _OF_HIJRI.sub(" ", re.sub("[\u2010-\u2015]", "-", text))
    if of_an_era := [_era(match) for match in _OF_AN_ERA.finditer(text)]:
        return of_an_era
    if _MENTION_OF_BEFORE.search(text):  # "3rd century BC"; other years in it are of a restoration, not of the work
        return []
    return [_span(match) for match in _SPAN.finditer(text) if int(match["year"])]


def _era(match: re.Match[str]) -> tuple[int, int]:
    first, last = match[1] or match[3], match[2] or match[4]
    if match["before"]:
        years = [-int(first), -int(last or first)]
    else:
        years = [int(first), _completed(first, last) if last else int(first)]
    return min(years), max(years)


def _span(match: re.Match[str]) -> tuple[int, int]:
    year, short = match["year"], match["short"]
    first = int(year)
    last = first + _length(first) if match["decades"] or match["decade"] else first
    if short and (end := _completed(year, short)) > first:
        last = max(last, end + (_length(end) if match["short_decade"] else 0))
    return first, last


def _completed(year: str, short: str) -> int:
    """A year of which the last digits are given only: 1875 and 90 are 1890."""
    return int(year[: -len(short)] + short) if len(short) < len(year) else int(short)


def _length(year: int) -> int:
    """Years that follow the first in "1880s" or "1600s"."""
    return 9 if year % 100 else 99
