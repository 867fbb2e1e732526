"""A real LanceDB in a folder; the oracles are the file index and brute force."""

import numpy as np
import pyarrow as pa
import pytest
from datasets import Image

from artextract_hf.errors import ImageError, PaintingIndexError, QueryError
from artextract_hf.retrieval.database import table as database
from artextract_hf.retrieval.database.connection import as_user_error
from artextract_hf.retrieval.database.index import DatabaseIndex
from artextract_hf.retrieval.database.rows import table_schema
from artextract_hf.retrieval.embedding_parts import embed_collection
from artextract_hf.retrieval.index import PaintingIndex
from tests.retrieval.conftest import ColorEmbedder, paintings

lancedb = pytest.importorskip("lancedb", reason="the database extra is not installed")

WHERES = [
    None,
    "year >= 1700",
    "artist_name == 'Ada' and not (year < 1800)",
    "artist_name in ('Ben', 'Cem')",
    "year == 1",
]


@pytest.fixture(scope="module")
def file_index(collection) -> PaintingIndex:
    return PaintingIndex.build(collection, ColorEmbedder())


@pytest.fixture(scope="module")
def index(collection, tmp_path_factory) -> DatabaseIndex:
    return DatabaseIndex.build(collection, ColorEmbedder(), str(tmp_path_factory.mktemp("database")), "colours")


def unit(rng: np.random.Generator) -> np.ndarray:
    query = rng.normal(size=3).astype(np.float32)
    return query / np.linalg.norm(query)


def agree(ours: DatabaseIndex, theirs: PaintingIndex | DatabaseIndex, query, k: int, where: str | None = None) -> None:
    """The same ids and records in the same order, scores up to rounding."""
    found, expected = ours.search(query, k, where), theirs.search(query, k, where)
    assert [(h.id, h.rank, h.record) for h in found] == [(h.id, h.rank, h.record) for h in expected]
    np.testing.assert_allclose([h.score for h in found], [h.score for h in expected], atol=1e-5)


@pytest.mark.parametrize("k", [1, 5, 60, 1000])
@pytest.mark.parametrize("where", WHERES)
def test_equal_to_the_file_index(index, file_index, k, where):
    rng = np.random.default_rng(5)
    for _ in range(5):
        agree(index, file_index, unit(rng), k, where)


@pytest.mark.parametrize("metric", ["ip", "l2"])
def test_every_metric(collection, tmp_path, metric):
    ours = DatabaseIndex.build(collection, ColorEmbedder(), str(tmp_path), "colours", metric=metric)
    theirs = PaintingIndex.build(collection, ColorEmbedder(), metric=metric)
    agree(ours, theirs, unit(np.random.default_rng(1)), 20)


def test_an_image_finds_itself_and_its_thumbnail(index, collection):
    hit = index.search(collection[17]["image"], k=1)[0]
    assert hit.id == "test/17" and hit.score == pytest.approx(1, abs=1e-5)
    assert index.thumbnail("test/17").size == (24, 16)
    with pytest.raises(QueryError, match="holds no 'nix'"):
        index.thumbnail("nix")


def test_add_remove_and_update_equal_the_file_index(collection, tmp_path):
    ours = DatabaseIndex.build(collection.select(range(40)), ColorEmbedder(), str(tmp_path), "colours")
    theirs = PaintingIndex.build(collection.select(range(40)), ColorEmbedder())
    changed = paintings(3, seed=9, first=10)
    for either in (ours, theirs):
        either.add(collection.select(range(40, 60)))
        either.remove(["test/0", "test/25", "test/59"])
        either.update(changed)
        either.remove([])
    assert ours.ids == theirs.ids and len(ours) == len(theirs) == 57
    for k in (1, 57):
        agree(ours, theirs, changed[1]["image"], k)
    assert ours.search(changed[1]["image"], k=1)[0].id == "test/11"


