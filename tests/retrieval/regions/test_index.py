import io
import json
import shutil
import tracemalloc

import numpy as np
import pytest
import timm
import torch
from PIL import Image

from artextract_hf.data.decode import decode_image
from artextract_hf.data.schema import make_dataset, new_record, painting_features
from artextract_hf.data.synthetic.synthetic import HANDS, PaintingSpec, paint, random_spec
from artextract_hf.embedders.auto import AutoEmbedder
from artextract_hf.embedders.network import NetworkEmbedder
from artextract_hf.embedders.timm_embedder import timm_embedder
from artextract_hf.errors import ImageError, ModelError, PaintingIndexError, QueryError
from artextract_hf.retrieval.index import PaintingIndex
from artextract_hf.retrieval.regions.index import RegionIndex, cut
from artextract_hf.retrieval.regions.patches import Projection, find_template, from_bytes, to_bytes, units
from artextract_hf.retrieval.regions.store import RegionStore
from artextract_hf.retrieval.vectors.store import VectorStore
from tests.retrieval.conftest import ColorEmbedder

CELL, SIDE = 16, 224
COUNT = 16


class CellEmbedder:
    """Looks at each 16 x 16 pixels by itself: their colours, two by two. A detail on the grid is found exactly."""

    dim, name = 12, "cells"

    def __init__(self, fingerprint: str = "cells-1") -> None:
        self.fingerprint = fingerprint

    def embed(self, images, batch_size=32):
        raise NotImplementedError  # a search for regions needs maps alone

    def maps(self, images, *, side=None, batch_size=8):
        side = side or SIDE
        n = side // CELL
        small = [decode_image(image).resize((2 * n, 2 * n), Image.Resampling.BOX) for image in images]
        pixels = np.stack([np.asarray(picture, dtype=np.float32) / 255 for picture in small])
        cells = pixels.reshape(len(small), n, 2, n, 2, 3).transpose(0, 2, 4, 5, 1, 3)
        return np.ascontiguousarray(cells.reshape(len(small), 12, n, n))


def pictures() -> list[Image.Image]:
    rng = np.random.default_rng(0)
    sizes = [(224, 160), (160, 224), (224, 224)]
    return [paint(random_spec(HANDS[i % len(HANDS)], rng), sizes[i % 3]) for i in range(COUNT)]


@pytest.fixture(scope="module")
def gallery() -> list[Image.Image]:
    return pictures()


def collection(gallery):
    records = [
        new_record(id=f"p/{i}", image=picture, year=1800 + i, credit_line=f"Painting {i}")
        for i, picture in enumerate(gallery)
    ]
    return make_dataset(
        [record | {"image": painting_features()["image"].encode_example(record["image"])} for record in records],
        painting_features(),
    )


@pytest.fixture(scope="module")
def index(gallery) -> RegionIndex:
    return RegionIndex.build(collection(gallery), CellEmbedder(), side=SIDE)


def overlap(first, second) -> float:
    """Intersection over union of two boxes (left, top, width, height)."""
    sides = [
        max(0.0, min(first[i] + first[i + 2], second[i] + second[i + 2]) - max(first[i], second[i])) for i in (0, 1)
    ]
    common = sides[0] * sides[1]
    return common / (first[2] * first[3] + second[2] * second[3] - common)


def shares(box, size):
    return [side / whole for side, whole in zip(box, 2 * size, strict=True)]


def pasted(detail: Image.Image, seed: int) -> tuple[Image.Image, tuple[int, int, int, int]]:
    """A detail on another painting, and its box."""
    rng = np.random.default_rng(seed)
    canvas = paint(PaintingSpec("dots", "fauve", "still_life", seed=seed), (400, 400))
    left, top = (int(rng.integers(0, 400 - side)) for side in detail.size)
    canvas.paste(detail, (left, top))
    return canvas, (left, top, *detail.size)


@pytest.mark.parametrize("number", range(6))
def test_a_detail_on_the_grid_is_found_exactly(index, gallery, number):
    box = [(32, 16, 96, 64), (16, 64, 64, 96), (64, 80, 96, 96)][number % 3]
    query, place = pasted(cut(gallery[number], box), number)
    hit = index.search(query, place)[0]
    assert hit.id == f"p/{number}" and hit.rank == 1 and hit.score <= 1
    assert overlap(hit.box, shares(box, gallery[number].size)) > 0.75
    assert hit.record["year"] == 1800 + number and "thumbnail" not in hit.record


def test_details_of_any_place_and_size(index, gallery):
    rng = np.random.default_rng(1)
    ranks, overlaps = [], []
    for trial in range(20):
        source = int(rng.integers(COUNT))
        picture = gallery[source]
        width, height = (int(side * rng.uniform(0.35, 0.7)) for side in picture.size)
        box = (int(rng.integers(picture.width - width)), int(rng.integers(picture.height - height)), width, height)
        detail = cut(picture, box)
        enlarged = detail.resize([int(side * rng.uniform(1, 1.5)) for side in detail.size], Image.Resampling.BICUBIC)
        hits = index.search(*pasted(enlarged, trial), k=COUNT)
        assert [hit.rank for hit in hits] == list(range(1, COUNT + 1)) and len({hit.id for hit in hits}) == COUNT
        assert all(a.score >= b.score for a, b in zip(hits, hits[1:], strict=False))
        found = next(hit for hit in hits if hit.id == f"p/{source}")
        ranks.append(found.rank)
        overlaps.append(overlap(found.box, shares(box, picture.size)))
    assert np.mean(np.array(ranks) <= 3) > 0.9
    assert np.mean(overlaps) > 0.5


