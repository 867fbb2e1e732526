import shutil

import numpy as np
import pytest
from PIL import Image

from artextract_hf.data.synthetic import PaintingSpec, paint
from artextract_hf.embedders.auto import AutoEmbedder
from artextract_hf.errors import ImageError, PaintingIndexError, QueryError
from artextract_hf.retrieval.box import WHOLE_PICTURE, Box
from artextract_hf.retrieval.index import PaintingIndex
from artextract_hf.retrieval.regions.index import RegionIndex
from artextract_hf.retrieval.regions.templates import crop
from artextract_hf.retrieval.searchable import Searchable, SearchHit
from tests.retrieval.conftest import ColorEmbedder
from tests.retrieval.regions.conftest import COUNT, SIDE, CellEmbedder, collection, overlap, pasted


@pytest.mark.parametrize("number", range(6))
def test_a_detail_on_the_grid_is_found_exactly(index, gallery, number):
    pixels = [(32, 16, 96, 64), (16, 64, 64, 96), (64, 80, 96, 96)][number % 3]
    box = Box.from_pixels(*pixels, size=gallery[number].size)
    query, place = pasted(crop(gallery[number], box), number)
    hit = index.search(query, box=place)[0]
    assert hit.id == f"p/{number}" and hit.rank == 1 and hit.score <= 1
    assert overlap(hit.box, box) > 0.75
    assert hit.record["year"] == 1800 + number and "thumbnail" not in hit.record


def test_details_of_any_place_and_size(index, gallery):
    rng = np.random.default_rng(1)
    ranks, overlaps = [], []
    for trial in range(20):
        source = int(rng.integers(COUNT))
        picture = gallery[source]
        width, height = (int(side * rng.uniform(0.35, 0.7)) for side in picture.size)
        left, top = int(rng.integers(picture.width - width)), int(rng.integers(picture.height - height))
        box = Box.from_pixels(left, top, width, height, size=picture.size)
        detail = crop(picture, box)
        enlarged = detail.resize([int(side * rng.uniform(1, 1.5)) for side in detail.size], Image.Resampling.BICUBIC)
        query, place = pasted(enlarged, trial)
        hits = index.search(query, k=COUNT, box=place)
        assert [hit.rank for hit in hits] == list(range(1, COUNT + 1)) and len({hit.id for hit in hits}) == COUNT
        assert all(a.score >= b.score for a, b in zip(hits, hits[1:], strict=False))
        found = next(hit for hit in hits if hit.id == f"p/{source}")
        ranks.append(found.rank)
        overlaps.append(overlap(found.box, box))
    assert np.mean(np.array(ranks) <= 3) > 0.9
    assert np.mean(overlaps) > 0.5


def test_a_detail_that_was_painted_into_a_painting(gallery):
    stranger = paint(PaintingSpec("pen", "earth", "figure", seed=99), (224, 224))
    detail, host = stranger.crop((48, 32, 144, 128)), gallery[3].copy()
    host.paste(detail, (64, 32))
    box = Box.from_pixels(64, 32, 96, 96, size=host.size)
    index = RegionIndex.build(collection([*gallery[:3], host, *gallery[4:]]), CellEmbedder(), side=SIDE)
    hit = index.search(stranger, k=1, box=Box.from_pixels(48, 32, 96, 96, size=stranger.size))[0]
    assert hit.id == "p/3" and overlap(hit.box, box) > 0.75


def test_a_whole_picture_is_a_box_too(index, gallery):
    for number in (0, 1, 2):
        hit = index.search(gallery[number])[0]
        assert hit.id == f"p/{number}" and hit.box.as_list() == pytest.approx([0, 0, 1, 1], abs=0.05)
        assert hit == index.search(gallery[number], box=WHOLE_PICTURE)[0]


def test_bad_queries(index, gallery):
    with pytest.raises(QueryError, match="k is 0"):
        index.search(gallery[0], k=0)
    with pytest.raises(QueryError, match=r"the box is \(0, 0, 1\); give a Box"):
        index.search(gallery[0], box=(0, 0, 1))
    with pytest.raises(ImageError):
        index.search(b"no picture")


def test_round_trip(index, gallery, tmp_path):
    index.save_pretrained(tmp_path / "regions")
    again = RegionIndex.from_pretrained(tmp_path / "regions", embedder=CellEmbedder())
    again.save_pretrained(tmp_path / "regions")  # over the files that it reads from
    query = gallery[5].crop((20, 30, 110, 110))
    assert again.search(query, k=COUNT) == index.search(query, k=COUNT)
    again = RegionIndex.from_pretrained(tmp_path / "regions", embedder=CellEmbedder())
    assert again.search(query, k=COUNT) == index.search(query, k=COUNT)
    assert again.describe() == index.describe() and again.ids == index.ids and len(again) == COUNT
    assert again.thumbnail("p/0").size == gallery[0].size
    size = sum(path.stat().st_size for path in (tmp_path / "regions").iterdir() if path.suffix in (".npy", ".faiss"))
    assert size / COUNT == pytest.approx(index.describe()["bytes_per_painting"], rel=0.05)


def test_another_embedder_never_answers(index, tmp_path):
    index.save_pretrained(tmp_path / "regions")
    with pytest.raises(PaintingIndexError, match="has cells-2"):
        RegionIndex.from_pretrained(tmp_path / "regions", embedder=CellEmbedder("cells-2"))


