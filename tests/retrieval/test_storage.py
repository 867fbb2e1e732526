"""An index on disk: whole or refused, and never a crash."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from artextract_hf.digests import document_digest, file_digest
from artextract_hf.errors import ArtExtractError, PaintingIndexError
from artextract_hf.retrieval.embedding_parts import embed_collection
from artextract_hf.retrieval.fingerprint import data_fingerprint
from artextract_hf.retrieval.index import PaintingIndex
from artextract_hf.retrieval.storage import index_files, read_embeddings
from tests.retrieval.conftest import ColorEmbedder, paintings


@pytest.fixture(scope="module")
def index(collection) -> PaintingIndex:
    return PaintingIndex.build(collection, ColorEmbedder())


@pytest.fixture
def saved(index, tmp_path) -> Path:
    index.save_pretrained(tmp_path / "index")
    return tmp_path / "index"


def load(folder: Path) -> PaintingIndex:
    return PaintingIndex.from_pretrained(folder, embedder=ColorEmbedder())


def rewrite(folder: Path, **changes: object) -> None:
    """Change the description as somebody would who knows how its digest is made."""
    about = {**json.loads((folder / "index.json").read_text()), **changes}
    about["sha256"]["index.json"] = document_digest({key: value for key, value in about.items() if key != "sha256"})
    (folder / "index.json").write_text(json.dumps(about))


def test_round_trip(index, saved, collection):
    index.save_pretrained(saved)  # over itself
    again = load(saved)
    query = collection[7]["image"]
    assert again.search(query, k=9, where="year > 1600") == index.search(query, k=9, where="year > 1600")
    assert again.describe() == index.describe() and again.records() == index.records()
    assert again.thumbnail("test/7").tobytes() == index.thumbnail("test/7").tobytes()
    assert {p.name for p in saved.iterdir()} == set(index_files(saved)) >= {"records.parquet", "index.json"}
    assert [p.name for p in saved.parent.iterdir()] == ["index"]
    again.save_pretrained(saved)  # read from the files that it replaces
    assert load(saved).search(query, k=9) == index.search(query, k=9)


def test_folders_beside_an_index_are_not_touched(index, tmp_path):
    for ending in ("old", "new"):
        (tmp_path / f"index.{ending}").mkdir()
        (tmp_path / f"index.{ending}/precious.txt").write_text("mine")
    for _ in range(2):
        index.save_pretrained(tmp_path / "index")
    assert {path.name for path in tmp_path.iterdir()} == {"index", "index.old", "index.new"}
    assert all((tmp_path / f"index.{ending}/precious.txt").read_text() == "mine" for ending in ("old", "new"))


@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_save_that_fails_leaves_what_was_there(index, saved, monkeypatch, step):
    """The two renames, and the one that undoes the first: the last that is allowed, and then the disk is gone."""
    renames, rename = 0, Path.rename

    def failing(path: Path, target: Path) -> Path:
        nonlocal renames
        renames += 1
        if renames == step or step == 3 and renames == 2:
            raise OSError("the disk is gone")
        return rename(path, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", failing)
        with pytest.raises(OSError, match="is gone"):
            index.save_pretrained(saved)
    if step < 3:
        assert [path.name for path in saved.parent.iterdir()] == ["index"] and len(load(saved)) == 60
    else:
        (left,) = saved.parent.iterdir()
        assert len(load(left / "old")) == 60
        index.save_pretrained(saved)  # the next save clears it
        assert [path.name for path in saved.parent.iterdir()] == ["index"] and len(load(saved)) == 60


def test_the_working_directory_is_not_replaced(index, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ArtExtractError, match="is the working directory"):
        index.save_pretrained(".")


def test_a_file_without_a_digest_is_refused(saved):
    about = json.loads((saved / "index.json").read_text())
    del about["sha256"]["index.faiss"]
    rewrite(saved, sha256=about["sha256"])
    with pytest.raises(PaintingIndexError, match=r"index\.faiss is missing, damaged"):
        load(saved)


def test_another_embedder_never_answers(saved):
    with pytest.raises(PaintingIndexError, match="has colour-2"):
        PaintingIndex.from_pretrained(saved, embedder=ColorEmbedder("colour-2"))


def test_every_damage_is_one_clear_error(saved, tmp_path):
    rng = np.random.default_rng(0)
    for name in index_files(saved):
        data = (saved / name).read_bytes()
        damaged = [data[: len(data) // 2], b"", data[:-1] if name != "index.json" else data[:-2], data + b"{}"]
        for _ in range(15):
            changed = bytearray(data)
            changed[int(rng.integers(len(data) - 1))] ^= int(rng.integers(1, 256))
            damaged.append(bytes(changed))
        for content in damaged:
            folder = tmp_path / "damaged"
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(saved, folder)
            (folder / name).write_bytes(content)
            try:
                again = load(folder)
            except PaintingIndexError as error:
                assert "\n" not in str(error)
            else:  # a blank of the layout, which says nothing
                assert name == "index.json" and json.loads(content) == json.loads(data) and len(again) == 60
        (folder / name).unlink()
        with pytest.raises(PaintingIndexError):
            load(folder)


def test_files_of_another_index_are_refused(saved, tmp_path):
    PaintingIndex.build(paintings(60, seed=1), ColorEmbedder()).save_pretrained(tmp_path / "other")
    for name in index_files(saved):
        if (saved / name).read_bytes() == (tmp_path / "other" / name).read_bytes():
            continue
        shutil.copytree(saved, tmp_path / "mixed", dirs_exist_ok=True)
        shutil.copy(tmp_path / "other" / name, tmp_path / "mixed" / name)
        with pytest.raises(PaintingIndexError, match="not of this index"):
            load(tmp_path / "mixed")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 1}, "has format 1, and this version reads 2"),
        ({"count": 61}, "holds 60 records, not 61"),
        ({"dim": 4}, "counts differ"),
        ({"dim": "3"}, "damaged: dim"),
        ({"sha256": {}}, "damaged"),
        ({"fingerprint": None}, "damaged: fingerprint"),
        ({"calibration": {"curves": {}}}, "calibration"),
    ],
)
def test_descriptions_that_do_not_fit(saved, changes, message):
    rewrite(saved, **changes)
    with pytest.raises(PaintingIndexError, match=message):
        load(saved)


def test_files_outside_of_the_folder_are_not_read(saved, tmp_path):
    (tmp_path / "secret").write_text("x")
    about = json.loads((saved / "index.json").read_text())
    rewrite(saved, sha256=about["sha256"] | {"../secret": file_digest(tmp_path / "secret")})
    with pytest.raises(PaintingIndexError, match="not of this index"):
        load(saved)


@pytest.mark.parametrize("text", ["[]", "3", "null", '"x"', "{", "[" * 100_000, "\x00"])
def test_foreign_json(saved, text):
    (saved / "index.json").write_text(text)
    with pytest.raises(PaintingIndexError, match="damaged"):
        load(saved)


def test_foreign_folders_are_refused_and_kept(index, tmp_path):
    with pytest.raises(PaintingIndexError, match=r"index\.json is missing"):
        PaintingIndex.from_pretrained(tmp_path)
    with pytest.raises(PaintingIndexError, match="no such folder"):
        PaintingIndex.from_pretrained("nobody/no-index")
    (tmp_path / "precious.txt").write_text("mine")
    for place in (tmp_path, tmp_path / "precious.txt"):
        with pytest.raises(PaintingIndexError, match="is no index"):
            index.save_pretrained(place)
    assert (tmp_path / "precious.txt").read_text() == "mine"


def test_an_index_from_vectors_equals_one_from_pictures(index, collection, tmp_path):
    embed_collection(collection, ColorEmbedder(), tmp_path / "vectors")
    made = PaintingIndex.from_embeddings(tmp_path / "vectors", embedder=ColorEmbedder())
    assert made.describe() == index.describe() and made.records() == index.records()
    assert made.search(collection[4]["image"], k=60) == index.search(collection[4]["image"], k=60)
    with pytest.raises(PaintingIndexError, match="has colour-2"):
        PaintingIndex.from_embeddings(tmp_path / "vectors", embedder=ColorEmbedder("colour-2"))
    made.add(paintings(3, first=100))
    assert len(made) == 63 and len(np.load(tmp_path / "vectors/embeddings.npy")) == 60


@pytest.mark.parametrize("name", ["embeddings.npy", "records.parquet", "ids.json", "embedder.json"])
def test_damaged_vectors_are_refused(collection, tmp_path, name):
    folder = tmp_path / "vectors"
    embed_collection(collection.select(range(5)), ColorEmbedder(), folder)
    whole = (folder / name).read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"[]"):
        (folder / name).write_bytes(content)
        with pytest.raises(PaintingIndexError) as error:
            PaintingIndex.from_embeddings(folder)
        assert "\n" not in str(error.value)
    (folder / name).unlink()
    with pytest.raises(PaintingIndexError):
        PaintingIndex.from_embeddings(folder)


def test_changed_and_permuted_vectors_are_refused(collection, tmp_path):
    embed_collection(collection.select(range(5)), ColorEmbedder(), tmp_path)
    vectors = np.load(tmp_path / "embeddings.npy")
    flipped = bytearray((tmp_path / "embeddings.npy").read_bytes())
    flipped[-3] ^= 1
    np.save(tmp_path / "permuted.npy", vectors[::-1])
    for content in (bytes(flipped), (tmp_path / "permuted.npy").read_bytes()):
        (tmp_path / "embeddings.npy").write_bytes(content)
        with pytest.raises(PaintingIndexError, match="damaged, or not of these records"):
            PaintingIndex.from_embeddings(tmp_path)


def test_every_changed_byte_of_the_records_is_found_and_older_folders_have_no_digest_of_them(collection, tmp_path):
    embed_collection(collection.select(range(5)), ColorEmbedder(), tmp_path)
    path, about = tmp_path / "records.parquet", json.loads((tmp_path / "embedder.json").read_text())
    whole = path.read_bytes()
    for at in range(0, len(whole), 97):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(PaintingIndexError, match="is damaged, or not of these vectors"):
            read_embeddings(tmp_path)
    path.write_bytes(whole)
    (tmp_path / "embedder.json").write_text(json.dumps({k: v for k, v in about.items() if k != "records"}))
    assert len(read_embeddings(tmp_path)[1]) == 5


def test_files_of_vectors_that_never_end_are_refused(collection, tmp_path):
    embed_collection(collection.select(range(5)), ColorEmbedder(), tmp_path)
    with (tmp_path / "ids.json").open("ab") as file:
        file.truncate(2**27)
    with pytest.raises(PaintingIndexError, match="such a document has at most"):
        read_embeddings(tmp_path)
    embed_collection(collection.select(range(6)), ColorEmbedder(), tmp_path)
    (tmp_path / "records.parquet").unlink()
    os.mkfifo(tmp_path / "records.parquet")
    with pytest.raises(PaintingIndexError, match="missing, or no file"):
        read_embeddings(tmp_path)


def test_numbers_that_are_none_are_unknown_whichever_way_an_index_is_made(collection, tmp_path):
    priced = collection.select(range(12)).add_column("price", [float("nan"), *map(float, range(11))])
    embed_collection(priced, ColorEmbedder(), tmp_path / "vectors")
    indexes = [PaintingIndex.build(priced, ColorEmbedder()), PaintingIndex.from_embeddings(tmp_path / "vectors")]
    query = np.array([1, 0, 0], dtype=np.float32)
    for index in indexes:
        assert len(index.search(query, k=20, where="price != 3")) == 10
        assert index.column("price")[0] is None and "NaN" not in json.dumps(index.records())


def test_only_some_of_the_vectors_are_indexed(collection, tmp_path):
    embed_collection(collection, ColorEmbedder(), tmp_path)
    some = PaintingIndex.from_embeddings(tmp_path, "ivf", only=["test/9", "test/4", "test/40"])
    assert some.ids == ["test/4", "test/9", "test/40"]
    np.testing.assert_array_equal(some.vectors(), ColorEmbedder().embed(collection.select([4, 9, 40])["image"]))
    whole = PaintingIndex.from_embeddings(tmp_path, only=collection["id"])
    assert whole.describe() == PaintingIndex.from_embeddings(tmp_path).describe()


def test_fingerprints():
    base = data_fingerprint(["a", "b"], [b"1", b"2"])
    assert len(base) == 16 and base == data_fingerprint(iter(["a", "b"]), iter([b"1", b"2"]))
    others = [(["b", "a"], [b"2", b"1"]), (["a", "b"], [b"1", b"3"]), (["a", "b"], [b"1", None]), (["a"], [b"1"])]
    others += [(["a1", "b"], [b"", b"2"]), (["a", "b"], [b"12", b""])]
    assert len({base, *(data_fingerprint(*other) for other in others)}) == 1 + len(others)
    assert document_digest({"a": 1, "b": [2]}) == document_digest({"b": [2], "a": 1}) != document_digest({"a": 1})
