"""The patches of a collection: its paintings are decoded and embedded batch by batch, as for any index."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from datasets import Dataset

from artextract_hf.data.schema import SkipList
from artextract_hf.embedders.protocol import DenseEmbedder
from artextract_hf.errors import PaintingIndexError
from artextract_hf.retrieval.embed import DECODED_SIDE, painting_batches
from artextract_hf.retrieval.regions.patches import Projection, pad_to_square, picture_mask, quantize

DIM = 96  # length of a patch
FIT_PAINTINGS = 256  # to which the projection is fitted


@dataclass(frozen=True)
class CollectionPatches:
    """The patches of the N paintings of a collection that can be decoded.

    Attributes:
        patches: (N, cells, cells, DIM) int8.
        sizes: (N, 2) float32, width and height of each painting in pixels.
        projection: fitted to a sample of the collection.
        records: one row for each painting.
        skipped: pictures that could not be decoded.
    """

    patches: np.ndarray
    sizes: np.ndarray
    projection: Projection
    records: list[dict[str, Any]]
    skipped: SkipList


def read_patches(
    dataset: Dataset, embedder: DenseEmbedder, *, side: int, seed: int, progress: bool
) -> CollectionPatches:
    """Embed every painting of a collection.

    Args:
        dataset: records of `data/schema.py`.
        embedder: gives the maps.
        side: pixels of the longer side of a painting.
        seed: draws the paintings that the projection is fitted to.
        progress: show a progress bar on a terminal.

    Raises:
        PaintingIndexError: no picture can be decoded.
    """
    sample = np.random.default_rng(seed).permutation(len(dataset))[:FIT_PAINTINGS]
    projection = _fit_projection(dataset.select(np.sort(sample)), embedder, side)
    skipped, sizes, patches, rows = SkipList(), [], [], []
    for maps, batch_sizes, records in _map_batches(dataset, embedder, side, skipped, progress=progress):
        outside = ~picture_mask(batch_sizes, maps.shape[2])
        patches.append(quantize(np.where(outside[..., None], 0, projection(maps))))
        sizes.extend(batch_sizes)
        rows.extend(records)
    return CollectionPatches(np.concatenate(patches), np.array(sizes, dtype=np.float32), projection, rows, skipped)


def _fit_projection(sample: Dataset, embedder: DenseEmbedder, side: int) -> Projection:
    """The projection of a collection, fitted to a sample of it."""
    features: list[np.ndarray] = []
    for maps, sizes, _ in _map_batches(sample, embedder, side, SkipList()):
        painted = picture_mask(sizes, maps.shape[2])
        features.append(maps.transpose(0, 2, 3, 1)[painted])
    if not features:
        raise PaintingIndexError(f"no picture could be indexed ({len(sample)} of them cannot be decoded).")
    return Projection.fit(np.concatenate(features), DIM)


def _map_batches(
    dataset: Dataset, embedder: DenseEmbedder, side: int, skipped: SkipList, *, progress: bool = False
) -> Iterator[tuple[np.ndarray, list[tuple[int, int]], list[dict[str, Any]]]]:
    """Maps (n, channels, cells, cells), the widths and heights of the n pictures in pixels, and their rows."""
    min_side = max(side, DECODED_SIDE)
    for pictures, rows in painting_batches(dataset, skipped, min_side=min_side, progress=progress):
        maps = embedder.maps([pad_to_square(picture) for picture in pictures], side=side)
        yield maps, [picture.size for picture in pictures], rows
