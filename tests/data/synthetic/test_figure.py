import pytest

from artextract_hf.data.synthetic import PaintingSpec, Pose


def test_a_raised_arm_is_where_the_joints_say():
    pose = Pose(arms=(120.0, 14.0))
    joints = PaintingSpec("cutout", "sunlit", "figure", pose=pose).truth.joints
    assert joints["left_elbow"][1] < joints["left_shoulder"][1]  # raised: above the shoulder
    assert joints["right_elbow"][1] > joints["right_shoulder"][1]
    mirrored = PaintingSpec("cutout", "sunlit", "figure", pose=pose.mirrored()).truth.joints
    assert mirrored["right_elbow"][1] == pytest.approx(joints["left_elbow"][1])
