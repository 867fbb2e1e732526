"""What an embedding is worth for search: ours beside their ImageNet start and a random network, on the same paintings.

    python -m benchmarks.learning.embedders --data data/wikiart --weights mobilenetv2.safetensors \\
        --model byol=runs/byol_paintings/last --model crnn=runs/crnn_best/best > benchmarks/results/embedders.json

The paintings of the split `val` search among those of `train`; models were trained on `train` at most. A thousand
works of the gallery are photographed as a visitor would, and search for themselves: once as BYOL's own training draws
photographs (`artextract_hf/data/views/photograph.py`, other seeds), once as torchvision's transforms degrade pictures,
which no training has seen. OpenVINO computes all, which answers as torch does and is faster.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from PIL import Image
from torchvision.transforms import v2
from torchvision.transforms.functional import pil_to_tensor, to_pil_image

from artextract_hf.data.prepared import load_prepared, take_split
from artextract_hf.data.schema import SkipList
from artextract_hf.embedders.auto import AutoEmbedder
from artextract_hf.embedders.directory import processed_embedder
from artextract_hf.embedders.network import NetworkEmbedder
from artextract_hf.embedders.protocol import Embedder
from artextract_hf.evaluation.embedder_report import embed_split, evaluate_embedder, score_photographs
from artextract_hf.models import ArtImageProcessor, ByolConfig, ByolModel
from artextract_hf.models.backbones import load_imagenet

BACKBONE, SIDE, SEED, BACKEND = "mobilenetv2_100", 224, 0, "openvino"
PHOTOS = 1000


def main() -> None:
    """Score each and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="prepared, with the splits train and val")
    parser.add_argument("--weights", type=Path, help="ImageNet weights of MobileNetV2 in timm's key names")
    parser.add_argument("--model", action="append", default=[], metavar="NAME=DIR", help="an embedder of ours")
    args = parser.parse_args()
    splits = load_prepared(args.data)
    gallery, queries = take_split(splits, "train"), take_split(splits, "val")
    embedders: dict[str, Embedder] = {"random": untrained(None), "imagenet": untrained(args.weights)}
    for given in args.model:
        name, _, folder = given.partition("=")
        embedders[name] = AutoEmbedder.from_pretrained(folder, BACKEND)
    found: dict[str, Any] = {}
    for name, embedder in embedders.items():
        with tempfile.TemporaryDirectory() as out:
            report = evaluate_embedder(embedder, gallery, queries, out, name=name, photos=PHOTOS)
        found[name] = {key: report[key] for key in ("dim", "labels", "photos", "spread", "rank")}
        found[name]["photos_of_torchvision"] = other_photographs(embedder, gallery)
        print(name, json.dumps(found[name]), file=sys.stderr, flush=True)
    sizes = {"gallery": len(gallery), "queries": len(queries), "seed": SEED, "torch": torch.__version__}
    print(json.dumps({**sizes, "embedders": found}, indent=2))


def untrained(weights: Path | None) -> NetworkEmbedder:
    """The backbone as ImageNet left it, or at random, with the preprocessing of ours."""
    torch.manual_seed(SEED)
    network = ByolModel(ByolConfig(backbone=BACKBONE, image_size=SIDE))
    if weights is not None:
        load_imagenet(network.backbone, BACKBONE, str(weights))
    return processed_embedder(BACKBONE, network, ArtImageProcessor(size={"height": SIDE, "width": SIDE}), BACKEND)


def other_photographs(embedder: Embedder, gallery: Dataset) -> dict[str, float]:
    """How often pictures degraded by torchvision find their work."""
    degrade = v2.Compose(
        [
            v2.RandomPerspective(0.2, p=1.0, fill=128),
            v2.RandomRotation(5, fill=128),
            v2.RandomResizedCrop(SIDE, scale=(0.7, 1.0), ratio=(0.9, 1.1), antialias=True),
            v2.ColorJitter(brightness=0.3, contrast=0.3, saturation=0.3, hue=0.02),
            v2.GaussianBlur(5, sigma=(0.5, 2.0)),
            v2.JPEG((30, 60)),
        ]
    )

    def take(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
        torch.manual_seed(int(rng.integers(2**31)))
        return to_pil_image(degrade(pil_to_tensor(picture)))

    vectors, rows = embed_split(embedder, gallery, SkipList())
    return score_photographs(embedder, gallery.select(rows), vectors, number=PHOTOS, seed=SEED, take=take)


if __name__ == "__main__":
    main()
