"""`artextract index` and `search`: a collection becomes searchable."""

import webbrowser
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from artextract_hf.cli.application import (
    AllowOutside,
    AllowPrivateHosts,
    AsJson,
    Backend,
    Column,
    Embedder,
    app,
    collection_of,
    end_with_reasons,
    reachable,
    reserve,
    show,
)
from artextract_hf.cli.search.found import NOTHING, check_files, hit_line, write_page, write_table
from artextract_hf.errors import ImageError, PaintingIndexError

if TYPE_CHECKING:
    from datasets import Dataset

    from artextract_hf import Hit
    from artextract_hf.data import SkipList

AllowRestricted = Annotated[
    bool,
    typer.Option("--allow-restricted", help="Index also what has no open licence; keep such an index to yourself."),
]


@app.command(epilog="Example: artextract index museum/metadata.csv --out index")
def index(
    source: Annotated[
        str,
        typer.Argument(help="A folder of pictures, a CSV, or what `artextract prepare` or `artextract embed` wrote."),
    ],
    out: Annotated[Path, typer.Option(help="Folder to write.")],
    embedder: Annotated[
        str,
        typer.Option(help="`default`, a directory, a Hub name, or a timm model; what is embedded already has its own."),
    ] = "default",
    factory: Annotated[
        str, typer.Option(help="auto, flat, sq, rabitq, hnsw, ivf, ivfpq, or a FAISS factory.")
    ] = "auto",
    metric: Annotated[str, typer.Option(help="What similar means: cosine, ip or l2.")] = "cosine",
    column: Column = None,
    allow_restricted: AllowRestricted = False,
    allow_outside: AllowOutside = False,
    allow_private_hosts: AllowPrivateHosts = False,
    backend: Backend = "torch",
    as_json: AsJson = False,
) -> None:
    """Make a collection searchable."""
    from artextract_hf import AutoEmbedder, PaintingIndex
    from artextract_hf.data import SkipList
    from artextract_hf.outputs import recover
    from artextract_hf.retrieval import check_index_output

    if (Path(source) / "index.json").is_file():
        raise PaintingIndexError(f"{source} is an index already; search it by `artextract search --index {source}`.")
    reserve(out)
    check_index_output(out)
    recover(source)
    skipped = SkipList()
    if (Path(source) / "embeddings.npy").is_file():
        usable_ids = _usable_ids(Path(source), skipped, allow_restricted)
        made = PaintingIndex.from_embeddings(source, factory, metric, only=usable_ids)
    else:
        paintings = collection_of(
            source, skipped, column, allow_outside=allow_outside, allow_private_hosts=allow_private_hosts
        )
        paintings = usable(paintings, skipped, allow_restricted)
        network = AutoEmbedder.from_pretrained(embedder, backend)
        made = PaintingIndex.build(paintings, network, factory, metric, progress=True)
    made.save_pretrained(out)
    left_out = [*skipped.as_json(), *made.skipped.as_json()]
    about = made.describe()
    reason = f" ({about['reason']})" if about["reason"] else ""
    lines = [f"{len(made)} paintings in {out}, {len(left_out)} left out; searched by {made.factory}{reason}"]
    show(about | {"skipped": left_out}, lines, as_json=as_json, left_out=left_out)