def timm_network(name: str, **settings: object) -> NetworkEmbedder:
    """A network of timm with random weights, prepared as timm does it."""
    torch.manual_seed(0)
    network = timm.create_model(name, num_classes=0)
    return timm_embedder(name, network, timm.data.resolve_model_data_config(network) | settings)


def test_a_network_that_crops_sees_the_edges_too(gallery):
    plain, framed = gallery[2], Image.new("RGB", gallery[2].size, "white")
    framed.paste(plain.crop((14, 14, 210, 210)), (14, 14))
    index = RegionIndex.build(collection([plain, framed]), timm_network("test_resnet", crop_pct=0.75), side=320)
    for number, picture in enumerate((plain, framed)):
        first, second = index.search(picture)
        assert first.id == f"p/{number}" and first.score > second.score + 0.01
        assert first.box == pytest.approx((0, 0, 1, 1), abs=0.05)


def test_a_network_of_patches_of_16_pixels(gallery):
    index = RegionIndex.build(collection(gallery[:6]), timm_network("test_vit"), side=224)
    assert index.describe()["cells"] == 14  # a detail is looked for at 3 of them too, which are no multiple of 32
    hit = index.search(gallery[4])[0]
    assert hit.id == "p/4" and hit.box == pytest.approx((0, 0, 1, 1), abs=0.05)


def test_a_network_of_one_side_is_refused_before_anything_is_indexed(gallery):
    with pytest.raises(ModelError, match="'test_vit_relpos' has no map for a side of 32 pixels"):
        RegionIndex.build(collection(gallery), timm_network("test_vit_relpos"), side=160)
    for side in (0, -32, 450):
        with pytest.raises(PaintingIndexError, match=f"multiple of 32; got {side}"):
            RegionIndex.build(collection(gallery), CellEmbedder(), side=side)


def test_a_larger_side_sees_larger_pictures():
    buffer = io.BytesIO()
    paint(PaintingSpec("dots", "fauve", "still_life", seed=1), (2048, 2048)).save(buffer, "JPEG")
    record = new_record(id="large", image={"bytes": buffer.getvalue(), "path": None})
    seen = []

    class Watching(CellEmbedder):
        def maps(self, images, *, side=None, batch_size=8):
            seen.extend(image.width for image in images if side == 1024)
            return super().maps(images, side=side)

    RegionIndex.build(make_dataset([record], painting_features()), Watching(), side=1024)
    assert min(seen) == 1024


def test_a_long_shortlist_is_located_in_little_memory():
    rng = np.random.default_rng(0)
    patches = to_bytes(units(rng.normal(size=(2000, 7, 7, 96))))
    templates = [from_bytes(patches[1234, 2:5, 1:4]), from_bytes(patches[7])]
    nothing = np.zeros((1, 96), dtype=np.float32)
    store = RegionStore(
        patches, np.ones((2000, 2)), Projection(nothing[0], nothing), VectorStore.build(nothing, metric="ip")
    )
    rows = rng.permutation(2000)
    tracemalloc.start()
    found = store.locate(templates, rows)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < patches.nbytes  # all of them as float32 are four times that
    for got, expected in zip(found, find_template(templates, from_bytes(patches[rows])), strict=True):
        np.testing.assert_allclose(got, expected, atol=1e-5)


def test_a_detail_that_was_painted_into_a_painting(gallery):
    stranger = paint(PaintingSpec("pen", "earth", "figure", seed=99), (224, 224))
    detail, box = stranger.crop((48, 32, 144, 128)), (64, 32, 96, 96)
    host = gallery[3].copy()
    host.paste(detail, box[:2])
    index = RegionIndex.build(collection([*gallery[:3], host, *gallery[4:]]), CellEmbedder(), side=SIDE)
    hit = index.search(stranger, (48, 32, 96, 96), k=1)[0]
    assert hit.id == "p/3" and overlap(hit.box, shares(box, host.size)) > 0.75


def test_a_whole_picture_is_a_box_too(index, gallery):
    for number in (0, 1, 2):
        hit = index.search(gallery[number])[0]
        assert hit.id == f"p/{number}" and hit.box == pytest.approx((0, 0, 1, 1), abs=0.05)
        assert hit == index.search(gallery[number], (0, 0, *gallery[number].size))[0]


@pytest.mark.parametrize(
    ("box", "reason"),
    [
        ((0, 0, 7, 50), "at least 8 x 8"),
        ((0, 0, -20, 50), "at least 8 x 8"),
        ((0, 0, float("nan"), 50), "at least 8 x 8"),
        ((-1, 0, 20, 20), "does not lie inside the picture of 224 x 160"),
        ((float("nan"), 0, 20, 20), "does not lie inside"),
        ((210, 0, 20, 20), "does not lie inside"),
        ((0, 150, 20, 20), "does not lie inside"),
    ],
)
def test_bad_boxes(index, gallery, box, reason):
    with pytest.raises(QueryError, match=reason):
        index.search(gallery[0], box)


