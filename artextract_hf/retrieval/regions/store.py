"""What a search for regions reads: patches of every painting, and vectors of windows over them.

patches.npy              (N, cells, cells, D) int8, memory-mapped; 0 outside the painting
shares.npy               (N, 2) float32: width and height as shares of the longer side
projection.safetensors   from the network's features to patches
index.faiss, ...         vectors of the windows, see `vectors/store.py`; each painting has the same number
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from artextract_hf.errors import PaintingIndexError
from artextract_hf.retrieval.regions.patches import (
    Projection,
    dequantize,
    grid_shape,
    make_windows,
    match_templates,
    pool_windows,
)
from artextract_hf.retrieval.vectors.arrays import map_array
from artextract_hf.retrieval.vectors.scan import are_numbers, units
from artextract_hf.retrieval.vectors.store import VectorStore

PATCHES, SHARES, PROJECTION = "patches.npy", "shares.npy", "projection.safetensors"
BLOCK = 128  # paintings whose patches are float32 at a time
MIN_PAINTINGS = 10  # as many windows are asked for as this many paintings have; they belong to about a hundred


@dataclass(frozen=True)
class RegionStore:
    """Patches and windows of N paintings.

    Attributes:
        patches: (N, cells, cells, D) int8.
        shares: (N, 2) float32, width and height of the paintings as shares of the longer side.
        projection: what made patches from features.
        windows: (N * W, D), the windows of one painting after those of another.
    """

    patches: np.ndarray
    shares: np.ndarray
    projection: Projection
    windows: VectorStore

    @classmethod
    def build(cls, patches: np.ndarray, shares: np.ndarray, projection: Projection, *, factory: str = "flat") -> Self:
        """Pool the windows of patches, and index them by `factory`, see `vectors/factories.py`."""
        cells = patches.shape[1]
        windows = [make_windows(*grid_shape(share, cells)) for share in shares.tolist()]
        vectors = [pool_windows(dequantize(p), w) for p, w in zip(patches, windows, strict=True)]
        # By inner product, as the vectors of a blank painting are 0, which the cosine does not take.
        store = VectorStore.build(np.concatenate(vectors), factory=factory, metric="ip")
        return cls(patches, shares, projection, store)

    def __len__(self) -> int:
        return len(self.patches)

    @property
    def dim(self) -> int:
        """Length of a patch."""
        return int(self.projection.components.shape[1])

    @property
    def cells(self) -> int:
        """Patches along a painting's longer side."""
        return int(self.patches.shape[1])

    @property
    def bytes_per_painting(self) -> int:
        """What patches and windows take, in memory or on disk."""
        return (self.patches.nbytes + 4 * self.windows.dim * len(self.windows)) // len(self)

    def nearest(
        self, templates: Sequence[np.ndarray], k: int, *, shortlist: int, rows: np.ndarray | None = None
    ) -> np.ndarray:
        """Rows (n,) of the paintings whose windows are nearest to the mean of a template, best first.

        Args:
            templates: (r, c, D) each.
            k: how many paintings come at least, if there are as many.
            shortlist: how many come at most.
            rows: int64, the paintings that may answer; all by default.
        """
        means = np.stack([units(template.mean(axis=(0, 1))) for template in templates])
        each = len(self.windows) // len(self)
        allowed = None if rows is None else (each * rows[:, None] + np.arange(each)).ravel()
        scores, found = self.windows.search(means, each * max(k, MIN_PAINTINGS), rows=allowed)
        order = np.argsort(-scores, axis=None, kind="stable")
        windows = found.ravel()[order]
        paintings = windows[windows >= 0] // each  # -1: an approximate index found no more
        _, first = np.unique(paintings, return_index=True)
        return paintings[np.sort(first)[:shortlist]]

    def locate(self, templates: Sequence[np.ndarray], rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Where in these paintings a template fits best; see `match_templates`."""
        blocks = np.split(rows, range(BLOCK, len(rows), BLOCK))
        found = [match_templates(templates, dequantize(self.patches[block])) for block in blocks]
        scores, which, at = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return scores, which, at

    def save(self, folder: str | Path) -> None:
        """Write the store into a folder."""
        folder = Path(folder)
        np.save(folder / PATCHES, self.patches)
        np.save(folder / SHARES, self.shares)
        (folder / PROJECTION).write_bytes(save(vars(self.projection)))
        self.windows.save(folder)

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read a store that `save` wrote; the patches stay on disk until they are looked at.

        Raises:
            PaintingIndexError: a file is missing, or they do not fit together.
        """
        folder = Path(folder)
        try:
            patches = map_array(folder / PATCHES, np.int8, (None, None, None, None))
            shares = np.array(map_array(folder / SHARES, np.float32, (len(patches), 2)))
            projection = Projection(**load_file(folder / PROJECTION))
        except (OSError, ValueError, TypeError, SafetensorError) as error:
            raise PaintingIndexError(
                f"{folder} holds no regions: {(str(error).splitlines() or ['damaged'])[0]}"
            ) from None
        store = cls(patches, shares, projection, VectorStore.load(folder))
        if not store._fits():
            raise PaintingIndexError(f"the regions in {folder} do not fit together: their counts differ.")
        return store

    def _fits(self) -> bool:
        """Whether patches, shares, projection and windows may be of the same paintings."""
        mean, components = self.projection.mean, self.projection.components
        if mean.ndim != 1 or components.ndim != 2 or {mean.dtype, components.dtype} != {np.dtype(np.float32)}:
            return False
        cells, finite = self.patches.shape[1], are_numbers(mean, 1e12) and are_numbers(components, 1e12)
        lengths = len(mean) == len(components) and self.patches.shape[3] == components.shape[1] == self.windows.dim
        square = len(self) > 0 and cells > 0 and self.patches.shape[2] == cells
        places = bool(((self.shares > 0) & (self.shares <= 1)).all())
        if not (finite and lengths and square and places and self.windows.metric == "ip"):
            return False
        each = len(make_windows(*grid_shape(self.shares[0].tolist(), cells)))
        return len(self.windows) == each * len(self)

    def check(self) -> None:
        """Refuse windows that no search takes; a patch may hold any bytes.

        Raises:
            PaintingIndexError: the store was not made by `build`.
        """
        self.windows.check()
