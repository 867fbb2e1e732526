import dataclasses

import cv2
import numpy as np
import pytest
from PIL import Image

from artextract_hf.data.views.photograph import Visit, photograph

PLAIN = Visit(frame=0.0, wall=0.0, tilt=0.0, glare=0.0, blur=0.0, light=(1.0, 1.0, 1.0))


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    y, x = np.mgrid[0:200, 0:300]
    pixels = np.stack([128 + 80 * np.sin(x / 9), 128 + 80 * np.cos(y / 7), 100 + 0 * x], axis=2)
    return Image.fromarray(pixels.astype(np.uint8))


def difference(picture: Image.Image, **changes: object) -> float:
    photo = photograph(picture, np.random.default_rng(0), dataclasses.replace(PLAIN, **changes))
    return float(abs(np.asarray(photo.resize(picture.size)).astype(int) - np.asarray(picture)).mean())


def test_only_jpeg_is_left_of_a_plain_visit(picture):
    assert 0 < difference(picture) < 6


@pytest.mark.parametrize(
    "changes", [{"frame": 0.1}, {"wall": 0.1}, {"tilt": 0.05}, {"glare": 0.9}, {"blur": 0.02}, {"light": (1.1, 1, 0.8)}]
)
def test_each_part_changes_the_picture(picture, changes):
    assert difference(picture, **changes) > 1.2 * difference(picture)


def test_the_frame_surrounds_the_painting(picture):
    photo = photograph(picture, np.random.default_rng(0), dataclasses.replace(PLAIN, frame=0.1))
    assert photo.size == (300 + 40, 200 + 40)
    assert np.ptp(np.asarray(photo)[:15].astype(int), axis=(0, 1)).max() < 40  # one colour, but for JPEG


def test_seeded_and_varied(picture):
    one, again, other = (np.asarray(photograph(picture, np.random.default_rng(seed))) for seed in (1, 1, 2))
    assert np.array_equal(one, again)
    assert one.shape != other.shape or not np.array_equal(one, other)


def test_the_painting_is_still_there(picture):
    """Its middle correlates with the photograph's."""
    for seed in range(5):
        photo = photograph(picture, np.random.default_rng(seed)).convert("L")
        whole = np.asarray(photo.resize((300, 200)))
        patch = np.asarray(picture.convert("L"))[60:140, 100:200]
        patch = cv2.resize(patch, None, fx=0.93, fy=0.93)
        assert cv2.matchTemplate(whole, patch, cv2.TM_CCOEFF_NORMED).max() > 0.4
