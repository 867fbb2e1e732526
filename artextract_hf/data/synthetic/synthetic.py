"""Procedural paintings with known truth, for the demo's gallery and for tests that need an answer to check.

    PaintingSpec -> scene (shapes in depth order) -> flat picture -> brush -> PIL image
                      `- truth: horizon, boxes, joints, head yaw

What is where depends on composition, seed and pose only; palette and texture change how it looks. Every number comes
from the seed. The paintings belong to the public domain (CC0).
"""

import difflib
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache

import cv2
import numpy as np
from datasets import Dataset
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from artextract_hf.data.labels import GENRES, UNKNOWN
from artextract_hf.data.schema import make_dataset, new_record, painting_features
from artextract_hf.errors import DataError

Floats = NDArray[np.floating]
Pixels = NDArray[np.uint8]

# What a palette's colours are for, in the order of the table below.
ROLES = (
    "sky", "haze", "sun", "cloud", "far", "mid", "near", "water", "wall",
    "roof", "leaf", "skin", "hair", "cloth", "accent", "dark", "paper",
)  # fmt: skip

_PALETTE_TABLE = {
    # name: (colour of its sun in words, one colour a role)
    "sunlit": ("golden", "6fa3d0 f3e3c2 ffd75e fff6e6 8fa9c9 9db76b 6e9a4b 5c9db8 f0ddbb "
                         "c9684a 4e7f46 f0c6a0 8a5a33 5676b5 e8743b 2f3a4f fbf3e0"),
    "nocturne": ("pale", "0f1f47 3c5e8e f6e7a8 5b78a6 24365f 1f4a56 163540 1d4572 5a6c8c "
                         "33405f 14393a c9b7a6 1b1a2b 6c4f86 f2b84b 0a1024 d8dee9"),
    "fauve": ("red", "2fa6a0 ffc857 e4312b ffe9b8 7b4fa3 e86a92 3fa34d 2765c4 ff9f45 "
                     "d7263d 0b8457 ffb48a 5b2a86 e4312b f9dc3b 1b1b3a fff3d6"),
    "earth": ("dull", "7c8a83 d9c08b f0d28a cdbb94 8a8463 7a6a3a 4f4524 6a756a b89563 "
                      "7a3b22 3c3b1e ddae7c 3a2314 7b2a1e c9862e 1e140c e8d6ae"),
    "rose": ("soft", "a9cbe3 f9dcd6 ffe9a8 fff4f0 b9b4da bfd3a4 9dbb8f 9cc9cf f6e6d8 "
                     "d99a9e 7fa588 f8d5c2 b98a5e e59aae e07a8b 5a4a66 fff7f0"),
    "woodblock": ("vermilion", "2b5c8a f0e2c4 d9442f f7eeda 7e9aa8 a9ad7d 5f7f66 2f6690 e6d3ac "
                               "3a4a5a 3d5b45 f2d7b6 1f1f24 274472 d9442f 1a2530 f4e8cf"),
    "autumn": ("orange", "8fa7b3 f5d9a8 f28c28 fbeacb 9c7a8a d89a3a a65e2e 6d8a96 e9cfa2 "
                         "8c2f1b c7522a efbf97 4a2a1a 5e4b6b e0a526 2b1a14 faecd0"),
}  # fmt: skip

TEXTURES = {
    "impasto": "in thick strokes",
    "dots": "in dots",
    "glaze": "in glazes",
    "cutout": "in cut paper",
    "facets": "in facets",
    "ink": "in ink",
    "pen": "in pen lines",
}

LANDSCAPE_FORMAT, PORTRAIT_FORMAT = (320, 256), (256, 320)  # width, height in pixels


@dataclass(frozen=True)
class Palette:
    """A named set of colours, one a role: RGB, 0 to 255."""

    name: str
    sun_name: str
    colors: dict[str, tuple[int, int, int]]


def _parse_palette(name: str, sun_name: str, table: str) -> Palette:
    colors = [tuple(bytes.fromhex(code)) for code in table.split()]
    return Palette(name, sun_name, dict(zip(ROLES, colors, strict=True)))  # type: ignore[arg-type]


PALETTES = {name: _parse_palette(name, *row) for name, row in _PALETTE_TABLE.items()}


@dataclass(frozen=True)
class Pose:
    """How a figure holds itself; degrees. `left` and `right` are sides of the picture, not of the figure.

    Args:
        yaw: turn of the head: 0 looks at us, positive at the right edge of the picture; -75 to 75.
        arms: how far the left and the right upper arm are raised from hanging; 0 to 150.
        elbows: how far each elbow is bent outwards; 0 to 140.
    """

    yaw: float = 0.0
    arms: tuple[float, float] = (14.0, 14.0)
    elbows: tuple[float, float] = (12.0, 12.0)

    def __post_init__(self) -> None:
        _check_range("yaw", [self.yaw], -75, 75)
        _check_range("arms", self.arms, 0, 150)
        _check_range("elbows", self.elbows, 0, 140)

    @property
    def facing(self) -> str:
        """`left`, `right`, or `front` within 10 degrees of looking at us."""
        return "front" if abs(self.yaw) < 10 else "right" if self.yaw > 0 else "left"

    def mirrored(self) -> "Pose":
        """The same pose in a mirror."""
        return Pose(-self.yaw, self.arms[::-1], self.elbows[::-1])


@dataclass(frozen=True)
class PaintingSpec:
    """All that decides a painting.

    Args:
        texture: one of TEXTURES.
        palette: one of PALETTES.
        composition: one of COMPOSITIONS.
        seed: not negative; another seed is another scene.
        pose: of the figure, where the composition has one.
    """

    texture: str
    palette: str
    composition: str
    seed: int = 0
    pose: Pose = field(default_factory=Pose)

    def __post_init__(self) -> None:
        _check_name("texture", self.texture, TEXTURES)
        _check_name("palette", self.palette, PALETTES)
        _check_name("composition", self.composition, COMPOSITIONS)
        if self.seed < 0:
            raise DataError(f"the seed of a painting is not negative; got {self.seed}.")

    @property
    def truth(self) -> "Truth":
        """What the painting shows, and where."""
        return _scene(self).truth()

    @property
    def title(self) -> str:
        """A title that says what is to be seen, and how it is painted."""
        return f"{_scene(self).motif}, {TEXTURES[self.texture]}"

    @property
    def format(self) -> tuple[int, int]:
        """The natural width and height in pixels."""
        return COMPOSITIONS[self.composition].format


@dataclass(frozen=True)
class Truth:
    """What a painting shows. Positions are shares of its width (x) and height (y), from the upper left corner.

    Args:
        horizon: height at which sky meets ground or sea; None indoors.
        boxes: object -> (left, top, right, bottom) of all of it that lies in the picture, also where it is covered.
        joints: of a figure: head, eyes, shoulders, elbows, ... -> (x, y).
        yaw: turn of the head in degrees, None where nobody is shown.
    """

    horizon: float | None
    boxes: dict[str, tuple[float, float, float, float]]
    joints: dict[str, tuple[float, float]]
    yaw: float | None


def paint(spec: PaintingSpec, size: tuple[int, int] | None = None) -> Image.Image:
    """The painting as an RGB picture.

    Args:
        spec: what to paint.
        size: width and height in pixels; by default the composition's own format. Another shape stretches the scene.
    """
    size = size or spec.format
    _check_range("size", size, 32, 4096)
    canvas = _Canvas(_scene(spec), size, np.random.default_rng([spec.seed, *spec.texture.encode()]))
    return Image.fromarray(_BRUSHES[spec.texture](canvas))


def object_map(spec: PaintingSpec, size: tuple[int, int] | None = None) -> tuple[NDArray[np.int32], list[str]]:
    """Which object each pixel shows: indices (height, width) into the list of names.

    The map is that of the scene before the brush, whose strokes reach over edges by their own width.
    """
    width, height = size or spec.format
    scene = _scene(spec)
    names = list(dict.fromkeys(shape.of for shape in scene.shapes))
    labels = np.zeros((height, width), np.int32)
    for shape in scene.shapes:
        cv2.fillPoly(
            labels, [scene.to_pixels(shape.points, (width, height))], names.index(shape.of), cv2.LINE_8, _SHIFT
        )
    return labels, names


# --- Scenes: shapes in depth order. One unit is the height of the picture; x runs from 0 to the scene's `width`. ------

_SHIFT = 4  # fractional bits of OpenCV's polygon points
_SCALE = 1 << _SHIFT


@dataclass(frozen=True)
class _Shape:
    points: Floats  # (n, 2)
    color: Floats
    to: Floats | None  # at the far end of a gradient
    angle: float  # of the gradient, degrees: 90 runs down, 0 to the right
    of: str  # the object it is a part of
    line: bool  # whether a draughtsman would outline it


class _Scene:
    """Collects shapes, and the truth with them."""

    def __init__(self, spec: PaintingSpec) -> None:
        native = COMPOSITIONS[spec.composition].format
        self.width = native[0] / native[1]
        self.rng = np.random.default_rng([spec.seed, *spec.composition.encode()])
        self.palette = PALETTES[spec.palette]
        self.pose = spec.pose
        self.shapes: list[_Shape] = []
        self.horizon: float | None = None
        self.joints: dict[str, tuple[float, float]] = {}
        self.yaw: float | None = None
        self.motif = ""

    def __getitem__(self, role: str) -> Floats:
        return np.array(self.palette.colors[role], dtype=float)

    def mix(self, a: str | Floats, b: str | Floats, share: float) -> Floats:
        """`a` with this share of `b`."""
        return self.color(a) * (1 - share) + self.color(b) * share

    def color(self, value: str | Floats) -> Floats:
        return self[value] if isinstance(value, str) else value

    def add(
        self,
        points: ArrayLike,
        color: str | Floats,
        to: str | Floats | None = None,
        *,
        of: str,
        angle: float = 90,
        line: bool = True,
    ) -> None:
        """Put a polygon in front of all that is there."""
        end = None if to is None else self.color(to)
        self.shapes.append(_Shape(np.asarray(points, float), self.color(color), end, angle, of, line))

    def to_pixels(self, points: Floats, size: tuple[int, int]) -> NDArray[np.int32]:
        """Scene points in OpenCV's fixed-point pixels; pixel centres lie at whole numbers."""
        return np.round((points * (size[0] / self.width, size[1]) - 0.5) * _SCALE).astype(np.int32)

    def truth(self) -> Truth:
        share = np.array([1 / self.width, 1.0])
        boxes = {}
        for name in dict.fromkeys(shape.of for shape in self.shapes):
            points = np.concatenate([shape.points for shape in self.shapes if shape.of == name]) * share
            left, top = np.clip(points.min(axis=0), 0, 1)
            right, bottom = np.clip(points.max(axis=0), 0, 1)
            if right > left and bottom > top:
                boxes[name] = (float(left), float(top), float(right), float(bottom))
        joints = {name: (x / self.width, y) for name, (x, y) in self.joints.items()}
        return Truth(self.horizon, boxes, joints, self.yaw)


