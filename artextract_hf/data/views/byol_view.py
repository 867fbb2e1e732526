"""The two views of BYOL (Grill et al. 2020, arXiv 2006.07733, appendix B and table 6), made on uint8 in few passes.

Brightness, contrast, saturation and grey are affine in RGB, so that whichever of them follow each other are one
matrix; only hue, a turn of the HSV wheel, stands between. What the composition leaves out is the clipping between two
such steps. `benchmarks/speed/byol_views.py` measures the speed against lightly's transform, the tests compare the
distribution.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import cv2
import numpy as np
from PIL import Image

from artextract_hf.data.views.photograph import Visit, photograph
from artextract_hf.data.views.training_view import LUMA
from artextract_hf.errors import DataError

PHOTO_STRENGTH = 1.7  # views go further than the photographs that a search is measured on
MIN_SIGMA, MAX_SIGMA = 0.1, 2.0  # pixels
SOLARIZE = np.array([value if value < 128 else 255 - value for value in range(256)], dtype=np.uint8)
IDENTITY = np.eye(4)  # colour matrices act on (r, g, b, 1)
BRIGHTNESS, CONTRAST, HUE = 0, 1, 3  # and 2, saturation


@dataclass(frozen=True)
class ByolView:
    """One of the two views; the defaults are what the paper's two have in common.

    Args:
        min_area: smallest share of the painting that a crop keeps; the largest is all of it.
        max_ratio: a crop's sides differ by at most this factor, in pixels.
        flip: probability of a mirror image.
        jitter: probability that colours move at all.
        brightness, contrast, saturation: strength; 0.4 multiplies by 0.6 to 1.4.
        hue: largest turn of the colour wheel, in turns.
        grayscale: probability of a grey view.
        blur: probability of a Gaussian blur of 0.1 to 2 pixels.
        solarize: probability that the upper half of the values is turned over.
        photo: probability that the crop is taken from a visitor's photograph of the painting; not in the paper.
    """

    min_area: float = 0.08
    max_ratio: float = 4 / 3
    flip: float = 0.5
    jitter: float = 0.8
    brightness: float = 0.4
    contrast: float = 0.4
    saturation: float = 0.2
    hue: float = 0.1
    grayscale: float = 0.2
    blur: float = 0.0
    solarize: float = 0.0
    photo: float = 0.0

    def __post_init__(self) -> None:
        shares = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("max_ratio", "min_area")}
        for name, value in shares.items():
            if not 0 <= value <= 1:
                raise DataError(f"ByolView.{name} is {value}; it must lie in [0, 1].")
        if not 0 < self.min_area <= 1 or self.max_ratio < 1 or self.hue > 0.5:
            raise DataError(f"not a view: {self}; min_area lies in (0, 1], max_ratio is at least 1, hue at most 0.5.")

    def __call__(self, image: Image.Image | np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
        """A view of an RGB picture (H, W, 3) as uint8 (size, size, 3)."""
        pixels = np.asarray(image)
        if rng.random() < self.photo:
            pixels = np.asarray(photograph(Image.fromarray(pixels), rng, Visit.random(rng, PHOTO_STRENGTH)))
        pixels = self._crop(pixels, size, rng)
        if rng.random() < self.flip:
            pixels = cv2.flip(pixels, 1)
        pixels = self._recolor(pixels, rng)
        if rng.random() < self.blur:
            pixels = cv2.GaussianBlur(pixels, (0, 0), rng.uniform(MIN_SIGMA, MAX_SIGMA))
        if rng.random() < self.solarize:
            pixels = cv2.LUT(pixels, SOLARIZE)
        return pixels

    def _crop(self, pixels: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
        """A random resized crop; the widest one in the middle where ten draws do not fit, as torchvision has it."""
        height, width = pixels.shape[:2]
        limit = np.log(self.max_ratio)
        for _ in range(10):
            area = height * width * rng.uniform(self.min_area, 1)
            ratio = np.exp(rng.uniform(-limit, limit))
            w, h = round((area * ratio) ** 0.5), round((area / ratio) ** 0.5)
            if 0 < w <= width and 0 < h <= height:
                top, left = rng.integers(0, height - h + 1), rng.integers(0, width - w + 1)
                break
        else:
            w, h = min(width, round(height * self.max_ratio)), min(height, round(width * self.max_ratio))
            top, left = (height - h) // 2, (width - w) // 2
        filter = _filter(max(w, h) / size)
        return cv2.resize(pixels[top : top + h, left : left + w], (size, size), interpolation=filter)

    def _recolor(self, pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Jitter in a random order, then grey; each run of affine steps is one matrix."""
        matrix = IDENTITY
        for step in rng.permutation(4) if rng.random() < self.jitter else ():
            if step == HUE:
                if self.hue:
                    pixels = _turn_hue(_apply(matrix, pixels), rng.uniform(-self.hue, self.hue))
                    matrix = IDENTITY
                continue
            strength = (self.brightness, self.contrast, self.saturation)[step]
            factor = rng.uniform(1 - strength, 1 + strength)
            if step == BRIGHTNESS:
                matrix = _scaling(factor, about=0.0) @ matrix
            elif step == CONTRAST:
                mean = matrix @ np.array([*cv2.mean(pixels)[:3], 1.0])
                matrix = _scaling(factor, about=float(LUMA @ mean[:3])) @ matrix
            else:
                matrix = _saturation(factor) @ matrix
        if rng.random() < self.grayscale:
            matrix = _saturation(0.0) @ matrix
        return _apply(matrix, pixels)


