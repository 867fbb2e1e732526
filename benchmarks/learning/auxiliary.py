"""What painters without a class of their own teach a classifier, and what batch norms that learn add.

    artextract prepare wikiart --root WIKIART --out data/joint --split joint --artists names --min-artist-works 60
    python -m benchmarks.learning.auxiliary --data data/joint --weights mobilenetv2.safetensors --runs runs/auxiliary \\
        > benchmarks/results/auxiliary.json

Of the joint split's paintings, 30 % are by painters with too few works for a class, so that the artist's head learns
nothing from them. `alone` is `crnn_best.yaml` with a small budget; `beside` has an auxiliary head for the names of
all painters with four works or more, half as heavy as a task, which is dropped when it is done; `norms` is that with
batch norms that learn. All learn from `train` and are scored on `val`. Runs that are done are not repeated.
"""

import json
from typing import Any

import torch

from benchmarks.learning.generations import scores
from benchmarks.learning.systems import options, run_recipe, values_of

BUDGET = {"epochs": 8, "sizes": [[0, 128]], "eval_every": 8}
IMAGE_SIZE = 160  # of evaluation


def main() -> None:
    """Train what is missing and print the figures."""
    args = options(__doc__.splitlines()[0]).parse_args()
    recipe = values_of("crnn_best")
    recipe |= BUDGET | {"data": str(args.data), "backbone_weights": str(args.weights), "frozen_baseline": False}
    recipe["model"] |= {"image_size": IMAGE_SIZE}
    beside: dict[str, Any] = {"auxiliary": {"artist_name": 0.5}}
    runs: dict[str, dict[str, Any]] = {"alone": {}, "beside": beside, "norms": beside | {"fold_norms": False}}
    for name, changes in runs.items():
        run_recipe(recipe | changes, args.runs / name)
    figures = {name: scores(args.runs / name) for name in runs}
    report = {"budget": BUDGET, "image_size": IMAGE_SIZE, "seeds": 1, "torch": torch.__version__, "runs": figures}
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