@cache
def _circle(n: int) -> Floats:
    angle = np.linspace(0, 2 * np.pi, n, endpoint=False)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _ellipse(x: float, y: float, rx: float, ry: float, n: int = 28) -> Floats:
    return _circle(n) * (rx, ry) + (x, y)


def _rectangle(left: float, top: float, right: float, bottom: float) -> Floats:
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)])


def _blob(rng: np.random.Generator, x: float, y: float, rx: float, ry: float, wobble: float = 0.13) -> Floats:
    """An ellipse with a lumpy outline."""
    n = 30
    angle = np.arange(n) * 2 * np.pi / n
    lumps = sum(rng.uniform(-1, 1) / k**0.5 * np.sin(k * angle + rng.uniform(0, 7)) for k in range(2, 7))
    return _circle(n) * (1 + wobble * np.asarray(lumps)[:, None]) * (rx, ry) + (x, y)


def _smooth(points: ArrayLike, rounds: int = 2) -> Floats:
    """Cut the corners of a closed polygon (Chaikin 1974)."""
    p = np.asarray(points, float)
    for _ in range(rounds):
        following = np.roll(p, -1, axis=0)
        p = np.stack([0.75 * p + 0.25 * following, 0.25 * p + 0.75 * following], axis=1).reshape(-1, 2)
    return p


def _limb(*joints: tuple[float, float, float]) -> Floats:
    """A tapering limb through (x, y, half width) points."""
    p = np.asarray(joints, float)
    along = np.gradient(p[:, :2], axis=0)
    across = np.stack([-along[:, 1], along[:, 0]], axis=1) / np.linalg.norm(along, axis=1, keepdims=True)
    return _smooth(np.concatenate([p[:, :2] + across * p[:, 2:], (p[:, :2] - across * p[:, 2:])[::-1]]), 2)


def _turned(x: float, profile: Iterable[tuple[float, float]]) -> Floats:
    """The outline of a body of revolution about the upright line at `x`, through (y, half width) points."""
    p = np.asarray(list(profile), float)
    right = np.stack([x + p[:, 1], p[:, 0]], axis=1)
    left = np.stack([x - p[:, 1], p[:, 0]], axis=1)[::-1]
    return _smooth(np.concatenate([right, left]), 2)


def _ridge(rng: np.random.Generator, width: float, base: float, height: float, rough: float, bottom: float) -> Floats:
    """Hills from edge to edge: crests between `base - height` and `base`, filled down to `bottom`."""
    x = np.linspace(0, width, 48)
    waves = sum(np.sin(x * k * rng.uniform(2, 4) + rng.uniform(0, 7)) / k**rough for k in (1, 2, 3, 5, 8))
    waves = np.asarray(waves)
    crest = base - height * (waves - waves.min()) / (waves.max() - waves.min())
    return np.concatenate([np.stack([x, crest], axis=1), [(width, bottom), (0, bottom)]])


def _sky(s: _Scene, horizon: float) -> None:
    """Sky down to the horizon, a sun with its glow, and a few clouds."""
    s.horizon = horizon
    s.add(_rectangle(0, 0, s.width, horizon), "sky", "haze", of="sky", line=False)
    x, y = s.rng.uniform(0.15, 0.85) * s.width, horizon * s.rng.uniform(0.25, 0.6)
    radius = s.rng.uniform(0.045, 0.075)
    for glow in (2.3, 1.7, 1.3):
        s.add(_ellipse(x, y, radius * glow, radius * glow), s.mix("haze", "sun", 0.75 / glow), of="sky", line=False)
    s.add(_ellipse(x, y, radius, radius), "sun", of="sun")
    for _ in range(s.rng.integers(2, 5)):
        _cloud(s, s.rng.uniform(0, s.width), horizon * s.rng.uniform(0.12, 0.75), s.rng.uniform(0.05, 0.11))


def _cloud(s: _Scene, x: float, y: float, size: float) -> None:
    for _ in range(5):
        dx, dy = s.rng.normal(0, size * 0.9), s.rng.uniform(-0.3, 0.15) * size
        lump = _blob(s.rng, x + dx, y + dy, size * s.rng.uniform(0.6, 1.1), size * s.rng.uniform(0.22, 0.4), 0.08)
        lump[:, 1] = np.minimum(lump[:, 1], y + 0.18 * size)  # clouds are flat below
        s.add(lump, "cloud", s.mix("cloud", "sky", 0.3), of="sky", line=False)


def _tree(s: _Scene, x: float, foot: float, height: float, name: str) -> None:
    """A tree that casts a shadow: tall and slender, or round with three tones of foliage."""
    s.add(
        _ellipse(x + 0.14 * height, foot, 0.34 * height, 0.05 * height),
        s.mix("near", "dark", 0.4),
        of="field",
        line=False,
    )
    trunk = s.mix("hair", "dark", 0.3)
    if s.rng.random() < 0.35:
        s.add(_limb((x, foot, 0.03 * height), (x, foot - 0.2 * height, 0.025 * height)), trunk, of=name)
        flame = [(foot - 0.08 * height, 0.06), (foot - 0.3 * height, 0.13), (foot - 0.7 * height, 0.09)]
        outline = _turned(x, [(y, w * height) for y, w in flame] + [(foot - height, 0.005 * height)])
        s.add(outline, "leaf", s.mix("leaf", "dark", 0.55), of=name, angle=0)
        return
    lean = s.rng.uniform(-0.06, 0.06) * height
    fork = foot - 0.45 * height
    s.add(_limb((x, foot, 0.05 * height), (x + lean, fork, 0.03 * height)), trunk, of=name)
    for side in (-1, 1):
        tip = (x + lean + side * 0.16 * height, foot - 0.62 * height, 0.01 * height)
        s.add(_limb((x + lean, fork, 0.022 * height), tip), trunk, of=name, line=False)
    tones = (s.mix("leaf", "dark", 0.4), s.color("leaf"), s.mix("leaf", "sun", 0.35))
    for tone, (dx, dy, r, count) in zip(
        tones, ((0, 0, 0.2, 5), (-0.03, -0.04, 0.16, 5), (-0.07, -0.09, 0.08, 5)), strict=True
    ):
        for _ in range(count):
            cx = x + lean + (dx + s.rng.normal(0, 0.11)) * height
            cy = foot - 0.72 * height + (dy + s.rng.normal(0, 0.07)) * height
            s.add(_blob(s.rng, cx, cy, r * height, r * 0.85 * height), tone, of=name, line=tone is tones[0])


def _house(s: _Scene, x: float, foot: float, size: float, name: str) -> None:
    """A house seen at a corner: lit front, shaded side, roof, chimney, door and windows."""
    front, side, tall = size, 0.55 * size, 0.6 * size
    shade = s.mix("wall", "dark", 0.35)
    eaves, rise = foot - tall, 0.5 * size
    s.add(
        _rectangle(x + front * 0.62, eaves - rise * 0.9, x + front * 0.76, eaves), s.mix("roof", "dark", 0.35), of=name
    )
    s.add(_rectangle(x, eaves, x + front, foot), "wall", s.mix("wall", "haze", 0.4), of=name)
    s.add([(x + front, eaves), (x + front + side, eaves + 0.06 * size), (x + front + side, foot - 0.05 * size),
           (x + front, foot)], shade, of=name)  # fmt: skip
    gable = x + front + side * 0.45
    s.add([(x + front, eaves), (gable, eaves - rise * 0.95), (x + front + side, eaves + 0.06 * size)], shade, of=name)
    s.add([(x - 0.07 * size, eaves + 0.05 * size), (x + 0.3 * size, eaves - rise), (gable, eaves - rise),
           (x + front + 0.03 * size, eaves + 0.05 * size)], "roof", s.mix("roof", "dark", 0.25), of=name)  # fmt: skip
    glass = s.mix("accent", "sun", 0.5) if s.palette.name == "nocturne" else s.mix("dark", "water", 0.35)
    for left in (0.14, 0.66):
        s.add(
            _rectangle(x + left * front, eaves + 0.3 * tall, x + (left + 0.18) * front, eaves + 0.62 * tall),
            glass,
            of=name,
        )
    s.add(
        _rectangle(x + 0.41 * front, eaves + 0.42 * tall, x + 0.58 * front, foot), s.mix("roof", "dark", 0.45), of=name
    )


def _landscape(s: _Scene) -> None:
    horizon = float(s.rng.uniform(0.38, 0.52))
    _sky(s, horizon)
    s.add(
        _ridge(s.rng, s.width, horizon, 0.16, 0.9, horizon + 0.02),
        s.mix("far", "haze", 0.35),
        s.mix("far", "haze", 0.6),
        of="hills",
    )
    s.add(_ridge(s.rng, s.width, horizon + 0.01, 0.07, 1.2, horizon + 0.04), s.mix("far", "mid", 0.5), of="hills")
    s.add(_rectangle(0, horizon, s.width, 1), "mid", "near", of="field", line=False)
    _fields(s, horizon)
    _river(s, horizon)
    houses = int(s.rng.integers(0, 4))
    start = s.rng.uniform(0.05, 0.5) * s.width
    for number in range(houses):
        size = s.rng.uniform(0.09, 0.13)
        _house(s, start + number * 0.2, horizon + 0.09 + 0.035 * number, size, f"house-{number + 1}")
    trees = int(s.rng.integers(3, 7))
    depths = np.sort(s.rng.uniform(0.08, 0.46, trees))
    for number, depth in enumerate(depths, start=1):
        x = (s.rng.uniform(0.0, 0.3) + 0.7 * (s.rng.random() < 0.5)) * s.width
        _tree(s, x, horizon + depth, 0.12 + 0.75 * depth, f"tree-{number}")
    _flowers(s, 40)
    s.motif = f"Landscape with a {s.palette.sun_name} sun"
    if houses > 1:
        s.motif = f"Landscape with {('two', 'three')[houses - 2]} houses"


