"""The functions of the tab of similar paintings, without a server."""

import shutil
from dataclasses import replace
from pathlib import Path

import gradio as gr
import numpy as np
import pytest

from artextract_hf import AutoEmbedder, PaintingIndex
from artextract_hf.data import synthetic_paintings
from artextract_hf.retrieval import Hit
from artextract_hf.retrieval.calibration import Calibration, Curve
from spaces_app.facets import Facets
from spaces_app.tabs.similar import Searches, same_for_all, similar_tab, telling_labels
from spaces_app.upload import painting_upload
from tests.retrieval.conftest import ColorEmbedder

pytestmark = pytest.mark.filterwarnings("default")  # gradio's own


class Tab:
    """A page with this tab alone."""

    def __init__(self, embedder) -> None:
        self.index = PaintingIndex.build(synthetic_paintings(5, seed=1), embedder)
        with gr.Blocks() as self.page, gr.Tabs() as tabs:
            similar_tab(self.page, tabs, self.index, Facets.of(self.index), painting_upload("picture"))
        self.events = {event.fn.__name__: event for event in self.page.fns.values() if event.fn is not None}
        self.searches: Searches = self.events["search"].fn.__self__

    def search(self, path, source=None, first=None) -> list:
        offered = len(self.searches.fields.offered)
        return self.searches.search(str(path), source, 3, "", first, None, *[None] * offered)


@pytest.fixture(scope="module")
def tab() -> Tab:
    return Tab(ColorEmbedder())


@pytest.fixture
def uploaded(tmp_path, monkeypatch) -> Path:
    """A picture that is none of the collection."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    synthetic_paintings(1, seed=7)["image"][0].save(tmp_path / "painting.png")
    return tmp_path / "painting.png"


def pressed(work: object) -> gr.EventData:
    return gr.EventData(None, {"work": work})


def test_what_is_explained_is_what_was_searched(tab, uploaded):
    _, found, address, explanation = tab.search(uploaded)
    assert found == {"path": str(uploaded), "works": [hit.id for hit in tab.index.search(str(uploaded), k=3)]}
    assert address == "tab=similar&k=3" and explanation is None
    search, why = tab.events["search"], tab.events["why"]
    assert not set(why.inputs) & set(search.inputs)  # not the upload, which may have changed since
    with pytest.raises(gr.Error, match="Choose a result"):
        why.fn(found, pressed(tab.index.search(str(uploaded), k=5)[4].id))


def test_a_search_goes_on_from_a_work_without_the_work(tab, uploaded):
    work = tab.index.ids[2]
    path, source = tab.events["take"].fn(pressed(work))
    page, found, address, _ = tab.search(path, source)
    assert found["works"] == [hit.id for hit in tab.index.similar_to(work, k=3)]
    assert address.startswith("tab=similar&work=") and "holds this picture" not in page
    _, found, address, _ = tab.search(uploaded, source)  # another picture since
    assert found["path"] == str(uploaded) and "work=" not in address


def test_a_picture_of_the_collection_is_named_and_is_not_its_own_first_answer(tab, uploaded):
    shutil.copy(tab.searches.picture_of(tab.index.ids[1])[0], uploaded)
    page, found, *_ = tab.search(uploaded)
    assert "The collection holds this picture: " in page
    assert len(found["works"]) == 3 and tab.index.ids[1] not in found["works"]


def test_an_address_opens_its_view(tab, uploaded):
    genre = tab.index.column("genre")[0]
    tabs, k, typed, first, last, *choices, path, source = tab.searches.open(f"?tab=similar&k=4&genre={genre}")
    assert (tabs.selected, k, typed, first, last, path, source) == ("similar", 4, "", None, None, gr.skip(), gr.skip())
    assert dict(zip(tab.searches.fields.offered, choices, strict=True))["genre"] == genre
    *_, path, source = tab.searches.open(f"?work={tab.index.ids[3]}")
    assert Path(path).is_file() and source == {"path": path, "work": tab.index.ids[3]}
    assert tab.searches.open("?work=gone")[-2:] == [gr.skip(), gr.skip()]


def test_what_nobody_offered_is_refused(tab, uploaded):
    offered = len(tab.searches.fields.offered)
    for event in (pressed("gone"), pressed(None), pressed([1]), gr.EventData(None, None), gr.EventData(None, 7)):
        for fn in (tab.events["take"].fn, lambda event: tab.events["why"].fn({"path": "x", "works": []}, event)):
            with pytest.raises(gr.Error):
                fn(event)
    for values in (
        [3, "", None, None, "nobody"],
        [3, "", "x", None, None],
        [0, "", None, None, None],
        [3, 7] + [None] * 3,
    ):
        with pytest.raises(gr.Error):
            tab.searches.search(str(uploaded), None, *values, *[None] * (offered - 1))


def test_what_cannot_be_explained_is_said(uploaded):
    tab = Tab(AutoEmbedder.from_pretrained("palette"))
    _, found, *_ = tab.search(uploaded)
    with pytest.raises(gr.Error, match="no maps"):
        tab.events["why"].fn(found, pressed(found["works"][0]))


def test_chances_are_told_where_they_tell_something(tab):
    curves = {"artist": [0.2, 0.9], "style": [0.31, 0.33]}
    curves = {label: Curve(np.array([0.0, 1.0]), np.array(chances)) for label, chances in curves.items()}
    index = type("Index", (), {"calibration": Calibration(curves)})()
    assert telling_labels(index) == {"artist"}
    hits = [Hit("a", 1, 1, {}, {"artist": 0.231, "style": 0.3}), Hit("b", 1, 2, {}, {"artist": 0.229, "style": 0.4})]
    assert same_for_all(hits) == {"artist"} and same_for_all(hits[:1]) == set()
    searches = tab.searches
    shown = [replace(hit, id=id_) for hit, id_ in zip(hits, tab.index.ids, strict=False)]
    telling, searches.telling = searches.telling, {"artist", "style"}
    page, searches.telling = searches._cards(shown), telling
    assert "same style: 40 %" in page and "same artist" not in page
