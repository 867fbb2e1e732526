"""The calls that a database shares with the other indexes; the oracle is the index in files of the same collection."""

import numpy as np
import pytest
from datasets import Dataset
from PIL import Image

from artextract_hf.data.schema import new_record, painting_features
from artextract_hf.errors import ModelError, PaintingIndexError, QueryError
from artextract_hf.retrieval.database import table as database
from artextract_hf.retrieval.database.index import DatabaseIndex
from artextract_hf.retrieval.index import PaintingIndex
from artextract_hf.retrieval.records import THUMBNAIL, RecordTable
from artextract_hf.retrieval.searchable import Searchable, SearchHit
from tests.conftest import plain_picture
from tests.retrieval.conftest import ColorEmbedder, WordEmbedder, paintings

pytest.importorskip("lancedb", reason="the database extra is not installed")

COUNT = 200


class MapEmbedder(WordEmbedder):
    """Gives maps too: how the colours of a picture's parts differ from the whole's."""

    def maps(self, images, *, side=None, batch_size=8):
        small = [picture.resize((6, 6), Image.Resampling.BOX) for picture in images]
        maps = np.stack([np.asarray(picture, dtype=np.float32).transpose(2, 0, 1) for picture in small])
        return maps - maps.mean(axis=(2, 3), keepdims=True)


@pytest.fixture(scope="module")
def collection() -> Dataset:
    return paintings(COUNT)


@pytest.fixture(scope="module")
def files(collection) -> PaintingIndex:
    return PaintingIndex.build(collection, MapEmbedder(), factory="flat")


@pytest.fixture(scope="module")
def index(collection, tmp_path_factory) -> DatabaseIndex:
    return DatabaseIndex.build(collection, MapEmbedder(), str(tmp_path_factory.mktemp("database")), "colours")


