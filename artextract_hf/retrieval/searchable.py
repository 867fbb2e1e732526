"""What every index has in common, whether it finds paintings, parts of them or faces, in files or in a database."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, Self, runtime_checkable

from PIL import Image


@runtime_checkable
class SearchHit(Protocol):
    """One answer of a search. Each index adds what only it knows: a box, a face, probabilities."""

    @property
    def id(self) -> str:
        """Names the answer within its index; `index.thumbnail(hit.id)` shows it."""
        ...

    @property
    def score(self) -> float:
        """How similar it is to the query; a larger score is more similar."""
        ...

    @property
    def rank(self) -> int:
        """Its place among the answers; 1 is the most similar."""
        ...

    @property
    def record(self) -> dict[str, Any]:
        """What is known about the painting: title, artist, year, licence, ..."""
        ...


@runtime_checkable
class Searchable(Protocol):
    """An index that can be searched, saved and published.

    `PaintingIndex`, `RegionIndex`, `FaceIndex` and `DatabaseIndex` all are one. Each may take more keyword-only options
    than are listed here.
    """

    def search(self, query: Any, k: int = 5, where: str | None = None) -> Sequence[SearchHit]:
        """The k answers most similar to a query, best first.

        Args:
            query: a picture in any form (file, address, bytes, array, PIL image), or what else the index reads.
            k: how many answers; fewer come where the index has fewer, or `where` leaves fewer.
            where: a filter over the records, such as `year >= 1870 and genre == 'portrait'`; see `filters.py`.

        Raises:
            QueryError: k is below 1, the filter cannot be read, or the query does not fit the index.
            ImageError: the query is not a picture.
        """
        ...

    def search_many(
        self, queries: Sequence[Any], k: int = 5, where: str | None = None
    ) -> Sequence[Sequence[SearchHit]]:
        """`search` for several queries; the answers come in the order of the queries."""
        ...

    def similar_to(self, id_: str, k: int = 5, where: str | None = None) -> Sequence[SearchHit]:
        """The k entries most similar to one of the index; that entry itself is left out.

        Raises:
            QueryError: the index has no entry with this id; otherwise as `search`.
        """
        ...

    def thumbnail(self, id_: str) -> Image.Image:
        """A small picture of an entry.

        Raises:
            QueryError: the index has no entry with this id, or no picture of it.
        """
        ...

    @property
    def ids(self) -> list[str]:
        """The id of every entry."""
        ...

    def __len__(self) -> int:
        """The number of entries."""
        ...

    def save_pretrained(self, directory: str | Path) -> None:
        """Write the index to a folder, all or nothing; an index that is there already is replaced.

        Raises:
            PaintingIndexError: the folder holds something else.
        """
        ...

    @classmethod
    def from_pretrained(cls, name: str | Path, revision: str | None = None) -> Self:
        """Read an index from a folder, or from a dataset repository of the Hub.

        Args:
            name: the folder, or `owner/name` of the repository.
            revision: a branch, a tag or a commit of the repository.

        Raises:
            PaintingIndexError: missing, damaged, or an index of another kind.
        """
        ...

    def push_to_hub(self, repo_id: str, *, allow_restricted: bool = False, private: bool = False, tag: str = "") -> str:
        """Publish the index with a card; gives its address. What `Publishable` does for every index."""
        ...
