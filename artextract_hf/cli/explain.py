"""`artextract explain`: why two pictures are similar."""

import json
from pathlib import Path
from typing import Annotated

import typer

from artextract_hf.cli import AsJson, Backend, app


@app.command()
def explain(
    query: Annotated[str, typer.Argument(help="File or address of a picture.")],
    answer: Annotated[str, typer.Argument(help="File or address of another.")],
    out: Annotated[Path, typer.Option(help="PNG file to write.")],
    embedder: Annotated[str, typer.Option(help="`default`, a directory, a Hub name, or a timm model.")] = "default",
    backend: Backend = "torch",
    as_json: AsJson = False,
) -> None:
    """Show why two pictures are similar: which places answer each other, and where the similarity comes from."""
    from artextract_hf.embedders.auto import AutoEmbedder
    from artextract_hf.retrieval.explain.explanation import explain as explain_pictures
    from artextract_hf.retrieval.explain.picture import draw

    found = explain_pictures(AutoEmbedder.from_pretrained(embedder, backend), query, answer)
    out.parent.mkdir(parents=True, exist_ok=True)
    draw(found).save(out, "PNG")
    if as_json:
        document = {"query": query, "answer": answer, **found.as_json(), "picture": str(out)}
        typer.echo(json.dumps(document, ensure_ascii=False))
        return
    typer.echo(f"similarity {found.similarity:.3f}, {len(found.pairs)} places answer each other; see {out}")
