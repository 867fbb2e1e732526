"""`artextract demo`: from the embedded default, one's own collection, or a museum's, to a running Space."""

import tempfile
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from artextract_hf.cli.application import (
    AllowOutside,
    AllowPrivateHosts,
    AsJson,
    Column,
    app,
    collection_of,
    list_skipped,
    show,
)
from artextract_hf.digests import document_digest
from artextract_hf.errors import DataError, PaintingIndexError
from artextract_hf.extras import require
from artextract_hf.folders import add_to_path
from artextract_hf.outputs import output_lock

if TYPE_CHECKING:
    from artextract_hf import PaintingIndex
    from artextract_hf.data import MuseumQuery

NEIGHBOURS = 5
FROM_MUSEUM = 100  # paintings, which the Met takes two minutes to give


@app.command(epilog="Example: artextract demo --collection museum/metadata.csv")
def demo(
    collection: Annotated[
        str | None, typer.Option(help="Your own pictures: a folder, a CSV, or prepared data.")
    ] = None,
    museum: Annotated[
        str | None, typer.Option(help="Paintings of a museum: artic, cleveland, met or nga; fetched once.")
    ] = None,
    query: Annotated[str, typer.Option(help="With --museum: what it searches for.")] = "",
    index: Annotated[
        str | None, typer.Option(help="An index made by `artextract index`: a folder, or a dataset repository.")
    ] = None,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on: 127.0.0.1 by default, 0.0.0.0 for other machines.")
    ] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port of the page; a free one by default.")] = None,
    column: Column = None,
    allow_outside: AllowOutside = False,
    allow_private_hosts: AllowPrivateHosts = False,
    check: Annotated[bool, typer.Option(help="Start, ask one classification and one search over HTTP, stop.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the embedded classifier and a collection in the browser."""
    sources = {"--collection": collection, "--museum": museum, "--index": index}
    if len(given := [name for name, value in sources.items() if value]) > 1:
        raise DataError(f"{' and '.join(given)} are {len(given)} collections; give one of them.")
    if query and not museum:
        raise DataError("--query is for a museum; say by --museum for which.")
    wanted = _asked_of(museum, query) if museum else None  # refused before the page's libraries are loaded
    require("gradio", extra="app")
    add_to_path("spaces_app")
    from artextract_hf.models import DEFAULT
    from spaces_app.app import open_index, start

    if collection:
        shown = _index_of(collection, column, allow_outside=allow_outside, allow_private_hosts=allow_private_hosts)
    elif museum and wanted:
        shown = index_of_museum(museum, wanted, allow_private_hosts=allow_private_hosts)
    else:
        shown = open_index(index, DEFAULT)
    if not check:
        start(model=DEFAULT, index=shown, host=host, port=port)
        return
    answers = _ask(start(model=DEFAULT, index=shown, host=host, port=port, block=False))
    lines = [answers["url"]]
    for task, classes in answers["classification"].items():
        lines.append(f"{task:<7} " + ", ".join(f"{c['label']} {c['score']:.0%}" for c in classes))
    for hit in answers["neighbours"]:
        lines.append(f"{hit['rank']:>3}  {hit['score']:.3f}  {hit['record'].get('credit_line') or hit['id']}")
    show(answers, lines, as_json=as_json)


@app.command(epilog="Example: artextract serve --index museum_index --port 7860")
def serve(
    index: Annotated[str, typer.Option(help="An index made by `artextract index`: a folder, or a dataset repository.")],
    model: Annotated[str, typer.Option(help="The classifier: a directory, a Hub name, or `default`.")] = "default",
    embedder: Annotated[
        str | None, typer.Option(help="The embedder of the index, where the index names one that is not here.")
    ] = None,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on: 127.0.0.1 by default, 0.0.0.0 for other machines.")
    ] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port of the page; a free one by default.")] = None,
) -> None:
    """Serve an index to visitors, and to programs by HTTP and MCP; as demo, without examples."""
    if not index.strip():
        raise PaintingIndexError("--index is empty; name a folder that `artextract index` wrote, or a repository.")
    require("gradio", extra="app")
    add_to_path("spaces_app")
    from spaces_app.app import open_index, start

    start(model=model, index=open_index(index, model, embedder), host=host, port=port, examples=False)


def _index_of(collection: str, column: list[str] | None, *, allow_outside: bool, allow_private_hosts: bool) -> Any:
    from artextract_hf.data import SkipList
    from artextract_hf.embedders import AutoEmbedder
    from artextract_hf.retrieval import PaintingIndex

    skipped = SkipList()
    paintings = collection_of(
        collection, skipped, column, allow_outside=allow_outside, allow_private_hosts=allow_private_hosts
    )
    index = PaintingIndex.build(paintings, AutoEmbedder.from_pretrained(), progress=True)
    list_skipped([*skipped.as_json(), *index.skipped.as_json()])
    return index


def _asked_of(museum: str, query: str) -> "MuseumQuery":
    from artextract_hf.data import MuseumQuery, museum_named

    museum_named(museum)
    return MuseumQuery(query, limit=FROM_MUSEUM)


def index_of_museum(museum: str, wanted: "MuseumQuery", *, allow_private_hosts: bool) -> "PaintingIndex":
    """The index of what a museum finds: fetched and built once, then kept in this user's cache."""
    from artextract_hf.data import SkipList, museum_named, read_museum
    from artextract_hf.embedders import AutoEmbedder
    from artextract_hf.retrieval import PaintingIndex
    from spaces_app.app import CACHE

    asked, skipped = museum_named(museum), SkipList()
    network = AutoEmbedder.from_pretrained()
    folder = CACHE / "museums" / f"{museum}-{document_digest(asdict(wanted) | {'address': asked.address})[:16]}"
    kept = folder / f"index-{network.fingerprint}"
    try:
        index = PaintingIndex.from_pretrained(kept, embedder=network)
    except PaintingIndexError:  # the first start, or a damaged cache
        with output_lock(folder):  # not two starts at the same time
            paintings = read_museum(museum, wanted, folder / "images", skipped, allow_private_hosts=allow_private_hosts)
            index = PaintingIndex.build(paintings, network, progress=True)
            index.save_pretrained(kept)
    list_skipped([*skipped.as_json(), *index.skipped.as_json()])
    typer.echo(
        f"{len(index)} paintings of {asked.title}, kept in {folder}; delete it to ask the museum anew.", err=True
    )
    return index


def _ask(url: str) -> dict[str, Any]:
    """One classification and one search, by a client of the page's own HTTP interface."""
    from gradio_client import Client, handle_file

    from spaces_app.app import example_files

    with tempfile.TemporaryDirectory() as downloads:
        client = Client(url, verbose=False, download_files=downloads)
        question = handle_file(example_files()[0])
        answer = client.predict(question, api_name="/classify")
        found = client.predict(question, NEIGHBOURS, api_name="/similar")
    return {"url": url, "classification": answer["tasks"], "neighbours": found["hits"]}
