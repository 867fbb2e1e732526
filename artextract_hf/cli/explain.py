"""`artextract explain`: why two pictures are similar."""

from pathlib import Path
from typing import Annotated

import typer

from artextract_hf.cli.application import AsJson, Backend, app, show


@app.command()
def explain(
    query: Annotated[str, typer.Argument(help="File or address of a picture.")],
    answer: Annotated[str, typer.Argument(help="File or address of another.")],
    out: Annotated[Path, typer.Option(help="PNG file to write.")],
    embedder: Annotated[str, typer.Option(help="`default`, a directory, a Hub name, or a timm model.")] = "default",
    backend: Backend = "torch",
    as_json: AsJson = False,
) -> None:
    """Show why two pictures are similar: which places correspond, and where the similarity comes from."""
    from artextract_hf import AutoEmbedder
    from artextract_hf.retrieval import draw_explanation, explain_similarity

    found = explain_similarity(AutoEmbedder.from_pretrained(embedder, backend), query, answer)
    out.parent.mkdir(parents=True, exist_ok=True)
    draw_explanation(found).save(out, "PNG")
    document = {"query": query, "answer": answer, **found.as_json(), "picture": str(out)}
    pairs = f"{len(found.pairs)} places of the one correspond to places of the other"
    show(document, [f"similarity {found.similarity:.3f}; {pairs}; see {out}"], as_json=as_json)