def test_a_refused_change_changes_nothing(collection, tmp_path):
    index = DatabaseIndex.build(collection.select(range(9)), ColorEmbedder(), str(tmp_path), "colours")
    twice = collection.select([20, 20])
    for change, message in [
        (lambda: index.add(collection.select([20, 3])), "'test/3' is already in the index"),
        (lambda: index.add(twice), "'test/20' appears twice"),
        (lambda: index.remove(["test/1", "nix"]), "holds no 'nix'"),
        (lambda: index.update(collection.select([1, 20])), "holds no 'test/20'"),
        (lambda: index.add(collection.select([20]).add_column("mood", ["calm"])), "no 'mood'"),
        (lambda: DatabaseIndex.build(collection, ColorEmbedder(), str(tmp_path), "colours"), "already exists"),
    ]:
        with pytest.raises(PaintingIndexError, match=message):
            change()
        assert index.ids == [f"test/{i}" for i in range(9)]


def test_another_process_sees_a_change_at_once(collection, tmp_path):
    writer = DatabaseIndex.build(collection.select(range(9)), ColorEmbedder(), str(tmp_path), "colours")
    reader = DatabaseIndex.open(str(tmp_path), "colours", embedder=ColorEmbedder())
    assert reader.search(collection[20]["image"], k=1)[0].id != "test/20"
    writer.add(collection.select([20]))
    assert reader.search(collection[20]["image"], k=1)[0].id == "test/20" and len(reader) == 10


def test_another_embedder_never_answers(index, collection):
    uri = index._table._table._conn.uri
    with pytest.raises(PaintingIndexError, match="has colour-2"):
        DatabaseIndex.open(uri, "colours", embedder=ColorEmbedder("colour-2"))
    unloaded = DatabaseIndex.open(lancedb.connect(uri), "colours")  # by vector it answers without its embedder
    agree(unloaded, index, unit(np.random.default_rng(2)), 9)
    assert (unloaded.metric, unloaded.embedder_name, unloaded.fingerprint, unloaded.dim) == (
        "cosine", "colour", "colour-1", 3,
    )  # fmt: skip


def test_what_is_no_index_is_one_clear_error(tmp_path, monkeypatch):
    monkeypatch.delenv("LANCEDB_API_KEY", raising=False)
    lancedb.connect(str(tmp_path)).create_table("other", [{"id": "a"}])
    for uri, table, message in [
        (str(tmp_path), "nix", "not found"),
        (str(tmp_path), "../other", "Invalid table name"),
        (str(tmp_path), "other", "no index of paintings"),
        ("db://museum", "colours", "api_key is required"),
    ]:
        with pytest.raises(PaintingIndexError, match=message) as caught:
            DatabaseIndex.open(uri, table)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "column", "message"),
    [
        ("id", None, "not every record has an id"),
        ("id", pa.array([1]), "not every record has an id"),
        ("thumbnail", None, "it has no column thumbnail"),
        ("thumbnail", pa.array(["x"]), "thumbnail holds no pictures"),
        ("title", pa.array([["x"]]), "the column title holds list"),
        ("year", pa.array(["1900"]), "the column year holds string, not whole numbers"),
        ("seen", pa.array([2**62], pa.timestamp("us")), "the column 'seen' holds timestamp"),
    ],
)
def test_foreign_columns_are_refused_as_by_the_index_in_files(name, column, message, tmp_path):
    about = {"metric": "cosine", "embedder": "colour", "fingerprint": "colour-1"}
    schema = table_schema([pa.field("id", pa.string()), pa.field("title", pa.string())], 3, **about)
    row = {"id": "a", "title": "x", "thumbnail": b"x", "vector": [1, 0, 0]}
    rows = pa.Table.from_pylist([row], schema)
    if name in rows.column_names:
        rows = rows.drop_columns([name])
    if column is not None:
        rows = rows.append_column(name, column)
    lancedb.connect(str(tmp_path)).create_table("other", rows)
    with pytest.raises(PaintingIndexError, match=f"the table 'other' is damaged: .*{message}"):
        DatabaseIndex.open(tmp_path, "other")


def test_opening_a_folder_that_is_not_there_makes_none(tmp_path):
    for uri in (tmp_path / "none", str(tmp_path / "none/below")):
        with pytest.raises(PaintingIndexError, match="there is no folder of a database at .*none"):
            DatabaseIndex.open(uri, "colours")
    assert not list(tmp_path.iterdir())


