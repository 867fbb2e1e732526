"""Outliers that were planted, and each criterion against what is computed by hand or by another implementation."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.covariance import ledoit_wolf
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import LocalOutlierFactor

from artextract_hf.curation.outliers import LISTED, find_doubtful, find_outliers, neighbourhood, outlier_scores
from artextract_hf.errors import DataError, PaintingIndexError
from artextract_hf.retrieval.index import PaintingIndex
from artextract_hf.retrieval.records import RecordTable
from artextract_hf.retrieval.vectors.scan import units
from artextract_hf.retrieval.vectors.store import VectorStore


def index_of(vectors: np.ndarray, **columns: list) -> PaintingIndex:
    """Works without pictures, called w0, w1, ..."""
    rows = [{"id": f"w{i}"} | {name: column[i] for name, column in columns.items()} for i in range(len(vectors))]
    store = VectorStore.build(units(vectors).astype(np.float32))
    return PaintingIndex(store, RecordTable.from_rows(rows), embedder=None, embedder_name="drawn", fingerprint="1")


def groups(
    rng: np.random.Generator, works: int, *, dim: int = 24, spread: float = 0.25
) -> tuple[np.ndarray, np.ndarray]:
    """Unit rows about three middles, and which middle each is of."""
    kind = np.arange(works) % 3
    rows = rng.normal(size=(3, dim))[kind] / np.sqrt(dim) + rng.normal(size=(works, dim)) * spread / np.sqrt(dim)
    return units(rows).astype(np.float32), kind


@pytest.fixture(scope="module")
def planted() -> np.ndarray:
    """90 works in three groups, and six (90 to 95) that are like nothing."""
    rng = np.random.default_rng(0)
    return np.concatenate([groups(rng, 90)[0], units(rng.normal(size=(6, 24))).astype(np.float32)])


def test_planted_works_are_found_by_each_criterion(planted):
    scores = outlier_scores(planted, neighbourhood(planted, 20))
    is_planted = np.arange(96) >= 90
    found = {criterion: roc_auc_score(is_planted, values) for criterion, values in scores.items()}
    assert set(found) == {"distance", "density", "covariance", "isolation"}
    assert min(found.values()) > 0.9 and found["distance"] > 0.99


def test_each_work_comes_with_its_reason_and_its_neighbours(planted):
    index = index_of(planted)
    findings = find_outliers(index, count=6)
    first = {finding.criterion: finding for finding in reversed(findings)}
    assert list(first)[::-1] == ["together", "distance", "density", "covariance", "isolation"] and len(findings) == 30
    assert {f.id for f in findings if f.criterion == "distance"} == {f"w{i}" for i in range(90, 96)}
    nearest = np.argsort(-planted @ planted[int(first["distance"].id[1:])])
    assert first["distance"].beside == tuple(f"w{i}" for i in nearest[1:4])
    mean = np.mean(1 - np.sort(planted @ planted[int(first["distance"].id[1:])])[::-1][1:11])
    assert f"the nearest works are {mean:.2f} away" in first["distance"].reason
    assert any(f" 1 by how {what}" in first["together"].reason for what in ("far", "unusual"))
    assert findings == find_outliers(index, count=6)  # the same each time


def test_distances_and_densities_equal_those_of_scikit_learn(planted):
    around = neighbourhood(planted, 20)
    cosines = planted @ planted.T
    np.fill_diagonal(cosines, -2)
    assert np.array_equal(around.rows, np.argsort(-cosines, axis=1)[:, :20])
    other = -LocalOutlierFactor(n_neighbors=20).fit(planted.astype(np.float64)).negative_outlier_factor_
    assert np.allclose(outlier_scores(planted, around)["density"], other, rtol=1e-3)


def test_the_covariance_is_the_shrunk_one(planted):
    inverse, centred = np.linalg.inv(ledoit_wolf(planted)[0]), planted - planted.mean(axis=0)
    by_hand = np.sqrt(np.einsum("ni,ij,nj->n", centred, inverse, centred))
    assert np.allclose(outlier_scores(planted, neighbourhood(planted, 5))["covariance"], by_hand, rtol=1e-3)


def test_copies_make_nothing_endlessly_dense():
    rng = np.random.default_rng(1)
    vectors, _ = groups(rng, 60)
    vectors[:30] = vectors[0]  # one work thirty times
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        around = neighbourhood(vectors, 20)
        scores = outlier_scores(vectors, around)
    assert around.rows.shape == (60, 20) and not (around.rows == np.arange(60)[:, None]).any()
    assert all(np.isfinite(values).all() for values in scores.values()) and scores["density"].max() < 50


def test_small_collections():
    rng = np.random.default_rng(2)
    findings = find_outliers(index_of(groups(rng, 10)[0]))
    assert len(findings) == 50
    with pytest.raises(PaintingIndexError, match="9 works; fewer than 10"):
        find_outliers(index_of(groups(rng, 9)[0]))


@pytest.fixture
def predictions(tmp_path):
    table = pd.DataFrame(
        {
            "id": ["a", "b", "c", "d", "elsewhere"],
            "style_label": ["Baroque", "Baroque", None, "Rococo", "Rococo"],
            "style_predicted": ["Baroque", "Rococo", "Rococo", "Baroque", "Baroque"],
            "style_confidence": [0.9, 0.8, 0.2, 0.5, 0.99],
        }
    )
    table.to_parquet(tmp_path / "predictions.parquet")
    return tmp_path / "predictions.parquet"


def test_what_a_classifier_doubts_and_contradicts(predictions):
    findings = find_doubtful(predictions, ["a", "b", "c", "d"])
    unsure = [finding.id for finding in findings if finding.criterion == "style: confidence"]
    wrong = [finding for finding in findings if finding.criterion == "style: label"]
    assert unsure == ["c", "d", "b", "a"]
    assert [(f.id, f.score, f.task, f.label, f.suggested) for f in wrong] == [
        ("b", 0.8, "style", "Baroque", "Rococo"),
        ("d", 0.5, "style", "Rococo", "Baroque"),
    ]
    assert wrong[0].reason == "labelled Baroque; the classifier says Rococo, 80%."
    assert len(find_doubtful(predictions, ["a", "b", "c", "d"], count=1)) == 2 and LISTED == 50


def test_predictions_of_something_else_are_refused(predictions, tmp_path):
    with pytest.raises(DataError, match="no prediction of a work of this collection"):
        find_doubtful(predictions, ["x"])
    pd.DataFrame({"id": ["a"], "style_predicted": ["Rococo"]}).to_parquet(tmp_path / "half.parquet")
    (tmp_path / "text.parquet").write_text("no table")
    whole = pd.read_parquet(predictions)
    whole.assign(style_confidence=[0.1, 0.2, 0.3, 0.4, np.nan]).to_parquet(tmp_path / "nan.parquet")
    whole.assign(style_predicted=[1, 2, 3, 4, 5]).to_parquet(tmp_path / "numbers.parquet")
    for name in ("half.parquet", "text.parquet", "nan.parquet", "numbers.parquet", "missing.parquet", "/dev/zero"):
        with pytest.raises(DataError, match="is no predictions.parquet"):
            find_doubtful(tmp_path / name, ["a"])