def _fields(s: _Scene, horizon: float) -> None:
    """Bands that widen towards us, in the colours of crops."""
    edges = horizon + (1 - horizon) * np.array([0.06, 0.16, 0.32, 0.56, 0.8]) ** 1.1
    for top in edges:
        color = s.mix(
            s.mix("mid", "near", s.rng.random()), ("accent", "sun", "leaf")[s.rng.integers(3)], s.rng.uniform(0.1, 0.4)
        )
        s.add(
            _ridge(s.rng, s.width, top, 0.1 * (top - horizon) + 0.015, 1.3, 1),
            color,
            s.mix(color, "near", 0.7),
            of="field",
        )


def _river(s: _Scene, horizon: float) -> None:
    """Water or a road that winds from the horizon to our feet."""
    t = np.linspace(0, 1, 14)
    swing = s.rng.uniform(0.1, 0.25) * s.width * (1 if s.rng.random() < 0.5 else -1)
    middle = s.width * s.rng.uniform(0.35, 0.65) + swing * np.sin(t * 4.2) * (0.25 + t)
    y = horizon + 0.035 + (0.975 - horizon) * t**1.7
    half = 0.006 + 0.15 * t**1.8
    points = np.concatenate([np.stack([middle - half, y], axis=1), np.stack([middle + half, y], axis=1)[::-1]])
    water = s.rng.random() < 0.6
    near, far = (
        ("water", s.mix("water", "haze", 0.5)) if water else (s.mix("wall", "near", 0.2), s.mix("wall", "haze", 0.4))
    )
    s.add(points, far, near, of="river" if water else "road")


def _flowers(s: _Scene, count: int) -> None:
    for _ in range(count):
        y = 0.8 + 0.2 * s.rng.random() ** 0.7
        r = 0.004 + 0.02 * (y - 0.75)
        x = s.rng.uniform(0, s.width)
        color = ("accent", "cloud", "cloth", "sun")[s.rng.integers(4)]
        s.add(_limb((x, y, 0.2 * r), (x + r, y + 3 * r, 0.2 * r)), "leaf", of="flowers", line=False)
        s.add(_ellipse(x, y, r, 0.8 * r, 9), color, of="flowers", line=False)


def _seascape(s: _Scene) -> None:
    horizon = float(s.rng.uniform(0.4, 0.58))
    _sky(s, horizon)
    sun = next(shape for shape in s.shapes if shape.of == "sun").points.mean(axis=0)
    s.add(
        _rectangle(0, horizon, s.width, 1),
        s.mix("water", "haze", 0.35),
        s.mix("water", "dark", 0.35),
        of="sea",
        line=False,
    )
    _waves(s, horizon, float(sun[0]))
    if s.rng.random() < 0.6:
        _cliff(s, horizon)
    boats = int(s.rng.integers(1, 4))
    for number, depth in enumerate(np.sort(s.rng.uniform(0.05, 0.32, boats)), start=1):
        _boat(s, s.rng.uniform(0.15, 0.85) * s.width, horizon + depth, 0.09 + 0.55 * depth, f"boat-{number}")
    if s.rng.random() < 0.5:
        s.add(_ridge(s.rng, s.width, 0.95, 0.06, 1.5, 1), s.mix("wall", "haze", 0.3), "wall", of="beach")
    s.motif = f"The sea with {('a boat', 'two boats', 'three boats')[boats - 1]}"


def _waves(s: _Scene, horizon: float, sun_x: float) -> None:
    """Lens-shaped crests, larger towards us, and the sun's path on them."""
    for y in horizon + (1 - horizon) * np.sort(s.rng.random(110)) ** 1.3:
        depth = (y - horizon) / (1 - horizon)
        x, rx = s.rng.uniform(0, s.width), 0.015 + 0.1 * depth * s.rng.random()
        color = s.mix("water", ("cloud", "sky", "dark")[s.rng.integers(3)], s.rng.uniform(0.15, 0.45))
        s.add(_ellipse(x, y, rx, 0.0025 + 0.007 * depth, 14), color, of="sea", line=False)
    for y in np.linspace(horizon + 0.01, 0.97, 34):
        depth = (y - horizon) / (1 - horizon)
        x = sun_x + s.rng.normal(0, 0.012 + 0.06 * depth)
        color = s.mix("sun", "water", s.rng.uniform(0.05, 0.5))
        s.add(_ellipse(x, y, 0.012 + 0.05 * depth, 0.0025 + 0.005 * depth, 14), color, of="sea", line=False)


def _cliff(s: _Scene, horizon: float) -> None:
    side = -1 if s.rng.random() < 0.5 else 1
    reach = s.rng.uniform(0.28, 0.42) * s.width
    profile = [(0, -0.22), (0.35, -0.2), (0.6, -0.15), (0.72, -0.1), (0.8, -0.02), (1, 0.0), (1, 0.03), (0, 0.05)]
    edge = 0 if side < 0 else s.width
    points = [(edge - side * reach * t, horizon + dy + s.rng.normal(0, 0.008)) for t, dy in profile]
    s.add(points, s.mix("far", "wall", 0.45), s.mix("far", "dark", 0.25), of="cliff")
    top = [*points[:5], *[(x, y + 0.035) for x, y in points[4::-1]]]
    s.add(top, "mid", s.mix("mid", "leaf", 0.6), of="cliff", line=False)


def _boat(s: _Scene, x: float, y: float, size: float, name: str) -> None:
    """A small sailing boat, and its reflection below it."""
    hull = np.array([(-0.5, -0.1), (0.55, -0.13), (0.4, 0.06), (-0.38, 0.06)]) * size + (x, y)
    sail = np.array([(0.02, -1.0), (0.5, -0.2), (0.02, -0.17)]) * size + (x, y)
    jib = np.array([(-0.03, -0.9), (-0.03, -0.19), (-0.42, -0.17)]) * size + (x, y)
    for part, color in ((sail, "cloud"), (hull, "roof")):
        mirrored = part * (1, -0.55) + (0, 1.55 * y + 0.09 * size)
        s.add(mirrored, s.mix("water", color, 0.4), of="sea", line=False)
    s.add(_rectangle(x - 0.02 * size, y - 1.05 * size, x + 0.015 * size, y - 0.1 * size), "dark", of=name)
    s.add(sail, "cloud", s.mix("cloud", "far", 0.35), of=name, angle=0)
    s.add(jib, ("accent", "cloud", "wall")[s.rng.integers(3)], of=name)
    s.add(hull, "roof", s.mix("roof", "dark", 0.5), of=name)
    s.add([(hull[0] + (0, 0)), hull[1], hull[1] + (-0.01 * size, 0.035 * size), hull[0] + (0.01 * size, 0.035 * size)],
          "cloud", of=name, line=False)  # fmt: skip


def _cityscape(s: _Scene) -> None:
    horizon = float(s.rng.uniform(0.56, 0.64))
    _sky(s, horizon)
    x = -0.05
    while x < s.width:  # roofs far behind, in the haze
        w, tall = s.rng.uniform(0.05, 0.11), s.rng.uniform(0.1, 0.22)
        tone = s.mix("far", "haze", s.rng.uniform(0.3, 0.5))
        s.add(
            [
                (x, horizon),
                (x, horizon - tall),
                (x + w / 2, horizon - tall - 0.04),
                (x + w, horizon - tall),
                (x + w, horizon),
            ],
            tone,
            s.mix(tone, "haze", 0.4),
            of="roofs",
        )
        x += 0.85 * w
    tower = s.rng.uniform(0.25, 0.75) * s.width
    _tower(s, tower, horizon)
    canal = s.rng.random() < 0.55
    ground = "water" if canal else s.mix("wall", "dark", 0.3)
    s.add(
        _rectangle(0, horizon, s.width, 1),
        s.mix(ground, "haze", 0.4),
        ground,
        of="canal" if canal else "square",
        line=False,
    )
    x, number = -0.03, 0
    while x < s.width:
        w, number = s.rng.uniform(0.13, 0.2), number + 1
        if abs(x + w / 2 - tower) > 0.1:
            _facade(s, x, horizon + 0.02, w, s.rng.uniform(0.24, 0.38), f"house-{number}", reflected=canal)
        x += w
    if canal:
        _waves(s, horizon + 0.06, tower)
        _bridge(s, horizon)
    else:
        for _ in range(int(s.rng.integers(4, 9))):
            foot = horizon + s.rng.uniform(0.08, 0.34)
            _passer_by(s, s.rng.uniform(0.05, 0.95) * s.width, foot, 0.07 + 0.3 * (foot - horizon))
    s.motif = "A town by a canal" if canal else "A square with passers-by"


def _tower(s: _Scene, x: float, horizon: float) -> None:
    wall = s.mix("wall", "far", 0.4)
    s.add(_rectangle(x - 0.04, horizon - 0.4, x + 0.04, horizon), wall, s.mix(wall, "haze", 0.3), of="tower", angle=0)
    s.add(
        [(x - 0.05, horizon - 0.4), (x, horizon - 0.54), (x + 0.05, horizon - 0.4)],
        s.mix("roof", "far", 0.3),
        of="tower",
    )
    s.add(_ellipse(x, horizon - 0.34, 0.02, 0.02, 16), "cloud", of="tower")
    s.add(_turned(x, [(horizon - 0.27, 0.008), (horizon - 0.25, 0.013), (horizon - 0.18, 0.013)]), "dark", of="tower")


def _facade(s: _Scene, x: float, foot: float, w: float, tall: float, name: str, *, reflected: bool) -> None:
    """A town house with a gabled roof and rows of windows."""
    wall = s.mix(("wall", "accent", "roof", "haze", "cloth")[s.rng.integers(5)], "wall", s.rng.uniform(0.3, 0.75))
    gable = foot - tall - s.rng.uniform(0.05, 0.1)
    outline = [(x, foot), (x, foot - tall), (x + w, foot - tall), (x + w, foot)]
    if reflected:
        s.add(
            _rectangle(x, foot, x + w, foot + 0.7 * tall),
            s.mix(wall, "water", 0.45),
            s.mix(wall, "water", 0.95),
            of="canal",
            line=False,
        )
    s.add(outline, wall, s.mix(wall, "dark", 0.22), of=name)
    s.add([(x - 0.01, foot - tall), (x + w * 0.2, gable), (x + w * 0.8, gable), (x + w + 0.01, foot - tall)],
          "roof", s.mix("roof", "dark", 0.35), of=name)  # fmt: skip
    lit = s.mix("accent", "sun", 0.4)
    glass = s.mix("dark", "far", 0.4)
    columns, rows = (3 if w > 0.16 else 2), (3 if tall > 0.3 else 2)
    night = s.palette.name == "nocturne"
    for i in range(columns):
        for j in range(rows):
            left, top = x + w * (i + 0.28) / columns, foot - tall + tall * (j + 0.2) / (rows + 0.6)
            on = s.rng.random() < 0.45
            color = lit if night and on else glass
            s.add(_rectangle(left, top, left + 0.46 * w / columns, top + 0.55 * tall / (rows + 0.6)), color, of=name)
    s.add(_rectangle(x + 0.42 * w, foot - 0.07, x + 0.6 * w, foot), s.mix("dark", "roof", 0.4), of=name)


