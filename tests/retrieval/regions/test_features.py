import io

import numpy as np
import pytest
import timm
import torch
from PIL import Image

from artextract_hf.data.schema import make_dataset, new_record, painting_features
from artextract_hf.data.synthetic import PaintingSpec, paint
from artextract_hf.embedders.network import NetworkEmbedder
from artextract_hf.embedders.timm_embedder import timm_embedder
from artextract_hf.errors import ModelError, PaintingIndexError, QueryError
from artextract_hf.retrieval.box import Box
from artextract_hf.retrieval.regions.index import RegionIndex
from tests.retrieval.regions.conftest import SIDE, CellEmbedder, collection


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
        assert first.box.as_list() == pytest.approx([0, 0, 1, 1], abs=0.05)


def test_a_network_of_patches_of_16_pixels(gallery):
    index = RegionIndex.build(collection(gallery[:6]), timm_network("test_vit"), side=224)
    assert index.describe()["cells"] == 14  # a detail is looked for at 3 of them too, which are no multiple of 32
    hit = index.search(gallery[4])[0]
    assert hit.id == "p/4" and hit.box.as_list() == pytest.approx([0, 0, 1, 1], abs=0.05)


def test_a_network_of_one_side_is_refused_before_anything_is_indexed(gallery):
    with pytest.raises(ModelError, match="'test_vit_relpos' has no map for a side of 32 pixels"):
        RegionIndex.build(collection(gallery), timm_network("test_vit_relpos"), side=160)
    with pytest.raises(PaintingIndexError, match="multiple of 32; got 450"):
        RegionIndex.build(collection(gallery), CellEmbedder(), side=450)


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"side": "512"}, PaintingIndexError, "side is '512'; it must be a whole number"),
        ({"side": 512.0}, PaintingIndexError, "side is 512.0; it must be a whole number"),
        ({"side": True}, PaintingIndexError, "side is True; it must be a whole number"),
        ({"side": 0}, PaintingIndexError, "side is 0; it must be at least 32"),
        ({"side": -32}, PaintingIndexError, "side is -32; it must be at least 32"),
        ({"seed": "1"}, PaintingIndexError, "seed is '1'; it must be a whole number"),
        ({"seed": -1}, PaintingIndexError, "seed is -1; it must be at least 0"),
        ({"factory": None}, QueryError, "there is no factory None"),
        ({"dataset": None}, PaintingIndexError, "a NoneType without a column id is no collection"),
        ({"embedder": "default"}, ModelError, "'default' is a name"),
    ],
)
def test_wrong_types_are_refused_before_the_work(gallery, options, error, said):
    known = {"dataset": collection(gallery[:1]), "embedder": UnusedEmbedder(), "side": 64} | options
    with pytest.raises(error, match=said):
        RegionIndex.build(known.pop("dataset"), known.pop("embedder"), **known)


class UnusedEmbedder(CellEmbedder):
    """Fails where it is asked for anything."""

    def maps(self, images, *, side=None, batch_size=8):
        raise AssertionError("asked for maps")


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


def test_what_cannot_be_decoded_is_left_out(gallery):
    paintings = collection(gallery[:4]).to_list()
    paintings[1]["image"] = {"path": "cut.jpg", "bytes": b"no picture"}
    index = RegionIndex.build(make_dataset(paintings, painting_features()), CellEmbedder(), side=SIDE)
    assert index.ids == ["p/0", "p/2", "p/3"] and [item.path for item in index.skipped.items] == ["p/1"]
    assert index.search(gallery[2].crop((32, 32, 128, 128)))[0].id == "p/2"
    with pytest.raises(PaintingIndexError, match="appears twice"):
        RegionIndex.build(make_dataset([paintings[0]] * 2, painting_features()), CellEmbedder(), side=SIDE)
    for item in paintings:
        item["image"] = {"path": "cut.jpg", "bytes": b"no picture"}
    with pytest.raises(PaintingIndexError, match="no picture could be indexed"):
        RegionIndex.build(make_dataset(paintings, painting_features()), CellEmbedder(), side=SIDE)


def test_paintings_of_one_colour(gallery):
    blank = [Image.new("RGB", (60, 40), "white")] * 3
    index = RegionIndex.build(collection([*blank, gallery[0]]), CellEmbedder(), side=SIDE)
    assert index.search(gallery[0], k=9, box=Box(0, 0, 96 / 224, 96 / 160))[0].id == "p/3"
    hits = RegionIndex.build(collection(blank), CellEmbedder(), side=SIDE).search(blank[0])
    assert len(hits) == 3 and all(np.isfinite(hit.score) for hit in hits)
