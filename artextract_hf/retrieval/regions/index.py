"""Search for a part of a picture: a box in the query, a box in every answer.

    paintings --dense features--> patches, and windows over them        `build`
    box of the query, at several sizes --> templates
        --nearest windows--> shortlist --slid over its patches--> the best place in each painting        `search`

On disk an index is a folder: the files of `store.py`, records.parquet and index.json, which holds the SHA-256 of each.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from datasets import Dataset
from PIL import Image

from artextract_hf.data.decode import ImageSource, decode_image
from artextract_hf.data.schema import SkipList
from artextract_hf.embedders.protocol import DenseEmbedder, Embedder, check_protocol, dense
from artextract_hf.errors import PaintingIndexError, QueryError, whole_number
from artextract_hf.retrieval.box import Box
from artextract_hf.retrieval.filters import matching_rows
from artextract_hf.retrieval.fingerprint import check_embedder
from artextract_hf.retrieval.named_embedder import load_named_embedder
from artextract_hf.retrieval.publication import Publishable
from artextract_hf.retrieval.records import RecordTable, ids_of
from artextract_hf.retrieval.regions.features import read_patches
from artextract_hf.retrieval.regions.patches import make_windows
from artextract_hf.retrieval.regions.store import RegionStore
from artextract_hf.retrieval.regions.templates import Templates, check_sides, crop
from artextract_hf.retrieval.storage import find_index, read_index, write_index
from artextract_hf.retrieval.vectors.factories import resolve
from artextract_hf.retrieval.vectors.scan import check_k

KIND = "regions"
SIDE = 448  # pixels: paintings are looked at in twice the detail of most embedders
STRIDE = 32  # of the deepest map of most networks: a side that it divides is covered by whole cells
LARGEST_CELL = 64  # pixels of a painting to a patch: deeper maps than any network's here
SHORTLIST = 100  # paintings that the windows give and the templates decide between


@dataclass(frozen=True)
class RegionHit:
    """A painting that holds the detail, and where.

    Attributes:
        id: of the painting.
        score: mean cosine of the patches of the detail and of its place, less for a small place; at most 1.
        rank: 1 is the best.
        box: the place in the painting.
        record: what is known about the painting.
    """

    id: str
    score: float
    rank: int
    box: Box
    record: dict[str, Any]


class RegionIndex(Publishable):
    """Paintings by their parts. Made by `build` or `from_pretrained`.

    Attributes:
        side: pixels at which the longer side of a painting is looked at.
        embedder_name: what the embedder was loaded by.
        fingerprint: of the embedder.
        skipped: pictures that could not be decoded, and were left out.
    """

    def __init__(
        self,
        store: RegionStore,
        records: RecordTable,
        *,
        side: int,
        embedder: DenseEmbedder | None,
        embedder_name: str,
        fingerprint: str,
    ) -> None:
        """An index of what is given; `build` and `from_pretrained` are easier to use.

        Args:
            store: patches and windows.
            records: one for each painting.
            side: pixels of the longer side at which the patches were made.
            embedder: of the patches; loaded by its name when a query needs it, if it is not given.
            embedder_name: what `AutoEmbedder.from_pretrained` loads it by.
            fingerprint: of the embedder.

        Raises:
            PaintingIndexError: the embedder is not the one of this fingerprint.
        """
        if embedder is not None:
            check_embedder(embedder, embedder_name, fingerprint)
        self._store, self._records, self.side = store, records, side
        self._embedder, self.embedder_name, self.fingerprint = embedder, embedder_name, fingerprint
        self.skipped = SkipList()
        self._loading = threading.Lock()  # the embedder is loaded once

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
            factory: how windows are searched, see `vectors/factories.py`; `flat`, which is exact, suits tens of
                thousands of paintings.
            seed: draws the paintings that the projection is fitted to.
            progress: show a progress bar on a terminal.

        Raises:
            PaintingIndexError: nothing to index, a side that is no multiple of 32, a seed that is no whole number, or
                two records with one id.
            QueryError: an unknown factory.
            ModelError: the embedder takes no pictures of this side or of a detail's, or has no maps.
        """
        side = whole_number(side, "side", least=STRIDE, error=PaintingIndexError)
        seed = whole_number(seed, "seed", least=0, error=PaintingIndexError)
        if side % STRIDE:
            raise PaintingIndexError(f"a search for regions needs a side that is a multiple of {STRIDE}; got {side}.")
        ids_of(dataset)
        check_protocol(embedder)
        network = dense(embedder)
        resolve(factory, len(dataset) * len(make_windows(1, 1)), network.dim)  # refused before the work, not after
        check_sides(network, side)
        found = read_patches(dataset, network, side=side, seed=seed, progress=progress)
        shares = found.sizes / found.sizes.max(axis=1, keepdims=True)
        store = RegionStore.build(found.patches, shares, found.projection, factory=factory)
        index = cls(
            store,
            RecordTable.from_rows(found.records),
            side=side,
            embedder=network,
            embedder_name=getattr(embedder, "name", type(embedder).__name__),
            fingerprint=embedder.fingerprint,
        )
        index.skipped = found.skipped
        return index

    # --- searching --------------------------------------------------------------------------------------------------

    def search(
        self, query: ImageSource, k: int = 5, where: str | None = None, *, box: Box | None = None
    ) -> list[RegionHit]:
        """The paintings that hold a part of a picture, and where they do.

        Args:
            query: a picture in any form.
            k: how many paintings; fewer come where the index has fewer, or `where` leaves fewer.
            where: a filter over the records, see `filters.py`; k answers come if k paintings pass it.
            box: the part of the upright picture to look for; the whole picture by default.

        Raises:
            QueryError: k below 1, a filter that cannot be read, or a box that does not lie inside the picture or is
                smaller than 8 x 8 pixels.
            ImageError: the query is not a picture.
            PaintingIndexError: the embedder is not the one the index was built with.
        """
        return self.search_many([query], k, where, boxes=[box])[0]

    def search_many(
        self,
        queries: Sequence[ImageSource],
        k: int = 5,
        where: str | None = None,
        *,
        boxes: Sequence[Box | None] | None = None,
    ) -> list[list[RegionHit]]:
        """`search` for several queries, each with its box; the answers come in the order of the queries.

        Raises:
            QueryError: another number of boxes than of queries; otherwise as `search`.
        """
        boxes = [None] * len(queries) if boxes is None else boxes
        if len(boxes) != len(queries):
            raise QueryError(f"there are {len(queries)} queries and {len(boxes)} boxes; give one box for each query.")
        rows = self._rows(k, where)
        pairs = zip(queries, boxes, strict=True)
        return [self._search(crop(decode_image(query), box), k, rows) for query, box in pairs]

    def similar_to(self, id_: str, k: int = 5, where: str | None = None, *, box: Box | None = None) -> list[RegionHit]:
        """The paintings that hold a part of one of the index; that painting itself is left out.

        The query is the small picture that the index keeps of the painting, see `thumbnail`.

        Raises:
            QueryError: the index does not hold the id; otherwise as `search`.
        """
        row = self._records.row(id_)
        return self._search(crop(self._records.thumbnail(row), box), k, self._rows(k, where), without=row)

    def _rows(self, k: int, where: str | None) -> np.ndarray | None:
        """The rows that may answer; None if all may."""
        check_k(k)
        return matching_rows(where, self._records.fields)

    def _search(
        self, detail: Image.Image, k: int, rows: np.ndarray | None, *, without: int | None = None
    ) -> list[RegionHit]:
        """The hits of a detail among these rows, without the row that is not to be found."""
        cells = self._store.cells
        templates = Templates.of(detail, self.embedder, self._store.projection, cells=cells, side=self.side)
        wanted = k if without is None else k + 1
        nearest = self._store.nearest(templates.patches, wanted, shortlist=max(SHORTLIST, wanted), rows=rows)
        nearest = nearest if without is None else nearest[nearest != without]
        if not len(nearest):
            return []
        scores, which, at = self._store.locate(templates.patches, nearest)
        boxes = self._boxes(nearest, at, templates.sides[which])
        best = np.argsort(-scores, kind="stable")[:k]
        records = self._records.at(nearest[best].tolist())
        return [
            RegionHit(record["id"], float(scores[i]), rank, boxes[i], record)
            for rank, (i, record) in enumerate(zip(best, records, strict=True), start=1)
        ]

    def _boxes(self, rows: np.ndarray, at: np.ndarray, sides: np.ndarray) -> list[Box]:
        """Places in patches, top and left (n, 2), with widths and heights (n, 2), as boxes inside the paintings."""
        painting = self._store.cells * self._store.shares[rows]
        start, end = at[:, ::-1] / painting, (at[:, ::-1] + sides) / painting
        start, end = np.clip(start, 0, 1), np.clip(end, 0, 1)
        return [Box(*place) for place in np.concatenate([start, end - start], axis=1).tolist()]

    # --- keeping ----------------------------------------------------------------------------------------------------

    def save_pretrained(self, directory: str | Path) -> None:
        """Write the index to a folder, all or nothing; an index that is there already is replaced.

        Raises:
            PaintingIndexError: the folder holds something else.
        """
        write_index(directory, self._store, self._records, self.describe())

    @classmethod
    def from_pretrained(
        cls, name: str | Path, revision: str | None = None, *, embedder: Embedder | None = None
    ) -> Self:
        """Read an index from a folder or a dataset repository of the Hub, and check every byte of it.

        Args:
            name: the folder, or `owner/name` of the repository.
            revision: a branch, a tag or a commit of the repository.
            embedder: of the index; loaded by its name when a query needs it, if it is not given.

        Raises:
            PaintingIndexError: missing, damaged, no index of regions, or built with another embedder.
            ModelError: the given embedder has no maps.
        """
        store, records, about = read_index(find_index(name, revision), RegionStore.load, kind=KIND)
        side = about.get("side")
        if type(side) is not int or side % STRIDE or not STRIDE <= side <= LARGEST_CELL * store.cells:
            raise PaintingIndexError(f"the index of regions {str(name)!r} is damaged: its side is {str(side)[:40]!r}.")
        return cls(
            store,
            records,
            side=side,
            embedder=None if embedder is None else dense(embedder),
            embedder_name=about["embedder"],
            fingerprint=about["fingerprint"],
        )

    # --- what it holds ----------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._records)

    @property
    def ids(self) -> list[str]:
        """Ids of the paintings, in the order of the records."""
        return list(self._records.ids)

    def thumbnail(self, id_: str) -> Image.Image:
        """A small picture of a painting, long side 256 px at most.

        Raises:
            QueryError: the index holds no such painting.
        """
        return self._records.thumbnail(self._records.row(id_))

    @property
    def embedder(self) -> DenseEmbedder:
        """The embedder of the index, loaded by its name when first needed.

        Raises:
            ModelError: it cannot be loaded, or has no maps.
            PaintingIndexError: what has this name now is another one.
        """
        with self._loading:
            if self._embedder is None:
                self._embedder = dense(load_named_embedder(self.embedder_name, self.fingerprint))
            return self._embedder

    def describe(self) -> dict[str, Any]:
        """What the index is, as JSON; `bytes_per_painting` counts patches and windows."""
        return {
            "kind": KIND,
            "count": len(self),
            "dim": self._store.dim,
            "side": self.side,
            "cells": self._store.cells,
            "bytes_per_painting": self._store.bytes_per_painting,
            "embedder": self.embedder_name,
            "fingerprint": self.fingerprint,
            "data": self._records.fingerprint,
        }
