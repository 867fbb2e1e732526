"""A scene: coloured shapes in depth order, before any brush, and the truth about what is where."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from artextract_hf.data.synthetic.checks import check_range
from artextract_hf.data.synthetic.outlines import Floats, Point
from artextract_hf.data.synthetic.palettes import Palette

Color = str | Floats  # a role of the palette, or RGB from 0 to 255


@dataclass(frozen=True)
class Pose:
    """How a figure stands; degrees. `left` and `right` are sides of the picture, not of the figure.

    Args:
        yaw: turn of the head: 0 looks at the viewer, positive at the right edge of the picture; -75 to 75.
        arms: how far the left and the right upper arm are raised from hanging; 0 to 150.
        elbows: how far each elbow is bent outwards; 0 to 140.
    """

    yaw: float = 0.0
    arms: tuple[float, float] = (14.0, 14.0)
    elbows: tuple[float, float] = (12.0, 12.0)

    def __post_init__(self) -> None:
        check_range("yaw", [self.yaw], -75, 75)
        check_range("arms", self.arms, 0, 150)
        check_range("elbows", self.elbows, 0, 140)

    @property
    def facing(self) -> str:
        """`left`, `right`, or `front` within 10 degrees of looking at the viewer."""
        return "front" if abs(self.yaw) < 10 else "right" if self.yaw > 0 else "left"

    def mirrored(self) -> "Pose":
        """The same pose in a mirror."""
        return Pose(-self.yaw, self.arms[::-1], self.elbows[::-1])


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
    joints: dict[str, Point]
    yaw: float | None


@dataclass(frozen=True)
class Shape:
    """A filled polygon.

    Args:
        points: its outline, (n, 2), in units of the scene.
        color: RGB, 0 to 255.
        to: the colour at the far end of a gradient; None for one plain colour.
        angle: direction of the gradient in degrees: 0 runs to the right, 90 runs down.
        of: the object it is a part of.
        line: whether a draughtsman would outline it.
    """

    points: Floats
    color: Floats
    to: Floats | None
    angle: float
    of: str
    line: bool


class Scene:
    """Collects shapes from back to front, and the truth with them.

    One unit is the height of the picture: y runs down from 0 to 1, x to the right from 0 to `width`.

    Args:
        size: natural width and height of the picture in pixels.
        palette: the colours of the scene.
        pose: of the figure, where the scene has one.
        rng: every random number of the scene comes from here, in the order of drawing.
    """

    def __init__(self, size: tuple[int, int], palette: Palette, pose: Pose, rng: np.random.Generator) -> None:
        self.width = size[0] / size[1]
        self.palette, self.pose, self.rng = palette, pose, rng
        self.shapes: list[Shape] = []
        self.horizon: float | None = None
        self.joints: dict[str, Point] = {}
        self.yaw: float | None = None
        self.motif = ""  # what is to be seen, in words

    def color(self, color: Color) -> Floats:
        """RGB of a role of the palette; RGB comes back as it is."""
        return np.array(self.palette.colors[color], dtype=float) if isinstance(color, str) else color

    def mix(self, a: Color, b: Color, share: float) -> Floats:
        """`a` with this share of `b`."""
        return self.color(a) * (1 - share) + self.color(b) * share

    def chance(self, probability: float) -> bool:
        """Draw at random: True with this probability."""
        return bool(self.rng.random() < probability)

    def choose(self, *options: str) -> str:
        """Draw one of the options at random."""
        return options[self.rng.integers(len(options))]

    def add(
        self,
        points: ArrayLike,
        color: Color,
        to: Color | None = None,
        *,
        of: str,
        angle: float = 90,
        line: bool = True,
    ) -> None:
        """Put a polygon in front of all that is there; the arguments are those of Shape."""
        end = None if to is None else self.color(to)
        self.shapes.append(Shape(np.asarray(points, float), self.color(color), end, angle, of, line))

    def outline_of(self, name: str) -> Floats:
        """The points of all shapes of an object, (n, 2), in units of the scene."""
        return np.concatenate([shape.points for shape in self.shapes if shape.of == name])

    def truth(self) -> Truth:
        """What the scene shows, and where."""
        share = np.array([1 / self.width, 1.0])
        boxes = {}
        for name in dict.fromkeys(shape.of for shape in self.shapes):
            points = self.outline_of(name) * share
            left, top = np.clip(points.min(axis=0), 0, 1)
            right, bottom = np.clip(points.max(axis=0), 0, 1)
            if right > left and bottom > top:
                boxes[name] = (float(left), float(top), float(right), float(bottom))
        joints = {name: (x / self.width, y) for name, (x, y) in self.joints.items()}
        return Truth(self.horizon, boxes, joints, self.yaw)
