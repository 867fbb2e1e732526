"""`artextract audit`: what is wrong with a collection."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from artextract_hf.cli.application import (
    AllowOutside,
    AllowPrivateHosts,
    AsJson,
    Backend,
    app,
    is_indexed,
    open_vectors,
    show,
)

if TYPE_CHECKING:
    from datasets import Dataset

    from artextract_hf import PaintingIndex
    from artextract_hf.curation import Finding
    from artextract_hf.data import SkipList

audit = typer.Typer(help="Find what is wrong with a collection.", no_args_is_help=True)
app.add_typer(audit, name="audit")

Source = Annotated[str, typer.Argument(help="What `artextract prepare` wrote, a folder, a CSV or Parquet file, ...")]
Out = Annotated[Path, typer.Option(help="Folder to write: report.html, pairs.csv, pairs.json.")]
Works = Annotated[
    str, typer.Argument(help="What `artextract index` or `artextract embed` wrote; or a collection, which is embedded.")
]
Findings = Annotated[Path, typer.Option(help="Folder to write: report.html, findings.csv, findings.json.")]
Embedding = Annotated[
    str, typer.Option(help="What embeds a collection: `default`, a directory, a Hub name, or a timm model.")
]
FEW = 10  # groups of findings that a line can name
EMBEDDER = "artextract/byol-paintings"  # it learnt no labels, so that it can doubt them


@audit.command("leaks", epilog="Example: artextract audit leaks prepared --out leaks")
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


@audit.command("duplicates", epilog="Example: artextract audit duplicates museum/ --out duplicates")
def audit_duplicates(
    source: Source,
    out: Out,
    index: Annotated[
        Path | None,
        typer.Option(
            help="What `artextract index` wrote: look for the paintings of SOURCE there, not among themselves."
        ),
    ] = None,
    allow_outside: AllowOutside = False,
    allow_private_hosts: AllowPrivateHosts = False,
    as_json: AsJson = False,
) -> None:
    """Paintings that are twice in a collection; or, with --index, new ones that an indexed collection has already."""
    _audit(
        source,
        out,
        as_json,
        across_splits=False,
        index=index,
        allow_outside=allow_outside,
        allow_private_hosts=allow_private_hosts,
    )


def _audit(
    source: str,
    out: Path,
    as_json: bool,
    *,
    across_splits: bool,
    index: Path | None = None,
    allow_outside: bool,
    allow_private_hosts: bool,
) -> None:
    from artextract_hf import PaintingIndex
    from artextract_hf.curation import (
        beside_index,
        check_report_output,
        count_kinds,
        find_duplicates,
        read_splits,
        write_report,
    )
    from artextract_hf.data import SkipList

    check_report_output(out)
    skipped = SkipList()
    records = read_splits(source, skipped, allow_outside=allow_outside, allow_private_hosts=allow_private_hosts)
    if index is not None:
        records = beside_index(records, PaintingIndex.from_pretrained(index))
    duplicates = find_duplicates(records, skipped, across_splits=across_splits or index is not None)
    what = "Leaks between splits" if across_splits else "Duplicates"
    write_report(duplicates, records, skipped, out, title=f"{what} of {source}")
    counts, left_out = count_kinds(duplicates), skipped.as_json()
    show(
        {"pairs": [pair.as_json() for pair in duplicates], **counts, "skipped": left_out},
        [f"{counts['exact']} exact and {counts['near']} near-duplicate pairs; see {out / 'report.html'}"],
        as_json=as_json,
        left_out=left_out,
    )


@audit.command("outliers", epilog="Example: artextract audit outliers museum/ --out outliers")
def audit_outliers(
    source: Works,
    out: Findings,
    predictions: Annotated[
        Path | None,
        typer.Option(help="predictions.parquet of `artextract evaluate classifier`: adds what it doubts."),
    ] = None,
    embedder: Embedding = EMBEDDER,
    backend: Backend = "torch",
    allow_outside: AllowOutside = False,
    allow_private_hosts: AllowPrivateHosts = False,
    as_json: AsJson = False,
) -> None:
    """Works unlike the rest of a collection: photographs, frames, other techniques, wrong pictures."""
    from artextract_hf.curation import check_findings_output, find_doubtful, find_outliers

    check_findings_output(out)
    index, skipped = _works_of(source, embedder, backend, allow_outside, allow_private_hosts)
    doubtful = find_doubtful(predictions, index.ids) if predictions else []
    _report(find_outliers(index) + doubtful, index, skipped, out, title=f"Outliers of {source}", as_json=as_json)


@audit.command("labels", epilog="Example: artextract audit labels prepared --out labels")
def audit_labels(
    source: Works,
    out: Findings,
    task: Annotated[str, typer.Option(help="Whose labels: style, genre, artist, or a task of your own.")] = "style",
    embedder: Embedding = EMBEDDER,
    backend: Backend = "torch",
    allow_outside: AllowOutside = False,
    allow_private_hosts: AllowPrivateHosts = False,
    as_json: AsJson = False,
) -> None:
    """Labels that may be wrong, each with a suggestion, and works that stand in two classes."""
    from artextract_hf.curation import check_findings_output, check_labels, find_label_issues

    check_findings_output(out)
    index, skipped = _works_of(
        source, embedder, backend, allow_outside, allow_private_hosts, check=lambda works: check_labels(works, task)
    )
    findings = find_label_issues(index, task)
    _report(findings, index, skipped, out, title=f"Labels of {source}: {task}", as_json=as_json)


@audit.command("dates", epilog="Example: artextract audit dates prepared --out dates")
def audit_dates(
    source: Works,
    out: Findings,
    embedder: Embedding = "default",
    backend: Backend = "torch",
    allow_outside: AllowOutside = False,
    allow_private_hosts: AllowPrivateHosts = False,
    as_json: AsJson = False,
) -> None:
    """Works that look earlier or later than they are dated; dates.csv says from when each work looks."""
    from artextract_hf.curation import DATES, check_dates, check_findings_output, find_misdated, write_dates

    check_findings_output(out, (DATES,))
    index, skipped = _works_of(source, embedder, backend, allow_outside, allow_private_hosts, check=check_dates)
    findings, estimates = find_misdated(index)
    _report(findings, index, skipped, out, title=f"Dates of {source}", as_json=as_json)
    write_dates(index, estimates, out)


@audit.command("map", epilog="Example: artextract audit map museum/ --out map")
def audit_map(
    source: Works,
    out: Annotated[Path, typer.Option(help="Folder to write: report.html, map.png, map.parquet, findings.*.")],
    clusters: Annotated[
        int | None, typer.Option(min=1, help="How many; by default the root of half the number of works.")
    ] = None,
    embedder: Embedding = EMBEDDER,
    backend: Backend = "torch",
    allow_outside: AllowOutside = False,
    allow_private_hosts: AllowPrivateHosts = False,
    as_json: AsJson = False,
) -> None:
    """The collection on a plane, in clusters with names, and the works that are typical of each."""
    from artextract_hf.curation import MAP_FILES, check_findings_output, map_collection, typical_works, write_map

    check_findings_output(out, MAP_FILES)
    index, skipped = _works_of(source, embedder, backend, allow_outside, allow_private_hosts)
    found = map_collection(index, clusters=clusters)
    _report(typical_works(found, index.ids), index, skipped, out, title=f"Map of {source}", as_json=as_json)
    write_map(found, index, out)


def _works_of(
    source: str,
    embedder: str,
    backend: str,
    allow_outside: bool,
    allow_private_hosts: bool,
    *,
    check: Callable[["Dataset"], object] = lambda works: None,
) -> tuple["PaintingIndex", "SkipList"]:
    """The works of a source with their vectors, embedded only where they are not yet; and what was left out.

    Args:
        source: an index, embeddings or a collection.
        embedder: of a collection.
        backend: what computes it.
        allow_outside: see `read_collection`.
        allow_private_hosts: see `read_collection`.
        check: refuses a collection before hours go into embedding.
    """
    from artextract_hf import AutoEmbedder, PaintingIndex
    from artextract_hf.data import SkipList, read_collection

    skipped = SkipList()
    if is_indexed(folder := Path(source)):
        index = open_vectors(folder)
    else:
        paintings = read_collection(
            source, skipped, allow_outside=allow_outside, allow_private_hosts=allow_private_hosts
        )
        check(paintings)
        index = PaintingIndex.build(paintings, AutoEmbedder.from_pretrained(embedder, backend), "flat", progress=True)
    skipped.items += index.skipped.items
    return index, skipped


def _report(
    findings: Sequence["Finding"],
    index: "PaintingIndex",
    skipped: "SkipList",
    out: Path,
    *,
    title: str,
    as_json: bool,
) -> None:
    from artextract_hf.curation import by_criterion, write_findings

    document = write_findings(findings, index, skipped, out, title=title)
    groups = by_criterion(findings)
    counts = ", ".join(f"{len(group)} by {name}" for name, group in groups.items()) or "nothing stands out"
    if len(groups) > FEW:
        counts = f"findings in {len(groups)} groups"
    lines = [f"{len(index)} works; {counts}; see {out / 'report.html'}"]
    show(document, lines, as_json=as_json, left_out=skipped.as_json())
