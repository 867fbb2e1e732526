"""The application that the commands register with, and what they share: options, and how an answer is printed."""

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from artextract_hf.errors import ArtExtractError, ImageError
from artextract_hf.escapes import for_terminal
from artextract_hf.outputs import check_replaceable, output_lock
from artextract_hf.version import __version__

if TYPE_CHECKING:
    from datasets import Dataset

    from artextract_hf import PaintingIndex
    from artextract_hf.data import SkipList

app = typer.Typer(
    name="artextract",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

Backend = Annotated[str, typer.Option(help="What computes the network: torch, or openvino, faster on processors.")]
AllowOutside = Annotated[
    bool,
    typer.Option(
        "--allow-outside", help="Take also pictures outside the collection's folder, where a row leads there."
    ),
]
Column = Annotated[
    list[str] | None,
    typer.Option("--column", help="FIELD=COLUMN where the source names a column otherwise; repeatable."),
]
AllowPrivateHosts = Annotated[
    bool,
    typer.Option(
        "--allow-private-hosts",
        envvar="ARTEXTRACT_ALLOW_PRIVATE_HOSTS",
        help="Fetch addresses also from this machine and from hosts of private networks.",
    ),
]
Embedder = Annotated[
    str | None,
    typer.Option(help="The embedder of the index; needed where the index names one that is not on this machine."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]
NAMED = 5  # pictures left out for one reason that are named one by one
SOME_FAILED = 3  # exit code, where other pictures were answered

reserved = ExitStack()  # the output folders that the command holds; closed when it ends


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"artextract {__version__}")
        raise typer.Exit


@app.callback()
def artextract(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Classify paintings and find similar ones."""


def reserve(out: Path) -> None:
    """Hold an output folder until the command ends: a second run on it is refused before its work, not after.

    Raises:
        ArtExtractError: another run is writing it, or it cannot be replaced.
    """
    check_replaceable(out)
    reserved.enter_context(output_lock(out))


def show(document: Any, lines: Iterable[str], *, as_json: bool, left_out: Iterable[dict[str, str]] = ()) -> None:
    """Print an answer: one JSON document, or lines for people.

    Args:
        document: what JSON says.
        lines: what people read.
        as_json: which of the two is wanted.
        left_out: records that were not used, with `path` and `reason`; people read of them on standard error.
    """
    if as_json:
        _write(for_terminal(_json(document)))  # JSON still, and the same document
        return
    for line in lines:
        _write(for_terminal(line))
    list_skipped(left_out)


def named_values(texts: Iterable[str], option: str, example: str) -> dict[str, str]:
    """What a repeatable option like `--column title=Titel` says, by name.

    Raises:
        ArtExtractError: one has no name or no value, or a name comes twice.
    """
    values: dict[str, str] = {}
    for text in texts:
        name, _, value = text.partition("=")
        if not (name and value):
            raise ArtExtractError(f"{option} is {text!r}; give a name and a value, as in {example}.")
        if name in values:
            raise ArtExtractError(f"{option} gives {name} twice: {values[name]!r} and {value!r}.")
        values[name] = value
    return values


def reachable(image: str, allow_private_hosts: bool) -> str | bytes:
    """What the library takes for a picture: its file or address, or its bytes where the host may be a private one."""
    from artextract_hf.data import fetch_picture, is_address

    return fetch_picture(image, allow_private_hosts=True) if allow_private_hosts and is_address(image) else image


def is_indexed(folder: Path) -> bool:
    """Whether a folder is what `artextract index` or `artextract embed` wrote."""
    return any((folder / name).is_file() for name in ("index.json", "embeddings.npy"))


def open_vectors(folder: Path) -> "PaintingIndex":
    """What `artextract index` or `artextract embed` wrote, as an index."""
    from artextract_hf import PaintingIndex

    if (folder / "embeddings.npy").is_file():
        return PaintingIndex.from_embeddings(folder, "flat")
    return PaintingIndex.from_pretrained(folder)


def end_with_reasons(images: Sequence[str], reasons: Mapping[int, str]) -> None:
    """Name the pictures that could not be used, by their places, and end the command if there are any.

    Raises:
        ImageError: none could be used.
        Exit: some could not; with SOME_FAILED.
    """
    if len(images) == 1 and reasons:
        raise ImageError(reasons[0])
    list_skipped({"path": images[place], "reason": reason} for place, reason in sorted(reasons.items()))
    if len(reasons) == len(images):
        raise ImageError(f"none of the {len(images)} pictures can be used.")
    if reasons:
        raise typer.Exit(SOME_FAILED)


def list_skipped(skipped: Iterable[dict[str, str]]) -> None:
    """Name on standard error what was left out, and why; where more than NAMED share a reason, the first."""
    by_reason: dict[str, list[str]] = {}
    for item in skipped:
        by_reason.setdefault(item["reason"], []).append(item["path"])
    for reason, paths in by_reason.items():
        if len(paths) > NAMED:
            typer.echo(for_terminal(f"left out: {len(paths):,}, the first {paths[0]}: {reason}"), err=True)
        else:
            for path in paths:
                typer.echo(for_terminal(f"left out: {path}: {reason}"), err=True)


def collection_of(source: str, skipped: "SkipList", column: list[str] | None = None, **allowed: bool) -> "Dataset":
    """The paintings of a source; how its tables were understood is said on standard error.

    Args:
        source: of `read_collection`.
        skipped: filled with what was left out.
        column: values of `--column`.
        allowed: `allow_outside` and `allow_private_hosts`.
    """
    from artextract_hf.data import read_collection

    columns = named_values(column or [], "--column", "title=Titel")
    paintings = read_collection(source, skipped, columns=columns, **allowed)
    say_tables(skipped)
    return paintings


def say_tables(skipped: "SkipList") -> None:
    """Say on standard error how the tables of a collection were understood: what is read from which column."""
    for table in skipped.tables:
        width = max(map(len, table.columns), default=0)
        lines = [f"{table.name}: {table.kind}; {table.rows:,} rows"]
        for field, columns in table.columns.items():
            lines.append(f"  {field:<{width}}  {table.filled.get(field, 0):>7,}  from {', '.join(columns)}")
        if table.ignored:
            lines.append(f"  not read: {', '.join(table.ignored)}")
        for line in lines:
            typer.echo(for_terminal(line), err=True)


def _json(document: Any) -> str:
    text = json.dumps(document, ensure_ascii=False)
    try:
        text.encode(sys.stdout.encoding if sys.stdout else "utf-8")
    except UnicodeEncodeError:  # a file name that is no text, or a letter that the terminal does not have
        return json.dumps(document)
    return text


def _write(text: str) -> None:
    """Print to standard output.

    Raises:
        ArtExtractError: nobody reads it, or the disk that it goes to is full.
    """
    if sys.stdout is None:
        raise ArtExtractError("the answer cannot be written: standard output is closed.")
    try:
        typer.echo(text)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python tries once more at its end
        raise ArtExtractError(f"the answer cannot be written to standard output: {error.strerror}.") from None
