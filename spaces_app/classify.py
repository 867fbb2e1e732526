"""The Classify tab: style, genre and artist of a painting, and where the network looked."""

from typing import Any

import gradio as gr
import matplotlib
import numpy as np
from PIL import Image
from transformers import Pipeline

from artextract_hf.data import display_name
from artextract_hf.models import set_in_words
from spaces_app.upload import ONE_LINE, open_upload, painting_upload

STRENGTH = 0.75  # how much of the painting the strongest attention covers
DRAWN_SIDE = 1024  # pixels; the overlay of a larger picture is drawn smaller
COLORS = matplotlib.colormaps["inferno"]  # perceptually ordered


def draw_attention(picture: Image.Image, attention: np.ndarray) -> Image.Image:
    """The painting, at most DRAWN_SIDE large, paler where the network did not look, glowing where it did.

    Args:
        picture: RGB.
        attention: (h, w), over the whole picture.
    """
    picture = picture.copy()
    picture.thumbnail((DRAWN_SIDE, DRAWN_SIDE))
    low, high = float(attention.min()), float(attention.max())
    relative = (attention - low) / max(high - low, 1e-12)
    heat = Image.fromarray((255 * relative).astype(np.uint8)).resize(picture.size, Image.Resampling.BICUBIC)
    share = np.asarray(heat, dtype=np.float32)[:, :, None] / 255
    color = COLORS(share[:, :, 0])[:, :, :3] * 255
    return Image.fromarray((np.asarray(picture) * (1 - STRENGTH * share) + color * STRENGTH * share).astype(np.uint8))


def classify_tab(attributes: Pipeline, examples: list[str]) -> None:
    """Lay out the tab."""
    config = attributes.model.config
    in_sets = [task for task in config.tasks if task in config.set_thresholds]

    def classify(path: str | None) -> list[Any]:
        picture = open_upload(path)
        answer = attributes(picture, top_k=5, return_attention=True)
        labels = [
            {display_name(best["label"]): best["score"] for best in answer["tasks"][task]} for task in config.tasks
        ]
        sets = [set_in_words(answer["set"][task]) for task in in_sets]
        return [*labels, draw_attention(picture, answer["attention"]), *sets]

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
                label="Where the network looked",
                interactive=False,
                elem_id="attention",
                height=420,
                buttons=["fullscreen"],
            )
            gr.Markdown(
                "Bright places weighed most in the recurrent network's summary of the painting. "
                "It is a hint, not an explanation."
            )
    with gr.Row(elem_id="answers"):
        outputs = [
            gr.Label(label=display_name(task), num_top_classes=5, elem_id=f"label-{task}") for task in config.tasks
        ]
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
    button.click(classify, inputs=upload, outputs=[*outputs, overlay, *sets], api_name="classify", **ONE_LINE)
