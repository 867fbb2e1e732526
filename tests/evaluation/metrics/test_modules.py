"""The metrics as modules of `evaluate`, loaded by their paths, against scikit-learn and figures worked out by hand."""

import evaluate
import numpy as np
import pytest
from scipy.special import softmax
from sklearn import metrics
from sklearn.calibration import calibration_curve

from artextract_hf.errors import DataError
from artextract_hf.evaluation import METRIC_NAMES, metric_path

pytestmark = pytest.mark.usefixtures("evaluate_caches")


def load(name: str) -> evaluate.Metric:
    return evaluate.load(metric_path(name))


@pytest.mark.parametrize("name", METRIC_NAMES)
def test_each_loads_by_its_path_and_says_what_goes_in_and_what_comes_out(name):
    metric = load(name)
    assert metric.name == name and metric.description and "Returns:" in metric.inputs_description
    found = metric.compute(**metric.example)
    assert all(value is None or value >= 0 for value in found.values())
    tasks = metric.example.get("tasks", [])
    for figure in found:
        plain = figure.removeprefix(f"{tasks[0]}_").removeprefix(f"{tasks[1]}_") if tasks else figure
        assert plain.replace("@2", "@k") in metric.inputs_description, figure


def test_another_name_is_refused():
    with pytest.raises(DataError, match="no metric 'accuracy'; the metrics are painting_classification"):
        metric_path("accuracy")


def classification_by_scikit_learn(labels: np.ndarray, logits: np.ndarray) -> dict[str, float]:
    """Each figure by a function of scikit-learn; the calibration error from its bins."""
    known = labels >= 0
    labels, logits = labels[known], logits[known]
    predicted, probability = logits.argmax(axis=1), softmax(logits, axis=1)
    right, confidence = predicted == labels, probability.max(axis=1)
    shares, confidences = calibration_curve(right, confidence, n_bins=15)
    weights = np.histogram(confidence, bins=15, range=(0, 1))[0]
    figures = {
        "accuracy": metrics.accuracy_score(labels, predicted),
        "top5": metrics.top_k_accuracy_score(labels, logits, k=5),
        "balanced_accuracy": metrics.balanced_accuracy_score(labels, predicted),
        "auc": metrics.roc_auc_score(labels, probability, multi_class="ovr"),
        "ece": np.average(np.abs(shares - confidences), weights=weights[weights > 0]),
        "n": known.sum(),
    }
    scores = {"precision": metrics.precision_score, "recall": metrics.recall_score, "f1": metrics.f1_score}
    averages = {
        f"{a}_{name}": s(labels, predicted, average=a) for name, s in scores.items() for a in ("macro", "weighted")
    }
    return figures | averages


def random_task(classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels (200,) of which a few are unknown, and logits (200, C) that are better than chance."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, 200)
    logits = rng.normal(size=(200, classes)) + 2 * np.eye(classes)[labels]
    labels[rng.random(200) < 0.1] = -1
    return labels, logits


def test_classification_is_as_scikit_learn_counts():
    labels, logits = random_task(8, seed=0)
    found = load("painting_classification").compute(predictions=logits, references=labels)
    assert found == pytest.approx(classification_by_scikit_learn(labels, logits))


def test_several_tasks_at_once_are_each_by_itself():
    tasks = {"style": random_task(9, seed=1), "genre": random_task(6, seed=2)}
    metric = load("painting_classification")
    (styles, of_style), (genres, of_genre) = tasks.values()
    for rows in np.array_split(np.arange(200), 3):
        predictions = [[of_style[row].tolist(), of_genre[row].tolist()] for row in rows]
        metric.add_batch(predictions=predictions, references=np.stack([styles[rows], genres[rows]], axis=1).tolist())
    expected = {
        f"{task}_{name}": value
        for task, given in tasks.items()
        for name, value in classification_by_scikit_learn(*given).items()
    }
    assert metric.compute(tasks=list(tasks)) == pytest.approx(expected)


def test_class_indices_have_no_figures_of_probabilities():
    labels, logits = random_task(6, seed=3)
    metric = load("painting_classification")
    found = metric.compute(predictions=logits.argmax(axis=1), references=labels)
    expected = metric.compute(predictions=logits, references=labels)
    assert found == pytest.approx(expected | dict.fromkeys(("top5", "auc", "ece")))


def test_what_is_undefined_is_none():
    metric = load("painting_classification")
    found = metric.compute(predictions=[[1.0, 0.0], [2.0, 0.0]], references=[1, 1])
    assert (found["auc"], found["macro_precision"], found["weighted_precision"]) == (None, None, 0)
    found = metric.compute(predictions=[[1.0, 0.0]] * 2, references=[-1, None])
    assert found.pop("n") == 0 and set(found.values()) == {None}
    found = load("painting_retrieval").compute(predictions=[["a"]], references=[["a"]], queries=["a"], left_out=[[]])
    assert found.pop("queries") == 0 and found.pop("sanity_self_retrieval") == 1 and set(found.values()) == {None}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"predictions": [[0.5, 1.0], [0.1]], "references": [0, 0]}, "logits differ in number"),
        ({"predictions": [[0.5, float("nan")]], "references": [0]}, "or are not numbers"),
        ({"predictions": [None], "references": [0]}, "or are not numbers"),
        ({"predictions": [-1], "references": [0]}, "a prediction is class -1"),
        ({"predictions": [[0.5, 1.0]], "references": [2]}, "a label is class 2, but the predictions have 2 classes"),
        ({"predictions": [[[0.5, 1.0]]], "references": [[0]]}, r"tasks are \[\], but samples have \[1\]"),
    ],
)
def test_what_cannot_be_scored_is_said_in_a_sentence(given, message):
    with pytest.raises(DataError, match=message):
        load("painting_classification").compute(**given)


