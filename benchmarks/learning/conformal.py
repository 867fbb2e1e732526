"""What prediction sets hold, by method, on paintings of known artists and of artists never seen.

    artextract prepare wikiart --root WIKIART --out data/joint --split joint --artists names --min-artist-works 60
    artextract prepare wikiart --root WIKIART --out data/disjoint --split artist_disjoint --artists names \\
        --min-artist-works 60
    python -m benchmarks.learning.conformal --data data/joint --disjoint data/disjoint \\
        --weights mobilenetv2.safetensors --runs runs/conformal > benchmarks/results/conformal.json

The plain recipe learns from 7,400 paintings of the train list of either split and is calibrated as by
`training/calibration.py`: temperature and thresholds from one list, figures from another. `known artists`: halves of
the joint split's val list. `new artists`: halves of the artist-disjoint split's, no artist in both. `new artists,
thresholds from known ones`: the thresholds come from the thousand paintings of the train list that were not learnt,
the figures from the whole val list. Halves are drawn several times. Runs that are done are not repeated.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from scipy.special import softmax

from artextract_hf.data.prepared import load_prepared, take_split
from artextract_hf.evaluation.calibration import fit_temperature
from artextract_hf.evaluation.predict import known_labels, predict
from artextract_hf.evaluation.uncertainty.conformal import LEVEL, OFTEN, SetScores, fit_thresholds, score_sets
from artextract_hf.models import load_classifier
from benchmarks.learning.systems import BUDGET, IMAGE_SIZE, TASKS, evaluation, options, run_recipe, values_of
from training.calibration import level

LEARNT, SEED = 7400, 0  # paintings that are learnt from, drawn by the seed
DRAWS = 20  # of the halves
SHARED = ("style", "genre")  # tasks whose classes new artists have too
PENALTY, FREE = 0.1, 2  # of RAPS: for each class beyond so many


@dataclass(frozen=True)
class Answers:
    """Labels (N,), all known, and logits (N, C) of a task; the artist (N,) of each painting."""

    labels: np.ndarray
    logits: np.ndarray
    artists: np.ndarray

    def part(self, chosen: np.ndarray) -> "Answers":
        """Those that are chosen by bool (N,)."""
        return Answers(self.labels[chosen], self.logits[chosen], self.artists[chosen])


Pairs = Iterable[tuple[Answers, Answers]]  # what is calibrated on, and what is scored


def main() -> None:
    """Train what is missing and print the figures."""
    parser = options(__doc__.splitlines()[0])
    parser.add_argument(
        "--disjoint", type=Path, help="the artist-disjoint split, prepared; without, known artists only"
    )
    args = parser.parse_args()
    found: dict[str, Any] = {"level": LEVEL, "learnt": LEARNT, "budget": BUDGET, "draws": DRAWS}
    known = answers(args.runs / "joint", args.data, args.weights)
    cases = {"known artists": {task: compare(halves(known["val"][task])) for task in TASKS}}
    if args.disjoint:
        new = answers(args.runs / "disjoint", args.disjoint, args.weights)
        cases["new artists"] = {task: compare(halves(new["val"][task], by_artist=True)) for task in SHARED}
        cases["new artists, thresholds from known ones"] = {
            task: compare([(new["left over"][task], new["val"][task])]) for task in SHARED
        }
        found["accuracy"] = accuracies(args.runs)
    print(json.dumps(found | {"torch": torch.__version__, "cases": cases}, indent=2))


def answers(run: Path, data: Path, weights: Path) -> dict[str, dict[str, Answers]]:
    """What the plain recipe answers after its training, for the val list and what was left over, by task."""
    recipe = values_of("plain")
    recipe["model"] |= {"image_size": IMAGE_SIZE}
    fixed = {"data": str(data), "backbone_weights": str(weights), "seed": SEED, "max_samples": LEARNT}
    run_recipe(recipe | BUDGET | fixed | {"frozen_baseline": False}, run)
    splits = load_prepared(data)
    train = take_split(splits, "train").shuffle(seed=SEED)  # as a training draws its `max_samples`
    model, processor = load_classifier(str(run / "best"))
    level(model, splits, ["train"])
    lists = {"val": take_split(splits, "val"), "left over": train.select(range(LEARNT, len(train)))}
    return {name: _answers(model, processor, paintings) for name, paintings in lists.items()}


def _answers(model: Any, processor: Any, paintings: Dataset) -> dict[str, Answers]:
    predicted = predict(model, processor, paintings)
    artists = np.array(paintings["artist_name"])[predicted.rows]
    found = {}
    for task, names in model.config.tasks.items():
        labels = known_labels(paintings, task, names)[predicted.rows]
        found[task] = Answers(labels, predicted.logits[task], artists).part(labels >= 0)
    return found


def accuracies(runs: Path) -> dict[str, dict[str, Any]]:
    """Top-1 on paintings of known and of new artists, with 95 % intervals, and the drop in points."""
    figures: dict[str, dict[str, Any]] = {}
    for task in SHARED:
        for kind, run in (("known", "joint"), ("new", "disjoint")):
            report = evaluation(runs / run)
            figures.setdefault(task, {})[kind] = percent(report["tasks"][task]["accuracy"])
            figures[task][f"{kind}_interval"] = list(map(percent, report["intervals"][task]["accuracy"]))
        figures[task]["drop"] = round(figures[task]["known"] - figures[task]["new"], 1)
    return figures


def halves(given: Answers, *, by_artist: bool = False) -> Iterator[tuple[Answers, Answers]]:
    """Random halves of the paintings, or of the artists with all of theirs."""
    names = given.artists if by_artist else np.arange(len(given.labels))
    clusters, cluster = np.unique(names, return_inverse=True)
    for draw in range(DRAWS):
        first = (np.random.default_rng(draw).permutation(len(clusters)) % 2)[cluster] == 0
        yield given.part(first), given.part(~first)


def lac(probability: np.ndarray, _: np.ndarray) -> np.ndarray:
    """Least ambiguous sets (Sadinle et al. 2019): the probability itself."""
    return probability


def aps(probability: np.ndarray, chance: np.ndarray, *, penalty: float = 0.0) -> np.ndarray:
    """Adaptive sets (Romano et al. 2020): what is left beside the more probable classes, and a random part (N,).

    With a penalty on each class beyond FREE they are regularised (Angelopoulos et al. 2021).
    """
    order = np.argsort(-probability, axis=1, kind="stable")
    ranked = np.take_along_axis(probability, order, axis=1)
    above = np.cumsum(ranked, axis=1) - ranked
    beyond = np.maximum(np.arange(1, probability.shape[1] + 1) - FREE, 0)
    scores = np.empty_like(probability)
    np.put_along_axis(scores, order, 1 - above - chance[:, None] * ranked - penalty * beyond, axis=1)
    return scores


def together(labels: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """One threshold for all classes of a task."""
    own = scores[np.arange(len(labels)), labels]
    return np.full(scores.shape[1], np.quantile(own, 1 - LEVEL, method="weibull"))


# by name: the scores of the classes, and what fits their thresholds
METHODS: dict[str, tuple[Callable[..., np.ndarray], Callable[..., Any]]] = {
    "lac": (lac, fit_thresholds),
    "aps": (aps, fit_thresholds),
    "raps": (partial(aps, penalty=PENALTY), fit_thresholds),
    "lac, one threshold": (lac, together),
}


def compare(pairs: Pairs) -> dict[str, dict[str, Any]]:
    """The figures of each method, over all pairs."""
    found: dict[str, list[SetScores]] = {name: [] for name in METHODS}
    for fitted, scored in pairs:
        temperature = fit_temperature(fitted.labels, fitted.logits)
        rng = np.random.default_rng(SEED)
        chance = [rng.random(len(part.labels)) for part in (fitted, scored)]
        sure = [softmax(part.logits / temperature, axis=1) for part in (fitted, scored)]
        often = np.bincount(np.concatenate([fitted.labels, scored.labels]), minlength=scored.logits.shape[1]) >= OFTEN
        for name, (score, fit) in METHODS.items():
            thresholds = fit(fitted.labels, score(sure[0], chance[0]))
            found[name].append(score_sets(scored.labels, score(sure[1], chance[1]) >= thresholds))
    return {name: summary(draws, often) for name, draws in found.items()}


def summary(draws: list[SetScores], often: np.ndarray) -> dict[str, Any]:
    """Means over the draws, and how coverage differs between them and between the classes that occur often enough."""
    coverage = np.array([d.coverage for d in draws], dtype=float)
    by_class = np.nanmean(np.array([d.by_class for d in draws], dtype=float)[:, often], axis=0)
    return {
        "coverage": percent(np.mean(coverage)),
        "coverage_sd": percent(np.std(coverage)),
        "lowest_class": percent(by_class.min()),
        "highest_class": percent(by_class.max()),
        "class_gap": percent(np.abs(by_class - LEVEL).mean()),
        "mean_size": round(float(np.mean([d.mean_size for d in draws])), 2),
        "median_size": round(float(np.mean([d.median_size for d in draws])), 1),
        "single": percent(np.mean([d.single for d in draws])),
        "empty": percent(np.mean([d.empty for d in draws])),
    }


def percent(share: Any) -> float:
    """Rounded."""
    return round(100 * float(share), 1)


if __name__ == "__main__":
    main()
