"""The tab that says what was measured, whose the pictures are, and how to cite."""

import json
import re
from pathlib import Path

import pytest
import yaml

from artextract_hf import __version__
from artextract_hf.models import PRETRAINED
from tests.conftest import ROOT
from tests.spaces_app.conftest import HOSTILE, WAIT_MS

pytestmark = pytest.mark.filterwarnings("default")  # gradio's, starlette's and playwright's own
CLASSIFIER, EMBEDDER = PRETRAINED / "crnn-wikiart", PRETRAINED / "byol-paintings"


def cells(markdown: str) -> dict[str, list[str]]:
    """The rows of tables by their first cell."""
    rows = re.findall(r"^\| (.+) \|$", markdown, flags=re.MULTILINE)
    return {first: others for first, *others in (row.split(" | ") for row in rows)}


def test_figures_are_those_of_the_models_that_are_served():
    from spaces_app.tabs.about import measured

    told = measured(CLASSIFIER, EMBEDDER)
    answers, searches = told.split("### Search: artextract/byol-paintings")
    report = json.loads((CLASSIFIER / "metrics.json").read_text("utf-8"))["tasks"]
    for task, scores in report.items():
        figures = [scores[key] for key in ("accuracy", "top5", "balanced_accuracy", "macro_f1")]
        assert cells(answers)[task][1:5] == [f"{100 * figure:.1f}" for figure in figures]
    assert "These are the figures of a classifier trained in much the same way" in answers
    report = json.loads((EMBEDDER / "metrics.json").read_text("utf-8"))["labels"]
    for label, scores in report.items():
        assert cells(searches)[label][:3] == [f"{100 * scores[key]:.1f}" for key in ("p@1", "p@10", "map")]
    assert "![" not in told


def test_a_model_without_figures_is_said_to_have_none(tmp_path):
    from spaces_app.tabs.about import NO_FIGURES, NO_SEARCH_FIGURES, directory_of, measured

    (tmp_path / "README.md").write_text("# mine\n\n## Training\n\nLong.\n")
    assert measured(tmp_path, None).split("\n\n")[:2] == ["### Answers: mine", NO_FIGURES]
    assert NO_FIGURES in measured(tmp_path / "nothing", None)
    same = measured(CLASSIFIER, CLASSIFIER)  # whose figures are of answers, not of searches
    assert same.endswith(f"### Search: artextract/crnn-wikiart\n\n{NO_SEARCH_FIGURES}")
    assert directory_of("palette") is None and directory_of("default") == CLASSIFIER


def test_works_by_licence_and_their_credits_are_counted_and_escaped():
    from spaces_app.tabs.about import CREDITS, counted, credits_list, rights_table

    page = rights_table(counted(["CC0", HOSTILE, "CC0", None]))
    assert re.findall(r'<td>(.*?)</td><td>(.*?)</td><td class="number">(\d+)</td>', page)[::2] == [
        ("CC0", "open", "2"),
        ("none stated", "not open", "1"),
    ]
    assert "<script" not in page and "<img" not in page
    lines = ["Museum", None, "Museum", *(f"{HOSTILE} {n}" for n in range(CREDITS + 1))]
    page = credits_list(counted(lines))
    assert "<li>Museum (2)</li>" in page and page.count("<li>") == CREDITS and "And 2 works" in page
    assert f"({CREDITS + 2} different)" in page and "<script" not in page


def test_the_citation_is_that_of_the_repository():
    from spaces_app.tabs.about import CITATION

    stated = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    cited = dict(re.findall(r"(\w+) += \{+(.+?)\}+,", CITATION))
    assert cited == {
        "title": stated["title"],
        "author": " and ".join(author["name"] for author in stated["authors"]),
        "version": __version__,
        "license": stated["license"],
    }


def test_a_visitor_reads_it(browser, served, tmp_path: Path):
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto(f"{served}/?tab=about")
    page.get_by_role("heading", name="What was measured").wait_for(timeout=WAIT_MS)
    shown = page.locator("body").inner_text()
    assert "This model has no figures: " in shown and "not authentication" in shown  # a random network has no card
    assert page.locator("#rights").get_by_role("cell", name="CC0-1.0").count()
    assert f"version = {{{__version__}}}" in shown
    assert not page.locator("#picture").is_visible()  # the tab is not about one picture
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.close()
