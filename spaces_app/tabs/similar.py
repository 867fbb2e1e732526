"""The Similar paintings tab: the nearest works of a collection, with their credits, and the way on from each."""

import contextlib
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr
import numpy as np
from gradio.processing_utils import save_pil_to_cache
from gradio.utils import get_upload_folder
from PIL import Image

from artextract_hf.retrieval import Hit, PaintingIndex, draw_explanation, explain_similarity, same_works
from spaces_app.cards import LISTENER, button, caption, card, cards, text
from spaces_app.facets import Facets
from spaces_app.filters import FilterFields
from spaces_app.upload import KEEP_CURRENT, ONE_LINE, PRESS, Answers, answer_of, errors_on_page, open_upload
from spaces_app.view import READ_ADDRESS, WRITE_ADDRESS, View

NO_RESULT = "Choose a result of the search first."
TELLING = 0.1  # how much a chance has to vary over the scores for it to tell one work from another
PRIVATE: dict[str, Any] = {"api_visibility": "private", **ONE_LINE}
SEARCH = '() => document.querySelector("#similar-button").click()'
SHOW = '() => document.querySelector("#why").scrollIntoView({block: "nearest"})'


def verdict(hits: list[Hit]) -> str:
    """What to say above the results, in HTML: nothing, unless even the nearest painting is far."""
    if not hits or hits[0].good_match is not False:
        return ""
    return "<p><b>No good match:</b> paintings of this collection are usually nearer to each other than these are.</p>"


def telling_labels(index: PaintingIndex) -> set[str]:
    """The labels whose chance differs from score to score; where its curve is flat, it says nothing of a work."""
    curves = index.calibration.curves
    return {label for label, curve in curves.items() if np.ptp(curve.probabilities) >= TELLING}


def same_for_all(hits: list[Hit]) -> set[str]:
    """The labels whose chance is the same for all of several hits, which lie where its curve is flat."""
    shown = [{label: round(100 * chance) for label, chance in hit.same.items()} for hit in hits]
    return {label for label in (shown[0] if len(shown) > 1 else {}) if len({found[label] for found in shown}) == 1}


@dataclass(frozen=True)
class SearchAnswers(Answers):
    """What the tab shows of the picture, and how others make a work of the collection that picture.

    Attributes:
        searches: of the collection.
        source: the work that was last taken as picture.
    """

    searches: "Searches"
    source: gr.State


class Searches:
    """What visitors ask of a collection. What they send is a stranger's word; each method raises gr.Error for it.

    Args:
        index: that is searched.
        fields: of the page, by which a search is narrowed.
    """

    def __init__(self, index: PaintingIndex, fields: FilterFields) -> None:
        self.index, self.fields, self.telling = index, fields, telling_labels(index)

    def search(self, path: str | None, source: dict[str, str] | None, *values: Any) -> list[Any]:
        """Cards, what was found for which picture, the address of the view, and no explanation yet.

        Args:
            path: of the picture.
            source: the work of the collection that was last taken as picture, and where that lies.
            values: of the fields.
        """
        view = self.fields.view(*values)
        if source and source["path"] == path:
            view = replace(view, work=source["work"])
        where = view.where(self.fields.facets)
        picture = open_upload(path)
        if view.work:
            with errors_on_page():
                hits = self.index.similar_to(view.work, k=view.k, where=where or None, fold=True)
            told = verdict(hits)
        else:
            hits, told = self._relatives(picture, view.k, where)
        found = {"path": path, "works": [hit.id for hit in hits]}
        return [answer_of(path, told + self._cards(hits)), found, view.address, None]

    def why(self, found: dict[str, Any] | None, event: gr.EventData) -> Image.Image:
        """The correspondences between what was searched and one of its answers, as a picture."""
        work = chosen_work(event)
        if not found or work not in found["works"]:
            raise gr.Error(NO_RESULT, print_exception=False)
        picture = open_upload(found["path"])
        with errors_on_page():
            return draw_explanation(explain_similarity(self.index.embedder, picture, self.index.thumbnail(work)))

    def take(self, event: gr.EventData) -> list[Any]:
        """The work whose button was pressed, as the picture of the page."""
        return self.picture_of(chosen_work(event))

    def open(self, address: Any) -> list[Any]:
        """The tab, the values of the fields, the picture and its source that an address asks for."""
        if not isinstance(address, str):
            raise gr.Error("An address is a text.", print_exception=False)
        view = View.read(address, self.fields.facets)
        taken = [gr.skip(), gr.skip()]  # a picture that was chosen in the meantime stays
        if view.work:
            with contextlib.suppress(gr.Error):  # of another collection
                taken = self.picture_of(view.work)
        return [gr.Tabs(selected=view.tab), *self.fields.values(view), *taken]

    def picture_of(self, work: str) -> list[Any]:
        """The file of a work's picture, and what remembers whose it is."""
        with errors_on_page():
            path = save_pil_to_cache(self.index.thumbnail(work), get_upload_folder(), "work")
        return [path, {"path": path, "work": work}]

    def _relatives(self, picture: Image.Image, k: int, where: str) -> tuple[list[Hit], str]:
        """The k nearest works but the picture itself, and what to say above them."""
        hits = self._search(picture, k + 1, where)
        if hits and same_works([picture, self.index.thumbnail(hits[0].id)])[0, 1]:
            return hits[1:], f"<p>The collection holds this picture: {text(caption(hits[0]))}.</p>"
        return hits[:k], verdict(hits)

    def _search(self, picture: Image.Image, k: int, where: str) -> list[Hit]:
        with errors_on_page():
            return self.index.search(picture, k=k, where=where or None, fold=True)

    def _cards(self, hits: list[Hit]) -> str:
        if not hits:
            return "<p>No painting passes this filter.</p>"
        items, told = [], self.telling - same_for_all(hits)
        for hit in hits:
            lines = [f"similarity {hit.score:.2f}"]
            lines += [f"same {label}: {100 * p:.0f} %" for label, p in hit.same.items() if label in told]
            buttons = button("select", hit.id, "Why similar?", caption(hit))
            buttons += button("click", hit.id, "Search from this", caption(hit))
            items.append(card(hit, self.index.thumbnail(hit.id), lines, buttons))
        return cards(items)


