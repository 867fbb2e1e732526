import numpy as np
import pytest

from artextract_hf.errors import DataError
from artextract_hf.evaluation.index_search import SearchScores, score_searches


def test_by_hand():
    scores = score_searches([["a", "x"], ["c", "d"]], [["a", "b"], ["d", "c"]], [1.0, 3.0], k=2)
    assert scores == SearchScores(recall=3 / 4, p50_ms=2.0, p95_ms=pytest.approx(2.9))


def test_what_ties_with_the_last_may_be_found_in_its_place():
    assert score_searches([["a", "c"]], [["a", "b", "c"]], [1.0], k=2).recall == 1
    assert score_searches([["a", "c", "b"]], [["a", "b"]], [1.0], k=2).recall == 1 / 2  # the first two only


def test_against_faiss():
    """The recall that faiss counts with its own function, of an index that answers by part of the vectors."""
    from faiss.contrib.evaluation import knn_intersection_measure

    rng = np.random.default_rng(0)
    vectors, queries = rng.normal(size=(300, 8)), rng.normal(size=(20, 8))
    nearest, found = (np.argsort(-queries[:, :d] @ vectors[:, :d].T, axis=1)[:, :10] for d in (8, 5))
    scores = score_searches(found.tolist(), nearest.tolist(), [1.0] * 20, k=10)
    assert 0.1 < scores.recall < 0.9
    assert scores.recall == pytest.approx(knn_intersection_measure(found, nearest))


def test_nothing_to_compare_is_refused():
    with pytest.raises(DataError, match="there are 0 searches"):
        score_searches([], [], [], k=10)
    with pytest.raises(DataError, match="gave 1 answers to query 1; give all 2"):
        score_searches([["a", "b"]] * 2, [["a", "b"], ["a"]], [1.0, 1.0], k=2)
