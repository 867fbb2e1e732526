"""`artextract export`: models for other runtimes, and collections for other programs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from artextract_hf.cli.application import (
    AllowOutside,
    AllowPrivateHosts,
    AsJson,
    Backend,
    app,
    is_indexed,
    open_vectors,
    reserve,
    show,
)
from artextract_hf.cli.audit import Embedding, Works

if TYPE_CHECKING:
    from artextract_hf import PaintingIndex
    from artextract_hf.data import SkipList

export = typer.Typer(
    help="Write a model for another runtime, or a collection for another program.", no_args_is_help=True
)
app.add_typer(export, name="export")


@export.command("onnx", epilog="Example: artextract export onnx --model default --out classifier.onnx")
def export_onnx(
    model: Annotated[str, typer.Option(help="`default`, a directory, or a Hub name.")],
    out: Annotated[Path, typer.Option(help="File to write.")],
    as_json: AsJson = False,
) -> None:
    """One ONNX file for any number of paintings a call, checked against torch."""
    from artextract_hf import hub

    report = hub.export_onnx(model, out)
    outputs = ", ".join(report["outputs"])
    size, difference = f"{report['bytes'] / 1e6:.1f} MB", f"{report['difference']:.1e}"
    show(report, [f"{out}: {size}, gives {outputs}; at most {difference} from torch"], as_json=as_json)


@export.command("iiif", epilog="Example: artextract export iiif index --out web --base-url https://museum.example/iiif")
def export_iiif(
    source: Works,
    out: Annotated[Path, typer.Option(help="Folder to write; a web server is to serve it.")],
    base_url: Annotated[str, typer.Option(help="Address of that folder, such as https://museum.example/iiif.")],
    title: Annotated[str, typer.Option(help="Of the collection.")] = "Paintings",
    k: Annotated[int, typer.Option("-k", min=0, help="How many similar works each links to.")] = 5,
    embedder: Embedding = "default",
    allow_restricted: Annotated[
        bool, typer.Option("--allow-restricted", help="Write also works that have no open licence.")
    ] = False,
    allow_outside: AllowOutside = False,
    allow_private_hosts: AllowPrivateHosts = False,
    backend: Backend = "torch",
    as_json: AsJson = False,
) -> None:
    """A collection as IIIF manifests with links to similar works, their vectors, schema.org and Linked Art.

    An index gives its small pictures; a collection is embedded, and gives its pictures at their own size.
    """
    from artextract_hf.data import SkipList
    from artextract_hf.linked import checked_base, write_iiif

    reserve(out)
    checked_base(base_url)
    skipped = SkipList()
    allowed = {"allow_outside": allow_outside, "allow_private_hosts": allow_private_hosts}
    index, pictures = _works_with_pictures(source, skipped, embedder, backend, **allowed)
    options: dict[str, Any] = {"pictures": pictures, "k": k, "allow_restricted": allow_restricted}
    report = write_iiif(index, out, base_url, title=title, skipped=skipped, **options)
    left_out = skipped.as_json()
    lines = [f"{report['works']} works in {out}, {len(left_out)} left out; serve it as {report['collection']}"]
    show(report | {"skipped": left_out}, lines, as_json=as_json, left_out=left_out)


@export.command("fiftyone", epilog="Example: artextract export fiftyone index --out fiftyone")
def export_fiftyone(
    source: Works,
    out: Annotated[Path, typer.Option(help="Folder to write.")],
    task: Annotated[str, typer.Option(help="Whose classes: style, genre, artist, or a task of your own.")] = "style",
    embedder: Embedding = "default",
    allow_outside: AllowOutside = False,
    allow_private_hosts: AllowPrivateHosts = False,
    backend: Backend = "torch",
    as_json: AsJson = False,
) -> None:
    """Pictures, classes and vectors of a collection as FiftyOne reads them, for your own machine."""
    from artextract_hf.data import SkipList
    from artextract_hf.linked import write_fiftyone

    reserve(out)
    skipped = SkipList()
    allowed = {"allow_outside": allow_outside, "allow_private_hosts": allow_private_hosts}
    index, pictures = _works_with_pictures(source, skipped, embedder, backend, **allowed)
    report = write_fiftyone(index, out, task, pictures=pictures, skipped=skipped)
    left_out = skipped.as_json()
    lines = [f"{report['works']} works of {report['classes']} classes in {out}, {len(left_out)} left out"]
    show(report | {"skipped": left_out}, lines, as_json=as_json, left_out=left_out)


def _works_with_pictures(
    source: str, skipped: "SkipList", embedder: str, backend: str, **allowed: bool
) -> tuple["PaintingIndex", Any]:
    """The works of a source with their vectors, and what gives their pictures; None where the index has small ones."""
    from artextract_hf import AutoEmbedder, PaintingIndex
    from artextract_hf.data import read_collection
    from artextract_hf.linked import pictures_of

    if is_indexed(folder := Path(source)):
        return open_vectors(folder), None
    paintings = read_collection(source, skipped, **allowed)
    index = PaintingIndex.build(paintings, AutoEmbedder.from_pretrained(embedder, backend), "flat", progress=True)
    skipped.items += index.skipped.items
    return index, pictures_of(paintings)
