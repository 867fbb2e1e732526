"""What whitening is worth for search: the embedded BYOL encoder and its ImageNet start, raw and whitened.

    python -m benchmarks.learning.byol_whitening --data data/wikiart --weights mobilenetv2.safetensors \\
        --model runs/byol_paintings/last > benchmarks/results/byol_whitening.json

The whitening is fit on the split `train`, without labels; the paintings of `val` search among those of `train`, P@10 by
label. Fitted on raw encoders only: give one whose recipe had no `whitened_size`.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from artextract_hf.data.prepared import load_prepared, take_split
from artextract_hf.data.schema import SkipList
from artextract_hf.embedders.auto import AutoEmbedder
from artextract_hf.evaluation.embedder_report import LABELS, embed_split, label_names
from artextract_hf.evaluation.retrieval import score_retrieval
from artextract_hf.models.whitening import fit_whitening
from benchmarks.learning.embedders import BACKEND, untrained

SIZES, POWERS = (1280, 512, 256, 128), (0.0, 0.25, 0.5)


def main() -> None:
    """Score each and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="prepared, with the splits train and val")
    parser.add_argument("--weights", type=Path, required=True, help="ImageNet weights of MobileNetV2")
    parser.add_argument("--model", required=True, help="a BYOL encoder that is not whitened")
    args = parser.parse_args()
    splits = load_prepared(args.data)
    parts = [take_split(splits, name) for name in ("train", "val")]
    found = {}
    for name, embedder in (
        ("imagenet", untrained(args.weights)),
        ("byol", AutoEmbedder.from_pretrained(args.model, BACKEND)),
    ):
        # Unit rows serve as well as raw ones: a whitening looks at the shares of the features only.
        (gallery, gallery_rows), (queries, query_rows) = (embed_split(embedder, part, SkipList()) for part in parts)
        labels = {
            label: (label_names(parts[0], label, gallery_rows), label_names(parts[1], label, query_rows))
            for label in LABELS
        }
        found[name] = {"raw": precision(gallery, queries, labels)}
        for size, power in [(size, 0.25) for size in SIZES] + [(512, power) for power in POWERS if power != 0.25]:
            whitened = whiten(gallery, queries, size=size, power=power)
            found[name][f"{size} dimensions, power {power}"] = precision(*whitened, labels)
    print(json.dumps({"gallery": len(parts[0]), "queries": len(parts[1]), "p@10": found}, indent=2))


def whiten(gallery: np.ndarray, queries: np.ndarray, *, size: int, power: float) -> tuple[np.ndarray, np.ndarray]:
    """Both whitened by the gallery, unit rows."""
    fitted = fit_whitening(torch.from_numpy(gallery), size, power=power)
    both = (torch.nn.functional.normalize(fitted(torch.from_numpy(part)), dim=1).numpy() for part in (gallery, queries))
    return next(both), next(both)


def precision(
    gallery: np.ndarray, queries: np.ndarray, labels: dict[str, tuple[list[str | None], list[str | None]]]
) -> dict[str, float]:
    """P@10 by label, percent."""
    scores = {label: score_retrieval(gallery, theirs, queries, mine) for label, (theirs, mine) in labels.items()}
    return {label: round(100 * score.precision[10], 1) for label, score in scores.items() if score}


if __name__ == "__main__":
    main()
