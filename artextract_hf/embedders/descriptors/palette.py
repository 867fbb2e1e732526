"""Palette: which colours a picture has, and how much of each, wherever they are.

The vector is a histogram in CIELAB, in which each pixel is shared among the eight nearest of bins 20 units apart
(trilinear), so that no colour falls off the edge of a bin; a just noticeable difference is about 2.3 units (Mahy et al.
1994). Of the shares the roots are taken: the cosine of two pictures is then the Bhattacharyya coefficient of their
palettes, and is the sum of what the families of colours have in common.
"""

from typing import Any, ClassVar

import numpy as np

from artextract_hf.data.decode import ImageSource
from artextract_hf.embedders.descriptors.descriptor import Descriptor, from_lab, to_lab

SIDE = 96  # pixels
STEP = 20  # between the bins
LOWEST, SIZE = np.array([0, -100, -120]), (6, 11, 12)  # of L, a and b: all of sRGB lies in it
GREY = 12  # chroma below which a colour has no hue to speak of
# Where each family begins, degrees of hue in CIELAB; the reds lie about 0.
FAMILIES = {
    "reds": -15, "oranges and browns": 45, "yellows and ochres": 75, "greens": 110, "cyans": 180, "blues": 230,
    "purples": 310,
}  # fmt: skip
COLORS = 5  # dominant colours


def _bin_colors() -> np.ndarray:
    """Lab (bins, 3) of the middle of each bin."""
    return np.indices(SIZE).reshape(3, -1).T * STEP + LOWEST


def _families() -> dict[str, np.ndarray]:
    """The bins of each family."""
    _, a, b = _bin_colors().T
    hue = (np.degrees(np.arctan2(b, a)) - FAMILIES["reds"]) % 360 + FAMILIES["reds"]
    family = np.searchsorted(list(FAMILIES.values()), hue, side="right")
    family[np.hypot(a, b) < GREY] = 0
    return {name: np.flatnonzero(family == number) for number, name in enumerate(("greys", *FAMILIES))}


class PaletteEmbedder(Descriptor):
    """Colours as a vector."""

    name: ClassVar[str] = "palette"
    side: ClassVar[int] = SIDE
    parts: ClassVar[dict[str, np.ndarray]] = _families()
    settings: ClassVar[dict[str, Any]] = {"step": STEP, "lowest": LOWEST.tolist(), "size": SIZE}
    version: ClassVar[int] = 1

    def describe(self, pixels: np.ndarray) -> np.ndarray:
        """Roots of the shares of the bins."""
        return np.sqrt(soft_histogram(to_lab(pixels).reshape(-1, 3)))

    def explain(self, picture: ImageSource) -> dict[str, Any]:
        """Its dominant colours, the largest first.

        Returns:
            `colors`: a list of `hex` and `share`; `families`: share of each family of colours; `chroma`: the mean.
        """
        pixels = self.pixels(picture)
        lab = to_lab(pixels).reshape(-1, 3)
        centres, shares = dominant_colors(pixels)
        bins = soft_histogram(lab)
        return {
            "colors": [
                {"hex": "#" + bytes(rgb).hex(), "share": round(float(share), 3)}
                for rgb, share in zip(from_lab(centres), shares, strict=True)
            ],
            "families": {name: round(float(bins[part].sum()), 3) for name, part in self.parts.items()},
            "chroma": float(np.hypot(lab[:, 1], lab[:, 2]).mean()),
        }


def soft_histogram(lab: np.ndarray) -> np.ndarray:
    """Shares (bins,) of CIELAB colours (N, 3); they add up to 1."""
    place = np.clip((lab - LOWEST) / STEP, 0, np.array(SIZE) - 1.001)
    low = place.astype(int)
    high_share = place - low
    shares = np.zeros(int(np.prod(SIZE)))
    for corner in np.indices((2, 2, 2)).reshape(3, -1).T:
        bins = np.ravel_multi_index(tuple((low + corner).T), SIZE)
        shares += np.bincount(bins, np.where(corner, high_share, 1 - high_share).prod(axis=1), len(shares))
    return shares / len(lab)


def dominant_colors(pixels: np.ndarray, count: int = COLORS, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The centres of k-means in CIELAB, the largest cluster first.

    Args:
        pixels: RGB uint8 (..., 3).
        count: how many; fewer come where the picture has fewer colours.
        seed: of the start (k-means++, Arthur and Vassilvitskii 2007).

    Returns:
        Lab colours (k, 3) and their shares of the pixels (k,).
    """
    from sklearn.cluster import KMeans  # half a second, which the vectors do without

    colors, times = np.unique(pixels.reshape(-1, 3), axis=0, return_counts=True)
    lab = to_lab(colors[None])[0].astype(float)
    fitted = KMeans(min(count, len(colors)), n_init=3, random_state=seed).fit(lab, sample_weight=times)
    shares = np.bincount(fitted.labels_, times, len(fitted.cluster_centers_)) / times.sum()
    order = np.argsort(-shares, kind="stable")
    return fitted.cluster_centers_[order], shares[order]
