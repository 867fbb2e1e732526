import numpy as np
import pytest

from artextract_hf.data.synthetic import PALETTES, Pose
from artextract_hf.data.synthetic.canvas import Canvas
from artextract_hf.data.synthetic.outlines import rectangle
from artextract_hf.data.synthetic.scene import Scene
from artextract_hf.errors import DataError


@pytest.fixture
def scene() -> Scene:
    """A picture of 64 x 32 pixels, so 2 units wide: a ground, and a wall that reaches over the right edge."""
    scene = Scene((64, 32), PALETTES["sunlit"], Pose(), np.random.default_rng(0))
    scene.add(rectangle(0, 0, 2, 1), "sky", of="sky")
    scene.add(rectangle(1.0, 0.5, 1.5, 1.0), "wall", of="wall")
    scene.add(rectangle(1.5, 0.25, 2.5, 1.0), "wall", of="wall")
    scene.joints["head"] = (1.0, 0.5)
    return scene


def test_truth_counts_in_shares_of_the_picture(scene):
    truth = scene.truth()
    assert truth.boxes == {"sky": (0, 0, 1, 1), "wall": (0.5, 0.25, 1, 1)}
    assert truth.joints == {"head": (0.5, 0.5)}
    assert (truth.horizon, truth.yaw) == (None, None)


def test_later_shapes_cover_earlier_ones(scene):
    colors = PALETTES["sunlit"].colors
    picture = Canvas(scene, (64, 32), np.random.default_rng(0)).flat()
    assert tuple(picture[8, 16]) == tuple(picture[8, 36]) == colors["sky"]
    assert tuple(picture[24, 40]) == tuple(picture[12, 56]) == colors["wall"]


def test_bad_poses_are_refused():
    with pytest.raises(DataError):
        Pose(yaw=90)
