import numpy as np
import pytest

from artextract_hf.evaluation.representation import effective_rank, knn_accuracy, spread


def test_spread():
    rng = np.random.default_rng(0)
    assert spread(rng.normal(size=(2000, 16))) == pytest.approx(1.0, abs=0.02)
    assert spread(np.ones((10, 16)) * np.arange(1, 11)[:, None]) == pytest.approx(0.0, abs=1e-6)
    assert spread(np.tile([[1.0, 0.0], [-1.0, 0.0]], (5, 1))) == pytest.approx(2**0.5 / 2)


def test_effective_rank():
    rng = np.random.default_rng(0)
    assert effective_rank(rng.normal(size=(5000, 12))) == pytest.approx(12, abs=0.1)
    line = np.outer(rng.normal(size=100), np.arange(12))
    assert effective_rank(line) == pytest.approx(1.0, abs=1e-3)
    assert effective_rank(np.ones((10, 4))) == 0.0
    two = np.concatenate([np.eye(2), -np.eye(2)]) @ np.array([[3.0, 0, 0], [0, 1.0, 0]])
    shares = np.array([0.75, 0.25])
    assert effective_rank(two) == pytest.approx(np.exp(-(shares * np.log(shares)).sum()))


def test_knn_accuracy():
    gallery = np.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.5, 0.5]])
    labels = np.array([0, 0, 1, -1])
    queries = np.array([[1.0, 0.05], [0.1, 1.0], [1.0, 0.0], [0.0, 1.0]])
    truth = np.array([0, 1, 1, -1])  # the third is wrong, the fourth is not asked
    assert knn_accuracy(gallery, labels, queries, truth, k=1) == pytest.approx(2 / 3)
    # With all three votes, the one close neighbour still outweighs two far ones: exp((1 - 0.1) / 0.07).
    assert knn_accuracy(gallery, labels, queries, truth, k=20) == pytest.approx(2 / 3)
    assert knn_accuracy(gallery, np.full(4, -1), queries, truth) is None