def _bridge(s: _Scene, horizon: float) -> None:
    t = np.linspace(0, np.pi, 20)
    middle, half, deck = s.width * s.rng.uniform(0.35, 0.65), 0.34, horizon + 0.2
    upper = np.stack([middle - half * 1.25 * np.cos(t), deck - 0.13 * np.sin(t)], axis=1)
    arch = np.stack([middle - half * 0.75 * np.cos(t), deck + 0.01 - 0.1 * np.sin(t)], axis=1)[::-1]
    s.add(np.concatenate([upper, arch]), s.mix("wall", "haze", 0.2), s.mix("wall", "dark", 0.4), of="bridge")


def _passer_by(s: _Scene, x: float, foot: float, tall: float) -> None:
    s.add(
        _ellipse(x + 0.18 * tall, foot, 0.3 * tall, 0.04 * tall, 14),
        s.mix("wall", "dark", 0.5),
        of="square",
        line=False,
    )
    coat = s.mix(("cloth", "dark", "accent", "roof")[s.rng.integers(4)], "dark", 0.25)
    s.add(
        _turned(x, [(foot, 0.16 * tall), (foot - 0.5 * tall, 0.12 * tall), (foot - 0.78 * tall, 0.11 * tall)]),
        coat,
        of="people",
    )
    s.add(_ellipse(x, foot - 0.88 * tall, 0.075 * tall, 0.09 * tall, 14), "skin", of="people")
    s.add(
        _turned(
            x, [(foot - 0.9 * tall, 0.11 * tall), (foot - 0.93 * tall, 0.07 * tall), (foot - 1.05 * tall, 0.06 * tall)]
        ),
        "dark",
        of="people",
    )


def _still_life(s: _Scene) -> None:
    table = float(s.rng.uniform(0.6, 0.68))
    wall = s.mix("far", ("cloth", "haze", "leaf")[s.rng.integers(3)], 0.35)
    s.add(
        _rectangle(0, 0, s.width, table),
        s.mix(wall, "dark", 0.2),
        s.mix(wall, "haze", 0.4),
        of="wall",
        angle=25,
        line=False,
    )
    _curtain(s, table)
    wood = s.mix("roof", "hair", 0.5)
    s.add(_rectangle(0, table, s.width, 0.93), s.mix(wood, "wall", 0.35), wood, of="table")
    s.add(_rectangle(0, 0.93, s.width, 1), s.mix(wood, "dark", 0.55), of="table")
    _cloth(s, table)
    tall = s.rng.uniform(0.3, 0.36)
    x = s.rng.uniform(0.28, 0.72) * s.width
    flowers = s.rng.random() < 0.65
    side = -1 if x > s.width / 2 else 1
    _bottle(s, x + side * s.rng.uniform(0.3, 0.4), table + 0.05)
    _vase(s, x, table + 0.09, tall, flowers=flowers)
    count = int(s.rng.integers(4, 8))
    spots = np.linspace(0.14, 0.86, count) * s.width + s.rng.normal(0, 0.02, count)
    depths = s.rng.uniform(0.1, 0.24, count)
    for number, i in enumerate(np.argsort(depths), start=1):
        _fruit(s, float(spots[i]), table + float(depths[i]), f"fruit-{number}")
    s.motif = "Still life with flowers and fruit" if flowers else "Still life with a jug and fruit"


def _curtain(s: _Scene, table: float) -> None:
    side = 0 if s.rng.random() < 0.5 else 1
    for fold in range(5):
        left = fold * 0.055
        right = left + 0.075 * (1.2 if fold % 2 else 1)
        points = np.array(
            [(left, 0), (right, 0), (right * 0.8, 0.3), (right * 0.55, table), (left * 0.5, table), (left * 0.85, 0.3)]
        )
        if side:
            points = (s.width, 0) + points * (-1, 1)
        s.add(points, s.mix("cloth", "haze", 0.2), s.mix("cloth", "dark", 0.5), of="curtain", angle=180 * side)


def _cloth(s: _Scene, table: float) -> None:
    """A white cloth that hangs over the edge of the table."""
    x = s.rng.uniform(0.1, 0.45) * s.width
    w = s.rng.uniform(0.4, 0.6)
    linen = s.mix("paper", "haze", 0.2)
    s.add(
        [(x, table + 0.07), (x + w, table + 0.05), (x + w + 0.1, 0.95), (x + 0.6 * w, 1.0), (x - 0.05, 0.94)],
        linen,
        s.mix(linen, "far", 0.25),
        of="cloth",
    )
    for fold in s.rng.uniform(0.1, 0.95, 4):
        top, bottom = x + fold * w, x - 0.05 + fold * (w + 0.15)
        s.add(
            [(top, table + 0.12), (bottom + 0.03, 0.96), (bottom - 0.02, 0.96)],
            s.mix(linen, "far", 0.4),
            linen,
            of="cloth",
            angle=0,
            line=False,
        )


def _shadow(s: _Scene, x: float, y: float, rx: float) -> None:
    s.add(_ellipse(x + 0.55 * rx, y, 1.25 * rx, 0.28 * rx), s.mix("hair", "dark", 0.5), of="shadow", line=False)


def _vase(s: _Scene, x: float, foot: float, tall: float, *, flowers: bool) -> None:
    _shadow(s, x, foot - 0.01, 0.13)
    if flowers:
        _bouquet(s, x, foot - tall)
    belly, neck = s.rng.uniform(0.1, 0.13), s.rng.uniform(0.035, 0.05)
    glaze = s.mix("water", "cloth", s.rng.random())
    profile = [
        (foot, 0.06),
        (foot - 0.03, 0.075),
        (foot - 0.4 * tall, belly),
        (foot - 0.75 * tall, neck),
        (foot - tall, neck + 0.03),
    ]
    outline = _turned(x, profile)
    if not flowers:
        s.add(_handle(x + neck, foot - 0.82 * tall, 0.085, 0.085), s.mix(glaze, "dark", 0.4), of="vase")
    s.add(outline, s.mix(glaze, "cloud", 0.35), s.mix(glaze, "dark", 0.5), of="vase", angle=15)
    band = _turned(
        x, [(foot - 0.33 * tall, 0.93 * belly), (foot - 0.37 * tall, 0.99 * belly), (foot - 0.42 * tall, 0.96 * belly)]
    )
    s.add(band, "accent", s.mix("accent", "dark", 0.45), of="vase", angle=0, line=False)
    s.add(
        _ellipse(x - 0.45 * belly, foot - 0.52 * tall, 0.014, 0.04), s.mix(glaze, "cloud", 0.85), of="vase", line=False
    )


def _handle(x: float, y: float, rx: float, ry: float) -> Floats:
    t = np.linspace(-np.pi / 2, np.pi / 2, 14)
    outer = np.stack([x + rx * np.cos(t), y + ry * np.sin(t)], axis=1)
    inner = np.stack([x + 0.65 * rx * np.cos(t), y + 0.65 * ry * np.sin(t)], axis=1)[::-1]
    return np.concatenate([outer, inner])


def _bouquet(s: _Scene, x: float, y: float) -> None:
    for _ in range(14):
        angle = s.rng.uniform(-1.35, 1.35)
        reach = s.rng.uniform(0.12, 0.24)
        tip = (x + np.sin(angle) * reach, y - np.cos(angle) * reach * 0.9)
        s.add(_limb((x, y + 0.04, 0.004), (*tip, 0.003)), s.mix("leaf", "dark", 0.2), of="bouquet", line=False)
        leaf = _limb(
            (x + np.sin(angle) * 0.3 * reach, y - 0.3 * reach, 0.004),
            ((x + tip[0]) / 2, (y + tip[1]) / 2 + 0.01, 0.018),
            (tip[0], tip[1] + 0.03, 0.002),
        )
        s.add(leaf, "leaf", s.mix("leaf", "sun", 0.3), of="bouquet", angle=0)
    for _ in range(11):
        angle, reach = s.rng.uniform(-1.3, 1.3), s.rng.uniform(0.07, 0.23)
        _blossom(s, x + np.sin(angle) * reach, y - 0.02 - np.cos(angle) * reach * 0.9, s.rng.uniform(0.026, 0.046))


def _blossom(s: _Scene, x: float, y: float, r: float) -> None:
    color = s.mix(("accent", "cloth", "cloud", "roof", "sun")[s.rng.integers(5)], "cloud", s.rng.uniform(0, 0.3))
    turn = s.rng.uniform(0, 6)
    for i in range(6):
        a = turn + i * np.pi / 3
        s.add(
            _ellipse(x + 0.6 * r * np.cos(a), y + 0.5 * r * np.sin(a), 0.55 * r, 0.48 * r, 14),
            color,
            s.mix(color, "dark", 0.22),
            of="bouquet",
        )
    s.add(_ellipse(x, y, 0.32 * r, 0.28 * r, 12), s.mix("sun", "hair", 0.35), of="bouquet", line=False)


def _bottle(s: _Scene, x: float, foot: float) -> None:
    _shadow(s, x, foot - 0.01, 0.07)
    glass = s.mix("leaf", "dark", 0.45)
    profile = [
        (foot, 0.055),
        (foot - 0.02, 0.06),
        (foot - 0.22, 0.06),
        (foot - 0.29, 0.025),
        (foot - 0.4, 0.02),
        (foot - 0.42, 0.024),
    ]
    s.add(_turned(x, profile), s.mix(glass, "mid", 0.35), s.mix(glass, "dark", 0.5), of="bottle", angle=0)
    s.add(
        _rectangle(x - 0.045, foot - 0.17, x + 0.04, foot - 0.08),
        "paper",
        s.mix("paper", "dark", 0.3),
        of="bottle",
        angle=0,
    )
    s.add(_ellipse(x - 0.035, foot - 0.2, 0.006, 0.035), s.mix(glass, "cloud", 0.7), of="bottle", line=False)


