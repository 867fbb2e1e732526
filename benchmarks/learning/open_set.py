"""How well scores tell what is no painting, and what is by none of the artists that a classifier knows.

    python -m benchmarks.learning.open_set --data data/joint --museum MUSEUM --pictures photographs=IMAGENET \\
        --pictures "other photographs=BSDS" --pictures "printers' marks=DPD" --artists runs/joint/best \\
        > benchmarks/results/open_set.json

Not a painting: the embedded classifier's first network looks at paintings that it learnt from (of `--data`), at those
of a museum, which it did not, and at other pictures: folders that are given, and kinds that are drawn here. A score is
fitted on the learnt paintings alone (`an unseen museum`), or on four fifths of the museum's too (`a museum that it
knows`), and tells the museum's other works from the other pictures. The pictures of the figures kept here:
github.com/EliSchwartz/imagenet-sample-images (research only), github.com/BIDS/BSDS500 (research only), and
github.com/epoz/DPD (MIT): woodcuts and engravings of printers, 15th to 18th century.

Unknown artists: a classifier that learnt from the train list of `--data` only looks at works of its val list, by
artists with a class and without. Where a score learns from works of the latter, it is tried on others of them than it
learnt from. The embedded classifier, with its companions, has the museum's works: by artists that it knows, and others.
"""

import argparse
import json
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from PIL.Image import Image
from scipy.special import logsumexp, softmax
from sklearn.covariance import LedoitWolf
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from artextract_hf import load_classifier, load_collection
from artextract_hf.data.prepared import load_prepared, take_split
from artextract_hf.data.schema import labels_for
from artextract_hf.data.synthetic import synthetic_paintings
from artextract_hf.evaluation.predict import known_labels, predict
from artextract_hf.evaluation.uncertainty.open_set import FOLDS, distances, fit_typical, held_out_distances, separation
from benchmarks.learning.no_paintings import KINDS, drawn

LEARNT, OTHERS, DRAWN, WORKS = 800, 200, 50, 500  # pictures at most, drawn by the seed
SEED = 0
NEIGHBOURS = 5
BATCH = 16

Arrays = dict[str, np.ndarray]


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="the joint split, as `artextract prepare` wrote it")
    parser.add_argument("--museum", required=True, help="what `load_collection` takes")
    parser.add_argument("--pictures", action="append", required=True, metavar="KIND=FOLDER")
    parser.add_argument(
        "--artists", required=True, metavar="MODEL", help="a classifier that did not learn the val list"
    )
    args = parser.parse_args()
    torch.set_num_threads(1)
    splits, museum = load_prepared(args.data), load_collection(args.museum)
    given = dict(pair.split("=", 1) for pair in args.pictures)
    figures = {
        "seed": SEED,
        "not a painting": not_paintings(take_split(splits, "train"), museum, given),
        "unknown artists": {
            "val list": unknown_artists(args.artists, take_split(splits, "train"), take_split(splits, "val")),
            "museum": unknown_in_museum(museum),
        },
        "torch": torch.__version__,
    }
    print(json.dumps(figures, indent=2))


def not_paintings(learnt: Dataset, museum: Dataset, given: dict[str, str]) -> dict[str, Any]:
    """Figures by what the score was fitted on, by score, by kind of picture."""
    model, processor = load_classifier()
    first = model.without_companions().eval()
    paintings = looks(first, processor, pictures_of(learnt, LEARNT))
    works = looks(first, processor, pictures_of(museum, len(museum)))
    others = {kind: looks(first, processor, pictures_of(load_collection(path), OTHERS)) for kind, path in given.items()}
    others |= {kind: looks(first, processor, drawn(kind, DRAWN)) for kind in KINDS}
    others["procedural paintings"] = looks(first, processor, pictures_of(synthetic_paintings(DRAWN), DRAWN))
    unseen = unseen_scores(paintings)
    found = {
        name: {kind: separation(score(works), score(pictures)) for kind, pictures in others.items()}
        for name, score in unseen.items()
    }
    inside = held_out_distances(paintings["statistics"], works["statistics"])
    typical = fit_typical(np.concatenate([paintings["statistics"], works["statistics"]]))
    known = {kind: separation(inside, distances(typical, p["statistics"])) for kind, p in others.items()}
    return {"works": len(inside), "an unseen museum": found, "a museum that it knows": {"distance": known}}


