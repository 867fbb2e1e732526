"""How honest an index is about its hits: do its probabilities hold, and does it notice a query that belongs nowhere?

    python -m benchmarks.search.similarity_calibration --data DIR --embedder artextract/byol-paintings \\
        --photos FOLDER --vectors FOLDER > benchmarks/results/similarity_calibration.json

The gallery is `train` of a prepared data set, the queries are `val`. The index is calibrated on the gallery only; its
probabilities are then compared with the queries' hits. The near-misses are drawn by rule, or are squares cut from
photographs. `--vectors` keeps train.npy and val.npy, which are computed where they are missing.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from datasets import Dataset
from PIL import Image
from sklearn.metrics import roc_auc_score

from artextract_hf.data.decode import decode_image
from artextract_hf.data.prepared import load_prepared, take_split
from artextract_hf.data.schema import SkipList
from artextract_hf.embedders.auto import AutoEmbedder
from artextract_hf.evaluation.embedder_report import embed_split, label_names
from artextract_hf.retrieval.calibration import DEPTH, Calibration, calibrate
from artextract_hf.retrieval.vectors.store import VectorStore

EACH = 150  # near-misses of each kind
SIDE = 224  # pixels
BINS = 15


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="prepared, with splits train and val")
    parser.add_argument("--embedder", required=True)
    parser.add_argument("--backend", default="torch")
    parser.add_argument("--photos", type=Path, required=True, help="folder of photographs that show no painting")
    parser.add_argument("--vectors", type=Path, required=True, help="folder of train.npy and val.npy")
    args = parser.parse_args()
    splits = load_prepared(args.data)
    gallery, queries = take_split(splits, "train"), take_split(splits, "val")
    embedder = AutoEmbedder.from_pretrained(args.embedder, args.backend)
    vectors, asked = (kept(args.vectors / f"{name}.npy", embedder, splits[name]) for name in ("train", "val"))
    store = VectorStore.build(vectors)
    calibration = calibrate(store, {name: labels(gallery, name) for name in ("artist", "style")})
    report: dict[str, Any] = {"embedder": args.embedder, "gallery": len(gallery), "queries": len(queries)}
    report["labels"] = {
        name: held_out(store, asked, labels(gallery, name), labels(queries, name), calibration, name)
        for name in calibration.curves
    }
    report["threshold"] = near_misses(store, asked, embedder, args.photos, calibration)
    print(json.dumps(report, indent=2))


def kept(path: Path, embedder: Any, paintings: Dataset) -> np.ndarray:
    """The vectors of a split, computed once."""
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, embed_split(embedder, paintings, SkipList())[0])
    return np.load(path)


def labels(paintings: Dataset, name: str) -> np.ndarray:
    """As an index reads them: the artist by name."""
    values = paintings["artist_name"] if name == "artist" else label_names(paintings, name, np.arange(len(paintings)))
    return np.array([value or None for value in values], dtype=object)


def held_out(
    store: VectorStore, asked: np.ndarray, known: np.ndarray, truth: np.ndarray, calibration: Calibration, name: str
) -> dict[str, Any]:
    """Error of the probabilities of all first ten hits, and of the first hit."""
    scores, rows = store.search(asked, DEPTH)
    usable = (truth != None)[:, None] & (known[rows] != None)  # noqa: E711 (elementwise)
    same = truth[:, None] == known[rows]
    stated = calibration.curves[name](scores)
    first = usable & (np.arange(DEPTH) == 0)
    return {
        "pairs": int(usable.sum()),
        "share": round(float(same[usable].mean()), 4),
        "ece": round(calibration_error(stated[usable], same[usable]), 4),
        "ece_first_hit": round(calibration_error(stated[first], same[first]), 4),
        "ece_of_the_cosine": round(calibration_error(scores[usable], same[usable]), 4),
        "brier": round(float(np.mean((stated - same)[usable] ** 2)), 4),
        "brier_of_the_share": round(float(same[usable].mean() * (1 - same[usable].mean())), 4),
        "stated_at_the_tenth_and_nine_tenths": [round(float(q), 4) for q in np.quantile(stated[usable], [0.1, 0.9])],
    }


def calibration_error(stated: np.ndarray, same: np.ndarray) -> float:
    """Expected calibration error over BINS bins of equal count (Nguyen and O'Connor 2015)."""
    parts = np.array_split(np.argsort(stated, kind="stable"), BINS)
    return float(sum(len(part) * abs(stated[part].mean() - same[part].mean()) for part in parts) / len(stated))


def near_misses(
    store: VectorStore, asked: np.ndarray, embedder: Any, photos: Path, calibration: Calibration
) -> dict[str, Any]:
    """How well the nearest painting's score tells a painting from what is none, and what the threshold lets pass."""
    rng = np.random.default_rng(0)
    paintings, _ = store.search(asked, DEPTH)
    threshold = float(calibration.threshold or 0)
    found: dict[str, Any] = {"score": round(threshold, 4), "paintings_kept": share(paintings[:, 0] >= threshold)}
    files = sorted(photos.iterdir())
    found["photographs"] = len(files)
    for kind, draw in {"photograph": photograph_of(files), **DRAWN}.items():
        scores, _ = store.search(embedder.embed([draw(rng) for _ in range(EACH)]), DEPTH)
        truth = np.repeat([1, 0], [len(paintings), len(scores)])
        found[kind] = {
            "auroc": round(roc_auc_score(truth, np.concatenate([paintings[:, 0], scores[:, 0]])), 4),
            "auroc_of_the_mean_of_ten": round(
                roc_auc_score(truth, np.concatenate([paintings.mean(axis=1), scores.mean(axis=1)])), 4
            ),
            "refused": share(scores[:, 0] < threshold),
        }
    return found


def share(mask: np.ndarray) -> float:
    """Of the true ones."""
    return round(float(mask.mean()), 4)


def photograph_of(files: list[Path]) -> Callable[[np.random.Generator], Image.Image]:
    """Draws a square of a third to all of the shorter side of one of these photographs."""
    pictures = [decode_image(file) for file in files]

    def draw(rng: np.random.Generator) -> Image.Image:
        picture = pictures[int(rng.integers(len(pictures)))]
        side = int(min(picture.size) * rng.uniform(0.34, 1))
        left, top = (int(rng.integers(length - side + 1)) for length in picture.size)
        return picture.crop((left, top, left + side, top + side)).resize((SIDE, SIDE))

    return draw


def noise(rng: np.random.Generator) -> Image.Image:
    """Of every pixel by itself."""
    return Image.fromarray(rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8))


