"""Lighting: how bright, how contrasted, and from where. Eight numbers, which are all that the vector holds.

    number  ->  share t of its range  ->  (cos(pi t), sin(pi t)), times the root of its weight

So the cosine of two pictures is the weighted mean of cos(pi (t - u)) over the numbers: 1 where they agree, -1 where
they are at opposite ends of the range, and each number's part in it can be read off. All are of CIELAB's lightness L,
which runs from 0 to 100.
"""

from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

import cv2
import numpy as np

from artextract_hf.data.decode import ImageSource
from artextract_hf.embedders.descriptors.descriptor import Descriptor, split, to_lab

SIDE = 128  # pixels
SHADOW, LIGHT = 20, 80  # L below which there is deep shadow, and above which there is full light
DETAIL = 8.0  # deviation of the blur that parts light and shade from detail, pixels

# Range and weight of each number. The ends are about the 1st and 99th percentile of 1,500 paintings of WikiArt.
RANGES = {
    "key": (15.0, 87.0, 0.2),
    "contrast": (3.0, 25.0, 0.15),
    "shadow": (0.0, 0.8, 0.1),
    "light": (0.0, 0.8, 0.1),
    "detail": (4.0, 22.0, 0.05),
    "from_right": (-35.0, 35.0, 0.15),
    "from_above": (-45.0, 65.0, 0.15),
    "spot": (-35.0, 35.0, 0.1),
}


@dataclass(frozen=True)
class Lighting:
    """The light of a picture.

    Attributes:
        key: mean L; low-key pictures are dark.
        contrast: standard deviation of L, of what is left after a blur: chiaroscuro is high.
        shadow: share of deep shadow, 0 to 1.
        light: share of full light, 0 to 1.
        detail: standard deviation of what the blur takes away.
        from_right: by how much L rises from the left edge to the right one, on the plane that fits best.
        from_above: likewise from the lower edge to the upper one.
        spot: mean L of the middle less that of the rim; a lit figure before a dark ground is high.
    """

    key: float
    contrast: float
    shadow: float
    light: float
    detail: float
    from_right: float
    from_above: float
    spot: float

    @classmethod
    def of(cls, lightness: np.ndarray) -> Self:
        """From L (H, W), 0 to 100."""
        height, width = lightness.shape
        x, y = (np.arange(width) + 0.5) / width - 0.5, (np.arange(height) + 0.5) / height - 0.5
        broad = cv2.GaussianBlur(lightness, (0, 0), DETAIL)
        middle = (np.abs(x)[None] < 0.25) & (np.abs(y)[:, None] < 0.25)
        rim = (np.abs(x)[None] > 0.375) | (np.abs(y)[:, None] > 0.375)
        return cls(
            key=float(lightness.mean()),
            contrast=float(broad.std()),
            shadow=float((lightness < SHADOW).mean()),
            light=float((lightness > LIGHT).mean()),
            detail=float((lightness - broad).std()),
            from_right=float(lightness.mean(0) @ x / (x @ x)),
            from_above=-float(lightness.mean(1) @ y / (y @ y)),
            spot=float(lightness[middle].mean() - lightness[rim].mean()),
        )

    @property
    def angle(self) -> float:
        """Where the light comes from: 0 is the right, 90 above, up to 360 degrees."""
        return float(np.degrees(np.arctan2(self.from_above, self.from_right)) % 360)

    @property
    def slope(self) -> float:
        """By how much L rises over the picture in that direction; below about 5 the direction says little."""
        return float(np.hypot(self.from_right, self.from_above))


class LightingEmbedder(Descriptor):
    """Light as a vector: two components a number of `Lighting`."""

    name: ClassVar[str] = "lighting"
    side: ClassVar[int] = SIDE
    parts: ClassVar[dict[str, np.ndarray]] = split(dict.fromkeys(RANGES, 2))
    settings: ClassVar[dict[str, Any]] = {"ranges": RANGES, "shares": [SHADOW, LIGHT], "detail": DETAIL}
    version: ClassVar[int] = 1

    def describe(self, pixels: np.ndarray) -> np.ndarray:
        """The eight numbers, each a point of a half circle."""
        found = asdict(Lighting.of(to_lab(pixels)[:, :, 0]))
        points = []
        for name, (low, high, weight) in RANGES.items():
            turn = np.pi * np.clip((found[name] - low) / (high - low), 0, 1)
            points += [weight**0.5 * np.cos(turn), weight**0.5 * np.sin(turn)]
        return np.array(points)

    def explain(self, picture: ImageSource) -> dict[str, Any]:
        """The numbers of `Lighting`, and `angle` and `slope` of the light."""
        lighting = Lighting.of(to_lab(self.pixels(picture))[:, :, 0])
        return asdict(lighting) | {"angle": lighting.angle, "slope": lighting.slope}
