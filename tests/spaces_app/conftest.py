"""A page that is served inside this process, with a small random classifier and a collection of six colours."""

import gc
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from artextract_hf import PaintingIndex
from artextract_hf.data.synthetic import synthetic_paintings
from benchmarks.screenshot import FLAGS
from spaces_app.atlas import Atlas, AtlasInTheMaking

WAIT_MS = 60_000
# In HTML, in a template of JavaScript and in one of Handlebars, as all of which gradio reads its own parts.
HOSTILE = """"><script>window.hurt=1</script><img src=x onerror='window.hurt=1'>${window.hurt=1}{{hurt}}"""


@pytest.fixture(scope="module")
def browser():
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no chromium on this machine (Debian's package `chromium`)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


def choose(page, path: Path) -> None:
    """Give the page a picture."""
    page.locator("#picture input[type=file]").set_input_files(path)
    page.locator("#picture img").wait_for(timeout=WAIT_MS)


def made(making: AtlasInTheMaking) -> Atlas:
    """The atlas, once it is there."""
    making.get()
    assert making._made is not None
    return making._made.result(timeout=WAIT_MS / 1000)


@contextmanager
def page_of(index: PaintingIndex, classifier: Path, cache: Path) -> Iterator[str]:
    """The address of a page that shows an index, as long as it is wanted."""
    import gradio as gr

    from spaces_app import app

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app, "CACHE", cache)
        patch.setenv("GRADIO_TEMP_DIR", "")  # set anew by `start`, and back behind it
        yield app.start(model=str(classifier), index=index, block=False).rstrip("/")
        gr.close_all()
        with warnings.catch_warnings(action="ignore"):  # gradio leaves event loops and their sockets to the collector
            gc.collect()


@pytest.fixture(scope="module")
def served(tiny_classifier, tmp_path_factory) -> Iterator[str]:
    """Its address."""
    from tests.retrieval.conftest import ColorEmbedder

    paintings = synthetic_paintings(6, seed=1)
    titles = [HOSTILE, *paintings["title"][1:]]
    paintings = paintings.remove_columns("title").add_column("title", titles)
    index = PaintingIndex.build(paintings, ColorEmbedder())
    with page_of(index, tiny_classifier, tmp_path_factory.mktemp("cache")) as url:
        yield url
