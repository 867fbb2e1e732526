"""`artextract explain`: why two pictures are similar."""

import io
from pathlib import Path
from typing import Annotated

import typer

from artextract_hf.cli.application import AllowPrivateHosts, AsJson, Backend, app, reachable, show
from artextract_hf.outputs import refuse_foreign_file, write_whole

MARK = "artextract explain"  # stands in the PNG: an earlier drawing may be replaced


@app.command()
def explain(
    query: Annotated[str, typer.Argument(help="File or address of a picture.")],
    answer: Annotated[str, typer.Argument(help="File or address of another.")],
    out: Annotated[Path, typer.Option(help="PNG file to write.")],
    embedder: Annotated[str, typer.Option(help="`default`, a directory, a Hub name, or a timm model.")] = "default",
    backend: Backend = "torch",
    allow_private_hosts: AllowPrivateHosts = False,
    as_json: AsJson = False,
) -> None:
    """Show why two pictures are similar: which places correspond, and where the similarity comes from."""
    from PIL.PngImagePlugin import PngInfo

    from artextract_hf import AutoEmbedder
    from artextract_hf.retrieval import draw_explanation, explain_similarity

    refuse_foreign_file(out, MARK.encode())
    pair = [reachable(picture, allow_private_hosts) for picture in (query, answer)]
    found = explain_similarity(AutoEmbedder.from_pretrained(embedder, backend), *pair)
    out.parent.mkdir(parents=True, exist_ok=True)
    drawn, facts = io.BytesIO(), PngInfo()
    facts.add_text("Software", MARK)
    draw_explanation(found).save(drawn, "PNG", pnginfo=facts)
    write_whole(out, drawn.getvalue())
    document = {"query": query, "answer": answer, **found.as_json(), "picture": str(out)}
    pairs = f"{len(found.pairs)} places of the one correspond to places of the other"
    show(document, [f"similarity {found.similarity:.3f}; {pairs}; see {out}"], as_json=as_json)
