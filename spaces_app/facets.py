"""What the records of a collection can be filtered by."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from artextract_hf.data import TASKS
from artextract_hf.errors import QueryError
from artextract_hf.retrieval import PaintingIndex

FACETS = {"artist": ("artist_name", "artist"), "style": ("style",), "genre": ("genre",), "licence": ("license",)}
MAX_VALUES = 2_000  # of a facet, the most frequent; the page holds them all
MAX_LENGTH = 100  # characters of a value


@dataclass(frozen=True)
class Facets:
    """What is known of a collection's records.

    Attributes:
        fields: of each facet that records fill, the field that holds it.
        values: of each of these its values, the most frequent first.
        years: the first and the last; None where no record has one.
        has_year_end: whether some also have the last year that a work may be from.
    """

    fields: Mapping[str, str]
    values: Mapping[str, tuple[str, ...]]
    years: tuple[int, int] | None
    has_year_end: bool

    @classmethod
    def of(cls, index: PaintingIndex) -> Self:
        """Read them from an index."""
        fields, values = {}, {}
        for facet, names in FACETS.items():
            for name in names:
                if facet not in fields and (found := _frequent(column(index, name))):
                    fields[facet], values[facet] = name, found
        starts, ends = ([y for y in column(index, name) if isinstance(y, int)] for name in ("year", "year_end"))
        years = starts + ends
        return cls(fields, values, (min(years), max(years)) if years else None, bool(ends))

    @property
    def labelled(self) -> str:
        """A filter that passes works with a style, a genre or an artist; "" where there are none."""
        return " or ".join(f"{self.fields[task]} != ''" for task in TASKS if task in self.fields)


def column(index: PaintingIndex, field: str) -> list[Any]:
    """One field of every record; empty where no record has it."""
    try:
        return index.column(field)
    except QueryError:  # no record has it
        return []


def _frequent(found: list[Any]) -> tuple[str, ...]:
    counted = Counter(value for value in found if isinstance(value, str) and 0 < len(value) <= MAX_LENGTH)
    return tuple(value for value, _ in counted.most_common(MAX_VALUES))
