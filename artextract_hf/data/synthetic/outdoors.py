"""Landscapes and seascapes: sky and clouds, hills and fields, trees and houses, a river, the sea, cliffs and boats."""

import numpy as np

from artextract_hf.data.synthetic.outlines import blob, ellipse, limb, placed, rectangle, ribbon, ridge, turned
from artextract_hf.data.synthetic.scene import Color, Scene

SLENDER_CROWN = [(0.08, 0.06), (0.3, 0.13), (0.7, 0.09), (1, 0.005)]  # (height, half width) / height of the tree

# Foliage of a round tree, dark first: (mixed with, share of it, offset to the right, offset down, radius).
FOLIAGE = [("dark", 0.4, 0, 0, 0.2), ("leaf", 0, -0.03, -0.04, 0.16), ("sun", 0.35, -0.07, -0.09, 0.08)]

# A cliff from the edge of the picture to its end in the sea: (share of its reach, height below the horizon).
CLIFF = [(0, -0.22), (0.35, -0.2), (0.6, -0.15), (0.72, -0.1), (0.8, -0.02), (1, 0.0), (1, 0.03), (0, 0.05)]

# A sailing boat of length 1; (0, 0) is the middle of its water line.
HULL = [(-0.5, -0.1), (0.55, -0.13), (0.4, 0.06), (-0.38, 0.06)]
SAIL = [(0.02, -1.0), (0.5, -0.2), (0.02, -0.17)]
JIB = [(-0.03, -0.9), (-0.03, -0.19), (-0.42, -0.17)]


def draw_landscape(scene: Scene) -> None:
    """Hills, fields and water under a sky, with houses and trees."""
    rng = scene.rng
    horizon = float(rng.uniform(0.38, 0.52))
    draw_sky(scene, horizon)
    far_hills = ridge(rng, scene.width, horizon, 0.16, 0.9, horizon + 0.02)
    scene.add(far_hills, scene.mix("far", "haze", 0.35), scene.mix("far", "haze", 0.6), of="hills")
    near_hills = ridge(rng, scene.width, horizon + 0.01, 0.07, 1.2, horizon + 0.04)
    scene.add(near_hills, scene.mix("far", "mid", 0.5), of="hills")
    draw_ground(scene, horizon, "mid", "near", of="field")
    draw_fields(scene, horizon)
    _draw_river(scene, horizon)
    houses = int(rng.integers(0, 4))
    start = rng.uniform(0.05, 0.5) * scene.width
    for number in range(houses):
        size = rng.uniform(0.09, 0.13)
        _draw_house(scene, start + number * 0.2, horizon + 0.09 + 0.035 * number, size, f"house-{number + 1}")
    depths = np.sort(rng.uniform(0.08, 0.46, int(rng.integers(3, 7))))
    for number, depth in enumerate(depths, start=1):
        x = (rng.uniform(0.0, 0.3) + 0.7 * scene.chance(0.5)) * scene.width
        draw_tree(scene, x, horizon + depth, 0.12 + 0.75 * depth, f"tree-{number}")
    draw_flowers(scene, 40)
    sun = f"a {scene.palette.sun_name} sun"
    scene.motif = f"Landscape with {(sun, sun, 'two houses', 'three houses')[houses]}"


def draw_sky(scene: Scene, horizon: float) -> None:
    """Sky down to the horizon, a sun with its glow, and a few clouds."""
    rng = scene.rng
    scene.horizon = horizon
    scene.add(rectangle(0, 0, scene.width, horizon), "sky", "haze", of="sky", line=False)
    x, y = rng.uniform(0.15, 0.85) * scene.width, horizon * rng.uniform(0.25, 0.6)
    radius = rng.uniform(0.045, 0.075)
    for glow in (2.3, 1.7, 1.3):
        halo = ellipse(x, y, radius * glow, radius * glow)
        scene.add(halo, scene.mix("haze", "sun", 0.75 / glow), of="sky", line=False)
    scene.add(ellipse(x, y, radius, radius), "sun", of="sun")
    for _ in range(rng.integers(2, 5)):
        _draw_cloud(scene, rng.uniform(0, scene.width), horizon * rng.uniform(0.12, 0.75), rng.uniform(0.05, 0.11))


def _draw_cloud(scene: Scene, x: float, y: float, size: float) -> None:
    rng = scene.rng
    for _ in range(5):
        dx, dy = rng.normal(0, size * 0.9), rng.uniform(-0.3, 0.15) * size
        lump = blob(rng, x + dx, y + dy, size * rng.uniform(0.6, 1.1), size * rng.uniform(0.22, 0.4), 0.08)
        lump[:, 1] = np.minimum(lump[:, 1], y + 0.18 * size)  # clouds are flat below
        scene.add(lump, "cloud", scene.mix("cloud", "sky", 0.3), of="sky", line=False)


def draw_ground(scene: Scene, horizon: float, far: Color, near: Color, *, of: str) -> None:
    """Ground or water from the horizon to the lower edge, `far` at the horizon and `near` in front."""
    scene.add(rectangle(0, horizon, scene.width, 1), far, near, of=of, line=False)


