import numpy as np
import pytest
from sklearn.metrics import average_precision_score, ndcg_score

from artextract_hf.errors import DataError
from artextract_hf.evaluation.retrieval import (
    recall_of_works,
    score_rankings,
    score_retrieval,
    score_similarities,
    self_retrieval,
)


def directions(*degrees: float) -> np.ndarray:
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def test_by_hand():
    """From 0 degrees the ranking is a, b, a, b, a: relevant at ranks 1, 3 and 5."""
    gallery = directions(1, 2, 3, 4, 5)
    scores = score_retrieval(gallery, ["a", "b", "a", "b", "a"], directions(0), ["a"])
    assert scores.precision[1] == 1.0
    assert scores.precision[5] == pytest.approx(3 / 5)
    assert scores.precision[10] == pytest.approx(3 / 10)  # places beyond the end of the gallery are misses
    assert scores.recall == {1: pytest.approx(1 / 3), 5: 1.0, 10: 1.0}
    assert scores.map == pytest.approx((1 + 2 / 3 + 3 / 5) / 3)
    assert scores.mrr == 1.0
    ideal = 1 + 1 / np.log2(3) + 1 / np.log2(4)
    assert scores.ndcg == pytest.approx((1 + 1 / np.log2(4) + 1 / np.log2(6)) / ideal)
    assert scores.chance == pytest.approx(3 / 5)


def test_a_querys_own_file_never_counts():
    gallery, names = directions(0, 10, 20), ["a", "b", "a"]
    scores = score_retrieval(gallery, names, directions(0), ["a"], gallery_works=["x", "y", "z"], query_works=["x"])
    assert scores.precision[1] == 0.0
    assert scores.mrr == scores.map == pytest.approx(1 / 2)
    assert scores.chance == pytest.approx(1 / 2)
    alone = score_retrieval(
        gallery, ["a", "b", "b"], directions(0), ["a"], gallery_works=["x", "y", "z"], query_works=["x"]
    )
    assert alone is None  # nothing but itself could have been found


def test_unknown_labels_take_no_part():
    gallery = directions(0, 1, 2)
    scores = score_retrieval(gallery, [None, "b", "a"], directions(0, 0, 0), ["a", None, "c"])
    assert scores.queries == 1
    assert scores.mrr == pytest.approx(1 / 2)
    assert score_retrieval(gallery, [None] * 3, directions(0), ["a"]) is None
    assert score_retrieval(gallery, ["a"] * 3, directions(0), [None]) is None


def test_paintings_of_the_querys_work_are_as_if_they_were_not_there():
    """Against scikit-learn, query by query, on a gallery from which copies and near-duplicates were deleted."""
    rng = np.random.default_rng(3)
    cosines = rng.random((12, 40))
    labels, asked = rng.choice(list("abc"), 40), rng.choice(list("abc"), 12)
    works, own = rng.integers(0, 15, 40).astype(str), rng.integers(0, 15, 12).astype(str)
    scores = score_similarities(cosines.__getitem__, labels, asked, gallery_works=works, query_works=own)
    figures = []
    for row in range(12):
        there = works != own[row]
        relevant, cosine = (labels == asked[row])[there], cosines[row][there]
        ranked = relevant[np.argsort(-cosine)]
        average = average_precision_score(relevant, cosine)
        ndcg = ndcg_score(relevant[None].astype(float), cosine[None], k=10)
        precision, recall = ranked[:5].mean(), ranked[:5].sum() / relevant.sum()
        figures.append([average, ndcg, precision, recall, 1 / (1 + ranked.argmax()), relevant.mean()])
    found = [scores.map, scores.ndcg, scores.precision[5], scores.recall[5], scores.mrr, scores.chance]
    assert found == pytest.approx(np.mean(figures, axis=0))


