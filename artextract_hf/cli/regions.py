"""`artextract index-regions` and `search-region`: search for a part of a picture."""

import json
from pathlib import Path
from typing import Annotated

import typer

from artextract_hf.cli import AsJson, app, list_skipped
from artextract_hf.cli.index import usable
from artextract_hf.errors import QueryError


@app.command("index-regions")
def index_regions(
    source: Annotated[str, typer.Argument(help="A folder of pictures, a CSV, or what `artextract prepare` wrote.")],
    out: Annotated[Path, typer.Option(help="Folder to write.")],
    embedder: Annotated[str, typer.Option(help="`default`, a directory, a Hub name, or a timm model.")] = "default",
    side: Annotated[int, typer.Option(help="Pixels of a painting's longer side; more finds smaller details.")] = 448,
    allow_restricted: Annotated[
        bool,
        typer.Option("--allow-restricted", help="Index also what has no open licence; keep such an index to yourself."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make the parts of a collection's paintings searchable."""
    from artextract_hf.data.schema import SkipList
    from artextract_hf.data.sources.collection import read_collection
    from artextract_hf.embedders.auto import AutoEmbedder
    from artextract_hf.retrieval.regions.index import RegionIndex

    skipped = SkipList()
    paintings = usable(read_collection(source, skipped), skipped, allow_restricted)
    made = RegionIndex.build(paintings, AutoEmbedder.from_pretrained(embedder), side=side, progress=True)
    made.save_pretrained(out)
    left_out = [*skipped.as_json(), *made.skipped.as_json()]
    about = made.describe()
    if as_json:
        typer.echo(json.dumps(about | {"skipped": left_out}, ensure_ascii=False))
        return
    typer.echo(f"{len(made)} paintings of {about['bytes_per_painting']} bytes each in {out}, {len(left_out)} left out")
    list_skipped(left_out)


@app.command("search-region")
def search_region(
    image: Annotated[str, typer.Argument(help="File or address of a picture.")],
    index: Annotated[Path, typer.Option(help="What `artextract index-regions` wrote.")],
    box: Annotated[
        str | None, typer.Option(help="The part to look for, X,Y,W,H in pixels; without it the whole picture.")
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, help="How many paintings to give.")] = 10,
    as_json: AsJson = False,
) -> None:
    """Find the paintings that hold a part of a picture, and where."""
    from artextract_hf.retrieval.regions.index import RegionIndex

    place = _read_box(box)
    hits = RegionIndex.from_pretrained(index).search(image, place, k)
    if as_json:
        answers = [{"rank": h.rank, "id": h.id, "score": h.score, "box": list(h.box), "record": h.record} for h in hits]
        typer.echo(json.dumps({"image": image, "box": place, "hits": answers}, ensure_ascii=False))
        return
    for hit in hits:
        x, y, width, height = (f"{100 * share:.0f}%" for share in hit.box)
        where = f"{width} x {height} at {x}, {y}"
        typer.echo(f"  {hit.rank:>3}  {hit.score:.3f}  {where:<22}  {hit.record.get('credit_line') or hit.id}")


def _read_box(text: str | None) -> tuple[float, float, float, float] | None:
    if text is None:
        return None
    try:
        x, y, width, height = (float(number) for number in text.split(","))
    except ValueError:
        raise QueryError(f"a box is X,Y,W,H in pixels, as in 40,60,200,150; got {text!r}.") from None
    return x, y, width, height
