import pytest

from artextract_hf.data.synthetic import PaintingSpec, Pose


@pytest.mark.parametrize("yaw", [15.0, 40.0, 70.0])
def test_the_nose_points_where_the_head_turns(yaw):
    right, left = (PaintingSpec("cutout", "sunlit", "portrait", pose=Pose(yaw=y)).truth for y in (yaw, -yaw))
    assert right.joints["nose"][0] > right.joints["head"][0] and left.joints["nose"][0] < left.joints["head"][0]
    for joint in ("nose", "mouth", "chin"):
        assert right.joints[joint][0] - 0.5 == pytest.approx(0.5 - left.joints[joint][0], abs=1e-6)
    assert (Pose(yaw=yaw).facing, Pose(yaw=-yaw).facing, Pose(yaw=5).facing) == ("right", "left", "front")
