"""What the browser is told of a collection, read by a decoder of the test's own."""

import struct

import numpy as np
import pytest

from artextract_hf import PaintingIndex
from artextract_hf.curation import CollectionMap
from artextract_hf.errors import PaintingIndexError
from artextract_hf.retrieval import Hit
from spaces_app import atlas as atlas_module
from spaces_app.atlas import TYPICAL, UNKNOWN_YEAR, Atlas, AtlasInTheMaking, index_digest
from tests.retrieval.conftest import ColorEmbedder, paintings
from tests.spaces_app.conftest import made


@pytest.fixture(scope="module")
def index() -> PaintingIndex:
    return PaintingIndex.build(paintings(40), ColorEmbedder())


@pytest.fixture(scope="module")
def found(index) -> CollectionMap:
    """A map whose places are given: the works lie on a line that falls from (-3, 7) to (36, -32)."""
    along = np.arange(len(index), dtype=np.float32)
    cluster = np.repeat([0, 1], [30, 10])
    return CollectionMap(np.stack([along - 3, 7 - along], axis=1), cluster, along / 40, ["1. mixed", "2. <b>"])


def test_seven_bytes_a_work_say_all(index, found):
    atlas = Atlas.of(index, found)
    packed, count = atlas.packed, len(index)
    assert len(packed) == 7 * count
    x, y = struct.unpack_from(f"<{count}H", packed), struct.unpack_from(f"<{count}H", packed, 2 * count)
    years, clusters = struct.unpack_from(f"<{count}h", packed, 4 * count), tuple(packed[6 * count :])
    assert x == tuple(round(65535 * i / 39) for i in range(count)) and y == x[::-1]
    assert clusters == (0,) * 30 + (1,) * 10
    assert years == tuple(-32768 if year is None else year for year in index.column("year"))
    assert -32768 in years and max(years) > 1800


def test_a_map_of_a_hundred_thousand_works_is_below_a_megabyte():
    count = 100_000
    found = CollectionMap(np.zeros((count, 2)), np.zeros(count, np.int64), np.zeros(count), ["1. mixed"])
    atlas = Atlas(range(count), np.zeros((count, 2), np.uint16), np.zeros(count, np.int16), found)
    assert 4 * len(atlas.packed) / 3 < 1_000_000  # in base64


@pytest.mark.parametrize("year", [10_001, -40_000, 10**12])
def test_years_that_are_none_are_unknown(index, found, monkeypatch, year):
    monkeypatch.setattr(index, "column", lambda _: [year, -500, *[None] * 38])
    assert Atlas.of(index, found).years[:3].tolist() == [UNKNOWN_YEAR, -500, UNKNOWN_YEAR]


def test_a_collection_without_years_has_a_map(found, index):
    plain = PaintingIndex.build(paintings(40).remove_columns("year"), ColorEmbedder())
    assert set(Atlas.of(plain, found).years) == {UNKNOWN_YEAR}


def test_works_in_one_place_have_a_map(index, found):
    flat = CollectionMap(np.zeros((40, 2), np.float32), found.cluster, found.nearness, found.names)
    assert not Atlas.of(index, flat).places.any()


def test_typical_works_are_nearest_to_their_middle(index, found):
    ids = index.ids
    assert Atlas.of(index, found).typical == [ids[29 : 29 - TYPICAL : -1], ids[39:29:-1]]


def test_a_painting_is_placed_among_its_relatives(index, found):
    atlas, ids = Atlas.of(index, found), index.ids
    hits = [Hit(ids[row], score, 1, {}) for row, score in ((0, 0.9), (13, 0.6), (39, 0.8), (20, 0.5))]
    x, y, cluster = atlas.place_of(hits)  # 39 is of another cluster, and 20 the last
    assert (x, y, cluster) == (pytest.approx(13 / 39 / 5, abs=1e-4), pytest.approx(1 - 13 / 39 / 5, abs=1e-4), 0)
    far = [Hit(ids[39], -1.0, 1, {}), Hit(ids[0], -2.0, 2, {})]  # scores of distances
    assert atlas.place_of(far) == (1, 0, 1)
    same = [Hit(ids[0], 0.5, 1, {}), Hit(ids[26], 0.5, 2, {})]
    assert atlas.place_of(same) == (pytest.approx(1 / 3, abs=1e-4), pytest.approx(2 / 3, abs=1e-4), 0)
    assert atlas.place_of(hits[:1])[0] == 0


def test_a_map_is_made_once_and_kept(index, tmp_path, monkeypatch):
    first = made(AtlasInTheMaking(index, tmp_path))
    (file,) = tmp_path.iterdir()
    with monkeypatch.context() as patch:
        patch.setattr(atlas_module, "map_collection", lambda _: pytest.fail("made again"))
        assert made(AtlasInTheMaking(index, tmp_path)).packed == first.packed
    for damage in (file.read_bytes()[:-100], b"", b"\0" * 100, b'"'):  # cut short, or none
        file.write_bytes(damage)
        assert made(AtlasInTheMaking(index, tmp_path)).packed == first.packed


def test_another_collection_has_another_map(index):
    digests = {index_digest(index), index_digest(PaintingIndex.build(paintings(40, seed=1), ColorEmbedder()))}
    titled = paintings(40).remove_columns("title").add_column("title", ["Other"] * 40)
    digests.add(index_digest(PaintingIndex.build(titled, ColorEmbedder())))
    assert len(digests) == 3


def test_a_small_collection_has_no_map_and_says_why(tmp_path):
    making = AtlasInTheMaking(PaintingIndex.build(paintings(6), ColorEmbedder()), tmp_path)
    with pytest.raises(PaintingIndexError):
        made(making)
    with pytest.raises(PaintingIndexError):
        making.get()
