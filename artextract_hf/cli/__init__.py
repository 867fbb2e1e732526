"""The command line `artextract`: one file a group of commands, each a thin shell around the library.

Every command exits with 2 and one line on standard error on bad input, or where a file cannot be written, and prints
one JSON document on standard output with `--json`. Imports of the heavy libraries stand inside the commands, so that
`--help` is instant.
"""

import os
import sys

import typer

from artextract_hf.cli import (  # noqa: F401  (the commands register)
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
    train,
)
from artextract_hf.cli.application import app
from artextract_hf.errors import ArtExtractError
from artextract_hf.escapes import for_terminal

BAD_INPUT = 2


def main() -> None:
    """Entry point of the `artextract` command."""
    if not sys.stderr.isatty():  # progress bars are for people
        os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    try:
        app()
    except (ArtExtractError, OSError) as error:
        typer.echo(for_terminal(f"artextract: {error}"), err=True)
        sys.exit(BAD_INPUT)
