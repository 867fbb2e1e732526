"""The two views of BYOL against lightly's BYOLTransform, on one thread, from decoded picture to normalised batch.

    pip install lightly
    python -m benchmarks.speed.byol_views --pictures FOLDER > benchmarks/results/byol_views.json

Both do the paper's augmentations. The peer's peculiarity: its views go through Pillow and torchvision one by one.
"""

import argparse
import json
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import cv2
import numpy as np
import torch
from lightly.transforms.byol_transform import BYOLTransform, BYOLView1Transform, BYOLView2Transform
from PIL import Image

from artextract_hf.data.decode import decode_image
from artextract_hf.data.views.byol_view import byol_views
from training.loop import normalise

SIDES = (96, 224)
ROUNDS = 9


def main() -> None:
    """Print milliseconds a pair of views, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=Path, required=True, help="folder of JPEG files, searched in depth")
    parser.add_argument("--number", type=int, default=64)
    args = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    files = sorted(args.pictures.rglob("*.jpg"))
    pictures = [decode_image(path) for path in files[:: max(1, len(files) // args.number)][: args.number]]
    figures = {side: compare(pictures, side) for side in SIDES}
    versions = {name: version(name) for name in ("lightly", "torchvision", "opencv-python-headless", "pillow")}
    print(json.dumps({"pictures": len(pictures), "versions": versions, "side": figures}, indent=2))


def compare(pictures: list[Image.Image], side: int) -> dict[str, float]:
    """The fastest of rounds that take turns: other work on the machine only ever adds time."""
    views = byol_views()
    rng = np.random.default_rng(0)
    peer = BYOLTransform(BYOLView1Transform(input_size=side), BYOLView2Transform(input_size=side))

    def ours() -> None:
        decoded = [np.asarray(picture) for picture in pictures]
        pairs = [tuple(view(pixels, side, rng) for view in views) for pixels in decoded]
        for batch in zip(*pairs, strict=True):
            normalise(torch.from_numpy(np.stack(batch)).permute(0, 3, 1, 2))

    def theirs() -> None:
        pairs = [peer(picture) for picture in pictures]
        for view in zip(*pairs, strict=True):
            torch.stack(view)

    times: dict[str, list[float]] = {"ours": [], "lightly": []}
    for _ in range(ROUNDS + 1):
        for name, run in (("ours", ours), ("lightly", theirs)):
            times[name].append(seconds(run))
    ours_ms, peer_ms = (1e3 * min(times[name]) / len(pictures) for name in times)
    return {
        "ours_ms": round(ours_ms, 2),
        "lightly_ms": round(peer_ms, 2),
        "times_faster": round(peer_ms / ours_ms, 1),
    }


def seconds(run: Callable[[], None]) -> float:
    """Of one call."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