def test_fields_that_no_record_knows_are_compared_as_in_files(collection, tmp_path):
    few = collection.select(range(3)).remove_columns("year").add_column("year", [None] * 3)
    few = few.add_column("mood", [None] * 3)
    database = DatabaseIndex.build(few, ColorEmbedder(), tmp_path / "database", "colours")
    files = PaintingIndex.build(few, ColorEmbedder())
    files.save_pretrained(tmp_path / "files")
    saved = PaintingIndex.from_pretrained(tmp_path / "files", embedder=ColorEmbedder())
    for index in (database, files, saved):
        for where in ("year == 'x'", "'x' < year", "year_end == 'x'", "medium == 1"):
            with pytest.raises(QueryError, match="another kind"):
                index.search(few[0]["image"], where=where)
        for where in ("year == 1", "year in ('x',)", "year not in (1,)", "mood == 1", "mood == 'x'", "mood in (1,)",
                      "mood not in (1,)"):  # fmt: skip
            assert index.search(few[0]["image"], where=where) == []
            assert len(index.search(few[0]["image"], where=f"not ({where})")) == 3


@pytest.mark.parametrize("uri", [5, None, ["a"]])
def test_what_is_no_database_is_refused(uri):
    with pytest.raises(PaintingIndexError, match="is no database; give a folder"):
        DatabaseIndex.open(uri, "colours")


def test_numbers_that_are_none_are_unknown(collection, tmp_path):
    few = collection.select(range(4)).add_column("price", [float("nan"), float("inf"), 1.0, None])
    few = few.add_column("sides", [[float("nan"), 1.0], [], None, [2.0]])
    ours, theirs = DatabaseIndex.build(few, ColorEmbedder(), tmp_path, "c"), PaintingIndex.build(few, ColorEmbedder())
    for where in (None, "price > 0"):
        agree(ours, theirs, unit(np.random.default_rng(3)), 4, where)
    hits = ours.search(unit(np.random.default_rng(3)), 4)
    assert {hit.id: hit.record["sides"] for hit in hits}["test/0"] == [None, 1.0]
    table = lancedb.connect(str(tmp_path)).open_table("c")  # as another program writes it
    row = table.to_arrow().slice(0, 1).to_pylist()[0]
    row |= {"id": "foreign", "price": float("inf"), "sides": [float("nan")]}
    table.add(pa.Table.from_pylist([row], table.schema))
    found = {hit.id: hit.record for hit in ours.search(unit(np.random.default_rng(3)), 5)}["foreign"]
    assert found["price"] is None and found["sides"] == [None]


def test_bad_queries(index):
    for query, k, where in [
        (np.array([1, 0, 0], np.float32), 0, None),
        (np.array([1, 0], np.float32), 1, None),
        (np.array([1, 1, 0], np.float32), 1, None),
        (np.array([np.nan, 0, 0], np.float32), 1, None),
        (np.array([1, 0, 0], np.float32), 1, "nix == 1"),
        (np.array([1, 0, 0], np.float32), 1, "vector == 1"),
    ]:
        with pytest.raises(QueryError):
            index.search(query, k, where)
    with pytest.raises(ImageError):
        index.search(b"no picture")


def test_a_panic_of_the_engine_is_one_line():
    class RustPanic(Exception):  # noqa: N818  (as pyo3 calls it; its own class cannot be imported)
        pass

    with (
        pytest.raises(PaintingIndexError, match="the table cannot be read: rust future panicked"),
        as_user_error("the table cannot be read"),
    ):
        raise RustPanic("rust future panicked\nstack")


@pytest.mark.parametrize("id_", [b"x", None, 3, ["test/0"]])
def test_what_is_no_text_is_no_id(index, file_index, id_):
    for either in (index, file_index):
        with pytest.raises(QueryError, match="the index holds no"):
            either.similar_to(id_)


