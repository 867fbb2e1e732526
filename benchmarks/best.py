"""What our best classifier at its full length is worth over the frozen features it starts from.

    artextract prepare wikiart --root WIKIART --out data/joint --split joint --artists names --min-artist-works 60
    python -m benchmarks.generations --data data/joint --weights mobilenetv2.safetensors --runs runs/generations
    python -m benchmarks.best --data data/joint --weights mobilenetv2.safetensors --runs runs/best \\
        --teacher runs/generations/again/best > benchmarks/results/best.json

Both stages learn from the train list alone, so that the val list, which has none of its files, can score them. `first`
is `crnn_best.yaml`; `again` goes on from it as `crnn_again.yaml` does, taught by `first` and by a plain trunk. The
embedded default had `crnn_refine.yaml` between them, which brings in the val list, and was taught by itself alone.
Takes an hour and a quarter on two cores, beside the runs of `generations`; runs that are done are not repeated.
"""

import argparse
import json
from pathlib import Path

import torch

from benchmarks.generations import scores
from benchmarks.systems import TASKS, evaluation, run_recipe, top1, values_of


def main() -> None:
    """Train what is missing and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--data", type=Path, required=True, help="the joint split, prepared")
    parser.add_argument("--weights", type=Path, required=True, help="ImageNet weights of MobileNetV2, timm's key names")
    parser.add_argument("--teacher", required=True, help="the second teacher of `again`")
    args = parser.parse_args()
    first, again = args.runs / "first", args.runs / "again"
    fixed = {"data": str(args.data), "backbone_weights": str(args.weights)}
    fixed |= {"train_splits": ["train"], "eval_split": "val", "eval_every": 100}  # scored when done
    run_recipe(values_of("crnn_best") | fixed | {"frozen_baseline": False}, first)
    before = str(first / "best")
    run_recipe(values_of("crnn_again") | fixed | {"start_from": before, "teachers": [before, args.teacher]}, again)
    stages = {"first": scores(first), "again": scores(again)}
    frozen = top1(evaluation(again)["baselines"]["frozen_features"]["tasks"])
    gain = {task: round(stages["again"][task]["accuracy"] - frozen[task], 1) for task in TASKS}
    report = {"seeds": 1, "torch": torch.__version__, "stages": stages, "frozen_features": frozen, "gain": gain}
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
