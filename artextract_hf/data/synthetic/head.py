"""Heads with ears, a face, hair and hats."""

import numpy as np

from artextract_hf.data.synthetic.face import Head, draw_face
from artextract_hf.data.synthetic.outlines import ellipse, limb, placed, smooth
from artextract_hf.data.synthetic.scene import Scene

# Outlines about the middle of the head. The skull's units are half its width (x) and half its height (y).
SKULL = [
    (-0.62, -0.95), (0.62, -0.95), (1.02, -0.45), (1.0, 0.25), (0.74, 0.78),
    (0.3, 1.06), (-0.3, 1.06), (-0.74, 0.78), (-1.0, 0.25), (-1.02, -0.45),
]  # fmt: skip
# The unit of y is half the head's height, that of x 0.8 of it.
LONG_HAIR = [
    (-0.75, -1.1), (0.75, -1.1), (1.05, -0.2), (1.1, 0.9),
    (1.25, 1.65), (-1.25, 1.65), (-1.1, 0.9), (-1.05, -0.2),
]  # fmt: skip

# In units of half the head's height.
HAT_CROWN = [(-0.62, -0.72), (-0.58, -1.3), (-0.3, -1.5), (0.3, -1.5), (0.58, -1.3), (0.62, -0.72)]
HAT_BAND = [(-0.64, -0.72), (0.64, -0.72), (0.63, -0.92), (-0.63, -0.92)]

# The latitude of the hairline at these angles from the middle of the face, degrees.
FROM_FACE = [0, 30, 58, 75, 100, 180]
HAIRLINE = [46, 42, 20, -8, -24, -50]


def draw_head(scene: Scene, head: Head) -> None:
    """Ears, face and hair of a head."""
    scene.yaw = head.yaw
    light, shade = scene.mix("skin", "cloud", 0.12), scene.mix("skin", "hair", 0.42)
    for lon in (-94, 94):
        x, y, depth = head.at(lon, -4, 1.02)
        if depth > -0.12:  # not hidden behind the head
            ear = ellipse(x, y, (0.06 + 0.12 * abs(depth)) * head.r, 0.19 * head.r, 16)
            scene.add(ear, shade, of="head")
    chin = 0.16 * head.rx * np.sin(head.turn)
    outline = smooth(placed(SKULL, head.x, head.y, (head.rx, head.r)))
    outline[:, 0] += chin * np.clip((outline[:, 1] - head.y) / head.r, 0, 1)  # the jaw moves with the turn
    scene.add(outline, light, shade, of="head", angle=25)
    draw_face(scene, head, shade)
    _draw_hair(scene, head)
    scene.joints |= {"head": (head.x, head.y), "chin": (head.x + chin, head.y + head.r)}


def _draw_hair(scene: Scene, head: Head) -> None:
    """The hair on the visible half of the head: all that lies above the hairline, with strands of light."""
    x, y, rx, r = head.x, head.y, head.rx, head.r
    lon = np.linspace(-90, 90, 25)
    lat = np.radians(np.interp(np.abs(lon - head.yaw), FROM_FACE, HAIRLINE))
    lower = np.stack([x + 1.04 * rx * np.cos(lat * 0.8) * np.sin(np.radians(lon)), y - r * np.sin(lat)], axis=1)
    rise = np.linspace(lat[-1], np.pi - lat[0], 22)
    crown = np.stack([x + 1.09 * rx * np.cos(rise), y - 1.13 * r * np.sin(rise)], axis=1)
    light, shade = scene.mix("hair", "sun", 0.18), scene.mix("hair", "dark", 0.35)
    scene.add(np.concatenate([lower, crown]), light, shade, of="hair", angle=25)
    for t in (0.35, 0.5, 0.65):  # strands from left to right
        i = round(t * 24)
        root, top = lower[i], np.array([x + (lon[i] / 90) * 0.35 * rx, y - 1.08 * r])
        strand = limb((*(root + (0, -0.04 * r)), 0.012 * r), (*((root + top) / 2), 0.03 * r), (*top, 0.01 * r))
        scene.add(strand, scene.mix("hair", "sun", 0.3), of="hair", line=False)


def draw_long_hair(scene: Scene, head: Head) -> None:
    """Hair that falls on the shoulders, behind the face and away from where it looks."""
    shift = -0.2 * head.r * np.sin(head.turn)
    outline = placed(LONG_HAIR, head.x + shift, head.y, (0.8 * head.r, head.r))
    scene.add(smooth(outline), "hair", scene.mix("hair", "dark", 0.5), of="hair")


def draw_hat(scene: Scene, head: Head) -> None:
    """A hat with a band and a brim."""
    x, y, r = head.x, head.y, head.r
    felt = scene.mix("cloth", "dark", 0.35) if scene.chance(0.5) else scene.mix("wall", "accent", 0.3)
    crown = smooth(placed(HAT_CROWN, x, y, r))
    scene.add(crown, scene.mix(felt, "haze", 0.2), scene.mix(felt, "dark", 0.4), of="hat", angle=20)
    band = smooth(placed(HAT_BAND, x, y, r), 1)
    scene.add(band, "accent", scene.mix("accent", "dark", 0.4), of="hat", angle=0)
    brim = ellipse(x, y - 0.7 * r, 1.3 * r, 0.17 * r)
    scene.add(brim, scene.mix(felt, "haze", 0.12), scene.mix(felt, "dark", 0.45), of="hat", angle=60)
