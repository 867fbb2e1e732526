"""The command line `artextract`: one file a group of commands, each a thin shell around the library.

Every command exits with 2 and one line on standard error on bad input, or where a file cannot be written, and prints
one JSON document on standard output with `--json`. Imports of the heavy libraries stand inside the commands, so that
`--help` is instant.
"""

import errno
import os
import re
import sys
from io import TextIOWrapper

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
    prepare,
    publish,
    train,
)
from artextract_hf.cli.application import app, reserved
from artextract_hf.cli.search import faces, index, regions  # noqa: F401
from artextract_hf.errors import ArtExtractError
from artextract_hf.escapes import for_terminal

BAD_INPUT = 2
# What input and the machine can cause wherever it happens. Any other error is a mistake of this package.
KNOWN = (ArtExtractError, OSError, MemoryError, RecursionError, UnicodeError)
NO_WORDS: dict[type[BaseException], str] = {
    MemoryError: "the memory is not enough for this.",
    RecursionError: "the input is nested too deeply.",
}


def main() -> None:
    """Entry point of the `artextract` command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # none where it is closed
            stream.reconfigure(errors="backslashreplace")  # file names need not be text
    if sys.stderr is None or not sys.stderr.isatty():  # progress bars are for people
        os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    try:
        with reserved:
            app()
    except KNOWN as error:
        typer.echo(f"artextract: {_in_one_line(error)}", err=True)
        sys.exit(BAD_INPUT)


def _in_one_line(error: BaseException) -> str:
    words = NO_WORDS.get(type(error)) or _about_file(error) or str(error) or type(error).__name__
    return for_terminal(" ".join(words.split()))


def _about_file(error: BaseException) -> str:
    """What became of a file or folder, and what to do; empty where an error is of none."""
    number = re.search(r"\[errno (\d+)\]", str(error), re.IGNORECASE)  # Arrow has it in its words only
    if not isinstance(error, OSError) or isinstance(error, ArtExtractError) or not (error.errno or number):
        return ""
    kind = error.errno or int(number[1] if number else 0)
    name = f"{error.filename}: " if error.filename else ""
    if kind in (errno.ENOSPC, errno.EDQUOT):
        return f"{name}{os.strerror(kind)}; make room or choose another folder, and run the command again."
    if kind == errno.ENAMETOOLONG:
        return f"{name}{os.strerror(kind)}; choose a shorter one."
    return f"{name}{error.strerror}." if error.strerror and error.filename else ""
