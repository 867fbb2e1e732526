"""A trained model as a repository of the Hub.

config.json, model.safetensors, preprocessor_config.json    what `from_pretrained` reads
*.py                                                        its code, for `trust_remote_code=True`
README.md                                                   its card, with the evaluation's results
metrics.json, training.json, log.csv, results.png           what the card was made from, where there is any
learnt.safetensors                                          which pictures it learnt from, where that is known
.eval_results/*.yaml                                        the figures, where their data are on the Hub
"""

import json
import shutil
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

from artextract_hf.errors import ModelError
from artextract_hf.hub.card import PICTURE, readdress
from artextract_hf.hub.remote_code import own_classes, write_remote_code
from artextract_hf.hub.repository import Repository, list_files, publish, refuse_links_out
from artextract_hf.weights import check_weights

NEEDED = ("config.json", "model.safetensors", "preprocessor_config.json")
# In the model's folder, as `training/calibration.py` leaves its evaluation; else above it, as a training leaves them
# beside best/ and last/.
BESIDE = ("log.csv", "scores.csv", "watch.csv", "evaluation/metrics.json", "evaluation/report.md")
CARD = "README.md"
KEPT = (CARD, "metrics.json", "training.json", "learnt.safetensors", PICTURE)
CARD_WRITERS = (
    "A training that scores its model writes one: `artextract train classifier` with an eval_split into best, "
    "`artextract train byol` with a query_split into last, training/calibration.py into calibrated."
)


def publish_model(
    model: str | Path, repo_id: str, *, dataset: str = "", private: bool = False, tag: str = ""
) -> dict[str, Any]:
    """Publish a model; arguments are those of `model_repository` and `publish`.

    Returns:
        `files`, `bytes` and the `url`.

    Raises:
        ModelError: no model of this package, or one without a card.
        ArtExtractError: the Hub refused, or cannot be reached.
    """
    return publish(model_repository(model, repo_id, dataset=dataset), private=private, tag=tag)


def model_repository(model: str | Path, repo_id: str, *, dataset: str = "") -> Repository:
    """A model as a repository; its `write` reports `files` and `bytes`.

    Args:
        model: a model as `save_pretrained` wrote it, such as `best/` of a training.
        repo_id: `owner/name`; the card of the model speaks of it.
        dataset: repository of the data that its figures were taken on, for the Hub's table of results; may be empty.
    """
    source = Path(model)
    return Repository("model", repo_id, lambda folder: _write(source, folder, repo_id, dataset), source=source)


def _write(model: Path, folder: Path, repo_id: str, dataset: str) -> dict[str, Any]:
    """Write the files of a model's repository.

    Raises:
        ModelError: no model of this package, weights that do not load, or no card.
        ArtExtractError: links out of the folder.
    """
    if missing := [name for name in NEEDED if not (model / name).is_file()]:
        raise ModelError(f"{model} holds no model to publish: {', '.join(missing)} missing.")
    files = [model / name for name in (*NEEDED, *KEPT)]
    within = [model / name for name in BESIDE]
    above = [model.parent / name for name in BESIDE if (model.parent / "config.json").is_file()]  # of a training
    refuse_links_out((*files, *within), model)
    refuse_links_out(above, model.parent)
    own_classes(model)
    check_weights(model / "model.safetensors")
    if not (model / CARD).is_file():
        raise ModelError(f"{model} has no card to publish: {CARD} is missing. {CARD_WRITERS}")
    folder.mkdir(parents=True, exist_ok=True)
    for source in (*above, *within, *files):  # the nearer to the model comes later, in place of the other
        if source.is_file():
            shutil.copyfile(source, folder / source.name)
    readdress(folder / CARD, repo_id)
    if dataset and (folder / "metrics.json").is_file():
        write_eval_results(folder, dataset)
    write_remote_code(folder)
    return list_files(folder)


def write_eval_results(folder: Path, dataset: str) -> None:
    """The figures of metrics.json as the Hub reads them: one entry a task (huggingface.co/docs/hub/eval-results)."""
    report = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    key, metric, scores = (
        ("accuracy", "top-1 accuracy", report["tasks"])
        if "tasks" in report
        else ("p@10", "precision at 10", report["labels"])
    )
    entries = [
        EvalResultEntry(
            dataset_id=dataset, task_id=task, value=round(100 * figures[key], 2), notes=f"{metric}, percent"
        )
        for task, figures in scores.items()
        if figures[key] is not None
    ]
    file = folder / ".eval_results" / f"{dataset.rpartition('/')[2]}.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(yaml.safe_dump(eval_result_entries_to_yaml(entries), sort_keys=False), encoding="utf-8")
