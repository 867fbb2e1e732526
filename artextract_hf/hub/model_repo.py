"""A trained model as a repository of the Hub.

config.json, model.safetensors, preprocessor_config.json    what `from_pretrained` reads
*.py                                                        its code, for `trust_remote_code=True`
README.md                                                   its card, with the evaluation's results
metrics.json, training.json, log.csv, *.png                 what the card was made from, where there is any
"""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from artextract_hf.errors import ModelError
from artextract_hf.hub.push import push_folder
from artextract_hf.hub.remote_code import write_remote_code

NEEDED = ("config.json", "model.safetensors", "preprocessor_config.json")
# By the training's output folder: the model lies in best/ or last/, its log and evaluation beside that.
BESIDE = ("log.csv", "scores.csv", "watch.csv", "evaluation/metrics.json", "evaluation/report.md")
KEPT = ("README.md", "metrics.json", "training.json")


def publish_model(model: str | Path, repo_id: str, *, private: bool = False, tag: str = "") -> dict[str, Any]:
    """Write a model's repository and push it in one commit.

    Args:
        model: as for `write_model_repo`.
        repo_id: `owner/name`.
        private: make the repository private where it is new.
        tag: a version that names the commit.

    Returns:
        What `write_model_repo` says, with the `url`.

    Raises:
        ModelError: no model of this package.
        ArtExtractError: the Hub refused, or cannot be reached.
    """
    with tempfile.TemporaryDirectory(prefix="artextract-") as folder:
        report = write_model_repo(model, folder)
        return report | {"url": push_folder(folder, repo_id, kind="model", private=private, tag=tag)}


def write_model_repo(model: str | Path, folder: str | Path) -> dict[str, Any]:
    """Write the folder that is pushed.

    Args:
        model: a model as `save_pretrained` wrote it, such as `best/` of a training.
        folder: to write to.

    Returns:
        `files` and `bytes`.

    Raises:
        ModelError: no model of this package.
    """
    model, folder = Path(model), Path(folder)
    if missing := [name for name in NEEDED if not (model / name).is_file()]:
        raise ModelError(f"{model} holds no model to publish: {', '.join(missing)} missing.")
    folder.mkdir(parents=True, exist_ok=True)
    for name in (*NEEDED, *KEPT):
        if (model / name).is_file():
            shutil.copyfile(model / name, folder / name)
    for name in BESIDE:
        source = model.parent / name
        if source.is_file() and (model.parent / "config.json").is_file():  # a training's folder, not any
            shutil.copyfile(source, folder / source.name)
    write_remote_code(folder)
    files = sorted(path for path in folder.iterdir() if path.is_file())
    return {"files": [path.name for path in files], "bytes": sum(path.stat().st_size for path in files)}
