"""The tab of answers, without a server."""

import gc
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from artextract_hf import load_classifier
from artextract_hf.models import ArtAttributesPipeline
from tests.conftest import plain_picture

pytestmark = pytest.mark.filterwarnings("default")  # gradio's own


@pytest.fixture
def uploaded(tmp_path, monkeypatch) -> Iterator[Path]:
    """A picture as the page sees it."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    plain_picture((200, 40, 40), seed=1).save(tmp_path / "painting.png")
    yield tmp_path / "painting.png"
    with warnings.catch_warnings(action="ignore"):  # gradio leaves event loops to the collector
        gc.collect()


@pytest.mark.parametrize(
    ("thresholds", "shown"),
    [
        ({}, {}),
        (
            {"style": [1.0, 1.0], "genre": [1.0, 0.0, 1.0]},
            {"Style: not ruled out": "none of the classes fits", "Genre: not ruled out": "Landscape"},
        ),
    ],
)
def test_sets_are_shown_for_the_tasks_that_have_thresholds(tiny_classifier, uploaded, thresholds, shown):
    import gradio as gr

    from spaces_app.classify import classify_tab

    model, processor = load_classifier(str(tiny_classifier))
    model.config.set_thresholds = thresholds
    with gr.Blocks() as page:
        classify_tab(ArtAttributesPipeline(model=model, image_processor=processor), [])
    (event,) = [event for event in page.fns.values() if event.api_name == "classify"]
    answers = dict(zip([component.label for component in event.outputs], event.fn(str(uploaded)), strict=True))
    assert list(answers)[:4] == ["Style", "Genre", "Artist", "Where the answer comes from"]
    assert {label: answer for label, answer in answers.items() if label and "not ruled out" in label} == shown
