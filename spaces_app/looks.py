"""Colours, type and layout of the page, and what gradio's parts lack for those who do not see it or use no mouse."""

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
#page button.icon, #page .icon-button, #page .reset-button, #page .label-wrap {
  min-width: 24px; min-height: 24px; }
#head h1 { margin: 0; } #head p { margin: .2em 0 0; }
#picture .image-frame img, #heat img { object-fit: contain; }
#answers .confidence-set, #answers dl, #answers .label, #answers .text { font-size: .88rem; }
#answers h2 { font-size: 1.2rem; }
#page button[role="tab"].selected { color: var(--body-text-color); }
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
@media (min-width: 641px) { #query { position: sticky; top: 8px; align-self: flex-start; } }
@media (max-width: 640px) {
  .gradio-container main { padding: 8px !important; }
  #picture { height: 250px !important; }
  #head p { display: none; }
  .cards { grid-template-columns: repeat(auto-fill, minmax(140px, 1fr)); }
}
"""
# gradio's pictures and examples have no names, its upload field another than it shows, and its tabs take no arrow keys.
SCRIPT = """() => {
  const pictures = {
    "#picture img": "The painting in question",
    "#heat img": "The painting; places that made the answer more probable glow",
    "#why img": "Both paintings, with lines between places that correspond, and how much each place counts",
  };
  const name = () => {
    for (const [found, words] of Object.entries(pictures)) document.querySelector(found)?.setAttribute("alt", words);
    document.querySelectorAll(".gallery-item").forEach((example, place) => {
      const words = `Example ${place + 1}`;
      if (example.getAttribute("aria-label") !== words) example.setAttribute("aria-label", words);
    });
    document.querySelectorAll("button.upload-container").forEach((field) => field.removeAttribute("aria-label"));
    document.querySelectorAll("div.empty[aria-label]").forEach((empty) => empty.setAttribute("role", "img"));
  };
  new MutationObserver(name).observe(document.body, {
    attributes: true, attributeFilter: ["aria-label"], childList: true, subtree: true,
  });
  name();
  document.addEventListener("keydown", (event) => {
    const tab = event.target.closest?.('[role="tab"]');
    const step = {ArrowLeft: -1, ArrowRight: 1}[event.key];
    if (!tab || !step) return;
    const tabs = [...tab.parentElement.querySelectorAll('[role="tab"]')];
    const next = tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length];
    next.click();
    next.focus();
  });
}"""