@pytest.mark.parametrize("name", ["painting_retrieval", "index_recall"])
def test_a_query_without_a_list_is_said_in_a_sentence(name):
    metric = load(name)
    with pytest.raises(DataError, match="a query has None in place of"):
        metric.compute(**metric.example | {"predictions": [["a"], None]})


def test_retrieval_leaves_out_the_query_its_copies_and_its_near_duplicates():
    """Both queries find themselves and a copy first; what is left is: hit, miss, hit, and miss, hit."""
    found = load("painting_retrieval").compute(
        predictions=[["q", "q_copy", "a", "x", "q_crop", "b"], ["r", "r_copy", "x", "c"]],
        references=[["q", "q_copy", "q_crop", "a", "b", "d"], ["r", "r_copy", "c"]],
        queries=["q", "r"],
        left_out=[["q_copy", "q_crop"], ["r_copy"]],
    )
    discounts = 1 / np.log2([2, 3, 4])
    assert found == pytest.approx(
        {
            "p@1": (1 + 0) / 2,
            "p@5": (2 / 5 + 1 / 5) / 2,
            "p@10": (2 / 10 + 1 / 10) / 2,
            "r@1": (1 / 3 + 0) / 2,
            "r@5": (2 / 3 + 1) / 2,
            "r@10": (2 / 3 + 1) / 2,
            "map": ((1 + 2 / 3) / 3 + 1 / 2) / 2,
            "mrr": (1 + 1 / 2) / 2,
            "ndcg@10": (discounts[[0, 2]].sum() / discounts.sum() + discounts[1]) / 2,
            "queries": 2,
            "sanity_self_retrieval": 1,
        }
    )


def test_index_recall_and_latency():
    rng = np.random.default_rng(0)
    nearest, found = (np.argsort(rng.random((40, 60)), axis=1)[:, :10] for _ in range(2))
    times = rng.random(40)
    names = {"predictions": found.astype(str).tolist(), "references": nearest.astype(str).tolist()}
    shares = [np.isin(some, true).mean() for some, true in zip(found, nearest, strict=True)]
    assert load("index_recall").compute(**names, milliseconds=times, k=10) == pytest.approx(
        {"recall@10": np.mean(shares), "p50_ms": np.median(times), "p95_ms": np.quantile(times, 0.95), "queries": 40}
    )


def test_they_combine():
    """By the columns that each takes: the answers of an index are scored as a search and as an index."""
    both = evaluate.combine([load("painting_retrieval"), load("index_recall")])
    columns = {"queries": ["q"], "left_out": [["q_copy"]], "milliseconds": [2.0]}
    both.add_batch(predictions=[["a", "b"]], references=[["a", "b"]], **columns)
    found = both.evaluation_modules[0].compute() | both.evaluation_modules[1].compute(k=2)
    assert (found["p@1"], found["recall@2"], found["p50_ms"]) == (1, 1, 2)
    twice = evaluate.combine({"first": load("painting_classification"), "second": load("painting_classification")})
    found = twice.compute(predictions=[[1.0, 0.0], [0.0, 1.0]], references=[0, 1])
    assert found["first_accuracy"] == found["second_accuracy"] == 1
