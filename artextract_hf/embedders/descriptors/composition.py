"""Composition: where a picture has its edges, in which direction, and where its masses lie, whatever the colours.

Colours enter only whitened: RGB is centred, and divided by the root of the picture's own covariance. So brightness,
contrast, the negative and every rotation of the colour cube leave the vector as it is, but for what they clip, and
other changes of colour nearly so. Of an edge its direction counts and not its sign: dark on light is light on dark.
The edges are those of the structure tensor summed over the channels (Di Zenzo 1986, "A note on the gradient of a
multi-image"), pooled in a grid as in GIST (Oliva and Torralba 2001, "Modeling the shape of the scene"); the masses are
the distance of a colour from the mean (Achanta et al. 2009, "Frequency-tuned salient region detection").
"""

from typing import Any, ClassVar

import cv2
import numpy as np

from artextract_hf.data.decode import ImageSource
from artextract_hf.embedders.descriptors.descriptor import Descriptor, split

SIDE = 128  # pixels
DIRECTIONS = ("upright", "rising", "level", "falling")  # of edges, 45 degrees apart
GRID, MASS_GRID = 16, 8  # cells a side
FINE, COARSE = 1.0, 4.0  # deviation of the blur before colours are whitened, and before edges are taken; pixels
FLOOR = 0.1  # least variance of a colour axis, as a share of the largest: weak axes are mostly grain
MASS_WEIGHT = 0.1  # of the squared length; the edges have the rest


class CompositionEmbedder(Descriptor):
    """Layout as a vector: four directions of edges in 16 x 16 cells, and masses in 8 x 8."""

    name: ClassVar[str] = "composition"
    side: ClassVar[int] = SIDE
    parts: ClassVar[dict[str, np.ndarray]] = split(
        {f"{direction} edges": GRID**2 for direction in DIRECTIONS} | {"masses": MASS_GRID**2}
    )
    settings: ClassVar[dict[str, Any]] = {
        "grids": [GRID, MASS_GRID],
        "blurs": [FINE, COARSE],
        "floor": FLOOR,
        "mass_weight": MASS_WEIGHT,
    }
    version: ClassVar[int] = 1

    def describe(self, pixels: np.ndarray) -> np.ndarray:
        """Edges and masses above or below the picture's own mean."""
        colors = whitened(pixels)
        edges = _pooled(edge_maps(colors), GRID)
        masses = _pooled(mass_map(colors)[None], MASS_GRID)
        weighted = ((1 - MASS_WEIGHT, edges), (MASS_WEIGHT, masses))
        return np.concatenate([weight**0.5 * _unit(_centred(values)) for weight, values in weighted])

    def explain(self, picture: ImageSource) -> dict[str, Any]:
        """Where its lines and masses lie.

        Returns:
            `directions`: share of the edges that run so; `level_line` and `upright_line`: where rows, and columns,
            fall best into two parts, as a share of height and width: often a horizon, a table's edge; `balance`:
            centre (x, y) of the masses, as shares; `mirror`: cosine with its mirror image, 1 where it is symmetric.
        """
        pixels = self.pixels(picture)
        colors = whitened(pixels)
        energy = edge_maps(colors).sum(axis=(1, 2))
        masses = mass_map(colors)
        place = (np.arange(SIDE) + 0.5) / SIDE
        total = max(float(masses.sum()), 1e-6)
        one, mirrored = self.embed([pixels, np.ascontiguousarray(pixels[:, ::-1])])
        return {
            "directions": dict(zip(DIRECTIONS, (energy / max(float(energy.sum()), 1e-6)).tolist(), strict=True)),
            "level_line": _best_cut(colors.mean(axis=1)),
            "upright_line": _best_cut(colors.mean(axis=0)),
            "balance": (float(masses.sum(axis=0) @ place / total), float(masses.sum(axis=1) @ place / total)),
            "mirror": float(one @ mirrored),
        }


def whitened(pixels: np.ndarray) -> np.ndarray:
    """Colours (H, W, 3) float32 of mean 0 and about unit covariance, weak axes less; from RGB uint8."""
    smooth = cv2.GaussianBlur(pixels.astype(np.float32), (0, 0), FINE)
    flat = smooth.reshape(-1, 3) - smooth.reshape(-1, 3).mean(axis=0)
    variance, axes = np.linalg.eigh(flat.T @ flat / len(flat))
    scale = 1 / np.sqrt(np.maximum(variance, 0) + FLOOR * variance.max() + 1e-3)  # the last for pictures of one colour
    return (flat @ axes * scale).reshape(smooth.shape).astype(np.float32)


def edge_maps(colors: np.ndarray) -> np.ndarray:
    """Strength of edges in each of DIRECTIONS (4, H, W), from whitened colours (H, W, 3)."""
    smooth = cv2.GaussianBlur(colors, (0, 0), COARSE)
    dx, dy = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, ksize=3), cv2.Sobel(smooth, cv2.CV_32F, 0, 1, ksize=3)
    xx, yy, xy = (dx * dx).sum(axis=2), (dy * dy).sum(axis=2), (dx * dy).sum(axis=2)
    doubled = np.arctan2(2 * xy, xx - yy)  # of the gradient's angle: a gradient and its opposite are one direction
    strength = np.hypot(xx - yy, 2 * xy) ** 0.25  # the root of the gradient: strong edges do not drown the weak
    turns = np.arange(len(DIRECTIONS)) * 2 * np.pi / len(DIRECTIONS)
    return np.stack([strength * np.clip(np.cos(doubled - turn), 0, None) ** 2 for turn in turns])


def mass_map(colors: np.ndarray) -> np.ndarray:
    """How far each colour is from the picture's mean (H, W), from whitened colours."""
    return np.linalg.norm(cv2.GaussianBlur(colors, (0, 0), COARSE), axis=2)


def _best_cut(profile: np.ndarray) -> float:
    """Where colours (SIDE, 3) along a side fall best into two parts, as a share of the side.

    The between-class variance of Otsu (1979, "A threshold selection method from gray-level histograms"), of places.
    """
    before = np.arange(1, SIDE)
    total = np.cumsum(profile, axis=0)
    first, second = total[:-1] / before[:, None], (total[-1] - total[:-1]) / (SIDE - before[:, None])
    between = before * (SIDE - before) * ((first - second) ** 2).sum(axis=1)
    return float(before[between.argmax()]) / SIDE


def _pooled(maps: np.ndarray, grid: int) -> np.ndarray:
    """Means of maps (n, H, W) in cells that overlap by half: (n, grid, grid)."""
    blur = SIDE / grid / 2
    return np.stack(
        [cv2.resize(cv2.GaussianBlur(m, (0, 0), blur), (grid, grid), interpolation=cv2.INTER_AREA) for m in maps]
    )


def _centred(cells: np.ndarray) -> np.ndarray:
    """Each map (n, g, g) less its mean, one behind the other."""
    return (cells - cells.mean(axis=(1, 2), keepdims=True)).ravel()


def _unit(values: np.ndarray) -> np.ndarray:
    return values / max(float(np.linalg.norm(values)), 1e-6)
