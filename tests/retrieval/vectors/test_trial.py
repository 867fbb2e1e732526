"""Every factory on vectors of one's own: recall against a full comparison, and what its files take."""

import json

import numpy as np
import pytest

from artextract_hf.errors import PaintingIndexError
from artextract_hf.retrieval.index import PaintingIndex
from artextract_hf.retrieval.vectors import trial
from artextract_hf.retrieval.vectors.factories import NAMES
from artextract_hf.retrieval.vectors.scan import units
from artextract_hf.retrieval.vectors.store import VectorStore
from tests.retrieval.conftest import ColorEmbedder, paintings


def vectors(count: int, dim: int = 32) -> np.ndarray:
    return units(np.random.default_rng(0).normal(size=(count, dim))).astype(np.float32)


def test_each_factory_is_measured_against_a_full_comparison(monkeypatch):
    monkeypatch.setattr(trial, "QUERIES", 20)
    rows = vectors(600)
    found = {one.factory: one for one in trial.try_factories(rows, "cosine")}
    assert set(found) == set(NAMES) - {"auto"}
    assert found["flat"].recall == 1 and min(one.recall for one in found.values()) > 0.9
    for one in found.values():
        assert 0 < one.p50_ms <= one.p95_ms and one.build_s > 0
    assert found["flat"].bytes > 600 * 32 * 4 > found["sq"].bytes - found["flat"].bytes


def test_answers_that_are_wrong_cost_recall(monkeypatch):
    """An index that answers with the ten farthest instead of the nearest finds nothing."""
    search = VectorStore.search

    def farthest(self, queries, k, **options):
        scores, found = search(self, queries, len(self), **options)
        return (scores[:, ::-1][:, :k], found[:, ::-1][:, :k])

    monkeypatch.setattr(VectorStore, "search", farthest)
    assert {one.recall for one in trial.try_factories(vectors(300), "cosine")} == {0}


def test_few_vectors_leave_out_what_cannot_be_learnt_of_them():
    assert [one.factory for one in trial.try_factories(vectors(40), "l2")] == ["flat", "hnsw", "ivf", "rabitq", "sq"]
    with pytest.raises(PaintingIndexError, match="10 paintings are too few"):
        list(trial.try_factories(vectors(10), "ip"))


def test_the_command(run_cli, tmp_path):
    PaintingIndex.build(paintings(20), ColorEmbedder()).save_pretrained(tmp_path / "index")
    code, printed, errors = run_cli("evaluate", "index", tmp_path / "index", "--json")
    assert code == 0, errors
    document = json.loads(printed)
    assert (document["count"], document["dim"], document["metric"]) == (20, 3, "cosine")
    assert {"factory", "recall", "p50_ms", "p95_ms", "bytes", "build_s"} == document["factories"][0].keys()
    code, printed, _ = run_cli("evaluate", "index", tmp_path / "index")
    assert code == 0 and "flat        100.0%" in printed
    code, _, errors = run_cli("evaluate", "index", tmp_path)
    assert code == 2 and errors.count("\n") == 1
