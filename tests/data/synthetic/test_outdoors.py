import numpy as np
import pytest

from artextract_hf.data.synthetic import PaintingSpec, paint


@pytest.mark.parametrize("seed", range(6))
def test_the_horizon_parts_sky_from_sea(seed):
    """The rows just above the horizon are nearer to one another than to those just below it."""
    spec = PaintingSpec("glaze", "nocturne", "seascape", seed=seed)
    picture, horizon = np.asarray(paint(spec)).astype(int), spec.truth.horizon
    row, gap = round(horizon * len(picture)), 10
    above, higher, below = (
        np.median(picture[r - 2 : r + 3], axis=(0, 1)) for r in (row - gap, row - 2 * gap, row + gap)
    )
    assert np.abs(above - below).sum() > np.abs(above - higher).sum()
