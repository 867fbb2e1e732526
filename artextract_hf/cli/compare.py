"""`artextract compare`: what two collections share, and what each has alone."""

import json
from pathlib import Path
from typing import Annotated

import typer

from artextract_hf.cli import AsJson, app


@app.command()
def compare(
    index_a: Annotated[Path, typer.Argument(help="What `artextract index` wrote.")],
    index_b: Annotated[Path, typer.Argument(help="Another index, of the same embedder.")],
    out: Annotated[
        Path,
        typer.Option(help="Folder to write: index.html, comparison.json, unique_a.csv, unique_b.csv, closest.csv."),
    ],
    as_json: AsJson = False,
) -> None:
    """Compare two collections: coverage, unique works, closest pairs, shared works, dates."""
    from artextract_hf.curation.comparison import compare as compare_indexes
    from artextract_hf.curation.comparison_report import write_comparison
    from artextract_hf.retrieval.index import PaintingIndex

    a, b = (PaintingIndex.from_pretrained(path) for path in (index_a, index_b))
    found = compare_indexes(a, b)
    write_comparison(found, a, b, out, names=(index_a.resolve().name, index_b.resolve().name))
    if as_json:
        typer.echo(json.dumps(found.as_json(), ensure_ascii=False))
        return
    for name, part in ((index_a, found.a), (index_b, found.b)):
        typer.echo(f"{name}: {part.covered.share:.0%} of {part.count} works are covered by the other")
    typer.echo(f"{len(found.shared)} works stand in both; see {out / 'index.html'}")
