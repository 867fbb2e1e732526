"""Search for a part of a picture: a box in the query, a box in every answer.

    paintings --dense features--> patches, and windows over them        `build`
    box of the query, at several sizes --> templates
        --nearest windows--> shortlist --slid over its patches--> the best place in each painting        `search`

An index is a folder: the files of `region_store.py`, records.parquet and index.json, which holds the SHA-256 of each.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from datasets import Dataset
from PIL import Image

from artextract_hf.data.decode import ImageSource, decode_image
from artextract_hf.data.schema import SkipList
from artextract_hf.embedders.auto import AutoEmbedder
from artextract_hf.embedders.protocol import DenseEmbedder, Embedder, dense
from artextract_hf.errors import PaintingIndexError, QueryError
from artextract_hf.retrieval.embed import DECODED_SIDE, embedded_batches
from artextract_hf.retrieval.fingerprint import insist_on
from artextract_hf.retrieval.records import RecordTable, refuse_twice
from artextract_hf.retrieval.regions.patches import GREY, Projection, extent, inside, square, to_bytes
from artextract_hf.retrieval.regions.store import RegionStore
from artextract_hf.retrieval.storage import read_description, read_records, write_index

KIND = "regions"
SIDE = 448  # pixels: paintings are looked at in twice the detail of most embedders
STRIDE = 32  # of the deepest map of most networks: a side that it divides is covered by whole cells
DIM = 96  # length of a patch
FIT_PAINTINGS = 256  # to which the projection is fitted
TEMPLATE_SHARES = (3 / 14, 4 / 14, 6 / 14, 8 / 14, 11 / 14, 1.0)  # of a painting's longer side that a detail may fill
SHORTLIST = 100  # paintings that the windows give and the templates decide between
MIN_SIDE = 8  # pixels of a box

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class RegionHit:
    """One painting that answers, and where in it.

    Attributes:
        id: of the painting.
        score: mean cosine of the patches of the detail and of its place, less for a small place; at most 1.
        rank: 1 is the best.
        box: left, top, width and height as shares of the painting's width and height.
        record: what is known about it.
    """

    id: str
    score: float
    rank: int
    box: Box
    record: dict[str, Any]


class RegionIndex:
    """Paintings by their parts. Made by `build` or `from_pretrained`.

    Attributes:
        skipped: pictures that could not be decoded, and were left out.
    """

    def __init__(self, store: RegionStore, records: RecordTable, embedder: DenseEmbedder, *, side: int) -> None:
        self._store, self._records, self._embedder, self.side = store, records, embedder, side
        self.skipped = SkipList()

    @classmethod
    def build(
        cls,
        dataset: Dataset,
        embedder: Embedder,
        *,
        side: int = SIDE,
        factory: str = "flat",
        seed: int = 0,
        progress: bool = False,
    ) -> Self:
        """Index the parts of a collection.

        Args:
            dataset: records of `data/schema.py`; pictures that cannot be decoded are left out and listed in `.skipped`.
            embedder: anything with `maps`, `dim` and `fingerprint`.
            side: pixels at which the longer side of a painting is looked at, a multiple of 32; a larger one finds
                smaller details.
            factory: how windows are searched, see `vectors.py`; `flat`, which is exact, suits tens of thousands of
                paintings.
            seed: draws the paintings that the projection is fitted to.
            progress: show a progress bar on a terminal.

        Raises:
            PaintingIndexError: nothing to index, another side, or an id that stands twice.
            ModelError: the embedder takes no pictures of this side or of a detail's, or has no maps.
        """
        if side < STRIDE or side % STRIDE:
            raise PaintingIndexError(f"a search for regions needs a side that is a multiple of {STRIDE}; got {side}.")
        refuse_twice(dataset["id"])
        chosen = np.random.default_rng(seed).permutation(len(dataset))[:FIT_PAINTINGS]
        network = dense(embedder)
        _try_sides(network, side)
        projection = _fit(dataset.select(np.sort(chosen)), _Maps(network, side))
        reader, skipped = _Maps(network, side), SkipList()
        patches: list[np.ndarray] = []
        rows: list[dict[str, Any]] = []
        for maps, records in embedded_batches(dataset, reader, skipped, min_side=reader.min_side, progress=progress):
            outside = ~inside(reader.sizes[len(rows) :], maps.shape[2])
            patches.append(to_bytes(np.where(outside[..., None], 0, projection(maps))))
            rows.extend(records)
        sizes = np.array(reader.sizes, dtype=np.float32)
        shares = sizes / sizes.max(axis=1, keepdims=True)
        store = RegionStore.build(np.concatenate(patches), shares, projection, factory=factory)
        index = cls(store, RecordTable.from_rows(rows), network, side=side)
        index.skipped = skipped
        return index

    def search(self, query: ImageSource, box: Box | None = None, k: int = 10) -> list[RegionHit]:
        """The paintings that hold what is in a box of a picture, and where they do.

        Args:
            query: a picture in any form.
            box: left, top, width and height in pixels of the upright picture; None for the whole picture.
            k: how many paintings; fewer come where the index has fewer.

        Raises:
            QueryError: k below 1, or a box that is not inside the picture or smaller than MIN_SIDE pixels.
            ImageError: the query is no picture.
        """
        if k < 1:
            raise QueryError(f"k is {k}; it must be at least 1.")
        detail = cut(decode_image(query), box)
        templates, sides = self._templates(detail)
        rows = self._store.nearest(templates, k, shortlist=max(SHORTLIST, k))
        scores, which, at = self._store.locate(templates, rows)
        boxes = self._boxes(rows, at, sides[which])
        best = np.argsort(-scores, kind="stable")[:k]
        found = zip(best, rows[best], self._records.at(rows[best].tolist()), strict=True)
        return [
            RegionHit(self._records.ids[row], float(scores[i]), rank, tuple(boxes[i].tolist()), record)
            for rank, (i, row, record) in enumerate(found, 1)
        ]

    def _templates(self, detail: Image.Image) -> tuple[list[np.ndarray], np.ndarray]:
        """Patches (r, c, D) of a detail at several sizes, and the width and height of each in patches (T, 2)."""
        on_square = square(detail)
        sides = _template_sides(self._store.cells, self.side)
        templates = []
        for length, side in sides:
            (maps,) = self._store.projection(self._embedder.maps([on_square], side=side))
            rows, columns = extent(detail.size, length)
            templates.append(maps[:rows, :columns])
        shape = np.array(detail.size) / max(detail.size)
        return templates, np.array([length for length, _ in sides])[:, None] * shape

    def _boxes(self, rows: np.ndarray, at: np.ndarray, sides: np.ndarray) -> np.ndarray:
        """Places in patches, top and left (n, 2), as boxes (n, 4) in shares of the paintings, cut at their edges."""
        painting = self._store.cells * self._store.shares[rows]
        start, end = at[:, ::-1] / painting, (at[:, ::-1] + sides) / painting
        start, end = np.clip(start, 0, 1), np.clip(end, 0, 1)
        return np.concatenate([start, end - start], axis=1)

    @property
    def ids(self) -> list[str]:
        """Ids of the paintings, in the order of the records."""
        return list(self._records.ids)

    def __len__(self) -> int:
        return len(self._records)

    def thumbnail(self, id_: str) -> Image.Image:
        """A small picture of a painting, long side 256 px at most."""
        return self._records.thumbnail(self._records.row(id_))

    def describe(self) -> dict[str, Any]:
        """What the index is, as JSON; `bytes_per_painting` counts patches and windows."""
        return {
            "kind": KIND,
            "count": len(self),
            "dim": self._store.projection.components.shape[1],
            "side": self.side,
            "cells": self._store.cells,
            "bytes_per_painting": self._store.bytes_per_painting,
            "embedder": getattr(self._embedder, "name", type(self._embedder).__name__),
            "fingerprint": self._embedder.fingerprint,
            "data": self._records.fingerprint,
        }

    def save_pretrained(self, directory: str | Path) -> None:
        """Write the index to a folder, all or nothing.

        Raises:
            PaintingIndexError: the folder holds something else.
        """
        write_index(directory, self._store, self._records, self.describe())

    @classmethod
    def from_pretrained(cls, folder: str | Path, *, embedder: Embedder | None = None) -> Self:
        """Read an index from a folder, and check every byte of it.

        Args:
            folder: what `save_pretrained` wrote.
            embedder: the one it was built with; None loads it by its name.

        Raises:
            PaintingIndexError: missing, damaged, no index of regions, or built with another embedder.
        """
        folder = Path(folder)
        about = read_description(folder)
        if about.get("kind") != KIND:
            raise PaintingIndexError(f"{folder} holds no index of regions; make one with `artextract index-regions`.")
        store, records = RegionStore.load(folder), read_records(folder)
        if not len(records) == len(store) == about["count"]:
            raise PaintingIndexError(f"the index in {folder} does not fit together: its counts differ.")
        network = dense(embedder or AutoEmbedder.from_pretrained(about["embedder"]))
        insist_on(network, about["embedder"], about["fingerprint"])
        return cls(store, records, network, side=about["side"])


def cut(picture: Image.Image, box: Box | None) -> Image.Image:
    """The part of a picture in a box: left, top, width and height in pixels.

    Raises:
        QueryError: the box is not inside the picture, or smaller than MIN_SIDE pixels.
    """
    left, top, width, height = box or (0, 0, *picture.size)
    if not (width >= MIN_SIDE and height >= MIN_SIDE):
        raise QueryError(f"the box is {width:g} x {height:g} pixels; it must be at least {MIN_SIDE} x {MIN_SIDE}.")
    if not (left >= 0 and top >= 0 and left + width <= picture.width and top + height <= picture.height):
        raise QueryError(
            f"the box {left:g},{top:g},{width:g},{height:g} (left, top, width, height) does not lie inside the picture "
            f"of {picture.width} x {picture.height} pixels."
        )
    return picture.crop((round(left), round(top), round(left + width), round(top + height)))


def _template_sides(cells: int, side: int) -> list[tuple[int, int]]:
    """The sizes at which a detail is looked for: its longer side in patches and in pixels."""
    lengths = sorted({max(1, round(share * cells)) for share in TEMPLATE_SHARES})
    return [(length, side * length // cells) for length in lengths]


def _try_sides(network: DenseEmbedder, side: int) -> None:
    """Have a network that does not take the sizes of all templates refuse them now, and not at every search."""
    blank = Image.new("RGB", (side, side), GREY)
    cells = network.maps([blank], side=side).shape[2]
    for _, smaller in _template_sides(cells, side):
        network.maps([blank], side=smaller)


class _Maps:
    """Stands where an embedder stands in `embedded_batches`, and gives maps in place of vectors."""

    def __init__(self, embedder: DenseEmbedder, side: int) -> None:
        self.dim, self.fingerprint = embedder.dim, embedder.fingerprint
        self.sizes: list[tuple[int, int]] = []  # of the pictures seen, width and height
        self.min_side = max(side, DECODED_SIDE)  # of pictures that are worth looking at in this detail
        self._embedder, self._side = embedder, side

    def embed(self, images: Sequence[Any], batch_size: int = 32) -> np.ndarray:
        self.sizes += [picture.size for picture in images]
        return self._embedder.maps([square(picture) for picture in images], side=self._side)


def _fit(sample: Dataset, reader: _Maps) -> Projection:
    """The projection of a collection, fitted to a sample of it."""
    features: list[np.ndarray] = []
    for maps, _ in embedded_batches(sample, reader, SkipList(), min_side=reader.min_side):
        painted = inside(reader.sizes[-len(maps) :], maps.shape[2])
        features.append(maps.transpose(0, 2, 3, 1)[painted])
    if not features:
        raise PaintingIndexError(f"no picture could be indexed ({len(sample)} of them cannot be decoded).")
    return Projection.fit(np.concatenate(features), DIM)