def _fruit(s: _Scene, x: float, y: float, name: str) -> None:
    """An apple, an orange, a lemon or a pear, lit from the upper left."""
    r = s.rng.uniform(0.05, 0.066)
    kind = int(s.rng.integers(4))
    color = s.color(("roof", "accent", "sun", "mid")[kind])
    _shadow(s, x, y + 0.85 * r, r)
    if kind == 3:
        outline = _turned(
            x,
            [
                (y + r, 0.5 * r),
                (y + 0.5 * r, 1.02 * r),
                (y - 0.3 * r, 0.85 * r),
                (y - 1.1 * r, 0.45 * r),
                (y - 1.7 * r, 0.35 * r),
            ],
        )
    elif kind == 2:
        outline = _smooth(
            [
                (x - 1.5 * r, y),
                (x - 0.9 * r, y - 0.75 * r),
                (x + 0.9 * r, y - 0.8 * r),
                (x + 1.5 * r, y),
                (x + 0.9 * r, y + 0.85 * r),
                (x - 0.9 * r, y + 0.8 * r),
            ]
        )
    else:
        outline = _smooth(
            [
                (x, y - 0.88 * r),
                (x + 0.8 * r, y - 1.05 * r),
                (x + 1.25 * r, y),
                (x + 0.65 * r, y + 1.05 * r),
                (x, y + 0.95 * r),
                (x - 0.65 * r, y + 1.05 * r),
                (x - 1.25 * r, y),
                (x - 0.8 * r, y - 1.05 * r),
            ]
        )
    s.add(outline, s.mix(color, "cloud", 0.25), s.mix(color, "dark", 0.5), of=name, angle=50)
    s.add(
        _ellipse(x - 0.35 * r, y - 0.35 * r, 0.22 * r, 0.16 * r, 12), s.mix(color, "cloud", 0.75), of=name, line=False
    )
    if kind in (0, 3):
        top = y - (1.65 if kind == 3 else 0.8) * r
        s.add(_limb((x, top, 0.05 * r), (x + 0.2 * r, top - 0.5 * r, 0.05 * r)), "hair", of=name)


def _portrait(s: _Scene) -> None:
    middle = s.width / 2
    _portrait_ground(s)
    body = np.radians(0.45 * s.pose.yaw)
    x, neck = middle, 0.62
    half = 0.31 * np.cos(body)
    lean = 0.03 * np.sin(body)
    shoulder = 0.745
    outline = [
        (x - 0.055, neck + 0.03),
        (x - 0.14 + lean, 0.69),
        (x - half + lean, shoulder),
        (x - half - 0.05, 1.02),
        (x + half + 0.05, 1.02),
        (x + half + lean, shoulder),
        (x + 0.14 + lean, 0.69),
        (x + 0.055, neck + 0.03),
    ]
    long_hair = s.rng.random() < 0.5
    if long_hair:
        _long_hair(s, x, 0.4, 0.2)
    s.add(_smooth(outline), s.mix("cloth", "haze", 0.12), s.mix("cloth", "dark", 0.45), of="bust", angle=70)
    for side in (-1, 1):  # folds of the sleeves
        s.add(
            [(x + side * 0.19, 0.82), (x + side * 0.24, 1.0), (x + side * 0.215, 1.0)],
            s.mix("cloth", "dark", 0.6),
            of="bust",
            line=False,
        )
    tilt = 0.04 * np.sin(body)
    s.add(
        _limb((x + tilt, 0.5, 0.068), (x, 0.6, 0.062), (x, 0.715, 0.085)),
        s.mix("skin", "hair", 0.22),
        s.mix("skin", "hair", 0.45),
        of="bust",
    )
    _collar(s, x, int(s.rng.integers(3)))
    hat = s.rng.random() < 0.45
    _head(s, x, 0.4, 0.2, "head")
    if hat:
        _hat(s, x, 0.4, 0.2)
    s.joints |= {
        "neck": (x, neck),
        "left_shoulder": (x - half + lean, shoulder),
        "right_shoulder": (x + half + lean, shoulder),
    }
    look = {"front": "looking at us", "left": "looking left", "right": "looking right"}[s.pose.facing]
    s.motif = (
        f"Portrait of {'a sitter in a hat' if hat else 'a sitter with long hair' if long_hair else 'a sitter'} {look}"
    )


def _portrait_ground(s: _Scene) -> None:
    wall = s.mix("far", ("leaf", "cloth", "dark")[s.rng.integers(3)], 0.4)
    s.add(
        _rectangle(0, 0, s.width, 1),
        s.mix(wall, "haze", 0.3),
        s.mix(wall, "dark", 0.45),
        of="wall",
        angle=60,
        line=False,
    )
    if s.rng.random() < 0.45:  # a window with a view
        left = 0.06 if s.rng.random() < 0.5 else s.width - 0.26
        s.add(_rectangle(left - 0.015, 0.1, left + 0.215, 0.52), s.mix("hair", "dark", 0.3), of="window")
        s.add(_rectangle(left, 0.115, left + 0.2, 0.4), "sky", "haze", of="window")
        hills = _ridge(s.rng, 0.2, 0.38, 0.08, 1, 0.5)
        s.add(hills + (left, 0), "mid", "near", of="window", line=False)
        s.add(_rectangle(left + 0.094, 0.115, left + 0.106, 0.505), s.mix("hair", "dark", 0.3), of="window", line=False)
        return
    for _ in range(7):  # a patterned hanging
        y, x = s.rng.uniform(0.05, 0.95), s.rng.uniform(0, s.width)
        s.add(_blob(s.rng, x, y, 0.09, 0.05, 0.25), s.mix(wall, "haze", s.rng.uniform(0.1, 0.3)), of="wall", line=False)


def _collar(s: _Scene, x: float, kind: int) -> None:
    if kind == 0:
        for side in (-1, 1):
            s.add(
                [(x, 0.72), (x + side * 0.085, 0.635), (x + side * 0.15, 0.69), (x + side * 0.06, 0.79)],
                "paper",
                s.mix("paper", "far", 0.4),
                of="bust",
            )
    elif kind == 1:
        for angle in np.radians(np.linspace(15, 165, 9)):
            s.add(
                _ellipse(x + 0.1 * np.cos(angle), 0.65 + 0.085 * np.sin(angle), 0.014, 0.014, 12),
                s.mix("accent", "cloud", 0.3),
                of="bust",
            )
    else:
        s.add(
            _smooth([(x - 0.1, 0.64), (x + 0.1, 0.64), (x + 0.13, 0.7), (x, 0.74), (x - 0.13, 0.7)]),
            "accent",
            s.mix("accent", "dark", 0.4),
            of="bust",
        )


def _long_hair(s: _Scene, x: float, y: float, r: float) -> None:
    """Hair that falls on the shoulders, behind the face and away from where it looks."""
    shift = -0.2 * r * np.sin(np.radians(s.pose.yaw))
    outline = [
        (-0.75, -1.1),
        (0.75, -1.1),
        (1.05, -0.2),
        (1.1, 0.9),
        (1.25, 1.65),
        (-1.25, 1.65),
        (-1.1, 0.9),
        (-1.05, -0.2),
    ]
    s.add(_smooth(np.array(outline) * (0.8 * r, r) + (x + shift, y)), "hair", s.mix("hair", "dark", 0.5), of="hair")


def _head(s: _Scene, x: float, y: float, r: float, name: str) -> None:
    """A head of half height `r`: features sit on an ellipsoid that is turned by the yaw and seen from the front.

    A feature at longitude `lon` and latitude `lat` (degrees, 0 is the middle of the face) is seen at
    x + rx cos(lat) sin(lon + yaw), as wide as cos(lon + yaw).
    """
    yaw = np.radians(s.pose.yaw)
    rx = 0.76 * r
    s.yaw = s.pose.yaw

    def at(lon: float, lat: float, out: float = 1.0) -> tuple[float, float, float]:
        turn = np.radians(lon) + yaw
        return (
            x + out * rx * np.cos(np.radians(lat)) * np.sin(turn),
            y - r * np.sin(np.radians(lat)),
            float(np.cos(turn)),
        )

    shade = s.mix("skin", "hair", 0.42)
    light = s.mix("skin", "cloud", 0.12)
    for lon in (-94, 94):
        ear_x, ear_y, depth = at(lon, -4, 1.02)
        if depth > -0.12:
            s.add(_ellipse(ear_x, ear_y, (0.06 + 0.12 * abs(depth)) * r, 0.19 * r, 16), shade, of=name)
    jaw = 0.16 * rx * np.sin(yaw)
    face = [
        (-0.62, -0.95),
        (0.62, -0.95),
        (1.02, -0.45),
        (1.0, 0.25),
        (0.74, 0.78),
        (0.3, 1.06),
        (-0.3, 1.06),
        (-0.74, 0.78),
        (-1.0, 0.25),
        (-1.02, -0.45),
    ]
    outline = _smooth(np.array(face) * (rx, r) + (x, y))
    outline[:, 0] += jaw * np.clip((outline[:, 1] - y) / r, 0, 1)
    s.add(outline, light, shade, of=name, angle=25)
    _face(s, at, r, name, shade)
    _hairline(s, x, y, rx, r)
    s.joints |= {"head": (x, y), "chin": (x + jaw, y + r)}


