"""Pictures of the plainest kinds that are no paintings, drawn by a seed: noise, colours, gradients, pages of text."""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFont

SIDE = 320  # pixels
PAGE = (480, 640)
WORDS = ("the", "of", "and", "light", "colour", "century", "canvas", "oil", "museum", "work", "figure", "river", "city")

Random = np.random.Generator


def noise(rng: Random) -> Image.Image:
    """Each pixel on its own."""
    return Image.fromarray(rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8))


def smooth_noise(rng: Random) -> Image.Image:
    """Noise of 4 to 40 pixels a side, enlarged."""
    side = int(rng.integers(4, 40))
    spots = Image.fromarray(rng.integers(0, 256, (side, side, 3), dtype=np.uint8))
    return spots.resize((SIDE, SIDE), Image.Resampling.BICUBIC)


def one_colour(rng: Random) -> Image.Image:
    """Nothing else."""
    return Image.new("RGB", (SIDE, SIDE), tuple(rng.integers(0, 256, 3).tolist()))


def gradient(rng: Random) -> Image.Image:
    """From one colour to another, in any direction."""
    first, last = rng.integers(0, 256, (2, 3))
    angle, line = rng.uniform(0, 2 * np.pi), np.linspace(-0.5, 0.5, SIDE)
    place = line[None] * np.cos(angle) + line[:, None] * np.sin(angle)
    share = (place - place.min()) / np.ptp(place)
    return Image.fromarray((first + (last - first) * share[..., None]).astype(np.uint8))


def page_of_text(rng: Random) -> Image.Image:
    """Dark words on pale paper."""
    page = Image.new("RGB", PAGE, (int(rng.integers(225, 256)),) * 3)
    draw, size = ImageDraw.Draw(page), int(rng.integers(11, 26))
    font, ink = ImageFont.load_default(size), (int(rng.integers(0, 60)),) * 3
    for y in range(40, PAGE[1] - 40, int(1.4 * size)):
        draw.text((40, y), " ".join(rng.choice(WORDS, 170 // size)), fill=ink, font=font)
    return page


KINDS: dict[str, Callable[[Random], Image.Image]] = {
    "noise": noise,
    "smooth noise": smooth_noise,
    "one colour": one_colour,
    "gradients": gradient,
    "pages of text": page_of_text,
}


def drawn(kind: str, count: int) -> list[Image.Image]:
    """So many pictures of a kind."""
    rng = np.random.default_rng(0)
    return [KINDS[kind](rng) for _ in range(count)]
