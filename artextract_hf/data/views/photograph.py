"""What a visitor's photograph of a painting looks like: framed, on a wall, at an angle, with glare, blur and JPEG.

Procedural and seeded: a search that is to survive a museum visit is measured on these.
"""

import io
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

JPEG_QUALITY = 40


@dataclass(frozen=True)
class Visit:
    """How a photograph is taken.

    Args:
        frame: width of the frame, as a share of the painting's shorter side.
        wall: how much of the wall is seen on each side, as a share.
        tilt: how far each corner is moved, as a share of the picture's sides.
        glare: brightness of the reflected lamp, 0 to 1.
        blur: deviation of the Gaussian blur, as a share of the shorter side.
        light: how the lamp's colour multiplies red, green and blue.
    """

    frame: float
    wall: float
    tilt: float
    glare: float
    blur: float
    light: tuple[float, float, float]

    @classmethod
    def random(cls, rng: np.random.Generator, strength: float = 1.0) -> "Visit":
        """A visit such as there are many; with a strength above 1, worse ones among them."""
        red, green, blue = rng.uniform(1 - 0.1 * strength, 1 + 0.08 * strength, size=3)
        return cls(
            frame=rng.uniform(0.02, 0.06 * strength),
            wall=rng.uniform(0.0, 0.05 * strength),
            tilt=rng.uniform(0.01, 0.05 * strength),
            glare=rng.uniform(0.1, 0.5 * strength),
            blur=rng.uniform(0.001, 0.005 * strength),
            light=(float(red), float(green), float(blue)),
        )


def photograph(picture: Image.Image, rng: np.random.Generator, visit: Visit | None = None) -> Image.Image:
    """A visitor's photograph of an RGB picture, of about its size.

    Args:
        picture: the painting.
        rng: where the camera stands, where the lamp hangs, the colours of frame and wall.
        visit: how it is taken; None draws one.
    """
    visit = visit or Visit.random(rng)
    pixels = _hang(np.asarray(picture), visit, rng)
    pixels = _look_from_the_side(pixels, visit.tilt, rng).astype(np.float32)
    pixels = pixels * np.array(visit.light, dtype=np.float32)
    lamp = _lamp(pixels.shape[:2], rng)[..., None] * visit.glare
    pixels = pixels * (1 - lamp) + 255 * lamp  # a reflection covers what is below
    sigma = visit.blur * min(picture.size)
    if sigma > 0.05:
        pixels = cv2.GaussianBlur(pixels, (0, 0), sigma)
    encoded = io.BytesIO()
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(encoded, "JPEG", quality=JPEG_QUALITY)
    return Image.open(encoded).convert("RGB")


def _hang(pixels: np.ndarray, visit: Visit, rng: np.random.Generator) -> np.ndarray:
    """The painting in a frame, on a wall."""
    side = min(pixels.shape[:2])
    gold = rng.uniform((90, 60, 20), (200, 160, 90))
    wall = rng.uniform(90, 230) * rng.uniform(0.9, 1.05, size=3)
    for width, color in ((visit.frame, gold), (visit.wall, wall)):
        border = max(1, round(width * side)) if width else 0
        pixels = cv2.copyMakeBorder(
            pixels, border, border, border, border, cv2.BORDER_CONSTANT, value=np.clip(color, 0, 255).tolist()
        )
    return pixels


def _look_from_the_side(pixels: np.ndarray, tilt: float, rng: np.random.Generator) -> np.ndarray:
    """Each corner moves inwards by up to `tilt` of the sides: the picture is seen in perspective."""
    height, width = pixels.shape[:2]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float32)
    inwards = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]])
    moved = corners + inwards * rng.uniform(0, tilt, size=(4, 2)) * (width, height)
    transform = cv2.getPerspectiveTransform(corners, moved.astype(np.float32))
    return cv2.warpPerspective(pixels, transform, (width, height), borderMode=cv2.BORDER_REPLICATE)


def _lamp(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """(H, W), 0 to 1: a soft spot somewhere in the upper half."""
    height, width = shape
    y, x = np.mgrid[0:height, 0:width]
    at_x, at_y = rng.uniform(0, width), rng.uniform(0, height / 2)
    size = rng.uniform(0.1, 0.25) * min(shape)
    return np.exp(-((x - at_x) ** 2 + (y - at_y) ** 2) / (2 * size**2)).astype(np.float32)