def test_rankings_by_name_score_like_the_similarities_they_came_from():
    rng = np.random.default_rng(4)
    cosines = rng.random((8, 30))
    names, labels, works = [f"w{i}" for i in range(30)], rng.choice(list("ab"), 30), rng.integers(0, 9, 30).astype(str)
    scores = score_similarities(
        cosines.__getitem__, labels, labels[:8], gallery_works=works, query_works=works[:8]
    ).by_name()
    ranked = [[names[i] for i in np.argsort(-row)] for row in cosines]
    relevant = [[n for n, label in zip(names, labels, strict=True) if label == mine] for mine in labels[:8]]
    left_out = [[n for n, work in zip(names, works, strict=True) if work == mine] for mine in works[:8]]
    assert score_rankings(ranked, relevant, left_out).by_name() == pytest.approx(
        {name: value for name, value in scores.items() if name != "chance"}
    )


def test_what_a_ranking_leaves_open():
    """A name twice counts once; what was not found has no rank; a query without anything to find is not asked."""
    scores = score_rankings([["a", "a", "x"], [], ["b"]], [["a", "b"], ["a"], ["b"]], [[], [], ["b"]])
    assert scores.queries == 2
    assert scores.map == pytest.approx((1 / 2 + 0) / 2) and scores.mrr == scores.precision[1] == 1 / 2
    assert scores.recall[10] == pytest.approx((1 / 2 + 0) / 2) and scores.precision[10] == pytest.approx(1 / 20)
    assert scores.chance is None
    assert score_rankings([], [], []) is None and score_rankings([["a"]], [[]], [[]]) is None


def test_a_search_that_works_finds_its_own_query():
    assert self_retrieval(["a", "b"], [["a", "b"], ["a", "b"]]) == 0.5
    assert self_retrieval(["a", "b"], [["a"], []]) == 0.5
    assert self_retrieval(["a"], [["x"]]) is None and self_retrieval([], []) is None


def test_similarities_that_are_no_cosines():
    """The second query ranks c, b, a; the similarities given are left as they were."""
    given = np.array([[3.0, 2.0, 1.0], [-9.0, -5.0, 40.0]])
    kept = given.copy()
    labels = ["a", "b", "c"]
    scores = score_similarities(given.__getitem__, labels, ["a", "b"], gallery_works=labels, query_works=["x", "c"])
    assert scores.map == scores.mrr == pytest.approx(1.0)  # c is the second query's own file
    assert score_similarities(given.__getitem__, labels, ["a", "b"]).map == pytest.approx((1 + 1 / 2) / 2)
    np.testing.assert_array_equal(given, kept)


def test_random_vectors_score_chance():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(3000, 16))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    names = [str(v) for v in rng.choice(4, 3000, p=[0.1, 0.2, 0.3, 0.4])]
    scores = score_retrieval(vectors[:2000], names[:2000], vectors[2000:], names[2000:])
    assert scores.queries == 1000
    assert scores.chance == pytest.approx(0.3, abs=0.02)
    assert scores.precision[10] == pytest.approx(scores.chance, abs=0.02)
    assert scores.map == pytest.approx(scores.chance, abs=0.02)


def test_one_hot_vectors_are_perfect():
    classes = np.arange(30) % 3
    names = [str(c) for c in classes]
    ids = [f"file {i}" for i in range(30)]
    scores = score_retrieval(np.eye(3)[classes], names, np.eye(3)[classes], names, gallery_works=ids, query_works=ids)
    assert scores.as_json() == {
        "p@1": 1.0,
        "p@5": 1.0,
        "p@10": 0.9,  # nine others
        "r@1": round(1 / 9, 4),
        "r@5": round(5 / 9, 4),
        "r@10": 1.0,
        "map": 1.0,
        "mrr": 1.0,
        "ndcg@10": 1.0,
        "chance": round(9 / 29, 4),
        "queries": 30,
    }


def test_recall_of_works():
    gallery = directions(0, 10, 20, 30)
    photos = directions(1, 6, 26)
    works = np.array([0, 1, 0])
    assert recall_of_works(gallery, photos, works) == pytest.approx(2 / 3)
    assert recall_of_works(gallery, photos, works, k=3) == pytest.approx(2 / 3)
    assert recall_of_works(gallery, photos, works, k=4) == 1.0


def test_misfits_are_refused():
    with pytest.raises(DataError):
        score_retrieval(directions(0, 1), ["a"], directions(0), ["a"])