def chosen_work(event: gr.EventData) -> str:
    """The work whose button was pressed."""
    try:
        return str(event.work)
    except (AttributeError, TypeError):  # what no button sends
        raise gr.Error(NO_RESULT, print_exception=False) from None


def similar_tab(
    page: gr.Blocks, tabs: gr.Tabs, index: PaintingIndex, facets: Facets, picture: gr.Image
) -> SearchAnswers:
    """Lay out the tab.

    Args:
        page: whose address says what is asked from the start.
        tabs: of the page.
        index: that is searched.
        facets: of its records, by which a search is narrowed.
        picture: what is searched.
    """
    gr.Markdown(f"The works of this collection ({len(index):,}) that are most similar to your painting.")
    with gr.Accordion("Filters", open=False, elem_id="filters"):
        fields = FilterFields(facets)
    find = gr.Button("Find similar paintings", variant="primary", elem_id="similar-button")
    found_cards = gr.HTML(
        html_template='<div role="status">${value}</div>', js_on_load=LISTENER, elem_id="neighbours", min_height=40
    )
    overlay = gr.Image(label="Why it is similar", elem_id="why", buttons=["fullscreen"], interactive=False)
    source, found, address, opened = gr.State(), gr.State(), gr.Textbox(visible=False), gr.Textbox(visible=False)
    opened.preprocess = lambda value: value  # gradio's own makes a text of anything
    searches = Searches(index, fields)
    searched = find.click(
        searches.search,
        inputs=[picture, source, *fields.all],
        outputs=[found_cards, found, address, overlay],
        trigger_mode="multiple",
        **PRIVATE,
    )
    searched.success(None, inputs=address, js=WRITE_ADDRESS, api_visibility="private")
    searched.success(
        None, inputs=[picture, found_cards], outputs=found_cards, js=KEEP_CURRENT, api_visibility="private"
    )
    explained = found_cards.select(searches.why, inputs=found, outputs=overlay, **PRIVATE)
    explained.success(None, js=SHOW, api_visibility="private")
    found_cards.click(searches.take, outputs=[picture, source], **PRIVATE)
    for entered in (fields.typed.submit, fields.first.submit, fields.last.submit):
        entered(None, js=SEARCH, api_visibility="private")
    for changed in (fields.k.release, *(choice.input for choice in fields.choices)):
        changed(None, inputs=picture, js=PRESS, api_visibility="private")
    page.load(
        searches.open,
        inputs=opened,
        outputs=[tabs, *fields.all, picture, source],
        js=READ_ADDRESS,
        **PRIVATE,
    )
    return SearchAnswers([found_cards, overlay], [searched, explained], searches, source)
