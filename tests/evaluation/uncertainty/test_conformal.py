"""Thresholds against p-values, which are the same thing said otherwise, and against the share that they promise."""

import numpy as np
import pytest

from artextract_hf.evaluation.uncertainty.conformal import (
    LEAST,
    cross_fitted_sets,
    fit_thresholds,
    score_sets,
    threshold_groups,
)


def drawn(rng: np.random.Generator, counts: list[int], skill: float) -> tuple[np.ndarray, np.ndarray]:
    """Samples of each class, and scores that tell them apart as far as `skill` goes; 0 tells nothing."""
    labels = np.repeat(np.arange(len(counts)), counts)
    return labels, rng.normal(size=(len(labels), len(counts))) + skill * np.eye(len(counts))[labels]


def p_value(own: np.ndarray, score: float) -> float:
    """Share of samples that fit no better, the new one among them (Vovk et al. 2005, "Algorithmic learning", 2.2)."""
    return (1 + sum(value <= score for value in own.tolist())) / (len(own) + 1)


@pytest.mark.parametrize("count", [9, 19, 99])  # (n + 1) / 10 is a rank
def test_a_set_holds_the_classes_whose_p_value_is_above_a_tenth(count):
    rng = np.random.default_rng(count)
    labels, scores = drawn(rng, [count] * 3, skill=1.0)
    new = np.vstack([rng.normal(size=(50, 3)), scores])  # ties too
    thresholds = fit_thresholds(labels, scores)
    for row in new:
        expected = [p_value(scores[labels == c, c], row[c]) > 0.1 + 1e-12 for c in range(3)]
        assert (row >= thresholds).tolist() == expected


@pytest.mark.parametrize("count", [10, 14, 25])
def test_between_two_ranks_the_threshold_lies_between_them_in_proportion(count):
    labels, scores = drawn(np.random.default_rng(count), [count] * 2, skill=1.0)
    rank, part = divmod((count + 1) / 10, 1)
    for c, threshold in enumerate(fit_thresholds(labels, scores)):
        low, high = np.sort(scores[labels == c, c])[int(rank) - 1 :][:2]
        assert threshold == pytest.approx(low + part * (high - low))


@pytest.mark.parametrize("skill", [0.0, 2.0])
def test_of_every_class_nine_tenths_are_covered_whatever_the_scores_are_worth(skill):
    rng, counts, covered = np.random.default_rng(1), [12, 40, 200], []
    for _ in range(200):
        thresholds = fit_thresholds(*drawn(rng, counts, skill))
        labels, scores = drawn(rng, [100] * 3, skill)
        covered.append(score_sets(labels, scores >= thresholds).by_class)
    assert np.mean(covered, axis=0) == pytest.approx([0.9] * 3, abs=0.012)


def test_rare_classes_share_a_threshold_with_as_many_of_the_next_rarest_as_it_takes():
    assert threshold_groups(np.array([30, 9, 12])).tolist() == [0, 1, 2]
    assert threshold_groups(np.array([30, 5, 40, 6, 10])).tolist() == [0, 1, 2, 1, 4]  # 5 and 6 are enough
    assert threshold_groups(np.array([30, 1, 40, 2, 10])).tolist() == [0, 1, 2, 1, 1]
    assert threshold_groups(np.array([1, 1, 1])).tolist() == [0, 0, 0]
    labels, scores = drawn(np.random.default_rng(0), [30, 0, 5, 6], skill=1.0)
    thresholds = fit_thresholds(labels, scores)
    own = scores[labels > 1, labels[labels > 1]]
    assert thresholds[1] == thresholds[2] == thresholds[3] == pytest.approx(np.sort(own)[0], abs=1)
    assert sum(own < thresholds[3]) == 1


def test_unknown_labels_do_not_count_and_too_few_give_no_thresholds():
    labels, scores = drawn(np.random.default_rng(0), [20, 20], skill=1.0)
    more = np.concatenate([labels, [-1] * 30]), np.vstack([scores, np.full((30, 2), -9.0)])
    assert fit_thresholds(*more).tolist() == fit_thresholds(labels, scores).tolist()
    assert fit_thresholds(labels[: LEAST - 1], scores[: LEAST - 1]) is None


def test_cross_fitted_sets_do_not_know_what_they_are_scored_on():
    labels, scores = drawn(np.random.default_rng(0), [12] * 60, skill=0.0)  # here the lowest of 12 nearly is one's own
    flattering = score_sets(labels, scores >= fit_thresholds(labels, scores))
    honest = score_sets(labels, cross_fitted_sets(labels, scores))
    assert flattering.coverage > 0.915 and honest.coverage == pytest.approx(0.9, abs=0.01)
    assert cross_fitted_sets(labels[:9], scores[:9]).all()  # nothing to fit on: nothing is ruled out


def test_figures_by_hand():
    sets = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 0], [0, 1, 1], [1, 1, 1]], dtype=bool)
    found = score_sets(np.array([0, 0, 1, 1, -1]), sets)
    assert (found.coverage, found.by_class, found.lowest, found.n) == (0.75, [1.0, 0.5, None], None, 4)
    assert (found.mean_size, found.median_size, found.empty, found.single) == (1.25, 1.5, 0.25, 0.25)
    often = score_sets(np.repeat([0, 1, 2], [20, 20, 1]), np.repeat(sets[[1, 3, 2]], [20, 20, 1], axis=0))
    assert often.lowest == 1.0 and often.by_class == [1.0, 1.0, 0.0]
    nothing = score_sets(np.array([-1]), sets[:1])
    assert nothing.coverage is nothing.mean_size is None and nothing.by_class == [None] * 3 and nothing.n == 0