def unseen_scores(paintings: Arrays) -> dict[str, Any]:
    """Scores of pictures by name, higher for what is less like these paintings; `distance` is the one in use."""
    typical, embeddings = fit_typical(paintings["statistics"]), paintings["embeddings"]
    gaussian, rows = LedoitWolf().fit(embeddings), units(embeddings)
    own = neighbour_distances(rows, rows, skip=1)
    residual = np.linalg.eigh(np.cov(embeddings.T))[1][:, :-256]

    def density(p: Arrays) -> np.ndarray:
        cosines = units(p["embeddings"]) @ rows.T
        nearest = np.argsort(-cosines, axis=1)[:, :NEIGHBOURS]
        return (1 - np.take_along_axis(cosines, nearest, 1)).mean(axis=1) / own[nearest].mean(axis=1)

    return {
        "distance": lambda p: distances(typical, p["statistics"]),
        "Mahalanobis, embedding": lambda p: gaussian.mahalanobis(p["embeddings"]),
        "nearest paintings, embedding": lambda p: neighbour_distances(units(p["embeddings"]), rows),
        "the same over their own density": density,
        "ViM residual, embedding": lambda p: np.linalg.norm((p["embeddings"] - embeddings.mean(0)) @ residual, axis=1),
        "largest style logit": lambda p: -p["style"].max(axis=1),
        "energy, style": lambda p: -logsumexp(p["style"], axis=1),
        "largest artist probability": lambda p: -softmax(p["artist"], axis=1).max(axis=1),
        "energy, artist": lambda p: -logsumexp(p["artist"], axis=1),
    }


def unknown_artists(name: str, train: Dataset, val: Dataset) -> dict[str, Any]:
    """Figures by score, on works of the val list by artists without a class."""
    model, processor = load_classifier(name)
    wanted = {"learnt": (train, True), "learnt others": (train, False), "inside": (val, True), "outside": (val, False)}
    sets, painters = {}, {}
    for key, (part, known) in wanted.items():
        rows = np.flatnonzero((np.array(part["artist"]) >= 0) == known)
        rows = np.random.default_rng(SEED).permutation(rows)[: 2 * WORKS if key == "learnt" else WORKS]
        works = part.select(rows)
        sets[key], painters[key] = looks(model, processor, works["image"]), np.array(works["artist_name"], dtype=str)
        sets[key]["class"] = known_labels(works, "artist", model.config.tasks["artist"])
    inside, outside = sets["inside"], sets["outside"]
    scores = {**logit_scores(), **class_scores(sets["learnt"])}
    found = {kind: separation(score(inside), score(outside)) for kind, score in scores.items()}
    right = float((inside["artist"].argmax(axis=1) == inside["class"]).mean())
    return {
        "works": len(inside["class"]),
        "accuracy": round(right, 3),
        "scores": found | supervised(sets, painters),
    }


def unknown_in_museum(museum: Dataset) -> dict[str, Any]:
    """Figures of the embedded classifier by score, on a museum's works by artists without a class."""
    model, processor = load_classifier()
    predicted = predict(model, processor, museum)
    known = labels_for(museum, "artist", model.config.tasks["artist"])[predicted.rows] >= 0
    inside, outside = ({"artist": predicted.logits["artist"][part]} for part in (known, ~known))
    found = {kind: separation(score(inside), score(outside)) for kind, score in logit_scores().items()}
    return {"works": int(known.sum()), "scores": found}


def logit_scores() -> dict[str, Any]:
    """Of the artist's logits, by name, higher for what is less sure."""
    return {
        "largest logit": lambda p: -p["artist"].max(axis=1),
        "largest probability": lambda p: -softmax(p["artist"], axis=1).max(axis=1),
        "energy": lambda p: -logsumexp(p["artist"], axis=1),
        "entropy": lambda p: -(softmax(p["artist"], axis=1) * np.log(softmax(p["artist"], axis=1) + 1e-12)).sum(axis=1),
        "lead of the first over the second": lambda p: -np.diff(np.sort(p["artist"], axis=1)[:, -2:], axis=1)[:, 0],
        "largest logit, standardised": lambda p: -(p["artist"].max(1) - p["artist"].mean(1)) / p["artist"].std(1),
    }


