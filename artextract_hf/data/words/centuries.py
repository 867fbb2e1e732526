"""A century in words becomes a window of years: "17th century" is 1600 to 1699, "2. Hälfte 17. Jh." 1650 to 1699.

A century begins with its round year, as the National Gallery of Art counts ("French, 18th century" is 1700 to 1799 in
its constituents.csv). "Early" is the first half, "late" the second, "mid" the middle half: a window holds every year
that a date may mean. Before our era, "3rd century BC" is -300 to -201.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

# What stands behind a year or a century before our era, and behind one of our era; with and without dots and spaces.
BEFORE = (
    r"(?:b\.?\s?c\.?(?:\s?e\.?)?|before christ|av(?:ant|\.)?\s?j\.?\s?-?\s?c\.?|a\.\s?(?:de\s)?c\.?|f\.?\s?kr\.?"
    r"|v(?:or|\.)?\s?(?:chr(?:istus|\.)?|u\.?\s?z\.?|unserer zeitrechnung))(?!\w)"
)
AFTER = (
    r"(?:a\.?\s?d\.?|c\.?\s?e\.?|d\.\s?c\.?|ap(?:r[eè]s|\.)?\s?j\.?\s?-?\s?c\.?|n(?:ach|\.)?\s?chr(?:istus|\.)?)(?!\w)"
)
ORDINAL = r"(?:st|nd|rd|th|er|[eè]me|e|de|ste)(?!\w)"  # "16th" is no year

_WORD = (
    r"(?:cent(?:ury|uries|\.)|c\.?(?!\w)|jahrhunderts?|jhd?t?s?(?!\w)\.?|si[eè]cles?|siglos?|s[eé]culos?|secol[oi]|eeuw"
    r"|århundrade|век|s(?:ec)?\.(?=\s*[IVX]))"
)
_ROMAN = [x + i for x in ("", "X", "XX") for i in ("", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX")]

# Parts of a century, in English, German, French, Italian, Spanish and Dutch, with the years of it that they mean.
_NTH = (
    r"1st|first|1\.|erste[sn]?|1[eè]re|1er|premi[eè]re?|prim[aoe]r?|primera|eerste",
    r"2nd|second|2\.|zweite[sn]?|2e|2[eè]me|seconde?|deuxi[eè]me|second[ao]|segund[ao]|tweede",
    r"3rd|third|3\.|dritte[sn]?|3e|3[eè]me|troisi[eè]me|terz[ao]|tercer[ao]?|derde",
    r"4th|fourth|4\.|vierte[sn]?|4e|4[eè]me|quatri[eè]me|quart[ao]|cuarto|vierde",
)
_LAST = r"last|letzte[sn]?|derni[eè]re?|ultim[ao]|último|laatste"
_UNITS = {
    2: r"h[aä]lfte|haelfte|h\.|half|moiti[eé]|met[aà]|mitad|helft",
    3: r"third|drittel|dr\.|tiers|terzo|tercio|derde",
    4: r"quarter|viertel|v\.|quart|quarto|cuarto|kwart",
}
_WIDE = {
    r"early|beginning|anfang|beginn?|fr[üu]he[sn]?|d[ée]but|inizio|inizi|principios?|comienzos?": (0, 49),
    r"mid(?:dle)?|mitte|milieu|met[aà]|mediados|midden": (25, 74),
    r"late|end|ende?|sp[äa]te[sn]?|fin|fine|finales|fines|eind": (50, 99),
}


def _parts() -> dict[str, tuple[int, int]]:
    found = {}
    for count, unit in _UNITS.items():
        for place in range(count):
            nth = f"{_NTH[place]}|{_LAST}" if place == count - 1 else _NTH[place]
            found[rf"(?:{nth})\s*(?:{unit})"] = 100 * place // count, 100 * (place + 1) // count - 1
    return found | _WIDE


_PARTS = {re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.IGNORECASE): years for words, years in _parts().items()}
_PART = rf"(?<!\w)(?:{'|'.join(_parts())})(?!\w)"
_OF = r"(?<!\w)(?:of|the|des|dem|du|del|dell[oa]|de|d\.|di|van|het|in|im)(?!\w)"
_TO = r"\s*(?:[-/]|to|bis|or|oder|ou|and|und|et|à|al?|tot|e|y)\s*"
# "late 16th", "2. Hälfte 17. Jh.", "XVIIe siècle", "sec. XVII", "17th century B.C."
_CENTURY = re.compile(
    rf"(?P<part>(?:(?:{_PART}|{_OF})[ \W]{{1,3}}){{0,4}})(?P<ahead>{_WORD}\s*)?"
    rf"(?<!\w)(?:(?P<arabic>\d\d?)(?:{ORDINAL}|\.(?!\d)|(?=\s*[-/]\s*\d))|(?P<roman>[IVX]+)(?:{ORDINAL})?(?!\w))"
    rf"(?P<behind>\s*-?\s*{_WORD})?(?:\W{{0,2}}\s?(?P<before>{BEFORE})|\s*(?P<after>{AFTER}))?",
    re.IGNORECASE,
)
_JOINED = re.compile(_TO, re.IGNORECASE)
_PART_BEHIND = re.compile(rf"[ \W]{{1,3}}(?P<part>{_PART})(?!\W{{1,3}}\d)", re.IGNORECASE)


@dataclass(frozen=True)
class Centuries:
    """What a text says in centuries.

    Attributes:
        start: where it says so in the text.
        end: behind it.
        first: year of its window.
        last: year of its window.
    """

    start: int
    end: int
    first: int
    last: int

    def holds(self, first: int, last: int) -> bool:
        """Whether years may lie in these centuries, whatever part of them is meant."""
        return min(first, last) <= self.last - self.last % 100 + 100 and max(first, last) >= self.first // 100 * 100


def find_centuries(text: str) -> Centuries | None:
    """The first date in a text that is one in centuries.

    >>> found = find_centuries("late 16th - early 17th century"); (found.first, found.last)
    (1550, 1649)
    """
    place = 0
    while start := _CENTURY.search(text, place):
        matches = [start, *_following(text, start.end())]
        if any(match["ahead"] or match["behind"] for match in matches):
            return _window(text, matches)
        place = max(start.start() + 1, start.end("part"))
    return None


def _following(text: str, place: int) -> Iterator[re.Match[str]]:
    """What is joined to a century that ends at a place."""
    while (joined := _JOINED.match(text, place)) and (match := _CENTURY.match(text, joined.end())):
        yield match
        place = match.end()


def _window(text: str, matches: list[re.Match[str]]) -> Centuries | None:
    parts = [match["part"] for match in matches]
    end = matches[-1].end()
    if not parts[-1] and (behind := _PART_BEHIND.match(text, end)):
        parts[-1], end = behind["part"], behind.end()
    years: list[int] = []
    is_before = False
    for match, part in reversed(list(zip(matches, parts, strict=True))):  # "3rd-2nd century BC": the era is said last
        is_before = bool(match["before"]) or is_before and not match["after"]
        number = int(match["arabic"]) if match["arabic"] else _number(match["roman"])
        if not 1 <= number <= len(_ROMAN) - 1:
            return None
        start = -100 * number if is_before else 100 * (number - 1)
        first, last = next((years for words, years in _PARTS.items() if words.search(part)), (0, 99))
        years += [start + first or 1, start + last]
    return Centuries(matches[0].start(), end, min(years), max(years))


def _number(roman: str) -> int:
    """The number that is written so; 0 where none is."""
    return _ROMAN.index(roman.upper()) if roman.upper() in _ROMAN else 0
