"""Pictures of one work in one hit: what tells them, the embedding or the pixels, and what a folded search costs.

    python -m benchmarks.search.versions --pictures FOLDER --embedder artextract/byol-paintings \\
        > benchmarks/results/versions.json

Every painting of the folder is twice in an index: as it is, and changed in one of the ways of PLANTED. A fold is
right if it joins a painting to its own changed picture.
"""

import argparse
import json
import statistics
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset, Features, Image, Value

from artextract_hf.data.decode import decode_image
from artextract_hf.embedders.auto import AutoEmbedder
from artextract_hf.retrieval.index import PaintingIndex
from tests.data.test_duplicates import PLANTED

K = 10
SIDE = 480  # of the pictures, long side, pixels


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=Path, required=True, help="folder of real paintings")
    parser.add_argument("--embedder", default="default")
    parser.add_argument("--backend", default="torch")
    args = parser.parse_args()
    files = sorted(path for path in args.pictures.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    index = PaintingIndex.build(planted(files), AutoEmbedder.from_pretrained(args.embedder, args.backend))
    report = {"embedder": args.embedder, "paintings": len(files), "cosine": cosines(index.vectors(), len(files))}
    print(json.dumps(report | folds(index, len(files)), indent=2))


def planted(files: list[Path]) -> Dataset:
    """The paintings, and then each of them changed."""
    kinds = list(PLANTED)
    rows: list[dict[str, Any]] = []
    for number, file in enumerate(files):
        picture = decode_image(file, min_side=SIDE)
        picture.thumbnail((SIDE, SIDE))
        rows.append({"id": f"{number}", "image": picture})
    for number, row in enumerate(rows[: len(files)]):
        kind = kinds[number % len(kinds)]
        rows.append({"id": f"{number}?{kind}", "image": decode_image(np.asarray(PLANTED[kind](row["image"].copy())))})
    return Dataset.from_list(rows, features=Features({"id": Value("string"), "image": Image(mode="RGB")}))


def cosines(vectors: np.ndarray, count: int) -> dict[str, Any]:
    """Of each painting and its changed picture, and of each painting and the nearest other one."""
    originals, changed = vectors[:count], vectors[count:]
    own = (originals * changed).sum(axis=1)
    others = originals @ originals.T
    np.fill_diagonal(others, -1)
    best = max(np.unique(own), key=lambda bound: (own >= bound).mean() + (others.max(axis=1) < bound).mean())
    return {
        "own_changed_picture": [round(float(q), 3) for q in np.quantile(own, [0, 0.05, 0.5])],
        "nearest_other_work": [round(float(q), 3) for q in np.quantile(others.max(axis=1), [0.5, 0.95, 1])],
        "best_bound": round(float(best), 3),
        "its_recall": round(float((own >= best).mean()), 3),
        "works_it_would_join_to_another": round(float((others.max(axis=1) >= best).mean()), 3),
    }


def folds(index: PaintingIndex, count: int) -> dict[str, Any]:
    """Right and wrong folds of a search for each painting, by the pixels, and the time."""
    right, asked, wrong, hits = Counter[str](), Counter[str](), 0, 0
    plain, folded = [], []
    kinds = {id_.split("?")[0]: id_.split("?")[1] for id_ in index.ids[count:]}
    for vector, id_ in zip(index.vectors()[:count], index.ids[:count], strict=True):
        start = time.perf_counter()
        index.search(vector, k=K)
        middle = time.perf_counter()
        found = index.search(vector, k=K, fold=True)
        plain.append(middle - start)
        folded.append(time.perf_counter() - middle)
        asked[kinds[id_]] += 1
        right[kinds[id_]] += f"{id_}?{kinds[id_]}" in found[0].versions
        wrong += sum(version.split("?")[0] != hit.id.split("?")[0] for hit in found for version in hit.versions)
        hits += len(found)
    return {
        "folded_right": {kind: round(right[kind] / asked[kind], 3) for kind in PLANTED},
        "folded_right_of_all": round(right.total() / asked.total(), 3),
        "folded_wrong": wrong,
        "hits": hits,
        "ms": {"plain": ms(plain), "folded": ms(folded)},
    }


def ms(seconds: list[float]) -> float:
    """Median milliseconds."""
    return round(1000 * statistics.median(seconds), 2)


if __name__ == "__main__":
    main()
