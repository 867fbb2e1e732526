"""The Explore tab: a map of the whole collection, drawn by the browser (`assets/atlas.js`, `assets/explore.js`).

    open ----> the atlas, once                        near ----> small pictures and captions of works in view
    work ----> a card                                 cluster -> cards of its typical works
    table ---> the selected works as CSV              place ---> where the visitor's painting belongs

The browser names works by their rows in the atlas. What it sends is a stranger's word, and checked here.
"""

import base64
import csv
import io
import json
import math
import time
from collections.abc import Sequence
from typing import Any

import gradio as gr
import numpy as np
from gradio.processing_utils import save_bytes_to_cache
from gradio.utils import get_upload_folder
from PIL import Image

from artextract_hf.errors import ArtExtractError, QueryError
from artextract_hf.escapes import for_spreadsheet
from spaces_app.atlas import Atlas, AtlasInTheMaking
from spaces_app.cards import LISTENER, button, caption, card, cards, data_address, hits_of, own_page, text
from spaces_app.facets import Facets
from spaces_app.looks import ASSETS
from spaces_app.tabs.similar import SearchAnswers, Searches
from spaces_app.upload import KEEP_CURRENT, ONE_LINE, Answers, answer_of, errors_on_page, open_upload

MOST_NEAR = 60  # small pictures of an answer, as many as the browser shows at once
TILE = 96  # pixels, the longer side of a small picture
ACROSS = 8  # tiles
NEIGHBOURS = 8  # works by which a painting is placed
COLUMNS = ("id", "title", "artist", "year", "licence", "link")
NO_WORK = "Choose a work of the map."
# Not in the line of questions about pictures: who looks around must not keep others from their answers.
PRIVATE: dict[str, Any] = {
    "api_visibility": "private",
    "concurrency_id": "map",
    "concurrency_limit": 2,
    "show_progress": "hidden",
}
DOWNLOAD = """(file) => {
  const link = document.createElement("a");
  link.href = file.url;
  link.download = "works.csv";
  link.click();
}"""
# The card's button is LISTENER's; to close it, the browser alone empties it.
CARD = (
    LISTENER
    + """
element.addEventListener("click", (event) => { if (event.target.closest(".close")) props.value = ""; });
"""
)
CLOSE = '<button type="button" class="close" aria-label="Close">&times;</button>'
LEGEND = "<h3 hidden>Clusters</h3><ul></ul>"  # filled by the browser


