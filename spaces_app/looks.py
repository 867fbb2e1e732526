"""Colours, type and layout of the page."""

import gradio as gr

THEME = gr.themes.Base(
    primary_hue=gr.themes.colors.stone,
    neutral_hue=gr.themes.colors.stone,
    font=["Georgia", "serif"],
    font_mono=["ui-monospace", "monospace"],
).set(button_primary_background_fill="*neutral_800", button_primary_background_fill_hover="*neutral_700",
      button_primary_text_color="white", block_label_text_weight="600")  # fmt: skip
CSS = """
.gradio-container { max-width: 1200px !important; margin: auto; }
footer { opacity: .7; }
#head h1 { margin: 0; } #head p { margin: .2em 0 0; }
#picture .image-frame img, #heat img { object-fit: contain; }
.verdicts { list-style: none; margin: 0; padding: 0; font-size: 1.2em; line-height: 1.5; }
.doubt { font-size: 1.2em; font-weight: 600; margin: 0 0 .2em; }
.cards { list-style: none; margin: .6em 0; padding: 0; display: grid; gap: 14px;
  grid-template-columns: repeat(auto-fill, minmax(170px, 1fr)); }
.card { border: 1px solid var(--border-color-primary); border-radius: 6px; padding: 8px; display: flex;
  flex-direction: column; gap: 4px; font-size: .88em; line-height: 1.35; margin: 0; overflow-wrap: anywhere; }
.card img { width: 100%; height: 150px; object-fit: contain; background: var(--background-fill-secondary); }
.card strong { font-size: 1.08em; }
.card a { display: inline-block; min-height: 24px; text-decoration: underline; color: inherit; }
.card button { min-height: 32px; width: 100%; font: inherit; border-radius: 4px;
  border: 1px solid var(--border-color-primary); cursor: pointer;
  background: var(--background-fill-secondary); color: var(--body-text-color); }
.card button:first-of-type { margin-top: auto; }
.card button:hover { border-color: currentColor; }
/* What belongs to an answer stands there only with it. */
#page:not(:has(.verdicts)) #classify-more, #page:has(.verdicts) #classify-button,
#page:not(:has(#neighbours .cards)) #why { display: none; }
@media (max-width: 640px) {
  .gradio-container main { padding: 8px !important; }
  #picture { height: 250px !important; }
  #head p { display: none; }
  .cards { grid-template-columns: repeat(auto-fill, minmax(140px, 1fr)); }
}
"""
