import numpy as np
import pytest

from artextract_hf.data.synthetic.outlines import limb, placed, rectangle, ribbon, ridge, smooth, turned


def test_a_drawing_is_enlarged_then_moved():
    assert placed([(1, 2)], 10, 20, 3).tolist() == [[13, 26]]
    assert placed([(1, 2)], 10, 20, (-1, 0.5)).tolist() == [[9, 21]]


def test_one_round_of_smoothing_cuts_each_corner_at_a_quarter():
    once = smooth(rectangle(0, 0, 4, 4), 1)
    assert once.tolist() == [[1, 0], [3, 0], [4, 1], [4, 3], [3, 4], [1, 4], [0, 3], [0, 1]]


def test_a_ribbon_runs_back_along_its_other_side():
    assert ribbon(np.array([(0, 0), (0, 1)]), np.array([(2, 0), (2, 1)])).tolist() == [[0, 0], [0, 1], [2, 1], [2, 0]]


def test_a_turned_body_is_symmetric_and_stands_on_its_foot():
    body = turned(5, 9, [(0, 1), (2, 3), (4, 1)], 0.5)
    left, right = body[:, 0].min(), body[:, 0].max()
    assert (left + right) / 2 == pytest.approx(5) and 0 < right - left <= 3
    assert 7 <= body[:, 1].min() < body[:, 1].max() <= 9


def test_a_limb_has_its_width_on_both_sides():
    upright = limb((0, 0, 0.5), (0, 5, 0.5), (0, 10, 0.5))
    assert (upright[:, 0].min(), upright[:, 0].max()) == pytest.approx((-0.5, 0.5))


def test_hills_reach_from_edge_to_edge_and_touch_both_heights():
    hills = ridge(np.random.default_rng(0), 2, 0.5, 0.2, 1, 0.9)
    assert (hills[:, 0].min(), hills[:, 0].max()) == (0, 2)
    assert hills[:-2, 1].min() == pytest.approx(0.3) and hills[:-2, 1].max() == pytest.approx(0.5)
    assert hills[-2:, 1].tolist() == [0.9, 0.9]
