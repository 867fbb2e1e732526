"""Search for parts of paintings: details with known truth, beside a search for whole pictures and SIFT with RANSAC.

    python -m benchmarks.search.regions --data data/wikiart --weights mobilenetv2.safetensors \\
        > benchmarks/results/regions.json

Details of a fifth to three fifths of the sides are cropped from paintings of the gallery, enlarged and pasted on others
(`pasted`), photographed from the side with glare, blur and JPEG before that (`photographed`), or cropped from paintings
outside and pasted into paintings of the gallery (`inserted`). The query's box is the detail. The peers get only the
detail; the search for whole pictures gives no box, and is scored with that of the whole painting.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from operator import eq, le
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from datasets import Dataset
from PIL import Image, ImageOps

from artextract_hf.data.prepared import load_prepared, take_split
from artextract_hf.data.views.photograph import Visit, photograph
from artextract_hf.embedders.auto import AutoEmbedder
from artextract_hf.embedders.network import NetworkEmbedder
from artextract_hf.retrieval.box import WHOLE_PICTURE, Box
from artextract_hf.retrieval.index import PaintingIndex
from artextract_hf.retrieval.records import RecordTable
from artextract_hf.retrieval.regions.features import DIM
from artextract_hf.retrieval.regions.index import SIDE, RegionIndex
from artextract_hf.retrieval.regions.patches import Projection, quantize
from artextract_hf.retrieval.regions.store import RegionStore
from artextract_hf.retrieval.regions.templates import MIN_SIDE, crop
from artextract_hf.retrieval.rerank.spatial import spatial_scores
from artextract_hf.retrieval.vectors.scan import units
from artextract_hf.retrieval.vectors.store import VectorStore
from benchmarks.learning.embedders import untrained

KINDS = ("pasted", "photographed", "inserted")
SHARES = (0.2, 0.3, 0.4, 0.5, 0.6)  # of the painting's sides
CAMERA = 400  # pixels of the longer side of a photographed detail
K = 10
SIFT_GALLERY, SIFT_QUERIES, MIN_INLIERS = 200, 20, 6
TIMED = (2_000, 12_000)  # paintings
SEED = 0

Answer = list[tuple[str, Box]]


@dataclass(frozen=True)
class Query:
    """A picture, the detail in it, and where in which painting the detail is."""

    kind: str
    share: float
    picture: Image.Image
    box: Box
    id: str
    truth: Box


def main() -> None:
    """Make the queries, ask everybody, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="what `artextract prepare wikiart` wrote")
    parser.add_argument("--split", default="val")
    parser.add_argument("--weights", type=Path, help="ImageNet weights of MobileNetV2 in timm's key names")
    parser.add_argument("--gallery", type=int, default=2000)
    parser.add_argument("--queries", type=int, default=200, help="of each kind")
    args = parser.parse_args()
    paintings = take_split(load_prepared(args.data), args.split)
    gallery, queries = make_truth(paintings, args.gallery, args.queries)
    embedders = {
        "imagenet": untrained(args.weights),
        "byol": network("artextract/byol-paintings"),
        "default": network("default"),
    }
    report: dict[str, Any] = {"gallery": len(gallery), "queries_a_kind": args.queries, "seed": SEED}
    report |= {"torch": torch.__version__, "opencv": cv2.__version__, "embedders": {}}
    for name, embedder in embedders.items():
        report["embedders"][name] = measure(gallery, queries, embedder)
        print(name, json.dumps(report["embedders"][name]), file=sys.stderr, flush=True)
    report["milliseconds"] = timings(queries, embedders["byol"])
    report["sift"] = measure_sift(gallery, queries)
    print(json.dumps(report, indent=2))


def network(name: str) -> NetworkEmbedder:
    """An embedder that gives maps."""
    embedder = AutoEmbedder.from_pretrained(name)
    assert isinstance(embedder, NetworkEmbedder)
    return embedder


