"""A date as museums and Wikidata print it becomes a window of years: the first and the last it may be from.

    c. 1875–90 -> 1875..1890    1880s -> 1880..1889    2160 - 2040 BC -> -2160..-2040    1803-11-27 -> 1803..1803
    before 1875 -> unknown..1875    after 1875, 1875 to present -> 1875..unknown    1650 ± 5 -> 1645..1655
    17th century -> 1600..1699    2. Hälfte 17. Jh. -> 1650..1699    between 1870 and 75 -> 1870..1875

A year before our era is negative: 500 BC is -500, as Wikidata and the National Gallery count. "1600s" is a whole
century, as one in words is (see `centuries`); years that follow it count only where they lie in it: "17th century
(c. 1650)" is 1650, "17th century, frame 1850" the century. Years of other calendars (Hijri, Saka) do not count. What
may be a month or the end of a range is taken for a range: "1803-11" ends in 1811, "1899-01" in 1901. A range that ends
before it begins ("1890-1875") is handed on so, and `checked_years` takes it from a record.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from artextract_hf.data.labels import is_unknown
from artextract_hf.data.schema import SkipList
from artextract_hf.data.words.centuries import AFTER, BEFORE, ORDINAL, Centuries, find_centuries

Years = tuple[int | None, int | None]  # the first and the last year that a work may be from; None where unknown

NEXT_CENTURY = 10  # years that a range may reach into it by two digits: "1898-02", not "1888-12", a month
LONGEST = 300  # characters that are read; patterns with several repetitions are slow on long texts
LAST_MONTH = 12  # "1888-12" is a month; "1875-60" is a range that ends before it begins
SHOWN = 60  # characters of a date that is not understood

# What stands before a year of our era.
_AD = r"(?<!\w)(?:a\.\s?d\.|ad|anno domini)"
_ABOUT = r"(?:(?:ca?|circa|about|um|vers)\b\.?\s*)?"
_NUMBER = rf"(?<!\d)(?<!\d[.,])\d{{1,5}}(?!\d|{ORDINAL})"  # of a longer one, as 30,000, no part
_TO = r"(?:-|to|bis|or|oder|ou|and|und|et|à)"
_RANGE = rf"({_NUMBER})(?:\s*(?:/|{_TO})\s*{_ABOUT}({_NUMBER}))?"
_END = rf"(?:\s*(?:-|to\b)\s*{_ABOUT}(?P<end>{_NUMBER})(?!\s*(?:{BEFORE}|{AFTER})))?"  # "50 BC-50"

_OF_AN_ERA = re.compile(rf"{_AD}\s*{_ABOUT}{_RANGE}|{_RANGE}\s*(?:(?P<before>{BEFORE}){_END}|{AFTER})", re.IGNORECASE)
_MENTION_OF_BEFORE = re.compile(rf"(?<!\w){BEFORE}", re.IGNORECASE)
_SIGNED = re.compile(rf"[\s(\[]*{_ABOUT}(-\d{{1,5}})(?!\d)(?:\s*(?:/|to|bis|\.\.|-)\s*([-+]?\d{{1,5}})(?!\d))?")
# A day, perhaps with its time: Wikidata writes 00 for a month or day that is not known, cameras part them by colons.
_DAY = re.compile(r"(?<!\d)(\d{4})([-/.:])(?:0?\d|1[0-2])\2(?:[0-2]?\d|3[01])(?!\d)(?:[T ]\d\d:\d\d\S*)?")
_BETWEEN = re.compile(
    rf"(?<!\w)(?:between|zwischen|entre|tra|fra|tussen)\s+{_ABOUT}(\d{{3,4}})\s+(?:and|und|et|y|e|en)\s+{_ABOUT}(\d{{2,4}})(?!\d)",
    re.IGNORECASE,
)
_GIVE_OR_TAKE = re.compile(r"(?<!\d)(\d{3,4})\s*\(?\s*(?:±|\+\s?/?\s?-)\s*(\d{1,3})(?!\d)")  # "1650 ± 5", "+/- 5"
_MONTH = (
    r"(?:jan|feb|f[ée]v|m[aä]r|a[pv]r|ma[iyg]|ju[inl]|aug|ao[uû]|ag|sep|o[ckt]t|nov|de[czs]|d[ée]c|dic|gen|ene|giu|lug|set"
    r"|out)[^\W\d]*\.?"
)

# Other calendars, by what stands before or behind a number. A range of theirs has a dash ("AH 1125-1130"); behind a
# stroke stands the year of ours ("AH 1307/1890").
_CALENDAR = (
    r"a\.?\s?h\.?|anno hegirae|(?:de l')?h[eé]gire|hijr\w*|hicr[iî]|he[gj]ira|fasli|san(?=\s*\d)"
    r"|e\.?\s?e\.?|b\.?\s?p\.?|s\.?\s?h\.?|هـ?|هجري[ةه]?|ش|[sś]h?aka|samvat|v\.?\s?s\.?"
    r"|b\.?\s?e\.?|buddhist era|(?-i:A\.?M\.?)|anno mundi|anno martyrum|(?:of the )?martyrs"
)
_MORE = rf"(?:\s*{_TO}\s*\d+|\s*/\s*\d\d?)?(?!\d)"
_OF_ANOTHER_CALENDAR = re.compile(
    rf"(?<!\w)(?:{_CALENDAR}|(?-i:H)(?=\s*\d))\s*(?:era\s*)?\d+{_MORE}"
    rf"|\d+{_MORE}\s*(?:(?:{_CALENDAR})(?!\w)|(?-i:H)\.?(?!\s*\w))",
    re.IGNORECASE,
)
_IN_ANOTHER_CALENDAR = re.compile(rf"\W{{0,2}}(?:{_CALENDAR})(?!\w)", re.IGNORECASE)

_DECADES = r"(?:ann[ée]es|anni|años|anos|jaren|d[ée]cadas?\s+de|decade\s+of)\s+(?:los\s+|the\s+)?"
_DECADE = r"(?:(?:'?s|'?er(?:ne)?|-(?:tal(?:et|en)?|årene|luku|е|х))\b|年代)"
_SPAN = re.compile(
    rf"(?P<decades>{_DECADES})?(?<!\d)(?P<year>(?:[01]\d|20)\d{{2}}|\d{{3}}(?=\s*-\s*\d{{4}}))(?!\d|\.[1-9])(?P<decade>{_DECADE})?"
    r"(?:[/-]\d\d(?=[/-]\d\d(?!\d)))?"  # "1620/30-40"
    rf"(?:\s*(?:[-/]|to|until|till|bis|or|oder|ou)\s*{_ABOUT}(?P<short>\d\d?)(?!\d|\.?\s*{_MONTH})(?P<short_decade>{_DECADE})?)?",
    re.IGNORECASE,
)

# What is told behind the date of a work: of its copies, its frame, its repair.
_OF_A_COPY = re.compile(
    r"(?<=\d)\W{1,3}(?:(?:later|posthumously)\s+)?(?:printed|published|reprinted|cast|recast|framed?|restored|acquired|bought|purchased|donated|erworben|acquis|gedruckt|gegossen"
    r"|imprimée?|tirage|stampat[ao])(?!\w).*",
    re.IGNORECASE | re.DOTALL,
)

# Open ends: what stands directly before the first year, or before or behind the last.
_NEAR = rf"(?: or in)?\W{{0,3}}(?:the\s+)?(?:year\s+)?(?:{_MONTH}\s+)?{_ABOUT}$"
_EARLIER = r"before|prior to|vor|avant|ante(?: quem)?|antes de|prima del|voor|före|før|před|przed"
_LATER = r"after|nach|apr[eè]s|post(?: quem)?|dopo il|despu[eé]s de|depois de|efter|после"
_UNTIL = re.compile(
    rf"(?:(?<!\w)(?<!not )(?:{_EARLIER}|up to|until|till?|by|bis|spätestens|jusqu'(?:à|en)|hasta|fino al?"
    rf"|tot|do|до)(?!\w)|^\W*to(?!\w)|(?<!\w)(?:not after|not? later than|earlier than|op zijn laatst)(?!\w)"
    rf"|[<≤]|^\W?-$|^\W?\.\./?){_NEAR}",
    re.IGNORECASE,
)
_SINCE = re.compile(
    rf"(?:(?<!\w)(?<!not )(?:{_LATER}|since|seit|ab|frühestens|depuis|na|po)(?!\w)"
    rf"|(?<!\w)(?:not before|not? earlier than)|(?<!\w)(?<!no )(?<!not )later than|[>≥]){_NEAR}",
    re.IGNORECASE,
)
_FROM = re.compile(rf"(?<!\w)(?:from|à partir de|ab|a partir del?|desde|dal|vanaf)(?!\w){_NEAR}", re.IGNORECASE)
# Before and after a century leave it out; until and since do not.
_BEFORE_IT = re.compile(rf"(?<!\w)(?<!not )(?:{_EARLIER}){_NEAR}", re.IGNORECASE)
_AFTER_IT = re.compile(rf"(?<!\w)(?<!not )(?:{_LATER}){_NEAR}", re.IGNORECASE)
_OR = r"\s*(?:,|or|and|oder|und|ou|et|o|e|of|en)\s*"
_OR_EARLIER = re.compile(rf"{_OR}(?:earlier|before|fr[üu]her|avant|antes|prima|eerder)(?!\w)", re.IGNORECASE)
_OR_LATER = re.compile(
    rf"{_OR}(?:later|after|sp[äa]ter|apr[eè]s|despu[eé]s|depois|dopo)(?!\w|\s+\w)|\s*onwards?(?!\w)"
    r"|\s*(?:[-/]|to\b|until|till|through|bis|jusqu'à|à|tot|hasta|al?\b|fino a)\s*(?:the\s+)?"
    r"(?:present|now|today|date\b|ongoing|heute|aujourd'hui|nos jours|heden|hoy|oggi)"
    rf"|\s*\+(?!\s*[\d/-])|\s*[-/]\s*(?:\.\.|[\])?]|$)|\s*(?:-|to)\s*\d\d?{ORDINAL}",  # "A.D. 50 - 3rd century"
    re.IGNORECASE,
)

# What stands between the years of a range, which "or" and a comma do not make.
_UP_TO = re.compile(
    rf"\s*(?:[-/]|to|bis|until|till|jusqu'à|à|al?|hasta|tot)\s*(?:\d\d?\.?\s*)?(?:{_MONTH}\s*)?{_ABOUT}", re.IGNORECASE
)
# A decade or a century of which digits are not known: "185?", "[189-?]", "18--", "18xx".
_HALF_KNOWN = re.compile(r"(?<!\d)(?:(1\d\d)[-x?_]|(1\d)(?:--|xx|\?\?|__))\??(?![\w-])", re.IGNORECASE)
_OF_A_LIFE = re.compile(r"\W*(?:born|b\.|geb\.?|geboren|née?|nato|nata|nacid[oa])(?!\w)", re.IGNORECASE)
# What says that nothing is known: without date, sans date, ohne Jahr.
_UNDATED = re.compile(
    r"[\W_]*(?:(?:undated|not? dated?|(?:date )?(?:unknown|not known)|n\.?\s?d|s\.?\s?d|o\.?\s?[dj])[\W_]*)?",
    re.IGNORECASE,
)


def printed_years(date: str, end: str = "") -> tuple[Years, str]:
    """The years of a work whose date, and perhaps its end apart, museums print; and what of them is not understood.

    >>> printed_years("c. 1875-90"), printed_years("1875", "about 1890"), printed_years("1875", "n.d.")
    (((1875, 1890), ''), ((1875, 1890), ''), ((1875, 1875), ''))
    >>> printed_years("17th century"), printed_years("Louis XV")
    (((1600, 1699), ''), ((None, None), 'Louis XV'))
    """
    windows = {text: _window(text) for text in (date, end)}
    stated = [text for text in windows if not is_unknown(text) and not _UNDATED.fullmatch(text)]
    unread = next((text for text in stated if windows[text] == (None, None)), "")
    return (windows[date][0], windows[end if end in stated else date][1]), unread


def checked_years(works: Iterable[tuple[str, Years, str]], skipped: SkipList) -> list[Years]:
    """The years of works, in their order; where the last lies before the first, a work gets neither.

    Args:
        works: of each its id, its years, and what of its date is not understood, "" where nothing is.
        skipped: filled with the first such work of either kind, and with their number.
    """
    found: list[Years] = []
    wrong: dict[str, list[tuple[str, str]]] = {"unread": [], "reversed": []}
    for id_, (first, last), unread in works:
        if unread:
            wrong["unread"].append((id_, f"its date {unread[:SHOWN]!r} is not understood, and is unknown"))
        if reason := reversal((first, last)):
            wrong["reversed"].append((id_, reason))
            first = last = None
        found.append((first, last))
    for told in filter(None, wrong.values()):
        skipped.add(told[0][0], f"{told[0][1]}; such works: {len(told)}")
    return found


def reversal(years: Years) -> str:
    """What is wrong with years that end before they begin; empty where they do not."""
    first, last = years
    if first is None or last is None or last >= first:
        return ""
    return f"its last year, {last}, lies before the first, {first}, and it gets neither"


def years_of(ids: Sequence[str], rows: Sequence[Mapping[str, str]], skipped: SkipList) -> list[Years]:
    """The years of rows; of dates that are not understood, or that end before they begin, a line tells."""
    printed = (printed_years(row.get("year", ""), row.get("year_end", "")) for row in rows)
    return checked_years(((id_, *dated) for id_, dated in zip(ids, printed, strict=True)), skipped)


def first_year(text: str) -> int | None:
    """The first year that a date names; None where it names none, or only the last ("before 1875").

    >>> first_year("c. 1875–90"), first_year("17th century"), first_year("500–450 B.C.E."), first_year("before 1875")
    (1875, 1600, -500, None)
    """
    return _window(text)[0]


def last_year(text: str) -> int | None:
    """The last year that it may be from; one or two digits after a dash complete the year before it.

    None where it names none, or only the first ("after 1875").

    >>> last_year("c. 1875–90"), last_year("1869 or 1872"), last_year("1906"), last_year("1880s"), last_year("1875–")
    (1890, 1872, 1906, 1889, None)
    """
    return _window(text)[1]


def _window(text: str) -> Years:
    """The first and the last year that a date may be from; the last lies before the first where the text says so."""
    text = _DAY.sub(r"\1", text[:LONGEST].replace("\u2212", "-"))  # the sign for minus, also used as a dash
    if signed := _SIGNED.match(text):
        years = [int(year) for year in signed.groups() if year]
        return years[0], years[-1]
    text = re.sub("[\u2018\u2019\u02bc]", "'", re.sub("[\u2010-\u2015]", "-", text))
    text = _GIVE_OR_TAKE.sub(lambda found: f"{int(found[1]) - int(found[2])}-{int(found[1]) + int(found[2])}", text)
    text = _OF_ANOTHER_CALENDAR.sub(" ", _OF_A_COPY.sub("", text))
    if _OF_A_LIFE.match(text):
        return None, None
    text = _HALF_KNOWN.sub(lambda found: f"{found[1]}0s" if found[1] else f"{found[2]}00s", text)
    text = _BETWEEN.sub(r"\1-\2", text)
    dates = _dates(text)
    if named := find_centuries(text):
        dates = _in_centuries(dates, named)
    if not dates:
        return _years_of_centuries(text, named) if named else (None, None)
    if backwards := _backwards(text, dates):
        return backwards
    (head, (first, _)), (tail, _) = dates[0], dates[-1]
    last = max(end for _, (_, end) in dates)
    is_before = _UNTIL.search(text[: head.start()]) or _OR_EARLIER.match(text, tail.end())
    is_after = _SINCE.search(text[: tail.start()]) or _OR_LATER.match(text, tail.end()) or _is_start(text, tail)
    if is_before and is_after and dates[0][1][1] > dates[-1][1][0]:  # "before 1870 and after 1850"
        return dates[-1][1][0], dates[0][1][1]
    return None if is_before else first, None if is_after else last


def _is_start(text: str, tail: re.Match[str]) -> bool:
    """Whether the last date is the start of an open range ("from 1850"), and not a range itself ("from 1850 to 75")."""
    return bool(_FROM.search(text[: tail.start()])) and not tail.groupdict().get("short")


def _backwards(text: str, dates: list[tuple[re.Match[str], tuple[int, int]]]) -> tuple[int, int] | None:
    """The first range that ends before it begins, of one date or of two that are joined."""
    for _, (first, last) in dates:
        if last < first:
            return first, last
    for (match, (first, _)), (other, (_, last)) in pairwise(dates):
        if last < first and _UP_TO.fullmatch(text, match.end(), other.start()):
            return first, last
    return None


def _dates(text: str) -> list[tuple[re.Match[str], tuple[int, int]]]:
    """Each date in a text, in its order, with its first and last year."""
    if of_an_era := [(match, _era(match)) for match in _OF_AN_ERA.finditer(text)]:
        return of_an_era
    if _MENTION_OF_BEFORE.search(text):  # "3rd century BC"; other years in it are of a restoration, not of the work
        return []
    spans = [match for match in _SPAN.finditer(text) if int(match["year"])]
    short = any(match["decade"] and int(match["year"]) % 100 for match in spans)  # "1890s–1900s" are two decades
    return [(match, _span(match, 9 if short or int(match["year"]) % 100 else 99)) for match in spans]


def _in_centuries(
    dates: list[tuple[re.Match[str], tuple[int, int]]], named: Centuries
) -> list[tuple[re.Match[str], tuple[int, int]]]:
    """The dates without those that stand behind centuries in words and lie outside them: of a frame, of a repair."""
    return [(match, years) for match, years in dates if match.start() < named.start or named.holds(*years)]


def _years_of_centuries(text: str, named: Centuries) -> Years:
    """The window of centuries in words, which may have an open end; those of other calendars have none."""
    if _IN_ANOTHER_CALENDAR.match(text, named.end):
        return None, None
    ahead = text[: named.start]
    if _BEFORE_IT.search(ahead):
        return None, named.first
    if _AFTER_IT.search(ahead):
        return named.last, None
    is_before = _UNTIL.search(ahead) or _OR_EARLIER.match(text, named.end)
    is_after = _SINCE.search(ahead) or _FROM.search(ahead) or _OR_LATER.match(text, named.end)
    return None if is_before else named.first, None if is_after else named.last


def _era(match: re.Match[str]) -> tuple[int, int]:
    first, last = match[1] or match[3], match[2] or match[4]
    if match["before"]:
        years = [-int(first), -int(last or first), int(match["end"] or -int(first))]
    else:
        return int(first), _completed(first, last) if last else int(first)
    return min(years), max(years)


def _span(match: re.Match[str], following: int) -> tuple[int, int]:
    """The window of one date; in "1880s" 9 years are `following` the first one, in "1600s" 99."""
    year, short = match["year"], match["short"]
    first = int(year)
    last = first + following if match["decades"] or match["decade"] else first
    if short and (end := _completed(year, short)) > first:
        last = max(last, end + (9 if match["short_decade"] else 0))
    elif short and int(short) > LAST_MONTH and end < first:
        last = end
    return first, last


def _completed(year: str, short: str) -> int:
    """A year of which the last digits are given only: 1875 and 90 are 1890, 1899 and 00 are 1900."""
    if len(short) >= len(year):
        return int(short)
    end, century = int(year[: -len(short)] + short), 10 ** len(short)
    return end + century if len(short) > 1 and end < int(year) and end + century - int(year) <= NEXT_CENTURY else end
