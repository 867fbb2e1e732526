"""What the descriptors share: pictures in any form become unit vectors, and a cosine becomes named parts."""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np
from PIL import Image

from artextract_hf.data.decode import ImageSource, decode_image
from artextract_hf.errors import ImageError, ModelError, whole_number


class Descriptor(ABC):
    """An embedder that is a formula.

    Attributes:
        name: what `AutoEmbedder` knows it by.
        side: every picture is described at side x side pixels, whatever its shape.
        parts: the components of the vector that mean something together; every component belongs to one part.
        settings: what the vectors depend on beside the code.
        version: to be raised whenever the code gives other vectors.
    """

    name: ClassVar[str]
    side: ClassVar[int]
    parts: ClassVar[dict[str, np.ndarray]]
    settings: ClassVar[dict[str, Any]]
    version: ClassVar[int]

    def __init__(self) -> None:
        self.dim = sum(map(len, self.parts.values()))
        about = {"name": self.name, "side": self.side, "version": self.version, "settings": self.settings}
        self.fingerprint = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:16]

    @abstractmethod
    def describe(self, pixels: np.ndarray) -> np.ndarray:
        """The vector (dim,) of RGB pixels (side, side, 3) uint8; `embed` brings it to length 1."""

    @abstractmethod
    def explain(self, picture: ImageSource) -> dict[str, Any]:
        """What it sees in a picture, as numbers with names."""

    def embed(self, images: Sequence[ImageSource], batch_size: int = 32) -> np.ndarray:
        """Describe pictures given in any form.

        Args:
            images: the pictures.
            batch_size: pictures in work at a time.

        Returns:
            (N, dim) float32, each row of length 1.

        Raises:
            ImageError: a picture cannot be decoded; the message says which.
            ModelError: a batch size that is no whole number from 1.
        """
        if isinstance(images, str | Path | bytes | Image.Image):
            raise ImageError("embed takes a list of pictures, not a single one.")
        batch_size = whole_number(batch_size, "batch_size", least=1, error=ModelError)
        vectors = np.zeros((len(images), self.dim), dtype=np.float32)
        with ThreadPoolExecutor() as pool:
            for start in range(0, len(images), batch_size):
                rows = range(start, min(start + batch_size, len(images)))
                for row, vector in zip(rows, pool.map(self._vector, rows, images[start : rows.stop]), strict=True):
                    vectors[row] = vector
        return vectors

    def similarity(self, first: ImageSource, second: ImageSource) -> dict[str, float]:
        """What each part adds to the cosine of two pictures; the sum is the cosine."""
        one, other = self.embed([first, second]).astype(float)
        return {name: float(one[part] @ other[part]) for name, part in self.parts.items()}

    def why(self, first: ImageSource, second: ImageSource) -> str:
        """The same in words, the part that adds most first."""
        added = self.similarity(first, second)
        largest = sorted(added, key=lambda name: -abs(added[name]))
        return f"{self.name} {sum(added.values()):.2f}: " + ", ".join(f"{name} {added[name]:+.2f}" for name in largest)

    def pixels(self, image: ImageSource) -> np.ndarray:
        """A picture as `describe` takes it: (side, side, 3) uint8."""
        picture = np.asarray(decode_image(image, min_side=2 * self.side))
        shrinks = min(picture.shape[:2]) > self.side
        size = (self.side, self.side)
        return cv2.resize(picture, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)

    def _vector(self, position: int, image: ImageSource) -> np.ndarray:
        try:
            vector = self.describe(self.pixels(image))
        except ImageError as error:
            raise ImageError(f"picture {position}: {error}") from None
        length = float(np.linalg.norm(vector))
        if length < 1e-6:  # of a blank picture nothing can be said: all such are alike, and near to no other
            return np.full(self.dim, self.dim**-0.5)
        return vector / length


def to_lab(pixels: np.ndarray) -> np.ndarray:
    """CIELAB of RGB pixels uint8 under D65: L from 0 to 100, a and b from about -110 to 100; float32, same shape."""
    lab: np.ndarray = cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    return lab


def from_lab(lab: np.ndarray) -> np.ndarray:
    """RGB uint8 of CIELAB colours (N, 3)."""
    rgb = cv2.cvtColor(lab[None].astype(np.float32), cv2.COLOR_LAB2RGB)[0]
    return np.clip(np.rint(rgb * 255), 0, 255).astype(np.uint8)


def split(sizes: dict[str, int]) -> dict[str, np.ndarray]:
    """Parts of these sizes, one behind the other."""
    ends = np.cumsum(list(sizes.values()))
    return {name: np.arange(end - size, end) for (name, size), end in zip(sizes.items(), ends, strict=True)}
