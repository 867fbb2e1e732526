"""The About tab: what was measured, what the answers are worth, whose the pictures are, and how to cite the project.

card beside the weights that are served --> figures, training, limits
records of the collection               --> licences and credits, with counts
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import gradio as gr
from transformers import Pipeline

from artextract_hf import PaintingIndex, __version__
from artextract_hf.data import is_open
from artextract_hf.errors import ModelError
from artextract_hf.models import resolve
from spaces_app.cards import text
from spaces_app.facets import column

CREDITS = 20  # credit lines that are listed, the most frequent
MOST_CHARACTERS = 100_000  # of a card
NO_FIGURES = "This model has no figures: its card, beside its weights, is missing or has none."
NO_SEARCH_FIGURES = "This model has no figures of searches: its card is missing or has none."
LIMITS = """
- **Attribution is not authentication.** The network names the most similar of the artists it knows, also for a painting
  by somebody else.
- **Similarity is no probability.** It is the cosine of two pictures in the network's eyes.
- **A chance is the network's own estimate.** Of a picture unlike those that it learnt from it may be far too high.
- Pictures that you upload are deleted within an hour.
"""
# The same as CITATION.cff of the repository, which is not part of an installed page.
CITATION = f"""@software{{artextract_hf,
  title   = {{artextract-hf}},
  author  = {{{{The artextract-hf authors}}}},
  version = {{{__version__}}},
  license = {{MIT}},
}}"""
SOFTWARE = (
    "Made with PyTorch, torchvision, timm, transformers, datasets, FAISS, scikit-learn, cleanlab, OpenCV, Pillow and "
    "gradio."
)


def card_sections(directory: Path) -> dict[str, str]:
    """The sections of the card beside a model, by their titles, without pictures; `name` is the model's own.

    Args:
        directory: of the model; without a card there are no sections.
    """
    card = directory / "README.md"
    if not card.is_file():
        return {}
    written = re.sub(r"^!\[.*\n?", "", card.read_text("utf-8", "replace")[:MOST_CHARACTERS], flags=re.MULTILINE)
    head, *parts = re.split(r"^## +(.+?) *\n", written, flags=re.MULTILINE)
    name = re.search(r"^# +(.+?) *$", head, flags=re.MULTILINE)
    sections = dict(zip(parts[::2], (part.strip() for part in parts[1::2]), strict=True))
    return sections | ({"name": name[1]} if name else {})


def directory_of(embedder: str) -> Path | None:
    """Where a model lies that an embedder is called by; None where it has no files, as formulas have none."""
    try:
        return Path(resolve(embedder, local_files_only=True))
    except ModelError:
        return None


def measured(classifier: Path, embedder: Path | None) -> str:
    """What was measured of the models that are served, in Markdown; what was not is said."""
    sections = card_sections(classifier)
    parts = [f"### Answers: {sections.get('name', 'the classifier')}", sections.get("Figures", NO_FIGURES)]
    searching = {} if embedder is None or embedder == classifier else card_sections(embedder)
    name = sections.get("name") if embedder == classifier else searching.get("name")
    parts += [f"### Search: {name or 'the embedder'}", searching.get("Figures", NO_SEARCH_FIGURES)]
    return "\n\n".join(parts)


def counted(values: Iterable[str | None], *, most: int | None = None) -> dict[str, int]:
    """How many works have each value, the most frequent first; works without one under ""."""
    return dict(Counter(value or "" for value in values).most_common(most))


def rights_table(licences: Mapping[str, int]) -> str:
    """Works by licence, as a table in HTML; each licence is escaped."""
    rows = "".join(
        f"<tr><td>{text(licence or 'none stated')}</td><td>{'open' if is_open(licence) else 'not open'}</td>"
        f'<td class="number">{works:,}</td></tr>'
        for licence, works in licences.items()
    )
    return (
        '<table class="figures"><caption>Licences of the collection</caption><thead><tr><th scope="col">licence</th>'
        '<th scope="col">anybody may use and share it</th><th scope="col" class="number">works</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )


def credits_list(credits: Mapping[str, int]) -> str:
    """The most frequent credit lines with the works of each, as a list in HTML; each line is escaped."""
    stated = {line: works for line, works in credits.items() if line}
    lines = "".join(f"<li>{text(line)} ({works:,})</li>" for line, works in list(stated.items())[:CREDITS])
    if not lines:
        return "<p>The records state no credit lines.</p>"
    others = sum(list(stated.values())[CREDITS:])
    rest = f"<p>And {others:,} works with other lines, which stand under each of them.</p>" if others else ""
    return f"<details><summary>Credit lines ({len(stated):,} different)</summary><ul>{lines}</ul>{rest}</details>"


def about_tab(attributes: Pipeline, index: PaintingIndex) -> None:
    """Lay out the tab.

    Args:
        attributes: an `art-attributes` pipeline.
        index: the collection that is searched.
    """
    classifier = Path(attributes.model.name_or_path)
    sections = card_sections(classifier)
    gr.Markdown(f"## What was measured\n\n{measured(classifier, directory_of(index.embedder_name))}", elem_id="figures")
    for title in ("Training", "Intended use and limits"):
        if title in sections:
            with gr.Accordion(f"{title}, as the card of the model says", open=False):
                gr.Markdown(sections[title])
    gr.Markdown(f"## What to keep in mind\n{LIMITS}\n\n## Whose the pictures are", elem_id="limits")
    gr.HTML(
        f"<p>The collection holds small pictures of {len(index):,} works.</p>"
        f"{rights_table(counted(column(index, 'license') or [''] * len(index)))}"
        f"{credits_list(counted(column(index, 'credit_line')))}",
        elem_id="rights",
    )
    gr.Markdown(f"## How to cite\n\n```bibtex\n{CITATION}\n```\n\n{SOFTWARE}", elem_id="citation")
