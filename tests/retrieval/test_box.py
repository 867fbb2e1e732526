from dataclasses import FrozenInstanceError

import pytest
from PIL import Image

from artextract_hf.errors import QueryError
from artextract_hf.retrieval.box import WHOLE_PICTURE, Box


def test_pixels_and_shares_of_the_same_place():
    box = Box.from_pixels(40, 60, 200, 150, (400, 300))
    assert box == Box(0.1, 0.2, 0.5, 0.5)
    assert (box.right, box.bottom) == (0.6, 0.7)
    assert box.pixels((400, 300)) == (40, 60, 240, 210)
    assert box.pixels((800, 300)) == (80, 60, 480, 210)  # of the same picture, twice as wide


def test_a_box_in_whole_pixels_comes_back_as_it_was():
    for start, length in [(0, 1), (1, 6), (333, 334), (8, 991)]:
        box = Box.from_pixels(start, start, length, length, (1001, 1003))
        assert box.pixels((1001, 1003)) == (start, start, start + length, start + length)


def test_edges():
    box = Box.from_edges(0.25, -0.5, 0.75, 0.5)  # reaches over the upper edge
    assert box == Box(0.25, -0.5, 0.5, 1.0)
    assert box.pixels((4, 8)) == (1, -4, 3, 4)
    assert box.as_list() == [0.25, -0.5, 0.5, 1.0]


def test_the_whole_picture_is_what_a_crop_leaves_unchanged():
    picture = Image.new("RGB", (31, 17))
    assert picture.crop(WHOLE_PICTURE.pixels(picture.size)).size == picture.size


def test_a_box_never_changes():
    with pytest.raises(FrozenInstanceError):
        WHOLE_PICTURE.left = 0.5


@pytest.mark.parametrize("value", ["a", None, [1], object()])
def test_a_box_of_no_numbers_is_refused(value):
    with pytest.raises(QueryError, match="a box has four numbers"):
        Box(0, 0, value, 1)
