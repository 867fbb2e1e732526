"""Search by face: how many faces are found, how exact the poses of heads are, how good searches by pose and look are.

    python -m benchmarks.search.faces --data PREPARED --detector yunet.onnx > benchmarks/results/faces.json

`PREPARED` is what `artextract prepare` writes; paintings are drawn from its split `val`. Rendered heads have a known
pose; of real portraits it is only known that a mirrored one has the mirrored pose, and a turned one the turn's roll.
The detector refines landmarks in a mirror image too, so `mirrored` shows only what that leaves; `turned` is harder.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from PIL import Image, ImageOps

from artextract_hf.data.prepared import load_prepared, take_split
from artextract_hf.data.schema import class_names, new_record, painting_features
from artextract_hf.embedders.auto import AutoEmbedder
from artextract_hf.embedders.descriptors import PaletteEmbedder
from artextract_hf.retrieval.faces.detection import Face, FaceDetector, align_face
from artextract_hf.retrieval.faces.head_pose import HEAD, HeadPose, fit_angles, project
from artextract_hf.retrieval.faces.index import FaceIndex
from tests.retrieval.faces.rendered_heads import render_head

NEAR, GAIN_ENDS = 15, 45  # degrees: a hit is right, and the gain of nDCG falls from 1 to 0
TURN = 20  # degrees a portrait is turned by
SURE = 0.8  # least score of the faces whose poses are compared
YAWS = (0, 15, 30, 45, 60)
HEADS, QUERIES = 300, 60  # rendered heads in the index, and to search with


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="prepared folder")
    parser.add_argument("--detector", type=Path, required=True, help="YuNet's ONNX file")
    parser.add_argument("--pictures", type=int, default=300, help="of each genre")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    detector = FaceDetector(args.detector)
    val = take_split(load_prepared(args.data), "val")
    portraits, landscapes = (sample(val, genre, args.pictures, rng) for genre in ("portrait", "landscape"))
    found = [(picture, faces[0]) for picture in portraits if (faces := detector.detect(picture))]
    sure = [(picture, face) for picture, face in found if face.score >= SURE]
    report = {
        "detected": {
            "portraits": [len(found), len(portraits)],
            "landscapes": [sum(bool(detector.detect(picture)) for picture in landscapes), len(landscapes)],
        },
        "landmarks": landmark_errors(rng),
        "rendered": rendered_errors(detector),
        "mirrored": mirrored(detector, sure),
        "turned": turned(detector, sure),
        "pose_search": pose_search(detector, rng),
        "look_search": look_search(detector, sure),
    }
    print(json.dumps({"seed": args.seed, **report}, indent=2))


def sample(dataset: Dataset, genre: str, count: int, rng: np.random.Generator) -> list[Image.Image]:
    """Pictures of a genre."""
    rows = np.flatnonzero(np.array(dataset["genre"]) == class_names(dataset, "genre").index(genre))
    return dataset.select(np.sort(rng.permutation(rows)[:count]))["image"][:]


def landmark_errors(rng: np.random.Generator, noise: float = 0.03, rounds: int = 300) -> dict[str, Any]:
    """Mean error in degrees of poses fitted to projected landmarks, with noise a share of the pupils' distance."""
    errors: dict[str, Any] = {"noise": noise}
    for yaw in YAWS:
        missed = []
        for _ in range(rounds):
            pose = np.radians([yaw, rng.uniform(-20, 20), rng.uniform(-20, 20)])
            seen = project(*pose) + rng.normal(0, noise * (HEAD[1, 0] - HEAD[0, 0]), HEAD[:, :2].shape)
            missed.append(np.degrees(fit_angles(seen) - pose))
        errors[f"yaw {yaw}"] = angles(np.abs(missed).mean(axis=0))
    return errors


def rendered_errors(detector: FaceDetector) -> dict[str, Any]:
    """Of rendered heads from pixels to pose: how many of how many are found, and the mean error of the angles."""
    cases = [(f"yaw {yaw}", sign * yaw, 0) for yaw in YAWS for sign in (-1, 1)]
    cases += [(f"pitch {pitch}", yaw, pitch) for pitch in (-20, -10, 10, 20) for yaw in (-30, 0, 30)]
    missed: dict[str, list[np.ndarray]] = {name: [] for name, _, _ in cases}
    asked = dict.fromkeys(missed, 0)
    for name, yaw, pitch in cases:
        for seed, roll in enumerate((-15, 0, 15)):
            asked[name] += 1
            if faces := detector.detect(render_head(HeadPose(yaw, pitch, roll), seed=seed)):
                missed[name].append(np.abs(np.subtract(tuple(vars(faces[0].pose).values()), (yaw, pitch, roll))))
    return {
        name: {"found": [len(errors), asked[name]]} | angles(np.mean(errors, axis=0)) for name, errors in missed.items()
    }


