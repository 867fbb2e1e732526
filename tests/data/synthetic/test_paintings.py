import numpy as np
import pytest

from artextract_hf.data.labels import GENRES
from artextract_hf.data.synthetic.synthetic import (
    COMPOSITIONS,
    PALETTES,
    TEXTURES,
    PaintingSpec,
    Pose,
    paint,
    synthetic_paintings,
)
from artextract_hf.errors import DataError


def pixels(spec: PaintingSpec, **options: object) -> np.ndarray:
    return np.asarray(paint(spec, **options)).astype(int)


@pytest.mark.parametrize("texture", TEXTURES)
def test_a_painting_is_a_function_of_its_specification(texture):
    spec = PaintingSpec(texture, "sunlit", "landscape", seed=3)
    first = pixels(spec)
    assert np.array_equal(first, pixels(spec))
    for other in (
        PaintingSpec(texture, "sunlit", "landscape", seed=4),
        PaintingSpec(texture, "nocturne", "landscape", seed=3),
        PaintingSpec("ink" if texture != "ink" else "dots", "sunlit", "landscape", seed=3),
    ):
        assert np.abs(first - pixels(other)).mean() > 3


@pytest.mark.parametrize("composition", COMPOSITIONS)
def test_truth_depends_on_the_scene_only(composition):
    truth = PaintingSpec("cutout", "sunlit", composition, seed=5).truth
    assert truth == PaintingSpec("dots", "autumn", composition, seed=5).truth
    assert truth.boxes and all(0 <= a < c <= 1 and 0 <= b < d <= 1 for a, b, c, d in truth.boxes.values())
    assert pixels(PaintingSpec("cutout", "sunlit", composition, seed=5), size=(90, 70)).shape == (70, 90, 3)


@pytest.mark.parametrize("seed", range(6))
def test_the_horizon_parts_sky_from_sea(seed):
    """The rows just above the horizon are nearer to one another than to those just below it."""
    spec = PaintingSpec("glaze", "nocturne", "seascape", seed=seed)
    picture, horizon = pixels(spec), spec.truth.horizon
    row, gap = round(horizon * len(picture)), 10
    above, higher, below = (
        np.median(picture[r - 2 : r + 3], axis=(0, 1)) for r in (row - gap, row - 2 * gap, row + gap)
    )
    assert np.abs(above - below).sum() > np.abs(above - higher).sum()


@pytest.mark.parametrize("yaw", [15.0, 40.0, 70.0])
def test_the_nose_points_where_the_head_turns(yaw):
    right, left = (PaintingSpec("cutout", "sunlit", "portrait", pose=Pose(yaw=y)).truth for y in (yaw, -yaw))
    assert right.joints["nose"][0] > right.joints["head"][0] and left.joints["nose"][0] < left.joints["head"][0]
    for joint in ("nose", "mouth", "chin"):
        assert right.joints[joint][0] - 0.5 == pytest.approx(0.5 - left.joints[joint][0], abs=1e-6)
    assert (Pose(yaw=yaw).facing, Pose(yaw=-yaw).facing, Pose(yaw=5).facing) == ("right", "left", "front")


def test_a_raised_arm_is_where_the_joints_say():
    pose = Pose(arms=(120.0, 14.0))
    joints = PaintingSpec("cutout", "sunlit", "figure", pose=pose).truth.joints
    assert joints["left_elbow"][1] < joints["left_shoulder"][1]  # raised: above the shoulder
    assert joints["right_elbow"][1] > joints["right_shoulder"][1]
    mirrored = PaintingSpec("cutout", "sunlit", "figure", pose=pose.mirrored()).truth.joints
    assert mirrored["right_elbow"][1] == pytest.approx(joints["left_elbow"][1])


@pytest.mark.parametrize("palette", PALETTES)
def test_cut_paper_is_painted_in_its_palette(palette):
    """In the flat texture most pixels lie near the colours of the palette, or between two of them."""
    picture = pixels(PaintingSpec("cutout", palette, "landscape", seed=1)).reshape(-1, 3)
    colors = np.array(list(PALETTES[palette].colors.values()))

    def distance(table: np.ndarray) -> float:
        return float(np.median(np.abs(picture[:, None] - table[None]).sum(axis=2).min(axis=1)))

    others = [np.array(list(p.colors.values())) for name, p in PALETTES.items() if name != palette]
    assert distance(colors) < min(map(distance, others))


def test_records_follow_the_schema_and_do_not_depend_on_their_number():
    few, many = synthetic_paintings(3, seed=9), synthetic_paintings(5, seed=9)
    assert many["id"] == [f"synthetic/{i:05d}" for i in range(5)]
    for i in range(3):
        assert np.array_equal(np.asarray(few[i]["image"]), np.asarray(many[i]["image"]))
    record = many[0]
    assert record["license"] == "CC0-1.0" and record["title"] in record["credit_line"]
    assert (record["style"], record["artist"], record["year"]) == (-1, -1, None)
    assert all(-1 <= genre < len(GENRES) for genre in many["genre"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("dot", "sunlit", "landscape"), "dots"),
        (("dots", "sunlite", "landscape"), "sunlit"),
        (("dots", "sunlit", "landskape"), "landscape"),
        (("dots", "sunlit", "landscape", -1), "not negative"),
    ],
)
def test_bad_specifications_say_what_is_accepted(arguments, message):
    with pytest.raises(DataError, match=message):
        PaintingSpec(*arguments)


def test_bad_poses_are_refused():
    with pytest.raises(DataError):
        Pose(yaw=90)
    with pytest.raises(DataError):
        synthetic_paintings(0)
