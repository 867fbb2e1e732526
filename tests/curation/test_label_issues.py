"""Wrong labels that were planted, and works that stand in two classes."""

import numpy as np
import pytest
from datasets import Dataset

from artextract_hf.curation.label_issues import find_label_issues, labelled, out_of_fold
from artextract_hf.data.labels import display_name
from artextract_hf.data.schema import new_record, painting_features
from artextract_hf.data.synthetic import synthetic_paintings
from artextract_hf.errors import PaintingIndexError
from artextract_hf.retrieval.index import PaintingIndex
from tests.curation.test_outliers import groups, index_of
from tests.retrieval.conftest import ColorEmbedder

NAMES = ["Baroque", "Rococo", "Ukiyo_e"]


def test_planted_labels_come_first_with_the_right_suggestion():
    rng = np.random.default_rng(0)
    vectors, kind = groups(rng, 150, spread=0.5)
    given = [NAMES[k] for k in kind]
    wrong = rng.choice(150, 15, replace=False)
    for row in wrong:
        given[row] = NAMES[(kind[row] + 1) % 3]
    findings = find_label_issues(index_of(vectors, style=given), "style")
    found = [int(finding.id[1:]) for finding in findings]
    assert set(wrong) <= set(found[:16]) and len(found) < 20
    for finding in findings[:12]:
        row = int(finding.id[1:])
        assert (finding.criterion, finding.task, finding.label) == ("label", "style", given[row])
        assert finding.suggested == NAMES[kind[row]] and set(finding.beside) <= {f"w{i}" for i in range(150)}
        assert finding.reason.startswith(f"labelled {display_name(given[row])}, ")
    assert [f.score for f in findings] == sorted((f.score for f in findings), reverse=True)


def test_no_work_is_judged_by_a_model_that_learnt_it():
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(60, 100))  # says nothing of the classes, and is easily learnt by heart
    y = np.arange(60) % 2
    probabilities = out_of_fold(vectors, y)
    assert np.allclose(probabilities.sum(axis=1), 1) and (probabilities.argmax(axis=1) == y).mean() < 0.7


def test_thin_classes_and_works_without_a_label_are_left_out():
    labels = ["a"] * 5 + ["b"] * 6 + ["c"] * 4 + [None, ""]
    names, rows, y = labelled(labels, "style")
    assert names == ["a", "b"] and rows.tolist() == list(range(11)) and y.tolist() == [0] * 5 + [1] * 6


@pytest.mark.parametrize("labels", [[None] * 12, ["a"] * 12, ["a"] * 8 + ["b"] * 4])
def test_too_few_classes_are_one_sentence(labels):
    index = index_of(groups(np.random.default_rng(0), 12)[0], style=labels)
    with pytest.raises(PaintingIndexError, match="two at least are needed"):
        find_label_issues(index, "style")
    with pytest.raises(PaintingIndexError, match="the records have no field 'school'; they have id, .*style"):
        find_label_issues(index, "school")


def test_one_work_in_two_classes():
    drawn = synthetic_paintings(10)
    pictures = [drawn[i % 9]["image"] for i in range(10)]  # the last is the first
    records = [
        new_record(id=f"p{i}", image=picture, style=0 if i < 5 else 1, title=f"Work {i}", license="CC0-1.0")
        for i, picture in enumerate(pictures)
    ]
    index = PaintingIndex.build(Dataset.from_list(records, features=painting_features()), ColorEmbedder())
    (twice,) = [f for f in find_label_issues(index, "style") if f.criterion == "two classes"]
    assert {twice.id, *twice.beside} == {"p0", "p9"} and twice.score == 1
    assert (twice.label, twice.suggested) == tuple(
        dict(zip(index.ids, index.column("style"), strict=True))[i] for i in (twice.id, *twice.beside)
    )
