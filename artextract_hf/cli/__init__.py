"""The command line `artextract`: one file a group of commands, each a thin shell around the library.

Every command exits with 2 and one line on standard error on bad input, or where a file cannot be written, and prints
one JSON document on standard output with `--json`. Imports of the heavy libraries stand inside the commands, so that
`--help` is instant.
"""

import os
import sys
from collections.abc import Iterable
from typing import Annotated

import typer

from artextract_hf.errors import ArtExtractError

BAD_INPUT = 2

app = typer.Typer(
    name="artextract",
    help="Classify paintings and find similar ones.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Backend = Annotated[str, typer.Option(help="What computes the network: torch, or openvino, faster on processors.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]


def list_skipped(skipped: Iterable[dict[str, str]]) -> None:
    """Name on standard error what was left out, and why."""
    for item in skipped:
        typer.echo(f"left out: {item['path']}: {item['reason']}", err=True)


def main() -> None:
    """Entry point of the `artextract` command."""
    from artextract_hf.cli import (  # noqa: F401  (they register)
        audit,
        classify,
        compare,
        demo,
        embed,
        evaluate,
        explain,
        export,
        index,
        prepare,
        publish,
        regions,
    )

    if not sys.stderr.isatty():  # progress bars are for people
        os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    try:
        app()
    except (ArtExtractError, OSError) as error:
        typer.echo(f"artextract: {error}", err=True)
        sys.exit(BAD_INPUT)