def byol_views(
    blur: Sequence[float] = (1.0, 0.1),
    solarize: Sequence[float] = (0.0, 0.2),
    photo: Sequence[float] = (0.0, 0.0),
    **common: float,
) -> tuple[ByolView, ByolView]:
    """The first and the second view.

    Args:
        blur: probability in each; the paper's by default.
        solarize: probability in each; the paper's by default.
        photo: probability in each; the paper has none.
        common: arguments of ByolView for both.

    Raises:
        DataError: an argument that ByolView does not take.
    """
    try:
        view = ByolView(**common)
        shares = zip(blur, solarize, photo, strict=True)
        first, second = (replace(view, blur=b, solarize=s, photo=p) for b, s, p in shares)
    except (TypeError, ValueError) as error:
        raise DataError(f"not the two views of BYOL: {error}.") from None
    return first, second


def pair_sheet(pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> Image.Image:
    """Pairs of views (size, size, 3) below each other, the first view left."""
    return Image.fromarray(np.concatenate([np.concatenate(pair, axis=1) for pair in pairs]))


def _filter(shrink: float) -> int:
    """Bicubic as in the paper, but where that would alias; up to a factor of two, bilinear still meets every pixel."""
    if shrink <= 1:
        return cv2.INTER_CUBIC
    return cv2.INTER_LINEAR if shrink < 2 else cv2.INTER_AREA


def _scaling(factor: float, *, about: float) -> np.ndarray:
    """(4, 4): values move away from `about` by a factor."""
    matrix = np.diag([factor, factor, factor, 1.0])
    matrix[:3, 3] = (1 - factor) * about
    return matrix


def _saturation(factor: float) -> np.ndarray:
    """(4, 4): colours move away from their grey by a factor; 0 leaves the grey."""
    matrix = np.eye(4)
    matrix[:3, :3] = factor * np.eye(3) + (1 - factor) * LUMA
    return matrix


def _apply(matrix: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """A colour matrix on uint8 (H, W, 3), clipped."""
    return pixels if matrix is IDENTITY else cv2.transform(pixels, matrix[:3])


def _turn_hue(pixels: np.ndarray, turns: float) -> np.ndarray:
    """Turn the HSV wheel of uint8 (H, W, 3); OpenCV's full range has 256 steps a turn."""
    hsv = cv2.cvtColor(pixels, cv2.COLOR_RGB2HSV_FULL)
    hsv[..., 0] += np.uint8(round(turns * 256) % 256)  # wraps, as the wheel does
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB_FULL)
