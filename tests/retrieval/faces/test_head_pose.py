import numpy as np
import pytest

from artextract_hf.errors import DataError
from artextract_hf.retrieval.faces.head_pose import HEAD, HeadPose, fit_angles, project, rotation_matrix

POSES = [(yaw, pitch, roll) for yaw in (-75, -40, -10, 0, 25, 60) for pitch in (-35, 0, 20) for roll in (-30, 0, 45)]


def test_signs_by_hand():
    """Turned to the right, the nose moves right; looking up, it moves up; leaning clockwise, the left eye rises."""
    nose, left, right = 2, 0, 1
    assert project(np.radians(30), 0, 0)[nose, 0] > project(0, 0, 0)[nose, 0] + 5
    assert project(0, np.radians(30), 0)[nose, 1] < project(0, 0, 0)[nose, 1] - 5
    leaning = project(0, 0, np.radians(30))
    assert leaning[left, 1] < leaning[right, 1]
    assert rotation_matrix(0, 0, 0) == pytest.approx(np.eye(3))


@pytest.mark.parametrize(("yaw", "pitch", "roll"), POSES)
def test_exact_landmarks_give_the_exact_pose(yaw, pitch, roll):
    landmarks = project(*np.radians([yaw, pitch, roll]), scale=1.7) + (120, 45)
    pose = HeadPose.from_landmarks(landmarks)
    assert (pose.yaw, pose.pitch, pose.roll) == pytest.approx((yaw, pitch, roll), abs=0.01)


def test_noise_of_three_per_cent_of_the_pupils_distance_costs_a_few_degrees():
    rng, errors = np.random.default_rng(0), []
    for _ in range(200):
        pose = np.radians([rng.uniform(-60, 60), rng.uniform(-25, 25), rng.uniform(-30, 30)])
        noise = rng.normal(0, 0.03 * 63, HEAD[:, :2].shape)
        errors.append(np.degrees(fit_angles(project(*pose) + noise) - pose))
    assert (np.abs(errors).mean(axis=0) < (4, 5, 4)).all()


def test_size_and_place_change_nothing():
    landmarks = project(0.4, -0.2, 0.1) + np.random.default_rng(0).normal(0, 2, (5, 2))
    assert fit_angles(landmarks * 37 - 500) == pytest.approx(fit_angles(landmarks), abs=1e-9)


def test_a_mirrored_face_has_the_mirrored_pose():
    swapped = [1, 0, 2, 4, 3]
    for seed in range(20):
        rng = np.random.default_rng(seed)
        landmarks = project(*rng.uniform(-0.6, 0.6, 3)) + rng.normal(0, 3, (5, 2))
        pose = HeadPose.from_landmarks(landmarks)
        mirrored = HeadPose.from_landmarks((landmarks * (-1, 1))[swapped])
        expected = pose.mirrored()
        assert (mirrored.yaw, mirrored.pitch, mirrored.roll) == pytest.approx(
            (expected.yaw, expected.pitch, expected.roll), abs=1e-4
        )


def test_the_angle_between_poses():
    front = HeadPose(0, 0, 0)
    assert front.angle_to(front) == pytest.approx(0, abs=1e-6)
    assert front.angle_to(HeadPose(40, 0, 0)) == pytest.approx(40)
    assert front.angle_to(HeadPose(0, 0, -170)) == pytest.approx(170)
    assert HeadPose(-30, 0, 0).angle_to(HeadPose(20, 0, 0)) == pytest.approx(50)


def test_what_is_no_face_is_refused():
    with pytest.raises(DataError, match=r"\(4, 2\)"):
        HeadPose.from_landmarks(np.zeros((4, 2)))
    with pytest.raises(DataError, match="one point"):
        HeadPose.from_landmarks(np.ones((5, 2)))
