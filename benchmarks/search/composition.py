"""Search by composition, beside a network's search and a colour histogram: does it find the same layout or the colours?

    python -m benchmarks.search.composition --pictures FOLDER > benchmarks/results/composition.json

Procedural paintings: every scene is painted three times, each time with other colours and another brush. One painting
is the query, and the two others of its scene are right. `all_looks` is the hard case: the gallery also has other scenes
in the query's own colours or brush, and every painting's mirror image, the query's own included, which comes first for
whatever does not distinguish left from right. `other_looks` is the easy one: only paintings of other colours and
another brush than the query's are in the gallery, so that neither misleads. `chance` is the precision of two at random.

Real paintings of the folder: the query is a recoloured copy of a painting, or a copy with up to 8 % cut off on each
side; the original should come first.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageOps

from artextract_hf.data.decode import decode_image
from artextract_hf.data.synthetic import COMPOSITIONS, PALETTES, TEXTURES, PaintingSpec, Pose, paint
from artextract_hf.embedders.auto import AutoEmbedder
from artextract_hf.embedders.descriptors import CompositionEmbedder, Descriptor, PaletteEmbedder
from artextract_hf.embedders.network import NetworkEmbedder
from artextract_hf.embedders.protocol import Embedder

LOOKS = 3  # of every scene
SHOWN = 256  # pixels, long side of the real paintings


class ColorHistogram:
    """A peer that depends only on colours: 8 x 8 x 8 bins of RGB."""

    dim, name, fingerprint = 512, "histogram", "rgb-8"

    def embed(self, images: Sequence[Any], batch_size: int = 32) -> np.ndarray:
        """(N, 512) float32, each row of length 1."""
        channels, bins, ranges = [0, 1, 2], [8, 8, 8], [0, 256] * 3
        found = np.stack([cv2.calcHist([np.asarray(image)], channels, None, bins, ranges).ravel() for image in images])
        return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=Path, required=True, help="folder of real paintings")
    parser.add_argument("--scenes", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    embedders: list[NetworkEmbedder | Descriptor | ColorHistogram] = [
        CompositionEmbedder(),
        AutoEmbedder.from_pretrained("default", backend="openvino"),
        AutoEmbedder.from_pretrained("artextract/byol-paintings", backend="openvino"),
        PaletteEmbedder(),
        ColorHistogram(),
    ]
    specs = scene_specs(args.scenes, args.seed)
    scenes = [paint(spec) for spec in specs]
    files = sorted(path for path in args.pictures.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    originals = [shown(path) for path in files]
    changed = {name: [change(picture) for picture in originals] for name, change in changes(args.seed).items()}
    looks = np.array([(spec.texture, spec.palette) for spec in specs])
    report = {
        "procedural": {"paintings": len(scenes), "scenes": args.scenes, "chance": chances(looks)}
        | {embedder.name: score_scenes(embedder, scenes, looks) for embedder in embedders},
        "recoloured": {"paintings": len(originals)}
        | {embedder.name: score_changes(embedder, originals, changed) for embedder in embedders},
    }
    print(json.dumps({"seed": args.seed, **report}, indent=2))


def scene_specs(count: int, seed: int) -> list[PaintingSpec]:
    """LOOKS paintings of each scene, one behind the other."""
    rng, specs = np.random.default_rng(seed), []
    for number in range(count):
        arms, elbows = rng.uniform(5, 100, 2), rng.uniform(5, 90, 2)
        pose = Pose(float(rng.uniform(-60, 60)), tuple(arms.tolist()), tuple(elbows.tolist()))
        textures, palettes = (rng.permutation(list(names))[:LOOKS].tolist() for names in (TEXTURES, PALETTES))
        composition = list(COMPOSITIONS)[number % len(COMPOSITIONS)]
        specs += [
            PaintingSpec(texture, palette, composition, seed + number, pose)
            for texture, palette in zip(textures, palettes, strict=True)
        ]
    return specs


def score_scenes(embedder: Embedder, scenes: list[Image.Image], looks: np.ndarray) -> dict[str, dict[str, float]]:
    """Precision of the first two and mean average precision, and how often a mirror image comes before the scene."""
    n = len(scenes)
    vectors = embedder.embed([*scenes, *map(ImageOps.mirror, scenes)])
    scores, own = vectors[:n] @ vectors.T, same_scene(n)
    best, mirrored = (np.where(own, part, -np.inf).max(axis=1) for part in (scores[:, :n], scores[:, n:]))
    everything = np.where(np.eye(n, 2 * n, dtype=bool), -np.inf, scores)
    return {
        "all_looks": precision(everything, np.pad(own, ((0, 0), (0, n))))
        | {"mirror_first": round(float((mirrored >= best).mean()), 3)},
        "other_looks": precision(np.where(other_looks(looks), scores[:, :n], -np.inf), own),
    }


def precision(scores: np.ndarray, right: np.ndarray) -> dict[str, float]:
    """Of scores (Q, N), minus infinity where a painting may not answer, and what is right (Q, N)."""
    ranked = np.take_along_axis(right, np.argsort(-scores, axis=1, kind="stable"), axis=1)
    at = np.cumsum(ranked, axis=1) / np.arange(1, ranked.shape[1] + 1)
    return {
        "p@2": round(float(ranked[:, :2].mean()), 3),
        "map": round(float(((at * ranked).sum(axis=1) / ranked.sum(axis=1)).mean()), 3),
    }


def chances(looks: np.ndarray) -> dict[str, float]:
    """The precision of two paintings at random."""
    n = len(looks)
    return {
        "all_looks": round((LOOKS - 1) / (2 * n - 1), 4),
        "other_looks": round(float(((LOOKS - 1) / other_looks(looks).sum(axis=1)).mean()), 4),
    }


def same_scene(n: int) -> np.ndarray:
    """(n, n): paintings of the same scene, but for the painting itself."""
    scene = np.arange(n) // LOOKS
    return (scene[:, None] == scene) & ~np.eye(n, dtype=bool)


def other_looks(looks: np.ndarray) -> np.ndarray:
    """(n, n): paintings of another texture and another palette, from both by name (n, 2)."""
    return (looks[:, None] != looks[None]).all(axis=2)


def score_changes(
    embedder: Embedder, originals: list[Image.Image], changed: dict[str, list[Image.Image]]
) -> dict[str, float]:
    """Share of the changed paintings whose nearest is their original."""
    gallery, own = embedder.embed(originals), np.arange(len(originals))
    return {
        name: round(float(((embedder.embed(pictures) @ gallery.T).argmax(axis=1) == own).mean()), 3)
        for name, pictures in changed.items()
    }


def changes(seed: int) -> dict[str, Callable[[Image.Image], Image.Image]]:
    """The changes of a painting, by name."""
    rng = np.random.default_rng(seed)
    return {
        "hue_90": lambda picture: turn_hue(picture, 90),
        "hue_180": lambda picture: turn_hue(picture, 180),
        "grey": lambda picture: picture.convert("L").convert("RGB"),
        "negative": ImageOps.invert,
        "gamma_0.5": lambda picture: with_gamma(picture, 0.5),
        "gamma_2": lambda picture: with_gamma(picture, 2.0),
        "cut_8": lambda picture: crop_edges(picture, rng),
    }


def turn_hue(picture: Image.Image, degrees: int) -> Image.Image:
    """Every colour with its hue turned."""
    hsv = np.asarray(picture.convert("HSV")).astype(int)
    hsv[:, :, 0] = (hsv[:, :, 0] + degrees * 256 // 360) % 256
    return Image.fromarray(hsv.astype(np.uint8), "HSV").convert("RGB")


def with_gamma(picture: Image.Image, gamma: float) -> Image.Image:
    """Darker above 1, lighter below."""
    return picture.point([round(255 * (value / 255) ** gamma) for value in range(256)] * 3)


def crop_edges(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Up to 8 % less on each side."""
    left, top, right, bottom = rng.uniform(0, 0.08, 4)
    width, height = picture.size
    return picture.crop(
        (round(left * width), round(top * height), round((1 - right) * width), round((1 - bottom) * height))
    )


def shown(path: Path) -> Image.Image:
    """A picture at the size of a thumbnail."""
    picture = decode_image(path, min_side=2 * SHOWN)
    picture.thumbnail((SHOWN, SHOWN), Image.Resampling.BICUBIC)
    return picture


if __name__ == "__main__":
    main()
