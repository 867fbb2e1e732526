"""Findings as something to look at and to work with.

report.html     pictures and reasons, criterion by criterion
findings.json   what `artextract audit --json` prints
findings.csv    the same as a table, with a column `decision` to be filled in where a label is in doubt: `accept` takes
                the suggested one, see `artextract prepare collection --decisions`
"""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment

from artextract_hf.curation.findings import Finding, by_criterion
from artextract_hf.curation.works import COLUMNS, Works
from artextract_hf.data.schema import SkipList
from artextract_hf.escapes import for_spreadsheet
from artextract_hf.outputs import check_report_folder, whole_files
from artextract_hf.retrieval.index import PaintingIndex

FILES = ("findings.json", "findings.csv", "report.html")
KEYS = ("findings", "works", "skipped")  # of findings.json, by which an earlier report is known
SHOWN = 24  # findings of a criterion with pictures in the page; the tables hold all of them

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{{ title }}</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
nav a { margin-right: 1.2rem; } h2 { border-top: 1px solid #777; margin-top: 3rem; padding-top: 1rem; }
.works { display: grid; grid-template-columns: repeat(auto-fill, minmax(20rem, 1fr)); gap: 2rem 1.5rem; }
figure { margin: 0; min-width: 0; } figcaption { font-size: .85rem; line-height: 1.35; overflow-wrap: anywhere; }
.work { height: 13rem; max-width: 100%; object-fit: contain; object-position: left bottom; }
.beside { display: flex; gap: .5rem; margin-top: .4rem; }
.beside img { height: 4rem; max-width: 30%; object-fit: contain; }
.reason { font-weight: 600; }
</style></head><body>
<h1>{{ title }}</h1>
<p>{{ summary }}</p>
<nav>{% for section in sections %}
<a href="#s{{ loop.index }}">{{ section.name }} ({{ section.count }})</a>
{% endfor %}</nav>
{% for section in sections %}<h2 id="s{{ loop.index }}">{{ section.name }}</h2>
{% if section.count > section.works|length %}
<p>The first {{ section.works|length }} of {{ section.count }}; findings.csv lists all.</p>
{% endif %}
<div class="works">
{% for item in section.works %}<figure>
{% if item.picture %}
<img class="work" alt="{{ item.words }}" src="data:image/jpeg;base64,{{ item.picture }}">
{% endif %}
<figcaption><span class="reason">{{ item.note }}</span><br>
{% for text in (item.caption, item.credit) if text %}{{ text }}<br>{% endfor %}<small>{{ item.id }}</small>
{% if item.link %}<a href="{{ item.link }}">source</a>{% endif %}</figcaption>
<div class="beside">
{% for other in item.beside if other.picture %}
<img alt="near: {{ other.words }}" title="{{ other.words }}" src="data:image/jpeg;base64,{{ other.picture }}">
{% endfor %}
</div></figure>
{% endfor %}</div>
{% endfor %}
{% if skipped %}<h2>Left out</h2><ul>
{% for item in skipped %}<li>{{ item.path }}: {{ item.reason }}</li>
{% endfor %}</ul>{% endif %}
</body></html>
"""


def check_findings_output(folder: Path, beside: Sequence[str] = ()) -> None:
    """Refuse a folder that the report could not be written to, before the audit.

    Args:
        folder: that it goes to.
        beside: names of files that the audit writes there too.

    Raises:
        ArtExtractError: it holds files of a report's names that are of no earlier report, or cannot be written to.
    """
    check_report_folder(folder, (*FILES, *beside), KEYS)


def write_findings(
    findings: Sequence[Finding], index: PaintingIndex, skipped: SkipList, folder: Path, *, title: str
) -> dict[str, Any]:
    """Write the page and both tables.

    Args:
        findings: of the index, in the order of the report.
        index: of the collection.
        skipped: what was left out of it.
        folder: made where it is missing.
        title: of the page.

    Returns:
        What findings.json holds.

    Raises:
        ArtExtractError: as of `check_findings_output`.
    """
    check_findings_output(folder)
    works = Works(index)
    document = {
        "findings": [finding.as_json() for finding in findings],
        "works": len(index),
        "embedder": index.embedder_name,
        "skipped": skipped.as_json(),
    }
    with whole_files(folder) as new:
        (new / "findings.json").write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        (new / "findings.csv").write_text(findings_table(findings, index), encoding="utf-8", newline="")
        (new / "report.html").write_text(_page(findings, index, works, skipped, title), encoding="utf-8")
    return document


def findings_table(findings: Sequence[Finding], index: PaintingIndex, decisions: Sequence[str] = ()) -> str:
    """The findings as CSV, which `artextract prepare collection --decisions` reads.

    Args:
        findings: of the index.
        index: of the collection.
        decisions: about each of them, `accept`, `reject` or ""; none by default.
    """
    works, table = Works(index), io.StringIO(newline="")
    writer = csv.writer(table)
    writer.writerow(["id", "criterion", "score", "reason", *COLUMNS, "task", "label", "suggested", "decision"])
    for f, decision in zip(findings, decisions or [""] * len(findings), strict=True):
        known = [f.id, f.criterion, round(f.score, 4), f.reason, *works.cells(f.id)]
        writer.writerow(map(for_spreadsheet, [*known, f.task, f.label, f.suggested, decision]))
    return table.getvalue()


def _page(findings: Sequence[Finding], index: PaintingIndex, works: Works, skipped: SkipList, title: str) -> str:
    sections = []
    for name, group in by_criterion(findings).items():
        shown = [
            works.shown(f.id, f.reason) | {"id": f.id, "beside": [works.shown(other) for other in f.beside]}
            for f in group[:SHOWN]
        ]
        sections.append({"name": name, "count": len(group), "works": shown})
    summary = f"{len(index):,} works, as the embedder {index.embedder_name} sees them."
    return (
        Environment(autoescape=True, trim_blocks=True)
        .from_string(_PAGE)
        .render(title=title, summary=summary, sections=sections, skipped=skipped.as_json())
    )
