"""`artextract compare`: what two collections share, and what only one of them has."""

from pathlib import Path
from typing import Annotated

import typer

from artextract_hf.cli.application import AsJson, app, show


@app.command(epilog="Example: artextract compare index_a index_b --out comparison")
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
    from artextract_hf.curation import check_comparison_output, write_comparison
    from artextract_hf.curation import compare as compare_indexes
    from artextract_hf.retrieval import PaintingIndex

    check_comparison_output(out)
    a, b = (PaintingIndex.from_pretrained(path) for path in (index_a, index_b))
    found = compare_indexes(a, b)
    write_comparison(found, a, b, out, names=(index_a.resolve().name, index_b.resolve().name))
    parts = zip((index_a, index_b), (found.a, found.b), found.in_both, strict=True)
    lines = [
        f"{name}: {part.covered.share:.0%} of {part.count} works are covered by the other, {count} are in it"
        for name, part, count in parts
    ]
    show(found.as_json(), [*lines, f"see {out / 'index.html'}"], as_json=as_json)
