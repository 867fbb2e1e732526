"""Training views: what is drawn, what never changes, and that a view repeats from its seed."""

import colorsys

import numpy as np
import pytest
from PIL import Image

from artextract_hf.data.views.training_view import TASK_VIEWS, TrainingView, view_of, view_sheet
from artextract_hf.errors import DataError
from tests.conftest import plain_picture

PLAIN = {"flip": 0.0, "color": 0.0}


def ramp(width=200, height=120):
    """Red grows from left to right, green from top to bottom: a pixel says where it came from."""
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return Image.fromarray(np.stack([x, y, np.full_like(x, 90)], axis=2).astype(np.uint8))


def views(view, picture, size=32, n=200):
    return np.stack([view(picture, size, np.random.default_rng(seed)) for seed in range(n)]).astype(float)


def test_a_view_repeats_from_its_generator():
    first, again, other = (TrainingView()(ramp(), 32, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert (first == again).all() and (first != other).any()
    assert first.dtype == np.uint8 and first.shape == (3, 32, 32)


def test_crops_keep_the_stated_share_and_stay_inside():
    seen = views(TrainingView(min_area=0.4, **PLAIN), ramp())
    width = (seen[:, 0, :, -1] - seen[:, 0, :, 0]).mean(axis=1) / 255 * 32 / 31
    height = (seen[:, 1, -1] - seen[:, 1, 0]).mean(axis=1) / 255 * 32 / 31
    area = width * height
    assert 0.38 < area.min() < 0.45 and area.max() < 1.05
    assert abs(area.mean() - 0.7) < 0.05  # uniform from 0.4 to 1
    assert (height / width).max() < 4 / 3 * 1.05


@pytest.mark.parametrize(("crop", "size", "whole"), [("never", 32, True), ("larger", 120, True), ("larger", 64, False)])
def test_when_a_part_is_shown(crop, size, whole):
    """The ramp's lower side is 120 pixels: a view of 120 shows all of it, a smaller one a part."""
    seen = views(TrainingView(crop=crop, **PLAIN), ramp(), size=size, n=20)
    assert (np.ptp(seen, axis=0).max() == 0) == whole


def test_colours_change_as_stated_and_hue_never():
    brick = Image.new("RGB", (20, 20), (160, 90, 60))
    seen = views(TrainingView(crop="never", flip=0.0, color=0.2), brick, size=4)[:, :, 0, 0]
    assert 160 * 0.6 < seen[:, 0].min() < 160 * 0.85 and 160 * 1.15 < seen[:, 0].max() < 160 * 1.6
    hues = [colorsys.rgb_to_hsv(*(pixel / 255))[0] * 360 for pixel in seen]
    assert np.ptp(hues) < 6  # only rounding and the shift about mid-grey


def test_half_of_the_views_are_mirrored():
    seen = views(TrainingView(crop="never", color=0.0), ramp(), size=8)
    mirrored = seen[:, 0, 0, 0] > seen[:, 0, 0, -1]
    assert 70 < mirrored.sum() < 130


def test_the_recipes_of_the_tasks():
    assert {task: view.crop for task, view in TASK_VIEWS.items()} == {
        "style": "always",
        "genre": "larger",
        "artist": "never",
    }
    assert view_of("genre") is TASK_VIEWS["genre"]
    assert view_of({"min_area": 0.5}) == TrainingView(min_area=0.5)


@pytest.mark.parametrize(
    "bad", ["period", {"crop": "often"}, {"min_area": 0}, {"hue": 0.1}, {"color": 1.5}, {"max_ratio": 0.5}]
)
def test_a_view_that_makes_no_sense_is_refused(bad):
    with pytest.raises(DataError, match="view"):
        view_of(bad)


def test_the_sheet_shows_the_painting_and_its_views():
    sheet = view_sheet(
        [ramp(), ramp(60, 60)], TrainingView(crop="never", color=0.0, flip=1.0), size=16, columns=3, seed=0
    )
    assert sheet.size == (64, 32)
    pixels = np.asarray(sheet).astype(int)
    assert (pixels[:, 16:32] == pixels[:, :16][:, ::-1]).all()  # mirrored, nothing else


def test_view_without_change_is_the_resized_painting():
    picture = plain_picture((10, 200, 90), (64, 32))
    view = TrainingView(min_area=1.0, max_ratio=1.0, flip=0.0, color=0.0)
    expected = np.asarray(picture.resize((16, 16), 3)).transpose(2, 0, 1)
    assert np.array_equal(view(picture, 16, np.random.default_rng(0)), expected)


def test_color_never_turns_grey_into_colour():
    """Brightness, contrast and saturation keep grey grey; a shift of hue would not show, a cast would."""
    grey = plain_picture((128, 128, 128)).convert("L").convert("RGB")
    pixels = TrainingView(color=0.5)(grey, 16, np.random.default_rng(0)).astype(int)
    assert np.abs(pixels[0] - pixels[1]).max() <= 1 and np.abs(pixels[1] - pixels[2]).max() <= 1
