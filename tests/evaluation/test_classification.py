import numpy as np
import pytest
from scipy.special import softmax
from sklearn import metrics

from artextract_hf.evaluation.baselines import majority
from artextract_hf.evaluation.classification import class_report, confusion_matrix, further_scores, score


def one_hot(classes: list[int], count: int) -> np.ndarray:
    return np.eye(count)[classes]


def test_by_hand():
    # Class 0 twice (one found), class 1 once (found), class 2 never; one label unknown.
    labels = np.array([0, 0, 1, -1])
    scores = score(labels, one_hot([0, 1, 1, 2], 3), skipped=4)
    assert scores.accuracy == pytest.approx(2 / 3)
    assert scores.balanced_accuracy == pytest.approx((1 / 2 + 1) / 2)
    assert scores.macro_f1 == pytest.approx((2 / 3 + 2 / 3) / 2)  # P, R: 1, 1/2 and 1/2, 1
    assert scores.top5 == 1.0  # three classes
    assert (scores.n, scores.skipped) == (3, 4)


def test_top_5_counts_the_five_best():
    scores = np.tile(np.arange(10.0), (2, 1))
    assert score(np.array([5, 4]), scores).top5 == 0.5


def test_against_scikit_learn():
    rng = np.random.default_rng(0)
    labels, logits = rng.integers(0, 8, 500), rng.normal(size=(500, 8))
    ours, predicted = score(labels, logits), logits.argmax(1)
    assert ours.accuracy == pytest.approx(metrics.accuracy_score(labels, predicted))
    assert ours.balanced_accuracy == pytest.approx(metrics.balanced_accuracy_score(labels, predicted))
    assert ours.macro_f1 == pytest.approx(metrics.f1_score(labels, predicted, average="macro"))
    assert ours.top5 == pytest.approx(metrics.top_k_accuracy_score(labels, logits, k=5))
    more = further_scores(labels, logits)
    assert more.macro_precision == pytest.approx(metrics.precision_score(labels, predicted, average="macro"))
    assert more.macro_recall == pytest.approx(metrics.recall_score(labels, predicted, average="macro"))
    assert more.weighted_recall == pytest.approx(metrics.recall_score(labels, predicted, average="weighted"))
    assert more.weighted_precision == pytest.approx(metrics.precision_score(labels, predicted, average="weighted"))
    assert more.weighted_f1 == pytest.approx(metrics.f1_score(labels, predicted, average="weighted"))
    probability = softmax(logits, axis=1)
    assert more.auc == pytest.approx(metrics.roc_auc_score(labels, probability, multi_class="ovr"))


def test_the_area_under_the_curve_counts_pairs_in_the_right_order():
    probability = np.array([[0.9, 0.1], [0.4, 0.6], [0.6, 0.4], [0.2, 0.8]])
    # Of 2 x 2 pairs of a sample of class 0 and one of class 1, one is in the wrong order (0.4 and 0.6).
    assert further_scores(np.array([0, 0, 1, 1]), np.log(probability)).auc == 0.75
    assert further_scores(np.array([0, 0]), np.log(probability[:2])).auc is None
    assert further_scores(np.array([0, 1, -1]), np.log(probability[[0, 3, 1]])).auc == 1


def test_a_class_that_was_never_predicted_has_no_precision():
    scores = further_scores(np.array([0, 0, 1]), one_hot([0, 0, 0], 3))
    assert scores.macro_precision == pytest.approx(2 / 3) and scores.weighted_precision == pytest.approx(4 / 9)


@pytest.mark.parametrize("labels", [np.array([], dtype=int), np.array([-1, -100])])
def test_nothing_to_score_is_none_not_zero(labels):
    scores = score(labels, np.zeros((len(labels), 3)))
    assert (scores.accuracy, scores.macro_f1, scores.n) == (None, None, 0)


def test_undefined_figures_of_a_class_are_none():
    report = class_report(np.array([0, 0, 1, -1]), np.array([0, 2, 0, 1]), ["a", "b", "c", "d"])
    assert [(r.precision, r.recall, r.support) for r in report] == [
        (0.5, 0.5, 2),
        (None, 0.0, 1),  # b occurs, but was never predicted
        (0.0, None, 0),  # c was predicted, but never occurs
        (None, None, 0),
    ]


def test_confusion_by_hand():
    assert confusion_matrix(np.array([0, 1, 1, -1]), np.array([0, 0, 1, 1]), 3).tolist() == [
        [1, 0, 0],
        [1, 1, 0],
        [0, 0, 0],
    ]
    assert confusion_matrix(np.array([-1]), np.array([0]), 2).sum() == 0


def test_majority_learns_from_the_train_split():
    train, labels = np.array([1, 1, 0, -1]), np.array([0, 0, 1])
    assert majority(train, labels, 2).accuracy == pytest.approx(1 / 3)
    assert majority(np.array([], dtype=int), labels, 2).accuracy == pytest.approx(2 / 3)
