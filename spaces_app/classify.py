"""The Classify tab: style, genre and artist of a painting, and where in it each answer comes from."""

from typing import Any

import gradio as gr
import matplotlib
import numpy as np
from PIL import Image
from transformers import Pipeline

from artextract_hf.data import display_name
from artextract_hf.models import doubts_in_words, set_in_words
from artextract_hf.retrieval import ClassExplanation, explain_classes
from spaces_app.upload import ONE_LINE, open_upload, painting_upload

STRENGTH = 0.75  # how much of the painting the strongest heat covers
DRAWN_SIDE = 1024  # pixels; the overlay of a larger picture is drawn smaller
COLORS = matplotlib.colormaps["inferno"]  # perceptually ordered


def draw_heat(picture: Image.Image, heat: np.ndarray) -> Image.Image:
    """The painting, at most DRAWN_SIDE large, glowing where the heat is.

    Args:
        picture: RGB.
        heat: (h, w), over the whole picture; below 0 it counts as 0.
    """
    picture = picture.copy()
    picture.thumbnail((DRAWN_SIDE, DRAWN_SIDE))
    relative = heat.clip(0) / max(float(heat.max()), 1e-12)
    small = Image.fromarray((255 * relative).astype(np.uint8))
    share = np.asarray(small.resize(picture.size, Image.Resampling.BICUBIC), dtype=np.float32)[:, :, None] / 255
    color = COLORS(share[:, :, 0])[:, :, :3] * 255
    return Image.fromarray((np.asarray(picture) * (1 - STRENGTH * share) + color * STRENGTH * share).astype(np.uint8))


def classify_tab(attributes: Pipeline, examples: list[str]) -> None:
    """Lay out the tab."""
    config = attributes.model.config
    tasks = list(config.tasks)
    in_sets = [task for task in tasks if task in config.set_thresholds]

    def classify(path: str | None) -> list[Any]:
        picture = open_upload(path)
        answer = attributes(picture, top_k=5)
        labels = [{display_name(best["label"]): best["score"] for best in answer["tasks"][task]} for task in tasks]
        sets = [set_in_words(answer["set"][task]) for task in in_sets]
        explained = explain_classes(attributes.model, attributes.image_processor, picture)
        return [*labels, show(explained, tasks[0]), doubts_in_words(answer), *sets, explained]

    def show(explained: ClassExplanation | None, task: str) -> Image.Image | None:
        return None if explained is None else draw_heat(explained.picture, explained.classes[task].heat)

    gr.Markdown("Upload a painting, or choose an example, and see what the network makes of it.")
    with gr.Row():
        with gr.Column():
            upload = painting_upload("classify-upload")
            button = gr.Button("Classify", variant="primary", elem_id="classify-button")
            gr.Examples(
                examples, inputs=upload, label="Examples: procedural paintings of this project", cache_examples=False
            )
        with gr.Column():
            overlay = gr.Image(
                label="Where the answer comes from",
                interactive=False,
                elem_id="heat",
                height=420,
                buttons=["fullscreen"],
            )
            chosen = gr.Radio(
                [(display_name(task), task) for task in tasks], value=tasks[0], label="Which answer", elem_id="chosen"
            )
            gr.Markdown(
                "Bright places made the answer more probable. They show what the network used, not whether it is right."
            )
    doubts = gr.Markdown(elem_id="doubts")
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
    explained = gr.State()
    answered = button.click(
        classify, inputs=upload, outputs=[*outputs, overlay, doubts, *sets, explained], api_name="classify", **ONE_LINE
    )
    for event in (answered.then, chosen.change):
        event(show, inputs=[explained, chosen], outputs=overlay, api_name=False)
