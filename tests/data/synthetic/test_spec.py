import numpy as np
import pytest

from artextract_hf.data.synthetic import COMPOSITIONS, TEXTURES, PaintingSpec, paint
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


@pytest.mark.parametrize("size", [(31, 64), (64, 4097)])
def test_sizes_out_of_range_are_refused(size):
    with pytest.raises(DataError, match="between 32 and 4096"):
        paint(PaintingSpec("dots", "sunlit", "landscape"), size)
