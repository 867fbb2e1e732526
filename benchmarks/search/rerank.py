"""What re-ranking is worth: change of P@10 and mAP against the plain cosine, and its time beside the search's.

    python -m benchmarks.search.rerank --data data/wikiart --embedder imagenet=FOLDER --embedder byol=FOLDER \\
        > benchmarks/results/rerank.json

FOLDER holds train.npy and val.npy, unit vectors of the prepared paintings in their order. Paintings of `val` search
among those of `train`. What works on vectors re-ranks the whole gallery, and is tried with several parameters on some
queries; those with the highest mean P@10 over the labels, and those with the highest mean mAP, are reported on others,
beside the parameters that `rerank` has, which were chosen with all these queries in view.

Re-ranking by pixels is only here: it loses, so that a search does not offer it. It has no parameters, re-ranks the
first answers and takes fewer queries. Times are of one query at a time, as `rerank` is called, after the exact FAISS
search that gives it the candidates.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from PIL import Image

from artextract_hf.data.prepared import load_prepared, take_split
from artextract_hf.evaluation.embedder_report import LABELS, label_names
from artextract_hf.evaluation.perceptual import pixels, rmse, ssim
from artextract_hf.evaluation.retrieval import score_similarities
from artextract_hf.retrieval.rerank.k_reciprocal import (
    COSINE_SHARE,
    K1,
    K2,
    encode_gallery,
    k_reciprocal,
    neighbourhoods,
)
from artextract_hf.retrieval.rerank.rerankers import (
    ALPHA,
    CSLS_K,
    EXPANSION_K,
    RERANKERS,
    Candidates,
    Gallery,
    Probe,
    csls,
    expand_queries,
    rerank,
)

SHIPPED = {
    "csls": f"k={CSLS_K}",
    "k_reciprocal": f"k1={K1}, k2={K2}, cosine_share={COSINE_SHARE}",
    "expansion": f"n={EXPANSION_K}, alpha={ALPHA}",
}
# name: similarity of two pictures (H, W, 3), larger is more alike
BY_PIXELS: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {"ssim": ssim, "rmse": lambda a, b: -rmse(a, b)}
PIXEL_DEPTH = 50  # answers that are compared pixel by pixel
TIMED = 30  # queries
PARTS = 10  # of the queries; the spread of a change over them gives its standard error
Labels = dict[str, tuple[list[str | None], list[str | None]]]
Figures = dict[str, dict[str, np.ndarray]]  # by label and measure, of each part


def main() -> None:
    """Measure each embedder and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="prepared, with the splits train and val")
    parser.add_argument("--embedder", action="append", required=True, metavar="NAME=FOLDER")
    parser.add_argument("--tried", type=int, default=300, help="queries that choose the parameters")
    parser.add_argument("--asked", type=int, default=1000, help="other queries, that are reported")
    parser.add_argument("--by-pixels", type=int, default=150, help="of these, how many are re-ranked by pixels")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    splits = load_prepared(args.data)
    gallery, queries = take_split(splits, "train"), take_split(splits, "val")
    order = np.random.default_rng(args.seed).permutation(len(queries))
    tried, asked = order[: args.tried], order[args.tried : args.tried + args.asked]
    found: dict[str, Any] = {}
    for given in args.embedder:
        name, _, folder = given.partition("=")
        vectors, all_asked = (np.load(Path(folder) / f"{split}.npy") for split in ("train", "val"))
        report = by_vectors(vectors, [all_asked[tried], all_asked[asked]], labels(gallery, queries, tried, asked))
        few = asked[: args.by_pixels]
        report["by_pixels"] = by_pixels(vectors, all_asked[few], gallery, queries.select(few))
        report["times"] = times(vectors, all_asked[asked[:TIMED]], gallery, queries.select(asked[:TIMED]))
        found[name] = report
        print(name, json.dumps(report, indent=1), file=sys.stderr, flush=True)
    sizes = {"gallery": len(gallery), "tried": len(tried), "asked": len(asked), "seed": args.seed}
    print(json.dumps({**sizes, "change": "points, standard error", "embedders": found}, indent=2))


