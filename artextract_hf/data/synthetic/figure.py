"""Figures: a person who stands in the fields and holds the arms as the pose says."""

import numpy as np

from artextract_hf.data.synthetic.face import Head
from artextract_hf.data.synthetic.head import draw_hat, draw_head
from artextract_hf.data.synthetic.outdoors import draw_fields, draw_flowers, draw_ground, draw_sky, draw_tree
from artextract_hf.data.synthetic.outlines import Floats, Point, ellipse, limb, placed, rectangle, ridge, smooth
from artextract_hf.data.synthetic.scene import Scene

HEAD = 0.24  # height of the middle of the head in the picture; the figure is seven heads tall
SHOULDER, HIP, KNEE, FOOT = HEAD + 0.12, HEAD + 0.345, HEAD + 0.52, 0.93

SKIRT = [(-0.065, HIP - 0.08), (0.065, HIP - 0.08), (0.15, FOOT - 0.06), (0, FOOT - 0.03), (-0.15, FOOT - 0.06)]

UPPER_ARM, FOREARM, ELBOW_TO_HAND = 0.125, 0.115, 0.138  # lengths

SIDES = {"left": -1, "right": 1}  # of the picture


def draw_figure(scene: Scene) -> None:
    """A standing person in front of hills and fields."""
    _draw_background(scene)
    skirt = scene.chance(0.5)
    hat = scene.chance(0.5)
    head = Head(scene.width / 2, HEAD, 0.062, scene.pose.yaw)
    _draw_body(scene, head.x, skirt=skirt)
    draw_head(scene, head)
    if hat:
        draw_hat(scene, head)
    draw_flowers(scene, 30)
    scene.motif = f"Figure {'waving' if max(scene.pose.arms) > 60 else 'standing'} in the fields"


def _draw_background(scene: Scene) -> None:
    """Hills, fields, and a tree on each side."""
    rng = scene.rng
    horizon = float(rng.uniform(0.42, 0.5))
    draw_sky(scene, horizon)
    hills = ridge(rng, scene.width, horizon, 0.1, 0.9, horizon + 0.02)
    scene.add(hills, scene.mix("far", "haze", 0.3), of="hills")
    draw_ground(scene, horizon, "mid", "near", of="field")
    draw_fields(scene, horizon)
    for number, side in enumerate((0.08, 0.93), start=1):
        x, foot = (side + rng.uniform(-0.05, 0.05)) * scene.width, horizon + rng.uniform(0.08, 0.2)
        draw_tree(scene, x, foot, rng.uniform(0.26, 0.42), f"tree-{number}")


def _draw_body(scene: Scene, x: float, *, skirt: bool) -> None:
    """Neck, trunk, limbs and clothes; the trunk turns half as far as the head, and is narrower for it."""
    turn = np.cos(np.radians(0.5 * scene.pose.yaw))
    across = 0.082 * turn  # from the middle to a shoulder
    shadow = ellipse(x + 0.07, FOOT, 0.2, 0.02)
    scene.add(shadow, scene.mix("near", "dark", 0.45), of="field", line=False)
    scene.joints["neck"] = (x, HEAD + 0.08)
    for name in SIDES:
        _draw_leg(scene, name, x, 0.05 * turn)
    if skirt:
        _draw_skirt(scene, x)
    neck = limb((x, HEAD + 0.04, 0.024), (x, SHOULDER, 0.028))
    scene.add(neck, scene.mix("skin", "hair", 0.35), of="figure")
    bodice = scene.color("paper") if skirt else _coat(scene)
    _draw_trunk(scene, x, across, bodice)
    for (name, side), raised, bend in zip(SIDES.items(), scene.pose.arms, scene.pose.elbows, strict=True):
        _draw_arm(scene, name, (x + side * across, SHOULDER), raised, bend, scene.mix(bodice, "dark", 0.14))


def _coat(scene: Scene) -> Floats:
    return scene.mix("cloth", "haze", 0.1)


def _draw_leg(scene: Scene, name: str, x: float, hips: float) -> None:
    """Leg and shoe; `hips` is the distance from the middle of the figure at `x` to a hip."""
    side = SIDES[name]
    hip = (x + side * hips, HIP)
    knee = (x + side * (hips + 0.005), KNEE)
    ankle = (x + side * (hips + 0.012), FOOT - 0.02)
    leg = limb((*hip, 0.045), (*knee, 0.033), (*ankle, 0.022))
    scene.add(leg, scene.mix("dark", "far", 0.25), scene.mix("dark", "far", 0.05), of="figure", angle=0)
    shoe = ellipse(x + side * (hips + 0.03), FOOT - 0.012, 0.042, 0.016, 16)
    scene.add(shoe, scene.mix("hair", "dark", 0.4), of="figure")
    scene.joints |= {f"{name}_hip": hip, f"{name}_knee": knee, f"{name}_ankle": ankle}


def _draw_skirt(scene: Scene, x: float) -> None:
    shade = scene.mix("cloth", "dark", 0.5)
    scene.add(smooth(placed(SKIRT, x, 0)), _coat(scene), shade, of="figure", angle=35)
    for dx in (-0.07, 0.0, 0.08):
        fold = [(x + 0.4 * dx, HIP), (x + dx + 0.014, FOOT - 0.06), (x + dx - 0.014, FOOT - 0.06)]
        scene.add(fold, shade, of="figure", line=False)


def _draw_trunk(scene: Scene, x: float, across: float, bodice: Floats) -> None:
    """The trunk with a belt; `across` is the distance from the middle of the figure at `x` to a shoulder."""
    trunk = [
        (x - 0.03, SHOULDER - 0.035),
        (x - across - 0.012, SHOULDER - 0.012),
        (x - 0.062, HIP - 0.1),
        (x - 0.075, HIP + 0.03),
        (x + 0.075, HIP + 0.03),
        (x + 0.062, HIP - 0.1),
        (x + across + 0.012, SHOULDER - 0.012),
        (x + 0.03, SHOULDER - 0.035),
    ]
    scene.add(smooth(trunk), bodice, scene.mix(bodice, "dark", 0.35), of="figure", angle=25)
    belt = rectangle(x - 0.063, HIP - 0.1, x + 0.063, HIP - 0.075)
    scene.add(belt, "accent", scene.mix("accent", "dark", 0.3), of="figure", angle=0)


def _draw_arm(scene: Scene, name: str, shoulder: Point, raised: float, bend: float, sleeve: Floats) -> None:
    """Sleeve and hand; `raised` and `bend` are degrees, outwards from hanging straight down."""
    side, upper, lower = SIDES[name], np.radians(raised), np.radians(raised) + np.radians(bend)

    def below(joint: Point, length: float, angle: float) -> Point:
        return joint[0] + side * length * np.sin(angle), joint[1] + length * np.cos(angle)

    elbow = below(shoulder, UPPER_ARM, upper)
    wrist, hand = below(elbow, FOREARM, lower), below(elbow, ELBOW_TO_HAND, lower)
    scene.add(ellipse(*hand, 0.02, 0.02, 14), "skin", of="figure")
    arm = limb((*shoulder, 0.03), (*elbow, 0.024), (*wrist, 0.018))
    scene.add(arm, sleeve, scene.mix(sleeve, "dark", 0.3), of="figure", angle=0)
    scene.joints |= {f"{name}_shoulder": shoulder, f"{name}_elbow": elbow, f"{name}_wrist": wrist}
