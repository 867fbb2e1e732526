"""A metric as a Space of the Hub, which `evaluate.load("owner/name")` loads where this package is not installed.

<name>.py           the module; `evaluate` looks for a file with the repository's name
*.py                the functions that it calls
app.py              its page
README.md           its card, made from what the module says of itself
requirements.txt    what the page needs, at the versions that this was tested with
"""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from artextract_hf.errors import DataError
from artextract_hf.evaluation.metrics import METRIC_NAMES, metric_path
from artextract_hf.evaluation.metrics.index_recall import IndexRecall
from artextract_hf.evaluation.metrics.painting_classification import PaintingClassification
from artextract_hf.evaluation.metrics.painting_retrieval import PaintingRetrieval
from artextract_hf.folders import PACKAGE, top_folder
from artextract_hf.hub.card import metric_card
from artextract_hf.hub.remote_code import copy_code
from artextract_hf.hub.repository import Repository, list_files, publish
from artextract_hf.hub.space_repo import APP, installed_version

METRICS: dict[str, Any] = dict(zip(METRIC_NAMES, (PaintingClassification, PaintingRetrieval, IndexRecall), strict=True))
PAGE = "metric_page.py"  # of the folder spaces_app
REQUIREMENTS = ("datasets", "evaluate", "numpy", "scikit-learn", "scipy")


def publish_metric(name: str, repo_id: str, *, private: bool = False, tag: str = "") -> dict[str, Any]:
    """Publish a metric; arguments are those of `metric_repository` and `publish`.

    Returns:
        `files`, `bytes` and the `url`.

    Raises:
        DataError: there is no such metric, or `evaluate` could not load one of this repository's name.
        ArtExtractError: the Hub refused, or cannot be reached.
    """
    return publish(metric_repository(name, repo_id), private=private, tag=tag)


def metric_repository(name: str, repo_id: str) -> Repository:
    """A metric as a repository; its `write` reports `files` and `bytes`.

    Args:
        name: one of METRIC_NAMES.
        repo_id: `owner/name`.

    Raises:
        DataError: there is no such metric.
    """
    source = Path(metric_path(name)).relative_to(PACKAGE).as_posix()
    return Repository("space", repo_id, lambda folder: _write(name, source, repo_id, folder), replaces=["*.py"])


def _write(name: str, source: str, repo_id: str, folder: Path) -> dict[str, Any]:
    """Write the files of a metric's repository.

    Raises:
        DataError: `evaluate` could not load a metric of the repository's name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    title = repo_id.rpartition("/")[2]
    others = {Path(file).stem for file in copy_code([source], folder)} - {name} | {"app"}
    if "." in title or title in others:
        raise DataError(f"evaluate cannot load a metric called {title!r}; use a name without dots, such as {name}.")
    (folder / f"{name}.py").rename(folder / f"{title}.py")
    shutil.copyfile(top_folder(APP) / PAGE, folder / "app.py")
    with tempfile.TemporaryDirectory() as cache:
        metric = METRICS[name](keep_in_memory=True, cache_dir=cache)
        figures = metric.compute(**metric.example)
    metric_card(metric, figures, repo_id=repo_id, gradio=installed_version("gradio")).save(folder / "README.md")
    pinned = [f"{package}=={installed_version(package)}\n" for package in REQUIREMENTS]
    (folder / "requirements.txt").write_text("".join(pinned), encoding="utf-8")
    return list_files(folder)