def labels(gallery: Dataset, queries: Dataset, *parts: np.ndarray) -> list[Labels]:
    """For each part of the queries, by label: the gallery's names and the queries'."""
    rows = np.arange(len(gallery))
    found = []
    for part in parts:
        of_part: Labels = {
            label: (label_names(gallery, label, rows), label_names(queries, label, part)) for label in LABELS
        }
        names = [[name or None for name in data["artist_name"]] for data in (gallery, queries.select(part))]
        found.append(of_part | {"artist_name": (names[0], names[1])})
    return found


def scores(similarities: np.ndarray, names: Labels) -> Figures:
    """P@10 and mAP, in percent, of queries (Q, N) by label, for each of PARTS parts of the queries."""
    found: Figures = {}
    for label, (of_gallery, of_queries) in names.items():
        figures = []
        for rows in np.array_split(np.arange(len(similarities)), PARTS):
            part = score_similarities(similarities[rows].__getitem__, of_gallery, [of_queries[row] for row in rows])
            assert part is not None, f"too few queries have a {label} that can be found"
            figures.append([100 * part.precision[10], 100 * part.map])
        found[label] = dict(zip(("p@10", "map"), np.array(figures).T, strict=True))
    return found


def changes(found: Figures, plain: Figures) -> dict[str, dict[str, list[float]]]:
    """Points gained over the plain search, and their standard error over the parts."""
    gained: dict[str, dict[str, list[float]]] = {}
    for label, of in found.items():
        differences = {key: values - plain[label][key] for key, values in of.items()}
        gained[label] = {
            key: [round(float(d.mean()), 2), round(float(d.std(ddof=1)) / PARTS**0.5, 2)]
            for key, d in differences.items()
        }
    return gained


def by_vectors(vectors: np.ndarray, parts: list[np.ndarray], names: list[Labels]) -> dict[str, Any]:
    """The plain search, and each method with the parameters that were best on the first part, asked on the second."""
    cosines = [part @ vectors.T for part in parts]
    plain = scores(cosines[1], names[1])
    report: dict[str, Any] = {"plain": {k: {m: round(v.mean(), 2) for m, v in of.items()} for k, of in plain.items()}}
    for method, settings in methods(vectors, parts, cosines):
        trials = {parameters: scores(answers[0], names[0]) for parameters, answers in settings.items()}
        chosen = {f"best {key}": max(trials, key=lambda name: mean(trials[name], key)) for key in ("p@10", "map")}  # noqa: B023
        report[method] = {
            why: {"parameters": name, "change": changes(scores(settings[name][1], names[1]), plain)}
            for why, name in (chosen | {"as shipped": SHIPPED[method]}).items()
        }
    return report


def mean(found: Figures, key: str) -> float:
    """Over the labels and the parts."""
    return float(np.mean([of[key] for of in found.values()]))


def methods(
    vectors: np.ndarray, parts: list[np.ndarray], cosines: list[np.ndarray]
) -> Iterator[tuple[str, dict[str, list[np.ndarray]]]]:
    """Each method: by parameters, for each part of the queries, its similarities (Q, N)."""
    near = neighbourhoods(vectors, 50)
    densities = {f"k={k}": near.cosines[:, :k].mean(axis=1) for k in (10, 50)}
    yield "csls", {name: [csls(c, np.zeros(len(c), c.dtype), d) for c in cosines] for name, d in densities.items()}
    mixed: dict[str, list[np.ndarray]] = {}
    for k1, k2 in ((20, 6), (50, 10)):
        encoded = encode_gallery(vectors, near, k1=k1, k2=k2)
        jaccard = [k_reciprocal(part, encoded, cosine_share=0.0).astype(np.float32) for part in parts]
        for share in (0.3, 0.7, 0.9):
            answers = [(1 - share) * j + share * c for j, c in zip(jaccard, cosines, strict=True)]
            mixed[f"k1={k1}, k2={k2}, cosine_share={share}"] = answers
    yield "k_reciprocal", mixed
    yield (
        "expansion",
        {
            f"n={k}, alpha={alpha}": [
                expanded_cosines(p, c, vectors, k, alpha) for p, c in zip(parts, cosines, strict=True)
            ]
            for k in (3, 10)
            for alpha in (0.0, 3.0)
        },
    )


