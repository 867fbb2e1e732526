"""Embedding on a processor: float32 and bfloat16 by torch, float32 by OpenVINO, beside timm's own float32 loop.

    python -m benchmarks.speed.embed_speed --data data/wikiart --weights mobilenetv2.safetensors \\
        > benchmarks/results/embed_speed.json

The network is MobileNetV2 with ImageNet weights. The peer is timm as its documentation shows it: its transform over
PIL pictures in a torch DataLoader, then the network in float32. Speeds are of the first pictures of the split `val`,
from encoded JPEG to vectors; rounds take turns, and the fastest counts. Agreement is over the whole of `--neighbours`
pictures: how much of the ten nearest neighbours by float32 are the ten nearest by the other.
"""

import argparse
import io
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
from PIL import Image as PILImage
from torch import Tensor, nn

from artextract_hf.data.pictures import encoded_pictures
from artextract_hf.data.prepared import load_prepared, take_split
from artextract_hf.embedders.network import NetworkEmbedder
from artextract_hf.embedders.timm_embedder import timm_embedder
from artextract_hf.models.backbones import load_imagenet

NAME, BATCH, ROUNDS, NEAREST = "mobilenetv2_100", 32, 3, 10


class InBfloat16(nn.Module):
    """A network under autocast."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> Tensor:
        """(N, 3, S, S) to (N, dim)."""
        with torch.autocast("cpu", torch.bfloat16):
            return self.network(pixels)


class Pictures(torch.utils.data.Dataset):
    """What the peer's DataLoader reads."""

    def __init__(self, encoded: Sequence[bytes], transform: Callable[[PILImage.Image], Tensor]) -> None:
        self.encoded, self.transform = encoded, transform

    def __len__(self) -> int:
        return len(self.encoded)

    def __getitem__(self, row: int) -> Tensor:
        return self.transform(PILImage.open(io.BytesIO(self.encoded[row])).convert("RGB"))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="prepared, with the split val")
    parser.add_argument("--weights", type=Path, required=True, help="of MobileNetV2, in timm's key names")
    parser.add_argument("--pictures", type=int, default=128, help="of which speed is measured")
    parser.add_argument("--neighbours", type=int, default=1000, help="of which agreement is measured")
    args = parser.parse_args()
    rows = encoded_pictures(take_split(load_prepared(args.data), "val"))
    encoded = [image["bytes"] for image in rows[: max(args.pictures, args.neighbours)]["image"]]
    ways = ways_of(str(args.weights))
    figures: dict[str, Any] = {name: {"pictures_per_s": 0.0} for name in ways}
    for _ in range(ROUNDS):
        for name, embed in ways.items():
            start = time.perf_counter()
            embed(encoded[: args.pictures])
            speed = args.pictures / (time.perf_counter() - start)
            figures[name]["pictures_per_s"] = max(round(speed, 1), figures[name]["pictures_per_s"])
    vectors = {name: embed(encoded[: args.neighbours]) for name, embed in ways.items()}
    for name, found in figures.items():
        found["times_timm"] = round(found["pictures_per_s"] / figures["timm"]["pictures_per_s"], 2)
        found["same_neighbours"] = round(overlap(vectors["torch, float32"], vectors[name]), 4)
    sizes = {"pictures": args.pictures, "neighbours_of": len(vectors["timm"]), "threads": torch.get_num_threads()}
    print(json.dumps({"network": NAME, **sizes, "torch": torch.__version__, "ways": figures}, indent=2))


def ways_of(weights: str) -> dict[str, Callable[[Sequence[bytes]], np.ndarray]]:
    """Each way to embed encoded pictures."""
    network = timm.create_model(NAME, num_classes=0).eval()
    load_imagenet(network, NAME, weights)
    data = timm.data.resolve_model_data_config(network)

    def ours(network: nn.Module, backend: str) -> Callable[[Sequence[bytes]], np.ndarray]:
        embedder: NetworkEmbedder = timm_embedder(NAME, network, data, backend)
        return lambda encoded: embedder.embed(encoded, batch_size=BATCH)

    def theirs(encoded: Sequence[bytes]) -> np.ndarray:
        pictures = Pictures(encoded, timm.data.create_transform(**data, is_training=False))
        with torch.inference_mode():
            return torch.cat([network(batch) for batch in torch.utils.data.DataLoader(pictures, BATCH)]).numpy()

    return {
        "timm": theirs,
        "torch, float32": ours(network, "torch"),
        "torch, bfloat16": ours(InBfloat16(network), "torch"),
        "openvino, float32": ours(network, "openvino"),
    }


def overlap(expected: np.ndarray, found: np.ndarray) -> float:
    """The share of the nearest neighbours by one set of vectors that are nearest by another."""
    pairs = zip(nearest(expected), nearest(found), strict=True)
    return float(np.mean([len(set(a) & set(b)) for a, b in pairs])) / NEAREST


def nearest(vectors: np.ndarray) -> np.ndarray:
    """Of each row the NEAREST others by cosine, (N, NEAREST)."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    similar = unit @ unit.T
    np.fill_diagonal(similar, -np.inf)
    return np.argpartition(-similar, NEAREST, axis=1)[:, :NEAREST]


if __name__ == "__main__":
    main()
