"""Mend what a training leaves askew in a classifier's answers: their lean to frequent classes, and how sure they are.

    python training/calibrate.py --model runs/together --data data/joint --out runs/calibrated
    python training/calibrate.py --model runs/joined --data data/wikiart --learnt train val \\
        --temperatures runs/calibrated --out runs/shipped

Smoothed labels, mixed pictures and soft answers of teachers leave a network doubtful, and in doubt it leans to the
classes that it met most often. A part of log(share of the class) is therefore taken from the logits (Menon et al. 2021,
eq. 9), inside the biases of the heads. Then the temperature of each task is fitted on a list that was not learnt from
(Guo et al. 2017), or taken from a classifier trained in the same way where everything was learnt from.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from datasets import Dataset, DatasetDict, concatenate_datasets

sys.path.insert(0, str(Path(__file__).parent.parent))

from artextract_hf.data.prepared import load_prepared, take_split
from artextract_hf.data.schema import labels_for
from artextract_hf.errors import ArtExtractError, DataError
from artextract_hf.evaluation.calibration import fit_temperature
from artextract_hf.evaluation.predict import known_labels, predict
from artextract_hf.models import ArtImageProcessor, CrnnForImageClassification, load_classifier
from training.train_classifier import save_model

TAU = 0.25  # best for genre and artist between 0.2 and 0.5, with one network as with three: benchmarks/calibration.py
LEAST_SHARE = 0.25  # of an even share: a rarer class counts as that, lest a few paintings of it say much


def main() -> None:
    """Write the folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True, help="folder of the trained classifier, which is not calibrated yet")
    parser.add_argument("--data", required=True, help="what `artextract prepare` wrote, and it learnt from")
    parser.add_argument("--learnt", nargs="+", default=["train"], help="the splits that it learnt from")
    parser.add_argument("--held-out", default="val", help="a split that it did not learn from")
    parser.add_argument("--temperatures", help="folder of a calibrated classifier to take them from instead")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    args = parser.parse_args()
    try:
        splits = load_prepared(args.data)
        model = level(args.model, splits, args.learnt)
        if args.temperatures:
            temperatures = load_classifier(args.temperatures)[0].config.temperature
            if not temperatures:
                raise DataError(f"{args.temperatures} has no temperatures; calibrate it first, on a held-out split.")
        else:
            temperatures = fit_temperatures(model, take_split(splits, args.held_out))
        model.config.temperature = temperatures
        save_model(model, args.out)
    except ArtExtractError as error:
        sys.exit(f"calibrate: {error}")
    print(", ".join(f"{task}: temperature {value:.3f}" for task, value in temperatures.items()))


def level(name: str, splits: DatasetDict, learnt: Sequence[str]) -> CrnnForImageClassification:
    """A classifier whose heads, and those of its companions, lean less to frequent classes.

    Args:
        name: folder or Hub name of the classifier.
        splits: of the data that it learnt from.
        learnt: names of the splits that count.

    Raises:
        DataError: it is calibrated already.
    """
    model = load_classifier(name)[0]
    if model.config.temperature:
        raise DataError(f"{name} is calibrated already.")
    paintings = concatenate_datasets([take_split(splits, split) for split in learnt])
    for task, names in model.config.tasks.items():
        lean = TAU * log_shares(labels_for(paintings, task, names), len(names))
        for network in (model, *model.companions):
            network.heads[task][-1].bias.data -= torch.from_numpy(lean).float()
    return model


def log_shares(labels: np.ndarray, classes: int) -> np.ndarray:
    """float64 (classes,): the logarithm of the share of each class among the labelled samples."""
    counts = np.bincount(labels[labels >= 0], minlength=classes)
    return np.log(np.maximum(counts / max(counts.sum(), 1), LEAST_SHARE / classes))


def fit_temperatures(model: CrnnForImageClassification, paintings: Dataset) -> dict[str, float]:
    """The temperature of each task, from paintings that the classifier has not learnt.

    Raises:
        DataError: no painting is labelled in one of the tasks.
    """
    side = model.config.image_size
    predicted = predict(model, ArtImageProcessor(size={"height": side, "width": side}), paintings)
    temperatures = {}
    for task, names in model.config.tasks.items():
        labels = known_labels(paintings, task, names)[predicted.rows]
        if not (labels >= 0).any():
            raise DataError(f"no painting of the held-out split has a {task} that the classifier knows.")
        temperatures[task] = round(fit_temperature(labels, predicted.logits[task]), 3)
    return temperatures


if __name__ == "__main__":
    main()
