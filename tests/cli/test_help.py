"""What the command says of itself, and how soon it says that it cannot go on."""

import os
import re
import shlex
import subprocess
import sys

import pytest
import typer.main

from artextract_hf.cli import app


def all_commands(command, words=()):
    """Every command that does something, with the words that lead to it."""
    if not hasattr(command, "commands"):
        yield words, command
    for name, below in getattr(command, "commands", {}).items():
        yield from all_commands(below, (*words, name))


def test_every_command_shows_an_example_that_it_takes():
    for words, command in all_commands(typer.main.get_command(app)):
        example = (command.epilog or "").removeprefix("Example: ")
        given = shlex.split(example)
        assert given[: len(words) + 1] == ["artextract", *words], words
        known = {option for parameter in command.params for option in parameter.opts}
        passed_on = command.context_settings.get("ignore_unknown_options")
        assert passed_on or {word for word in given if word.startswith("-")} <= known, example


def test_shells_complete_the_command():
    root = typer.main.get_command(app)
    assert {"--install-completion", "--show-completion"} <= {o for p in root.params for o in p.opts}


@pytest.mark.parametrize("colour", ["NO_COLOR", "FORCE_COLOR"])
def test_help_fits_a_narrow_terminal_and_has_no_colour_where_none_is_wanted(colour):
    environment = os.environ | {"COLUMNS": "80", colour: "1"}
    command = [sys.executable, "-m", "artextract_hf.cli", "search", "--help"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert ("\x1b[3" in done.stdout) == (colour == "FORCE_COLOR")
    assert max(len(re.sub(r"\x1b\[[0-9;]*m", "", line)) for line in done.stdout.splitlines()) <= 80


def test_a_missing_file_is_said_before_anything_loads(tmp_path):
    code = (
        "import sys, time; from artextract_hf.cli import main; sys.argv = ['artextract', 'classify', 'gone.jpg', '.']\n"
        "try: main()\n"
        "finally: print(sorted({'torch', 'datasets', 'numpy', 'PIL'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    gone, folder, last, loaded = done.stderr.splitlines()
    assert done.returncode == 2 and loaded == "[]" and last.endswith("none of the 2 pictures can be used.")
    assert "does not exist or is not a file" in gone and "is a folder; give the files in it, as in ./*.jpg" in folder
