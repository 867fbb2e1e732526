"""`artextract train`: the trainings, started by `accelerate launch` also where there is no checkout."""

import difflib
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer
import yaml

from artextract_hf.cli.application import app
from artextract_hf.errors import ERROR_FILE, ArtExtractError, DataError
from artextract_hf.extras import require
from artextract_hf.folders import top_folder

train = typer.Typer(help="Train a network, on the processes that `accelerate config` says.", no_args_is_help=True)
app.add_typer(train, name="train")

PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}  # the training checks its keys itself
Config = Annotated[str, typer.Option(help="A recipe of training/configs by its name, such as plain; or a YAML file.")]


@train.command(
    "classifier", context_settings=PASS_ON, epilog="Example: artextract train classifier --config plain --data prepared"
)
def train_classifier(context: typer.Context, config: Config) -> None:
    """Train a classifier. `--key value` after it replaces a value of the recipe, as in `--data DATA --epochs 2`."""
    raise typer.Exit(_launch("train_classifier.py", config, context.args))


@train.command(
    "byol", context_settings=PASS_ON, epilog="Example: artextract train byol --config byol_100 --data prepared"
)
def train_byol(context: typer.Context, config: Config) -> None:
    """Train an embedder without labels. `--key value` after it replaces a value of the recipe."""
    raise typer.Exit(_launch("train_byol.py", config, context.args))


def _launch(script: str, config: str, overrides: list[str]) -> int:
    """Run a training to its end; gives its exit code.

    Raises:
        ArtExtractError: what the training says of its input; the launcher would give another code, and words after it.
    """
    recipe = find_recipe(config)
    require("accelerate", extra="train")
    launch = [
        sys.executable,
        "-m",
        "accelerate.commands.launch",
        "--quiet",
    ]  # quiet: no traceback of the launcher's own
    training = [str(top_folder("training") / script), "--config", str(recipe), *overrides]
    with tempfile.TemporaryDirectory(prefix="artextract-") as folder:
        said = Path(folder) / "error.txt"
        environment = os.environ | {ERROR_FILE: str(said)}
        code = subprocess.run([*launch, *training], env=environment, check=False).returncode
        if code and said.is_file():
            raise ArtExtractError(said.read_text(encoding="utf-8"))
    return code


def find_recipe(name: str) -> Path:
    """The YAML file of a recipe.

    Args:
        name: a file, or the name of a recipe of this project.

    Raises:
        DataError: there is neither.
    """
    recipes = {path.stem: path for path in sorted((top_folder("training") / "configs").glob("*.yaml"))}
    if Path(name).is_file():
        return _readable(Path(name))
    if name in recipes:
        return recipes[name]
    near = difflib.get_close_matches(name, recipes, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"give a YAML file, or one of: {', '.join(recipes)}."
    raise DataError(f"there is no recipe {name!r}; {hint}")


def _readable(path: Path) -> Path:
    """The path of a YAML file that can be read; the launcher would bury in its own words why it cannot."""
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError, yaml.YAMLError) as error:  # ValueError: UTF-8, dates and numbers too
        raise DataError(f"{path} cannot be read as YAML: {str(error).partition(chr(10))[0]}.") from None
    if not isinstance(values, dict | None):
        raise DataError(f"{path} is no recipe, which has lines such as `epochs: 10`.")
    return path
