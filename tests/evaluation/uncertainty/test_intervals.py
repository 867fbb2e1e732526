"""The bootstrap against one that is spelled out, and its intervals against what they promise."""

import numpy as np
import pytest

from artextract_hf.evaluation.classification import score
from artextract_hf.evaluation.uncertainty.intervals import intervals

FIGURES = ("accuracy", "top5", "balanced_accuracy", "macro_f1")


def drawn_answers(rng, artists=12, works=6, classes=7):
    labels = rng.integers(-1, classes, artists * works)
    scores = rng.normal(size=(len(labels), classes))
    scores[np.arange(len(labels)), np.maximum(labels, 0)] += 1.5
    return labels, scores, [f"artist {i // works}" for i in range(len(labels))]


def test_each_draw_is_scored_as_the_works_of_its_artists():
    labels, scores, artists = drawn_answers(np.random.default_rng(0))
    names = sorted({artist for artist, label in zip(artists, labels, strict=True) if label >= 0})
    counts = np.random.default_rng(5).multinomial(len(names), np.full(len(names), 1 / len(names)), size=40)
    found = {name: [] for name in FIGURES}
    for draw in counts:
        rows = [
            i
            for name, times in zip(names, draw, strict=True)
            for i in np.flatnonzero(np.array(artists) == name).tolist() * times
        ]
        figures = score(labels[rows], scores[rows])
        for name in FIGURES:
            found[name].append(getattr(figures, name))
    ours = intervals(labels, scores, artists, draws=40, seed=5)
    for name in FIGURES:
        assert ours[name] == pytest.approx(np.quantile(found[name], [0.025, 0.975])), name


def test_works_that_stand_and_fall_with_their_artist_make_it_wide():
    """Ten artists, each right in all of their works or in none: 60 works tell as much as ten."""
    labels = np.zeros(60, dtype=int)
    right = np.repeat(np.arange(10) < 5, 6)
    scores = np.stack([right, ~right], axis=1).astype(float)
    by_artist = intervals(labels, scores, np.repeat(np.arange(10), 6).tolist())
    by_work = intervals(labels, scores, list(range(60)))
    assert by_artist["accuracy"] == [0.2, 0.8]  # of ten coins, 2 to 8 heads in 97.9 %
    assert by_work["accuracy"][1] - by_work["accuracy"][0] < 0.27


def test_the_true_figure_is_covered_as_often_as_promised():
    rng = np.random.default_rng(1)
    covered = []
    for _ in range(200):
        skill = rng.beta(6, 2, 40)  # of each artist; 0.75 on average
        right = rng.random((40, 5)) < skill[:, None]
        scores = np.stack([right.ravel(), ~right.ravel()], axis=1).astype(float)
        low, high = intervals(np.zeros(200, int), scores, np.repeat(np.arange(40), 5).tolist(), draws=300)["accuracy"]
        covered.append(low <= 0.75 <= high)
    assert 0.89 <= np.mean(covered) <= 0.98


def test_one_artist_tells_nothing_of_others():
    assert intervals(np.array([0, 1]), np.eye(2), ["a", "a"]) is None
    assert intervals(np.array([0, -1]), np.eye(2), ["a", "b"]) is None
    assert intervals(np.zeros(0, int), np.zeros((0, 2)), []) is None
