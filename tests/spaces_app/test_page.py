"""The page in a real browser, and the same page through its client."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from artextract_hf.data.synthetic import synthetic_paintings
from tests.spaces_app.conftest import WAIT_MS, choose

pytestmark = pytest.mark.filterwarnings("default")  # gradio's, starlette's and playwright's own


@pytest.fixture(scope="module")
def url(demo_cache) -> Iterator[str]:
    """The demo with the embedded default, in a process of its own."""
    import os

    environment = os.environ | {"XDG_CACHE_HOME": str(demo_cache), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-m", "artextract_hf.cli", "demo"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        assert server.stdout is not None
        line = server.stdout.readline()
        assert "running at http" in line
        yield line.split(" at ")[1].split()[0]
        server.terminate()


@pytest.fixture(scope="module")
def painting(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("upload") / "painting.png"
    synthetic_paintings(1, seed=7)["image"][0].save(path)
    return path


def test_upload_classify_heat_search_credits(browser, url, painting):
    page = browser.new_page()
    hosts = set()
    page.on("request", lambda request: hosts.add(request.url.split("/")[2] if "://" in request.url else ""))
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(url)
    choose(page, painting)
    overlay = page.locator("#heat img")
    overlay.wait_for(timeout=WAIT_MS)
    for task in ("style", "genre", "artist"):
        assert "%" in page.locator(f"#label-{task}").inner_text()
    page.wait_for_function("document.querySelector('#heat img').naturalWidth > 0")
    drawn = page.evaluate(
        "async () => (await (await fetch(document.querySelector('#heat img').src)).arrayBuffer()).byteLength"
    )
    assert drawn > 1000 and overlay.get_attribute("src") != page.locator("#picture img").get_attribute("src")
    before = overlay.get_attribute("src")
    page.locator("#chosen").get_by_label("Artist").check()  # another answer comes from elsewhere
    page.wait_for_function("before => document.querySelector('#heat img').src !== before", arg=before)
    page.get_by_role("tab", name="Similar paintings").click()
    page.locator("#neighbours .card").nth(5).wait_for(timeout=WAIT_MS)
    assert page.locator("#neighbours .card").count() == 6
    assert "CC0" in page.locator("#neighbours .card").first.inner_text()
    page.get_by_role("button", name="Why similar?").first.click()
    page.locator("#why img").wait_for(timeout=WAIT_MS)
    page.wait_for_function("document.querySelector('#why img').naturalWidth > 500")
    assert "not authentication" in page.locator("body").inner_text()
    assert not problems
    assert {host for host in hosts if host} == {url.split("/")[2]}
    page.close()


def test_bad_upload_and_bad_filter_say_what_is_wrong(browser, url, painting, tmp_path):
    page = browser.new_page()
    page.goto(url)
    bad = tmp_path / "painting.jpg"
    bad.write_bytes(b"this is no picture")
    page.locator("#picture input[type=file]").set_input_files(bad)
    page.get_by_text("is not a picture in a known format").first.wait_for(timeout=WAIT_MS)
    page.goto(f"{url}?tab=similar&where=yaer+%3E+1900")
    choose(page, painting)
    page.get_by_text("Did you mean 'year'").first.wait_for(timeout=WAIT_MS)
    assert "Traceback" not in page.content()
    page.close()


def test_client(url, painting):
    from gradio_client import Client, handle_file

    client = Client(url, verbose=False)
    answer = client.predict(handle_file(painting), api_name="/classify")
    for classes in answer["tasks"].values():
        scores = [c["score"] for c in classes]
        assert len(scores) == 5 and scores == sorted(scores, reverse=True)
    assert all(answer["sentences"][task].startswith(f"{task.title()}: ") for task in ("style", "genre", "artist"))
    hits = client.predict(handle_file(painting), 7, "genre == 'landscape'", api_name="/similar")["hits"]
    assert len(hits) == 7 and {h["record"]["genre"] for h in hits} == {"landscape"}
    assert [h["rank"] for h in hits] == list(range(1, 8))


def test_heat_is_drawn_where_it_lies():
    from PIL import Image

    from spaces_app.tabs.classify import draw_heat

    heat = np.full((7, 7), -0.2)
    heat[1, 5] = 0.5  # above, right
    picture = Image.new("RGB", (140, 210), (90, 90, 90))
    change = np.abs(np.asarray(draw_heat(picture, heat)).astype(int) - 90).sum(axis=2)
    row, column = np.unravel_index(change.argmax(), change.shape)
    assert 30 <= row < 60 and 100 <= column < 120
    assert not np.abs(np.asarray(draw_heat(picture, -np.ones((7, 7)))).astype(int) - 90).any()
    assert draw_heat(Image.new("RGB", (1500, 900)), heat).size == (1024, 614)
