"""What a region search finds, as a box on the canvas of the work."""

import json
import re

import pytest

from artextract_hf.linked import file_name, pictures_of, write_iiif, write_search
from artextract_hf.retrieval.box import Box
from artextract_hf.retrieval.index import PaintingIndex
from artextract_hf.retrieval.regions.index import RegionIndex
from tests.linked.presentation_3 import violations
from tests.retrieval.conftest import ColorEmbedder
from tests.retrieval.regions.conftest import SIDE, CellEmbedder, collection, overlap, pictures


def test_a_detail_is_a_box_on_the_canvas_where_it_was_cut_out(tmp_path):
    gallery = pictures()[:4]
    paintings = collection(gallery)
    regions = RegionIndex.build(paintings, CellEmbedder(), side=SIDE)
    whole = PaintingIndex.build(paintings, ColorEmbedder())
    write_iiif(
        whole, tmp_path / "web", "https://a.example", title="x", pictures=pictures_of(paintings), allow_restricted=True
    )
    detail = (64, 32, 176, 112)  # edges in pixels, on the grid of the embedder
    hits = regions.search(gallery[2].crop(detail), 2)
    manifest = json.loads(write_search(hits, tmp_path / "web", name="detail", title="A detail").read_text("utf-8"))
    assert not violations(manifest)
    first = manifest["items"][0]
    assert first["id"] == f"https://a.example/works/{file_name('p/2')}/canvas"
    (found,) = first["annotations"][-1]["items"]
    left, top, width, height = map(int, re.search(r"#xywh=(\d+),(\d+),(\d+),(\d+)$", found["target"]).groups())
    size = gallery[2].size
    assert (first["width"], first["height"]) == size
    place = Box.from_pixels(left, top, width, height, size)
    assert place.as_list() == pytest.approx(hits[0].box.as_list(), abs=1 / SIDE)
    assert overlap(place, Box.from_pixels(64, 32, 112, 80, size)) > 0.7
    assert found["body"]["value"] == f"<p>Hit 1, score {hits[0].score:.3f}</p>"