def expanded_cosines(queries: np.ndarray, cosines: np.ndarray, vectors: np.ndarray, k: int, alpha: float) -> np.ndarray:
    """Cosines of the expanded queries."""
    first = np.argpartition(-cosines, k, axis=1)[:, :k]
    weights = np.take_along_axis(cosines, first, axis=1)
    return expand_queries(queries, vectors[first], weights, alpha=alpha) @ vectors.T


def by_pixels(vectors: np.ndarray, asked: np.ndarray, gallery: Dataset, queries: Dataset) -> dict[str, Any]:
    """Change by re-ranking the first answers by their pictures; the rest of the ranking stays as it is."""
    names = labels(gallery, queries, np.arange(len(queries)))[0]
    known, cosines = Gallery(vectors), asked @ vectors.T
    plain = scores(cosines, names)
    report: dict[str, Any] = {"queries": len(asked), "depth": PIXEL_DEPTH}
    for method, measure in BY_PIXELS.items():
        changed = cosines.copy()
        for number, record in enumerate(queries):
            rows = known.search(asked[number : number + 1], PIXEL_DEPTH)[1][0]
            places = pixel_order(measure, record["image"], pictures_of(gallery, rows))
            changed[number, rows[places]] = 2 + np.arange(len(places))[::-1]  # before all cosines
        report[method] = changes(scores(changed, names), plain)
    return report


def pixel_order(
    measure: Callable[[np.ndarray, np.ndarray], float], query: Image.Image, pictures: Sequence[Image.Image]
) -> np.ndarray:
    """Places of the pictures, the most alike to the query first."""
    own = pixels(query)
    return np.argsort([-measure(own, pixels(picture)) for picture in pictures], kind="stable")


def pictures_of(paintings: Dataset, rows: np.ndarray) -> list[Image.Image]:
    """The decoded pictures of these rows."""
    return [paintings[int(row)]["image"] for row in rows]


def times(vectors: np.ndarray, asked: np.ndarray, gallery: Dataset, queries: Dataset) -> dict[str, Any]:
    """Median milliseconds of an exact search, and each re-ranking as a multiple of it; they take turns."""
    known = Gallery(vectors)
    once = seconds(lambda: (known.reciprocal, known.density))
    taken: dict[str, list[float]] = {name: [] for name in ("search", *SHIPPED, *BY_PIXELS)}
    for vector, record in zip(asked, queries, strict=True):
        search = partial(known.search, vector[None], RERANKERS["csls"].depth)
        taken["search"].append(seconds(search))
        rows = search()[1][0]
        probe, candidates = Probe(vector), Candidates(rows, known)
        for method in SHIPPED:
            taken[method].append(seconds(partial(rerank, method, probe, candidates)))
        picture, others = record["image"], pictures_of(gallery, rows[:PIXEL_DEPTH])
        for method, measure in BY_PIXELS.items():
            taken[method].append(seconds(partial(pixel_order, measure, picture, others)))
    middle = {name: float(np.median(values)) for name, values in taken.items()}
    multiples = {method: round(middle[method] / middle["search"], 2) for method in (*SHIPPED, *BY_PIXELS)}
    return {"search_ms": round(1000 * middle["search"], 2), "searches": multiples, "gallery_once_s": round(once, 1)}


def seconds(call: Callable[[], Any]) -> float:
    """Of one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
