"""The map in a real browser, seen through its pixels and its files, and what strangers may send it."""

import base64
import csv
import io
import math
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from artextract_hf import PaintingIndex
from spaces_app.atlas import SIDE, AtlasInTheMaking
from spaces_app.tabs.explore import MOST_NEAR, NEIGHBOURS, checked_bits, checked_rows, contact_sheet
from tests.conftest import plain_picture
from tests.retrieval.conftest import ColorEmbedder, paintings
from tests.spaces_app.conftest import HOSTILE, WAIT_MS, choose, made, page_of

pytestmark = pytest.mark.filterwarnings("default")  # gradio's, starlette's and playwright's own
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1440, "height": 900}
FORMULA = "=1+1"
COUNT = 60
STILL_MS = 600  # what changes has come to rest, where nothing moves


@pytest.fixture(scope="module")
def index() -> PaintingIndex:
    works = paintings(COUNT)
    titles = [HOSTILE, FORMULA, *works["title"][2:]]
    return PaintingIndex.build(works.remove_columns("title").add_column("title", titles), ColorEmbedder())


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    """Where the page keeps its map."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def url(tiny_classifier, index, cache) -> Iterator[str]:
    with page_of(index, tiny_classifier, cache) as url:
        yield url


class Visit:
    """A page with its map.

    Attributes:
        page: of playwright.
        hosts: that were asked for something.
        problems: that scripts had.
    """

    def __init__(self, page, url: str) -> None:
        self.page, self.hosts, self.problems = page, set(), []
        page.set_default_timeout(WAIT_MS)
        page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.goto(f"{url}/?tab=explore&__theme=light")
        page.locator("#explore-map [data-drawn]").wait_for()
        self.sky = page.locator("#explore-map .above")
        self.sky.scroll_into_view_if_needed()
        self.rest()

    def rest(self) -> None:
        self.page.wait_for_timeout(STILL_MS)

    def pixels(self) -> np.ndarray:
        """What is seen of the map, (height, width, 3) as integers."""
        picture = Image.open(io.BytesIO(self.sky.screenshot())).convert("RGB")
        return np.asarray(picture).astype(int)

    def colored(self) -> np.ndarray:
        """Where it is colourful, (height, width) bool: points and pictures, but no names and no paper."""
        seen = self.pixels()
        return seen.max(axis=2) - seen.min(axis=2) > 40

    def around(self, x: int, y: int, reach: int) -> np.ndarray:
        """The pixels around a place, which is given from the middle of the map."""
        seen = self.pixels()
        row, column = seen.shape[0] // 2 + y, seen.shape[1] // 2 + x
        return seen[row - reach : row + reach + 1, column - reach : column + reach + 1]

    def reset(self) -> None:
        """Undo what visitors do, but for the painting."""
        bar = self.page.locator("#explore-map")
        for end, year in (("From year", "min"), ("To year", "max")):
            slider = self.page.get_by_label(end)
            slider.fill(slider.get_attribute(year))
        if bar.get_by_role("button", name="Lasso").get_attribute("aria-pressed") == "true":
            bar.get_by_role("button", name="Lasso").click()
        self.sky.focus()
        self.page.keyboard.press("Escape")
        self.press("Map")
        self.press("The whole")

    def press(self, name: str) -> None:
        self.page.locator("#explore-map").get_by_role("button", name=name, exact=True).click()
        self.rest()

    def drag(self, *places: tuple[float, float]) -> None:
        """With the pressed mouse along places, given as shares of the map."""
        box, mouse = self.sky.bounding_box(), self.page.mouse
        for number, (x, y) in enumerate(places):
            mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=5)
            if number == 0:
                mouse.down()
        mouse.up()

    def table(self) -> list[dict[str, str]]:
        """The selected works, as they are downloaded."""
        with self.page.expect_download() as download:
            self.page.locator("#explore-map").get_by_role("button", name="Save as CSV").click()
        return list(csv.DictReader(io.StringIO(download.value.path().read_text("utf-8-sig"))))


@pytest.fixture(scope="module")
def visit(browser, url) -> Iterator:
    """Open the page in a window of some size: `visit(PHONE)`."""
    visits = []

    def visit(viewport: dict) -> Visit:
        visits.append(Visit(browser.new_page(viewport=viewport, reduced_motion="reduce"), url))
        return visits[-1]

    yield visit
    for each in visits:
        assert not each.problems
        assert each.hosts <= {urlsplit(url).netloc, ""}
        each.page.close()


@pytest.fixture(scope="module")
def on_desk(visit) -> Visit:
    return visit(DESK)


@pytest.fixture
def seen(on_desk) -> Visit:
    """The map on a desk, as it is from the start."""
    on_desk.reset()
    return on_desk


@pytest.mark.parametrize("viewport", [PHONE, DESK], ids=["phone", "desk"])
def test_the_map_is_drawn_and_its_layouts_differ(visit, on_desk, viewport):
    seen = on_desk if viewport == DESK else visit(viewport)
    on_map = seen.colored()
    assert 0.005 < on_map.mean() < 0.8
    seen.press("Timeline")
    in_time = seen.colored()
    seen.press("Grid")
    in_grid = seen.colored()
    for one, other in ((on_map, in_time), (in_time, in_grid), (on_map, in_grid)):
        assert (one != other).mean() > 0.005, (one != other).mean()
    low = in_time[in_time.shape[0] // 2 :].mean()
    assert low > 1.5 * in_time[: in_time.shape[0] // 4].mean()  # columns stand on the ground
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]


def test_years_hide_what_is_outside_and_push_each_other(seen, index):
    whole = seen.colored().mean()
    years = [year for year in index.column("year") if year]
    first, last = seen.page.get_by_label("From year"), seen.page.get_by_label("To year")
    assert seen.page.locator("#explore-map output").inner_text() == f"{min(years)} to {max(years)}"
    last.focus()
    seen.page.keyboard.press("Home")
    seen.rest()
    assert seen.page.locator("#explore-map output").inner_text() == f"{min(years)} to {min(years)}"
    shown = seen.colored().mean()
    assert 0 < shown < whole / 3, (shown, whole)
    first.focus()
    seen.page.keyboard.press("End")
    assert seen.page.locator("#explore-map output").inner_text() == f"{max(years)} to {max(years)}"


def test_a_lasso_around_all_saves_what_the_records_say(seen, index):
    seen.press("Lasso")
    seen.drag((0.01, 0.01), (0.99, 0.01), (0.99, 0.99), (0.01, 0.99))
    assert seen.page.locator("#explore-map .chosen").inner_text().startswith(f"{COUNT} works selected")
    rows = {row["id"]: row for row in seen.table()}
    assert list(rows) == index.ids
    for record in index.records():
        title = record["title"].replace(FORMULA, f"'{FORMULA}")  # which a spreadsheet would compute
        told = [record["id"], title, record["artist_name"], str(record["year"] or ""), record["license"], ""]
        assert list(rows[record["id"]].values()) == told
    seen.press("Clear")
    assert not seen.page.locator("#explore-map .chosen").is_visible()


def test_a_lasso_takes_only_what_it_surrounds_and_what_is_seen(seen):
    seen.press("Timeline")
    seen.press("Lasso")
    seen.drag((0.01, 0.01), (0.4, 0.01), (0.4, 0.99), (0.01, 0.99))
    years = [int(row["year"]) for row in seen.table()]
    assert years and len(years) < COUNT
    seen.page.get_by_label("From year").fill("1700")
    seen.drag((0.01, 0.01), (0.99, 0.01), (0.99, 0.99), (0.01, 0.99))
    shown = [int(row["year"] or 0) for row in seen.table()]
    assert shown and min(shown) >= 1700


def test_from_a_work_of_the_map_to_its_relatives(visit, index):
    seen = visit(DESK)
    seen.press("Grid")
    box = seen.sky.bounding_box()
    seen.sky.click(position={"x": 60, "y": 60})
    search = seen.page.locator("#explore-card button[data-work]")
    search.wait_for()
    work = search.get_attribute("data-work")
    card = seen.page.locator("#explore-card .card").bounding_box()
    assert box["y"] < card["y"] and card["y"] + card["height"] < box["y"] + box["height"]
    seen.page.locator("#explore-card .close").click()
    search.wait_for(state="detached")
    seen.sky.click(position={"x": 60, "y": 60})
    search.click()
    seen.page.locator("#neighbours .card").first.wait_for()
    found = seen.page.locator("#neighbours button[data-does=select]").evaluate_all(
        "all => all.map(b => b.dataset.work)"
    )
    assert found == [hit.id for hit in index.similar_to(work, k=6, fold=True)]
    seen.page.wait_for_function("work => new URLSearchParams(location.search).get('work') === work", arg=work)
    assert parse_qs(urlsplit(seen.page.url).query)["tab"] == ["similar"]


def test_the_painting_of_the_visitor_is_a_pin_that_goes_with_it(seen, index, cache, tmp_path):
    plain_picture((200, 40, 40), seed=1).save(tmp_path / "red.png")
    choose(seen.page, tmp_path / "red.png")
    told = seen.page.locator("#explore-pin [data-x]")
    told.wait_for()
    hit = index.search(str(tmp_path / "red.png"), k=1)[0]
    assert hit.record["title"] in told.inner_text()
    seen.page.get_by_role("button", name="My painting").click()
    seen.rest()
    pin = seen.around(0, -24, 11)
    hole, rim = pin[10:13, 10:13].mean(), pin[10:13, 1:5].mean()
    assert hole > 200 and rim < 90  # on white paper, dark
    atlas = made(AtlasInTheMaking(index, cache))
    x, y, _ = atlas.place_of(index.search(str(tmp_path / "red.png"), k=NEIGHBOURS))
    near = np.abs(atlas.places / SIDE - [x, y]).sum(axis=1).argsort()[:4]
    seen.sky.focus()
    seen.page.keyboard.press("Enter")
    in_middle = seen.page.locator("#explore-card button[data-work]")
    in_middle.wait_for()
    assert in_middle.get_attribute("data-work") in [index.ids[row] for row in near]
    seen.page.locator("#picture").get_by_label("Remove Image").click()
    told.wait_for(state="detached")
    seen.rest()
    assert np.abs(seen.around(0, -24, 11) - pin).mean() > 20
    assert not seen.page.get_by_role("button", name="My painting").is_visible()


def test_by_keyboard(seen):
    cluster = seen.page.locator("#explore-legend button").first
    name = cluster.evaluate("b => b.childNodes[1].textContent.trim()")
    works = int(cluster.locator("small").inner_text())
    cluster.focus()
    seen.page.keyboard.press("Enter")
    seen.page.get_by_role("heading", name=f"Typical of {name}").wait_for()
    assert seen.page.locator("#explore-works .card").count() == min(works, 12)
    assert len(seen.table()) == works
    seen.sky.focus()
    seen.page.keyboard.press("0")
    seen.rest()
    before = seen.pixels()
    for key, times in (("+", 3), ("ArrowLeft", 2), ("-", 1)):
        for _ in range(times):
            seen.page.keyboard.press(key)
        seen.rest()
        after = seen.pixels()
        assert (after != before).any(axis=2).mean() > 0.01
        before = after
    seen.page.keyboard.press("Enter")
    seen.page.locator("#explore-card .card").wait_for()
    seen.page.keyboard.press("Escape")
    seen.page.locator("#explore-card .card").wait_for(state="detached")


def test_records_are_no_code(seen):
    for cluster in seen.page.locator("#explore-legend button").all():
        with seen.page.expect_response(lambda response: "queue/join" in response.url):
            cluster.click()
        seen.page.wait_for_timeout(300)
    assert seen.page.evaluate("window.hurt") is None


def test_a_collection_too_small_for_a_map_says_so(browser, served):
    page = browser.new_page()
    page.goto(f"{served}/?tab=explore")
    page.locator("#explore-map .told").get_by_text("There is no map").wait_for(timeout=WAIT_MS)
    assert not page.locator("#explore-map .bar").is_visible()
    page.close()


def test_a_browser_without_webgl_lists_the_works(browser, url):
    page = browser.new_page()
    page.add_init_script(
        "const get = HTMLCanvasElement.prototype.getContext;"
        "HTMLCanvasElement.prototype.getContext = function (kind, ...more) {"
        "  return kind.startsWith('webgl') ? null : get.call(this, kind, ...more); };"
    )
    page.goto(f"{url}/?tab=explore")
    page.get_by_text("This browser draws no map").wait_for(timeout=WAIT_MS)
    page.locator("#explore-legend button").first.click()
    page.locator("#explore-works .card").first.wait_for(timeout=WAIT_MS)
    page.close()


@pytest.mark.parametrize(
    "rows", [None, 7, "01", {}, [], [None], [True], [1.0], ["1"], [-1], [COUNT], [10**30], [[1]], [0] * (MOST_NEAR + 1)]
)
def test_rows_that_are_none_are_refused(rows):
    with pytest.raises(gr.Error, match="Choose a work"):
        checked_rows(rows, COUNT)


@pytest.mark.parametrize(
    "packed", [None, 7, [1], "", "?", "é", b"\xff", "AAAA", base64.b64encode(bytes(8)).decode(), "/" * 200]
)
def test_selections_that_are_none_are_refused(packed):
    with pytest.raises(gr.Error, match="Select some works"):
        checked_bits(packed, COUNT)


def test_a_selection_has_a_bit_for_each_work():
    chosen = {0, 7, 8, 59}
    content = bytes(sum(1 << bit for bit in range(8) if 8 * place + bit in chosen) for place in range(8))
    packed = base64.b64encode(content).decode()
    assert set(np.flatnonzero(checked_bits(packed, COUNT))) == chosen
    with pytest.raises(gr.Error):
        checked_bits(packed, 59)  # the last bit is of no work


def test_a_sheet_holds_its_pictures_where_it_says():
    colors = [(250 * (i % 2), 25 * i, 120) for i in range(10)]
    pictures = [None if i == 3 else Image.new("RGB", (300, 150 + 40 * i), color) for i, color in enumerate(colors)]
    sheet, boxes = contact_sheet(pictures)
    assert boxes[3] is None and sheet.size == (8 * 96, 2 * 96)
    for picture, box, color in zip(pictures, boxes, colors, strict=True):
        if picture:
            x, y, width, height = box
            part = np.asarray(sheet.crop((x, y, x + width, y + height)))
            assert (part == color).all() and max(width, height) == 96
            assert math.isclose(width / height, picture.width / picture.height, rel_tol=0.03)
    assert contact_sheet([None, None]) == (None, [None, None])
