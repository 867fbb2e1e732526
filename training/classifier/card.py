"""The figures and the card of a trained classifier."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from datasets import Dataset

from artextract_hf.data import read_manifest
from artextract_hf.evaluation import evaluate_classifier
from artextract_hf.hub import classifier_card, provenance, save_model_card
from artextract_hf.models import load_classifier
from training.classifier.config import TrainConfig


def score_and_describe(
    folder: Path,
    config: TrainConfig,
    learnt: Dataset,
    scored: Dataset,
    out: Path,
    *,
    device: Any = "cpu",
    fitted_here: bool = False,
    **card: str,
) -> dict[str, Any]:
    """Score a classifier in float32, and write its card from the figures.

    Args:
        folder: of the classifier; gets the card.
        config: of its training.
        learnt: the paintings that it learnt from.
        scored: the others.
        out: folder of the report.
        device: that computes.
        fitted_here: whether the thresholds of its prediction sets were fitted on `scored`.
        card: `name` of the model and, where there is something to say, a `note`.

    Returns:
        The report, see `evaluate_classifier`.
    """
    model, processor = load_classifier(str(folder))
    report = evaluate_classifier(
        model.to(device),
        processor,
        scored,
        out,
        name=card["name"],
        split=config.eval_split,
        train=learnt,
        baseline_weights=(config.backbone_weights or None) if config.frozen_baseline else None,
        fitted_here=fitted_here,
    )
    network = {name: getattr(model.config, name) for name in ("backbone", "rnn_type", "attention", "global_pool")}
    facts = asdict(config) | {"learnt_from": provenance(read_manifest(config.data), learnt), "model": network}
    facts["chosen_on"] = config.eval_split
    save_model_card(classifier_card(report, config=facts, tasks=model.config.tasks, **card), report, folder)
    return report
