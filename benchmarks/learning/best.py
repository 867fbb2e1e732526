"""What our best classifier at its full length is worth over the frozen features it starts from.

    artextract prepare wikiart --root WIKIART --out data/joint --split joint --artists names --min-artist-works 60
    python -m benchmarks.learning.generations --data data/joint --weights mobilenetv2.safetensors \\
        --runs runs/generations
    python -m benchmarks.learning.best --data data/joint --weights mobilenetv2.safetensors --runs runs/best \\
        --companion-weights lite2.safetensors --teacher runs/generations/again/best > benchmarks/results/best.json

Every stage learns from the train list alone, so that the val list, which has none of its files, can score them. `first`
is `crnn_best.yaml`; `again` goes on from it as `crnn_again.yaml` does, taught by `first` and by a plain trunk;
`companion` is `crnn_companion.yaml`, taught by `again`; `pair` averages the logits of these two; `taught` is
`crnn_taught.yaml`, taught by the pair; `together` averages the logits of all three; `calibrated` is that one after
`training/calibration.py`, as the embedded default is. Its temperatures come from the val list itself, which changes no
answer; how much of the classes' frequencies it takes from the logits was chosen there too. The default had
`crnn_refine.yaml` between the first two, which brings in the val list, and was taught by itself alone. Takes some three
and a half hours on two cores, beside the runs of `generations` (`taught` was made on a GPU, in eight minutes beside
another); runs that are done are not repeated.
"""

import json
from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from artextract_hf.data.prepared import load_prepared, take_split
from artextract_hf.evaluation.classifier_report import evaluate_classifier
from artextract_hf.models import CrnnForImageClassification, load_classifier
from benchmarks.learning.generations import scores
from benchmarks.learning.systems import METRICS, TASKS, evaluation, options, run_recipe, top1, values_of
from training.calibration import fit, level
from training.classifier.model import save_model
from training.ensemble import join

# More epochs than in the recipes, which have more paintings: 2,640 steps for 3,040, and 4,356 for 4,370.
COMPANION_BUDGET = {"epochs": 20, "sizes": [[0, 128], [8, 160], [14, 192], [18, 224]]}
TAUGHT_BUDGET = {"epochs": 33, "sizes": [[0, 128], [10, 192], [23, 224]]}


def main() -> None:
    """Train what is missing and print the figures."""
    parser = options(__doc__.splitlines()[0])
    parser.add_argument("--companion-weights", required=True, help="of tf_efficientnet_lite2, fit for ImageNet's mean")
    parser.add_argument("--teacher", required=True, help="the second teacher of `again`")
    args = parser.parse_args()
    names = ("first", "again", "companion", "pair", "taught", "together", "calibrated")
    first, again, companion, pair, taught, together, calibrated = runs = [args.runs / name for name in names]
    fixed: dict[str, Any] = {"data": str(args.data), "backbone_weights": str(args.weights)}
    fixed |= {"train_splits": ["train"], "eval_split": "val", "eval_every": 100}  # scored when done
    fixed |= {"frozen_baseline": False}  # once is enough, below
    run_recipe(values_of("crnn_best") | fixed, first)
    before = str(first / "best")
    run_recipe(values_of("crnn_again") | fixed | {"start_from": before, "teachers": [before, args.teacher]}, again)
    other = fixed | {"backbone_weights": args.companion_weights}
    teacher = {"teachers": [str(again / "best")]}
    run_recipe(values_of("crnn_companion") | other | teacher | COMPANION_BUDGET, companion)
    keep(pair, lambda: put_together(again, [companion]), args)
    run_recipe(values_of("crnn_taught") | other | {"teachers": [str(pair)]} | TAUGHT_BUDGET, taught)
    keep(together, lambda: put_together(again, [companion, taught]), args)
    keep(calibrated, lambda: calibrate(together, args.data), args)
    stages = {run.name: scores(run) for run in runs}
    frozen = top1(evaluation(calibrated)["baselines"]["frozen_features"]["tasks"])
    gain = {task: round(stages["calibrated"][task]["accuracy"] - frozen[task], 1) for task in TASKS}
    report = {"seeds": 1, "torch": torch.__version__, "stages": stages, "frozen_features": frozen, "gain": gain}
    print(json.dumps(report, indent=2))


def keep(out: Path, make: Callable[[], CrnnForImageClassification], args: Namespace) -> None:
    """A classifier made of finished runs, scored beside the frozen features; what is done is not repeated."""
    if (out / METRICS).is_file():
        return
    save_model(make(), out)
    model, processor = load_classifier(str(out))
    splits, folder = load_prepared(args.data), (out / METRICS).parent
    about = {"name": out.name, "split": "val", "train": splits["train"], "baseline_weights": args.weights}
    fitted_here = bool(model.config.set_thresholds)
    evaluate_classifier(model, processor, take_split(splits, "val"), folder, fitted_here=fitted_here, **about)


def put_together(lead: Path, others: Sequence[Path]) -> CrnnForImageClassification:
    """The classifier of several runs."""
    return join(str(lead / "best"), [str(other / "best") for other in others])


def calibrate(run: Path, data: Path) -> CrnnForImageClassification:
    """A classifier that learnt from the train list, with its temperatures and thresholds from the val list."""
    splits = load_prepared(data)
    model, processor = load_classifier(str(run))
    level(model, splits, ["train"])
    fit(model, processor, take_split(splits, "val"))
    return model


if __name__ == "__main__":
    main()
