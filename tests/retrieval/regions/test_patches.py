import numpy as np
import pytest
from PIL import Image

from artextract_hf.retrieval.regions import patches as grids
from artextract_hf.retrieval.vectors.scan import units


def test_a_square_keeps_proportions():
    picture = Image.new("RGB", (60, 20), (200, 0, 0))
    on_square = np.asarray(grids.pad_to_square(picture))
    assert on_square.shape == (60, 60, 3)
    assert (on_square[:20] == (200, 0, 0)).all() and (on_square[20:] == grids.GREY).all()


def test_shapes_of_grids_and_which_patches_show_the_picture():
    assert grids.grid_shape((60, 20), 6) == (2, 6)
    assert grids.grid_shape((20, 60), 6) == (6, 2)
    assert grids.grid_shape((100, 1), 6) == (1, 6)  # a patch at least
    mask = grids.picture_mask([(60, 20), (20, 60)], 6)
    assert mask.shape == (2, 6, 6) and mask.sum() == 24
    assert mask[0, :2].all() and mask[1, :, :2].all()


def test_the_projection_whitens():
    rng = np.random.default_rng(0)
    features = (rng.normal(size=(4000, 6)) @ rng.normal(size=(6, 6)) + 5).astype(np.float32)
    projection = grids.Projection.fit(features, 4)
    projected = (features - projection.mean) @ projection.components
    np.testing.assert_allclose(np.cov(projected, rowvar=False), np.eye(4), atol=1e-2)
    patches = projection(features[:12].reshape(2, 2, 3, 6).transpose(0, 3, 1, 2))
    assert patches.shape == (2, 2, 3, 4)
    np.testing.assert_allclose(patches.reshape(12, 4), units(projected[:12]), atol=1e-4)


def test_few_features_give_a_shorter_projection():
    assert grids.Projection.fit(np.eye(3, 8, dtype=np.float32), 64).components.shape == (8, 2)


def test_quantized_patches_are_exact_to_half_a_step():
    patches = units(np.random.default_rng(0).normal(size=(50, 64)))
    stored = grids.dequantize(grids.quantize(patches))
    assert np.abs(stored - patches).max() <= 0.5 / 127 + 1e-6
    assert (units(stored) * patches).sum(axis=1).min() > 0.999


@pytest.mark.parametrize("grid", [(14, 14), (14, 3), (1, 14), (5, 9)])
def test_windows_cover_the_grid_and_pool_their_patches(grid):
    windows = grids.make_windows(*grid)
    assert len(windows) == len(grids.make_windows(14, 14))
    patches = np.random.default_rng(0).normal(size=(*grid, 5)).astype(np.float32)
    assert (windows[:, 0] < windows[:, 2]).all() and (windows[:, 1] < windows[:, 3]).all()
    assert windows[:, 2].max() == grid[0] and windows[:, 3].max() == grid[1] and windows.min() == 0
    for (top, left, bottom, right), vector in zip(windows, grids.pool_windows(patches, windows), strict=True):
        mean = patches[top:bottom, left:right].mean(axis=(0, 1))
        np.testing.assert_allclose(vector, mean / np.linalg.norm(mean), atol=1e-4)


def test_correlation_equals_the_mean_cosine_at_every_place():
    rng = np.random.default_rng(0)
    template, patches = units(rng.normal(size=(2, 3, 4))), units(rng.normal(size=(3, 5, 6, 4)))
    scores = grids.correlate(template, patches)
    assert scores.shape == (3, 4, 4)
    for n, y, x in np.ndindex(*scores.shape):
        below = patches[n, y : y + 2, x : x + 3]
        assert scores[n, y, x] == pytest.approx((template * below).sum(axis=-1).mean(), abs=1e-5)


def test_the_right_template_is_found_in_its_place():
    rng = np.random.default_rng(0)
    patches = units(rng.normal(size=(4, 8, 8, 16))).astype(np.float32)
    templates = [patches[2, 1:4, 2:7], patches[0, 5:8, 0:2], np.ones((9, 9, 16), np.float32)]
    scores, which, at = grids.match_templates(templates, patches)
    shares = np.array([6 / 64, 15 / 64]) ** grids.SIZE_POWER
    assert scores[[0, 2]] == pytest.approx(shares, abs=1e-5) and scores[[1, 3]].max() < 0.4
    assert which[[0, 2]].tolist() == [1, 0]
    np.testing.assert_allclose(at[[0, 2]], [[5, 0], [1, 2]], atol=0.25)


def test_a_place_between_cells_is_read_from_its_neighbours():
    y, x = np.mgrid[:7, :9]
    patches = np.stack([1 - ((y - 3.3) ** 2 + (x - 5.75) ** 2) / 100, 0 * y], axis=-1)[None].astype(np.float32)
    _, _, at = grids.match_templates([np.array([[[1, 0]]], np.float32)], patches)
    np.testing.assert_allclose(at, [[3.3, 5.75]], atol=1e-3)
