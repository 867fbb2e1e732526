"""A collection as a map that a browser draws: seven bytes a work say where it lies, from when it is, and its cluster.

index --map_collection, once, in the background--> Atlas --packed--> x uint16 | y uint16 | year int16 | cluster uint8
"""

import contextlib
import hashlib
import json
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from artextract_hf.curation import CollectionMap, map_collection, typical_works
from artextract_hf.errors import QueryError
from artextract_hf.retrieval import Hit, PaintingIndex
from spaces_app.view import FIRST_YEAR, LAST_YEAR

SIDE = 2**16 - 1  # of the map; places are whole numbers from 0 to this
UNKNOWN_YEAR = -(2**15)
TYPICAL = 12  # works of a cluster that are shown
TENSORS = ("places", "cluster", "nearness")  # of a map that is kept


@dataclass(frozen=True)
class Atlas:
    """Where the works of a collection lie.

    Attributes:
        ids: (N,) of the works; a work's row is its place in all that follows.
        places: (N, 2) uint16, x to the right and y upwards; each axis is filled.
        years: (N,) int16, the first of a work; UNKNOWN_YEAR where none is known.
        found: the clusters, and the places as they were found.
    """

    ids: Sequence[str]
    places: np.ndarray
    years: np.ndarray
    found: CollectionMap

    @classmethod
    def of(cls, index: PaintingIndex, found: CollectionMap) -> Self:
        """The atlas of an index and its map."""
        low, high = found.places.min(axis=0), found.places.max(axis=0)
        places = (found.places - low) / np.maximum(high - low, 1e-9)
        return cls(index.ids, np.round(SIDE * places).astype(np.uint16), _years(index), found)

    @property
    def packed(self) -> bytes:
        """All x, then all y, years and clusters; little endian, without gaps."""
        x, y = self.places.T.astype("<u2")
        parts = (x, y, self.years.astype("<i2"), self.found.cluster.astype(np.uint8))
        return b"".join(part.tobytes() for part in parts)

    @cached_property
    def typical(self) -> list[list[str]]:
        """Of each cluster the works nearest to its middle, TYPICAL at most."""
        works: dict[str, list[str]] = {name: [] for name in self.found.names}
        for finding in typical_works(self.found, self.ids):
            works[finding.criterion].append(finding.id)
        return [works[name][:TYPICAL] for name in self.found.names]

    def place_of(self, hits: Sequence[Hit]) -> tuple[float, float, int]:
        """Where a picture belongs: the mean of the places of its nearest works, weighted by their similarity.

        t-SNE places no new points, so this is where its relatives are, not where t-SNE would have put it. Of the works
        only those count that are in the cluster of the nearest, since between clusters there is nothing; and the weight
        of each is how much more similar it is than the last of all.

        Args:
            hits: of the search for the picture, one at least, the nearest first.

        Returns:
            x and y from 0 to 1, and the cluster.
        """
        rows = np.array([self._row_of[hit.id] for hit in hits])
        cluster = self.found.cluster[rows]
        weights = np.array([hit.score - hits[-1].score for hit in hits])
        if not weights.any():
            weights[:] = 1
        weights *= cluster == cluster[0]
        x, y = weights @ (self.places[rows] / SIDE) / weights.sum()
        return float(x), float(y), int(cluster[0])

    @cached_property
    def _row_of(self) -> dict[str, int]:
        return {id_: row for row, id_ in enumerate(self.ids)}


class AtlasInTheMaking:
    """The atlas of an index, made in a thread when first asked for, and kept in a folder for the next start.

    Args:
        index: the collection.
        folder: where maps are kept, each under the digest of what it was made from.
    """

    def __init__(self, index: PaintingIndex, folder: Path) -> None:
        self.index, self.folder = index, folder
        self._made: Future[Atlas] | None = None
        self._lock = threading.Lock()

    def get(self) -> Atlas | None:
        """The atlas; None while it is being made, which takes t-SNE seconds for a thousand works.

        Raises:
            PaintingIndexError: the collection is too small.
        """
        with self._lock:
            if self._made is None:
                self._made = Future()
                threading.Thread(target=self._make, args=(self._made,), daemon=True).start()
        return self._made.result() if self._made.done() else None

    def _make(self, made: Future[Atlas]) -> None:
        try:
            made.set_result(Atlas.of(self.index, self._map()))
        except Exception as error:  # noqa: BLE001  (told to each who asks)
            made.set_exception(error)

    def _map(self) -> CollectionMap:
        path = self.folder / f"map-{index_digest(self.index)}.safetensors"
        if (kept := _read(path, len(self.index))) is not None:
            return kept
        found = map_collection(self.index)
        with contextlib.suppress(OSError):  # the next start makes it anew
            self.folder.mkdir(parents=True, exist_ok=True)
            path.write_bytes(_written(found))
        return found


def index_digest(index: PaintingIndex) -> str:
    """SHA-256 of the vectors and the records, from which a map is made; 64 hexadecimal digits."""
    digest = hashlib.sha256(np.ascontiguousarray(index.vectors()).tobytes())
    digest.update(json.dumps(index.records(), sort_keys=True, default=str).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _written(found: CollectionMap) -> bytes:
    tensors = {name: np.ascontiguousarray(getattr(found, name)) for name in TENSORS}
    return save(tensors, {"names": json.dumps(found.names)})


def _read(path: Path, count: int) -> CollectionMap | None:
    """A map that was kept; None where there is none, or only a part of one."""
    try:
        with safe_open(path, framework="np") as file:
            places, cluster, nearness = (file.get_tensor(name) for name in TENSORS)
            found = CollectionMap(places, cluster, nearness, json.loads(file.metadata()["names"]))
    except (OSError, SafetensorError, LookupError, TypeError, ValueError):
        return None
    fits = len(found.places) == len(found.cluster) == count and found.cluster.max() < len(found.names)
    return found if fits else None


def _years(index: PaintingIndex) -> np.ndarray:
    try:
        column = index.column("year")
    except QueryError:  # no record has one
        column = [None] * len(index)
    known = [y if isinstance(y, int) and FIRST_YEAR <= y <= LAST_YEAR else UNKNOWN_YEAR for y in column]
    return np.array(known, dtype=np.int16)
