"""`artextract audit`: what is wrong with a collection."""

import json
from pathlib import Path
from typing import Annotated

import typer

from artextract_hf.cli import AsJson, app, list_skipped

audit = typer.Typer(help="Find what is wrong with a collection.", no_args_is_help=True)
app.add_typer(audit, name="audit")

Source = Annotated[str, typer.Argument(help="What `artextract prepare` wrote, a folder, a CSV or Parquet file, ...")]
Out = Annotated[Path, typer.Option(help="Folder to write: report.html, pairs.csv, pairs.json.")]


@audit.command("leaks")
def audit_leaks(source: Source, out: Out, as_json: AsJson = False) -> None:
    """Paintings that stand in two splits, also cropped, turned a little, re-encoded or re-coloured.

    SOURCE has splits: a prepared folder, or a folder with train/, val/, test/.
    """
    _audit(source, out, as_json, across_splits=True)


@audit.command("duplicates")
def audit_duplicates(source: Source, out: Out, as_json: AsJson = False) -> None:
    """Paintings that stand twice in a collection."""
    _audit(source, out, as_json, across_splits=False)


def _audit(source: str, out: Path, as_json: bool, *, across_splits: bool) -> None:
    from artextract_hf.curation.duplicates import find_duplicates, read_splits
    from artextract_hf.curation.duplicates_report import count_kinds, write_report
    from artextract_hf.data.schema import SkipList

    skipped = SkipList()
    records = read_splits(source, skipped)
    duplicates = find_duplicates(records, skipped, across_splits=across_splits)
    what = "Leaks between splits" if across_splits else "Duplicates"
    write_report(duplicates, records, skipped, out, title=f"{what} of {source}")
    counts = count_kinds(duplicates)
    if as_json:
        pairs = [pair.as_json() for pair in duplicates]
        typer.echo(json.dumps({"pairs": pairs, **counts, "skipped": skipped.as_json()}, ensure_ascii=False))
        return
    typer.echo(f"{counts['exact']} exact and {counts['near']} near-duplicate pairs; see {out / 'report.html'}")
    list_skipped(skipped.as_json())
