"""The canvas that brushes work on: a scene as flat pixels, and the noise, directions and grain that brushes share."""

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from artextract_hf.data.synthetic.outlines import Floats
from artextract_hf.data.synthetic.scene import Scene, Shape

Pixels = NDArray[np.uint8]

SHIFT = 4  # fractional bits of the points that OpenCV draws
SCALE = 1 << SHIFT


class Canvas:
    """A scene at a size in pixels, with what every brush needs.

    Args:
        scene: what to paint.
        size: width and height in pixels.
        rng: every random number of the brush comes from here.
    """

    def __init__(self, scene: Scene, size: tuple[int, int], rng: np.random.Generator) -> None:
        self.scene, self.size, self.rng = scene, size, rng
        self.unit = min(size) / 256  # brushes are measured on a picture of 256 pixels

    def color(self, role: str) -> Floats:
        """RGB of a role of the palette, (3,) float32."""
        return self.scene.color(role).astype(np.float32)

    def points(self, shape: Shape) -> NDArray[np.int32]:
        """A shape's outline in OpenCV's fixed-point pixels; pixel centres lie at whole numbers."""
        return np.round((shape.points * (self.size[0] / self.scene.width, self.size[1]) - 0.5) * SCALE).astype(np.int32)

    def grid(self) -> tuple[Floats, Floats]:
        """The x and y of every pixel, each (height, width) float32."""
        y, x = np.mgrid[: self.size[1], : self.size[0]].astype(np.float32)
        return x, y

    def flat(self, *, outline: float = 0, gradients: bool = True) -> Pixels:
        """The scene without a brush: (height, width, 3). `outline` is the width of contours in pixels of 256."""
        picture = np.zeros((self.size[1], self.size[0], 3), np.uint8)
        contour = self.scene.color("dark").tolist()
        for shape in self.scene.shapes:
            points = self.points(shape)
            if shape.to is not None and gradients:
                _fill_gradient(picture, points, shape)
            else:
                color = shape.color if shape.to is None else 0.6 * shape.color + 0.4 * shape.to
                cv2.fillPoly(picture, [points], color.tolist(), cv2.LINE_AA, SHIFT)
            if outline and shape.line:
                self.draw_outline(picture, shape, contour, outline)
        return picture

    def draw_outline(self, picture: Pixels, shape: Shape, color: list[float], width: float) -> None:
        """Draw the contour of a shape, `width` pixels of 256 wide and at least one pixel."""
        thickness = max(1, round(width * self.unit))
        cv2.polylines(picture, [self.points(shape)], True, color, thickness, cv2.LINE_AA, SHIFT)

    def noise(self, period: float) -> Floats:
        """Smooth noise with features of `period` pixels (of 256): (height, width), about -1 to 1."""
        width, height = self.size
        step = max(2.0, period * self.unit)
        coarse = self.rng.uniform(-1, 1, (round(height / step) + 3, round(width / step) + 3)).astype(np.float32)
        return cv2.resize(coarse, self.size, interpolation=cv2.INTER_CUBIC).astype(np.float32, copy=False)

    def blurred(self, picture: MatLike, sigma: float) -> MatLike:
        """The picture blurred by a Gaussian of `sigma` pixels (of 256); its type stays."""
        return cv2.GaussianBlur(picture, (0, 0), sigma * self.unit)

    def grained(self, picture: Pixels | Floats, strength: float) -> Pixels:
        """The picture with the grain of its paper."""
        grain = self.rng.normal(0, strength, picture.shape[:2]).astype(np.float32)
        return to_pixels(picture + cv2.GaussianBlur(grain, (0, 0), 0.7)[:, :, None])

    def flow(self, picture: Pixels, sigma: float = 5) -> Floats:
        """Direction of brush strokes, radians (height, width): along the edges, and adrift where there are none.

        The direction across which a smoothed structure tensor changes least (Kyprianidis and Kang 2011).
        """
        gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
        gx, gy = cv2.Sobel(gray, cv2.CV_32F, 1, 0), cv2.Sobel(gray, cv2.CV_32F, 0, 1)
        tensor = self.blurred(np.dstack([gx * gx - gy * gy, 2 * gx * gy]), sigma)
        drift = 1.6 * self.noise(70)
        # A weak edge across the drift: it decides only where the picture has none of its own.
        tensor += 60 * np.dstack([-np.cos(2 * drift), -np.sin(2 * drift)])
        return 0.5 * np.arctan2(tensor[:, :, 1], tensor[:, :, 0]) + np.pi / 2

    def streaks(self, angle: Floats, length: int) -> Floats:
        """White noise smeared along `angle` by `length` pixels to each side: bristle marks, unit variance."""
        height, width = angle.shape
        x, y = self.grid()
        dx, dy = np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)
        smeared = self.rng.normal(0, 1, (height, width)).astype(np.float32)
        step = 1
        while step <= length:  # each round doubles the length
            smeared = 0.5 * (smeared + moved(smeared, x + step * dx, y + step * dy))
            step *= 2
        return smeared / smeared.std()

    def spots(self, spacing: float) -> NDArray[np.intp]:
        """Points (x, y) of a jittered grid, `spacing` pixels (of 256) apart, in random order: (n, 2)."""
        width, height = self.size
        step = spacing * self.unit
        x, y = np.meshgrid(np.arange(0, width, step), np.arange(0, height, step))
        spots = np.stack([x.ravel(), y.ravel()], axis=1) + self.rng.uniform(-0.6, 0.6, (x.size, 2)) * step
        spots = np.clip(np.rint(spots), 0, [width - 1, height - 1]).astype(np.intp)
        return self.rng.permutation(spots)


def _fill_gradient(picture: Pixels, points: NDArray[np.int32], shape: Shape) -> None:
    """Fill a polygon with a linear gradient across its bounding box."""
    assert shape.to is not None
    size = np.array(picture.shape[1::-1])
    low = np.clip(points.min(axis=0) // SCALE - 1, 0, size)
    high = np.clip(points.max(axis=0) // SCALE + 2, 0, size)
    if (high <= low).any():
        return
    width, height = high - low
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [points - (low * SCALE).astype(np.int32)], 255, cv2.LINE_AA, SHIFT)
    dx, dy = np.cos(np.radians(shape.angle)), np.sin(np.radians(shape.angle))
    along = np.linspace(-0.5, 0.5, width)[None, :] * dx + np.linspace(-0.5, 0.5, height)[:, None] * dy
    share = (along / (abs(dx) + abs(dy)) + 0.5)[:, :, None].astype(np.float32)
    region = picture[low[1] : high[1], low[0] : high[0]]
    alpha = mask[:, :, None].astype(np.float32) / 255
    color = shape.color.astype(np.float32) + share * (shape.to - shape.color).astype(np.float32)
    region[:] = np.rint(region + alpha * (color - region))


def moved(picture: MatLike, x: Floats, y: Floats) -> MatLike:
    """The picture that shows at each pixel what stands at (x, y) in the old one; x and y are (height, width)."""
    return cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)


def to_pixels(values: Floats) -> Pixels:
    """Values rounded and clipped to bytes."""
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def embossed(picture: Pixels | Floats, relief: Floats, strength: float) -> Pixels:
    """The picture lit from the upper left, on paint of this relief."""
    slope = cv2.Sobel(relief, cv2.CV_32F, 1, 0, ksize=3) + cv2.Sobel(relief, cv2.CV_32F, 0, 1, ksize=3)
    return to_pixels(picture + strength * slope[:, :, None])
