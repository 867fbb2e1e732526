"""The tab of answers, without a server."""

import gc
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from artextract_hf import PaintingIndex, load_classifier
from artextract_hf.models import ArtAttributesPipeline
from spaces_app.facets import Facets
from tests.conftest import plain_picture
from tests.retrieval.conftest import ColorEmbedder, paintings

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

    from spaces_app.tabs.classify import classify_tab
    from spaces_app.upload import painting_upload

    model, processor = load_classifier(str(tiny_classifier))
    model.config.set_thresholds = thresholds
    index = PaintingIndex.build(paintings(5), ColorEmbedder())
    with gr.Blocks() as page:
        classify_tab(
            ArtAttributesPipeline(model=model, image_processor=processor),
            index,
            Facets.of(index),
            painting_upload("picture"),
        )
    (event,) = [event for event in page.fns.values() if event.fn and event.fn.__name__ == "answers"]
    answers = dict(zip([component.label for component in event.outputs], event.fn(str(uploaded)), strict=True))
    assert list(answers)[:4] == ["Style", "Genre", "Artist", "Where the answer comes from"]
    assert {label: answer for label, answer in answers.items() if label and "not ruled out" in label} == shown


def test_beside_an_answer_stand_the_nearest_works_with_labels(tiny_classifier, uploaded):
    import gradio as gr

    from spaces_app.tabs.classify import classify_tab
    from spaces_app.upload import painting_upload

    model, processor = load_classifier(str(tiny_classifier))
    index = PaintingIndex.build(paintings(20), ColorEmbedder())
    with gr.Blocks() as page:
        classify_tab(
            ArtAttributesPipeline(model=model, image_processor=processor),
            index,
            Facets.of(index),
            painting_upload("picture"),
        )
    (event,) = [event for event in page.fns.values() if event.fn and event.fn.__name__ == "evidence"]
    shown = event.fn(str(uploaded))
    nearest = [hit.record for hit in index.search(str(uploaded), k=3, fold=True)]
    assert shown.count("<li") == 3
    assert all(record["title"] in shown and f"Artist: {record['artist_name']}" in shown for record in nearest)


def test_what_is_no_painting_is_said_first():
    from spaces_app.tabs.classify import sentences

    answer = {"tasks": {"style": [{"label": "<b>", "score": 0.8}]}, "painting": 0.01}
    told = sentences(answer, {"style": 4})
    assert told.index("This does not look like a painting.") < told.index("Style: probably &lt;b&gt; (80 %)")
    assert "painting" not in sentences(answer | {"painting": 0.06}, {"style": 4})
