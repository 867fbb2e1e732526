"""The Classify tab: style, genre and artist of a painting, and where in it each answer comes from."""

import html
from collections.abc import Mapping
from typing import Any

import gradio as gr
import matplotlib
import numpy as np
from PIL import Image
from transformers import Pipeline

from artextract_hf.data import TASKS, display_name
from artextract_hf.models import doubts_in_words, looks_like_a_painting, set_in_words, verdicts
from artextract_hf.retrieval import ClassExplanation, Hit, PaintingIndex, explain_classes
from spaces_app.cards import card, cards
from spaces_app.facets import Facets
from spaces_app.upload import KEEP_CURRENT, ONE_LINE, Answers, answer_of, errors_on_page, open_upload

STRENGTH = 75  # per cent: how much of the painting the strongest heat covers
DRAWN_SIDE = 1024  # pixels; the overlay of a larger picture is drawn smaller
EVIDENCE = 3  # works beside an answer
COLORS = matplotlib.colormaps["inferno"]  # perceptually ordered


def draw_heat(picture: Image.Image, heat: np.ndarray, strength: float = STRENGTH) -> Image.Image:
    """The painting, at most DRAWN_SIDE large, glowing where the heat is.

    Args:
        picture: RGB.
        heat: (h, w), over the whole picture; below 0 it counts as 0.
        strength: per cent of the painting that the strongest heat covers.
    """
    picture = picture.copy()
    picture.thumbnail((DRAWN_SIDE, DRAWN_SIDE))
    relative = heat.clip(0) / max(float(heat.max()), 1e-12)
    small = Image.fromarray((255 * relative).astype(np.uint8))
    share = np.asarray(small.resize(picture.size, Image.Resampling.BICUBIC), dtype=np.float32)[:, :, None] / 255
    color, share = COLORS(share[:, :, 0])[:, :, :3] * 255, share * strength / 100
    return Image.fromarray((np.asarray(picture) * (1 - share) + color * share).astype(np.uint8))


def sentences(answer: Mapping[str, Any], known: Mapping[str, int]) -> str:
    """What an answer comes to, in HTML.

    Args:
        answer: of `ArtAttributesPipeline`.
        known: how many classes each task has.
    """
    items = "".join(f"<li>{html.escape(words)}</li>" for words in verdicts(answer, known).values())
    doubt = (
        "" if looks_like_a_painting(answer) else f'<p class="doubt">{doubts_in_words(answer)}</p><p>If it is one:</p>'
    )
    return f'{doubt}<ul class="verdicts">{items}</ul>'


def labels_of(hit: Hit, facets: Facets) -> list[str]:
    """What is known of a work in the tasks, a line each."""
    known = [(task, hit.record.get(facets.fields.get(task, ""))) for task in TASKS]
    return [f"{display_name(task)}: {display_name(str(label))}" for task, label in known if label]


def classify_tab(attributes: Pipeline, index: PaintingIndex, facets: Facets, picture: gr.Image) -> Answers:
    """Lay out the tab.

    Args:
        attributes: an `art-attributes` pipeline.
        index: whose labelled works are shown beside an answer.
        facets: of its records.
        picture: what is classified.
    """
    config = attributes.model.config
    known = {task: len(names) for task, names in config.tasks.items()}
    tasks = list(known)
    in_sets = [task for task in tasks if task in config.set_thresholds]

    def answers(path: str | None) -> list[Any]:
        painting = open_upload(path)
        answer = attributes(painting, top_k=5)
        labels = [{display_name(best["label"]): best["score"] for best in answer["tasks"][task]} for task in tasks]
        sets = [set_in_words(answer["set"][task]) for task in in_sets]
        explained = explain_classes(attributes.model, attributes.image_processor, painting)
        told = answer_of(path, sentences(answer, known))
        return [*labels, show(explained, tasks[0]), *sets, explained, told]

    def show(explained: ClassExplanation | None, task: str, strength: float = STRENGTH) -> Image.Image | None:
        if task not in tasks or not isinstance(strength, int | float) or not 0 <= strength <= 100:
            raise gr.Error("Choose an answer, and a strength from 0 to 100 %.", print_exception=False)
        return None if explained is None else draw_heat(explained.picture, explained.classes[task].heat, strength)

    def evidence(path: str | None) -> str:
        with errors_on_page():
            hits = index.search(open_upload(path), k=EVIDENCE, where=facets.labelled, fold=True)
            works = [card(hit, index.thumbnail(hit.id), labels_of(hit, facets)) for hit in hits]
        return answer_of(path, f"<h3>Most similar works whose labels are known</h3>{cards(works)}") if works else ""

    with gr.Column(elem_id="classify"):
        button = gr.Button("Classify", variant="primary", elem_id="classify-button")
        told = gr.HTML(html_template='<div role="status">${value}</div>', elem_id="verdicts", min_height=40)
    with gr.Column(elem_id="classify-more"):
        with gr.Row():
            overlay = gr.Image(
                label="Where the answer comes from",
                interactive=False,
                elem_id="heat",
                height=340,
                buttons=["fullscreen"],
            )
            with gr.Column():
                chosen = gr.Radio(
                    [(display_name(task), task) for task in tasks],
                    value=tasks[0],
                    label="Which answer",
                    elem_id="chosen",
                )
                strength = gr.Slider(0, 100, value=STRENGTH, step=5, label="Strength (%)", elem_id="strength")
                gr.Markdown(
                    "Bright places made the answer more probable. They show what the network used, not whether it is "
                    "right."
                )
        with gr.Row(elem_id="answers"):
            outputs = [gr.Label(label=display_name(task), num_top_classes=5, elem_id=f"label-{task}") for task in tasks]
        with gr.Row(visible=bool(in_sets)):
            sets = [
                gr.Textbox(
                    label=f"{display_name(task)}: not ruled out",
                    info=f"Holds the right class for {config.set_level:.0%} of the paintings of each class.",
                    interactive=False,
                    elem_id=f"set-{task}",
                )
                for task in in_sets
            ]
        near = gr.HTML(elem_id="evidence")
    for field in (chosen, strength):  # gradio's own refusal is a fault in the log; `show` has its own
        field.preprocess = lambda value: value
    explained = gr.State()
    private: dict[str, Any] = {"api_visibility": "private", **ONE_LINE}
    answered = button.click(
        answers,
        inputs=picture,
        outputs=[*outputs, overlay, *sets, explained, told],
        trigger_mode="multiple",
        **private,
    )
    events = [answered]
    if facets.labelled:
        events.append(answered.success(evidence, inputs=picture, outputs=near, **private))
    for event, answer in zip(list(events), (told, near), strict=False):
        event.success(None, inputs=[picture, answer], outputs=answer, js=KEEP_CURRENT, api_visibility="private")
    for trigger in (answered.success, chosen.change, strength.release):
        events.append(trigger(show, inputs=[explained, chosen, strength], outputs=overlay, **private))
    return Answers([overlay, told, near], events)  # the rest is seen only with the sentences
