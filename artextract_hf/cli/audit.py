"""`artextract audit`: what is wrong with a collection."""

from pathlib import Path
from typing import Annotated

import typer

from artextract_hf.cli.application import AllowOutside, AllowPrivateHosts, AsJson, app, show

audit = typer.Typer(help="Find what is wrong with a collection.", no_args_is_help=True)
app.add_typer(audit, name="audit")

Source = Annotated[str, typer.Argument(help="What `artextract prepare` wrote, a folder, a CSV or Parquet file, ...")]
Out = Annotated[Path, typer.Option(help="Folder to write: report.html, pairs.csv, pairs.json.")]


@audit.command("leaks")
def audit_leaks(
    source: Source,
    out: Out,
    allow_outside: AllowOutside = False,
    allow_private_hosts: AllowPrivateHosts = False,
    as_json: AsJson = False,
) -> None:
    """Paintings that are in two splits, also as a copy that is cropped, turned a little, re-encoded or re-coloured.

    SOURCE has splits: a prepared folder, or a folder with train/, val/, test/.
    """
    _audit(
        source, out, as_json, across_splits=True, allow_outside=allow_outside, allow_private_hosts=allow_private_hosts
    )


@audit.command("duplicates")
def audit_duplicates(
    source: Source,
    out: Out,
    allow_outside: AllowOutside = False,
    allow_private_hosts: AllowPrivateHosts = False,
    as_json: AsJson = False,
) -> None:
    """Paintings that are twice in a collection."""
    _audit(
        source, out, as_json, across_splits=False, allow_outside=allow_outside, allow_private_hosts=allow_private_hosts
    )


def _audit(
    source: str, out: Path, as_json: bool, *, across_splits: bool, allow_outside: bool, allow_private_hosts: bool
) -> None:
    from artextract_hf.curation import check_report_output, count_kinds, find_duplicates, read_splits, write_report
    from artextract_hf.data import SkipList

    check_report_output(out)
    skipped = SkipList()
    records = read_splits(source, skipped, allow_outside=allow_outside, allow_private_hosts=allow_private_hosts)
    duplicates = find_duplicates(records, skipped, across_splits=across_splits)
    what = "Leaks between splits" if across_splits else "Duplicates"
    write_report(duplicates, records, skipped, out, title=f"{what} of {source}")
    counts, left_out = count_kinds(duplicates), skipped.as_json()
    show(
        {"pairs": [pair.as_json() for pair in duplicates], **counts, "skipped": left_out},
        [f"{counts['exact']} exact and {counts['near']} near-duplicate pairs; see {out / 'report.html'}"],
        as_json=as_json,
        left_out=left_out,
    )
