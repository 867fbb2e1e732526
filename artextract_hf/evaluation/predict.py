"""A model and a split become logits or representations.

Decoding runs beside the network, and what cannot be decoded is listed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from datasets import ClassLabel, Dataset
from PIL.Image import Image as Picture
from torch import Tensor, nn

from artextract_hf.data.labels import UNKNOWN
from artextract_hf.data.pictures import decoded, in_batches
from artextract_hf.data.schema import SkipList, labels_for, with_ids
from artextract_hf.errors import DataError
from artextract_hf.models.inference.micro_batches import micro_batches


@dataclass(frozen=True)
class Predictions:
    """Logits (N, C) by task, for the rows of the dataset that could be decoded, and the pictures that could not."""

    logits: dict[str, np.ndarray]
    rows: np.ndarray
    skipped: SkipList


def known_labels(paintings: Dataset, task: str, names: Sequence[str]) -> np.ndarray:
    """As `labels_for`, and -1 throughout where the dataset has no such task."""
    if not isinstance(paintings.features.get(task), ClassLabel):
        return np.full(len(paintings), UNKNOWN)
    return labels_for(paintings, task, names)


def predict(model: nn.Module, processor: Any, paintings: Dataset, *, batch_size: int = 64) -> Predictions:
    """Run a classifier over a split.

    Args:
        model: gives `task_logits`; its device and dtype are used as they are, and it is left in evaluation mode.
        processor: the model's image processor.
        paintings: records of `data/schema.py`.
        batch_size: paintings a forward pass.

    Raises:
        DataError: the records have no `id` or no `image`.
    """
    if missing := {"id", "image"} - set(paintings.column_names):
        raise DataError(
            f"the data have no column {' and no '.join(sorted(missing))}; use what `artextract prepare` wrote."
        )
    model.eval().to(memory_format=torch.channels_last)
    device = next(model.parameters()).device
    skipped = SkipList()
    logits: dict[str, list[Tensor]] = {task: [] for task in model.config.tasks}
    rows: list[int] = []
    with torch.inference_mode():
        for batch, pixels in _batches(processor, paintings, model.config.image_size, batch_size, skipped):
            for part in micro_batches(model, pixels.to(device).contiguous(memory_format=torch.channels_last)):
                for task, values in model(part).task_logits.items():
                    logits[task].append(values.float().cpu())
            rows.extend(batch)
    arrays = {
        task: torch.cat(parts).numpy() if parts else np.zeros((0, len(model.config.tasks[task])), dtype=np.float32)
        for task, parts in logits.items()
    }
    return Predictions(arrays, np.array(rows, dtype=np.int64), skipped)


def represent(
    model: nn.Module, processor: Any, paintings: Dataset, *, batch_size: int = 64
) -> tuple[np.ndarray, np.ndarray, SkipList]:
    """The `pooler_output` of a model over a split.

    Args:
        model: its device and mode are used as they are.
        processor: as in `predict`; its size may be another than the model's.
        paintings: records of `data/schema.py`.
        batch_size: paintings a forward pass.

    Returns:
        float32 (N, dim), the N rows of the dataset that could be decoded, and those that could not.

    Raises:
        DataError: no picture can be decoded.
    """
    device = next(model.parameters()).device
    skipped = SkipList()
    vectors, rows = [], []
    with torch.inference_mode():
        for batch, pixels in _batches(processor, paintings, processor.size["height"], batch_size, skipped):
            for part in micro_batches(model, pixels.to(device).contiguous(memory_format=torch.channels_last)):
                vectors.append(model(part).pooler_output.float().cpu())
            rows.extend(batch)
    if not rows:
        raise DataError(f"no picture of the data can be decoded ({skipped.summary()}).")
    return torch.cat(vectors).numpy(), np.array(rows, dtype=np.int64), skipped


def _batches(
    processor: Any, paintings: Dataset, side: int, batch_size: int, skipped: SkipList
) -> Iterator[tuple[list[int], Tensor]]:
    """Rows and pixel values (n, 3, S, S) of what can be decoded, one batch ahead of the network."""

    def pixels(picture: Picture, _: dict[str, Any]) -> Tensor:
        return processor(images=[picture], return_tensors="pt")["pixel_values"][0]

    pictures = with_ids(paintings).select_columns(["id", "image"])
    found = decoded(pictures, pixels, skipped, min_side=2 * side, ahead=batch_size, progress="predicting")
    for rows, values in in_batches(found, batch_size):
        yield rows, torch.stack(values)
