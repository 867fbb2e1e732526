"""What a search found, for people: lines, a table for spreadsheets, and a contact sheet as one page."""

import csv
import html
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from artextract_hf.errors import QueryError
from artextract_hf.escapes import for_spreadsheet
from artextract_hf.folders import add_to_path
from artextract_hf.outputs import refuse_foreign_file, write_whole

if TYPE_CHECKING:
    from artextract_hf import Hit, PaintingIndex

Found = Mapping[str, Sequence["Hit"]]  # by the picture that was searched with
CAPTION = ("title", "artist_name", "year")
COLUMNS = ("image", "rank", "score", "id", *CAPTION, "license", "credit_line", "source_url")
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="generator" content="artextract search">
<meta name="viewport" content="width=device-width"><title>Similar paintings</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
h2 { font-size: 1.1rem; overflow-wrap: anywhere; }
.cards { list-style: none; padding: 0; display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); }
.card { display: flex; flex-direction: column; font-size: .85rem; overflow-wrap: anywhere; }
.card img { width: 100%; height: 11rem; object-fit: contain; background: #f5f5f4; }
</style></head><body><h1>Similar paintings</h1>
"""
NOTHING = "no painting passes this filter"
PAGE_MARK, TABLE_MARK = b'content="artextract search"', ",".join(COLUMNS).encode()


def check_files(page: Path | None, table: Path | None, open_page: bool) -> None:
    """Refuse files that cannot be written, before the work.

    Raises:
        ArtExtractError: there is another file; or nothing is to be opened.
    """
    if open_page and page is None:
        raise QueryError("--open shows the page of --html; give --html FILE too.")
    for path, mark in ((page, PAGE_MARK), (table, TABLE_MARK)):
        if path is not None:
            refuse_foreign_file(path, mark)


def hit_line(hit: "Hit") -> str:
    """Rank, score and chances; title, artist, year; licence and link."""
    chances = "".join(f"  {name} {chance:.0%}" for name, chance in hit.same.items())
    named = ", ".join(str(hit.record[field]) for field in CAPTION if hit.record.get(field))
    told = [named or hit.record.get("credit_line") or hit.id]
    told += [str(hit.record[field]) for field in ("license", "source_url") if hit.record.get(field)]
    versions = f"  (+{len(hit.versions)} of the same work)" if hit.versions else ""
    return f"  {hit.rank:>3}  {hit.score:.3f}{chances}  {' · '.join(told)}{versions}"


def write_table(found: Found, path: Path) -> None:
    """Write a row a hit, as CSV; no cell is computed by a spreadsheet."""
    file = io.StringIO()
    table = csv.writer(file)
    table.writerow(COLUMNS)
    for image, hits in found.items():
        for hit in hits:
            values: dict[str, Any] = {**hit.record, "image": image, "rank": hit.rank, "id": hit.id}
            values["score"] = round(hit.score, 4)
            table.writerow([for_spreadsheet(values.get(column)) for column in COLUMNS])
    write_whole(path, "\ufeff" + file.getvalue())


def write_page(found: Found, index: "PaintingIndex", path: Path) -> None:
    """Write one page with the small pictures in it, which needs no other file."""
    add_to_path("spaces_app")
    from spaces_app.cards import card, cards

    parts = [PAGE]
    for image, hits in found.items():
        works = [card(hit, index.thumbnail(hit.id), _chances(hit)) for hit in hits]
        shown = cards(works) if works else f"<p>{NOTHING}</p>"
        parts.append(f"<h2>{html.escape(image)}</h2>{shown}")
    write_whole(path, "\n".join([*parts, "</body></html>\n"]))


def _chances(hit: "Hit") -> list[str]:
    return [f"similarity {hit.score:.2f}", *(f"same {name}: {chance:.0%}" for name, chance in hit.same.items())]
