"""What an embedding is worth for search: ours beside their ImageNet start and a random network, on the same paintings.

    python benchmarks/embedders.py --data data/wikiart --weights mobilenetv2.safetensors \\
        --model crnn=runs/crnn_best/best --model byol=runs/byol_paintings/last > benchmarks/results/embedders.json

The paintings of the split `val` search among those of `train`; models were trained on `train` at most. A thousand
works of the gallery are photographed as a visitor would, and search for themselves.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import torch

from artextract_hf.data.prepared import load_prepared, take_split
from artextract_hf.evaluation.embedding_report import evaluate_embedder
from artextract_hf.models import ArtImageProcessor, ByolConfig, ByolModel
from artextract_hf.models.backbones import load_imagenet
from artextract_hf.models.embedder import AutoEmbedder, NetworkEmbedder, processed_embedder

BACKBONE, SIDE, SEED = "mobilenetv2_100", 224, 0
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
    embedders = {"random": untrained(None), "imagenet": untrained(args.weights)}
    for given in args.model:
        name, _, folder = given.partition("=")
        embedders[name] = AutoEmbedder.from_pretrained(folder)
    found: dict[str, Any] = {}
    for name, embedder in embedders.items():
        with tempfile.TemporaryDirectory() as out:
            report = evaluate_embedder(embedder, gallery, queries, out, name=name, photos=PHOTOS)
        found[name] = {key: report[key] for key in ("dim", "labels", "photos", "spread", "rank")}
    sizes = {"gallery": len(gallery), "queries": len(queries), "seed": SEED, "torch": torch.__version__}
    print(json.dumps({**sizes, "embedders": found}, indent=2))


def untrained(weights: Path | None) -> NetworkEmbedder:
    """The backbone as ImageNet left it, or at random, with the preprocessing of ours."""
    torch.manual_seed(SEED)
    network = ByolModel(ByolConfig(backbone=BACKBONE, image_size=SIDE))
    if weights is not None:
        load_imagenet(network.backbone, BACKBONE, str(weights))
    return processed_embedder(BACKBONE, network, ArtImageProcessor(size={"height": SIDE, "width": SIDE}))


if __name__ == "__main__":
    main()
