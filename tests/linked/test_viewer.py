"""Mirador and the Universal Viewer show what is exported: pictures, their words, links and places."""

import io
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from artextract_hf.linked import file_name, write_iiif, write_search
from artextract_hf.retrieval.box import Box
from tests.conftest import ROOT
from tests.spaces_app.conftest import browser  # noqa: F401  (a fixture)

pytestmark = pytest.mark.filterwarnings("default")  # playwright's own
MIRADOR = ROOT / "node_modules/mirador/dist/mirador.min.js"  # npm install --no-save mirador@4
VIEWER = ROOT / "node_modules/universalviewer/dist"  # npm install --no-save universalviewer
WAIT_MS = 60_000
BOX = Box(0.25, 0.25, 0.5, 0.25)
HIGHLIGHT = (0, 191, 255)  # colour of Mirador's boxes
LOADED = "address => performance.getEntriesByName(address).length"
LIST = 360  # pixels of the window that the list of annotations takes
PAGE = """<!DOCTYPE html><html lang=en><meta charset=utf-8><title>Mirador</title><div id=mirador></div>
<script src=/mirador.min.js></script>
<script>Mirador.viewer({id: "mirador", windows: [{manifestId: MANIFEST}], window: {sideBarPanel: "annotations",
sideBarOpen: true, highlightAllAnnotations: true}})</script></html>"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def site(tmp_path_factory, drawn) -> Iterator[SimpleNamespace]:
    """An export that is served, with a search."""
    folder = tmp_path_factory.mktemp("served")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    write_iiif(drawn, folder / "iiif", f"{url}/iiif", title="Drawn", k=2)
    hits = [SimpleNamespace(rank=1, score=0.9, record={"id": drawn.ids[0]}, box=BOX)]
    write_search(hits, folder / "iiif", name="parts", title="Parts")
    if MIRADOR.is_file():
        (folder / "mirador.min.js").symlink_to(MIRADOR)
    if VIEWER.is_dir():
        (folder / "uv").symlink_to(VIEWER)
    yield SimpleNamespace(folder=folder, url=url, works=f"{url}/iiif/works")
    server.shutdown()
    server.server_close()


def opened(browser, site, address: str):  # noqa: F811
    """Mirador with a manifest."""
    (site.folder / "page.html").write_text(PAGE.replace("MANIFEST", f'"{address}"'), encoding="utf-8")
    page = browser.new_page(viewport={"width": 1200, "height": 800})
    page.set_default_timeout(WAIT_MS)
    page.goto(f"{site.url}/page.html")
    return page


@pytest.mark.skipif(not MIRADOR.is_file(), reason="Mirador is not here: npm install --no-save mirador@4")
def test_mirador_shows_a_work_and_links_to_similar_ones(browser, site, drawn):  # noqa: F811
    id_ = drawn.ids[0]
    page = opened(browser, site, f"{site.works}/{file_name(id_)}/manifest.json")
    page.get_by_role("heading", name=drawn.column("title")[0]).first.wait_for()
    links = page.locator("aside a")
    links.first.wait_for()
    nearest = [hit.record for hit in drawn.similar_to(id_, 2)]
    assert links.all_inner_texts() == [f"{record['title']}, {record['artist_name']}" for record in nearest]
    page.wait_for_function(LOADED, arg=f"{site.works}/{file_name(id_)}/picture.jpg")
    page.close()


@pytest.mark.skipif(not MIRADOR.is_file(), reason="Mirador is not here: npm install --no-save mirador@4")
def test_mirador_draws_where_a_search_found_a_part(browser, site, drawn):  # noqa: F811
    page = opened(browser, site, f"{site.url}/iiif/searches/parts.json")
    page.get_by_text("Hit 1, score 0.900").wait_for()
    page.wait_for_timeout(2000)  # it zooms
    shot = np.array(Image.open(io.BytesIO(page.screenshot())).convert("RGB")).astype(int)
    rows, columns = np.nonzero((np.abs(shot - HIGHLIGHT).max(axis=-1) < 40)[:, LIST:])
    width, height = drawn.thumbnail(drawn.ids[0]).size
    shape = (BOX.width * width) / (BOX.height * height)
    assert np.ptp(columns) / np.ptp(rows) == pytest.approx(shape, rel=0.05) and np.ptp(columns) > 100
    page.close()


@pytest.mark.skipif(not VIEWER.is_dir(), reason="the viewer is not here: npm install --no-save universalviewer")
def test_the_universal_viewer_opens_a_collection(browser, site, drawn):  # noqa: F811
    page = browser.new_page(viewport={"width": 1200, "height": 800})
    page.set_default_timeout(WAIT_MS)
    page.goto(f"{site.url}/uv/uv.html#?manifest={site.url}/iiif/collection.json")
    page.get_by_text(drawn.column("title")[-1]).first.wait_for()
    picture = f"{site.works}/{file_name(drawn.ids[0])}/picture.jpg"
    page.wait_for_function(LOADED, arg=picture)
    page.close()
