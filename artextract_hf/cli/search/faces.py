"""`artextract index-faces` and `search-face`: painted faces that look alike, and heads that are turned alike."""

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
    reachable,
    reserve,
    show,
)
from artextract_hf.cli.search.index import AllowRestricted, usable

if TYPE_CHECKING:
    from artextract_hf.retrieval import FaceDetector, FaceHit

Detector = Annotated[
    Path | None, typer.Option(help="What finds faces: the file of YuNet (ONNX); by default the one on the Hub.")
]


@app.command("index-faces", epilog="Example: artextract index-faces museum/ --out faces")
def index_faces(
    source: Annotated[str, typer.Argument(help="A folder of pictures, a CSV, or what `artextract prepare` wrote.")],
    out: Annotated[Path, typer.Option(help="Folder to write.")],
    embedder: Annotated[str, typer.Option(help="`default`, a directory, a Hub name, or a timm model.")] = "default",
    detector: Detector = None,
    column: Column = None,
    allow_restricted: AllowRestricted = False,
    allow_outside: AllowOutside = False,
    allow_private_hosts: AllowPrivateHosts = False,
    as_json: AsJson = False,
) -> None:
    """Make the painted faces of a collection searchable. They are compared, never named."""
    from artextract_hf import AutoEmbedder, FaceIndex
    from artextract_hf.data import SkipList
    from artextract_hf.retrieval import check_index_output

    reserve(out)
    check_index_output(out)
    found_by = _opened(detector)
    skipped = SkipList()
    paintings = collection_of(
        source, skipped, column, allow_outside=allow_outside, allow_private_hosts=allow_private_hosts
    )
    paintings = usable(paintings, skipped, allow_restricted)
    made = FaceIndex.build(paintings, AutoEmbedder.from_pretrained(embedder), found_by, progress=True)
    made.save_pretrained(out)
    left_out = [*skipped.as_json(), *made.skipped.as_json()]
    about = made.describe()
    lines = [f"{about['count']} faces of {about['paintings']} paintings in {out}, {len(left_out)} left out"]
    show(about | {"skipped": left_out}, lines, as_json=as_json, left_out=left_out)


@app.command("search-face", epilog="Example: artextract search-face portrait.jpg --index faces --by pose")
def search_face(
    image: Annotated[str, typer.Argument(help="File or address of a picture; its largest face is compared.")],
    index: Annotated[Path, typer.Option(help="What `artextract index-faces` wrote.")],
    by: Annotated[str, typer.Option(help="What is compared: look, or pose, which way the head is turned.")] = "look",
    k: Annotated[int, typer.Option("-k", min=1, help="How many faces to give.")] = 5,
    where: Annotated[str | None, typer.Option(help="A filter, as in: year < 1700 and yaw > 20")] = None,
    detector: Detector = None,
    embedder: Embedder = None,
    allow_private_hosts: AllowPrivateHosts = False,
    as_json: AsJson = False,
) -> None:
    """Find painted faces that look like the largest face of a picture, or heads that are turned like it."""
    from artextract_hf import AutoEmbedder, FaceIndex

    network = None if embedder is None else AutoEmbedder.from_pretrained(embedder)
    faces = FaceIndex.from_pretrained(index, embedder=network, detector=_opened(detector))
    hits = faces.search(reachable(image, allow_private_hosts), k, where, by=by)
    answers = [vars(hit) | {"box": hit.box.as_list(), "pose": vars(hit.pose)} for hit in hits]
    lines = [_line(hit) for hit in hits] or ["  no face passes this filter"]
    show({"image": image, "by": by, "hits": answers}, lines, as_json=as_json)


def _opened(detector: Path | None) -> "FaceDetector | None":
    from artextract_hf.retrieval import FaceDetector

    return None if detector is None else FaceDetector(detector)


def _line(hit: "FaceHit") -> str:
    turned = f"face {hit.face}, turned {hit.pose.yaw:.0f}°"
    return f"  {hit.rank:>3}  {hit.score:.3f}  {turned:<22}  {hit.record.get('credit_line') or hit.painting}"
