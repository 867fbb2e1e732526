"""Model cards: every figure comes from the evaluation's JSON, none is typed by hand.

metrics.json + config.json + model_cards/classifier.md --> README.md beside the weights
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from huggingface_hub import EvalResult, ModelCard, ModelCardData

TEMPLATES = Path(__file__).parent.parent.parent / "model_cards"
METRICS = {
    "accuracy": "Accuracy",
    "top5": "Top-5 accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "macro_f1": "Macro F1",
}


def classifier_card(
    report: Mapping[str, Any], *, config: Mapping[str, Any], tasks: Mapping[str, list[str]], name: str, note: str = ""
) -> ModelCard:
    """The card of a classifier.

    Args:
        report: what `artextract evaluate classifier` wrote as metrics.json.
        config: the training configuration.
        tasks: class names by task.
        name: the repository's name.
        note: a sentence on how the weights differ from those that were scored, where they do.
    """
    data = ModelCardData(
        license="mit",
        library_name="transformers",
        pipeline_tag="image-classification",
        tags=["art", "paintings", "wikiart", "crnn", "artextract-hf"],
        model_name=name,
        eval_results=[
            EvalResult(
                task_type="image-classification",
                dataset_type="wikiart",
                dataset_name=f"WikiArt subset, {task}",
                dataset_config=task,  # results of the same type, configuration and split are merged into one entry
                dataset_split=str(report["split"]),
                metric_type=metric,
                metric_name=f"{METRICS[metric]} ({task})",
                metric_value=round(scores[metric], 4),
            )
            for task, scores in report["tasks"].items()
            for metric in METRICS
            if scores[metric] is not None
        ],
    )
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["percent"] = lambda value: "n/a" if value is None else f"{100 * value:.1f}"
    template = environment.from_string((TEMPLATES / "classifier.md").read_text(encoding="utf-8"))
    body = template.render(report=report, config=config, tasks=tasks, name=name, note=note)
    return ModelCard(f"---\n{data.to_yaml()}\n---\n{body}")
