"""What is asked of a museum."""

import re
import unicodedata
from dataclasses import dataclass

from artextract_hf.errors import DataError

LIMIT = 300  # paintings, where nobody says how many


@dataclass(frozen=True)
class MuseumQuery:
    """The paintings that are wanted of a museum.

    Args:
        text: what the museum searches for, as on its own pages; all paintings without.
        artist: words that stand in the artist's name.
        first_year: none that is surely from before; one without a year is not taken either.
        last_year: none that is surely from after.
        limit: at most so many.
        allow_restricted: take also what has no open licence.

    Raises:
        DataError: it asks for nothing that can be.
    """

    text: str = ""
    artist: str = ""
    first_year: int | None = None
    last_year: int | None = None
    limit: int = LIMIT
    allow_restricted: bool = False

    def __post_init__(self) -> None:
        if self.limit < 1:
            raise DataError(f"at most {self.limit} paintings is none; --limit is 1 or more.")
        if self.first_year is not None and self.last_year is not None and self.first_year > self.last_year:
            raise DataError(f"--from {self.first_year} is after --to {self.last_year}; exchange them.")
        for option, words in (("--query", self.text), ("--artist", self.artist)):
            if words and not words_in(words):
                raise DataError(f"{option} {words[:100]!r} holds no word to search for.")

    @property
    def is_search(self) -> bool:
        """Whether answers come with the best first; without words to search for, their order means nothing."""
        return bool(self.text or self.artist)

    def is_by(self, artist: str) -> bool:
        """Whether an artist's name has the words that are wanted.

        >>> MuseumQuery(artist="Durer").is_by("Albrecht Dürer"), MuseumQuery(artist="Monet").is_by("Edouard Manet")
        (True, False)
        """
        return words_in(self.artist) <= words_in(artist)

    def is_from(self, first: int | None, last: int | None) -> bool:
        """Whether a work of these years, None where one is unknown, may be from the wanted ones.

        >>> query = MuseumQuery(first_year=1870, last_year=1880)
        >>> query.is_from(1865, 1872), query.is_from(1881, None), query.is_from(None, None), query.is_from(None, 1875)
        (True, False, False, True)
        """
        if self.first_year is None and self.last_year is None:
            return True
        if first is None and last is None:
            return False
        is_before = self.first_year is not None and last is not None and last < self.first_year
        is_after = self.last_year is not None and first is not None and first > self.last_year
        return not (is_before or is_after)

    def __str__(self) -> str:
        """The query in words.

        >>> str(MuseumQuery("lilies", artist="Monet", first_year=1900)), str(MuseumQuery())
        ("'lilies' by 'Monet' from 1900 on", 'any word')
        """
        first, last = self.first_year, self.last_year
        parts = [repr(self.text) if self.text else "any word", f"by {self.artist!r}" if self.artist else ""]
        if first is not None and last is not None:
            parts.append(f"from {first} to {last}")
        elif first is not None:
            parts.append(f"from {first} on")
        elif last is not None:
            parts.append(f"until {last}")
        return " ".join(filter(None, parts))


def words_in(text: str) -> set[str]:
    """The words of a text without case and accents.

    >>> sorted(words_in("Dürer, Albrecht (1471)")), words_in("...")
    (['1471', 'albrecht', 'durer'], set())
    """
    letters = unicodedata.normalize("NFKD", text.casefold())
    return set(re.findall(r"\w+", "".join(c for c in letters if not unicodedata.combining(c))))
