"""`artextract embed`, `index` and `search`: a collection becomes searchable."""

import json
from pathlib import Path
from typing import Annotated

import typer

from artextract_hf.cli import AsJson, Backend, app, list_skipped

Source = Annotated[str, typer.Argument(help="A folder of pictures, a CSV, or what `artextract prepare` wrote.")]
EmbedderName = Annotated[str, typer.Option("--embedder", help="`default`, a directory, a Hub name, or a timm model.")]


@app.command()
def embed(
    source: Source,
    out: Annotated[Path, typer.Option(help="Folder to write: embeddings.npy, ids.json, embedder.json.")],
    embedder: EmbedderName = "default",
    backend: Backend = "torch",
) -> None:
    """Turn a collection into unit vectors."""
    import numpy as np

    from artextract_hf.data.collection import read_collection
    from artextract_hf.data.schema import SkipList
    from artextract_hf.models.embedder import AutoEmbedder
    from artextract_hf.retrieval.index import PaintingIndex

    skipped = SkipList()
    network = AutoEmbedder.from_pretrained(embedder, backend)
    index = PaintingIndex.build(read_collection(source, skipped), network, progress=True)
    out.mkdir(parents=True, exist_ok=True)
    np.save(out / "embeddings.npy", index.vectors())
    (out / "ids.json").write_text(json.dumps(index.ids, ensure_ascii=False), encoding="utf-8")
    (out / "embedder.json").write_text(json.dumps(index.describe(), indent=2), encoding="utf-8")
    typer.echo(f"{len(index)} vectors of length {index.dim} in {out}")
    list_skipped([*skipped.as_json(), *index.skipped.as_json()])


@app.command()
def index(
    source: Source,
    out: Annotated[Path, typer.Option(help="Folder to write.")],
    embedder: EmbedderName = "default",
    factory: Annotated[str, typer.Option(help="How vectors are searched: auto or flat, both exact.")] = "auto",
    allow_restricted: Annotated[
        bool,
        typer.Option("--allow-restricted", help="Index also what has no open licence; keep such an index to yourself."),
    ] = False,
    backend: Backend = "torch",
    as_json: AsJson = False,
) -> None:
    """Make a collection searchable."""
    from artextract_hf.data import rights
    from artextract_hf.data.collection import read_collection
    from artextract_hf.data.schema import SkipList
    from artextract_hf.models.embedder import AutoEmbedder
    from artextract_hf.retrieval.index import PaintingIndex

    skipped = SkipList()
    paintings = read_collection(source, skipped)
    if rights.states_no_rights(paintings):
        typer.echo(
            "artextract: no record states a licence; taken as pictures of your own, not to be published.", err=True
        )
    elif not allow_restricted:
        paintings = rights.keep_open(paintings, skipped)
    network = AutoEmbedder.from_pretrained(embedder, backend)
    made = PaintingIndex.build(paintings, network, factory, progress=True)
    made.save_pretrained(out)
    left_out = [*skipped.as_json(), *made.skipped.as_json()]
    if as_json:
        typer.echo(json.dumps(made.describe() | {"skipped": left_out}, ensure_ascii=False))
        return
    typer.echo(f"{len(made)} paintings in {out}, {len(left_out)} left out")
    list_skipped(left_out)


@app.command()
def search(
    images: Annotated[list[str], typer.Argument(help="Files or addresses of pictures.")],
    index: Annotated[Path, typer.Option(help="What `artextract index` wrote.")],
    k: Annotated[int, typer.Option("-k", min=1, help="How many paintings to give.")] = 5,
    where: Annotated[str | None, typer.Option(help="A filter, as in: year >= 1870 and genre == 'portrait'")] = None,
    as_json: AsJson = False,
) -> None:
    """Find the paintings most similar to pictures."""
    from artextract_hf.retrieval.index import PaintingIndex

    paintings = PaintingIndex.from_pretrained(index)
    answers = {image: paintings.search(image, k, where) for image in images}
    if as_json:
        document = [
            {"image": image, "hits": [{"rank": h.rank, "id": h.id, "score": h.score, "record": h.record} for h in hits]}
            for image, hits in answers.items()
        ]
        typer.echo(json.dumps(document, ensure_ascii=False))
        return
    for image, hits in answers.items():
        typer.echo(image)
        for hit in hits:
            typer.echo(f"  {hit.rank:>3}  {hit.score:.3f}  {hit.record['credit_line'] or hit.id}")
