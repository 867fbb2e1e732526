"""Classifiers on a museum's own photographs, which no training has seen: the artist, where a classifier knows the name.

    python -m benchmarks.learning.museum_artists --collection MUSEUM --model crnn_refine=runs/crnn_refine/last \\
        --model crnn_again=runs/crnn_again/last --model pair=runs/pair --model together=runs/joined \\
        --model calibrated=default > benchmarks/results/museum_artists.json

The embedded classifier learnt every labelled painting of its data in the end, so this is what is left to compare its
stages on. Other photographs of some of these works may be among that data: compare the stages with each other, and take
none of the figures for what a new painting would get. `surprise` is the mean negative log-probability of the right
artist, nats.
"""

import argparse
import json
from typing import Any

import torch
from datasets import Dataset

from artextract_hf import load_classifier, load_collection
from artextract_hf.data.schema import labels_for
from artextract_hf.evaluation.classification import score
from artextract_hf.evaluation.predict import predict
from artextract_hf.models.losses import masked_cross_entropy


def main() -> None:
    """Print the figures by classifier."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--collection", required=True, help="what `load_collection` takes")
    parser.add_argument("--model", action="append", required=True, metavar="NAME=MODEL", help="a classifier")
    args = parser.parse_args()
    paintings = load_collection(args.collection)
    given = dict(model.split("=", 1) for model in args.model)
    figures = {name: measure(model, paintings) for name, model in given.items()}
    print(json.dumps({"torch": torch.__version__, "classifiers": figures}, indent=2))


def measure(name: str, paintings: Dataset) -> dict[str, Any]:
    """Top-1 and top-5 in percent, and the surprise, over the paintings whose artist the classifier knows."""
    model, processor = load_classifier(name)
    predicted = predict(model, processor, paintings)
    labels = labels_for(paintings, "artist", model.config.tasks["artist"])[predicted.rows]
    logits = predicted.logits["artist"]
    scores = score(labels, logits)
    surprise = masked_cross_entropy(torch.from_numpy(logits), torch.from_numpy(labels)).item()
    top1, top5 = (None if figure is None else round(100 * figure, 1) for figure in (scores.accuracy, scores.top5))
    return {"n": scores.n, "accuracy": top1, "top5": top5, "surprise": round(surprise, 3)}


if __name__ == "__main__":
    main()