class Explorer:
    """What visitors ask of a map. What they send is a stranger's word; each method raises gr.Error for it.

    Args:
        making: the atlas, or the way to it.
        facets: of the collection.
        searches: of the same collection.
    """

    def __init__(self, making: AtlasInTheMaking, facets: Facets, searches: Searches) -> None:
        self.making, self.index, self.facets, self.searches = making, making.index, facets, searches

    def open(self) -> str:
        """The atlas as JSON; or, as long as there is none, a request to ask again; or why there is none."""
        try:
            atlas = self.making.get()
        except ArtExtractError as error:
            return _message("none", f"There is no map: {error}")
        if atlas is None:
            return _message("wait", time.monotonic())
        points = base64.b64encode(atlas.packed).decode()
        return _message("atlas", {"count": len(atlas.ids), "points": points, "clusters": list(atlas.found.names)})

    def near(self, event: gr.EventData) -> str:
        """Captions of works, and one sheet of their small pictures with the box of each, as JSON."""
        rows = checked_rows(_sent(event, "rows"), len(self._atlas.ids))
        hits = hits_of(self.index, [self._atlas.ids[row] for row in rows])
        sheet, boxes = contact_sheet([self._picture(hit.id) for hit in hits])
        about = {"rows": rows, "captions": [caption(hit) for hit in hits], "boxes": boxes}
        return _message("near", about | {"sheet": sheet and data_address(sheet)})

    def work(self, event: gr.EventData) -> str:
        """The card of a work."""
        (row,) = checked_rows([_sent(event, "row")], len(self._atlas.ids))
        return self._cards([self._atlas.ids[row]]) + CLOSE

    def cluster(self, event: gr.EventData) -> str:
        """A heading, and cards of the works that are typical of a cluster."""
        (number,) = checked_rows([_sent(event, "cluster")], len(self._atlas.typical))
        name = self._atlas.found.names[number]
        return f"<h3>Typical of {text(name)}</h3>{self._cards(self._atlas.typical[number])}"

    def table(self, event: gr.EventData) -> str:
        """The path of a table of the selected works, as CSV."""
        ids = self._atlas.ids
        chosen = np.flatnonzero(checked_bits(_sent(event, "chosen"), len(ids))).tolist()
        file = io.StringIO(newline="")
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        fields = ("title", self.facets.fields.get("artist", ""), "year", "license")
        for hit in hits_of(self.index, [ids[row] for row in chosen]):
            cells = [hit.id, *(hit.record.get(field) for field in fields), own_page(hit)]
            writer.writerow(map(for_spreadsheet, cells))
        return save_bytes_to_cache(file.getvalue().encode("utf-8-sig", "replace"), "works.csv", get_upload_folder())

    def place(self, path: str | None) -> str:
        """Where the visitor's painting belongs, in HTML; nothing without a painting or a map."""
        if path is None:
            return ""
        picture = open_upload(path)
        if (atlas := self._made()) is None:
            return ""
        with errors_on_page():
            hits = self.index.search(picture, k=NEIGHBOURS, fold=True)
        x, y, number = atlas.place_of(hits)
        told = f"Your painting is the pin. The most similar work is <b>{text(caption(hits[0]))}</b>, "
        told += f"in cluster <b>{text(atlas.found.names[number])}</b>."
        return answer_of(path, f'<p data-x="{x:.5f}" data-y="{y:.5f}">{told}</p>')

    def search_from(self, event: gr.EventData) -> list[Any]:
        """The work whose button was pressed as the picture of the page, and the tab that searches for it."""
        return [*self.searches.take(event), gr.Tabs(selected="similar")]

    @property
    def _atlas(self) -> Atlas:
        atlas = self._made()
        if atlas is None:
            raise gr.Error(NO_WORK, print_exception=False)
        return atlas

    def _made(self) -> Atlas | None:
        try:
            return self.making.get()
        except ArtExtractError:  # `open` says why
            return None

    def _picture(self, id_: str) -> Image.Image | None:
        try:
            return self.index.thumbnail(id_)
        except QueryError:  # an index without pictures
            return None

    def _cards(self, ids: Sequence[str]) -> str:
        items = []
        with errors_on_page():
            for hit in hits_of(self.index, ids):
                buttons = button("click", hit.id, "Search from this", caption(hit))
                items.append(card(hit, self.index.thumbnail(hit.id), buttons=buttons))
        return cards(items)


def contact_sheet(pictures: Sequence[Image.Image | None]) -> tuple[Image.Image | None, list[list[int] | None]]:
    """Pictures on one sheet, and the box of each: left, top, width and height in pixels; None for what is missing."""
    if not any(pictures):
        return None, [None] * len(pictures)
    sheet = Image.new("RGB", (TILE * min(ACROSS, len(pictures)), TILE * math.ceil(len(pictures) / ACROSS)))
    boxes: list[list[int] | None] = []
    for place, picture in enumerate(pictures):
        if picture is None:
            boxes.append(None)
            continue
        small, (row, column) = picture.convert("RGB"), divmod(place, ACROSS)
        small.thumbnail((TILE, TILE))
        sheet.paste(small, (column * TILE, row * TILE))
        boxes.append([column * TILE, row * TILE, *small.size])
    return sheet, boxes


