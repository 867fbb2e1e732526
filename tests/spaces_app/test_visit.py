"""What a visitor sees and does, in a real browser: on a phone, by keyboard, from one work to the next, by a link."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from artextract_hf.data import synthetic_paintings
from tests.conftest import ROOT
from tests.spaces_app.conftest import WAIT_MS, choose

pytestmark = pytest.mark.filterwarnings("default")  # gradio's, starlette's and playwright's own
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1440, "height": 900}
AXE = ROOT / "node_modules/axe-core/axe.min.js"  # npm install --no-save axe-core
TARGET = 24  # pixels, of what is pressed; WCAG 2.2, 2.5.8


@pytest.fixture(scope="module")
def painting(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("upload") / "L'été & co 100%.png"
    synthetic_paintings(1, seed=7)["image"][0].save(path)
    return path


@pytest.fixture
def visit(browser, served) -> Iterator:
    """Open the page: `visit("?tab=similar", PHONE)`."""
    pages = []

    def visit(address: str = "", viewport: dict = DESK):
        pages.append(browser.new_page(viewport=viewport))
        pages[-1].set_default_timeout(WAIT_MS)
        pages[-1].goto(f"{served}/{address}")
        pages[-1].locator("#picture input[type=file]").wait_for(state="attached")
        return pages[-1]

    yield visit
    for page in pages:
        page.close()


def works(page) -> list[str]:
    """Ids of the works that are shown as similar."""
    page.locator("#neighbours .card").first.wait_for()
    return [b.get_attribute("data-work") for b in page.locator("#neighbours button[data-does=select]").all()]


def asked(page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


@pytest.mark.parametrize("viewport", [PHONE, DESK])
def test_the_answer_is_in_view_before_the_examples(visit, painting, viewport):
    page = visit(viewport=viewport)
    choose(page, painting)
    answer = page.locator("#verdicts .verdicts")
    answer.wait_for()
    place, picture = answer.bounding_box(), page.locator("#picture").bounding_box()
    assert picture["y"] >= 0 and place["y"] + place["height"] <= viewport["height"]
    assert page.evaluate("window.scrollY") == 0
    assert place["y"] < page.get_by_role("button", name="Example 1").bounding_box()["y"]
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]


def test_answers_go_with_their_picture(visit, painting):
    page = visit()
    choose(page, painting)
    page.locator("#verdicts .verdicts").wait_for()
    page.locator("#heat img").wait_for()
    page.get_by_role("tab", name="Similar paintings").click()
    assert len(works(page)) == 6
    page.locator("#picture").get_by_label("Remove Image").click()
    for answer in ("#verdicts .verdicts", "#neighbours .card", "#heat img", "#why img"):
        page.locator(answer).first.wait_for(state="detached")
    choose(page, painting)  # and is gone again before it can be answered
    page.locator("#picture").get_by_label("Remove Image").click()
    page.wait_for_timeout(2500)
    assert not page.locator("#neighbours .card").count() and not page.locator("#verdicts .verdicts").count()


def test_a_search_goes_on_and_its_address_reproduces_it(visit, painting):
    page = visit("?tab=similar&k=3&__theme=light")
    choose(page, painting)
    first = works(page)
    assert len(first) == 3 and asked(page) == {"tab": ["similar"], "k": ["3"], "__theme": ["light"]}
    page.locator(f"#neighbours button[data-does=click][data-work='{first[1]}']").click()
    page.wait_for_function("work => new URLSearchParams(location.search).get('work') === work", arg=first[1])
    second = works(page)
    assert second != first and first[1] not in second
    again = visit(f"?{urlsplit(page.url).query}")
    assert works(again) == second
    choose(again, painting)  # another picture ends it
    again.wait_for_function("!new URLSearchParams(location.search).has('work')")
    assert works(again) == first


def test_filters_are_chosen_and_linked(visit, painting):
    page = visit("?tab=similar")
    choose(page, painting)
    every = works(page)
    page.get_by_role("button", name="Filters").click()
    field = page.locator("#filter-genre input")
    field.click()
    field.fill("still")
    page.get_by_role("option", name="Still life").click()
    page.wait_for_function("new URLSearchParams(location.search).get('genre') === 'still_life'")
    chosen = works(page)
    assert 0 < len(chosen) < len(every)
    again = visit(f"?{urlsplit(page.url).query}")
    choose(again, painting)
    assert works(again) == chosen


def test_by_keyboard(visit, painting):
    page = visit("?where=genre+%3D%3D+%27landscape%27")
    choose(page, painting)
    page.locator("#verdicts .verdicts").wait_for()
    page.get_by_role("tab", name="Classify").focus()
    page.keyboard.press("ArrowRight")
    shown = works(page)
    page.get_by_role("button", name="Filters").press("Enter")
    page.get_by_role("button", name="Advanced").press("Enter")
    page.get_by_label("Only those for which").fill("genre != 'landscape'")
    page.get_by_label("Only those for which").press("Enter")
    page.wait_for_function("new URLSearchParams(location.search).get('where').includes('!=')")
    assert not set(works(page)) & set(shown)


def test_records_are_no_code(visit, painting):
    page = visit("?tab=similar&k=6")
    choose(page, painting)
    works(page)
    assert page.locator("#neighbours").get_by_text("${window.hurt=1}{{hurt}}").count()
    assert page.evaluate("window.hurt") is None


@pytest.mark.parametrize("tab", ["classify", "similar"])
def test_pictures_are_described_and_what_is_pressed_is_large_enough(visit, painting, tab):
    page = visit(f"?tab={tab}", PHONE)
    choose(page, painting)
    page.locator(".card").first.wait_for()
    page.wait_for_timeout(500)
    pictures = page.locator("img:visible").all()
    assert len(pictures) > 4 and all(
        p.get_attribute("alt") or p.evaluate("p => p.closest('[aria-label]') !== null") for p in pictures
    )
    assert all(card.get_attribute("alt") for card in page.locator(".card img").all())
    for button in page.locator('button:visible:not([tabindex="-1"]), .card a:visible').all():
        box = button.bounding_box()
        assert min(box["width"], box["height"]) >= TARGET, button.evaluate("b => b.outerHTML.slice(0, 200)")


@pytest.mark.parametrize("tab", ["batch", "audit", "about"])
def test_tabs_without_a_picture_say_what_is_pressed_and_make_it_large_enough(visit, tab):
    page = visit(f"?tab={tab}&__theme=dark", PHONE)
    panel = page.locator(f"#{tab}-tab")
    panel.wait_for()
    pressed = panel.locator("button:visible, a:visible, summary:visible, label:has(input):visible").all()
    assert pressed and not page.locator("#picture").is_visible()
    for control in pressed:
        box = control.bounding_box()
        name = control.inner_text().strip() or control.get_attribute("aria-label") or control.get_attribute("title")
        assert name and min(box["width"], box["height"]) >= TARGET, control.evaluate("c => c.outerHTML.slice(0, 200)")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    if AXE.is_file():
        page.add_script_tag(path=AXE)
        assert not serious(page)


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not here: npm install --no-save axe-core")
@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("tab", ["classify", "similar"])
def test_axe_finds_nothing_serious(visit, painting, tab, theme, viewport):
    page = visit(f"?tab={tab}&__theme={theme}", viewport)
    page.add_script_tag(path=AXE)
    assert not serious(page)
    choose(page, painting)
    page.locator(".card").first.wait_for()
    if tab == "similar":
        page.get_by_role("button", name="Filters").click()
    page.wait_for_timeout(500)
    assert not serious(page)


def serious(page) -> list[str]:
    """The critical and serious violations that axe finds, each with its first place."""
    found = page.evaluate("async () => (await axe.run()).violations")
    return [f"{v['id']}: {v['nodes'][0]['html'][:300]}" for v in found if v["impact"] in ("critical", "serious")]
