"""The works of an index as the pages and tables of reports show them."""

from typing import Any

from artextract_hf.data.pictures import inline_jpeg
from artextract_hf.errors import QueryError
from artextract_hf.retrieval.index import PaintingIndex

COLUMNS = ("title", "artist_name", "year")


class Works:
    """Looked up by their ids."""

    def __init__(self, index: PaintingIndex) -> None:
        self._index = index
        self._records = dict(zip(index.ids, index.records(), strict=True))

    def cells(self, id_: str) -> list[Any]:
        """What a table tells of a work, by COLUMNS."""
        return [self._records[id_].get(column) for column in COLUMNS]

    def shown(self, id_: str, note: str = "") -> dict[str, str]:
        """What a page shows of a work: `words`, `caption`, `note`, `credit`, `link`; `picture` is a JPEG in base64."""
        record = {key: value for key, value in self._records[id_].items() if value is not None}
        words = ", ".join(str(record[key]) for key in ("artist_name", "title", "year") if record.get(key))
        line, title = (str(record.get(key, "")) for key in ("credit_line", "title"))
        says_it_all = title and title in line  # else the words come first
        credit = ". ".join(part.rstrip(".") for part in (line, str(record.get("license", ""))) if part)
        address = str(record.get("source_url", ""))
        link = address if address.startswith(("http://", "https://")) else ""  # any other may be a script
        words = words or id_
        caption = "" if says_it_all else words
        texts = {"words": words, "caption": caption, "note": note, "credit": credit, "link": link}
        return texts | {"picture": self._picture(id_)}

    def _picture(self, id_: str) -> str:
        try:
            return inline_jpeg(self._index.thumbnail(id_))
        except QueryError:  # an index that was made without pictures
            return ""
