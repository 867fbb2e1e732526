"""Is "where the class comes from" faithful: deletion and insertion by method, against random places.

    artextract prepare wikiart --root WIKIART --out DATA --split joint
    python -m benchmarks.learning.attribution --data DATA > benchmarks/results/attribution.json

Deletion and insertion of Petsiuk et al. 2018: the mean probability of the most probable class while cells of the
painting are blurred, the warmest first; and while a blurred painting gets its cells back. A faithful heat has a low
deletion and a high insertion. Both cover places next to each other, so their difference compares a heat with its
reverse; a random order scatters its cells. `integrated` is what the package uses. Intervals are 95 % of a bootstrap
over the paintings. The first of the classifier's networks is explained alone, as the attention is its own. It learnt
from these paintings; only its own answers are explained.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from artextract_hf import load_classifier
from artextract_hf.data.decode import ImageSource, decode_image
from artextract_hf.data.prepared import load_prepared, take_split
from artextract_hf.models.inference.micro_batches import micro_batches
from artextract_hf.retrieval.box import WHOLE_PICTURE
from artextract_hf.retrieval.explain.attribution import explain_classes
from artextract_hf.retrieval.explain.explanation import Side, occlude
from artextract_hf.retrieval.explain.faithfulness import area_under

RESAMPLES = 10_000
PARTS = 4  # in which the cells are blurred
GRID = (8, 8)


class Probabilities:
    """A classifier as an embedder: its vectors are the probabilities of one task's classes."""

    dim, fingerprint, name = 0, "", ""  # nobody asks

    def __init__(self, name: str) -> None:
        model, self.processor = load_classifier(name)
        self.model, self.task = model.without_companions().eval(), ""

    def embed(self, images: Sequence[ImageSource], batch_size: int = 32) -> np.ndarray:
        """(N, classes) float32."""
        pixels = self.processor(images=[decode_image(image) for image in images], return_tensors="pt")["pixel_values"]
        with torch.inference_mode():
            logits = [self.model(part).task_logits[self.task] for part in micro_batches(self.model, pixels)]
        return torch.cat(logits).float().softmax(dim=1).numpy()


def main() -> None:
    """Print the areas by task and method."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="what `artextract prepare` wrote")
    parser.add_argument("--model", default="default")
    parser.add_argument("--paintings", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    held_out = take_split(load_prepared(args.data), "val")
    rng = np.random.default_rng(args.seed)
    paintings = held_out.select(rng.permutation(len(held_out))[: args.paintings])
    judge = Probabilities(args.model)
    figures = {task: measure(judge, paintings, task, rng) for task in judge.model.config.tasks}
    print(
        json.dumps(
            {
                "command": "python -m benchmarks.learning.attribution",
                "model": args.model,
                "paintings": len(paintings),
                "seed": args.seed,
                "torch": torch.__version__,
                "tasks": figures,
            },
            indent=2,
        )
    )


def measure(judge: Probabilities, paintings: Any, task: str, rng: np.random.Generator) -> dict[str, Any]:
    """Areas of each method on the most probable class of a task."""
    judge.task = task
    model = judge.model
    methods = ("integrated", "grad_cam", "occlusion", "attention", "random")
    areas: dict[str, list[tuple[float, float]]] = {method: [] for method in methods}
    seconds = dict.fromkeys(methods, 0.0)
    for painting in tqdm(paintings, desc=task, disable=None):
        picture = decode_image(painting["image"])
        picture.thumbnail((512, 512))
        probability = judge.embed([picture])[0]
        wanted = np.eye(len(probability), dtype=np.float32)[probability.argmax()]
        makers: dict[str, Callable[[], np.ndarray | None]] = {
            "integrated": lambda: explain_classes(model, judge.processor, picture).classes[task].heat,  # noqa: B023
            "grad_cam": lambda: grad_cam(judge, picture),  # noqa: B023
            "occlusion": lambda: occlude(judge, picture, wanted),  # noqa: B023
            "attention": lambda: explain_classes(model, judge.processor, picture).attention,  # noqa: B023
            "random": lambda: rng.random(GRID),
        }
        for method, make in makers.items():
            started = time.process_time()
            side = Side(picture, np.asarray(make(), dtype=np.float32), WHOLE_PICTURE)
            seconds[method] += time.process_time() - started
            warmest = np.argsort(-side.heat.ravel(), kind="stable")
            areas[method].append(
                (area_under(judge, side, wanted, warmest, PARTS), area_under(judge, side, wanted, warmest[::-1], PARTS))
            )
    random = np.array(areas["random"])
    return {method: summary(np.array(found), random, seconds[method], rng) for method, found in areas.items()}


def grad_cam(judge: Probabilities, picture: Any) -> np.ndarray:
    """Grad-CAM (Selvaraju et al. 2017, eq. 1 and 2) of the most probable class, on the last feature map."""
    pixels = judge.processor(images=[picture], return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        features = judge.model.crnn.features(pixels)
    features.requires_grad_()
    logits = judge.model.classify(judge.model.crnn.read(features))["task_logits"][judge.task]
    (gradient,) = torch.autograd.grad(logits.max(), features)
    return (gradient.mean(dim=(2, 3), keepdim=True) * features)[0].sum(dim=0).relu().detach().numpy()


def summary(areas: np.ndarray, random: np.ndarray, seconds: float, rng: np.random.Generator) -> dict[str, Any]:
    """Means of (N, 2) deletions and insertions, and how far each lies on the right side of the random order's."""
    random_area = random.mean(axis=1)
    gains = {
        "random_minus_deletion": random_area - areas[:, 0],
        "insertion_minus_random": areas[:, 1] - random_area,
        "insertion_minus_deletion": areas[:, 1] - areas[:, 0],
    }
    found: dict[str, Any] = {"deletion": round(float(areas[:, 0].mean()), 4)}
    found["insertion"] = round(float(areas[:, 1].mean()), 4)
    for name, values in gains.items():
        draws = rng.choice(values, (RESAMPLES, len(values))).mean(axis=1)
        low, high = np.quantile(draws, (0.025, 0.975))
        found[name] = {
            "mean": round(float(values.mean()), 4),
            "interval": [round(float(low), 4), round(float(high), 4)],
        }
    return found | {"cpu_seconds_a_picture": round(seconds / len(areas), 2)}


if __name__ == "__main__":
    main()
