"""The Similar paintings tab: the nearest works of a collection, with their credits."""

import html
from dataclasses import asdict
from typing import Any

import gradio as gr
from PIL import Image

from artextract_hf.errors import ArtExtractError
from artextract_hf.retrieval import Hit, PaintingIndex, draw_explanation, explain_similarity
from spaces_app.upload import ONE_LINE, open_upload, painting_upload

MAX_RESULTS = 24
MAX_FILTER = 500  # characters


def credits_of(hits: list[Hit]) -> str:
    """Credit line, licence, chances and link of every result, as a list in HTML; every field is escaped."""
    lines = []
    for hit in hits:
        record = hit.record
        parts = [html.escape(str(record.get("credit_line") or hit.id))]
        if record.get("license"):
            parts.append(html.escape(str(record["license"])))
        parts += [f"same {label}: {100 * share:.0f} %" for label, share in hit.same.items()]
        url = str(record.get("source_url") or "")
        if url.startswith(("http://", "https://")):
            parts.append(f'<a href="{html.escape(url, quote=True)}" target="_blank" rel="noopener">source</a>')
        lines.append(f"<li>{' · '.join(parts)}</li>")
    return f'<ol class="credits">{"".join(lines)}</ol>' if lines else "<p>No painting passes this filter.</p>"


def caption(hit: Hit) -> str:
    """Title, artist and year under a picture, with the cosine."""
    record = hit.record
    known = [str(record[field]) for field in ("title", "artist_name", "year") if record.get(field)]
    return f"{', '.join(known) or hit.id} ({hit.score:.2f})"


def verdict(hits: list[Hit]) -> str:
    """What to say above the results, in HTML: nothing, unless even the nearest painting is far."""
    if not hits or hits[0].good_match is not False:
        return ""
    return "<p><b>No good match:</b> paintings of this collection are usually nearer to each other than these are.</p>"


def similar_tab(index: PaintingIndex, examples: list[str]) -> None:
    """Lay out the tab."""

    def similar(path: str | None, k: float = 5, where: str = "") -> list[Any]:
        if len(where or "") > MAX_FILTER:  # the field's own bound is the browser's
            raise gr.Error(f"The filter is longer than {MAX_FILTER} characters.", print_exception=False)
        if not isinstance(k, int | float) or not 1 <= k <= MAX_RESULTS:  # a client may send anything, NaN too
            raise gr.Error(f"How many has to be a number from 1 to {MAX_RESULTS}.", print_exception=False)
        picture = open_upload(path)
        try:
            hits = index.search(picture, k=int(k), where=where or None, fold=True)
        except ArtExtractError as error:
            raise gr.Error(str(error), print_exception=False) from None
        pictures = [(index.thumbnail(hit.id), caption(hit)) for hit in hits]
        answers = [asdict(hit) for hit in hits]
        return [pictures, verdict(hits) + credits_of(hits), answers, path]

    def why(path: str | None, answers: list[dict[str, Any]], chosen: gr.SelectData) -> Image.Image:
        picture = open_upload(path)
        try:
            answer = str(answers[chosen.index]["id"])
        except (LookupError, TypeError):  # a browser sends back what it was answered, or anything else
            raise gr.Error("Choose a result of the search first.", print_exception=False) from None
        try:
            return draw_explanation(explain_similarity(index.embedder, picture, index.thumbnail(answer)))
        except ArtExtractError as error:
            raise gr.Error(str(error), print_exception=False) from None

    gr.Markdown(f"Find the paintings of this collection ({len(index):,} works) that are most similar to yours.")
    with gr.Row():
        with gr.Column(scale=1):
            upload = painting_upload("similar-upload")
            k = gr.Slider(1, MAX_RESULTS, value=5, step=1, label="How many")
            k.preprocess = lambda number: number  # gradio's own says of a bad number that the picture is no upload
            where = gr.Textbox(
                label="Only those for which",
                placeholder="year >= 1870 and artist_name == 'Claude Monet'",
                max_length=MAX_FILTER,
            )
            button = gr.Button("Find similar paintings", variant="primary", elem_id="similar-button")
            gr.Examples(
                examples, inputs=upload, label="Examples: procedural paintings of this project", cache_examples=False
            )
        with gr.Column(scale=2):
            gallery = gr.Gallery(
                label="Most similar first",
                columns=3,
                object_fit="contain",
                height="auto",
                elem_id="neighbours",
                buttons=[],
            )
            credit = gr.HTML(label="Credits", elem_id="credits")
            gr.Markdown("Choose a result to see why it is similar.")
            overlay = gr.Image(show_label=False, elem_id="why", buttons=[], interactive=False)
            hits = gr.JSON(visible=False)
            searched = gr.State()  # the picture that the results answer; the upload may be another by now
    button.click(
        similar, inputs=[upload, k, where], outputs=[gallery, credit, hits, searched], api_name="similar", **ONE_LINE
    )
    gallery.select(why, inputs=[searched, hits], outputs=overlay, api_visibility="private", **ONE_LINE)
