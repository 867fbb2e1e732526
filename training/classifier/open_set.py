"""Let a trained classifier tell what is no painting, and what is by none of the artists that it knows.

    python -m training.classifier.open_set --model runs/plain/calibrated --data data/wikiart --out runs/plain/open
    python -m training.classifier.open_set --model default --data data/wikiart --learnt train val \\
        --held-out MUSEUM --out runs/open

What is usual is computed from paintings that it learnt from and from others, which are held out: a picture that is
farther from the average painting than 95 % of these is not likely to be one, and an answer that is less sure than 95 %
of those on works by artists that it knows is not likely to be right about any. No weight of the networks changes. After
further training or calibration, run it again.
"""

import argparse
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset, DatasetDict, concatenate_datasets
from torch import Tensor, nn
from transformers.utils import ModelOutput

from artextract_hf.data import load_collection, load_prepared, take_split
from artextract_hf.errors import DataError
from artextract_hf.evaluation import (
    fit_typical,
    held_out_distances,
    keep_learnt,
    known_labels,
    predict,
    quantiles,
    represent,
)
from artextract_hf.models import PAINTING, CrnnForImageClassification, load_classifier, resolve
from artextract_hf.outputs import refuse_filled
from training.classifier.model import save_model
from training.processes import user_errors

MOST = 1000  # paintings that are drawn of what was learnt, and of what is held out
LEAST_KNOWN = 100  # held-out works by artists that it knows; a twentieth of fewer is too few to end a range with
TASK = "artist"
CARD = ("README.md", "metrics.json", "training.json", "results.png")  # which stay true
SEED = 0


class Statistics(nn.Module):
    """The statistics of a classifier's first network as a representation, for `represent`."""

    def __init__(self, model: CrnnForImageClassification) -> None:
        super().__init__()
        self.crnn = model.crnn

    def forward(self, pixel_values: Tensor) -> ModelOutput:
        """(N, 3, S, S) to `pooler_output` (N, F)."""
        return ModelOutput(pooler_output=self.crnn.statistics(pixel_values))


def main() -> None:
    """Write the folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True, help="folder or name of the trained classifier")
    parser.add_argument("--data", required=True, help="what it learnt from, as `artextract prepare` wrote it")
    parser.add_argument("--learnt", nargs="+", default=["train"], help="the splits that it learnt from")
    parser.add_argument("--held-out", default="val", help="a split that it did not learn from, or another collection")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    with user_errors("open_set"):
        write(parser.parse_args())


def write(args: argparse.Namespace) -> None:
    """Fit, and write the classifier with what it knows now."""
    if args.held_out in args.learnt:
        raise DataError(f"{args.held_out} was learnt from; give another --held-out.")
    refuse_filled(args.out)
    splits = load_prepared(args.data)
    learnt = concatenate_datasets([take_split(splits, split) for split in args.learnt])
    model, processor = load_classifier(args.model)
    fit(model, processor, learnt, _held_out(splits, args.held_out))
    save_model(model, args.out)
    for name in CARD:
        if (file := Path(resolve(args.model)) / name).is_file():
            shutil.copyfile(file, args.out / name)
    keep_learnt(args.out, [learnt], [resolve(args.model)])
    print(f"It can tell now: {', '.join(model.config.usual_distances)}.")


def fit(model: CrnnForImageClassification, processor: Any, learnt: Dataset, held_out: Dataset) -> None:
    """Give a classifier what is usual.

    Args:
        model: the classifier, which is changed.
        processor: its image processor.
        learnt: records that it may have learnt from.
        held_out: records that it did not learn from.

    Raises:
        ModelError: the backbone gives no maps of its stages.
        DataError: the paintings are too few.
    """
    model.config.usual_distances = {}
    known, other = (
        represent(Statistics(model).eval(), processor, _drawn(paintings))[0] for paintings in (learnt, held_out)
    )
    usual = {PAINTING: quantiles(held_out_distances(known, other))}
    if TASK in model.config.tasks:
        labelled = np.flatnonzero(known_labels(held_out, TASK, model.config.tasks[TASK]) >= 0)
        if len(labelled) >= LEAST_KNOWN:
            predicted = predict(model, processor, held_out.select(labelled))
            usual[TASK] = quantiles(-predicted.logits[TASK].max(axis=1))
        else:
            print(f"{len(labelled)} held-out works are by artists that it knows: too few to tell others from them.")
    model.typical = fit_typical(np.concatenate([known, other]))
    model.config.usual_distances = usual


def _held_out(splits: DatasetDict, name: str) -> Dataset:
    return take_split(splits, name) if name in splits else load_collection(name)


def _drawn(paintings: Dataset) -> Dataset:
    """At most MOST of them."""
    return paintings.shuffle(seed=SEED).select(range(min(MOST, len(paintings))))


if __name__ == "__main__":
    main()
