"""`artextract prepare`: a source as it was downloaded becomes one data set on disk."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from artextract_hf.cli.application import (
    AllowOutside,
    AllowPrivateHosts,
    AsJson,
    Column,
    app,
    named_values,
    reserve,
    say_tables,
    show,
)
from artextract_hf.errors import DataError

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict

    from artextract_hf.data import SkipList

prepare = typer.Typer(help="Turn a source as it was downloaded into one data set on disk.", no_args_is_help=True)
app.add_typer(prepare, name="prepare")

Out = Annotated[Path, typer.Option(help="Folder to write; `datasets.load_from_disk` reads it.")]
AllowRestricted = Annotated[
    bool, typer.Option("--allow-restricted", help="Take in also what has no open licence; it must not be shared.")
]


@prepare.command("wikiart", epilog="Example: artextract prepare wikiart --root wikiart --out prepared")
def prepare_wikiart(
    root: Annotated[Path, typer.Option(help="Folder that holds wikiart/ and wikiart_csv/.")],
    out: Out,
    split: Annotated[str, typer.Option(help="official, joint, grouped or artist_disjoint.")] = "official",
    artists: Annotated[
        str, typer.Option(help="Artist labels: `official` (the release's 23) or `names` (from the file names).")
    ] = "official",
    min_artist_works: Annotated[int, typer.Option(help="With `names`: artists with fewer works get no label.")] = 1,
    max_samples: Annotated[int, typer.Option(min=0, help="Keep so many paintings only, of all styles; 0: all.")] = 0,
    seed: Annotated[int, typer.Option(help="Of the draw of grouped, artist_disjoint and --max-samples.")] = 0,
    as_json: AsJson = False,
) -> None:
    """WikiArt in the layout of the ArtGAN release."""
    from artextract_hf.data import SkipList, WikiArtOptions, check_prepared_output, read_wikiart

    reserve(out)
    check_prepared_output(out)
    skipped = SkipList()
    options = WikiArtOptions(
        split, artists=artists, min_artist_works=min_artist_works, max_samples=max_samples, seed=seed
    )
    wikiart = read_wikiart(root, options, skipped=skipped, progress=True)
    _write(wikiart.splits, wikiart.manifest, out, skipped, as_json)


@prepare.command("nga", epilog="Example: artextract prepare nga --opendata opendata --out prepared")
def prepare_nga(
    opendata: Annotated[Path, typer.Option(help="Folder with the gallery's tables (objects, published_images, ...).")],
    out: Out,
    images: Annotated[Path | None, typer.Option(help="Where fetched pictures are kept; default: beside OUT.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many paintings.")] = None,
    max_side: Annotated[int, typer.Option(min=64, help="Longer side of the pictures, pixels.")] = 1024,
    concurrency: Annotated[int, typer.Option(min=1, help="Requests at the same time.")] = 8,
    per_second: Annotated[float, typer.Option(min=0.01, help="Requests a second, at most.")] = 10.0,
    allow_restricted: AllowRestricted = False,
    allow_private_hosts: AllowPrivateHosts = False,
    as_json: AsJson = False,
) -> None:
    """The paintings of the National Gallery of Art; pictures come over IIIF, and a killed run goes on where it was."""
    from datasets import DatasetDict

    from artextract_hf.data import ALL, NGA_SOURCE, DownloadSettings, SkipList, check_prepared_output, read_nga

    reserve(out)
    check_prepared_output(out)
    skipped = SkipList()
    paintings = read_nga(
        opendata,
        images or _beside(out),
        skipped=skipped,
        allow_restricted=allow_restricted,
        limit=limit,
        side=max_side,
        settings=DownloadSettings(
            concurrency=concurrency, per_second=per_second, allow_private_hosts=allow_private_hosts
        ),
    )
    manifest = {"source": NGA_SOURCE, "max_side": max_side, "limit": limit}
    _write(DatasetDict({ALL: paintings}), manifest, out, skipped, as_json)


@prepare.command("museum", epilog="Example: artextract prepare museum met --query landscape --out prepared")
def prepare_museum(
    museum: Annotated[str, typer.Argument(help="artic (Chicago), cleveland, met (New York) or nga (Washington).")],
    out: Out,
    query: Annotated[str, typer.Option(help="What the museum searches for; without, paintings are drawn.")] = "",
    artist: Annotated[str, typer.Option(help="Words of the artist's name.")] = "",
    from_year: Annotated[int | None, typer.Option("--from", help="No painting that is surely from before.")] = None,
    to_year: Annotated[int | None, typer.Option("--to", help="No painting that is surely from after.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many paintings.")] = 300,
    images: Annotated[
        Path | None, typer.Option(help="Where fetched answers and pictures are kept; default: beside OUT.")
    ] = None,
    allow_restricted: AllowRestricted = False,
    allow_private_hosts: AllowPrivateHosts = False,
    as_json: AsJson = False,
) -> None:
    """Open-access paintings of a museum, by its public interface; a killed run goes on where it was."""
    from datasets import DatasetDict

    from artextract_hf.data import ALL, MuseumQuery, SkipList, check_prepared_output, museum_named, read_museum

    wanted = MuseumQuery(query, artist, from_year, to_year, limit, allow_restricted)
    title = museum_named(museum).title
    reserve(out)
    check_prepared_output(out)
    skipped = SkipList()
    paintings = read_museum(museum, wanted, images or _beside(out), skipped, allow_private_hosts=allow_private_hosts)
    manifest = {"source": title, "museum": museum, "query": asdict(wanted)}
    _write(DatasetDict({ALL: paintings}), manifest, out, skipped, as_json)


@prepare.command("collection", epilog="Example: artextract prepare collection museum/metadata.csv --out prepared")
def prepare_collection(
    source: Annotated[str, typer.Argument(help="A folder, a CSV or Parquet file, a Hub dataset, or a IIIF address.")],
    out: Out,
    column: Column = None,
    task: Annotated[
        list[str] | None, typer.Option(help="A column of classes to learn, beside style, genre and artist; repeatable.")
    ] = None,
    classes: Annotated[
        str | None, typer.Option(help="The task whose classes the subfolders are: style, genre, artist, or your own.")
    ] = None,
    val: Annotated[float, typer.Option(help="Share of the works that is drawn into a split `val`, such as 0.2.")] = 0.0,
    test: Annotated[float, typer.Option(help="And into a split `test`.")] = 0.0,
    seed: Annotated[int, typer.Option(help="Of the draw.")] = 0,
    decisions: Annotated[
        Path | None,
        typer.Option(help="findings.csv of `artextract audit labels`: where `decision` says accept, labels change."),
    ] = None,
    images: Annotated[Path | None, typer.Option(help="Where fetched pictures are kept; default: beside OUT.")] = None,
    allow_outside: AllowOutside = False,
    allow_private_hosts: AllowPrivateHosts = False,
    as_json: AsJson = False,
) -> None:
    """One's own collection, a museum's, or a dataset of the Hub; its folders or column of splits are kept."""
    from artextract_hf.data import Draw, SkipList, check_prepared_output, is_address, read_collection_splits, shown

    reserve(out)
    check_prepared_output(out)
    skipped = SkipList()
    splits, facts = read_collection_splits(
        source,
        skipped,
        Draw(val, test, seed),
        decisions=decisions,
        columns=named_values(column or [], "--column", "title=Titel"),
        tasks=task or [],
        classes=classes,
        images_dir=images or _beside(out),
        allow_outside=allow_outside,
        allow_private_hosts=allow_private_hosts,
    )
    say_tables(skipped)
    _write(splits, {"source": shown(source) if is_address(source) else source, **facts}, out, skipped, as_json)


def _beside(out: Path) -> Path:
    if not out.name:  # the current folder, or the root
        raise DataError("--out needs a folder with a name, or say by --images where the fetched pictures are kept.")
    return out.with_name(out.name + "-images")


def _write(splits: "DatasetDict", manifest: Mapping[str, Any], out: Path, skipped: "SkipList", as_json: bool) -> None:
    """Write the data set and say what is in it."""
    from artextract_hf.data import write_prepared

    write_prepared(splits, manifest, out)
    counts = {side: _counts(part) for side, part in splits.items()}
    left_out = skipped.as_json()
    show(
        {
            "splits": counts,
            "baselines": manifest.get("baselines", {}),
            "tables": [asdict(table) for table in skipped.tables],
            "skipped": left_out,
        },
        _lines(counts, manifest),
        as_json=as_json,
        left_out=left_out,
    )


def _counts(paintings: "Dataset") -> dict[str, Any]:
    """How many paintings there are, how many are labelled, have a year, and may be published."""
    from artextract_hf.data import is_open, label_counts

    years = zip(paintings["year"], paintings["year_end"], strict=True)
    return {
        "rows": len(paintings),
        "labelled": label_counts(paintings),
        "dated": sum(first is not None or last is not None for first, last in years),
        "open": sum(map(is_open, paintings["license"])),
    }


def _lines(counts: Mapping[str, Any], manifest: Mapping[str, Any]) -> Iterator[str]:
    """What people read about a prepared data set: rows of each split, what is easy, what is thin."""
    if changed := manifest.get("relabelled"):
        yield f"{changed} labels changed as decided"
    for side, count in counts.items():
        labelled = ", ".join(f"{task} {n}" for task, n in count["labelled"].items())
        yield f"{side}: {count['rows']} paintings (labelled: {labelled}; dated {count['dated']}, open {count['open']})"
    for task, figures in manifest.get("baselines", {}).items():
        if figures["majority"] is not None:
            yield (
                f"{task}: the commonest class is right on {figures['majority']:.1%} of val, "
                f"knowing only the artist on {figures['artist_oracle']:.1%}"
            )
    for task, names in manifest.get("thin_classes", {}).items():
        if names and task != "artist":
            yield f"{task}: few artists on a side: {', '.join(names)}"
