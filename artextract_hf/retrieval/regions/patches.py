"""Dense features of pictures: a grid of unit vectors each, in which a detail of another picture is looked for.

    picture --pad to a square--> maps (C, h, w) --whiten, reduce, normalise--> patches (h, w, D)
    detail, at several sizes --the same--> templates, each slid over the patches of a painting

Pictures keep their proportions: the shorter side is padded to a square with grey, and patches of the padding are 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from PIL import Image

from artextract_hf.errors import PaintingIndexError
from artextract_hf.retrieval.vectors.scan import units

GREY = (124, 116, 104)  # ImageNet's mean, which is 0 to the networks
SIZE_POWER = 0.2  # measured: 0 loses a tenth of the paintings, 0.4 a tenth of the boxes' overlap
WINDOW_SHARES = (1.0, 0.7, 0.5, 0.35, 0.25)  # sides of the windows, as shares of the painting's


def pad_to_square(picture: Image.Image) -> Image.Image:
    """An RGB picture in the upper left corner of a square of its longer side, the rest grey."""
    side = max(picture.size)
    canvas = Image.new("RGB", (side, side), GREY)
    canvas.paste(picture, (0, 0))
    return canvas


def grid_shape(size: Sequence[float], cells: int) -> tuple[int, int]:
    """Rows and columns of patches that a picture fills on its padded square.

    Args:
        size: width and height of the picture, in any unit.
        cells: patches along each side of the square.
    """
    width, height = size
    rows, columns = (max(1, round(cells * side / max(size))) for side in (height, width))
    return rows, columns


def picture_mask(sizes: Sequence[tuple[int, int]], cells: int) -> np.ndarray:
    """(N, cells, cells) bool: which patches show the picture and not the grey beside it."""
    shapes = np.array([grid_shape(size, cells) for size in sizes])
    place = np.arange(cells)
    return (place < shapes[:, :1])[:, :, None] & (place < shapes[:, 1:])[:, None, :]


@dataclass(frozen=True)
class Projection:
    """From features to short vectors whose components are uncorrelated and of equal variance (PCA whitening; Jégou and
    Chum 2012, "Negative evidences and co-occurrences in image retrieval").

    Attributes:
        mean: (C,) float32.
        components: (C, D) float32.
    """

    mean: np.ndarray
    components: np.ndarray

    @classmethod
    def fit(cls, features: np.ndarray, dim: int) -> Self:
        """Fit to features (M, C); D is `dim`, or less where there are fewer features than that."""
        mean = features.mean(axis=0)
        covariance = np.cov(features - mean, rowvar=False)
        values, vectors = np.linalg.eigh(covariance)  # ascending
        kept = slice(None, -min(dim, len(features) - 1, len(values)) - 1, -1)
        spread = np.sqrt(np.maximum(values[kept], max(1e-6 * values[-1], 1e-12)))  # of blank pictures all are 0
        return cls(mean.astype(np.float32), (vectors[:, kept] / spread).astype(np.float32))

    def __call__(self, maps: np.ndarray) -> np.ndarray:
        """Maps (N, C, h, w) as patches (N, h, w, D) of length 1.

        Raises:
            PaintingIndexError: the maps have another number of channels.
        """
        if maps.shape[1] != len(self.mean):
            raise PaintingIndexError(
                f"the projection of the index is of {len(self.mean)} features, and the embedder gives {maps.shape[1]}."
            )
        return units((maps.transpose(0, 2, 3, 1) - self.mean) @ self.components)


def quantize(patches: np.ndarray) -> np.ndarray:
    """Unit patches as int8, in steps of 1/127."""
    return np.rint(patches * 127).astype(np.int8)


def dequantize(patches: np.ndarray) -> np.ndarray:
    """Quantized patches as float32."""
    return patches.astype(np.float32) / 127


def make_windows(rows: int, columns: int) -> np.ndarray:
    """Overlapping windows of several sizes over a grid, in the manner of R-MAC (Tolias et al. 2016, arXiv 1511.05879).

    Returns:
        (W, 4) int64: top, left, bottom, right; the ends are exclusive. W is the same for every grid.
    """
    found = []
    for share in WINDOW_SHARES:
        steps = np.linspace(0, 1 - share, round(2 / share) - 1)  # half a window from one to the next
        for y in steps:
            for x in steps:
                top, left = int(y * rows), int(x * columns)
                bottom, right = (int(np.ceil((at + share) * side - 1e-9)) for at, side in ((y, rows), (x, columns)))
                found.append((top, left, bottom, right))
    return np.array(found)


def pool_windows(patches: np.ndarray, windows: np.ndarray) -> np.ndarray:
    """The mean patch of every window at length 1: (h, w, D) and (W, 4) to (W, D)."""
    sums = np.zeros((patches.shape[0] + 1, patches.shape[1] + 1, patches.shape[2]), dtype=np.float32)
    sums[1:, 1:] = patches.cumsum(axis=0).cumsum(axis=1)
    top, left, bottom, right = windows.T
    return units(sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left])


def match_templates(templates: Sequence[np.ndarray], patches: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The place at which one of several templates is most similar to the patches below it.

    The score is their mean cosine times (r c / h w) ** SIZE_POWER: a few patches agree by chance more easily than many.

    Args:
        templates: (r, c, D) each, unit patches; one that is larger than the grid is left out.
        patches: (N, h, w, D), unit patches, or 0 where there is nothing.

    Returns:
        For each picture: the score (N,), the number of the template (N,), and its top and left (N, 2) in cells, which
        need not be whole.
    """
    scores = np.full(len(patches), -1, dtype=np.float32)
    which, at = np.zeros(len(patches), dtype=np.int64), np.zeros((len(patches), 2), dtype=np.float32)
    for number, template in enumerate(templates):
        if template.shape[0] > patches.shape[1] or template.shape[1] > patches.shape[2]:
            continue
        peaks, places = _find_peaks(correlate(template, patches))
        peaks = peaks * (np.prod(template.shape[:2]) / np.prod(patches.shape[1:3])) ** SIZE_POWER
        better = peaks > scores
        scores[better], which[better], at[better] = peaks[better], number, places[better]
    return scores, which, at