def test_undecodable_pictures_are_listed(collection, tmp_path):
    def spoil(record: dict) -> dict:
        if record["id"] in ("test/1", "test/5"):
            record["image"] = {"bytes": record["image"]["bytes"][:40], "path": None}
        return record

    spoilt = collection.select(range(8)).cast_column("image", Image(decode=False)).map(spoil)
    index = DatabaseIndex.build(spoilt.cast_column("image", Image(mode="RGB")), ColorEmbedder(), str(tmp_path), "c")
    assert [s.path for s in index.skipped.items] == ["test/1", "test/5"]
    assert index.ids == [f"test/{i}" for i in (0, 2, 3, 4, 6, 7)]
    with pytest.raises(PaintingIndexError, match=r"no picture could be indexed \(2 were left out, "):
        only_bad = spoilt.cast_column("image", Image(mode="RGB")).select([1, 5])
        DatabaseIndex.build(only_bad, ColorEmbedder(), str(tmp_path), "bad")


def test_a_failing_embedder_leaves_no_table_and_its_own_error(collection, tmp_path):
    class Failing(ColorEmbedder):
        def embed(self, images, batch_size=32):
            return super().embed(images) * (1 if len(images) == 32 else 2)  # the second batch is not of length 1

    with pytest.raises(QueryError, match="not of length 1"):
        DatabaseIndex.build(collection, Failing(), str(tmp_path), "colours")
    index = DatabaseIndex.build(collection.select(range(32)), Failing(), str(tmp_path), "colours")
    with pytest.raises(QueryError, match="not of length 1"):
        index.add(collection.select(range(32, 60)))
    assert index.ids == [f"test/{i}" for i in range(32)]


def test_a_table_from_vectors_equals_one_from_pictures(index, collection, tmp_path):
    embed_collection(collection, ColorEmbedder(), tmp_path / "vectors")
    with pytest.raises(PaintingIndexError, match="has colour-2"):
        DatabaseIndex.from_embeddings(tmp_path / "vectors", str(tmp_path), "c", embedder=ColorEmbedder("colour-2"))
    made = DatabaseIndex.from_embeddings(tmp_path / "vectors", str(tmp_path), "c", embedder=ColorEmbedder())
    agree(made, index, collection[4]["image"], 60, "year >= 1700")
    assert made.ids == index.ids and made.thumbnail("test/4").tobytes() == index.thumbnail("test/4").tobytes()
    made.add(paintings(3, first=100))
    assert len(made) == 63


def test_with_lists_to_search_k_hits_come_if_k_exist(tmp_path, monkeypatch):
    """The approximate index, at a small size: it finds nearly all neighbours, and reads on for a narrow filter."""
    monkeypatch.setattr(database, "INDEX_FROM", 500)
    monkeypatch.setattr(database, "LIST", 40)
    monkeypatch.setattr(database, "PROBES", 5)
    collection = paintings(800, seed=3)
    index = DatabaseIndex.build(collection.select(range(600)), ColorEmbedder(), str(tmp_path), "colours")
    index.add(collection.select(range(600, 800)))
    index.remove([f"test/{i}" for i in range(100)])
    theirs = PaintingIndex.build(collection.select(range(100, 800)), ColorEmbedder(), factory="flat")
    assert {i.index_type for i in index._table._table.list_indices()} == {"IvfFlat", "BTree"}
    rng = np.random.default_rng(0)
    for where in (None, "artist_name == 'Ada'", "year > 1930 and artist_name != 'Ben'"):
        found = right = 0
        for _ in range(20):
            query = unit(rng)
            ours, exact = ({h.id for h in i.search(query, 10, where)} for i in (index, theirs))
            assert len(ours) == len(exact)
            found, right = found + len(exact), right + len(ours & exact)
        assert right >= 0.9 * found, where
    assert index.search(collection[799]["image"], k=1)[0].id == "test/799"
    assert len(index.search(unit(rng), k=700)) == 700
    assert index.ids == theirs.ids
    index.remove(index.ids)
    assert len(index) == 0 and index.ids == index.search(unit(rng), k=3) == []
    index.add(collection.select([5]))
    assert [hit.id for hit in index.search(unit(rng), k=3)] == ["test/5"]
