"""Brushes: seven ways to turn the flat colours of a scene into a painting, from thick strokes to pen lines."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from artextract_hf.data.synthetic.canvas import SCALE, SHIFT, Canvas, Pixels, embossed, moved, to_pixels
from artextract_hf.data.synthetic.outlines import Floats


class Stroke(NamedTuple):
    """A layer of strokes: their width, length and distance in pixels of a picture of 256."""

    width: float
    length: float
    spacing: float


STROKES = (Stroke(9, 22, 7.5), Stroke(5, 15, 5.2), Stroke(3, 9, 4.2))  # the last only where there is detail
DOTS = ((2.9, 4.6), (2.0, 3.7))  # radius, spacing
WARMER = np.array([16, 4, -18])  # RGB
VARNISH = np.array([1.03, 1.0, 0.93], np.float32)  # RGB, factors
SEAL_RED = np.array([186, 48, 36], np.float32)


def _impasto(canvas: Canvas) -> Pixels:
    """Strokes along the edges, broad ones first, fine ones where there is detail; then light on thick paint."""
    base = canvas.flat()
    angle = canvas.flow(base)
    paint_and_relief = np.dstack([canvas.blurred(base, 4), np.full(base.shape[:2], 128, np.uint8)])
    for stroke in STROKES:
        source = canvas.blurred(base, 0.3 * stroke.width).astype(np.uint8, copy=False)
        spots = canvas.spots(stroke.spacing)
        if stroke is STROKES[-1]:
            spots = spots[_detail(base, canvas)[spots[:, 1], spots[:, 0]]]
        _draw_strokes(canvas, paint_and_relief, source, angle, spots, stroke)
    relief = paint_and_relief[:, :, 3].astype(np.float32) / 128 + 0.16 * canvas.streaks(angle, 4)
    return embossed(paint_and_relief[:, :, :3].astype(np.float32), relief, 9)


def _detail(base: Pixels, canvas: Canvas) -> NDArray[np.bool_]:
    """Where a broad brush would lose something: (height, width)."""
    lost = np.abs(base.astype(np.int16) - canvas.blurred(base, 2.5)).max(axis=2)
    return lost > 10


def _draw_strokes(
    canvas: Canvas, target: Pixels, source: Pixels, angle: Floats, spots: NDArray[np.intp], stroke: Stroke
) -> None:
    """Draw one layer of strokes into RGB and relief (height, width, 4), in the colours of `source` at the spots."""
    rng, n = canvas.rng, len(spots)
    colors = source[spots[:, 1], spots[:, 0]].astype(float)
    colors += rng.normal(0, 9, (n, 1)) + rng.normal(0, 7, (n, 3))  # lightness, then hue: colours mixed on the canvas
    values = np.column_stack([np.clip(colors, 0, 255), rng.uniform(90, 170, n)])
    turn = angle[spots[:, 1], spots[:, 0]] + rng.normal(0, 0.12, n)
    reach = rng.uniform(0.35, 0.6, n) * (stroke.length * canvas.unit)
    half = np.stack([np.cos(turn), np.sin(turn)], axis=1) * reach[:, None]
    start, end = np.rint((spots - half) * SCALE).astype(int), np.rint((spots + half) * SCALE).astype(int)
    thick = max(1, round(stroke.width * canvas.unit))
    for a, b, value in zip(start.tolist(), end.tolist(), values.tolist(), strict=True):
        cv2.line(target, a, b, value, thick, cv2.LINE_AA, SHIFT)


def _dots(canvas: Canvas) -> Pixels:
    """Dots of divided colour on a light ground: each warmer or cooler than what it stands for."""
    base, rng = canvas.flat(), canvas.rng
    ground = canvas.blurred(base, 3).astype(np.float32)
    target = to_pixels(ground * 0.7 + canvas.color("paper") * 0.3)
    for radius, spacing in DOTS:
        spots = canvas.spots(spacing)
        n = len(spots)
        colors = base[spots[:, 1], spots[:, 0]] + rng.normal(0, 1.1, (n, 1)) * WARMER + rng.normal(0, 10, (n, 1))
        colors = np.clip(colors, 0, 255)
        sizes = np.rint(radius * canvas.unit * rng.uniform(0.75, 1.15, n) * SCALE).astype(int)
        for spot, size, color in zip((spots * SCALE).tolist(), sizes.tolist(), colors.tolist(), strict=True):
            cv2.circle(target, spot, size, color, cv2.FILLED, cv2.LINE_AA, SHIFT)
    return target


def _glaze(canvas: Canvas) -> Pixels:
    """Soft transitions, a darkened rim, warm varnish on a fine weave."""
    base = canvas.flat().astype(np.float32)
    soft = 0.55 * canvas.blurred(base, 0.8) + 0.45 * canvas.blurred(base, 4)
    width, height = canvas.size
    x, y = np.linspace(-1, 1, width, dtype=np.float32)[None, :], np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    light = 1.06 - 0.28 * (0.6 * x * x + 0.8 * y * y) + 0.05 * canvas.noise(60)
    weave = 1.6 * (np.sin(np.arange(width) * 2.1)[None, :] * np.sin(np.arange(height) * 2.1)[:, None])
    return to_pixels(soft * light[:, :, None] * VARNISH + weave[:, :, None])


def _cutout(canvas: Canvas) -> Pixels:
    """Flat sheets of coloured paper, each with a contour."""
    return canvas.grained(canvas.flat(outline=1.6, gradients=False), 4)


def _facets(canvas: Canvas) -> Pixels:
    """The picture broken by straight lines: each piece is shifted a little, and shaded from one side to the other."""
    base = canvas.flat()
    piece, nearest, side = _broken(canvas)
    pieces = piece.max() + 1
    x, y = canvas.grid()
    shift = canvas.rng.normal(0, 5 * canvas.unit, (2, pieces)).astype(np.float32)
    flat = cv2.medianBlur(moved(base, x + shift[0][piece], y + shift[1][piece]), 5)
    light = 26 * np.sign(side) * np.exp(-nearest / (16 * canvas.unit))
    light -= 70 * np.exp(-((nearest / (0.9 * canvas.unit)) ** 2))
    light += canvas.rng.normal(0, 9, pieces)[piece]
    angle = canvas.flow(base)
    return to_pixels(flat + (light + 5 * canvas.streaks(angle, 3))[:, :, None])


def _broken(canvas: Canvas) -> tuple[NDArray[np.intp], Floats, Floats]:
    """Pieces between eleven straight lines.

    Returns, each (height, width): the number of each pixel's piece, the distance to the nearest line in pixels, and a
    value whose sign says on which side of that line the pixel lies.
    """
    width, height = canvas.size
    x, y = canvas.grid()
    cells = np.zeros((height, width), np.int64)  # bit i: on which side of line i
    nearest = np.full((height, width), 1e9, np.float32)
    side = np.zeros((height, width), np.float32)
    for i in range(11):
        turn = canvas.rng.uniform(0, np.pi)
        px, py = canvas.rng.uniform(0.05, 0.95, 2) * canvas.size
        distance = ((x - px) * np.cos(turn) + (y - py) * np.sin(turn)).astype(np.float32)
        cells |= (distance > 0).astype(np.int64) << i
        side += np.where(np.abs(distance) < nearest, distance - side, 0)
        nearest = np.minimum(nearest, np.abs(distance))
    _, piece = np.unique(cells, return_inverse=True)
    return piece.reshape(cells.shape), nearest, side


def _ink(canvas: Canvas) -> Pixels:
    """Washes of one ink on paper, wet at the edges, with drawn contours and a red seal."""
    washes = _washes(canvas)
    rim = np.abs(washes - canvas.blurred(washes, 2.5))
    pressure = np.clip(0.55 + 0.7 * canvas.noise(22), 0, 1)
    ink = np.clip(0.72 * washes * (1 + 0.16 * canvas.noise(16)) + 0.5 * rim, 0, 0.93)
    ink = np.maximum(ink, _contours(canvas).astype(np.float32) / 255 * pressure * 0.9)
    paper = canvas.color("paper")
    picture = paper + ink[:, :, None] * (canvas.color("dark") - paper)
    _stamp_seal(canvas, picture)
    return canvas.grained(picture, 5)


def _washes(canvas: Canvas) -> MatLike:
    """Five tones of ink with wavering edges: (height, width), 0 for paper to 0.8 for the darkest."""
    x, y = canvas.grid()
    bleed = 2.2 * canvas.unit
    wet = moved(canvas.flat(), x + bleed * canvas.noise(9), y + bleed * canvas.noise(9))
    tone = canvas.blurred(cv2.cvtColor(wet, cv2.COLOR_RGB2GRAY).astype(np.float32), 1.2)
    washes = np.floor(_darkness(tone, 96) * 4.999) / 5
    return canvas.blurred(washes.astype(np.float32), 1.0)


def _darkness(tone: MatLike, lightest: float) -> Floats:
    """How dark each pixel is: 1 at the 2nd percentile of the tones, 0 at the percentile `lightest`."""
    low, high = np.percentile(tone, (2, lightest))
    return np.clip((high - tone) / max(high - low, 1), 0, 1)


def _contours(canvas: Canvas) -> Pixels:
    """The outlines that a draughtsman would draw: (height, width), 255 on a line."""
    width, height = canvas.size
    lines = np.zeros((height, width), np.uint8)
    for shape in canvas.scene.shapes:
        if shape.line:
            canvas.draw_outline(lines, shape, [255], 1)
    return lines


def _stamp_seal(canvas: Canvas, picture: Floats) -> None:
    """A red seal in the lower right corner, with marks carved out of it."""
    width, height = canvas.size
    side, margin = round(17 * canvas.unit), round(9 * canvas.unit)
    rows, columns = slice(height - side - margin, height - margin), slice(width - side - margin, width - margin)
    red = canvas.noise(4)[rows, columns, None] > -0.45
    picture[rows, columns] = np.where(red, SEAL_RED, canvas.color("paper"))


def _pen(canvas: Canvas) -> Pixels:
    """Pen lines that follow the forms, dense where it is dark, over a thin tint."""
    base = canvas.flat()
    tone = canvas.blurred(cv2.cvtColor(base, cv2.COLOR_RGB2GRAY), 0.8).astype(np.float32)
    depth = _darkness(tone, 97)
    angle = canvas.flow(base, 3)
    lines, cross = canvas.streaks(angle, 8), canvas.streaks(angle + 1.0, 8)
    # A streak is a line where it is lower than the tone lets it be; the cross-hatching starts in the shadows.
    ink = np.clip(1.5 * (lines + 2.6 * depth - 1.75), 0, 1)
    ink = np.maximum(ink, np.clip(1.5 * (cross + 3.0 * depth - 2.9), 0, 1))
    outlined = cv2.cvtColor(canvas.flat(outline=1, gradients=False), cv2.COLOR_RGB2GRAY)
    plain = cv2.cvtColor(canvas.flat(gradients=False), cv2.COLOR_RGB2GRAY)
    ink = np.maximum(ink, np.clip((plain.astype(np.float32) - outlined) / 60, 0, 0.9))
    paper = canvas.color("paper")
    tint = paper + 0.5 * (canvas.blurred(base, 2).astype(np.float32) - paper)
    return canvas.grained(tint + (0.92 * ink)[:, :, None] * (canvas.color("dark") - tint), 3)


@dataclass(frozen=True)
class Texture:
    """A way to paint: its words in a title, and its brush."""

    words: str
    paint: Callable[[Canvas], Pixels]


TEXTURES = {
    "impasto": Texture("in thick strokes", _impasto),
    "dots": Texture("in dots", _dots),
    "glaze": Texture("in glazes", _glaze),
    "cutout": Texture("in cut paper", _cutout),
    "facets": Texture("in facets", _facets),
    "ink": Texture("in ink", _ink),
    "pen": Texture("in pen lines", _pen),
}
