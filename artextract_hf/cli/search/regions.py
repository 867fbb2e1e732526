"""`artextract index-regions` and `search-region`: search for a part of a picture."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from artextract_hf.cli.application import (
    AllowOutside,
    AllowPrivateHosts,
    AsJson,
    Column,
    Embedder,
    app,
    collection_of,
    reserve,
    show,
)
from artextract_hf.cli.search.index import AllowRestricted, usable
from artextract_hf.errors import QueryError

if TYPE_CHECKING:
    from artextract_hf.retrieval import RegionHit


@app.command("index-regions", epilog="Example: artextract index-regions museum/ --out regions")
def index_regions(
    source: Annotated[str, typer.Argument(help="A folder of pictures, a CSV, or what `artextract prepare` wrote.")],
    out: Annotated[Path, typer.Option(help="Folder to write.")],
    embedder: Annotated[str, typer.Option(help="`default`, a directory, a Hub name, or a timm model.")] = "default",
    side: Annotated[int, typer.Option(help="Pixels of a painting's longer side; more finds smaller details.")] = 448,
    column: Column = None,
    allow_restricted: AllowRestricted = False,
    allow_outside: AllowOutside = False,
    allow_private_hosts: AllowPrivateHosts = False,
    as_json: AsJson = False,
) -> None:
    """Make the parts of a collection's paintings searchable."""
    from artextract_hf import AutoEmbedder, RegionIndex
    from artextract_hf.data import SkipList
    from artextract_hf.retrieval import check_index_output

    reserve(out)
    check_index_output(out)
    skipped = SkipList()
    paintings = collection_of(
        source, skipped, column, allow_outside=allow_outside, allow_private_hosts=allow_private_hosts
    )
    paintings = usable(paintings, skipped, allow_restricted)
    made = RegionIndex.build(paintings, AutoEmbedder.from_pretrained(embedder), side=side, progress=True)
    made.save_pretrained(out)
    left_out = [*skipped.as_json(), *made.skipped.as_json()]
    about = made.describe()
    lines = [f"{len(made)} paintings of {about['bytes_per_painting']} bytes each in {out}, {len(left_out)} left out"]
    show(about | {"skipped": left_out}, lines, as_json=as_json, left_out=left_out)


@app.command("search-region", epilog="Example: artextract search-region painting.jpg --index regions --box 20,20,80,80")
def search_region(
    image: Annotated[str, typer.Argument(help="File or address of a picture.")],
    index: Annotated[Path, typer.Option(help="What `artextract index-regions` wrote.")],
    box: Annotated[
        str | None, typer.Option(help="The part to look for, X,Y,W,H in pixels; without it the whole picture.")
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, help="How many paintings to give.")] = 5,
    where: Annotated[str | None, typer.Option(help="A filter, as in: year >= 1870 and genre == 'portrait'")] = None,
    embedder: Embedder = None,
    allow_private_hosts: AllowPrivateHosts = False,
    as_json: AsJson = False,
) -> None:
    """Find the paintings that hold a part of a picture, and where."""
    from artextract_hf import AutoEmbedder, Box, RegionIndex
    from artextract_hf.data import decode_image

    place = None if box is None else _read_box(box)
    picture = decode_image(image, allow_private_hosts=allow_private_hosts)
    part = None if place is None else Box.from_pixels(*place, size=picture.size)
    network = None if embedder is None else AutoEmbedder.from_pretrained(embedder)
    hits = RegionIndex.from_pretrained(index, embedder=network).search(picture, k, where, box=part)
    answers = [
        {"rank": hit.rank, "id": hit.id, "score": hit.score, "box": hit.box.as_list(), "record": hit.record}
        for hit in hits
    ]
    show({"image": image, "box": place, "hits": answers}, [_line(hit) for hit in hits], as_json=as_json)


def _line(hit: "RegionHit") -> str:
    left, top, width, height = (f"{100 * share:.0f}%" for share in hit.box.as_list())
    place = f"{width} x {height} at {left}, {top}"
    return f"  {hit.rank:>3}  {hit.score:.3f}  {place:<22}  {hit.record.get('credit_line') or hit.id}"


def _read_box(text: str) -> tuple[float, float, float, float]:
    """Left, top, width and height in pixels, as they are written on the command line."""
    try:
        x, y, width, height = (float(number) for number in text.split(","))
    except ValueError:
        raise QueryError(f"a box is X,Y,W,H in pixels, as in 40,60,200,150; got {text!r}.") from None
    return x, y, width, height
