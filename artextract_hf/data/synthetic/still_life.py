"""Still lifes: a table with a cloth beside a curtain, on it a bottle, a vase of flowers or a jug, and fruit."""

import numpy as np

from artextract_hf.data.synthetic.outlines import Floats, ellipse, limb, placed, rectangle, ribbon, smooth, turned
from artextract_hf.data.synthetic.scene import Scene

# (height above the foot, half width)
BOTTLE = [(0, 0.055), (0.02, 0.06), (0.22, 0.06), (0.29, 0.025), (0.4, 0.02), (0.42, 0.024)]

# Fruit of radius 1 about (0, 0). The pear is a body of revolution: (height above the middle, half width).
PEAR = [(-1, 0.5), (-0.5, 1.02), (0.3, 0.85), (1.1, 0.45), (1.7, 0.35)]
LEMON = [(-1.5, 0), (-0.9, -0.75), (0.9, -0.8), (1.5, 0), (0.9, 0.85), (-0.9, 0.8)]
APPLE = [(0, -0.88), (0.8, -1.05), (1.25, 0), (0.65, 1.05), (0, 0.95), (-0.65, 1.05), (-1.25, 0), (-0.8, -1.05)]
STALK = {"apple": 0.8, "pear": 1.65}  # height above the middle where it grows
FRUIT_COLOR = {"apple": "roof", "orange": "accent", "lemon": "sun", "pear": "mid"}


def draw_still_life(scene: Scene) -> None:
    """A table in front of a wall, and what stands and lies on it."""
    rng = scene.rng
    table = float(rng.uniform(0.6, 0.68))
    wall = scene.mix("far", scene.choose("cloth", "haze", "leaf"), 0.35)
    light, shade = scene.mix(wall, "haze", 0.4), scene.mix(wall, "dark", 0.2)
    scene.add(rectangle(0, 0, scene.width, table), shade, light, of="wall", angle=25, line=False)
    _draw_curtain(scene, table)
    wood = scene.mix("roof", "hair", 0.5)
    scene.add(rectangle(0, table, scene.width, 0.93), scene.mix(wood, "wall", 0.35), wood, of="table")
    scene.add(rectangle(0, 0.93, scene.width, 1), scene.mix(wood, "dark", 0.55), of="table")
    _draw_cloth(scene, table)
    tall = rng.uniform(0.3, 0.36)
    x = rng.uniform(0.28, 0.72) * scene.width
    flowers = scene.chance(0.65)
    side = -1 if x > scene.width / 2 else 1
    _draw_bottle(scene, x + side * rng.uniform(0.3, 0.4), table + 0.05)
    _draw_vase(scene, x, table + 0.09, tall, flowers=flowers)
    _draw_fruits(scene, table)
    scene.motif = "Still life with flowers and fruit" if flowers else "Still life with a jug and fruit"


def _draw_curtain(scene: Scene, table: float) -> None:
    """A curtain of five folds at the left or the right edge, down to the table."""
    at_left = scene.chance(0.5)
    light, shade = scene.mix("cloth", "haze", 0.2), scene.mix("cloth", "dark", 0.5)
    for number in range(5):
        a = number * 0.055  # the edges of the fold at the top
        b = a + 0.075 * (1.2 if number % 2 else 1)
        fold = [(a, 0), (b, 0), (b * 0.8, 0.3), (b * 0.55, table), (a * 0.5, table), (a * 0.85, 0.3)]
        if at_left:
            scene.add(fold, light, shade, of="curtain", angle=0)
        else:
            scene.add(placed(fold, scene.width, 0, (-1, 1)), light, shade, of="curtain", angle=180)


