"""`artextract explain`: why a painting is classified as it is, and why two pictures are similar."""

import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from artextract_hf.cli.application import (
    AllowPrivateHosts,
    AsJson,
    Backend,
    app,
    named_values,
    open_vectors,
    reachable,
    show,
)
from artextract_hf.errors import ArtExtractError
from artextract_hf.outputs import refuse_foreign_file, write_whole

if TYPE_CHECKING:
    from PIL.Image import Image

MARK = "artextract explain"  # stands in the PNG: an earlier drawing may be replaced
LIKE_IT = 5  # labelled works that are shown
SEARCHED = 50  # the nearest, of which the labelled ones are shown


@app.command(epilog="Example: artextract explain painting.jpg other.jpg --out why.png")
def explain(
    query: Annotated[str, typer.Argument(help="File or address of a picture.")],
    out: Annotated[Path, typer.Option(help="PNG file to write.")],
    answer: Annotated[str | None, typer.Argument(help="File or address of another.")] = None,
    model: Annotated[str | None, typer.Option(help="Of one picture: the classifier; the bundled one if none.")] = None,
    label: Annotated[
        list[str] | None, typer.Option(help="Of one picture: a class to explain, as in style=Baroque; repeatable.")
    ] = None,
    index: Annotated[
        Path | None, typer.Option(help="Of one picture: an index, of whose works the nearest stand below.")
    ] = None,
    embedder: Annotated[
        str | None, typer.Option(help="Of two pictures: a directory, a Hub name, or a timm model.")
    ] = None,
    backend: Backend = "torch",
    allow_private_hosts: AllowPrivateHosts = False,
    as_json: AsJson = False,
) -> None:
    """Show where in a picture its classes come from; with two pictures, why they are similar."""
    refuse_foreign_file(out, MARK.encode())
    pictures = [reachable(picture, allow_private_hosts) for picture in (query, answer) if picture is not None]
    if answer is None:
        _refuse({"--embedder": embedder, "--backend openvino": backend != "torch"}, "two pictures")
        document, lines, drawing = _explain_classes(pictures[0], model or "default", label or [], index)
    else:
        _refuse({"--model": model, "--label": label, "--index": index}, "one picture")
        document, lines, drawing = _explain_similarity(pictures, embedder or "default", backend)
    _keep(drawing, out)
    named = {"query": query} | ({} if answer is None else {"answer": answer})
    show(named | document | {"picture": str(out)}, [*lines, f"see {out}"], as_json=as_json)


def _refuse(options: dict[str, Any], meant: str) -> None:
    """Refuse options that would have no effect.

    Raises:
        ArtExtractError: one is given.
    """
    if given := [name for name, value in options.items() if value]:
        raise ArtExtractError(f"{given[0]} is for {meant}; leave it out.")


def _explain_classes(
    picture: str | bytes, model: str, labels: Iterable[str], index: Path | None
) -> tuple[dict[str, Any], list[str], "Image"]:
    """What JSON says, what people read, and the drawing, of one picture."""
    from artextract_hf.data import display_name
    from artextract_hf.models import load_classifier
    from artextract_hf.retrieval import draw_classes, explain_classes

    searched = None if index is None else open_vectors(index)
    network, processor = load_classifier(model)
    found = explain_classes(network, processor, picture, named_values(labels, "--label", "style=Baroque"))
    document, lines, works = found.as_json(), [], []
    for task, explained in found.classes.items():
        lines.append(f"{task}: {display_name(explained.label)}, {explained.score:.0%}")
    if searched is not None:
        hits = [h for h in searched.search(picture, k=SEARCHED) if any(h.record.get(task) for task in found.classes)]
        works = [(searched.thumbnail(hit.id), hit.record) for hit in hits[:LIKE_IT]]
        document["like_it"] = [{"id": hit.id, "score": hit.score, "record": hit.record} for hit in hits[:LIKE_IT]]
        lines += _like_it(hits[:LIKE_IT], list(found.classes))
    return document, lines, draw_classes(found, works)


def _like_it(hits: Iterable[Any], tasks: list[str]) -> Iterator[str]:
    from artextract_hf.data import display_name

    for hit in hits:
        known = ", ".join(f"{task} {display_name(str(hit.record[task]))}" for task in tasks if hit.record.get(task))
        yield f"  {hit.rank:>3}  {hit.score:.3f}  {hit.record.get('credit_line') or hit.id}: {known}"


def _explain_similarity(
    pictures: list[str | bytes], embedder: str, backend: str
) -> tuple[dict[str, Any], list[str], "Image"]:
    """What JSON says, what people read, and the drawing, of two pictures."""
    from artextract_hf import AutoEmbedder
    from artextract_hf.retrieval import draw_explanation, explain_similarity

    found = explain_similarity(AutoEmbedder.from_pretrained(embedder, backend), *pictures)
    pairs = f"{len(found.pairs)} places of the one correspond to places of the other"
    return found.as_json(), [f"similarity {found.similarity:.3f}; {pairs}"], draw_explanation(found)


def _keep(drawing: "Image", out: Path) -> None:
    """Write a drawing by which a later one knows that it may replace it."""
    from PIL.PngImagePlugin import PngInfo

    out.parent.mkdir(parents=True, exist_ok=True)
    drawn, facts = io.BytesIO(), PngInfo()
    facts.add_text("Software", MARK)
    drawing.save(drawn, "PNG", pnginfo=facts)
    write_whole(out, drawn.getvalue())