def checked_rows(rows: Any, count: int) -> list[int]:
    """Rows of an atlas.

    Raises:
        gr.Error: no list of whole numbers from 0 to below `count`, or longer than MOST_NEAR.
    """
    if not isinstance(rows, list) or not 0 < len(rows) <= MOST_NEAR:
        raise gr.Error(NO_WORK, print_exception=False)
    if not all(type(row) is int and 0 <= row < count for row in rows):
        raise gr.Error(NO_WORK, print_exception=False)
    return rows


def checked_bits(packed: Any, count: int) -> np.ndarray:
    """A selection of works, bool (count,), from a bit for each in base64, the first the lowest of its byte.

    Raises:
        gr.Error: it is none of so many works, or empty.
    """
    try:
        content = base64.b64decode(packed, validate=True)
    except (TypeError, ValueError):
        content = b""
    flags = np.unpackbits(np.frombuffer(content, np.uint8), bitorder="little").astype(bool)
    if len(content) != math.ceil(count / 8) or flags[count:].any() or not flags.any():
        raise gr.Error("Select some works of the map first.", print_exception=False)
    return flags[:count]


def _message(kind: str, content: Any) -> str:
    return json.dumps({kind: content}).replace("<", "\\u003c")  # gradio warns of HTML in what is none


def _sent(event: gr.EventData, name: str) -> Any:
    try:
        return getattr(event, name)
    except (AttributeError, TypeError):  # what no map sends
        raise gr.Error(NO_WORK, print_exception=False) from None


def explore_tab(
    tabs: gr.Tabs, making: AtlasInTheMaking, facets: Facets, picture: gr.Image, compared: SearchAnswers
) -> Answers:
    """Lay out the tab.

    Args:
        tabs: of the page.
        making: the map of the collection.
        facets: of the collection.
        picture: that is placed on the map.
        compared: the tab that searches from a work.
    """
    explorer = Explorer(making, facets, compared.searches)
    gr.Markdown(f"All {len(making.index):,} works of this collection. Those that are alike lie together.")
    place = gr.Button("Place my painting", visible="hidden", elem_id="explore-button")
    status = '<div role="status">${value}</div>'
    with gr.Column(elem_id="explore-parts"):
        pin = gr.HTML(html_template=status, elem_id="explore-pin")
        with gr.Column(elem_id="explore-sky"):
            atlas = gr.HTML(
                html_template=(ASSETS / "explore.html").read_text("utf-8"),
                js_on_load="".join((ASSETS / name).read_text("utf-8") for name in ("atlas.js", "explore.js")),
                apply_default_css=False,
                elem_id="explore-map",
            )
            work = gr.HTML(html_template=status, js_on_load=CARD, elem_id="explore-card")
        gr.HTML(LEGEND, js_on_load=None, apply_default_css=False, elem_id="explore-legend")
        works = gr.HTML(html_template=status, js_on_load=LISTENER, elem_id="explore-works")
    table = gr.File(visible=False)
    atlas.open(explorer.open, outputs=atlas, **PRIVATE)
    atlas.near(explorer.near, outputs=atlas, trigger_mode="multiple", **PRIVATE)
    atlas.work(explorer.work, outputs=work, trigger_mode="multiple", **PRIVATE)
    atlas.cluster(explorer.cluster, outputs=works, trigger_mode="multiple", **PRIVATE)
    atlas.table(explorer.table, outputs=table, **PRIVATE).success(
        None, inputs=table, js=DOWNLOAD, api_visibility="private"
    )
    placed = place.click(
        explorer.place,
        inputs=picture,
        outputs=pin,
        trigger_mode="multiple",
        show_progress="hidden",
        api_visibility="private",
        **ONE_LINE,
    )
    placed.success(None, inputs=[picture, pin], outputs=pin, js=KEEP_CURRENT, api_visibility="private")
    for shown in (work, works):
        shown.click(explorer.search_from, outputs=[picture, compared.source, tabs], **PRIVATE)
    return Answers([pin], [placed])