def draw_fields(scene: Scene, horizon: float) -> None:
    """Bands in the colours of crops, wider towards the viewer."""
    rng = scene.rng
    for top in horizon + (1 - horizon) * np.array([0.06, 0.16, 0.32, 0.56, 0.8]) ** 1.1:
        ground = scene.mix("mid", "near", rng.random())
        color = scene.mix(ground, scene.choose("accent", "sun", "leaf"), rng.uniform(0.1, 0.4))
        band = ridge(rng, scene.width, top, 0.1 * (top - horizon) + 0.015, 1.3, 1)
        scene.add(band, color, scene.mix(color, "near", 0.7), of="field")


def _draw_river(scene: Scene, horizon: float) -> None:
    """Water or a road that winds from the horizon to the lower edge."""
    rng = scene.rng
    t = np.linspace(0, 1, 14)
    swing = rng.uniform(0.1, 0.25) * scene.width * (1 if scene.chance(0.5) else -1)
    middle = scene.width * rng.uniform(0.35, 0.65) + swing * np.sin(t * 4.2) * (0.25 + t)
    y = horizon + 0.035 + (0.975 - horizon) * t**1.7
    half = 0.006 + 0.15 * t**1.8
    winding = ribbon(np.stack([middle - half, y], axis=1), np.stack([middle + half, y], axis=1))
    if scene.chance(0.6):
        scene.add(winding, scene.mix("water", "haze", 0.5), "water", of="river")
    else:
        scene.add(winding, scene.mix("wall", "haze", 0.4), scene.mix("wall", "near", 0.2), of="road")


def _draw_house(scene: Scene, x: float, foot: float, size: float, name: str) -> None:
    """A house seen at a corner: lit front, shaded side, roof, chimney, door and windows."""
    side, tall, rise = 0.55 * size, 0.6 * size, 0.5 * size
    eaves, corner, back = foot - tall, x + size, x + size + side
    gable = corner + 0.45 * side
    chimney = rectangle(x + 0.62 * size, eaves - 0.9 * rise, x + 0.76 * size, eaves)
    scene.add(chimney, scene.mix("roof", "dark", 0.35), of=name)
    scene.add(rectangle(x, eaves, corner, foot), "wall", scene.mix("wall", "haze", 0.4), of=name)
    shade = scene.mix("wall", "dark", 0.35)
    side_wall = [(corner, eaves), (back, eaves + 0.06 * size), (back, foot - 0.05 * size), (corner, foot)]
    scene.add(side_wall, shade, of=name)
    scene.add([(corner, eaves), (gable, eaves - 0.95 * rise), (back, eaves + 0.06 * size)], shade, of=name)
    low, high = eaves + 0.05 * size, eaves - rise
    roof = [(x - 0.07 * size, low), (x + 0.3 * size, high), (gable, high), (corner + 0.03 * size, low)]
    scene.add(roof, "roof", scene.mix("roof", "dark", 0.25), of=name)
    night = scene.palette.name == "nocturne"
    glass = scene.mix("accent", "sun", 0.5) if night else scene.mix("dark", "water", 0.35)
    for left in (0.14, 0.66):
        window = rectangle(x + left * size, eaves + 0.3 * tall, x + (left + 0.18) * size, eaves + 0.62 * tall)
        scene.add(window, glass, of=name)
    door = rectangle(x + 0.41 * size, eaves + 0.42 * tall, x + 0.58 * size, foot)
    scene.add(door, scene.mix("roof", "dark", 0.45), of=name)


def draw_tree(scene: Scene, x: float, foot: float, height: float, name: str) -> None:
    """A tree that casts a shadow: tall and slender, or round with three tones of foliage."""
    shadow = ellipse(x + 0.14 * height, foot, 0.34 * height, 0.05 * height)
    scene.add(shadow, scene.mix("near", "dark", 0.4), of="field", line=False)
    trunk = scene.mix("hair", "dark", 0.3)
    if scene.chance(0.35):
        scene.add(limb((x, foot, 0.03 * height), (x, foot - 0.2 * height, 0.025 * height)), trunk, of=name)
        crown = turned(x, foot, SLENDER_CROWN, height)
        scene.add(crown, "leaf", scene.mix("leaf", "dark", 0.55), of=name, angle=0)
        return
    top = x + scene.rng.uniform(-0.06, 0.06) * height  # trees lean a little
    fork = foot - 0.45 * height
    scene.add(limb((x, foot, 0.05 * height), (top, fork, 0.03 * height)), trunk, of=name)
    for side in (-1, 1):
        tip = (top + side * 0.16 * height, foot - 0.62 * height, 0.01 * height)
        scene.add(limb((top, fork, 0.022 * height), tip), trunk, of=name, line=False)
    _draw_foliage(scene, top, foot, height, name)


def _draw_foliage(scene: Scene, x: float, foot: float, height: float, name: str) -> None:
    for tone, share, dx, dy, radius in FOLIAGE:
        color = scene.mix("leaf", tone, share)
        for _ in range(5):
            cx = x + (dx + scene.rng.normal(0, 0.11)) * height
            cy = foot - 0.72 * height + (dy + scene.rng.normal(0, 0.07)) * height
            lump = blob(scene.rng, cx, cy, radius * height, radius * 0.85 * height)
            scene.add(lump, color, of=name, line=tone == "dark")


