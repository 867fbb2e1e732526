"""Faces: eyes, brows, cheeks, nose and mouth, and where they are seen on a head that is turned to the side."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from artextract_hf.data.synthetic.outlines import Floats, ellipse, placed, smooth
from artextract_hf.data.synthetic.scene import Scene

# Outlines about (0, 0): x in units of the feature's half width as it is seen, y in units of the head's half height.
EYEBALL = [(-1, 0), (0, -0.1), (1, 0), (0, 0.07)]
UPPER_LID = [(-1.15, -0.005), (0, -0.115), (1.15, -0.005), (0, -0.075)]
BROW = [(-1, 0.03), (0, -0.05), (1, 0.03), (0, 0.005)]
UPPER_LIP = [(-1, 0), (-0.3, -0.065), (0, -0.04), (0.3, -0.065), (1, 0), (0, 0.02)]
LOWER_LIP = [(-0.85, 0.005), (0.85, 0.005), (0.35, 0.09), (-0.35, 0.09)]


class Spot(NamedTuple):
    """Where a point of the head is seen, and which share of its width the turn of the head leaves."""

    x: float
    y: float
    wide: float


@dataclass(frozen=True)
class Head:
    """Where a head is, how large, and how far it is turned.

    Features sit on an ellipsoid that is turned by the yaw and seen from the front.

    Args:
        x: of its middle, in units of the scene.
        y: of its middle.
        r: half of its height.
        yaw: its turn in degrees, positive to the right.
    """

    x: float
    y: float
    r: float
    yaw: float

    @property
    def rx(self) -> float:
        """Half of its width."""
        return 0.76 * self.r

    @property
    def turn(self) -> float:
        """The yaw in radians."""
        return np.radians(self.yaw)

    def at(self, lon: float, lat: float, out: float = 1.0) -> Spot:
        """Where a feature is seen.

        Args:
            lon: longitude in degrees, 0 in the middle of the face, positive to the right.
            lat: latitude in degrees, 0 in the middle of the face, positive upwards.
            out: distance from the axis of the head: more than 1 stands out, as the nose does.
        """
        turn = np.radians(lon) + self.turn
        x = self.x + out * self.rx * np.cos(np.radians(lat)) * np.sin(turn)
        y = self.y - self.r * np.sin(np.radians(lat))
        return Spot(x, y, float(np.cos(turn)))


def draw_face(scene: Scene, head: Head, shade: Floats) -> None:
    """The features in front of the skin; `shade` is the colour of its shaded side."""
    for side, lon in (("left", -25), ("right", 25)):
        _draw_cheek(scene, head, 1.25 * lon)
        _draw_eye(scene, head, side, lon)
    _draw_nose(scene, head, shade)
    _draw_mouth(scene, head)


def _draw_cheek(scene: Scene, head: Head, lon: float) -> None:
    x, y, wide = head.at(lon, -22)
    if wide > 0.2:
        blush = ellipse(x, y, 0.17 * head.r * wide, 0.12 * head.r, 16)
        scene.add(blush, scene.mix("skin", "roof", 0.28), of="head", line=False)


def _draw_eye(scene: Scene, head: Head, side: str, lon: float) -> None:
    """Eyeball, iris, upper lid and brow; nothing where the turn hides the eye."""
    r = head.r
    x, y, wide = head.at(lon, 6)
    scene.joints[f"{side}_eye"] = (x, y)
    if wide < 0.15:
        return
    w = 0.17 * r * wide
    scene.add(smooth(placed(EYEBALL, x, y, (w, r)), 1), scene.mix("paper", "skin", 0.25), of="head", line=False)
    gaze = 0.05 * r * np.sin(head.turn)
    iris = ellipse(x + gaze, y - 0.01 * r, min(0.065 * r, 0.6 * w), 0.07 * r, 12)
    scene.add(iris, scene.mix("dark", "water", 0.25), of="head", line=False)
    scene.add(placed(UPPER_LID, x, y, (w, r)), scene.mix("hair", "dark", 0.55), of="head", line=False)
    x, y, wide = head.at(lon, 19)
    brow = smooth(placed(BROW, x, y, (0.2 * r * wide, r)), 1)
    scene.add(brow, scene.mix("hair", "dark", 0.2), of="head", line=False)


def _draw_nose(scene: Scene, head: Head, shade: Floats) -> None:
    """A wedge from the bridge to the tip, and the shadow below it."""
    r = head.r
    bridge, tip, base = head.at(0, 8), head.at(0, -20, 1.24), head.at(0, -26, 1.06)
    far = -1 if head.yaw < 0 else 1
    wing = 0.1 * r * (0.6 + 0.4 * tip.wide)
    wedge = [
        (bridge.x, bridge.y),
        (tip.x + 0.02 * r * far, tip.y),
        (base.x + 0.6 * wing, base.y),
        (base.x - 0.6 * wing, base.y),
    ]
    light = scene.mix("skin", "cloud", 0.08)
    scene.add(smooth(wedge, 1), light, scene.mix(shade, "roof", 0.2), of="nose", angle=80, line=False)
    shadow = [
        (base.x - wing, base.y - 0.02 * r),
        (tip.x, base.y + 0.04 * r),
        (base.x + wing, base.y - 0.02 * r),
        (tip.x, base.y - 0.005 * r),
    ]
    scene.add(smooth(shadow, 1), scene.mix(shade, "hair", 0.4), of="nose", line=False)
    scene.joints["nose"] = (tip.x, tip.y)


def _draw_mouth(scene: Scene, head: Head) -> None:
    x, y, wide = head.at(0, -41, 1.1)
    scale = (0.26 * head.r * max(wide, 0.3), head.r)
    lips = scene.mix("skin", "roof", 0.6)
    for lip, color in ((UPPER_LIP, scene.mix(lips, "dark", 0.25)), (LOWER_LIP, lips)):
        scene.add(smooth(placed(lip, x, y, scale), 1), color, of="head", line=False)
    scene.joints["mouth"] = (x, y)