def mirrored(detector: FaceDetector, portraits: list[tuple[Image.Image, Face]]) -> dict[str, Any]:
    """How far the pose of a mirrored portrait is from the mirrored pose, in degrees."""
    missed, sides = [], []
    for picture, face in portraits:
        if faces := detector.detect(ImageOps.mirror(picture)):
            expected, seen = face.pose.mirrored(), faces[0].pose
            missed.append([abs(v - w) for v, w in zip(vars(expected).values(), vars(seen).values(), strict=True)])
            if abs(expected.yaw) > NEAR:
                sides.append(np.sign(expected.yaw) == np.sign(seen.yaw))
    return {
        "portraits": len(portraits),
        "found_again": len(missed),
        "mean": angles(np.mean(missed, axis=0)),
        "median": angles(np.median(missed, axis=0)),
        "looks_the_other_way": round(float(np.mean(sides)), 3),
    }


def turned(detector: FaceDetector, portraits: list[tuple[Image.Image, Face]]) -> dict[str, Any]:
    """By how much roll changes where a portrait is turned clockwise by TURN degrees."""
    changes = []
    for picture, face in portraits:
        if faces := detector.detect(picture.rotate(-TURN, resample=Image.Resampling.BICUBIC)):
            changes.append(faces[0].pose.roll - face.pose.roll)
    error = np.abs(np.array(changes) - TURN)
    return {"found_again": len(changes), "median_roll": round(float(np.median(changes)), 1)} | {
        "mean_error": round(float(error.mean()), 1),
        "median_error": round(float(np.median(error)), 1),
    }


def pose_search(detector: FaceDetector, rng: np.random.Generator) -> dict[str, Any]:
    """Rendered heads as queries for other rendered heads: precision and nDCG of the first ten by the true poses."""
    poses = [random_pose(rng) for _ in range(HEADS + QUERIES)]
    pictures = [render_head(pose, head=rng.uniform(0.35, 0.55), seed=row) for row, pose in enumerate(poses)]
    records = [new_record(id=str(row), image=picture) for row, picture in enumerate(pictures[:HEADS])]
    index = FaceIndex.build(Dataset.from_list(records, features=painting_features()), PaletteEmbedder(), detector)
    figures: dict[str, list[float]] = {"p@10": [], "ndcg@10": [], "random_p@10": [], "random_ndcg@10": []}
    for picture, pose in zip(pictures[HEADS:], poses[HEADS:], strict=True):
        degrees = np.array([pose.angle_to(other) for other in poses[:HEADS]])
        hits = [int(hit.painting) for hit in index.search(picture, k=10, by="pose")]
        for prefix, rows in (("", hits), ("random_", rng.permutation(HEADS)[:10])):
            figures[f"{prefix}p@10"].append(float((degrees[rows] <= NEAR).mean()))
            figures[f"{prefix}ndcg@10"].append(ndcg(np.clip(1 - degrees / GAIN_ENDS, 0, 1), np.array(rows)))
    best = [min(1.0, sum(p.angle_to(q) <= NEAR for q in poses[:HEADS]) / 10) for p in poses[HEADS:]]
    means = {name: round(float(np.mean(values)), 3) for name, values in figures.items()}
    return {"heads": len(index), "queries": QUERIES, **means, "best_p@10": round(float(np.mean(best)), 3)}


def look_search(detector: FaceDetector, portraits: list[tuple[Image.Image, Face]]) -> dict[str, Any]:
    """Faces of turned portraits as queries, faces of the upright portraits as gallery: the same face should come first.

    The peer crops the rectangle of the face and aligns nothing.
    """
    embedder = AutoEmbedder.from_pretrained("artextract/byol-paintings")
    again = [
        (picture, face, copy, faces[0])
        for picture, face in portraits
        if (faces := detector.detect(copy := picture.rotate(-TURN, resample=Image.Resampling.BICUBIC)))
    ]
    recall = {}
    for name, crop in (("aligned", lambda p, f: align_face(p, f.landmarks)), ("box", lambda p, f: p.crop(f.edges))):
        gallery = embedder.embed([crop(picture, face) for picture, face, _, _ in again])
        queries = embedder.embed([crop(copy, face) for _, _, copy, face in again])
        right = (queries @ gallery.T).argmax(axis=1) == np.arange(len(again))
        recall[name] = round(float(right.mean()), 3)
    return {"faces": len(again), "embedder": embedder.name, "recall@1": recall}


def random_pose(rng: np.random.Generator) -> HeadPose:
    """As heads are held in portraits."""
    return HeadPose(*(float(rng.uniform(-limit, limit)) for limit in (60, 15, 20)))


def ndcg(gains: np.ndarray, rows: np.ndarray) -> float:
    """Of the rows given first, against the best order of all gains (Jarvelin and Kekalainen 2002)."""
    discount = 1 / np.log2(np.arange(2, len(rows) + 2))
    return float(gains[rows] @ discount / (np.sort(gains)[::-1][: len(rows)] @ discount))


def angles(values: np.ndarray) -> dict[str, float]:
    """Three angles by name, rounded."""
    return dict(zip(("yaw", "pitch", "roll"), values.round(1).tolist(), strict=True))


if __name__ == "__main__":
    main()
