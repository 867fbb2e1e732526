"""The map of a hundred thousand works in headless Chromium: frames a second, and bytes that travel.

    python -m benchmarks.speed.explore > benchmarks/results/explore.json

The works are random points in thirty clusters. Chromium draws with SwiftShader, on the processor, so that frames a
second are a floor: any graphics chip draws more.
"""

import json
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any
from unittest.mock import patch

import gradio as gr
import numpy as np
from datasets import Dataset
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from artextract_hf import AutoEmbedder, PaintingIndex
from artextract_hf.curation import CollectionMap
from artextract_hf.data.schema import new_record, painting_features
from benchmarks.screenshot import FLAGS, WAIT_MS
from spaces_app import app
from spaces_app.atlas import Atlas, AtlasInTheMaking

WORKS = 100_000
CLUSTERS = 30
PICTURES = 60
SECONDS = 5.0
# Runs as long as it is told, does one thing in each frame, and gives the times of the frames in ms.
FRAMES = """([seconds, change]) => new Promise((done) => {
  const above = document.querySelector("#explore-map .above"), times = [], act = Function("above", "frame", change);
  const step = (now) => {
    times.push(now);
    if (now - times[0] > 1000 * seconds) return done(times);
    act(above, times.length);
    requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
})"""
WHEEL = """above.dispatchEvent(new WheelEvent("wheel",
  {deltaY: Math.floor(frame / 60) % 2 ? 8 : -8, cancelable: true}));"""


class Ready(AtlasInTheMaking):
    """Random points, made at once."""

    def get(self) -> Atlas:
        """They are there."""
        rng = np.random.default_rng(0)
        cluster = np.sort(rng.integers(0, CLUSTERS, WORKS))
        places = rng.normal(size=(CLUSTERS, 2))[cluster] + rng.normal(scale=0.25, size=(WORKS, 2))
        names = [f"{number + 1}. cluster" for number in range(CLUSTERS)]
        atlas = Atlas.of(self.index, CollectionMap(places, cluster, np.ones(WORKS), names))
        ids = np.resize(self.index.ids, WORKS).tolist()
        return Atlas(ids, atlas.places, rng.integers(1400, 1960, WORKS).astype(np.int16), atlas.found)


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        report = measure(Path(folder))
    print(json.dumps(report, indent=2))


def measure(folder: Path) -> dict[str, Any]:
    """Serve the page in this process, and look at it."""
    rng = np.random.default_rng(1)
    pictures = [Image.fromarray(rng.integers(0, 256, (64, 48, 3), dtype=np.uint8)) for _ in range(PICTURES)]
    rows = [new_record(id=f"work/{i}", image=picture, title=f"Work {i}") for i, picture in enumerate(pictures)]
    works = Dataset.from_list(rows, features=painting_features())
    index = PaintingIndex.build(works, AutoEmbedder.from_pretrained("palette"))
    with (
        patch.object(app, "CACHE", folder),
        patch.object(app, "AtlasInTheMaking", Ready),
        patch.object(app, "example_files", list),
        sync_playwright() as playwright,
    ):
        url = app.start(model=app.MODEL, index=index, block=False)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        started = time.monotonic()
        page.goto(f"{url}?tab=explore")
        page.locator("#explore-map [data-drawn]").wait_for(timeout=WAIT_MS)
        opened = time.monotonic() - started
        report = {
            "works": WORKS,
            "cores": os.cpu_count(),
            "load": round(os.getloadavg()[0], 1),
            "renderer": renderer(page),
            "canvas": page.locator("#explore-map .points").evaluate("c => [c.width, c.height]"),
            "bytes_of_points": len(Ready(index, folder).get().packed),
            "bytes_in_base64": 4 * -(-len(Ready(index, folder).get().packed) // 3),
            "seconds_to_open": round(opened, 1),
            "zooming": frames(page, WHEEL),
        }
        browser.close()
        gr.close_all(verbose=False)
    return report


def frames(page: Page, change: str) -> dict[str, float]:
    """How often the page draws while something changes in each frame."""
    page.wait_for_timeout(2000)
    gaps = np.diff(page.evaluate(FRAMES, [SECONDS, change]))
    return {
        "frames_a_second": round(1000 / float(gaps.mean()), 1),
        "ms_of_the_95th_percentile": round(float(np.percentile(gaps, 95)), 1),
    }


def renderer(page: Page) -> str:
    """What draws."""
    return page.evaluate(
        "() => { const gl = document.createElement('canvas').getContext('webgl');"
        "return gl.getParameter(gl.getExtension('WEBGL_debug_renderer_info').UNMASKED_RENDERER_WEBGL); }"
    )


if __name__ == "__main__":
    main()
