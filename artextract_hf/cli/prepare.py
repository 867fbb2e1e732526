"""`artextract prepare`: a source as it was downloaded becomes one data set on disk."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from artextract_hf.cli import AsJson, app, list_skipped

prepare = typer.Typer(help="Turn a source as it was downloaded into one data set on disk.", no_args_is_help=True)
app.add_typer(prepare, name="prepare")


@prepare.command("wikiart")
def prepare_wikiart(
    root: Annotated[Path, typer.Option(help="Folder that holds wikiart/ and wikiart_csv/.")],
    out: Annotated[Path, typer.Option(help="Folder to write; `datasets.load_from_disk` reads it.")],
    split: Annotated[str, typer.Option(help="Which split: official.")] = "official",
    artists: Annotated[
        str, typer.Option(help="Artist labels: `official` (the release's 23) or `names` (from the file names).")
    ] = "official",
    min_artist_works: Annotated[int, typer.Option(help="With `names`: artists with fewer works get no label.")] = 1,
    as_json: AsJson = False,
) -> None:
    """WikiArt in the layout of the ArtGAN release."""
    from artextract_hf.data.schema import SkipList, label_counts
    from artextract_hf.data.wikiart import read_wikiart

    skipped = SkipList()
    dataset = read_wikiart(root, split, skipped=skipped, artists=artists, min_artist_works=min_artist_works)
    dataset.save_to_disk(out)
    splits: dict[str, Any] = {
        side: {"rows": len(part), "labelled": label_counts(part)} for side, part in dataset.items()
    }
    if as_json:
        typer.echo(json.dumps({"splits": splits, "skipped": skipped.as_json()}, ensure_ascii=False))
        return
    for side, counts in splits.items():
        labelled = ", ".join(f"{task} {n}" for task, n in counts["labelled"].items())
        typer.echo(f"{side}: {counts['rows']} paintings (labelled: {labelled})")
    list_skipped(skipped.as_json())
