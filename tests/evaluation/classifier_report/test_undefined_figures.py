import numpy as np
import pytest

from artextract_hf.evaluation.baselines import majority
from artextract_hf.evaluation.classification import Scores, class_report, confusion_matrix, score


@pytest.mark.parametrize("labels", [[], [-1, -100]])
def test_nothing_to_score_gives_no_figures_anywhere(labels):
    labels = np.array(labels, dtype=np.int64)
    nothing = Scores(None, None, None, None, n=0)
    assert score(labels, np.zeros((len(labels), 2))) == nothing
    assert majority(labels, labels, classes=2) == nothing
    rows = class_report(labels, labels * 0, ["a", "b"])
    assert [(r.name, r.precision, r.recall, r.f1, r.support) for r in rows] == [
        ("a", None, None, None, 0),
        ("b", None, None, None, 0),
    ]
    assert confusion_matrix(labels, labels * 0, 2).tolist() == [[0, 0], [0, 0]]


def test_classes_without_a_sample_do_not_weigh_on_the_averages():
    scores = score(np.array([0, 0]), np.eye(4)[[0, 3]])  # only class 0 occurs; one of its two goes to class 3
    assert scores.balanced_accuracy == 0.5
    assert scores.macro_f1 == pytest.approx(2 / (2 + 1))  # 2 hits / (samples + predictions)


@pytest.mark.parametrize("ignored", [-1, -100])
def test_unknown_labels_never_count(ignored):
    logits = np.eye(2)[[0, 1, 1, 0]]
    assert score(np.array([0, ignored, 1, ignored]), logits) == score(np.array([0, 1]), logits[[0, 2]])
