"""`artextract embed`: a collection becomes unit vectors."""

from pathlib import Path
from typing import Annotated

import typer

from artextract_hf.cli.application import (
    AllowOutside,
    AllowPrivateHosts,
    AsJson,
    Backend,
    Column,
    app,
    collection_of,
    show,
)


@app.command(epilog="Example: artextract embed prepared --out vectors")
def embed(
    source: Annotated[str, typer.Argument(help="A folder of pictures, a CSV, or what `artextract prepare` wrote.")],
    out: Annotated[
        Path, typer.Option(help="Folder to write: embeddings.npy, records.parquet, ids.json, embedder.json.")
    ],
    embedder: Annotated[
        str, typer.Option(help="`default`, a directory, a Hub name (CLIP and SigLIP too), or a timm model.")
    ] = "default",
    column: Column = None,
    allow_outside: AllowOutside = False,
    allow_private_hosts: AllowPrivateHosts = False,
    backend: Backend = "torch",
    as_json: AsJson = False,
) -> None:
    """Turn a collection into unit vectors; the same command goes on where an earlier one was stopped."""
    from artextract_hf.data import SkipList
    from artextract_hf.embedders import AutoEmbedder
    from artextract_hf.retrieval import check_embeddings_output, embed_collection

    check_embeddings_output(out)
    left_out = SkipList()
    network = AutoEmbedder.from_pretrained(embedder, backend)
    paintings = collection_of(
        source, left_out, column, allow_outside=allow_outside, allow_private_hosts=allow_private_hosts
    )
    about = embed_collection(paintings, network, out, left_out=left_out, progress=True)
    lines = [f"{about['count']} vectors of length {about['dim']} in {out}"]
    show(about, lines, as_json=as_json, left_out=about["skipped"])
