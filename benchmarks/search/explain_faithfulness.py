"""Is "why similar" faithful: deletion and insertion of the places to which it gives much heat, against random places.

    artextract prepare wikiart --root WIKIART --out DATA --split joint
    python -m benchmarks.search.explain_faithfulness --data DATA > benchmarks/results/explain_faithfulness.json

Each query is a painting of the split `val`, its answer the nearest of a sample of `train` by the embedder that is
explained. Intervals are 95 % of a bootstrap over the pairs, of the differences within each pair. A random order
scatters its cells, which changes a picture more than one connected hole does: it makes deletion look worse than it is,
and insertion better. Insertion minus deletion compares the heat with its reverse; both cover connected places.
"""

import argparse
import json
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from tqdm import tqdm

from artextract_hf.data.prepared import load_prepared, take_split
from artextract_hf.embedders.auto import AutoEmbedder
from artextract_hf.retrieval.explain.explanation import explain_similarity
from artextract_hf.retrieval.explain.faithfulness import faithfulness

RESAMPLES = 10_000


def main() -> None:
    """Print the areas by embedder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="what `artextract prepare` wrote")
    parser.add_argument("--embedders", nargs="+", default=["artextract/byol-paintings", "default"])
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--gallery", type=int, default=1000)
    parser.add_argument("--backend", default="openvino", help="of the vectors; maps are torch's")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    splits = load_prepared(args.data)
    rng = np.random.default_rng(args.seed)
    queries, gallery = (
        take_split(splits, name).select(rng.permutation(len(splits[name]))[:count])
        for name, count in (("val", args.pairs), ("train", args.gallery))
    )
    found = {name: measure(name, queries, gallery, args.backend, args.seed) for name in args.embedders}
    print(json.dumps({"gallery": len(gallery), "seed": args.seed, "embedders": found}, indent=2))


def measure(name: str, queries: Dataset, gallery: Dataset, backend: str, seed: int) -> dict[str, Any]:
    """Mean areas of an embedder's explanations, and how far they are from chance."""
    embedder = AutoEmbedder.from_pretrained(name, backend)
    answers = (embedder.embed(queries["image"]) @ embedder.embed(gallery["image"]).T).argmax(axis=1)
    areas, methods, similarities = [], set(), []
    for number, answer in enumerate(tqdm(answers, desc=name, disable=None)):
        found = explain_similarity(embedder, queries[number]["image"], gallery[int(answer)]["image"])
        areas.append(astuple(faithfulness(embedder, found, draws=1, seed=seed + number)))
        methods.add(found.method)
        similarities.append(found.similarity)
    deletion, insertion, random = np.array(areas).T
    return {
        "method": sorted(methods),
        "pairs": len(areas),
        "similarity": round(float(np.mean(similarities)), 4),
        "deletion": round(float(deletion.mean()), 4),
        "insertion": round(float(insertion.mean()), 4),
        "random": round(float(random.mean()), 4),
        "random_minus_deletion": difference(random - deletion, seed),
        "insertion_minus_random": difference(insertion - random, seed),
    }


def difference(values: np.ndarray, seed: int) -> dict[str, Any]:
    """Mean, its interval, and the share of pairs on the right side of 0."""
    draws = np.random.default_rng(seed).choice(values, (RESAMPLES, len(values))).mean(axis=1)
    low, high = np.quantile(draws, (0.025, 0.975))
    return {
        "mean": round(float(values.mean()), 4),
        "interval": [round(float(low), 4), round(float(high), 4)],
        "pairs_above_0": round(float((values > 0).mean()), 3),
    }


if __name__ == "__main__":
    main()
