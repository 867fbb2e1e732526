"""Towns: gabled houses and a tower by a canal with a bridge, or on a square with passers-by."""

from typing import NamedTuple

import numpy as np

from artextract_hf.data.synthetic.outdoors import draw_ground, draw_sky, draw_waves
from artextract_hf.data.synthetic.outlines import ellipse, rectangle, ribbon, turned
from artextract_hf.data.synthetic.scene import Scene

# (height above the foot, half width) / height of the person
COAT = [(0, 0.16), (0.5, 0.12), (0.78, 0.11)]
HAT = [(0.9, 0.11), (0.93, 0.07), (1.05, 0.06)]

TOWER_WINDOW = [(0.27, 0.008), (0.25, 0.013), (0.18, 0.013)]  # (height above the ground, half width)


class Front(NamedTuple):
    """The front of a town house: its left edge, its foot, and its size up to the eaves."""

    left: float
    foot: float
    width: float
    height: float
    name: str


def draw_cityscape(scene: Scene) -> None:
    """A row of houses, far roofs and a tower behind them; in front a canal, or a square."""
    rng = scene.rng
    horizon = float(rng.uniform(0.56, 0.64))
    draw_sky(scene, horizon)
    _draw_far_roofs(scene, horizon)
    tower = rng.uniform(0.25, 0.75) * scene.width
    _draw_tower(scene, tower, horizon)
    canal = scene.chance(0.55)
    ground = scene.color("water") if canal else scene.mix("wall", "dark", 0.3)
    draw_ground(scene, horizon, scene.mix(ground, "haze", 0.4), ground, of="canal" if canal else "square")
    _draw_row_of_houses(scene, horizon + 0.02, tower, reflected=canal)
    if canal:
        draw_waves(scene, horizon + 0.06, tower)
        _draw_bridge(scene, horizon)
    else:
        for _ in range(int(rng.integers(4, 9))):
            foot = horizon + rng.uniform(0.08, 0.34)
            _draw_passer_by(scene, rng.uniform(0.05, 0.95) * scene.width, foot, 0.07 + 0.3 * (foot - horizon))
    scene.motif = "A town by a canal" if canal else "A square with passers-by"


def _draw_far_roofs(scene: Scene, horizon: float) -> None:
    x = -0.05
    while x < scene.width:
        w, tall = scene.rng.uniform(0.05, 0.11), scene.rng.uniform(0.1, 0.22)
        tone = scene.mix("far", "haze", scene.rng.uniform(0.3, 0.5))
        eaves = horizon - tall
        gable = [(x, horizon), (x, eaves), (x + w / 2, eaves - 0.04), (x + w, eaves), (x + w, horizon)]
        scene.add(gable, tone, scene.mix(tone, "haze", 0.4), of="roofs")
        x += 0.85 * w


def _draw_tower(scene: Scene, x: float, horizon: float) -> None:
    wall = scene.mix("wall", "far", 0.4)
    top = horizon - 0.4
    scene.add(rectangle(x - 0.04, top, x + 0.04, horizon), wall, scene.mix(wall, "haze", 0.3), of="tower", angle=0)
    spire = [(x - 0.05, top), (x, horizon - 0.54), (x + 0.05, top)]
    scene.add(spire, scene.mix("roof", "far", 0.3), of="tower")
    scene.add(ellipse(x, horizon - 0.34, 0.02, 0.02, 16), "cloud", of="tower")  # its clock
    scene.add(turned(x, horizon, TOWER_WINDOW), "dark", of="tower")


def _draw_row_of_houses(scene: Scene, foot: float, tower: float, *, reflected: bool) -> None:
    """Houses from edge to edge, with a gap where the tower stands."""
    x, number = -0.03, 0
    while x < scene.width:
        w, number = scene.rng.uniform(0.13, 0.2), number + 1
        if abs(x + w / 2 - tower) > 0.1:
            front = Front(x, foot, w, scene.rng.uniform(0.24, 0.38), f"house-{number}")
            _draw_house(scene, front, reflected=reflected)
        x += w


def _draw_house(scene: Scene, front: Front, *, reflected: bool) -> None:
    """A town house with a gabled roof and rows of windows, and its reflection in the canal."""
    x, foot, w, tall, name = front
    plaster = scene.choose("wall", "accent", "roof", "haze", "cloth")
    wall = scene.mix(plaster, "wall", scene.rng.uniform(0.3, 0.75))
    eaves = foot - tall
    ridge = eaves - scene.rng.uniform(0.05, 0.1)
    if reflected:
        reflection = rectangle(x, foot, x + w, foot + 0.7 * tall)
        scene.add(reflection, scene.mix(wall, "water", 0.45), scene.mix(wall, "water", 0.95), of="canal", line=False)
    facade = [(x, foot), (x, eaves), (x + w, eaves), (x + w, foot)]
    scene.add(facade, wall, scene.mix(wall, "dark", 0.22), of=name)
    roof = [(x - 0.01, eaves), (x + w * 0.2, ridge), (x + w * 0.8, ridge), (x + w + 0.01, eaves)]
    scene.add(roof, "roof", scene.mix("roof", "dark", 0.35), of=name)
    _draw_windows(scene, front)
    door = rectangle(x + 0.42 * w, foot - 0.07, x + 0.6 * w, foot)
    scene.add(door, scene.mix("dark", "roof", 0.4), of=name)


def _draw_windows(scene: Scene, front: Front) -> None:
    """Rows of windows; at night some are lit."""
    x, foot, w, tall, name = front
    night = scene.palette.name == "nocturne"
    lit, glass = scene.mix("accent", "sun", 0.4), scene.mix("dark", "far", 0.4)
    columns, rows = (3 if w > 0.16 else 2), (3 if tall > 0.3 else 2)
    for column in range(columns):
        for row in range(rows):
            left, top = x + w * (column + 0.28) / columns, foot - tall + tall * (row + 0.2) / (rows + 0.6)
            window = rectangle(left, top, left + 0.46 * w / columns, top + 0.55 * tall / (rows + 0.6))
            on = scene.chance(0.45)  # by day too: the palette must not change which numbers are drawn
            scene.add(window, lit if night and on else glass, of=name)


def _draw_bridge(scene: Scene, horizon: float) -> None:
    t = np.linspace(0, np.pi, 20)
    middle, half, deck = scene.width * scene.rng.uniform(0.35, 0.65), 0.34, horizon + 0.2
    upper = np.stack([middle - half * 1.25 * np.cos(t), deck - 0.13 * np.sin(t)], axis=1)
    arch = np.stack([middle - half * 0.75 * np.cos(t), deck + 0.01 - 0.1 * np.sin(t)], axis=1)
    scene.add(ribbon(upper, arch), scene.mix("wall", "haze", 0.2), scene.mix("wall", "dark", 0.4), of="bridge")


def _draw_passer_by(scene: Scene, x: float, foot: float, tall: float) -> None:
    shadow = ellipse(x + 0.18 * tall, foot, 0.3 * tall, 0.04 * tall, 14)
    scene.add(shadow, scene.mix("wall", "dark", 0.5), of="square", line=False)
    coat = scene.mix(scene.choose("cloth", "dark", "accent", "roof"), "dark", 0.25)
    scene.add(turned(x, foot, COAT, tall), coat, of="people")
    scene.add(ellipse(x, foot - 0.88 * tall, 0.075 * tall, 0.09 * tall, 14), "skin", of="people")
    scene.add(turned(x, foot, HAT, tall), "dark", of="people")