def draw_flowers(scene: Scene, count: int) -> None:
    """Flowers at the lower edge, larger towards the viewer."""
    for _ in range(count):
        y = 0.8 + 0.2 * scene.rng.random() ** 0.7
        r = 0.004 + 0.02 * (y - 0.75)
        x = scene.rng.uniform(0, scene.width)
        color = scene.choose("accent", "cloud", "cloth", "sun")
        scene.add(limb((x, y, 0.2 * r), (x + r, y + 3 * r, 0.2 * r)), "leaf", of="flowers", line=False)
        scene.add(ellipse(x, y, r, 0.8 * r, 9), color, of="flowers", line=False)


def draw_seascape(scene: Scene) -> None:
    """The sea under a sky, with boats, and at times a cliff and a beach."""
    rng = scene.rng
    horizon = float(rng.uniform(0.4, 0.58))
    draw_sky(scene, horizon)
    draw_ground(scene, horizon, scene.mix("water", "haze", 0.35), scene.mix("water", "dark", 0.35), of="sea")
    sun_x = float(scene.outline_of("sun").mean(axis=0)[0])
    draw_waves(scene, horizon, sun_x)
    if scene.chance(0.6):
        _draw_cliff(scene, horizon)
    boats = int(rng.integers(1, 4))
    for number, depth in enumerate(np.sort(rng.uniform(0.05, 0.32, boats)), start=1):
        x = rng.uniform(0.15, 0.85) * scene.width
        _draw_boat(scene, x, horizon + depth, 0.09 + 0.55 * depth, f"boat-{number}")
    if scene.chance(0.5):
        beach = ridge(rng, scene.width, 0.95, 0.06, 1.5, 1)
        scene.add(beach, scene.mix("wall", "haze", 0.3), "wall", of="beach")
    scene.motif = f"The sea with {('a boat', 'two boats', 'three boats')[boats - 1]}"


def draw_waves(scene: Scene, horizon: float, sun_x: float) -> None:
    """Lens-shaped crests, larger towards the viewer, and the reflection of the sun, which stands at `sun_x`."""
    rng = scene.rng
    for y in horizon + (1 - horizon) * np.sort(rng.random(110)) ** 1.3:
        depth = (y - horizon) / (1 - horizon)
        x, rx = rng.uniform(0, scene.width), 0.015 + 0.1 * depth * rng.random()
        color = scene.mix("water", scene.choose("cloud", "sky", "dark"), rng.uniform(0.15, 0.45))
        scene.add(ellipse(x, y, rx, 0.0025 + 0.007 * depth, 14), color, of="sea", line=False)
    for y in np.linspace(horizon + 0.01, 0.97, 34):
        depth = (y - horizon) / (1 - horizon)
        x = sun_x + rng.normal(0, 0.012 + 0.06 * depth)
        color = scene.mix("sun", "water", rng.uniform(0.05, 0.5))
        scene.add(ellipse(x, y, 0.012 + 0.05 * depth, 0.0025 + 0.005 * depth, 14), color, of="sea", line=False)


def _draw_cliff(scene: Scene, horizon: float) -> None:
    inwards = 1 if scene.chance(0.5) else -1
    reach = scene.rng.uniform(0.28, 0.42) * scene.width
    edge = 0 if inwards > 0 else scene.width
    points = [(edge + inwards * reach * t, horizon + dy + scene.rng.normal(0, 0.008)) for t, dy in CLIFF]
    scene.add(points, scene.mix("far", "wall", 0.45), scene.mix("far", "dark", 0.25), of="cliff")
    crest = points[:5]
    grass = [*crest, *[(x, y + 0.035) for x, y in crest[::-1]]]
    scene.add(grass, "mid", scene.mix("mid", "leaf", 0.6), of="cliff", line=False)


def _draw_boat(scene: Scene, x: float, y: float, size: float, name: str) -> None:
    """A small sailing boat, and its reflection below it."""
    hull, sail, jib = (placed(part, x, y, size) for part in (HULL, SAIL, JIB))
    for part, color in ((sail, "cloud"), (hull, "roof")):
        reflection = placed(part, 0, 1.55 * y + 0.09 * size, (1, -0.55))
        scene.add(reflection, scene.mix("water", color, 0.4), of="sea", line=False)
    mast = rectangle(x - 0.02 * size, y - 1.05 * size, x + 0.015 * size, y - 0.1 * size)
    scene.add(mast, "dark", of=name)
    scene.add(sail, "cloud", scene.mix("cloud", "far", 0.35), of=name, angle=0)
    scene.add(jib, scene.choose("accent", "cloud", "wall"), of=name)
    scene.add(hull, "roof", scene.mix("roof", "dark", 0.5), of=name)
    left, right = hull[:2]
    plank = [left, right, right + (-0.01 * size, 0.035 * size), left + (0.01 * size, 0.035 * size)]
    scene.add(plank, "cloud", of=name, line=False)