def _face(s: _Scene, at: Callable[..., tuple[float, float, float]], r: float, name: str, shade: Floats) -> None:
    line = s.mix("hair", "dark", 0.55)
    for side, lon in (("left", -25), ("right", 25)):
        x, y, wide = at(lon * 1.25, -22)
        if wide > 0.2:
            s.add(_ellipse(x, y, 0.17 * r * wide, 0.12 * r, 16), s.mix("skin", "roof", 0.28), of=name, line=False)
        x, y, wide = at(lon, 6)
        s.joints[f"{side}_eye"] = (x, y)
        if wide < 0.15:
            continue  # round the far side of the head
        w = 0.17 * r * wide
        s.add(
            _smooth([(x - w, y), (x, y - 0.1 * r), (x + w, y), (x, y + 0.07 * r)], 1),
            s.mix("paper", "skin", 0.25),
            of=name,
            line=False,
        )
        gaze = 0.05 * r * np.sin(np.radians(s.pose.yaw))
        s.add(
            _ellipse(x + gaze, y - 0.01 * r, min(0.065 * r, 0.6 * w), 0.07 * r, 12),
            s.mix("dark", "water", 0.25),
            of=name,
            line=False,
        )
        s.add(
            [(x - 1.15 * w, y - 0.005 * r), (x, y - 0.115 * r), (x + 1.15 * w, y - 0.005 * r), (x, y - 0.075 * r)],
            line,
            of=name,
            line=False,
        )
        x, y, wide = at(lon, 19)
        w = 0.2 * r * wide
        s.add(
            _smooth([(x - w, y + 0.03 * r), (x, y - 0.05 * r), (x + w, y + 0.03 * r), (x, y + 0.005 * r)], 1),
            s.mix("hair", "dark", 0.2),
            of=name,
            line=False,
        )
    bridge, tip, base = at(0, 8, 1.0), at(0, -20, 1.24), at(0, -26, 1.06)
    far = -1 if s.pose.yaw < 0 else 1
    wing = 0.1 * r * (0.6 + 0.4 * tip[2])
    s.add(
        _smooth(
            [
                (bridge[0], bridge[1]),
                (tip[0] + 0.02 * r * far, tip[1]),
                (base[0] + wing * 0.6, base[1]),
                (base[0] - wing * 0.6, base[1]),
            ],
            1,
        ),
        s.mix("skin", "cloud", 0.08),
        s.mix(shade, "roof", 0.2),
        of="nose",
        angle=80,
        line=False,
    )
    s.add(
        _smooth(
            [
                (base[0] - wing, base[1] - 0.02 * r),
                (tip[0], base[1] + 0.04 * r),
                (base[0] + wing, base[1] - 0.02 * r),
                (tip[0], base[1] - 0.005 * r),
            ],
            1,
        ),
        s.mix(shade, "hair", 0.4),
        of="nose",
        line=False,
    )
    x, y, wide = at(0, -41, 1.1)
    w = 0.26 * r * max(wide, 0.3)
    lips = s.mix("skin", "roof", 0.6)
    s.add(
        _smooth(
            [
                (x - w, y),
                (x - 0.3 * w, y - 0.065 * r),
                (x, y - 0.04 * r),
                (x + 0.3 * w, y - 0.065 * r),
                (x + w, y),
                (x, y + 0.02 * r),
            ],
            1,
        ),
        s.mix(lips, "dark", 0.25),
        of=name,
        line=False,
    )
    s.add(
        _smooth(
            [
                (x - 0.85 * w, y + 0.005 * r),
                (x + 0.85 * w, y + 0.005 * r),
                (x + 0.35 * w, y + 0.09 * r),
                (x - 0.35 * w, y + 0.09 * r),
            ],
            1,
        ),
        lips,
        of=name,
        line=False,
    )
    s.joints |= {"nose": tip[:2], "mouth": (x, y)}


def _hairline(s: _Scene, x: float, y: float, rx: float, r: float) -> None:
    """The hair on the visible half of the head: all that lies above a hairline low at the sides and back."""
    lon = np.linspace(-90, 90, 25)
    from_face = np.abs(lon - s.pose.yaw)
    lat = np.radians(np.interp(from_face, [0, 30, 58, 75, 100, 180], [46, 42, 20, -8, -24, -50]))
    lower = np.stack([x + 1.04 * rx * np.cos(lat * 0.8) * np.sin(np.radians(lon)), y - r * np.sin(lat)], axis=1)
    rise = np.linspace(lat[-1], np.pi - lat[0], 22)
    crown = np.stack([x + 1.09 * rx * np.cos(rise), y - 1.13 * r * np.sin(rise)], axis=1)
    s.add(np.concatenate([lower, crown]), s.mix("hair", "sun", 0.18), s.mix("hair", "dark", 0.35), of="hair", angle=25)
    for t in (0.35, 0.5, 0.65):  # strands of light
        i = round(t * 24)
        top = np.array([x + (lon[i] / 90) * 0.35 * rx, y - 1.08 * r])
        s.add(
            _limb((*(lower[i] + (0, -0.04 * r)), 0.012 * r), (*((lower[i] + top) / 2), 0.03 * r), (*top, 0.01 * r)),
            s.mix("hair", "sun", 0.3),
            of="hair",
            line=False,
        )


def _hat(s: _Scene, x: float, y: float, r: float) -> None:
    felt = s.mix("cloth", "dark", 0.35) if s.rng.random() < 0.5 else s.mix("wall", "accent", 0.3)
    crown = [(-0.62, -0.72), (-0.58, -1.3), (-0.3, -1.5), (0.3, -1.5), (0.58, -1.3), (0.62, -0.72)]
    s.add(_smooth(np.array(crown) * r + (x, y)), s.mix(felt, "haze", 0.2), s.mix(felt, "dark", 0.4), of="hat", angle=20)
    s.add(
        _smooth(np.array([(-0.64, -0.72), (0.64, -0.72), (0.63, -0.92), (-0.63, -0.92)]) * r + (x, y), 1),
        "accent",
        s.mix("accent", "dark", 0.4),
        of="hat",
        angle=0,
    )
    s.add(
        _ellipse(x, y - 0.7 * r, 1.3 * r, 0.17 * r),
        s.mix(felt, "haze", 0.12),
        s.mix(felt, "dark", 0.45),
        of="hat",
        angle=60,
    )


def _figure(s: _Scene) -> None:
    horizon = float(s.rng.uniform(0.42, 0.5))
    _sky(s, horizon)
    s.add(_ridge(s.rng, s.width, horizon, 0.1, 0.9, horizon + 0.02), s.mix("far", "haze", 0.3), of="hills")
    s.add(_rectangle(0, horizon, s.width, 1), "mid", "near", of="field", line=False)
    _fields(s, horizon)
    for number, side in enumerate((0.08, 0.93), start=1):
        _tree(
            s,
            (side + s.rng.uniform(-0.05, 0.05)) * s.width,
            horizon + s.rng.uniform(0.08, 0.2),
            s.rng.uniform(0.26, 0.42),
            f"tree-{number}",
        )
    skirt = s.rng.random() < 0.5
    hat = s.rng.random() < 0.5
    _body(s, s.width / 2, 0.24, skirt=skirt)
    _head(s, s.width / 2, 0.24, 0.062, "head")
    if hat:
        _hat(s, s.width / 2, 0.24, 0.062)
    _flowers(s, 30)
    raised = max(s.pose.arms) > 60
    s.motif = f"Figure {'waving' if raised else 'standing'} in the fields"


def _body(s: _Scene, x: float, head: float, *, skirt: bool) -> None:
    """Neck, trunk, limbs and clothes of a standing figure, seven heads tall."""
    turn = np.cos(np.radians(0.5 * s.pose.yaw))
    shoulder, hip, knee, foot = head + 0.12, head + 0.345, head + 0.52, 0.93
    across, hips = 0.082 * turn, 0.05 * turn
    s.add(_ellipse(x + 0.07, foot, 0.2, 0.02), s.mix("near", "dark", 0.45), of="field", line=False)
    s.joints |= {"neck": (x, head + 0.08)}
    coat = s.mix("cloth", "haze", 0.1)
    for side, name in ((-1, "left"), (1, "right")):
        leg = (
            (x + side * hips, hip, 0.045),
            (x + side * (hips + 0.005), knee, 0.033),
            (x + side * (hips + 0.012), foot - 0.02, 0.022),
        )
        s.add(_limb(*leg), s.mix("dark", "far", 0.25), s.mix("dark", "far", 0.05), of="figure", angle=0)
        s.add(
            _ellipse(x + side * (hips + 0.03), foot - 0.012, 0.042, 0.016, 16), s.mix("hair", "dark", 0.4), of="figure"
        )
        s.joints |= {f"{name}_hip": leg[0][:2], f"{name}_knee": leg[1][:2], f"{name}_ankle": leg[2][:2]}
    if skirt:
        s.add(
            _smooth(
                [
                    (x - 0.065, hip - 0.08),
                    (x + 0.065, hip - 0.08),
                    (x + 0.15, foot - 0.06),
                    (x, foot - 0.03),
                    (x - 0.15, foot - 0.06),
                ]
            ),
            coat,
            s.mix("cloth", "dark", 0.5),
            of="figure",
            angle=35,
        )
        for fold in (-0.07, 0.0, 0.08):
            s.add(
                [(x + 0.4 * fold, hip), (x + fold + 0.014, foot - 0.06), (x + fold - 0.014, foot - 0.06)],
                s.mix("cloth", "dark", 0.5),
                of="figure",
                line=False,
            )
    s.add(_limb((x, head + 0.04, 0.024), (x, shoulder, 0.028)), s.mix("skin", "hair", 0.35), of="figure")
    trunk = [
        (x - 0.03, shoulder - 0.035),
        (x - across - 0.012, shoulder - 0.012),
        (x - 0.062, hip - 0.1),
        (x - 0.075, hip + 0.03),
        (x + 0.075, hip + 0.03),
        (x + 0.062, hip - 0.1),
        (x + across + 0.012, shoulder - 0.012),
        (x + 0.03, shoulder - 0.035),
    ]
    bodice = "paper" if skirt else coat
    s.add(_smooth(trunk), bodice, s.mix(bodice, "dark", 0.35), of="figure", angle=25)
    s.add(
        _rectangle(x - 0.063, hip - 0.1, x + 0.063, hip - 0.075),
        "accent",
        s.mix("accent", "dark", 0.3),
        of="figure",
        angle=0,
    )
    for side, name, raised, bend in ((-1, "left", *_arm(s, 0)), (1, "right", *_arm(s, 1))):
        _draw_arm(s, (x + side * across, shoulder), side, name, raised, bend, s.mix(bodice, "dark", 0.14))


def _arm(s: _Scene, index: int) -> tuple[float, float]:
    return np.radians(s.pose.arms[index]), np.radians(s.pose.elbows[index])


def _draw_arm(
    s: _Scene, shoulder: tuple[float, float], side: int, name: str, raised: float, bend: float, sleeve: Floats
) -> None:
    """Upper arm, forearm and hand; angles in radians from hanging straight down, outwards."""
    elbow = (shoulder[0] + side * 0.125 * np.sin(raised), shoulder[1] + 0.125 * np.cos(raised))
    wrist = (elbow[0] + side * 0.115 * np.sin(raised + bend), elbow[1] + 0.115 * np.cos(raised + bend))
    hand = (elbow[0] + side * 0.138 * np.sin(raised + bend), elbow[1] + 0.138 * np.cos(raised + bend))
    s.add(_ellipse(*hand, 0.02, 0.02, 14), "skin", of="figure")
    s.add(
        _limb((*shoulder, 0.03), (*elbow, 0.024), (*wrist, 0.018)),
        sleeve,
        s.mix(sleeve, "dark", 0.3),
        of="figure",
        angle=0,
    )
    s.joints |= {f"{name}_shoulder": shoulder, f"{name}_elbow": elbow, f"{name}_wrist": wrist}


