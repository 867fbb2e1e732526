"""Calibrate a trained classifier: its answers lean less to frequent classes, and are as sure as they are right.

    python training/calibration.py --model runs/plain/best --data data/wikiart
    python training/calibration.py --model runs/joined --data data/wikiart --learnt train val \\
        --temperatures runs/best/calibrated --out runs/calibrated

Trained with smoothed labels, mixed pictures and the answers of teachers, a classifier is right more often than it is
sure, and names frequent classes too often. A part of the logarithm of each class's frequency is therefore taken from
the logits (the post-hoc logit adjustment of Menon et al. 2021), inside the biases of the heads. Then the temperature of
each task is fitted on a list that was not learnt from (Guo et al. 2017, section 4.2), and on the same list the
thresholds of its prediction sets (`evaluation/uncertainty/conformal.py`). Where everything was learnt from,
temperatures are taken from a classifier that was trained in the same way, and there are no sets.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset, DatasetDict, concatenate_datasets
from scipy.special import softmax

sys.path.insert(0, str(Path(__file__).parent.parent))

from artextract_hf.data import labels_for, load_prepared, take_split
from artextract_hf.errors import DataError
from artextract_hf.evaluation import (
    LEVEL,
    TEMPERATURES,
    classifier_table,
    fit_temperature,
    fit_thresholds,
    keep_learnt,
    known_labels,
    predict,
)
from artextract_hf.models import CrnnForImageClassification, load_classifier
from artextract_hf.outputs import refuse_filled
from training.checks.earlier_run import read_settings
from training.classifier.card import score_and_describe
from training.classifier.config import TrainConfig
from training.classifier.model import save_model
from training.processes import user_errors

# The part that is taken. Of those in benchmarks/learning/calibration.py, 0.5 is best for genre and artist of three
# networks together and 0.1 to 0.5 for each by itself; 0.25 is within 0.4 points of top-1 of the best.
TAU = 0.25
# Of an even share: a class rarer than that counts as this frequent. Not tuned; the subset has one abstract painting,
# whose class would otherwise be lifted by more than two.
FLOOR = 0.25
NOTE = "It was calibrated (`training/calibration.py`) on the split that is scored here: its calibration error flatters."


def main() -> None:
    """Write the folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True, help="folder of the trained classifier")
    parser.add_argument("--data", required=True, help="what it learnt from, as `artextract prepare` wrote it")
    parser.add_argument("--learnt", nargs="+", default=["train"], help="the splits that it learnt from")
    parser.add_argument("--held-out", default="val", help="the split that temperatures and thresholds are fitted on")
    parser.add_argument("--temperatures", help="folder of a calibrated classifier whose temperatures are taken instead")
    parser.add_argument("--out", type=Path, help="folder to write; `calibrated` beside the classifier's by default")
    with user_errors("calibration"):
        calibrate(parser.parse_args())


def calibrate(args: argparse.Namespace) -> None:
    """Level the classifier, give it temperatures and thresholds, and write it with its card."""
    if not args.temperatures and args.held_out in args.learnt:
        raise DataError(f"{args.held_out} was learnt from; give another --held-out, or --temperatures.")
    out = args.out or Path(args.model).parent / "calibrated"
    refuse_filled(out)
    splits = load_prepared(args.data)
    model, processor = load_classifier(args.model)
    level(model, splits, args.learnt)
    if args.temperatures:
        take_temperatures(model, args.temperatures)
    else:
        fit(model, processor, take_split(splits, args.held_out))
    save_model(model, out)
    keep_learnt(out, [take_split(splits, split) for split in args.learnt], [model.name_or_path])
    if not args.temperatures:
        describe(out, Path(args.model).parent / "config.json", splits, args)
    print(", ".join(f"{task}: temperature {value:.3f}" for task, value in model.config.temperature.items()))


def level(model: CrnnForImageClassification, splits: DatasetDict, learnt: Sequence[str]) -> None:
    """Let the heads of a classifier, and of its companions, lean less to frequent classes.

    Args:
        model: the classifier, which is changed.
        splits: of the data that it learnt from.
        learnt: names of the splits that count.

    Raises:
        DataError: it is calibrated already.
    """
    if model.config.temperature:
        raise DataError("the classifier is calibrated already.")
    paintings = concatenate_datasets([take_split(splits, split) for split in learnt])
    for task, names in model.config.tasks.items():
        lean = TAU * log_frequencies(labels_for(paintings, task, names), len(names))
        for network in (model, *model.companions):
            network.heads[task][-1].bias.data -= torch.from_numpy(lean).float()


def log_frequencies(labels: np.ndarray, classes: int) -> np.ndarray:
    """float64 (classes,): the logarithm of the share of each class among the labelled samples."""
    counts = np.bincount(labels[labels >= 0], minlength=classes)
    return np.log(np.maximum(counts / max(counts.sum(), 1), FLOOR / classes))


def fit(model: CrnnForImageClassification, processor: Any, paintings: Dataset) -> None:
    """Give a classifier the temperature of each task, and the thresholds of its prediction sets.

    A task without a labelled painting stays as it is: where whole artists are held out, none of them is a class.

    Args:
        model: the classifier, which is changed.
        processor: its image processor.
        paintings: records that it has not learnt from.

    Raises:
        DataError: no painting is labelled in any of the tasks, or no temperature fits the answers.
    """
    predicted = predict(model, processor, paintings)
    temperatures, thresholds = {}, {}
    for task, names in model.config.tasks.items():
        labels = known_labels(paintings, task, names)[predicted.rows]
        if not (labels >= 0).any():
            continue
        temperatures[task] = round(fit_temperature(labels, predicted.logits[task]), 3)
        if not min(TEMPERATURES) < temperatures[task] < max(TEMPERATURES):
            raise DataError(
                f"no temperature fits the {task} of the held-out split: too few paintings, none wrong, or no skill."
            )
        fitted = fit_thresholds(labels, softmax(predicted.logits[task] / temperatures[task], axis=1))
        if fitted is not None:
            thresholds[task] = [float(f"{threshold:.6g}") for threshold in fitted]
    if not temperatures:
        raise DataError(f"no painting of the held-out split has a {' or a '.join(model.config.tasks)} that it knows.")
    model.config.temperature, model.config.set_thresholds, model.config.set_level = temperatures, thresholds, LEVEL


def describe(out: Path, recipe: Path, splits: DatasetDict, args: argparse.Namespace) -> None:
    """Score the calibrated classifier and write its card, where the configuration of its training is known."""
    if not recipe.is_file():
        print(f"no card: {recipe} would tell how the classifier was trained.")
        return
    values = read_settings(recipe) | {"data": args.data, "eval_split": args.held_out}
    learnt = concatenate_datasets([take_split(splits, split) for split in args.learnt])
    held_out = take_split(splits, args.held_out)
    report = score_and_describe(
        out,
        TrainConfig.from_dict(values),
        learnt,
        held_out,
        out / "evaluation",
        fitted_here=True,
        name=out.parent.name,
        note=NOTE,
    )
    print(classifier_table(report))


def take_temperatures(model: CrnnForImageClassification, name: str) -> None:
    """Give a classifier the temperatures of another one.

    Raises:
        DataError: that one knows other classes, or has no temperatures.
    """
    other = load_classifier(name)[0].config
    if other.tasks != model.config.tasks:
        raise DataError(f"{name} was trained on other classes.")
    if not other.temperature:
        raise DataError(f"{name} has no temperatures; calibrate it first, on a held-out split.")
    model.config.temperature = other.temperature


if __name__ == "__main__":
    main()
