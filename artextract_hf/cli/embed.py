"""`artextract embed`: a collection becomes unit vectors."""

import json
from pathlib import Path
from typing import Annotated

import typer

from artextract_hf.cli import AsJson, Backend, app, list_skipped


@app.command()
def embed(
    source: Annotated[str, typer.Argument(help="A folder of pictures, a CSV, or what `artextract prepare` wrote.")],
    out: Annotated[
        Path, typer.Option(help="Folder to write: embeddings.npy, records.parquet, ids.json, embedder.json.")
    ],
    embedder: Annotated[
        str, typer.Option(help="`default`, a directory, a Hub name (CLIP and SigLIP too), or a timm model.")
    ] = "default",
    backend: Backend = "torch",
    as_json: AsJson = False,
) -> None:
    """Turn a collection into unit vectors; the same command goes on where an earlier one was stopped."""
    from artextract_hf.data.schema import SkipList
    from artextract_hf.data.sources.collection import read_collection
    from artextract_hf.embedders.auto import AutoEmbedder
    from artextract_hf.retrieval.embedding_parts import embed_collection

    left_out = SkipList()
    network = AutoEmbedder.from_pretrained(embedder, backend)
    about = embed_collection(read_collection(source, left_out), network, out, left_out=left_out, progress=True)
    if as_json:
        typer.echo(json.dumps(about, ensure_ascii=False))
        return
    typer.echo(f"{about['count']} vectors of length {about['dim']} in {out}")
    list_skipped(about["skipped"])
