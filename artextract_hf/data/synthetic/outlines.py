"""Outlines of shapes: closed polygons, (n, 2) arrays of x and y. The height of the picture is 1, and y runs down."""

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.floating]
Point = tuple[float, float]


def placed(points: ArrayLike, x: float, y: float, scale: float | Point = 1.0) -> Floats:
    """A drawing in its own units, enlarged by `scale` (or by one scale for x and one for y) and moved to (x, y)."""
    return np.asarray(points, float) * scale + (x, y)


@cache
def _circle(n: int) -> Floats:
    angle = np.linspace(0, 2 * np.pi, n, endpoint=False)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def ellipse(x: float, y: float, rx: float, ry: float, n: int = 28) -> Floats:
    """An ellipse about (x, y) with radii `rx` and `ry`, as a polygon of `n` points."""
    return placed(_circle(n), x, y, (rx, ry))


def rectangle(left: float, top: float, right: float, bottom: float) -> Floats:
    """An upright rectangle between these edges."""
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)])


def blob(rng: np.random.Generator, x: float, y: float, rx: float, ry: float, wobble: float = 0.13) -> Floats:
    """An ellipse with a lumpy outline; `wobble` is the height of the lumps as a share of the radius."""
    n = 30
    angle = np.arange(n) * 2 * np.pi / n
    lumps = sum(rng.uniform(-1, 1) / k**0.5 * np.sin(k * angle + rng.uniform(0, 7)) for k in range(2, 7))
    return placed(_circle(n) * (1 + wobble * np.asarray(lumps)[:, None]), x, y, (rx, ry))


def smooth(points: ArrayLike, rounds: int = 2) -> Floats:
    """Cut the corners of a closed polygon (Chaikin 1974); each round doubles the number of points."""
    p = np.asarray(points, float)
    for _ in range(rounds):
        following = np.roll(p, -1, axis=0)
        p = np.stack([0.75 * p + 0.25 * following, 0.25 * p + 0.75 * following], axis=1).reshape(-1, 2)
    return p


def limb(*joints: tuple[float, float, float]) -> Floats:
    """A tapering limb through (x, y, half width) points."""
    p = np.asarray(joints, float)
    along = np.gradient(p[:, :2], axis=0)
    across = np.stack([-along[:, 1], along[:, 0]], axis=1) / np.linalg.norm(along, axis=1, keepdims=True)
    return smooth(np.concatenate([p[:, :2] + across * p[:, 2:], (p[:, :2] - across * p[:, 2:])[::-1]]))


def turned(x: float, foot: float, profile: Sequence[Point], scale: float = 1.0) -> Floats:
    """A body of revolution that stands at (x, foot), as if turned on a lathe.

    `profile` lists (height above the foot, half width) points, enlarged by `scale`.
    """
    p = np.asarray(profile, float) * scale
    right = np.stack([x + p[:, 1], foot - p[:, 0]], axis=1)
    left = np.stack([x - p[:, 1], foot - p[:, 0]], axis=1)[::-1]
    return smooth(np.concatenate([right, left]))


def ribbon(one_side: Floats, other_side: Floats) -> Floats:
    """The area between two lines that run the same way."""
    return np.concatenate([one_side, other_side[::-1]])


def ridge(rng: np.random.Generator, width: float, base: float, height: float, rough: float, bottom: float) -> Floats:
    """Hills from edge to edge: crests between `base - height` and `base`, filled down to `bottom`.

    The hills are smoother for a larger `rough`: waves of k-fold frequency are k**rough times lower.
    """
    x = np.linspace(0, width, 48)
    waves = sum(np.sin(x * k * rng.uniform(2, 4) + rng.uniform(0, 7)) / k**rough for k in (1, 2, 3, 5, 8))
    waves = np.asarray(waves)
    crest = base - height * (waves - waves.min()) / (waves.max() - waves.min())
    return np.concatenate([np.stack([x, crest], axis=1), [(width, bottom), (0, bottom)]])
