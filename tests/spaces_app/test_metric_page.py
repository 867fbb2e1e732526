import json

import gradio as gr
import pytest

from artextract_hf.evaluation.metrics.index_recall import IndexRecall
from spaces_app.metric_page import figures


@pytest.fixture
def metric(tmp_path, monkeypatch):
    monkeypatch.setattr("evaluate.config.HF_METRICS_CACHE", str(tmp_path))
    return IndexRecall(keep_in_memory=True)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("[1]", "mapping"),
        ("{", "Expecting property name"),
        (json.dumps(IndexRecall.example | {"k": 3}), "the exact search gave 2 answers to query 0; give all 3"),
        (json.dumps(IndexRecall.example | {"seed": 3}), "seed"),
        (json.dumps(IndexRecall.example | {"predictions": "a"}), "Mismatch|expected|Module inputs"),
        ("[" * 100_000, "recursion"),
    ],
)
def test_what_cannot_be_scored_is_said_and_does_not_stay(metric, given, message):
    with pytest.raises(gr.Error, match=message):
        figures(metric, given)
    assert figures(metric, json.dumps(metric.example))["recall@2"] == 3 / 4