def correlate(template: np.ndarray, patches: np.ndarray) -> np.ndarray:
    """The mean cosine of a template's patches with those below it, at every place where the template fits.

    Args:
        template: (r, c, D).
        patches: (N, h, w, D), with h >= r and w >= c.

    Returns:
        (N, h - r + 1, w - c + 1) float32.
    """
    rows, columns = template.shape[:2]
    height, width = patches.shape[1] - rows + 1, patches.shape[2] - columns + 1
    cosines = patches @ template.reshape(rows * columns, -1).T
    total = np.zeros((len(patches), height, width), dtype=np.float32)
    for place in range(rows * columns):
        y, x = divmod(place, columns)
        total += cosines[:, y : y + height, x : x + width, place]
    return total / (rows * columns)


def _find_peaks(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The largest of each (N, h, w), and its row and column (N, 2), refined to parts of a cell by a parabola."""
    number = np.arange(len(scores))
    y, x = np.divmod(scores.reshape(len(scores), -1).argmax(axis=1), scores.shape[2])
    padded = np.pad(scores, ((0, 0), (1, 1), (1, 1)), mode="reflect")
    peak = scores[number, y, x]
    rows = _parabola_vertex(padded[number, y, x + 1], peak, padded[number, y + 2, x + 1])
    columns = _parabola_vertex(padded[number, y + 1, x], peak, padded[number, y + 1, x + 2])
    return peak, np.stack([y + rows, x + columns], axis=1)


def _parabola_vertex(before: np.ndarray, peak: np.ndarray, after: np.ndarray) -> np.ndarray:
    """The top of the parabola through three neighbouring values: -0.5 to 0.5 from the middle one."""
    bend = before - 2 * peak + after
    top = np.divide(0.5 * (before - after), bend, out=np.zeros_like(peak), where=bend < 0)
    return np.clip(top, -0.5, 0.5)
