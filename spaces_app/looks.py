"""Colours, type and layout of the page, and what gradio's parts lack for those who do not see it or use no mouse."""

from pathlib import Path

import gradio as gr

THEME = gr.themes.Base(
    primary_hue=gr.themes.colors.stone,
    neutral_hue=gr.themes.colors.stone,
    font=["Georgia", "serif"],
    font_mono=["ui-monospace", "monospace"],
).set(button_primary_background_fill="*neutral_800", button_primary_background_fill_hover="*neutral_700",
      button_primary_text_color="white", block_label_text_weight="600")  # fmt: skip
ASSETS = Path(__file__).parent / "assets"
CSS = "".join((ASSETS / name).read_text("utf-8") for name in ("page.css", "explore.css"))
SCRIPT = (ASSETS / "page.js").read_text("utf-8")  # a function, which gradio calls when the page is there