def test_bad_queries(index, gallery):
    with pytest.raises(QueryError, match="k is 0"):
        index.search(gallery[0], k=0)
    with pytest.raises(ImageError):
        index.search(b"no picture")


def test_round_trip(index, gallery, tmp_path):
    index.save_pretrained(tmp_path / "regions")
    again = RegionIndex.from_pretrained(tmp_path / "regions", embedder=CellEmbedder())
    again.save_pretrained(tmp_path / "regions")  # over the files that it reads from
    query = cut(gallery[5], (20, 30, 90, 80))
    assert again.search(query, k=COUNT) == index.search(query, k=COUNT)
    again = RegionIndex.from_pretrained(tmp_path / "regions", embedder=CellEmbedder())
    assert again.search(query, k=COUNT) == index.search(query, k=COUNT)
    assert again.describe() == index.describe() and again.ids == index.ids and len(again) == COUNT
    assert again.thumbnail("p/0").size == gallery[0].size
    held = sum(path.stat().st_size for path in (tmp_path / "regions").iterdir() if path.suffix in (".npy", ".faiss"))
    assert held / COUNT == pytest.approx(index.describe()["bytes_per_painting"], rel=0.05)


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


def test_what_cannot_be_decoded_is_left_out(gallery):
    paintings = collection(gallery[:4]).to_list()
    paintings[1]["image"] = {"path": "cut.jpg", "bytes": b"no picture"}
    index = RegionIndex.build(make_dataset(paintings, painting_features()), CellEmbedder(), side=SIDE)
    assert index.ids == ["p/0", "p/2", "p/3"] and [item.path for item in index.skipped.items] == ["p/1"]
    assert index.search(cut(gallery[2], (32, 32, 96, 96)))[0].id == "p/2"
    with pytest.raises(PaintingIndexError, match="stands twice"):
        RegionIndex.build(make_dataset([paintings[0]] * 2, painting_features()), CellEmbedder(), side=SIDE)
    for item in paintings:
        item["image"] = {"path": "cut.jpg", "bytes": b"no picture"}
    with pytest.raises(PaintingIndexError, match="no picture could be indexed"):
        RegionIndex.build(make_dataset(paintings, painting_features()), CellEmbedder(), side=SIDE)


def test_paintings_of_one_colour(gallery):
    blank = [Image.new("RGB", (60, 40), "white")] * 3
    index = RegionIndex.build(collection([*blank, gallery[0]]), CellEmbedder(), side=SIDE)
    assert index.search(gallery[0], (0, 0, 96, 96), k=9)[0].id == "p/3"
    hits = RegionIndex.build(collection(blank), CellEmbedder(), side=SIDE).search(blank[0])
    assert len(hits) == 3 and all(np.isfinite(hit.score) for hit in hits)


def test_command_line(run_cli, gallery, tiny_classifier, tmp_path):
    (tmp_path / "pictures").mkdir()
    for number, picture in enumerate(gallery[:6]):
        picture.save(tmp_path / "pictures" / f"{number}.png")
    made, query = tmp_path / "regions", tmp_path / "pictures" / "2.png"
    code, out, err = run_cli(
        "index-regions", tmp_path / "pictures", "--out", made, "--embedder", tiny_classifier, "--side", 128, "--json"
    )
    about = json.loads(out)
    assert code == 0 and about["count"] == 6 and about["skipped"] == [] and about["bytes_per_painting"] > 0, err
    code, out, _ = run_cli("search-region", query, "--index", made, "--box", "0,0,224,224", "-k", 3, "--json")
    answer = json.loads(out)
    assert code == 0 and answer["box"] == [0, 0, 224, 224] and len(answer["hits"]) == 3
    assert answer["hits"][0]["id"].endswith("2.png")
    assert answer["hits"][0]["box"] == pytest.approx([0, 0, 1, 1], abs=0.1)
    code, out, _ = run_cli("search-region", query, "--index", made)
    assert code == 0 and len(out.splitlines()) == 6
    for box in ("1,2,3", "a,b,c,d", "0,0,999,9"):
        code, out, err = run_cli("search-region", query, "--index", made, "--box", box)
        assert code == 2 and out == "" and err.startswith("artextract: ") and err.count("\n") == 1


def test_answers_without_credit_lines_are_named_by_id(run_cli, gallery, tiny_classifier, tmp_path):
    plain = collection(gallery[:2]).remove_columns("credit_line")
    RegionIndex.build(plain, AutoEmbedder.from_pretrained(str(tiny_classifier)), side=64).save_pretrained(
        tmp_path / "r"
    )
    gallery[1].save(tmp_path / "1.png")
    code, out, err = run_cli("search-region", tmp_path / "1.png", "--index", tmp_path / "r")
    assert code == 0 and out.splitlines()[0].endswith("p/1"), err