def _draw_cloth(scene: Scene, table: float) -> None:
    """A white cloth that hangs over the edge of the table."""
    x = scene.rng.uniform(0.1, 0.45) * scene.width
    w = scene.rng.uniform(0.4, 0.6)
    linen = scene.mix("paper", "haze", 0.2)
    cloth = [(x, table + 0.07), (x + w, table + 0.05), (x + w + 0.1, 0.95), (x + 0.6 * w, 1.0), (x - 0.05, 0.94)]
    scene.add(cloth, linen, scene.mix(linen, "far", 0.25), of="cloth")
    for share in scene.rng.uniform(0.1, 0.95, 4):
        top, bottom = x + share * w, x - 0.05 + share * (w + 0.15)
        fold = [(top, table + 0.12), (bottom + 0.03, 0.96), (bottom - 0.02, 0.96)]
        scene.add(fold, scene.mix(linen, "far", 0.4), linen, of="cloth", angle=0, line=False)


def _draw_shadow(scene: Scene, x: float, y: float, rx: float) -> None:
    shadow = ellipse(x + 0.55 * rx, y, 1.25 * rx, 0.28 * rx)
    scene.add(shadow, scene.mix("hair", "dark", 0.5), of="shadow", line=False)


def _draw_vase(scene: Scene, x: float, foot: float, tall: float, *, flowers: bool) -> None:
    """A glazed vase with a painted band; without flowers it is a jug with a handle."""
    _draw_shadow(scene, x, foot - 0.01, 0.13)
    if flowers:
        _draw_bouquet(scene, x, foot - tall)
    belly, neck = scene.rng.uniform(0.1, 0.13), scene.rng.uniform(0.035, 0.05)
    glaze = scene.mix("water", "cloth", scene.rng.random())
    if not flowers:
        scene.add(_handle(x + neck, foot - 0.82 * tall, 0.085), scene.mix(glaze, "dark", 0.4), of="vase")
    body = turned(x, foot, [(0, 0.06), (0.03, 0.075), (0.4 * tall, belly), (0.75 * tall, neck), (tall, neck + 0.03)])
    scene.add(body, scene.mix(glaze, "cloud", 0.35), scene.mix(glaze, "dark", 0.5), of="vase", angle=15)
    band = turned(x, foot, [(0.33 * tall, 0.93 * belly), (0.37 * tall, 0.99 * belly), (0.42 * tall, 0.96 * belly)])
    scene.add(band, "accent", scene.mix("accent", "dark", 0.45), of="vase", angle=0, line=False)
    gloss = ellipse(x - 0.45 * belly, foot - 0.52 * tall, 0.014, 0.04)
    scene.add(gloss, scene.mix(glaze, "cloud", 0.85), of="vase", line=False)


def _handle(x: float, y: float, radius: float) -> Floats:
    """Half a ring that opens to the left."""
    t = np.linspace(-np.pi / 2, np.pi / 2, 14)
    outer = np.stack([x + radius * np.cos(t), y + radius * np.sin(t)], axis=1)
    inner = np.stack([x + 0.65 * radius * np.cos(t), y + 0.65 * radius * np.sin(t)], axis=1)
    return ribbon(outer, inner)


def _draw_bouquet(scene: Scene, x: float, y: float) -> None:
    """Stems with leaves, then blossoms, that spread from the mouth of a vase at (x, y)."""
    rng = scene.rng
    for _ in range(14):
        angle, reach = rng.uniform(-1.35, 1.35), rng.uniform(0.12, 0.24)
        tip = (x + np.sin(angle) * reach, y - np.cos(angle) * reach * 0.9)
        scene.add(limb((x, y + 0.04, 0.004), (*tip, 0.003)), scene.mix("leaf", "dark", 0.2), of="bouquet", line=False)
        leaf = limb(
            (x + np.sin(angle) * 0.3 * reach, y - 0.3 * reach, 0.004),
            ((x + tip[0]) / 2, (y + tip[1]) / 2 + 0.01, 0.018),
            (tip[0], tip[1] + 0.03, 0.002),
        )
        scene.add(leaf, "leaf", scene.mix("leaf", "sun", 0.3), of="bouquet", angle=0)
    for _ in range(11):
        angle, reach = rng.uniform(-1.3, 1.3), rng.uniform(0.07, 0.23)
        at = (x + np.sin(angle) * reach, y - 0.02 - np.cos(angle) * reach * 0.9)
        _draw_blossom(scene, *at, rng.uniform(0.026, 0.046))


