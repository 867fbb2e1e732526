import numpy as np
import pytest
from PIL import Image

from artextract_hf.errors import QueryError
from artextract_hf.retrieval.box import Box
from artextract_hf.retrieval.regions.templates import crop


@pytest.mark.parametrize(
    ("box", "reason"),
    [
        ((0, 0, 7, 50), "at least 8 x 8"),
        ((0, 0, -20, 50), "at least 8 x 8"),
        ((0, 0, float("nan"), 50), "at least 8 x 8"),
        ((-1, 0, 20, 20), "does not lie inside the picture of 224 x 160"),
        ((float("nan"), 0, 20, 20), "does not lie inside"),
        ((210, 0, 20, 20), "does not lie inside"),
        ((0, 150, 20, 20), "does not lie inside"),
    ],
)
def test_bad_boxes(index, gallery, box, reason):
    with pytest.raises(QueryError, match=reason):
        index.search(gallery[0], box=Box.from_pixels(*box, size=gallery[0].size))


def test_whole_pixels_are_cropped_exactly_though_shares_are_rounded():
    """Of 49 pixels the smallest box is 7.999999999999999 wide, from its shares."""
    for side in range(8, 250):
        pixels = np.random.default_rng(side).integers(0, 256, (side, side + 1, 3), dtype=np.uint8)
        for left, top, width in ((0, 0, 8), (side - 7, side - 8, 8), (side // 3, side // 3, side - side // 3)):
            box = Box.from_pixels(left, top, width, width, size=(side + 1, side))
            if width < 8:
                continue
            expected = pixels[top : top + width, left : left + width]
            np.testing.assert_array_equal(np.asarray(crop(Image.fromarray(pixels), box)), expected)
