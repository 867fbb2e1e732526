"""Does a classifier gain by learning once more, from the labels and from what it answered before?

    artextract prepare wikiart --root WIKIART --out data/joint --split joint --artists names --min-artist-works 60
    python -m benchmarks.learning.generations --data data/joint --weights mobilenetv2.safetensors \\
        --runs runs/generations > benchmarks/results/generations.json

`first` is the plain recipe, eight epochs. `taught` is trained like it, but learns seven parts of the first's answers to
three of the labels. `again` goes on from the first's weights for eight epochs with mixup, in equal parts by the first's
answers and the labels, as the embedded default did (`training/configs/crnn_again.yaml`); `longer` is the same without
the answers. All learn from `train` and are scored on `val`, which none has seen. Runs that are done are not repeated.
"""

import json
from pathlib import Path
from typing import Any

import torch

from benchmarks.learning.systems import TASKS, evaluation, options, run_recipe, summary, values_of

BUDGET = {"frozen_epochs": 1, "kept_views": 1, "epochs": 8, "sizes": [[0, 128], [7, 160]], "eval_every": 8}
IMAGE_SIZE = 192  # of evaluation
MIN_AREA = 0.25  # of a crop, as in crnn_best.yaml


def main() -> None:
    """Train what is missing and print the figures."""
    args = options(__doc__.splitlines()[0]).parse_args()
    plain = values_of("plain")
    fixed = {
        "data": str(args.data),
        "backbone_weights": str(args.weights),
        "model": plain["model"] | {"image_size": IMAGE_SIZE},
        "view": plain["view"] | {"min_area": MIN_AREA},
        "frozen_baseline": False,
    }
    first = str(args.runs / "first/best")
    longer = {"start_from": first, "frozen_epochs": 0, "mixup": 0.2}
    generations: dict[str, dict[str, Any]] = {
        "first": {},
        "taught": {"teachers": [first], "distillation": 0.7},
        "longer": longer,
        "again": longer | {"teachers": [first], "distillation": 0.5},
    }
    for name, changes in generations.items():
        run_recipe(plain | BUDGET | fixed | changes, args.runs / name)
    figures = {name: scores(args.runs / name) for name in generations}
    print(json.dumps({"budget": BUDGET, "seeds": 1, "torch": torch.__version__, "generations": figures}, indent=2))


def scores(run: Path) -> dict[str, Any]:
    """Top-1 and macro F1 in percent, by task."""
    tasks = evaluation(run)["tasks"]
    return {task: summary([tasks[task]]) for task in TASKS}


if __name__ == "__main__":
    main()
