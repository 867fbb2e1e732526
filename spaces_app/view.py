"""What a visitor looks at: the tab, the filters, the work that a search goes on from; and that as an address.

    ?tab=similar&artist=Claude+Monet&from=1870&to=1880

Whoever opens the address sees the same. An upload is not in it, since nobody else can open that. What a browser sends,
and what an address says, is a stranger's word: each value is checked here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode

import gradio as gr

from spaces_app.facets import FACETS, Facets

TABS = ("classify", "similar", "explore", "batch", "audit", "about")
MAX_RESULTS = 24
RESULTS = 6
MAX_FILTER = 500  # characters of a typed filter
MAX_ADDRESS = 4_000  # characters
FIRST_YEAR, LAST_YEAR = -10_000, 10_000
KNOWN = f"year >= {FIRST_YEAR}"  # a first year is there: an unknown one is not compared
KEYS = ("tab", "work", "k", "where", "from", "to", *FACETS)
# A tab stands in the address, and asks for its answer where there is a picture and none yet.
OPEN_TAB = """(picture) => {{
  const address = new URLSearchParams(window.location.search);
  address.set("tab", "{tab}");
  window.history.replaceState(window.history.state, "", "?" + address);
  const ask = () => document.querySelector("#{tab} ul, #{tab} ol") || document.querySelector("#{tab}-button")?.click();
  if (picture) window.setTimeout(ask, 100);  // when the tab is laid out
}}"""
# As it was opened: until this is asked, the first tab may have put itself into it.
READ_ADDRESS = '() => [new URL(performance.getEntriesByType("navigation")[0].name).search]'
# What is the page's own is replaced, and the rest, such as gradio's `__theme`, stays.
WRITE_ADDRESS = f"""(view) => {{
  const address = new URLSearchParams(window.location.search);
  {list(KEYS)}.forEach((key) => address.delete(key));
  new URLSearchParams(view).forEach((value, key) => address.set(key, value));
  window.history.replaceState(window.history.state, "", "?" + address);
}}"""


@dataclass(frozen=True)
class View:
    """What is asked of which tab.

    Attributes:
        tab: one of TABS.
        work: id of the work of the collection that the search goes on from; "" for an upload.
        k: how many works.
        typed: a filter in words.
        first: year, or None.
        last: year, or None.
        chosen: by facet the value that works have to have.
    """

    tab: str = TABS[0]
    work: str = ""
    k: int = RESULTS
    typed: str = ""
    first: int | None = None
    last: int | None = None
    chosen: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, address: Any, facets: Facets) -> Self:
        """The view of an address; what is none of the collection's is left out.

        Args:
            address: its query, with or without the question mark.
            facets: of the collection.
        """
        given = _pairs(address)
        chosen = {facet: _or(None, checked_choice, facet, given.get(facet), facets) for facet in FACETS}
        return cls(
            tab=given["tab"] if given.get("tab") in TABS else TABS[0],
            work=given.get("work", ""),
            k=_or(RESULTS, checked_number, _whole(given.get("k"))),
            typed=_or("", checked_filter, given.get("where")),
            first=_or(None, checked_year, _whole(given.get("from"))) if facets.years else None,
            last=_or(None, checked_year, _whole(given.get("to"))) if facets.years else None,
            chosen={facet: value for facet, value in chosen.items() if value},
        )

    @property
    def address(self) -> str:
        """The query of the address that shows this view, without what is as it is from the start."""
        given: dict[str, Any] = {
            "tab": self.tab,
            "work": self.work,
            "k": self.k if self.k != RESULTS else "",
            "where": self.typed,
        }
        given |= {"from": self.first, "to": self.last, **self.chosen}
        return urlencode({key: value for key, value in given.items() if value not in (None, "")})

    def where(self, facets: Facets) -> str:
        """The filters as one of `PaintingIndex`; "" where there are none."""
        parts = [f"{facets.fields[facet]} == {value!r}" for facet, value in self.chosen.items()]
        # A work passes that may be from these years: "after 1875" has no last year, "before 1875" no first.
        if self.first is not None:
            until = f" or year_end >= {self.first} or {KNOWN} and not year_end >= {FIRST_YEAR}"
            parts.append(f"year >= {self.first}{until if facets.has_year_end else ''}")
        if self.last is not None:
            before = f" or not {KNOWN} and year_end <= {self.last}"
            parts.append(f"year <= {self.last}{before if facets.has_year_end else ''}")
        parts += [self.typed] if self.typed else []
        return " and ".join(f"({part})" for part in parts)


def checked_number(k: Any) -> int:
    """How many works are wanted.

    Raises:
        gr.Error: no number from 1 to MAX_RESULTS.
    """
    if not isinstance(k, int | float) or not 1 <= k <= MAX_RESULTS:  # NaN too
        raise gr.Error(f"How many has to be a number from 1 to {MAX_RESULTS}.", print_exception=False)
    return int(k)


def checked_filter(where: Any) -> str:
    """A typed filter; the field's own bound is the browser's.

    Raises:
        gr.Error: no text, or longer than MAX_FILTER.
    """
    if not isinstance(where, str | None) or len(where or "") > MAX_FILTER:
        raise gr.Error(f"The filter is longer than {MAX_FILTER} characters.", print_exception=False)
    return (where or "").strip()


def checked_year(year: Any) -> int | None:
    """A year; None where none is given.

    Raises:
        gr.Error: no number from FIRST_YEAR to LAST_YEAR.
    """
    if year is None or year == "":
        return None
    if not isinstance(year, int | float) or not FIRST_YEAR <= year <= LAST_YEAR:  # NaN too
        raise gr.Error(f"A year has to be a number from {FIRST_YEAR} to {LAST_YEAR}.", print_exception=False)
    return int(year)


def checked_choice(facet: str, value: Any, facets: Facets) -> str | None:
    """A value of a facet; None where none is chosen.

    Raises:
        gr.Error: no value of the collection.
    """
    if value is None or value == "":
        return None
    if not isinstance(value, str) or value not in facets.values.get(facet, ()):
        raise gr.Error(f"The {facet} has to be one of the list.", print_exception=False)
    return value


def _or(other: Any, check: Callable[..., Any], *values: Any) -> Any:
    try:
        return check(*values)
    except gr.Error:
        return other


def _pairs(address: Any) -> dict[str, str]:
    if not isinstance(address, str) or len(address) > MAX_ADDRESS:
        return {}
    try:
        return dict(parse_qsl(address.removeprefix("?"), max_num_fields=4 * len(KEYS)))
    except ValueError:  # more fields
        return {}


def _whole(text: str | None) -> int | None:
    digits = (text or "").removeprefix("-")
    return int(text or "") if 0 < len(digits) <= 6 and digits.isascii() and digits.isdecimal() else None
