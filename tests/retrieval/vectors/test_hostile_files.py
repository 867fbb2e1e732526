"""FAISS files made to harm whoever reads them; nothing here has a checksum that could tell."""

import subprocess
import sys
from pathlib import Path
from struct import pack

import faiss
import numpy as np
import pytest

from artextract_hf.errors import PaintingIndexError
from artextract_hf.retrieval.vectors.store import VectorStore
from tests.retrieval.vectors import mutants

ROOT = Path(__file__).parents[3]
FACTORIES = [
    "flat",
    "sq",
    "rabitq",
    "RaBitQ4",
    "RaBitQfs",
    "hnsw",
    "HNSW16_SQ8",
    "PQ8",
    "PQ8x4fs",
    "IVF8,Flat",
    "IVF8,SQ8",
    "IVF8,PQ4",
    "IVF8,PQ8x4fs",
    "IVF8,RaBitQ",
    "IVF8,RaBitQfs",
    "IVF8_HNSW8,Flat",
    "PCA16,IVF8,SQ8",
    pytest.param("OPQ8,PQ8", marks=pytest.mark.long),  # FAISS rotates for most of a minute
]
MB = 300  # that a damaged file of some kilobytes may take


def survive(factory: str, folder: Path, last: int) -> dict[str, int]:
    """Read damaged files in a process of their own; gives how many were refused and answered. None may end it."""
    command = [sys.executable, "-m", mutants.__name__, factory, str(folder), "0", str(last)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60 + last)
    *words, memory = done.stdout.split()
    assert done.returncode == 0 and len(words) == last, f"mutant {len(words)}: {done.returncode}, {done.stderr[-800:]}"
    assert int(memory) < MB
    return {word: words.count(word) for word in ("refused", "answered")}


def test_damaged_files_do_no_harm(tmp_path):
    assert survive("IVF8,RaBitQ", tmp_path, 60)["refused"] > 20


@pytest.mark.long
@pytest.mark.parametrize("factory", FACTORIES)
def test_thousands_of_damaged_files_do_no_harm(factory, tmp_path):
    assert survive(factory, tmp_path, 300)["refused"] > 50


@pytest.mark.parametrize("factory", FACTORIES)
def test_whole_files_are_read(factory, tmp_path):
    points = np.random.default_rng(0).normal(size=(300, 32)).astype(np.float32)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    store = VectorStore.build(points, factory=factory)
    store.save(tmp_path)
    again = VectorStore.load(tmp_path)
    again.check()
    assert np.array_equal(again.search(points[:9], 5)[1], store.search(points[:9], 5)[1])


def test_lists_on_disk_are_refused_and_their_file_is_not_touched(tmp_path):
    points = np.random.default_rng(0).normal(size=(400, 32)).astype(np.float32)
    store = VectorStore.build(points, factory="IVF8,Flat", metric="ip")
    store.save(tmp_path)
    victim = tmp_path / "victim"
    victim.write_bytes(precious := b"precious" * 10_000)
    before, _, _ = (tmp_path / "index.faiss").read_bytes().partition(b"ilar")
    name = str(victim).encode()
    lists = np.array([[50, 50, 50 * (128 + 8) * number] for number in range(8)], "<u8").tobytes()
    parts = [pack("<QQQ", 8, 128, 24), lists, pack("<Q", 0), pack("<Q", len(name)), name, pack("<Q", 80_000)]
    (tmp_path / "index.faiss").write_bytes(before + b"ilod" + b"".join(parts))
    with pytest.raises(PaintingIndexError, match="the kind of lists"):
        VectorStore.load(tmp_path)
    assert victim.read_bytes() == precious


def test_an_index_of_another_factory_is_refused(tmp_path):
    points = np.random.default_rng(0).normal(size=(300, 32)).astype(np.float32)
    VectorStore.build(points, factory="IVF8,SQ8", metric="ip").save(tmp_path / "index")
    for factory in ("IVF8,Flat", "IVF4,SQ8", "SQ8", "PCA16,IVF8,SQ8"):
        VectorStore.build(points, factory=factory, metric="ip").save(tmp_path / "other")
        (tmp_path / "index/index.faiss").write_bytes((tmp_path / "other/index.faiss").read_bytes())
        with pytest.raises(PaintingIndexError, match="cannot be read"):
            VectorStore.load(tmp_path / "index")


def test_lists_that_do_not_hold_each_row_once_are_refused(tmp_path):
    points = np.random.default_rng(0).normal(size=(300, 32)).astype(np.float32)
    store = VectorStore.build(points, factory="IVF8,Flat", metric="ip")
    lists = faiss.downcast_index(store.index).invlists
    ids = faiss.rev_swig_ptr(lists.get_ids(3), lists.list_size(3))
    for wrong in (10**12, -1, int(ids[1])):
        ids[0] = wrong
        store.save(tmp_path)
        with pytest.raises(PaintingIndexError, match="each vector once"):
            VectorStore.load(tmp_path).check()


@pytest.mark.parametrize(
    ("value", "message"), [(np.nan, "not finite numbers"), (np.inf, "not finite numbers"), (9.0, "not of length 1")]
)
@pytest.mark.parametrize("factory", ["flat", "rabitq"])
def test_vectors_that_no_search_takes_are_refused(factory, value, message, tmp_path):
    points = np.eye(40, 32, dtype=np.float32) + np.eye(40, 32, -32, dtype=np.float32)
    store = VectorStore.build(points, factory=factory)
    store._originals[7, 3] = value
    store.save(tmp_path)
    with pytest.raises(PaintingIndexError, match=message):
        VectorStore.load(tmp_path).check()
