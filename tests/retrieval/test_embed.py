import io
import json
from datetime import datetime
from decimal import Decimal

import numpy as np
import pytest
from datasets import Dataset, DatasetDict, Image, List, Value
from PIL import Image as PILImage

from artextract_hf.data.schema import SkipList, new_record, painting_features
from artextract_hf.errors import ModelError, PaintingIndexError
from artextract_hf.retrieval.embed import embedded_batches, embedded_records, painting_batches, thumbnail_of
from artextract_hf.retrieval.embedding_parts import embed_collection
from artextract_hf.retrieval.index import PaintingIndex
from tests.conftest import plain_picture
from tests.retrieval.conftest import ColorEmbedder, paintings


def spoilt(dataset: Dataset, *ids: str) -> Dataset:
    """The same records; of these ids the picture is cut short."""

    def cut(record: dict) -> dict:
        if record["id"] in ids:
            record["image"] = {"bytes": record["image"]["bytes"][:40], "path": None}
        return record

    return dataset.cast_column("image", Image(decode=False)).map(cut).cast_column("image", Image(mode="RGB"))


@pytest.fixture(scope="module")
def broken() -> Dataset:
    return spoilt(paintings(70), "test/0", "test/33", *(f"test/{i}" for i in range(64, 70)))


def test_vectors_and_rows_of_what_can_be_decoded(broken):
    skipped = SkipList()
    batches = list(embedded_batches(broken, ColorEmbedder(), skipped))
    gone = [0, 33, *range(64, 70)]
    assert [s.path for s in skipped.items] == [f"test/{i}" for i in gone]
    assert [len(vectors) for vectors, _ in batches] == [31, 31]  # the third batch holds nothing
    kept = [i for i in range(70) if i not in gone]
    rows = [row for _, batch in batches for row in batch]
    assert [row["id"] for row in rows] == [f"test/{i}" for i in kept]
    expected = ColorEmbedder().embed([broken[i]["image"] for i in kept])
    np.testing.assert_array_equal(np.concatenate([vectors for vectors, _ in batches]), expected)
    names = broken.features["style"].names
    for row, i in zip(rows, kept, strict=True):
        style = broken.select_columns(["style"])[i]["style"]
        assert row["style"] == (names[style] if style >= 0 else None) and row["artist"] is None
        assert "image" not in row and PILImage.open(io.BytesIO(row["thumbnail"])).size == (24, 16)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (lambda vectors: vectors[:1], r"gives \(1, 3\) numbers for 8 pictures, not \(8, 3\)"),
        (lambda vectors: np.hstack([vectors, vectors]), r"gives \(8, 6\) numbers"),
        (lambda vectors: vectors[0], r"gives \(3,\) numbers"),
        (lambda vectors: None, r"gives \(\) numbers"),
    ],
)
def test_an_embedder_that_gives_other_than_a_vector_for_each_picture_is_refused(given, said):
    class Other(ColorEmbedder):
        def embed(self, images, batch_size=32):
            return given(super().embed(images))

    with pytest.raises(ModelError, match=said):
        embedded_records(paintings(8), Other(), SkipList())


def test_columns_that_no_record_can_hold_are_left_out(tmp_path):
    picture = {"bytes": b"damaged", "path": None}
    columns = {
        "acquired": ([datetime(1900, 1, 2)], Value("timestamp[us]")),
        "price": ([Decimal("1.20")], Value("decimal128(5, 2)")),
        "sound": ([b"x"], Value("binary")),
        "verso": ([picture], Image()),
        "views": ([[picture]], List(Image())),
        "sizes": ([[3, 4]], List(Value("int32"))),
    }
    dataset = paintings(8)
    for name, (values, feature) in columns.items():
        dataset = dataset.add_column(name, values * 8, feature=feature)
    embed_collection(dataset, ColorEmbedder(), tmp_path / "vectors")
    built = PaintingIndex.build(dataset, ColorEmbedder())
    for index in (built, PaintingIndex.from_embeddings(tmp_path / "vectors", embedder=ColorEmbedder())):
        record = json.loads(json.dumps(index.records()))[0]
        assert not record.keys() & {"acquired", "price", "sound", "verso", "views"} and record["sizes"] == [3, 4]
        index.save_pretrained(tmp_path / "index")
        read = PaintingIndex.from_pretrained(tmp_path / "index", embedder=ColorEmbedder())
        assert json.dumps(read.records()) == json.dumps(index.records())


def test_a_column_of_the_schema_that_is_of_another_type_is_refused():
    for name, value in (("year", "1900"), ("license", 1), ("style", 1), ("title", ["x"])):
        other = paintings(1).remove_columns(name).add_column(name, [value])
        with pytest.raises(PaintingIndexError, match=f"cannot be indexed: the column {name} holds"):
            embedded_records(other, ColorEmbedder(), SkipList())


def test_a_painting_without_an_id_is_refused():
    nameless = paintings(2).remove_columns("id").add_column("id", ["a", None])
    with pytest.raises(PaintingIndexError, match="the id None is no text"):
        embedded_records(nameless, ColorEmbedder(), SkipList())
    for other in (nameless.remove_columns("id"), DatasetDict(train=paintings(2))):
        with pytest.raises(PaintingIndexError, match="without a column id is no collection; give one split"):
            embedded_records(other, ColorEmbedder(), SkipList())


def test_pictures_are_decoded_one_batch_ahead_and_no_further(monkeypatch):
    loaded = []
    monkeypatch.setattr(
        "artextract_hf.data.pictures.decode_image",
        lambda *_, **__: loaded.append(1) or plain_picture((200, 30, 30)),
    )
    taken = 0
    for vectors, _ in embedded_batches(paintings(200), ColorEmbedder(), SkipList()):
        taken += len(vectors)
        assert taken <= len(loaded) <= taken + 32
    assert taken == len(loaded) == 200


def test_how_large_pictures_are_decoded():
    buffer = io.BytesIO()
    plain_picture((200, 30, 30), (2048, 2048)).save(buffer, "JPEG")
    record = new_record(id="large", image={"bytes": buffer.getvalue(), "path": None})
    dataset = Dataset.from_list([record], features=painting_features())
    seen = [
        pictures[0].size
        for options in ({}, {"min_side": 1000})
        for pictures, _ in painting_batches(dataset, SkipList(), **options)
    ]
    assert seen == [(512, 512), (1024, 1024)]


def test_a_thumbnail_keeps_its_shape_and_changes_nothing():
    picture = plain_picture((10, 200, 90), (1024, 512))
    small = PILImage.open(io.BytesIO(thumbnail_of(picture)))
    assert (small.size, small.format, picture.size) == ((256, 128), "JPEG", (1024, 512))
    assert np.abs(np.asarray(small, dtype=float).mean((0, 1)) - (10, 200, 90)).max() < 2