@dataclass(frozen=True)
class Composition:
    """A kind of scene. `genre` is the class of the WikiArt release where it honestly is one of the ten."""

    build: Callable[[_Scene], None]
    format: tuple[int, int]
    genre: str | None


COMPOSITIONS = {
    "landscape": Composition(_landscape, LANDSCAPE_FORMAT, "landscape"),
    "seascape": Composition(_seascape, LANDSCAPE_FORMAT, None),  # WikiArt's `marina` is not among the ten
    "cityscape": Composition(_cityscape, LANDSCAPE_FORMAT, "cityscape"),
    "still_life": Composition(_still_life, LANDSCAPE_FORMAT, "still_life"),
    "portrait": Composition(_portrait, PORTRAIT_FORMAT, "portrait"),
    "figure": Composition(_figure, PORTRAIT_FORMAT, None),
}


def _scene(spec: PaintingSpec) -> _Scene:
    scene = _Scene(spec)
    COMPOSITIONS[spec.composition].build(scene)
    return scene


# --- Brushes: a scene becomes pixels ---------------------------------------------------------------------------------


class _Canvas:
    """A scene at a size in pixels, with what every brush asks for."""

    def __init__(self, scene: _Scene, size: tuple[int, int], rng: np.random.Generator) -> None:
        self.scene, self.size, self.rng = scene, size, rng
        self.unit = min(size) / 256  # brushes are measured on a picture of 256 pixels

    def flat(self, *, outline: float = 0, gradients: bool = True) -> Pixels:
        """The scene without a brush: (height, width, 3). `outline` is the width of contours in pixels."""
        picture = np.zeros((self.size[1], self.size[0], 3), np.uint8)
        contour = self.scene["dark"].tolist()
        for shape in self.scene.shapes:
            points = self.scene.to_pixels(shape.points, self.size)
            if shape.to is None or not gradients:
                color = shape.color if shape.to is None else 0.6 * shape.color + 0.4 * shape.to
                cv2.fillPoly(picture, [points], color.tolist(), cv2.LINE_AA, _SHIFT)
            else:
                _fill_gradient(picture, points, shape)
            if outline and shape.line:
                cv2.polylines(picture, [points], True, contour, max(1, round(outline * self.unit)), cv2.LINE_AA, _SHIFT)
        return picture

    def noise(self, period: float) -> Floats:
        """Smooth noise with features of `period` pixels (of 256): (height, width), about -1 to 1."""
        width, height = self.size
        step = max(2.0, period * self.unit)
        coarse = self.rng.uniform(-1, 1, (round(height / step) + 3, round(width / step) + 3)).astype(np.float32)
        return cv2.resize(coarse, self.size, interpolation=cv2.INTER_CUBIC).astype(np.float32, copy=False)

    def paper(self, picture: Pixels | Floats, strength: float) -> Pixels:
        """The picture with the grain of its ground."""
        grain = self.rng.normal(0, strength, picture.shape[:2]).astype(np.float32)
        return _to_pixels(picture + cv2.GaussianBlur(grain, (0, 0), 0.7)[:, :, None])

    def flow(self, picture: Pixels, sigma: float = 5) -> Floats:
        """Direction of brush strokes, radians (height, width): along the edges, and adrift where there are none.

        The direction across which a smoothed structure tensor changes least (Kyprianidis and Kang 2011).
        """
        gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
        gx, gy = cv2.Sobel(gray, cv2.CV_32F, 1, 0), cv2.Sobel(gray, cv2.CV_32F, 0, 1)
        tensor = cv2.GaussianBlur(np.dstack([gx * gx - gy * gy, 2 * gx * gy]), (0, 0), sigma * self.unit)
        drift = 1.6 * self.noise(70)
        # A weak edge across the drift: it decides only where the picture has none of its own.
        tensor += 60 * np.dstack([-np.cos(2 * drift), -np.sin(2 * drift)])
        return 0.5 * np.arctan2(tensor[:, :, 1], tensor[:, :, 0]) + np.pi / 2

    def streaks(self, angle: Floats, length: int) -> Floats:
        """White noise smeared along `angle` by `length` pixels to each side: bristle marks, unit variance."""
        height, width = angle.shape
        y, x = np.mgrid[:height, :width].astype(np.float32)
        dx, dy = np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)
        smeared = self.rng.normal(0, 1, (height, width)).astype(np.float32)
        step = 1
        while step <= length:  # each round doubles the length
            ahead = cv2.remap(smeared, x + step * dx, y + step * dy, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
            smeared = 0.5 * (smeared + ahead)
            step *= 2
        return smeared / smeared.std()


def _fill_gradient(picture: Pixels, points: NDArray[np.int32], shape: _Shape) -> None:
    """Fill a polygon with a linear gradient across its bounding box."""
    assert shape.to is not None
    size = np.array(picture.shape[1::-1])
    low = np.clip(points.min(axis=0) // _SCALE - 1, 0, size)
    high = np.clip(points.max(axis=0) // _SCALE + 2, 0, size)
    if (high <= low).any():
        return
    width, height = high - low
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [points - (low * _SCALE).astype(np.int32)], 255, cv2.LINE_AA, _SHIFT)
    dx, dy = np.cos(np.radians(shape.angle)), np.sin(np.radians(shape.angle))
    along = np.linspace(-0.5, 0.5, width)[None, :] * dx + np.linspace(-0.5, 0.5, height)[:, None] * dy
    share = (along / (abs(dx) + abs(dy)) + 0.5)[:, :, None].astype(np.float32)
    region = picture[low[1] : high[1], low[0] : high[0]]
    alpha = mask[:, :, None].astype(np.float32) / 255
    color = shape.color.astype(np.float32) + share * (shape.to - shape.color).astype(np.float32)
    region[:] = np.rint(region + alpha * (color - region))


def _to_pixels(values: Floats) -> Pixels:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _emboss(picture: Pixels | Floats, relief: Floats, strength: float) -> Pixels:
    """Light from the upper left on paint of this relief."""
    slope = cv2.Sobel(relief, cv2.CV_32F, 1, 0, ksize=3) + cv2.Sobel(relief, cv2.CV_32F, 0, 1, ksize=3)
    return _to_pixels(picture + strength * slope[:, :, None])


def _spots(canvas: _Canvas, spacing: float) -> NDArray[np.intp]:
    """A jittered grid of (x, y) in random order."""
    width, height = canvas.size
    x, y = np.meshgrid(np.arange(0, width, spacing), np.arange(0, height, spacing))
    spots = np.stack([x.ravel(), y.ravel()], axis=1) + canvas.rng.uniform(-0.6, 0.6, (x.size, 2)) * spacing
    spots = np.clip(np.rint(spots), 0, [width - 1, height - 1]).astype(np.intp)
    return canvas.rng.permutation(spots)


def _impasto(canvas: _Canvas) -> Pixels:
    """Strokes along the edges, broad ones first, fine ones where there is detail; then light on thick paint."""
    base = canvas.flat()
    angle = canvas.flow(base)
    paint_and_relief = np.dstack(
        [cv2.GaussianBlur(base, (0, 0), 4 * canvas.unit), np.full(base.shape[:2], 128, np.uint8)]
    )
    for width, length, spacing in ((9, 22, 7.5), (5, 15, 5.2), (3, 9, 4.2)):
        source = cv2.GaussianBlur(base, (0, 0), 0.3 * width * canvas.unit).astype(np.uint8, copy=False)
        spots = _spots(canvas, spacing * canvas.unit)
        if width == 3:
            spots = spots[_detail(base, canvas)[spots[:, 1], spots[:, 0]]]
        _strokes(canvas, paint_and_relief, source, angle, spots, width * canvas.unit, length * canvas.unit)
    relief = paint_and_relief[:, :, 3].astype(np.float32) / 128 + 0.16 * canvas.streaks(angle, 4)
    return _emboss(paint_and_relief[:, :, :3].astype(np.float32), relief, 9)


def _detail(base: Pixels, canvas: _Canvas) -> NDArray[np.bool_]:
    """Where a broad brush would lose something."""
    lost = np.abs(base.astype(np.int16) - cv2.GaussianBlur(base, (0, 0), 2.5 * canvas.unit)).max(axis=2)
    return lost > 10


def _strokes(
    canvas: _Canvas, target: Pixels, source: Pixels, angle: Floats, spots: NDArray[np.intp], width: float, length: float
) -> None:
    """Draw one layer of strokes into RGB and relief (height, width, 4)."""
    rng, n = canvas.rng, len(spots)
    colors = source[spots[:, 1], spots[:, 0]].astype(float)
    colors += rng.normal(0, 9, (n, 1)) + rng.normal(0, 7, (n, 3))  # lightness, then hue: colours mixed on the canvas
    values = np.column_stack([np.clip(colors, 0, 255), rng.uniform(90, 170, n)])
    turn = angle[spots[:, 1], spots[:, 0]] + rng.normal(0, 0.12, n)
    half = np.stack([np.cos(turn), np.sin(turn)], axis=1) * (rng.uniform(0.35, 0.6, n) * length)[:, None]
    start, end = np.rint((spots - half) * _SCALE).astype(int), np.rint((spots + half) * _SCALE).astype(int)
    thick = max(1, round(width))
    for a, b, value in zip(start.tolist(), end.tolist(), values.tolist(), strict=True):
        cv2.line(target, a, b, value, thick, cv2.LINE_AA, _SHIFT)


def _dots(canvas: _Canvas) -> Pixels:
    """Dots of divided colour on a light ground: each warmer or cooler than what it stands for."""
    base = canvas.flat()
    ground = cv2.GaussianBlur(base, (0, 0), 3 * canvas.unit).astype(np.float32)
    target = _to_pixels(ground * 0.7 + canvas.scene["paper"].astype(np.float32) * 0.3)
    warm = np.array([16, 4, -18])
    for radius, spacing in ((2.9, 4.6), (2.0, 3.7)):
        spots = _spots(canvas, spacing * canvas.unit)
        n = len(spots)
        colors = (
            base[spots[:, 1], spots[:, 0]] + canvas.rng.normal(0, 1.1, (n, 1)) * warm + canvas.rng.normal(0, 10, (n, 1))
        )
        sizes = np.rint(radius * canvas.unit * canvas.rng.uniform(0.75, 1.15, n) * _SCALE).astype(int)
        for spot, size, color in zip(
            (spots * _SCALE).tolist(), sizes.tolist(), np.clip(colors, 0, 255).tolist(), strict=True
        ):
            cv2.circle(target, spot, size, color, cv2.FILLED, cv2.LINE_AA, _SHIFT)
    return target


def _glaze(canvas: _Canvas) -> Pixels:
    """Soft transitions, a darkened rim, warm varnish on a fine weave."""
    base = canvas.flat().astype(np.float32)
    soft = 0.55 * cv2.GaussianBlur(base, (0, 0), 0.8 * canvas.unit) + 0.45 * cv2.GaussianBlur(
        base, (0, 0), 4 * canvas.unit
    )
    width, height = canvas.size
    x, y = np.linspace(-1, 1, width, dtype=np.float32)[None, :], np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    light = 1.06 - 0.28 * (0.6 * x * x + 0.8 * y * y) + 0.05 * canvas.noise(60)
    weave = 1.6 * (np.sin(np.arange(width) * 2.1)[None, :] * np.sin(np.arange(height) * 2.1)[:, None])
    varnish = np.array([1.03, 1.0, 0.93], np.float32)
    return _to_pixels(soft * light[:, :, None] * varnish + weave[:, :, None])


def _cutout(canvas: _Canvas) -> Pixels:
    """Flat sheets of coloured paper, each with a contour."""
    return canvas.paper(canvas.flat(outline=1.6, gradients=False), 4)


def _facets(canvas: _Canvas) -> Pixels:
    """The picture broken by straight lines: each piece is shifted a little, and shaded from one side to the other."""
    base = canvas.flat()
    width, height = canvas.size
    y, x = np.mgrid[:height, :width].astype(np.float32)
    cells = np.zeros((height, width), np.int64)
    nearest = np.full((height, width), 1e9, np.float32)
    shade = np.zeros((height, width), np.float32)
    for i in range(11):
        turn = canvas.rng.uniform(0, np.pi)
        px, py = canvas.rng.uniform(0.05, 0.95, 2) * canvas.size
        distance = ((x - px) * np.cos(turn) + (y - py) * np.sin(turn)).astype(np.float32)
        cells |= (distance > 0).astype(np.int64) << i
        shade += np.where(np.abs(distance) < nearest, distance - shade, 0)
        nearest = np.minimum(nearest, np.abs(distance))
    _, piece = np.unique(cells, return_inverse=True)
    piece = piece.reshape(cells.shape)
    shift = canvas.rng.normal(0, 5 * canvas.unit, (2, piece.max() + 1)).astype(np.float32)
    moved = cv2.remap(base, x + shift[0][piece], y + shift[1][piece], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    flat = cv2.pyrMeanShiftFiltering(moved, 3, 12) if False else cv2.medianBlur(moved, 5)
    light = 26 * np.sign(shade) * np.exp(-nearest / (16 * canvas.unit))
    light -= 70 * np.exp(-((nearest / (0.9 * canvas.unit)) ** 2))
    light += canvas.rng.normal(0, 9, piece.max() + 1)[piece]
    angle = canvas.flow(base)
    return _to_pixels(flat + (light + 5 * canvas.streaks(angle, 3))[:, :, None])


def _ink(canvas: _Canvas) -> Pixels:
    """Washes of one ink on paper, wet at the edges, with drawn contours and a red seal."""
    scene, unit = canvas.scene, canvas.unit
    base = canvas.flat()
    width, height = canvas.size
    y, x = np.mgrid[:height, :width].astype(np.float32)
    bleed = 2.2 * unit
    wet = cv2.remap(
        base, x + bleed * canvas.noise(9), y + bleed * canvas.noise(9), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    tone = cv2.GaussianBlur(cv2.cvtColor(wet, cv2.COLOR_RGB2GRAY).astype(np.float32), (0, 0), 1.2 * unit)
    low, high = np.percentile(tone, (2, 96))
    depth = np.clip((high - tone) / max(high - low, 1), 0, 1)
    washes = np.floor(depth * 4.999) / 5
    washes = cv2.GaussianBlur(washes.astype(np.float32), (0, 0), 1.0 * unit)
    rim = np.abs(washes - cv2.GaussianBlur(washes, (0, 0), 2.5 * unit))
    lines = np.zeros((height, width), np.uint8)
    for shape in scene.shapes:
        if shape.line:
            cv2.polylines(
                lines, [scene.to_pixels(shape.points, canvas.size)], True, 255, max(1, round(unit)), cv2.LINE_AA, _SHIFT
            )
    pressure = np.clip(0.55 + 0.7 * canvas.noise(22), 0, 1)
    ink = np.clip(0.72 * washes * (1 + 0.16 * canvas.noise(16)) + 0.5 * rim, 0, 0.93)
    ink = np.maximum(ink, lines.astype(np.float32) / 255 * pressure * 0.9)
    paper, black = scene["paper"].astype(np.float32), scene["dark"].astype(np.float32)
    picture = paper + ink[:, :, None] * (black - paper)
    side = round(17 * unit)
    left, top = width - side - round(9 * unit), height - side - round(9 * unit)
    seal = picture[top : top + side, left : left + side]
    carved = canvas.noise(4)[top : top + side, left : left + side, None] > -0.45
    seal[:] = np.where(carved, np.array([186, 48, 36], np.float32), paper)
    return canvas.paper(picture, 5)


def _pen(canvas: _Canvas) -> Pixels:
    """Pen lines that follow the forms, dense where it is dark, over a thin tint."""
    base = canvas.flat()
    tone = cv2.GaussianBlur(cv2.cvtColor(base, cv2.COLOR_RGB2GRAY), (0, 0), 0.8 * canvas.unit).astype(np.float32)
    low, high = np.percentile(tone, (2, 97))
    depth = np.clip((high - tone) / max(high - low, 1), 0, 1)
    angle = canvas.flow(base, 3)
    lines = canvas.streaks(angle, 8)
    cross = canvas.streaks(angle + 1.0, 8)
    # A streak is a line where it is lower than the tone lets it be; the cross-hatching starts in the shadows.
    ink = np.clip(1.5 * (lines + 2.6 * depth - 1.75), 0, 1)
    ink = np.maximum(ink, np.clip(1.5 * (cross + 3.0 * depth - 2.9), 0, 1))
    outline = cv2.cvtColor(canvas.flat(outline=1, gradients=False), cv2.COLOR_RGB2GRAY)
    plain = cv2.cvtColor(canvas.flat(gradients=False), cv2.COLOR_RGB2GRAY)
    ink = np.maximum(ink, np.clip((plain.astype(np.float32) - outline) / 60, 0, 0.9))
    paper, black = canvas.scene["paper"].astype(np.float32), canvas.scene["dark"].astype(np.float32)
    tint = paper + 0.5 * (cv2.GaussianBlur(base, (0, 0), 2 * canvas.unit).astype(np.float32) - paper)
    return canvas.paper(tint + (0.92 * ink)[:, :, None] * (black - tint), 3)


_BRUSHES: dict[str, Callable[[_Canvas], Pixels]] = {
    "impasto": _impasto,
    "dots": _dots,
    "glaze": _glaze,
    "cutout": _cutout,
    "facets": _facets,
    "ink": _ink,
    "pen": _pen,
}


# --- A collection ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Hand:
    """An invented painter: one way to paint, and the palettes it likes."""

    name: str
    texture: str
    palettes: tuple[str, ...]

    @property
    def artist_name(self) -> str:
        """The name under its pictures, which says that nobody painted them."""
        return f"artextract-hf (procedural, '{self.name}')"


HANDS = (
    Hand("impasto hand", "impasto", ("sunlit", "autumn")),
    Hand("night hand", "impasto", ("nocturne",)),
    Hand("pointillist hand", "dots", ("sunlit", "rose")),
    Hand("glazing hand", "glaze", ("earth",)),
    Hand("pastel hand", "glaze", ("rose",)),
    Hand("scissors hand", "cutout", ("fauve", "woodblock")),
    Hand("faceting hand", "facets", ("earth", "fauve")),
    Hand("ink hand", "ink", ("woodblock",)),
    Hand("pen hand", "pen", ("autumn", "sunlit")),
)


def random_spec(hand: Hand, rng: np.random.Generator) -> PaintingSpec:
    """A painting by this hand."""
    pose = Pose(
        yaw=float(rng.uniform(-60, 60)),
        arms=(float(rng.uniform(5, 130)), float(rng.uniform(5, 60))),
        elbows=(float(rng.uniform(5, 90)), float(rng.uniform(5, 90))),
    )
    return PaintingSpec(
        texture=hand.texture,
        palette=hand.palettes[rng.integers(len(hand.palettes))],
        composition=list(COMPOSITIONS)[rng.integers(len(COMPOSITIONS))],
        seed=int(rng.integers(2**31)),
        pose=pose if rng.random() < 0.5 else pose.mirrored(),
    )


def synthetic_paintings(n: int, seed: int = 0) -> Dataset:
    """`n` paintings as records of the schema in `data/schema.py`, pictures embedded as JPEG.

    Painting i is the same for every `n`. Style and artist are unknown (-1): no painter of the release painted these.
    """
    if n < 1:
        raise DataError(f"a collection holds at least one painting; got n = {n}.")
    return make_dataset((_painting_record(index, seed) for index in range(n)), painting_features())


def _painting_record(index: int, seed: int) -> dict[str, object]:
    rng = np.random.default_rng([seed, index])
    hand = HANDS[rng.integers(len(HANDS))]
    spec = random_spec(hand, rng)
    encoded = io.BytesIO()
    paint(spec).save(encoded, "JPEG", quality=92)
    genre = COMPOSITIONS[spec.composition].genre
    return new_record(
        id=f"synthetic/{index:05d}",
        image={"path": f"{index:05d}.jpg", "bytes": encoded.getvalue()},
        genre=GENRES.index(genre) if genre else UNKNOWN,
        title=spec.title,
        artist_name=hand.artist_name,
        license="CC0-1.0",
        credit_line=f"{spec.title}. Painted by a program: {hand.artist_name}.",
    )


def _check_name(what: str, name: str, known: Iterable[str]) -> None:
    if name in known:
        return
    close = difflib.get_close_matches(name, known, 1)
    hint = f"; did you mean {close[0]!r}?" if close else "."
    raise DataError(f"there is no {what} {name!r}; there are {', '.join(known)}{hint}")


def _check_range(what: str, values: Iterable[float], low: float, high: float) -> None:
    for value in values:
        if not low <= value <= high:
            raise DataError(f"{what} lies between {low} and {high}; got {value}.")