def clouds(rng: np.random.Generator) -> Image.Image:
    """Soft colour without a form."""
    return Image.fromarray(cv2.resize(rng.integers(0, 256, (7, 7, 3), dtype=np.uint8), (SIDE, SIDE)))


def page(rng: np.random.Generator) -> Image.Image:
    """A page of print."""
    paper = np.full((SIDE, SIDE, 3), int(rng.integers(225, 256)), np.uint8)
    for top in range(16, SIDE, int(rng.integers(12, 22))):
        text = "".join(chr(int(c)) for c in rng.integers(97, 123, 30))
        cv2.putText(paper, text, (8, top), cv2.FONT_HERSHEY_SIMPLEX, rng.uniform(0.3, 0.5), (20, 20, 20), 1)
    return Image.fromarray(paper)


def chart(rng: np.random.Generator) -> Image.Image:
    """Bars and a line on white."""
    paper = np.full((SIDE, SIDE, 3), 255, np.uint8)
    heights = rng.integers(20, SIDE - 30, 8)
    colour = tuple(int(c) for c in rng.integers(0, 256, 3))
    for i, height in enumerate(heights):
        cv2.rectangle(paper, (20 + 24 * i, SIDE - 15 - int(height)), (36 + 24 * i, SIDE - 15), colour, -1)
    line = np.stack([28 + 24 * np.arange(8), rng.integers(20, SIDE - 20, 8)], axis=1).astype(np.int32)
    cv2.polylines(paper, [line], False, (30, 30, 30), 2)
    return Image.fromarray(paper)


DRAWN = {"noise": noise, "clouds": clouds, "page of print": page, "chart": chart}


if __name__ == "__main__":
    main()
