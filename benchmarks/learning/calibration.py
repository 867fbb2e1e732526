"""What taking back a classifier's lean to frequent classes gives, and how sure it is before and after its temperature.

    python -m benchmarks.learning.calibration --data data/joint --model first=runs/best/first/best \\
        --model again=runs/best/again/best --model companion=runs/best/companion/best \\
        --model taught=runs/best/taught/best --model together=runs/best/together > benchmarks/results/calibration.json

`tau` has the figures for each part of log(class frequency) that `training/calibration.py` could take from the logits.
`error` is the expected calibration error in percent: as trained; levelled with that script's own part; and with
temperatures too, here fitted on one half of the val list and scored on the other, both ways, drawn by a seed.
"""

import argparse
import json
from typing import Any

import numpy as np
import torch
from datasets import Dataset

from artextract_hf import load_classifier
from artextract_hf.data.prepared import load_prepared, take_split
from artextract_hf.data.schema import labels_for
from artextract_hf.evaluation.calibration import calibration_error, fit_temperature
from artextract_hf.evaluation.classification import score
from artextract_hf.evaluation.predict import predict
from training.calibration import TAU, log_frequencies

TAUS = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)
SEED = 0  # of the halves


def main() -> None:
    """Print the figures by classifier and task."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="what `artextract prepare` wrote; `train` was learnt from")
    parser.add_argument("--model", action="append", required=True, metavar="NAME=MODEL", help="a classifier")
    args = parser.parse_args()
    splits = load_prepared(args.data)
    learnt, held_out = take_split(splits, "train"), take_split(splits, "val")
    given = dict(model.split("=", 1) for model in args.model)
    figures = {name: measure(model, learnt, held_out) for name, model in given.items()}
    print(json.dumps({"seed": SEED, "torch": torch.__version__, "classifiers": figures}, indent=2))


def measure(name: str, learnt: Dataset, held_out: Dataset) -> dict[str, Any]:
    """The figures of a classifier by task, in percent."""
    model, processor = load_classifier(name)
    predicted = predict(model, processor, held_out)
    figures = {}
    for task, names in model.config.tasks.items():
        labels = labels_for(held_out, task, names)[predicted.rows]
        known = labels >= 0
        labels, logits = labels[known], predicted.logits[task][known]
        lean = log_frequencies(labels_for(learnt, task, names), len(names))
        levelled = logits - TAU * lean
        errors = {"as_trained": logits, "levelled": levelled, "with_temperature": tempered(labels, levelled)}
        figures[task] = {
            "tau": {str(tau): top1(labels, logits - tau * lean) for tau in TAUS},
            "error": {kind: percent(calibration_error(labels, values)) for kind, values in errors.items()},
        }
    return figures


def tempered(labels: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """Each half of the logits at the temperature that the other half gives."""
    halves = np.random.default_rng(SEED).permutation(len(labels)) % 2
    out = np.empty_like(logits)
    for half in (0, 1):
        mine = halves == half
        out[mine] = logits[mine] / fit_temperature(labels[~mine], logits[~mine])
    return out


def top1(labels: np.ndarray, logits: np.ndarray) -> dict[str, float | None]:
    """Top-1 and macro F1."""
    scores = score(labels, logits)
    return {"accuracy": percent(scores.accuracy), "macro_f1": percent(scores.macro_f1)}


def percent(share: float | None) -> float | None:
    """Rounded; None where nothing is labelled."""
    return None if share is None else round(100 * share, 1)


if __name__ == "__main__":
    main()