def test_damage_and_other_folders_are_refused(index, gallery, tmp_path):
    whole = tmp_path / "whole"
    index.save_pretrained(whole)
    rng = np.random.default_rng(0)
    for path in sorted(whole.iterdir()):
        data = path.read_bytes()
        changed = bytearray(data)
        changed[int(rng.integers(len(data)))] ^= int(rng.integers(1, 256))
        for content in (data[: len(data) // 2], b"", bytes(changed)):
            damaged = tmp_path / "damaged"
            shutil.rmtree(damaged, ignore_errors=True)
            shutil.copytree(whole, damaged)
            (damaged / path.name).write_bytes(content)
            with pytest.raises(PaintingIndexError):
                RegionIndex.from_pretrained(damaged, embedder=CellEmbedder())
    PaintingIndex.build(collection(gallery[:4]), ColorEmbedder()).save_pretrained(tmp_path / "paintings")
    with pytest.raises(PaintingIndexError, match="no index of regions"):
        RegionIndex.from_pretrained(tmp_path / "paintings", embedder=CellEmbedder())
    with pytest.raises(PaintingIndexError):
        PaintingIndex.from_pretrained(whole)


def test_a_filter_leaves_the_answers_that_pass_it(index, gallery, monkeypatch):
    """However short the shortlist, and though the paintings that pass are the last of all."""
    query, box = gallery[5], Box(0.1, 0.2, 0.5, 0.5)
    ranked = index.search(query, k=COUNT, box=box)
    last = ranked[-3:]
    where = " or ".join(f"year == {hit.record['year']}" for hit in last)
    expected = [(hit.id, pytest.approx(hit.score, abs=1e-6), hit.box) for hit in last]
    monkeypatch.setattr("artextract_hf.retrieval.regions.index.SHORTLIST", 2)
    hits = index.search(query, k=3, where=where, box=box)
    assert [(hit.id, hit.score, hit.box) for hit in hits] == expected and [hit.rank for hit in hits] == [1, 2, 3]
    assert len(index.search(query, where=where, box=box)) == 3  # as many as there are
    assert len(index.search(query, k=1, where=where, box=box)) == 1
    assert index.search(query, where="year == 1") == []
    assert index.search(query, where=" ") == index.search(query)
    with pytest.raises(QueryError, match="smile"):
        index.search(query, where="smile > 1")


def test_several_queries_each_with_its_box(index, gallery):
    boxes = [None, Box(0.1, 0.1, 0.6, 0.6), WHOLE_PICTURE]
    answers = index.search_many(gallery[:3], k=4, where="year < 1810", boxes=boxes)
    assert answers == [
        index.search(picture, k=4, where="year < 1810", box=box) for picture, box in zip(gallery, boxes, strict=False)
    ]
    assert index.search_many(gallery[:2]) == [index.search(picture) for picture in gallery[:2]]
    assert [len(hits) for hits in index.search_many(gallery[:2])] == [5, 5] and index.search_many([]) == []
    with pytest.raises(QueryError, match="2 queries and 1 boxes"):
        index.search_many(gallery[:2], boxes=[None])


def test_paintings_like_one_of_the_index(gallery, monkeypatch):
    """Of two paintings with the same detail, each is found by the other's detail and not by itself."""
    other = gallery[4].copy()
    detail = gallery[1].crop((40, 60, 136, 156))
    other.paste(detail, (16, 48))
    index = RegionIndex.build(collection([*gallery[:4], other, *gallery[5:8]]), CellEmbedder(), side=SIDE)
    box = Box.from_pixels(40, 60, 96, 96, size=gallery[1].size)
    hits = index.similar_to("p/1", k=20, box=box)
    assert hits[0].id == "p/4" and [hit.rank for hit in hits] == list(range(1, 8))
    assert sorted(hit.id for hit in hits) == [f"p/{number}" for number in range(8) if number != 1]
    assert overlap(hits[0].box, Box.from_pixels(16, 48, 96, 96, size=other.size)) > 0.6
    monkeypatch.setattr("artextract_hf.retrieval.regions.index.SHORTLIST", 1)
    assert len(index.similar_to("p/1")) == 5 and len(index.similar_to("p/1", k=2)) == 2
    assert {hit.id for hit in index.similar_to("p/1", where="year <= 1802")} == {"p/0", "p/2"}
    assert index.similar_to("p/1", where="year == 1801") == []  # only the painting itself would pass
    with pytest.raises(QueryError, match="holds no 'p/99'"):
        index.similar_to("p/99")
    with pytest.raises(QueryError, match="k is 0"):
        index.similar_to("p/1", k=0)


def test_it_is_searchable_like_every_index(index, gallery):
    hit = index.search(gallery[2], k=1)[0]
    assert isinstance(index, Searchable) and isinstance(hit, SearchHit)
    assert index.thumbnail(hit.id).size == gallery[2].size
    with pytest.raises(QueryError, match="'p/99'"):
        index.thumbnail("p/99")


def test_the_embedder_is_loaded_when_a_query_needs_it(gallery, tiny_classifier, tmp_path, monkeypatch):
    network = AutoEmbedder.from_pretrained(str(tiny_classifier))
    RegionIndex.build(collection(gallery[:3]), network, side=64).save_pretrained(tmp_path / "regions")
    asked = []
    load = AutoEmbedder.from_pretrained
    monkeypatch.setattr(AutoEmbedder, "from_pretrained", lambda name: asked.append(name) or load(name))
    again = RegionIndex.from_pretrained(tmp_path / "regions")
    assert len(again) == 3 and again.thumbnail("p/1") and again.describe()["embedder"] == network.name and not asked
    assert again.search(gallery[1], k=1)[0].id == "p/1" and again.similar_to("p/0", k=1)
    assert asked == [network.name]


def test_the_description_names_all_that_a_card_needs(index):
    about = index.describe()
    assert (about["kind"], about["count"], about["embedder"], about["fingerprint"]) == (
        "regions", COUNT, "cells", "cells-1",
    )  # fmt: skip
    assert about["dim"] > 0 and about["data"] and about["side"] == SIDE
