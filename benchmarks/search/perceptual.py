"""How to read a mean SSIM or RMSE of the pairs a search finds: beside random pairs and the best pairs there are.

    python -m benchmarks.search.perceptual --data data/wikiart --embedder imagenet=FOLDER --embedder byol=FOLDER \\
        > benchmarks/results/perceptual.json

FOLDER holds train.npy and val.npy, unit vectors of the prepared paintings in their order. A sample of `val` searches in
a sample of `train`, and every pair of the two samples is compared pixel by pixel, so random and best are exact for the
samples. SSIM depends on the size at which it is taken, so it is given at several.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from artextract_hf.data.parallel import ordered_map
from artextract_hf.data.prepared import load_prepared, take_split
from artextract_hf.evaluation.perceptual import pixels, rmse, score_pairs, ssim

REPORTED = 0.2045  # mean SSIM that system 002 gives for both of its models
SIDES = (64, 128, 224)  # pixels; the prepared paintings have 224
FOUND = 5  # pairs of each query


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="prepared, with the splits train and val")
    parser.add_argument("--embedder", action="append", required=True, metavar="NAME=FOLDER")
    parser.add_argument("--queries", type=int, default=60)
    parser.add_argument("--gallery", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    splits, rng = load_prepared(args.data), np.random.default_rng(args.seed)
    samples = {
        split: (data := take_split(splits, split), np.sort(rng.choice(len(data), number, replace=False)))
        for split, number in (("train", args.gallery), ("val", args.queries))
    }
    found = {}
    for given in args.embedder:
        name, _, folder = given.partition("=")
        vectors = {split: np.load(Path(folder) / f"{split}.npy")[rows] for split, (_, rows) in samples.items()}
        found[name] = np.argsort(-vectors["val"] @ vectors["train"].T, axis=1)[:, :FOUND]
    pictures = {split: [row["image"] for row in data.select(rows)] for split, (data, rows) in samples.items()}
    figures = {f"{side} px": compare(pictures, side, found) for side in SIDES}
    sizes = {"queries": args.queries, "gallery": args.gallery, "pairs_of_each_query": FOUND, "seed": args.seed}
    print(json.dumps({**sizes, "reported_by_system_002": REPORTED, "at": figures}, indent=2))


def compare(pictures: dict[str, list[Any]], side: int, found: dict[str, np.ndarray]) -> dict[str, Any]:
    """By measure: the deviation over all pairs, and the mean of each embedder's pairs between its bounds."""
    gallery, queries = ([pixels(picture, side) for picture in pictures[split]] for split in ("train", "val"))
    figures: dict[str, Any] = {}
    for name, measure, sign in (("ssim", ssim, 1), ("rmse", rmse, -1)):  # a small RMSE is the better one
        pairs = every_pair(queries, gallery, measure)
        figures[name] = {"deviation": round(float(pairs.std()), 4)}
        for embedder, rows in found.items():
            scores: dict[str, Any] = score_pairs(sign * pairs, rows).as_json()
            figures[name][embedder] = scores | {key: sign * scores[key] for key in ("found", "random", "best")}
    return figures


def every_pair(
    queries: list[np.ndarray], gallery: list[np.ndarray], measure: Callable[[np.ndarray, np.ndarray], float]
) -> np.ndarray:
    """(queries, gallery), every pair."""
    rows = ordered_map(lambda query: [measure(query, painting) for painting in gallery], queries)
    return np.array(list(rows))


if __name__ == "__main__":
    main()