def make_truth(paintings: Dataset, size: int, count: int) -> tuple[Dataset, list[Query]]:
    """The gallery, `count` of it with a strange detail inserted, and the queries: `count` of each kind."""
    rng = np.random.default_rng(SEED)
    order = rng.permutation(len(paintings))
    inside, outside = np.sort(order[:size]), order[size:]
    gallery = [paintings[int(row)] for row in inside]
    queries = []
    for number, host in enumerate(rng.permutation(size)):
        if number == 3 * count:
            break
        stranger = paintings[int(outside[number % len(outside)])]["image"]
        kind, share = KINDS[number % 3], SHARES[number // 3 % len(SHARES)]
        record = gallery[host]
        if kind == "inserted":
            box = detail_box(stranger, rng.uniform(0.3, 0.7), rng)
            record["image"], truth = insert(stranger, box, record["image"], share, rng)
            picture, place = stranger, box
        else:
            box = detail_box(record["image"], share, rng)
            detail = enlarge(crop(record["image"], box), kind, rng)
            picture, place = paste(detail, stranger, rng)
            truth = box
        queries.append(Query(kind, share, picture, place, record["id"], truth))
    return Dataset.from_list(gallery, features=paintings.features), queries


def detail_box(picture: Image.Image, share: float, rng: np.random.Generator) -> Box:
    """A box of about this share of both sides, anywhere in the picture, whole pixels."""
    stretch = rng.uniform(0.8, 1.25)
    width = round(min(share * stretch, 1) * picture.width)
    height = round(min(share / stretch, 1) * picture.height)
    left, top = rng.integers(picture.width - width + 1), rng.integers(picture.height - height + 1)
    return Box.from_pixels(int(left), int(top), max(width, MIN_SIDE), max(height, MIN_SIDE), picture.size)


def enlarge(detail: Image.Image, kind: str, rng: np.random.Generator) -> Image.Image:
    """One to three times as large, or as a camera sees it that is held to the detail, without frame and wall."""
    if kind == "pasted":
        return ImageOps.scale(detail, rng.uniform(1, 3), Image.Resampling.BICUBIC)
    close = ImageOps.contain(detail, (CAMERA, CAMERA), Image.Resampling.BICUBIC)
    return photograph(close, rng, replace(Visit.random(rng), frame=0.0, wall=0.0))


def paste(detail: Image.Image, stranger: Image.Image, rng: np.random.Generator) -> tuple[Image.Image, Box]:
    """The detail at a random place on another painting of twice its sides, and its box."""
    canvas = ImageOps.fit(stranger, (2 * detail.width, 2 * detail.height))
    left, top = int(rng.integers(detail.width)), int(rng.integers(detail.height))
    canvas.paste(detail, (left, top))
    return canvas, Box.from_pixels(left, top, *detail.size, size=canvas.size)


def insert(
    stranger: Image.Image, box: Box, host: Image.Image, share: float, rng: np.random.Generator
) -> tuple[Image.Image, Box]:
    """The host with the detail of a stranger pasted in, and where."""
    bounds = (max(8, round(share * host.width)), max(8, round(share * host.height)))
    detail = ImageOps.contain(crop(stranger, box), bounds, Image.Resampling.BICUBIC)
    left = int(rng.integers(host.width - detail.width + 1))
    top = int(rng.integers(host.height - detail.height + 1))
    changed = host.copy()
    changed.paste(detail, (left, top))
    return changed, Box.from_pixels(left, top, *detail.size, size=host.size)


def overlap(first: Box, second: Box) -> float:
    """Intersection over union."""
    width = max(0.0, min(first.right, second.right) - max(first.left, second.left))
    height = max(0.0, min(first.bottom, second.bottom) - max(first.top, second.top))
    common = width * height
    return common / (first.width * first.height + second.width * second.height - common)


def score(queries: Sequence[Query], answers: Sequence[Answer]) -> dict[str, Any]:
    """By kind, over all shares and by each: recall of the painting, and overlap of its box, 0 where it is not found."""
    rows = []
    for query, answer in zip(queries, answers, strict=True):
        rank = next((i for i, (id_, _) in enumerate(answer) if id_ == query.id), None)
        rows.append((rank, 0.0 if rank is None else overlap(answer[rank][1], query.truth)))

    def summary(kind: str, fits: Callable[[float], bool]) -> dict[str, float]:
        chosen = [query.kind == kind and fits(query.share) for query in queries]
        mine = [row for row, taken in zip(rows, chosen, strict=True) if taken]
        return {
            "queries": len(mine),
            "recall@1": round(statistics.mean(float(rank == 0) for rank, _ in mine), 3),
            "recall@10": round(statistics.mean(float(rank is not None) for rank, _ in mine), 3),
            "mean_iou": round(statistics.mean(iou for _, iou in mine), 3),
            "iou_of_found": round(statistics.mean([iou for rank, iou in mine if rank is not None] or [0.0]), 3),
            "iou>=0.5": round(statistics.mean(float(iou >= 0.5) for _, iou in mine), 3),
        }

    found: dict[str, Any] = {}
    for kind in KINDS:
        found[kind] = {"share>=0.3": summary(kind, partial(le, 0.3))}
        for share in SHARES:
            found[kind][str(share)] = summary(kind, partial(eq, share))
    return found


def measure(gallery: Dataset, queries: Sequence[Query], embedder: NetworkEmbedder) -> dict[str, Any]:
    """Regions beside whole pictures, with the same embedder."""
    start = time.perf_counter()
    regions = RegionIndex.build(gallery, embedder)
    seconds = time.perf_counter() - start
    whole = PaintingIndex.build(gallery, embedder)
    hits = [regions.search(query.picture, K, box=query.box) for query in queries]
    details = [crop(query.picture, query.box) for query in queries]
    flat = [[(hit.id, WHOLE_PICTURE) for hit in found] for found in whole.search_many(details, K)]
    return {
        "bytes_a_painting": regions.describe()["bytes_per_painting"],
        "seconds_to_build": round(seconds, 1),
        "regions": score(queries, [[(hit.id, hit.box) for hit in found] for found in hits]),
        "whole_pictures": score(queries, flat),
        "whole_pictures_verified": score(queries, verified(gallery, whole, details, embedder)),
    }


def verified(
    gallery: Dataset, whole: PaintingIndex, details: Sequence[Image.Image], embedder: NetworkEmbedder, depth: int = 50
) -> list[Answer]:
    """The search for whole pictures, its best `depth` ordered by their spatial score."""
    maps = embedder.maps(gallery["image"])
    row = {id_: i for i, id_ in enumerate(gallery["id"])}
    answers = []
    for detail, found in zip(details, whole.search_many(details, depth), strict=True):
        agreement = spatial_scores(embedder.maps([detail])[0], maps[[row[hit.id] for hit in found]])
        best = np.argsort(-agreement, kind="stable")[:K]
        answers.append([(found[i].id, WHOLE_PICTURE) for i in best])
    return answers


def timings(queries: Sequence[Query], embedder: NetworkEmbedder, repeats: int = 9) -> dict[str, Any]:
    """Median milliseconds of a query, the two searches taking turns, over random vectors and patches."""
    rng = np.random.default_rng(SEED)
    channels, cells = embedder.maps([queries[0].picture], side=SIDE).shape[1:3]
    projection = Projection(np.zeros(channels, np.float32), rng.normal(size=(channels, DIM)).astype(np.float32))
    found = {}
    for count in TIMED:
        parts = [units(rng.standard_normal((500, cells, cells, DIM), np.float32)) for _ in range(count // 500)]
        store = RegionStore.build(np.concatenate([quantize(p) for p in parts]), np.ones((count, 2)), projection)
        records = RecordTable.from_rows([{"id": str(i)} for i in range(count)])
        name, fingerprint = embedder.name, embedder.fingerprint
        regions = RegionIndex(store, records, side=SIDE, embedder=embedder, embedder_name=name, fingerprint=fingerprint)
        vectors = VectorStore.build(units(rng.normal(size=(count, embedder.dim))).astype(np.float32))
        whole = PaintingIndex(vectors, records, embedder=embedder, embedder_name=name, fingerprint=fingerprint)
        times: dict[str, list[float]] = {"regions": [], "whole": []}
        for query in queries[: repeats + 1]:
            start = time.perf_counter()
            regions.search(query.picture, K, box=query.box)
            middle = time.perf_counter()
            whole.search(crop(query.picture, query.box), K)
            times["regions"].append(1000 * (middle - start))
            times["whole"].append(1000 * (time.perf_counter() - middle))
        medians = {searched: round(statistics.median(values[1:]), 1) for searched, values in times.items()}
        found[str(count)] = medians | {"ratio": round(medians["regions"] / medians["whole"], 2)}
    return found


def measure_sift(gallery: Dataset, queries: Sequence[Query]) -> dict[str, Any]:
    """SIFT, the ratio test and RANSAC for a similarity (OpenCV), in a part of the gallery that holds the answers."""
    some = [query for kind in KINDS for query in [q for q in queries if q.kind == kind][:SIFT_QUERIES]]
    wanted = {query.id for query in some}
    order = sorted(range(len(gallery)), key=lambda row: gallery[row]["id"] not in wanted)
    paintings = [gallery[row] for row in order[:SIFT_GALLERY]]
    sift = cv2.SIFT.create(1000)
    known = [(record["id"], *sift_features(sift, record["image"])) for record in paintings]
    start = time.perf_counter()
    answers = []
    for query in some:
        detail = sift_features(sift, crop(query.picture, query.box))
        found = [(id_, *sift_match(detail, other)) for id_, *other in known]
        best = sorted(found, key=lambda item: -item[1])[:K]
        answers.append([(id_, box) for id_, inliers, box in best if inliers])
    milliseconds = 1000 * (time.perf_counter() - start) / len(some)
    return {"gallery": len(known), "milliseconds": round(milliseconds, 1), "regions": score(some, answers)}


def sift_features(sift: Any, picture: Image.Image) -> tuple[np.ndarray, np.ndarray, tuple[int, int]]:
    """Points (P, 2), descriptors (P, 128) and size of a picture whose longer side is made SIDE pixels."""
    scaled = ImageOps.contain(picture, (SIDE, SIDE), Image.Resampling.BICUBIC)
    points, descriptors = sift.detectAndCompute(np.asarray(scaled.convert("L")), None)
    places = np.array([point.pt for point in points], dtype=np.float32).reshape(-1, 2)
    return places, np.zeros((0, 128), np.float32) if descriptors is None else descriptors, scaled.size


def sift_match(detail: Sequence[Any], painting: Sequence[Any]) -> tuple[int, Box]:
    """How many matches agree on one similarity, and where it puts the detail; 0 where fewer than MIN_INLIERS do."""
    nowhere = 0, WHOLE_PICTURE
    if min(len(detail[0]), len(painting[0])) < 2:
        return nowhere
    pairs = cv2.BFMatcher().knnMatch(detail[1], painting[1], k=2)
    good = [first for first, second in pairs if first.distance < 0.75 * second.distance]  # Lowe 2004, section 7.1
    if len(good) < MIN_INLIERS:
        return nowhere
    here, there = detail[0][[m.queryIdx for m in good]], painting[0][[m.trainIdx for m in good]]
    transform, inliers = cv2.estimateAffinePartial2D(here, there, method=cv2.RANSAC, ransacReprojThreshold=5)
    if transform is None or inliers.sum() < MIN_INLIERS:
        return nowhere
    (width, height), size = detail[2], np.array(painting[2])
    corners = np.array([[0, 0, 1], [width, 0, 1], [width, height, 1], [0, height, 1]]) @ transform.T / size
    (left, top), (right, bottom) = np.clip(corners.min(axis=0), 0, 1), np.clip(corners.max(axis=0), 0, 1)
    return int(inliers.sum()), Box.from_edges(float(left), float(top), float(right), float(bottom))


if __name__ == "__main__":
    main()