@app.command(epilog="Example: artextract search painting.jpg --index index -k 5")
def search(
    images: Annotated[list[str], typer.Argument(help="Files or addresses of pictures; or texts, for a CLIP index.")],
    index: Annotated[Path, typer.Option(help="What `artextract index` wrote.")],
    k: Annotated[int, typer.Option("-k", min=1, help="How many paintings to give.")] = 5,
    where: Annotated[str | None, typer.Option(help="A filter, as in: year >= 1870 and genre == 'portrait'")] = None,
    fold: Annotated[bool, typer.Option(help="Make one hit of all pictures of the same work.")] = False,
    rerank: Annotated[
        str | None, typer.Option(help="Reorder the nearest: by csls, k_reciprocal, expansion or spatial.")
    ] = None,
    embedder: Embedder = None,
    page: Annotated[
        Path | None, typer.Option("--html", help="Write the answers with their pictures as one page.")
    ] = None,
    table: Annotated[Path | None, typer.Option("--csv", help="Write the answers as a table.")] = None,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page of --html in the browser.")] = False,
    allow_private_hosts: AllowPrivateHosts = False,
    as_json: AsJson = False,
) -> None:
    """Find the paintings most similar to pictures.

    A picture that cannot be used is named with its reason, and the others are answered; the exit code is then 3, and 2
    where none could be used.
    """
    check_files(page, table, open_page)
    from artextract_hf import AutoEmbedder, PaintingIndex
    from artextract_hf.retrieval import filter_hint

    network = None if embedder is None else AutoEmbedder.from_pretrained(embedder)
    searched = PaintingIndex.from_pretrained(index, embedder=network)

    def search(images: Sequence[str]) -> list[list["Hit"]]:
        queries = [reachable(image, allow_private_hosts) for image in images]
        return searched.search_many(queries, k, where, fold=fold, rerank=rerank)

    answers, reasons = _answers(images, search)
    document: list[dict[str, Any]] = []
    lines = []
    for place, image in enumerate(images):
        if place in reasons:
            document.append({"image": image, "error": reasons[place]})
            continue
        hits = answers[place]
        good_match = hits[0].good_match if hits else False
        document.append({"image": image, "good_match": good_match, "hits": [vars(hit) for hit in hits]})
        lines.append(image)
        if hits and good_match is False:
            lines.append("  no good match: paintings of this collection are usually more similar to each other")
        lines += [hit_line(hit) for hit in hits] or [f"  {NOTHING}"]
        if where and not hits and (hint := filter_hint(where, searched.column)):
            lines.append(f"  {hint}")
    found = {image: answers[place] for place, image in enumerate(images) if place in answers}
    if table:
        write_table(found, table)
    if page:
        write_page(found, searched, page)
    if page and open_page:
        webbrowser.open(page.resolve().as_uri())
    show(document, lines, as_json=as_json)
    end_with_reasons(images, reasons)


def _answers(
    images: Sequence[str], search: Callable[[Sequence[str]], list[list["Hit"]]]
) -> tuple[dict[int, list["Hit"]], dict[int, str]]:
    """The hits of each picture by its place, and why each of the others cannot be used."""
    if len(images) > 1:
        with suppress(ImageError, OSError):  # all in one batch, where all can be used
            return dict(enumerate(search(images))), {}
    answers: dict[int, list[Hit]] = {}
    reasons: dict[int, str] = {}
    for place, image in enumerate(images):
        try:
            (answers[place],) = search([image])
        except (ImageError, OSError) as error:
            reasons[place] = str(error)
    return answers, reasons


def usable(paintings: "Dataset", skipped: "SkipList", allow_restricted: bool) -> "Dataset":
    """The records that may be indexed: those with an open licence, or all where nobody states any."""
    from artextract_hf.data import keep_open, states_no_rights

    if states_no_rights(paintings):
        typer.echo(
            "artextract: no record states a licence; taken as pictures of your own, not to be published.", err=True
        )
        return paintings
    return paintings if allow_restricted else keep_open(paintings, skipped)


def _usable_ids(folder: Path, skipped: "SkipList", allow_restricted: bool) -> list[str]:
    """Ids of what `artextract embed` wrote that may be indexed."""
    from datasets import Dataset

    from artextract_hf.retrieval import read_embeddings

    _, records, _ = read_embeddings(folder)
    states_rights = "license" in records.fields.column_names
    licenses = records.column("license") if states_rights else [None] * len(records)
    stated = Dataset.from_dict({"id": records.ids, "license": licenses})
    return list(usable(stated, skipped, allow_restricted)["id"])