def directions(count: int) -> list[np.ndarray]:
    vectors = np.random.default_rng(3).normal(size=(count, 3)).astype(np.float32)
    return list(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def agree(found, expected) -> None:
    """The same hits in the same order, numbers up to rounding."""
    assert [(h.id, h.rank, h.record, h.versions, h.good_match, set(h.same)) for h in found] == [
        (h.id, h.rank, h.record, h.versions, h.good_match, set(h.same)) for h in expected
    ]
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.score == pytest.approx(theirs.score, abs=1e-5)
        assert ours.same == pytest.approx(theirs.same, abs=1e-3)


def test_it_is_searchable(index):
    (hit,) = index.search(directions(1)[0], k=1)
    assert isinstance(index, Searchable) and isinstance(hit, SearchHit)
    assert index.thumbnail(hit.id).size == (24, 16)
    about = {"count": COUNT, "dim": 3, "metric": "cosine", "embedder": "colour", "fingerprint": "colour-1"}
    assert index.describe() == about


@pytest.mark.parametrize("where", [None, "year >= 1800"])
def test_hits_say_what_their_score_is_worth(index, files, where):
    assert set(index.calibration.curves) == {"artist", "style"}
    assert index.threshold == pytest.approx(files.threshold, abs=1e-6)
    for query in directions(5):
        agree(index.search(query, 7, where), files.search(query, 7, where))


def test_several_queries_at_once_are_as_one_after_the_other(index, monkeypatch):
    monkeypatch.setattr(database, "QUERIES_AT_ONCE", 4)
    queries = directions(9)
    for k, where in [(1, None), (5, "artist_name == 'Ada'"), (3 * COUNT, "year > 1900"), (2, "year == 1")]:
        for found, query in zip(index.search_many(queries, k, where), queries, strict=True):
            agree(found, index.search(query, k, where))
    assert index.search_many([]) == []


def test_a_text_or_several_examples_state_no_probability(index, files):
    found = index.search_many(["red", files.vectors()[0]], k=3)
    assert not found[0][0].same and found[0][0].good_match is None and found[1][0].same
    examples = {"like": ["red", "blue"], "unlike": [files.vectors()[5]], "k": 4}
    agree(index.search_examples(**examples), files.search_examples(**examples))
    agree(index.search_examples([files.vectors()[7]]), files.search_examples([files.vectors()[7]]))
    with pytest.raises(QueryError, match="at least one example"):
        index.search_examples([])


@pytest.mark.parametrize("where", [None, "style == 'Realism'", "artist_name in ('Ada', 'Ben')"])
def test_similar_to_one_of_them(index, files, where):
    for id_ in ("test/0", "test/77"):
        agree(index.similar_to(id_, 6, where), files.similar_to(id_, 6, where))
    assert len(index.similar_to("test/3", k=COUNT)) == COUNT - 1
    with pytest.raises(QueryError, match="holds no 'nix'"):
        index.similar_to("nix")
    with pytest.raises(QueryError, match="k is 0"):
        index.similar_to("test/0", k=0)


def test_a_row_of_vectors_and_k_are_read_as_by_the_index_in_files(index):
    query = directions(1)[0]
    agree(index.search(query[None], k=np.int64(3)), index.search(query, k=3))
    for k in (True, 1.5, float("nan")):
        with pytest.raises(QueryError, match="it must be a whole number"):
            index.search(query, k=k)


def test_versions_of_one_work_are_one_hit(tmp_path):
    """Each work three times, darker each time: the picture is the same, its colour nearly."""
    rng = np.random.default_rng(0)
    records = []
    for work in range(6):
        pixels = rng.integers(0, 200, size=(4, 4, 3)).repeat(16, axis=0).repeat(16, axis=1)
        for version in range(3):
            picture = plain_picture((0, 0, 0), (64, 64), seed=1)
            picture.putdata([tuple(p) for p in (pixels.reshape(-1, 3) + version).tolist()])
            records.append(new_record(id=f"{work}.{version}", image=picture, license="CC0"))
    works = Dataset.from_list(records, features=painting_features())
    files = PaintingIndex.build(works, ColorEmbedder(), factory="flat")
    index = DatabaseIndex.build(works, ColorEmbedder(), str(tmp_path), "works")
    for query in (works[0]["image"], works[9]["image"]):
        found = index.search(query, k=4, fold=True)
        agree(found, files.search(query, k=4, fold=True))
        assert len(found) == 4 and all(len(hit.versions) == 2 for hit in found)
    agree(index.similar_to("2.1", k=9, fold=True), files.similar_to("2.1", k=9, fold=True))


@pytest.mark.parametrize("name", ["expansion", "spatial"])
@pytest.mark.parametrize("where", [None, "year < 1700"])
def test_reranking_of_the_first_answers(index, files, collection, name, where):
    queries = [collection[3]["image"], plain_picture((200, 90, 20), (24, 16))]
    found = index.search_many(queries, 8, where, rerank=name)
    for ours, theirs in zip(found, files.search_many(queries, 8, where, rerank=name), strict=True):
        agree(ours, theirs)
    assert [hit.id for hit in found[1]] != [hit.id for hit in index.search(queries[1], 8, where)]


def test_reranking_that_is_refused(index, collection):
    query = collection[0]["image"]
    for name in ("csls", "k_reciprocal"):
        with pytest.raises(QueryError, match=f"by {name} reads all vectors.*take expansion or spatial"):
            index.search(query, rerank=name)
    with pytest.raises(QueryError, match="no re-ranking 'nix'"):
        index.search(query, rerank="nix")
    with pytest.raises(QueryError, match="not both"):
        index.search(query, fold=True, rerank="expansion")
    with pytest.raises(QueryError, match="the query is none"):
        index.search(np.array([1, 0, 0], np.float32), rerank="spatial")


def test_without_maps_nothing_is_reranked_by_place(collection, tmp_path):
    index = DatabaseIndex.build(collection.select(range(3)), ColorEmbedder(), str(tmp_path), "few")
    with pytest.raises(ModelError, match="no maps"):
        index.search(collection[0]["image"], rerank="spatial")


def test_a_calibration_lasts_until_many_paintings_are_others(collection, tmp_path):
    index = DatabaseIndex.build(collection.select(range(150)), ColorEmbedder(), str(tmp_path), "colours")
    reader = DatabaseIndex.open(str(tmp_path), "colours")
    first = index.calibration.as_json()
    assert first["threshold"] is not None and reader.calibration.as_json() == first
    index.add(collection.select(range(150, 157)))  # with these, seven of 150 are others: less than 5 %
    assert index.calibration.as_json() == reader.calibration.as_json() == first
    index.remove(["test/0"])
    changed = index.calibration.as_json()
    assert changed != first and reader.calibration.as_json() == changed
    assert DatabaseIndex.open(str(tmp_path), "colours").calibration.as_json() == changed
    expected = PaintingIndex.build(collection.select(range(1, 157)), ColorEmbedder()).calibration
    assert changed["threshold"] == pytest.approx(expected.threshold, abs=1e-6)


def test_a_sample_of_a_large_collection_is_enough(index, collection, tmp_path, monkeypatch):
    monkeypatch.setattr(database, "CALIBRATION_QUERIES", 120)
    sampled = DatabaseIndex.build(collection, ColorEmbedder(), str(tmp_path), "colours")
    assert sampled.threshold == pytest.approx(index.threshold, abs=0.05)
    scores = np.linspace(0.9, 1, 5)
    for ours, theirs in zip(sampled.calibration.same(scores), index.calibration.same(scores), strict=True):
        assert ours == pytest.approx(theirs, abs=0.2)


def test_a_table_of_few_paintings_states_nothing(collection, tmp_path):
    index = DatabaseIndex.build(collection.select(range(9)), ColorEmbedder(), str(tmp_path), "few")
    assert index.threshold is None and index.search(directions(1)[0])[0].same == {}
    index.remove(index.ids)
    assert index.threshold is None


def test_there_and_back_as_an_index_in_files(index, collection, tmp_path):
    index.save_pretrained(tmp_path / "index")
    files = PaintingIndex.from_pretrained(tmp_path / "index", embedder=MapEmbedder())
    made = PaintingIndex.build(collection, MapEmbedder())
    assert files.describe() == made.describe() and files.records() == made.records()
    assert (files.vectors() == made.vectors()).all()
    assert files.thumbnail("test/5").tobytes() == index.thumbnail("test/5").tobytes()
    again = DatabaseIndex.from_pretrained(tmp_path / "index", uri=str(tmp_path / "db"), table="again")
    in_memory = DatabaseIndex.from_pretrained(tmp_path / "index", embedder=MapEmbedder())
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    for query in directions(3):
        agree(files.search(query), index.search(query))
        agree(again.search(query), index.search(query))
        agree(in_memory.search(query), index.search(query))
    assert again.calibration.as_json() == files.calibration.as_json()
    with pytest.raises(PaintingIndexError, match="already exists"):
        DatabaseIndex.from_pretrained(tmp_path / "index", uri=str(tmp_path / "db"), table="again")
    with pytest.raises(PaintingIndexError, match="has colour-2"):
        DatabaseIndex.from_pretrained(tmp_path / "index", embedder=ColorEmbedder("colour-2"))


def test_what_is_saved_is_calibrated_anew(collection, tmp_path):
    index = DatabaseIndex.build(collection, ColorEmbedder(), str(tmp_path / "db"), "colours")
    index.remove(["test/0"])
    before = index.calibration.as_json()
    index.save_pretrained(tmp_path / "index")
    assert index.calibration.as_json() != before
    saved = PaintingIndex.from_pretrained(tmp_path / "index").calibration
    assert saved.as_json() == index.calibration.as_json()


def test_an_index_without_pictures_stays_one(collection, tmp_path):
    made = PaintingIndex.build(collection.select(range(12)), ColorEmbedder())
    table = RecordTable(made._snapshot.records.table.drop_columns([THUMBNAIL]))
    about = {"embedder_name": "colour", "fingerprint": "colour-1", "embedder": None}
    PaintingIndex(made._snapshot.store, table, **about).save_pretrained(tmp_path / "in")
    index = DatabaseIndex.from_pretrained(tmp_path / "in")
    with pytest.raises(QueryError, match="made without pictures"):
        index.thumbnail("test/1")
    with pytest.raises(QueryError, match="made without pictures"):
        index.search(directions(1)[0], fold=True)
    index.save_pretrained(tmp_path / "out")
    assert PaintingIndex.from_pretrained(tmp_path / "out").describe() == made.describe() | {"data": table.fingerprint}


def test_a_folder_that_holds_something_else_stays(index, tmp_path):
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(PaintingIndexError, match="is no index"):
        index.save_pretrained(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]
