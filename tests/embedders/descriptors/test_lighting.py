from dataclasses import asdict

import numpy as np
import pytest
from PIL import Image

from artextract_hf.embedders.descriptors.lighting import RANGES, Lighting, LightingEmbedder

LIGHTING = LightingEmbedder()


def gradient(angle: float, slope: float = 40.0, key: float = 50.0, side: int = 128) -> np.ndarray:
    """L (side, side) that rises by `slope` over the picture towards this angle."""
    y, x = np.mgrid[:side, :side] / side - 0.5
    return key + slope * (x * np.cos(np.radians(angle)) - y * np.sin(np.radians(angle)))


def painted(lightness: np.ndarray) -> Image.Image:
    """Grey with this L, by the formula of CIELAB and the curve of sRGB."""
    linear = np.where(lightness > 8, ((lightness + 16) / 116) ** 3, lightness / 903.3)
    curve = np.where(linear > 0.0031308, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055, 12.92 * linear)
    return Image.fromarray(np.repeat(np.rint(255 * curve).astype(np.uint8)[:, :, None], 3, axis=2))


@pytest.mark.parametrize("angle", [0, 30, 90, 135, 200, 300])
def test_the_direction_of_light(angle):
    told = LIGHTING.explain(painted(gradient(angle)))
    assert told["angle"] == pytest.approx(angle, abs=1) or told["angle"] == pytest.approx(angle + 360, abs=1)
    assert told["slope"] == pytest.approx(40, abs=1)
    assert told["key"] == pytest.approx(50, abs=0.5)
    assert told["spot"] == pytest.approx(0, abs=0.3)


def test_shares_of_shadow_and_light():
    lightness = np.full((128, 128), 50.0)
    lightness[:32], lightness[32:48] = 10, 90
    told = LIGHTING.explain(painted(lightness))
    assert told["shadow"] == pytest.approx(0.25) and told["light"] == pytest.approx(0.125)
    assert told["key"] == pytest.approx(0.25 * 10 + 0.125 * 90 + 0.625 * 50, abs=0.3)


def test_a_lit_figure_before_a_dark_ground():
    y, x = np.mgrid[:128, :128] / 128 - 0.5
    lit = 10 + 70 * (np.hypot(x, y) < 0.25)
    candle, flat = LIGHTING.explain(painted(lit)), LIGHTING.explain(painted(np.full((128, 128), lit.mean())))
    assert candle["spot"] > 40 and candle["contrast"] > 20 and candle["shadow"] > 0.7
    assert flat["spot"] == pytest.approx(0, abs=0.1) and flat["contrast"] == pytest.approx(0, abs=0.1)


def test_detail_is_not_contrast():
    board = 50 + 30.0 * ((np.indices((128, 128)).sum(axis=0) % 2) * 2 - 1)
    told = LIGHTING.explain(painted(board))
    assert told["detail"] == pytest.approx(30, abs=0.5) and told["contrast"] < 1


def test_the_cosine_is_what_the_module_says():
    rng = np.random.default_rng(0)
    first, second = (painted(gradient(rng.uniform(0, 360), 30, rng.uniform(35, 65))) for _ in range(2))
    one, other = (LIGHTING.explain(picture) for picture in (first, second))
    expected = {}
    for name, (low, high, weight) in RANGES.items():
        t, u = (np.clip((told[name] - low) / (high - low), 0, 1) for told in (one, other))
        expected[name] = weight * np.cos(np.pi * (t - u))
    assert LIGHTING.similarity(first, second) == pytest.approx(expected, abs=1e-5)
    assert sum(weight for _, _, weight in RANGES.values()) == pytest.approx(1)


def test_colour_plays_no_part():
    """Red and green of the same lightness, lit alike."""
    from artextract_hf.embedders.descriptors.descriptor import from_lab

    lightness = gradient(60, 30).ravel()
    pictures = []
    for a in (-25, 25):
        lab = np.stack([lightness, np.full_like(lightness, a), np.zeros_like(lightness)], axis=1)
        pictures.append(Image.fromarray(from_lab(lab).reshape(128, 128, 3)))
    one, other = LIGHTING.embed(pictures)
    assert one @ other > 0.999


def test_light_from_the_same_side_is_nearer():
    left, left_again, right = (painted(gradient(angle, 30)) for angle in (180, 170, 0))
    vectors = LIGHTING.embed([left, left_again, right])
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.1
    assert Lighting(**{name: asdict(Lighting.of(gradient(90)))[name] for name in RANGES}).angle == pytest.approx(90)
