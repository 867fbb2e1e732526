"""Heads of known pose: a skull with nose, eyes, brows and mouth, rendered so that a face detector takes it for a face.

A ray meets solid ellipsoids in closed form; what is nearest is lit from the upper left front. Axes as in
`retrieval/faces/head_pose.py`: x to the right, y down, z towards us, millimetres, turned by its rotation.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from artextract_hf.retrieval.faces.head_pose import HeadPose

LIGHT = np.array([-0.35, -0.45, 0.82])
SKIN, HAIR, LIPS, WHITE, IRIS, CLOTH = (
    np.array(color, dtype=float)
    for color in ((224, 172, 140), (60, 40, 28), (170, 70, 70), (235, 230, 225), (50, 35, 25), (70, 80, 120))
)


@dataclass(frozen=True)
class Ellipsoid:
    """A solid of the head: its middle and half axes in mm, and its colour."""

    middle: tuple[float, float, float]
    axes: tuple[float, float, float]
    color: np.ndarray


def _pair(middle: tuple[float, float, float], axes: tuple[float, float, float], color: np.ndarray) -> list[Ellipsoid]:
    x, y, z = middle
    return [Ellipsoid((side * x, y, z), axes, color) for side in (-1, 1)]


# The origin is the nose's tip less its 25 mm, so that eyes, nose and mouth lie where HEAD has its landmarks.
SOLIDS = [
    Ellipsoid((0, -40, -72), (72, 95, 82), SKIN),  # skull
    Ellipsoid((0, 25, -42), (50, 60, 50), SKIN),  # jaw
    Ellipsoid((0, -62, -86), (79, 86, 84), HAIR),
    Ellipsoid((0, -8, 5), (11, 12, 20), SKIN),  # tip of the nose
    Ellipsoid((0, -24, 0), (8, 26, 13), SKIN),  # its bridge
    Ellipsoid((0, 35, -2), (27, 4.5, 10), LIPS),
    Ellipsoid((0, 41, -3), (21, 5.5, 10), LIPS),
    *_pair((31.5, -36, -4), (14, 7, 8), WHITE),
    *_pair((31.5, -36, 0), (6, 6.5, 5.5), IRIS),
    *_pair((32, -53, -3), (18, 3.5, 8), HAIR),  # brows
    *_pair((75, -22, -80), (8, 26, 16), SKIN),  # ears
    Ellipsoid((0, 110, -80), (45, 80, 42), SKIN),  # neck
]


def render_head(pose: HeadPose, *, side: int = 320, head: float = 0.5, seed: int = 0) -> Image.Image:
    """A head before a plain ground.

    Args:
        pose: how it is turned; the shoulders stay as they are.
        side: of the picture, pixels.
        head: height of the face from brow to chin, as a share of the side.
        seed: of the ground's colour and the grain.
    """
    rng = np.random.default_rng(seed)
    scale = 170 / (head * side)  # mm a pixel
    y, x = (np.indices((side, side)) - np.array([0.45, 0.5])[:, None, None] * side) * scale
    ground = rng.uniform(60, 150, 3)
    picture = np.broadcast_to(ground, (side, side, 3)) * (1 - 0.2 * (y / np.abs(y).max())[..., None])
    depth = np.full((side, side), -np.inf)
    body = [(Ellipsoid((0, 300, -90), (210, 150, 80), CLOTH), np.eye(3))]
    for solid, rotation in [*body, *((solid, pose.rotation()) for solid in SOLIDS)]:
        picture, depth = _draw(solid, rotation, x, y, picture, depth)
    picture = cv2.GaussianBlur(picture, (0, 0), side / 320) + rng.normal(0, 3, picture.shape)
    return Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))


def _draw(
    solid: Ellipsoid, rotation: np.ndarray, x: np.ndarray, y: np.ndarray, picture: np.ndarray, depth: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The picture and its depth with one more solid: the larger root z of |(p - middle) / axes| = 1."""
    middle = rotation @ (np.array(solid.middle) - HEAD_MIDDLE)
    form = rotation @ np.diag(1 / np.square(solid.axes)) @ rotation.T
    u, v = x - middle[0], y - middle[1]
    a, b = form[2, 2], form[0, 2] * u + form[1, 2] * v
    c = form[0, 0] * u * u + 2 * form[0, 1] * u * v + form[1, 1] * v * v - 1
    inside = b * b - a * c
    z = (-b + np.sqrt(np.maximum(inside, 0))) / a
    seen = (inside > 0) & (z + middle[2] > depth)
    normal = np.stack([u, v, z], axis=-1) @ form
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    shade = 0.35 + 0.7 * np.clip(normal @ LIGHT, 0, 1)[..., None]
    return np.where(seen[..., None], solid.color * shade, picture), np.where(seen, z + middle[2], depth)


HEAD_MIDDLE = np.array([0.0, -5.0, -30.0])  # what the head turns about
