"""What OpenVINO gains on a processor: paintings are classified and embedded from their files.

    python -m benchmarks.speed.backends --data data/wikiart > benchmarks/results/backends.json

The peer is `transformers.pipeline("image-classification")` with the embedded classifier, in torch. All read the same
files; the ways take turns, so that a noisy machine disturbs all alike, and the figure is the median of the rounds.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import torch
import transformers
from transformers import pipeline

from artextract_hf import AutoEmbedder, load_classifier
from artextract_hf.data.pictures import encoded_bytes, encoded_pictures
from artextract_hf.data.prepared import load_prepared, take_split
from artextract_hf.models import ArtAttributesPipeline

PAINTINGS, ROUNDS, BATCHES = 64, 5, (1, 16)
PEER = "transformers' pipeline"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="prepared, with the split val")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = written(args.data, Path(folder))
        answers = ways()
        found = {f"batch {size}": rates(answers, files, size) for size in BATCHES}
        difference = largest_difference(files)
    settings = {"paintings": PAINTINGS, "rounds": ROUNDS, "threads": torch.get_num_threads()}
    versions = {m.__name__: m.__version__ for m in (torch, transformers, openvino)}
    print(json.dumps({**settings, **versions, "largest_difference_of_scores": difference, "ways": found}, indent=2))


def written(data: Path, folder: Path) -> list[str]:
    """Paintings of the data as files."""
    paintings = encoded_pictures(take_split(load_prepared(data), "val").select(range(PAINTINGS)))
    files = []
    for i, row in enumerate(paintings):
        files.append(str(folder / f"{i}.jpg"))
        Path(files[-1]).write_bytes(encoded_bytes(row["image"]))
    return files


def ways() -> dict[str, Callable[[list[str], int], Any]]:
    """name -> what answers for files in batches of a size; everything is loaded and compiled before."""
    model, processor = load_classifier("default")
    peer = pipeline("image-classification", model=model, image_processor=processor)
    found: dict[str, Callable[[list[str], int], Any]] = {PEER: lambda files, size: peer(files, batch_size=size)}
    for backend in ("torch", "openvino"):
        found[f"classify, {backend}"] = classifier(backend)
        found[f"embed, {backend}"] = AutoEmbedder.from_pretrained("default", backend).embed
    return found


def classifier(backend: str) -> Callable[[list[str], int], Any]:
    """All tasks of the embedded classifier."""
    model, processor = load_classifier("default", backend)
    attributes = ArtAttributesPipeline(model=model, image_processor=processor)
    return lambda files, size: attributes(files, batch_size=size)


def rates(
    answers: dict[str, Callable[[list[str], int], Any]], files: list[str], size: int
) -> dict[str, dict[str, float]]:
    """Paintings a second, and as a multiple of the peer's."""
    seconds: dict[str, list[float]] = {name: [] for name in answers}
    for round_ in range(ROUNDS + 1):
        for name, answer in answers.items():
            start = time.perf_counter()
            answer(files, size)
            if round_:  # the first round warms up
                seconds[name].append(time.perf_counter() - start)
    median = {name: statistics.median(values) for name, values in seconds.items()}
    return {
        name: {"paintings_per_second": round(len(files) / s, 1), "times_peer": round(median[PEER] / s, 2)}
        for name, s in median.items()
    }


def largest_difference(files: list[str]) -> float:
    """Between the probabilities that the two backends give, over all paintings, tasks and classes."""
    one, other = (probabilities(files, backend) for backend in ("torch", "openvino"))
    return float(np.abs(one - other).max())


def probabilities(files: list[str], backend: str) -> np.ndarray:
    """Of all classes of all tasks (paintings, classes), in one order for both backends."""
    model, processor = load_classifier("default", backend)
    rows = []
    for answer in ArtAttributesPipeline(model=model, image_processor=processor)(files, top_k=1000):
        classes = [(task, c["label"], c["score"]) for task, found in answer["tasks"].items() for c in found]
        rows.append([score for _, _, score in sorted(classes)])
    return np.array(rows)


if __name__ == "__main__":
    main()