def _draw_blossom(scene: Scene, x: float, y: float, r: float) -> None:
    """Six petals about a yellow middle."""
    kind = scene.choose("accent", "cloth", "cloud", "roof", "sun")
    color = scene.mix(kind, "cloud", scene.rng.uniform(0, 0.3))
    turn = scene.rng.uniform(0, 6)
    for i in range(6):
        a = turn + i * np.pi / 3
        petal = ellipse(x + 0.6 * r * np.cos(a), y + 0.5 * r * np.sin(a), 0.55 * r, 0.48 * r, 14)
        scene.add(petal, color, scene.mix(color, "dark", 0.22), of="bouquet")
    middle = ellipse(x, y, 0.32 * r, 0.28 * r, 12)
    scene.add(middle, scene.mix("sun", "hair", 0.35), of="bouquet", line=False)


def _draw_bottle(scene: Scene, x: float, foot: float) -> None:
    """A bottle with a label."""
    _draw_shadow(scene, x, foot - 0.01, 0.07)
    glass = scene.mix("leaf", "dark", 0.45)
    light, shade = scene.mix(glass, "mid", 0.35), scene.mix(glass, "dark", 0.5)
    scene.add(turned(x, foot, BOTTLE), light, shade, of="bottle", angle=0)
    label = rectangle(x - 0.045, foot - 0.17, x + 0.04, foot - 0.08)
    scene.add(label, "paper", scene.mix("paper", "dark", 0.3), of="bottle", angle=0)
    gloss = ellipse(x - 0.035, foot - 0.2, 0.006, 0.035)
    scene.add(gloss, scene.mix(glass, "cloud", 0.7), of="bottle", line=False)


def _draw_fruits(scene: Scene, table: float) -> None:
    """Fruit in a loose row along the front of the table; what lies nearer covers what lies farther."""
    count = int(scene.rng.integers(4, 8))
    spots = np.linspace(0.14, 0.86, count) * scene.width + scene.rng.normal(0, 0.02, count)
    depths = scene.rng.uniform(0.1, 0.24, count)
    for number, i in enumerate(np.argsort(depths), start=1):
        _draw_fruit(scene, float(spots[i]), table + float(depths[i]), f"fruit-{number}")


def _draw_fruit(scene: Scene, x: float, y: float, name: str) -> None:
    """An apple, an orange, a lemon or a pear, lit from the upper left."""
    r = scene.rng.uniform(0.05, 0.066)
    kind = scene.choose("apple", "orange", "lemon", "pear")
    color = scene.color(FRUIT_COLOR[kind])
    _draw_shadow(scene, x, y + 0.85 * r, r)
    scene.add(
        _fruit_outline(kind, x, y, r), scene.mix(color, "cloud", 0.25), scene.mix(color, "dark", 0.5), of=name, angle=50
    )
    gloss = ellipse(x - 0.35 * r, y - 0.35 * r, 0.22 * r, 0.16 * r, 12)
    scene.add(gloss, scene.mix(color, "cloud", 0.75), of=name, line=False)
    if stalk := STALK.get(kind):
        foot = y - stalk * r
        scene.add(limb((x, foot, 0.05 * r), (x + 0.2 * r, foot - 0.5 * r, 0.05 * r)), "hair", of=name)


def _fruit_outline(kind: str, x: float, y: float, r: float) -> Floats:
    if kind == "pear":
        return turned(x, y, PEAR, r)
    return smooth(placed(LEMON if kind == "lemon" else APPLE, x, y, r))