def class_scores(learnt: Arrays) -> dict[str, Any]:
    """Of the embedding, by how it lies to learnt works of the known artists."""
    rows, x, y = units(learnt["embeddings"]), learnt["embeddings"], learnt["class"]
    classes = np.unique(y)
    means = np.stack([x[y == c].mean(axis=0) for c in classes])
    within = LedoitWolf(assume_centered=True).fit(x - means[np.searchsorted(classes, y)])
    whole = LedoitWolf().fit(x)
    variances, axes = np.linalg.eigh(within.covariance_)
    white = axes / np.sqrt(variances)

    def to_class(p: Arrays) -> np.ndarray:
        squares = [(((p["embeddings"] - mean) @ white) ** 2).sum(axis=1) for mean in means]
        return np.min(squares, axis=0)

    return {
        "nearest learnt works": lambda p: neighbour_distances(units(p["embeddings"]), rows),
        "Mahalanobis, nearest class": to_class,
        "the same, relative": lambda p: to_class(p) - whole.mahalanobis(p["embeddings"]),
    }


def supervised(sets: dict[str, Arrays], painters: Arrays) -> dict[str, Any]:
    """Scores that learn from works by painters without a class, tried on such painters that they did not learn from."""
    names = np.unique(np.concatenate([painters["learnt others"], painters["outside"]]))
    fold = dict(
        zip(np.random.default_rng(SEED).permutation(names).tolist(), np.arange(len(names)) % FOLDS, strict=True)
    )
    folds = {key: np.array([fold[name] for name in painters[key].tolist()]) for key in ("learnt others", "outside")}
    x, others = sets["learnt"]["embeddings"], sets["learnt others"]["embeddings"]
    scale = StandardScaler().fit(x)
    found: dict[str, list[dict[str, Any]]] = {}
    for number in range(FOLDS):
        seen, tried = others[folds["learnt others"] != number], folds["outside"] == number
        y = np.repeat([0, 1], [len(x), len(seen)])
        probe = LogisticRegression(C=1e-3, max_iter=500, class_weight="balanced")
        probe.fit(scale.transform(np.concatenate([x, seen])), y)
        works = sets["inside"]["embeddings"], sets["outside"]["embeddings"][tried]
        linear = [probe.decision_function(scale.transform(w)) for w in works]
        nearer = [neighbour_distances(units(w), units(x)) - neighbour_distances(units(w), units(seen)) for w in works]
        for kind, (inside, outside) in {"linear probe": linear, "nearer to other painters": nearer}.items():
            found.setdefault(kind, []).append(separation(inside, outside))
    return {kind: mean_of(parts) for kind, parts in found.items()}


def mean_of(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """One figure of several folds."""
    means = {key: round(float(np.mean([part[key] for part in parts])), 3) for key in ("auroc", "fpr95")}
    return {"n": sum(part["n"] for part in parts), **means}


def pictures_of(paintings: Dataset, most: int) -> list[Image]:
    """The pictures of so many records, drawn by the seed."""
    return paintings.shuffle(seed=SEED).select(range(min(most, len(paintings))))["image"]


def looks(model: Any, processor: Any, pictures: Any) -> Arrays:
    """What a classifier's first network makes of pictures: `embeddings`, `statistics`, and logits by task."""
    parts: dict[str, list[np.ndarray]] = {}
    with torch.inference_mode():
        for start in range(0, len(pictures), BATCH):
            batch = [picture.convert("RGB") for picture in pictures[start : start + BATCH]]
            pixels = processor(images=batch, return_tensors="pt")["pixel_values"]
            output = model(pixels)
            values = {"embeddings": output.embeddings, "statistics": model.crnn.statistics(pixels)}
            for key, value in (values | dict(output.task_logits)).items():
                parts.setdefault(key, []).append(value.numpy())
    return {key: np.concatenate(values) for key, values in parts.items()}


def neighbour_distances(rows: np.ndarray, among: np.ndarray, *, skip: int = 0) -> np.ndarray:
    """1 - cosine, averaged over the NEIGHBOURS nearest of `among`, after the `skip` nearest."""
    nearest = -np.sort(-(rows @ among.T), axis=1)[:, skip : skip + NEIGHBOURS]
    return 1 - nearest.mean(axis=1)


def units(rows: np.ndarray) -> np.ndarray:
    """Each row at length 1."""
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


if __name__ == "__main__":
    main()
