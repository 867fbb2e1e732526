"""Duplicates as something to look at and to work with: report.html, pairs.csv, pairs.json."""

import csv
import html
import json
from collections.abc import Sequence
from pathlib import Path

from datasets import Dataset

from artextract_hf.curation.duplicates import Duplicate
from artextract_hf.data.pictures import inline_jpeg
from artextract_hf.data.schema import SkipList
from artextract_hf.escapes import for_spreadsheet
from artextract_hf.outputs import check_report_folder, whole_files

FILES = ("pairs.json", "pairs.csv", "report.html")
KEYS = ("pairs", "exact", "near", "skipped")  # of pairs.json
SHOWN = 500  # pairs with pictures in the page; the tables hold all of them
THUMBNAIL = 200  # pixels, long side

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }}
ol {{ padding-left: 2.5rem; }} li {{ border-top: 1px solid #ccc; padding: 1rem 0; }}
.pair {{ display: flex; flex-wrap: wrap; gap: 1.5rem; }} figure {{ margin: 0; max-width: 26rem; }}
figcaption {{ overflow-wrap: anywhere; }} img {{ max-height: 200px; max-width: 200px; }}
</style></head><body>
<h1>{title}</h1>
<p>{summary}</p>
<ol>
{pairs}
</ol>
{skipped}
</body></html>
"""


def check_report_output(folder: Path) -> None:
    """Refuse a folder whose files a report would overwrite, before the pairs are looked for.

    Raises:
        ArtExtractError: it holds files of a report's names that are of no earlier report, or cannot be written to.
    """
    check_report_folder(folder, FILES, KEYS)


def write_report(
    duplicates: Sequence[Duplicate], records: Dataset, skipped: SkipList, folder: Path, *, title: str
) -> None:
    """Write the page and both tables.

    Args:
        duplicates: the pairs, the most similar first.
        records: the collection that they come from.
        skipped: what was left out of the search.
        folder: made where it is missing.
        title: of the page.

    Raises:
        ArtExtractError: as of `check_report_output`.
    """
    check_report_output(folder)
    rows = [pair.as_json() for pair in duplicates]
    document = {"pairs": rows, **count_kinds(duplicates), "skipped": skipped.as_json()}
    with whole_files(folder) as new:
        (new / "pairs.json").write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        with (new / "pairs.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["first", "second", "first_split", "second_split", "similarity", "kind"])
            writer.writerows(map(for_spreadsheet, row.values()) for row in rows)
        (new / "report.html").write_text(_page(duplicates, records, skipped, title), encoding="utf-8")


def count_kinds(duplicates: Sequence[Duplicate]) -> dict[str, int]:
    """How many pairs are exact, how many near."""
    exact = sum(pair.kind == "exact" for pair in duplicates)
    return {"exact": exact, "near": len(duplicates) - exact}


def _page(duplicates: Sequence[Duplicate], records: Dataset, skipped: SkipList, title: str) -> str:
    counts = count_kinds(duplicates)
    summary = f"{len(records)} pictures; {counts['exact']} exact and {counts['near']} near-duplicate pairs."
    if len(duplicates) > SHOWN:
        summary += f" The {SHOWN} most similar are shown; pairs.csv lists all."
    left_out = "".join(f"<li>{html.escape(s.path)}: {html.escape(s.reason)}</li>" for s in skipped.items)
    return _PAGE.format(
        title=html.escape(title),
        summary=summary,
        pairs="\n".join(_pair(pair, records) for pair in duplicates[:SHOWN]),
        skipped=f"<h2>Left out</h2><ul>{left_out}</ul>" if left_out else "",
    )


def _pair(pair: Duplicate, records: Dataset) -> str:
    figures = "".join(
        _figure(records[row], split)
        for row, split in zip(pair.rows, (pair.first_split, pair.second_split), strict=True)
    )
    return f'<li>{pair.kind}, similarity {pair.similarity:.2f}<div class="pair">{figures}</div></li>'


def _figure(record: dict, split: str) -> str:
    words = ", ".join(filter(None, (record["artist_name"], record["title"]))) or record["id"]
    place = f"<strong>{html.escape(split)}</strong> " if split else ""
    encoded = inline_jpeg(record["image"], THUMBNAIL)
    return (
        f'<figure><img alt="{html.escape(words, quote=True)}" src="data:image/jpeg;base64,{encoded}">'
        f"<figcaption>{place}{html.escape(words)}<br><small>{html.escape(record['id'])}</small></figcaption></figure>"
    )
