"""The patches of a collection: its paintings are decoded and embedded batch by batch, as for any index."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from datasets import Dataset

from artextract_hf.data.schema import SkipList
from artextract_hf.embedders.protocol import DenseEmbedder
from artextract_hf.errors import PaintingIndexError
from artextract_hf.retrieval.embed import DECODED_SIDE, embedded_batches
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
    projection = _fit_projection(dataset.select(np.sort(sample)), _MapReader(embedder, side))
    reader, skipped = _MapReader(embedder, side), SkipList()
    patches: list[np.ndarray] = []
    rows: list[dict[str, Any]] = []
    for maps, records in embedded_batches(dataset, reader, skipped, min_side=reader.min_side, progress=progress):
        outside = ~picture_mask(reader.sizes[len(rows) :], maps.shape[2])
        patches.append(quantize(np.where(outside[..., None], 0, projection(maps))))
        rows.extend(records)
    sizes = np.array(reader.sizes, dtype=np.float32)
    return CollectionPatches(np.concatenate(patches), sizes, projection, rows, skipped)


class _MapReader:
    """Takes the place of an embedder in `embedded_batches`, and gives maps instead of vectors."""

    def __init__(self, embedder: DenseEmbedder, side: int) -> None:
        self.dim, self.fingerprint = embedder.dim, embedder.fingerprint
        self.sizes: list[tuple[int, int]] = []  # width and height of the pictures so far
        self.min_side = max(side, DECODED_SIDE)  # pixels to which a picture may be scaled down when it is decoded
        self._embedder, self._side = embedder, side

    def embed(self, images: Sequence[Any], batch_size: int = 32) -> np.ndarray:
        self.sizes += [picture.size for picture in images]
        return self._embedder.maps([pad_to_square(picture) for picture in images], side=self._side)


def _fit_projection(sample: Dataset, reader: _MapReader) -> Projection:
    """The projection of a collection, fitted to a sample of it."""
    features: list[np.ndarray] = []
    for maps, _ in embedded_batches(sample, reader, SkipList(), min_side=reader.min_side):
        painted = picture_mask(reader.sizes[-len(maps) :], maps.shape[2])
        features.append(maps.transpose(0, 2, 3, 1)[painted])
    if not features:
        raise PaintingIndexError(f"no picture could be indexed ({len(sample)} of them cannot be decoded).")
    return Projection.fit(np.concatenate(features), DIM)
