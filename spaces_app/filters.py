"""The fields by which a search is narrowed, made from the records of the collection."""

from typing import Any

import gradio as gr

from artextract_hf.data import display_name
from spaces_app.facets import FACETS, Facets
from spaces_app.view import (
    MAX_FILTER,
    MAX_RESULTS,
    RESULTS,
    View,
    checked_choice,
    checked_filter,
    checked_number,
    checked_year,
)


class FilterFields:
    """Fields for what records can be filtered by. A facet with one value needs none.

    Args:
        facets: of the collection.
    """

    def __init__(self, facets: Facets) -> None:
        self.facets = facets
        self.offered = [facet for facet in FACETS if len(facets.values.get(facet, ())) > 1]
        with gr.Row():
            self.choices = [self._choice(facet) for facet in self.offered]
        with gr.Row(visible=facets.years is not None):
            known = " to ".join(map(str, facets.years or ()))
            self.first = gr.Number(label="From year", precision=0, placeholder=known, elem_id="filter-from")
            self.last = gr.Number(label="To year", precision=0, placeholder=known, elem_id="filter-to")
        self.k = gr.Slider(1, MAX_RESULTS, value=RESULTS, step=1, label="How many", elem_id="filter-k")
        with gr.Accordion("Advanced: a filter in words", open=False):
            self.typed = gr.Textbox(
                label="Only those for which",
                placeholder="year >= 1870 and artist_name == 'Claude Monet'",
                max_length=MAX_FILTER,
                elem_id="filter-typed",
            )
        # gradio's own refusals are faults in the log, and of a bad number it says that the picture is no upload.
        for component in self.all:
            component.preprocess = lambda value: value

    @property
    def all(self) -> list[Any]:
        """Every field, in the order in which `view` takes their values."""
        return [self.k, self.typed, self.first, self.last, *self.choices]

    def view(self, k: Any, typed: Any, first: Any, last: Any, *choices: Any) -> View:
        """What the values of the fields ask for.

        Raises:
            gr.Error: a value is none of its field.
        """
        chosen = {f: checked_choice(f, v, self.facets) for f, v in zip(self.offered, choices, strict=True)}
        return View(
            tab="similar",
            k=checked_number(k),
            typed=checked_filter(typed),
            first=checked_year(first),
            last=checked_year(last),
            chosen={facet: value for facet, value in chosen.items() if value},
        )

    def values(self, view: View) -> list[Any]:
        """The values of the fields that show a view."""
        return [view.k, view.typed, view.first, view.last, *(view.chosen.get(facet) for facet in self.offered)]

    def _choice(self, facet: str) -> gr.Dropdown:
        values = self.facets.values[facet]
        shown = sorted(((display_name(value), value) for value in values), key=lambda pair: pair[0].casefold())
        return gr.Dropdown(
            [("any", ""), *shown], value="", label=display_name(facet), elem_id=f"filter-{facet}", min_width=150
        )
