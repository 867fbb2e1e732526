"""Portraits: head and shoulders of a sitter, in front of a window or a patterned hanging."""

import numpy as np

from artextract_hf.data.synthetic.face import Head
from artextract_hf.data.synthetic.head import draw_hat, draw_head, draw_long_hair
from artextract_hf.data.synthetic.outlines import blob, ellipse, limb, placed, rectangle, ridge, smooth
from artextract_hf.data.synthetic.scene import Scene

NECK, SHOULDER = 0.62, 0.745  # heights in the picture

# Collars about the middle of the picture: x from the middle, y from the top.
LAPEL = [(0, 0.72), (0.085, 0.635), (0.15, 0.69), (0.06, 0.79)]  # the right one
SCARF = [(-0.1, 0.64), (0.1, 0.64), (0.13, 0.7), (0, 0.74), (-0.13, 0.7)]
SLEEVE_FOLD = [(0.19, 0.82), (0.24, 1.0), (0.215, 1.0)]  # the right one


def draw_portrait(scene: Scene) -> None:
    """A sitter whose shoulders turn with the head, but less."""
    x = scene.width / 2
    head = Head(x, 0.4, 0.2, scene.pose.yaw)
    _draw_background(scene)
    long_hair = scene.chance(0.5)
    if long_hair:
        draw_long_hair(scene, head)
    _draw_bust(scene, x)
    _draw_collar(scene, x)
    hat = scene.chance(0.45)
    draw_head(scene, head)
    if hat:
        draw_hat(scene, head)
    sitter = "a sitter in a hat" if hat else "a sitter with long hair" if long_hair else "a sitter"
    facing = scene.pose.facing
    scene.motif = f"Portrait of {sitter} looking {'at us' if facing == 'front' else facing}"


def _draw_background(scene: Scene) -> None:
    """A wall, and on it a window with a view or the pattern of a hanging."""
    rng = scene.rng
    wall = scene.mix("far", scene.choose("leaf", "cloth", "dark"), 0.4)
    light, shade = scene.mix(wall, "haze", 0.3), scene.mix(wall, "dark", 0.45)
    scene.add(rectangle(0, 0, scene.width, 1), light, shade, of="wall", angle=60, line=False)
    if scene.chance(0.45):
        _draw_window(scene)
        return
    for _ in range(7):
        y, x = rng.uniform(0.05, 0.95), rng.uniform(0, scene.width)
        patch = blob(rng, x, y, 0.09, 0.05, 0.25)
        scene.add(patch, scene.mix(wall, "haze", rng.uniform(0.1, 0.3)), of="wall", line=False)


def _draw_window(scene: Scene) -> None:
    """A window beside the sitter, with a view of hills."""
    left = 0.06 if scene.chance(0.5) else scene.width - 0.26
    frame = scene.mix("hair", "dark", 0.3)
    scene.add(rectangle(left - 0.015, 0.1, left + 0.215, 0.52), frame, of="window")
    scene.add(rectangle(left, 0.115, left + 0.2, 0.4), "sky", "haze", of="window")
    hills = placed(ridge(scene.rng, 0.2, 0.38, 0.08, 1, 0.5), left, 0)
    scene.add(hills, "mid", "near", of="window", line=False)
    scene.add(rectangle(left + 0.094, 0.115, left + 0.106, 0.505), frame, of="window", line=False)


def _draw_bust(scene: Scene, x: float) -> None:
    """Shoulders and neck about the upright line at `x`."""
    turn = np.radians(0.45 * scene.pose.yaw)
    half, lean = 0.31 * np.cos(turn), 0.03 * np.sin(turn)
    shoulders = [
        (x - 0.055, NECK + 0.03),
        (x - 0.14 + lean, 0.69),
        (x - half + lean, SHOULDER),
        (x - half - 0.05, 1.02),
        (x + half + 0.05, 1.02),
        (x + half + lean, SHOULDER),
        (x + 0.14 + lean, 0.69),
        (x + 0.055, NECK + 0.03),
    ]
    light, shade = scene.mix("cloth", "haze", 0.12), scene.mix("cloth", "dark", 0.45)
    scene.add(smooth(shoulders), light, shade, of="bust", angle=70)
    for side in (-1, 1):
        fold = placed(SLEEVE_FOLD, x, 0, (side, 1))
        scene.add(fold, scene.mix("cloth", "dark", 0.6), of="bust", line=False)
    neck = limb((x + 0.04 * np.sin(turn), 0.5, 0.068), (x, 0.6, 0.062), (x, 0.715, 0.085))
    scene.add(neck, scene.mix("skin", "hair", 0.22), scene.mix("skin", "hair", 0.45), of="bust")
    scene.joints |= {
        "neck": (x, NECK),
        "left_shoulder": (x - half + lean, SHOULDER),
        "right_shoulder": (x + half + lean, SHOULDER),
    }


def _draw_collar(scene: Scene, x: float) -> None:
    """Lapels, a string of beads, or a scarf."""
    kind = scene.choose("lapels", "beads", "scarf")
    if kind == "lapels":
        for side in (-1, 1):
            lapel = placed(LAPEL, x, 0, (side, 1))
            scene.add(lapel, "paper", scene.mix("paper", "far", 0.4), of="bust")
    elif kind == "beads":
        for angle in np.radians(np.linspace(15, 165, 9)):
            bead = ellipse(x + 0.1 * np.cos(angle), 0.65 + 0.085 * np.sin(angle), 0.014, 0.014, 12)
            scene.add(bead, scene.mix("accent", "cloud", 0.3), of="bust")
    else:
        scene.add(smooth(placed(SCARF, x, 0)), "accent", scene.mix("accent", "dark", 0.4), of="bust")
