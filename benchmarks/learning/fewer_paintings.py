"""How the gain over frozen features grows with the paintings that a classifier learns from.

    artextract prepare wikiart --root WIKIART --out data/joint --split joint --artists names --min-artist-works 60
    python -m benchmarks.learning.fewer_paintings --data data/joint --weights mobilenetv2.safetensors \\
        --runs runs/fewer > benchmarks/results/fewer_paintings.json

`crnn_best.yaml` with a small budget, on a quarter, a half and all of the joint split's train list, drawn by the seed
and in as many steps each, after an epoch of the heads alone; beside it, logistic regression on the frozen features of
the same paintings. All are scored on the val list. Takes some twenty minutes on two cores; runs that are done are not
repeated.
"""

import json

import torch

from artextract_hf.data.prepared import load_prepared, take_split
from benchmarks.learning.generations import scores
from benchmarks.learning.systems import TASKS, evaluation, options, run_recipe, top1, values_of

EPOCHS = {4: 32, 2: 16, 1: 8}  # of one part in so many
IMAGE_SIZE = 160  # of evaluation


def main() -> None:
    """Train what is missing and print the figures by number of paintings."""
    args = options(__doc__.splitlines()[0]).parse_args()
    paintings = len(take_split(load_prepared(args.data), "train"))
    recipe = values_of("crnn_best") | {"data": str(args.data), "backbone_weights": str(args.weights)}
    recipe["model"] |= {"image_size": IMAGE_SIZE}
    figures = {}
    for parts, epochs in EPOCHS.items():
        run, number = args.runs / f"one_of_{parts}", paintings // parts
        budget = {"epochs": epochs, "sizes": [[0, 128]], "eval_every": epochs, "max_samples": number}
        run_recipe(recipe | budget, run)
        trained, frozen = scores(run), top1(evaluation(run)["baselines"]["frozen_features"]["tasks"])
        gain = {task: round(trained[task]["accuracy"] - frozen[task], 1) for task in TASKS}
        figures[str(number)] = {"epochs": epochs, "trained": trained, "frozen_features": frozen, "gain": gain}
    settings = {"image_size": IMAGE_SIZE, "seeds": 1, "torch": torch.__version__}
    print(json.dumps(settings | {"paintings": figures}, indent=2))


if __name__ == "__main__":
    main()
