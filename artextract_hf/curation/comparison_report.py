"""Two compared collections as something to look at and to work with.

index.html                      coverage, dates, and pictures of what is shared, close and unique
comparison.json                 what `artextract compare --json` prints
unique_a.csv, unique_b.csv      every work with the nearest of the other collection, the most unique first
closest.csv                     works that are each other's nearest, the closest first
"""

import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from jinja2 import Environment

from artextract_hf.curation.comparison import Comparison, Match
from artextract_hf.curation.works import COLUMNS, Works
from artextract_hf.escapes import for_spreadsheet
from artextract_hf.outputs import check_report_folder, whole_files
from artextract_hf.retrieval.index import PaintingIndex

FILES = ("comparison.json", "index.html", "unique_a.csv", "unique_b.csv", "closest.csv")
KEYS = tuple(field.name for field in fields(Comparison))  # of comparison.json
SHOWN = 12  # works or pairs with pictures in a section of the page; the tables hold all of them

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{{ a.name }} and {{ b.name }}</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; }
table { border-collapse: collapse; } th, td { padding: .3rem 1.2rem .3rem 0; text-align: right; }
th:first-child, td:first-child { text-align: left; } thead th { border-bottom: 1px solid #777; }
.a { background: #0072b2; } .b { background: #e69f00; }
.key { display: inline-block; width: .8em; height: .8em; margin-right: .4em; }
.decades { display: flex; align-items: flex-end; gap: 2px; height: 10rem; border-bottom: 1px solid #777; }
.decade { flex: 1; display: flex; align-items: flex-end; height: 100%; min-width: 4px; } .decade i { flex: 1; }
.years { display: flex; gap: 2px; font-size: .85rem; height: 1.5rem; }
.years span { flex: 1; min-width: 4px; width: 0; }
.works { display: grid; grid-template-columns: repeat(auto-fill, minmax(10.5rem, 1fr)); gap: 1.5rem 1rem; }
.pairs { display: grid; grid-template-columns: repeat(auto-fill, minmax(22rem, 1fr)); gap: 1.5rem; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: .2rem 1rem; border-top: 1px solid #ccc; }
.pair p { grid-column: 1 / 3; margin: 0; } figure { margin: 0; min-width: 0; }
img { height: 11rem; max-width: 100%; object-fit: contain; object-position: left bottom; }
figcaption { font-size: .85rem; line-height: 1.35; overflow-wrap: anywhere; }
</style></head><body>
{% macro work(item) %}<figure>
{%- if item.picture %}<img alt="{{ item.words }}" src="data:image/jpeg;base64,{{ item.picture }}">{% endif -%}
<figcaption>{% for text in (item.caption, item.credit, item.note) if text %}{{ text }}<br>{% endfor %}
{% if item.link %}<a href="{{ item.link }}">source</a>{% endif %}</figcaption>
</figure>{% endmacro %}
{% macro pairs(title, text, items, measure) %}{% if items %}<h2>{{ title }}</h2><p>{{ text }}</p><div class="pairs">
{% for pair in items %}<div class="pair"><p>{{ measure }} {{ "%.2f"|format(pair.similarity) }}</p>
{{ work(pair.a) }}{{ work(pair.b) }}</div>
{% endfor %}</div>{% endif %}{% endmacro %}
<h1>{{ a.name }} and {{ b.name }}</h1>
<table><thead><tr><th></th><th><span class="key a"></span>{{ a.name }}</th>
<th><span class="key b"></span>{{ b.name }}</th></tr></thead><tbody>
{% for words, left, right in table %}<tr><td>{{ words }}</td><td>{{ left }}</td><td>{{ right }}</td></tr>
{% endfor %}</tbody></table>
<p>A work is covered if the other collection has a work nearer to it than its own {{ k }}th neighbour, as the embedder
{{ embedder }} sees them. {{ verdict }}</p>
{% if decades %}<h2>Works by decade, as shares of each collection</h2><div class="decades">
{% for decade in decades %}<div class="decade" title="{{ decade.words }}">
<i class="a" style="height: {{ decade.a }}%"></i><i class="b" style="height: {{ decade.b }}%"></i></div>
{% endfor %}</div><div class="years">
{% for decade in decades %}<span>{% if decade.year % 100 == 0 %}{{ decade.year }}{% endif %}</span>{% endfor %}</div>
{% endif %}
{{ pairs("In both", "The same work by its pixels, also cropped, re-encoded or re-coloured.", shared, "agreement") }}
{{ pairs("Closest pairs", "Works that are each other's nearest across the collections.", closest, "similarity") }}
{% for side in (a, b) %}<h2><span class="key {{ side.class }}"></span>Most unique in {{ side.name }}</h2>
<p>The works least like anything in the other collection.</p><div class="works">
{% for item in side.unique %}{{ work(item) }}
{% endfor %}</div>{% endfor %}
</body></html>
"""


def check_comparison_output(folder: Path) -> None:
    """Refuse a folder whose files a comparison would overwrite, before the collections are compared.

    Raises:
        ArtExtractError: it holds files of a comparison's names that are of no earlier one, or cannot be written to.
    """
    check_report_folder(folder, FILES, KEYS)


def write_comparison(
    comparison: Comparison, index_a: PaintingIndex, index_b: PaintingIndex, folder: Path, *, names: tuple[str, str]
) -> None:
    """Write the page and the tables.

    Args:
        comparison: of the two indexes.
        index_a: the first.
        index_b: the second.
        folder: made where it is missing.
        names: what the collections are called.

    Raises:
        ArtExtractError: as of `check_comparison_output`.
    """
    check_comparison_output(folder)
    a, b = (Works(index) for index in (index_a, index_b))
    document = json.dumps(comparison.as_json(), indent=2, ensure_ascii=False)
    head = [f"{letter}_{column}" for letter in "ab" for column in ("id", *COLUMNS)]
    with whole_files(folder) as new:
        (new / "comparison.json").write_text(document + "\n", encoding="utf-8")
        for letter, part, works in (("a", comparison.a, a), ("b", comparison.b, b)):
            rows = ([m.id, *works.cells(m.id), m.other, m.similarity] for m in part.nearest)
            _write_csv(new / f"unique_{letter}.csv", ["id", *COLUMNS, "nearest", "similarity"], rows)
        rows = ([m.id, *a.cells(m.id), m.other, *b.cells(m.other), m.similarity] for m in comparison.closest)
        _write_csv(new / "closest.csv", [*head, "similarity"], rows)
        (new / "index.html").write_text(_page(comparison, a, b, names), encoding="utf-8")


def _page(comparison: Comparison, a: Works, b: Works, names: tuple[str, str]) -> str:
    def pairs(matches: Sequence[Match]) -> list[dict[str, Any]]:
        chosen = matches[:SHOWN]
        return [{"similarity": m.similarity, "a": a.shown(m.id), "b": b.shown(m.other)} for m in chosen]

    sides = {}
    for letter, name, part, works in zip("ab", names, (comparison.a, comparison.b), (a, b), strict=True):
        unique = [works.shown(m.id, f"nearest: {m.similarity:.2f}") for m in part.nearest[:SHOWN]]
        sides[letter] = {"name": name, "class": letter, "unique": unique}
    environment = Environment(autoescape=True, trim_blocks=True)
    return environment.from_string(_PAGE).render(
        **sides,
        table=_table(comparison),
        embedder=comparison.embedder,
        k=comparison.k,
        verdict=_verdict(comparison),
        decades=_decades(comparison),
        shared=pairs(comparison.shared),
        closest=pairs(comparison.closest),
    )


def _table(comparison: Comparison) -> list[tuple[str, str, str]]:
    parts = (comparison.a, comparison.b)
    rows = {
        "works": [f"{part.count:,}" for part in parts],
        "covered by the other": [f"{part.covered.share:.0%}" for part in parts],
        "the same, if both were samples of one collection": [f"{part.covered.expected:.0%}" for part in parts],
        "without a date": [f"{part.undated:,}" for part in parts],
        "works that are in the other, too": [f"{count:,}" for count in comparison.in_both],
    }
    return [(words, left, right) for words, (left, right) in rows.items()]


def _verdict(comparison: Comparison) -> str:
    mmd = comparison.mmd
    differ = "differ" if mmd.p_value < 0.05 else "cannot be told apart"
    return (
        f"As distributions, the collections {differ}: squared MMD {mmd.squared:.4f}, p = {mmd.p_value:.3f}, "
        f"from {mmd.samples[0]:,} and {mmd.samples[1]:,} works."
    )


def _decades(comparison: Comparison) -> list[dict[str, Any]]:
    """Bars in per cent of the highest; each collection's counts as shares of its dated works."""
    counts = (comparison.a.decades, comparison.b.decades)
    if not any(counts):
        return []
    shares = [{year: works / sum(part.values()) for year, works in part.items()} for part in counts]
    top = max(share for part in shares for share in part.values())
    years = [year for part in counts for year in part]
    return [
        {
            "year": year,
            "words": f"{year}s: {counts[0].get(year, 0)} and {counts[1].get(year, 0)} works",
            "a": round(100 * shares[0].get(year, 0) / top, 1),
            "b": round(100 * shares[1].get(year, 0) / top, 1),
        }
        for year in range(min(years), max(years) + 1, 10)
    ]


def _write_csv(path: Path, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(head)
        writer.writerows(map(for_spreadsheet, row) for row in rows)
