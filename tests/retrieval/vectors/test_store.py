import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import faiss
import numpy as np
import pytest

from artextract_hf.errors import PaintingIndexError, QueryError
from artextract_hf.retrieval.vectors import faiss_index
from artextract_hf.retrieval.vectors import store as vectors
from artextract_hf.retrieval.vectors.faiss_index import efforts, inverted_lists, set_effort
from artextract_hf.retrieval.vectors.store import VectorStore

METRICS = ["cosine", "ip", "l2"]
FACTORIES = [
    "flat",
    "hnsw",
    "ivf",
    "sq",
    "rabitq",
    "IVF16,PQ8",
    "IVF16,RaBitQ",
    "IVF16,RaBitQfs",
    "PCA24,IVF8,SQ8",
    "PQ8",
]
WHOLE = ("flat", "hnsw", "ivf")  # exact when they search as thoroughly as they can; the others search codes
DIM = 32


def clustered(count: int, metric: str = "cosine", seed: int = 0) -> np.ndarray:
    """Vectors around 20 centres, of length 1 for the cosine only."""
    centres = np.random.default_rng(99).normal(size=(20, DIM))
    rng = np.random.default_rng(seed)
    points = centres[rng.integers(20, size=count)] + 0.6 * rng.normal(size=(count, DIM))
    if metric == "cosine":
        points /= np.linalg.norm(points, axis=1, keepdims=True)
    return points.astype(np.float32)


def brute_force(points: np.ndarray, query: np.ndarray, metric: str) -> np.ndarray:
    """Scores (N,) in float64."""
    points, query = points.astype(np.float64), query.astype(np.float64)
    return -np.linalg.norm(points - query, axis=1) if metric == "l2" else points @ query


def assert_exact(store, points, queries, k, rows=None):
    """k different allowed rows, each with its own score, which are the k best scores; ties may fall either way."""
    allowed = np.arange(len(points)) if rows is None else np.unique(rows)
    scores, found = store.search(queries, k, rows=rows)
    assert scores.shape == found.shape == (len(queries), min(k, len(allowed)))
    assert scores.dtype == np.float32 and found.dtype == np.int64
    for i, query in enumerate(queries):
        truth = brute_force(points, query, store.metric)
        assert len(set(found[i])) == found.shape[1] and np.isin(found[i], allowed).all()
        np.testing.assert_allclose(scores[i], truth[found[i]], atol=2e-3, rtol=1e-5)
        np.testing.assert_allclose(scores[i], -np.sort(-truth[allowed])[:k], atol=2e-3, rtol=1e-5)


def recall(store, points, queries, k, rows=None) -> float:
    allowed = np.arange(len(points)) if rows is None else rows
    _, found = store.search(queries, k, rows=rows)
    shares = []
    for i, query in enumerate(queries):
        truth = brute_force(points, query, store.metric)
        shares.append(np.mean(truth[found[i]] >= np.sort(truth[allowed])[-k] - 1e-5))
    return float(np.mean(shares))


@pytest.mark.parametrize("metric", METRICS)
def test_hand_computed_scores(metric):
    points = np.array([[1, 0], [0, 1], [0.6, 0.8]], np.float32)
    scores, rows = VectorStore.build(points, factory="flat", metric=metric).search(points[:1], 3)
    assert rows.tolist() == [[0, 2, 1]]
    expected = {"l2": [0, -np.sqrt(0.8), -np.sqrt(2)]}.get(metric, [1, 0.6, 0])
    np.testing.assert_allclose(scores, [expected], atol=1e-6)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("factory", FACTORIES)
def test_filtered_and_exhaustive_searches_equal_brute_force(factory, metric):
    points, queries = clustered(900, metric), clustered(5, metric, seed=1)
    store = VectorStore.build(points, factory=factory, metric=metric)
    rng = np.random.default_rng(2)
    for share in (0.002, 0.1, 0.7):
        rows = np.flatnonzero(rng.random(900) < share)
        for k in (1, 7, len(rows), 5000):
            if len(rows):
                assert_exact(store, points, queries, k, rows)
    for k in (900, 901, 2**31):
        assert_exact(store, points, queries, k)
    set_effort(store.index, efforts(store.index)[-1])
    if factory in WHOLE:
        for k in (1, 10):
            assert_exact(store, points, queries, k)
    assert store.search(queries, 3, rows=np.array([], int))[1].shape == (5, 0)
    assert store.search(queries[:0], 3)[1].shape == (0, 3)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("factory", FACTORIES)
def test_adding_and_removing_equals_a_rebuild(factory, metric):
    points, queries, rng = clustered(700, metric), clustered(4, metric, seed=1), np.random.default_rng(3)
    store = VectorStore.build(points[:600], factory=factory, metric=metric)
    kept = points[:600]
    for _ in range(3):
        store.add(new := clustered(int(rng.integers(1, 60)), metric, seed=int(rng.integers(1000))))
        store.remove(gone := rng.choice(len(store), int(rng.integers(1, 80)), replace=False))
        kept = np.delete(np.concatenate([kept, new]), gone, axis=0)
        assert len(store) == len(kept) and np.array_equal(store.vectors(), kept)
        set_effort(store.index, efforts(store.index)[-1])
        if factory in WHOLE:
            assert_exact(store, kept, queries, 10)
        assert_exact(store, kept, queries, 20, rows=np.arange(0, len(kept), 3))
    store.remove(np.arange(len(store)))
    assert len(store) == 0 and store.search(queries, 3)[1].shape == (4, 0)
    store.add(points[:5])
    assert_exact(store, points[:5], queries, 3)


@pytest.mark.parametrize("factory", [*FACTORIES, "PCA8,Flat", "PCA8,HNSW32", "HNSW32_SQ4"])
def test_codes_find_most_neighbours(factory, monkeypatch):
    monkeypatch.setattr(vectors, "EXACT_FLOATS", 0)  # filters go to FAISS, too
    points, queries = clustered(6000), clustered(50, seed=1)
    store = VectorStore.build(points, factory=factory)
    assert recall(store, points, queries, 10) >= 0.95
    assert recall(store, points, queries, 10, rows=np.arange(0, 6000, 2)) >= 0.95
    rows = np.flatnonzero(points @ points[0] < np.quantile(points @ points[0], 0.03))  # none near the first vector
    assert store.search(points[:1], 100, rows=rows)[1].shape == (1, 100)
    assert (store.search(points[:1], 100, rows=rows)[1] >= 0).all()


@pytest.mark.parametrize("factory", FACTORIES)
@pytest.mark.parametrize("mapped", [False, True])
def test_round_trip(factory, mapped, tmp_path, monkeypatch):
    if mapped:
        monkeypatch.setattr(faiss_index, "MAP_BYTES", 0)
    points, queries = clustered(500, "l2"), clustered(6, "l2", seed=1)
    store = VectorStore.build(points, factory=factory, metric="l2")
    store.save(tmp_path)
    again = VectorStore.load(tmp_path)
    again.save(tmp_path)  # over the files that it reads from
    again = VectorStore.load(tmp_path)
    assert (again.factory, again.spec, again.metric, again.dim) == (store.factory, store.spec, "l2", DIM)
    for left, right in zip(store.search(queries, 9), again.search(queries, 9), strict=True):
        assert np.array_equal(left, right)
    names = {"index.faiss", "vectors.json"} | (set() if factory in ("flat", "hnsw") else {"vectors.npy"})
    assert {path.name for path in tmp_path.iterdir()} == names
    again.add(points[:3])  # FAISS would end the process on a change to a memory-mapped index
    again.remove(np.array([1]))
    assert_exact(again, np.delete(np.concatenate([points, points[:3]]), 1, axis=0), queries, 5, rows=np.arange(400))


@pytest.mark.parametrize("factory", ["flat", "hnsw", "sq", "rabitq", "IVF8,Flat", "IVF8,PQ4", "IVF8,RaBitQ"])
def test_damaged_files_are_refused_or_answer(factory, tmp_path):
    points, rng = clustered(300), np.random.default_rng(4)
    store = VectorStore.build(points, factory=factory)
    store.save(tmp_path / "whole")
    refused = 0
    for trial in range(60):
        folder = tmp_path / "damaged"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(tmp_path / "whole", folder)
        path = sorted(folder.iterdir())[trial % len(list(folder.iterdir()))]
        path.write_bytes(damaged(path.read_bytes(), rng))
        try:
            loaded = VectorStore.load(folder)
        except PaintingIndexError as error:
            refused += 1
            assert "\n" not in str(error)
            continue
        try:
            _, rows = loaded.search(points[:3], 5, rows=np.arange(290))
            assert rows.shape == (3, 5) and ((rows >= 0) & (rows < 290)).all()
            loaded.search(points[:3], 5)
        except PaintingIndexError as error:  # FAISS sees it when it searches
            assert "\n" not in str(error)
    assert refused > 5
    shutil.copytree(tmp_path / "whole", folder, dirs_exist_ok=True)
    (folder / "index.faiss").unlink()
    with pytest.raises(PaintingIndexError, match="cannot be read"):
        VectorStore.load(folder)


def damaged(data: bytes, rng: np.random.Generator) -> bytes:
    kind = int(rng.integers(3))
    if kind == 0:
        return data[: int(rng.integers(len(data)))]
    changed, place = bytearray(data), int(rng.integers(min(len(data) - 8, 400)))
    if kind == 1:
        changed[place] ^= int(rng.integers(1, 256))
    else:
        changed[place : place + 8] = int(rng.integers(2**62)).to_bytes(8, "little")
    return bytes(changed)


def test_equal_vectors():
    points = np.repeat(clustered(50), 20, axis=0)
    for factory in ("ivf", "rabitq", "hnsw"):
        store = VectorStore.build(points, factory=factory)
        assert_exact(store, points, points[::200], 20, rows=np.arange(500))
        assert recall(store, points, points[::200], 10) == 1


@pytest.mark.parametrize("factory", ["flat", "IVF16,RaBitQ", "hnsw"])
def test_many_threads_get_the_same_answers(factory):
    points = clustered(3000)
    store, rows = VectorStore.build(points, factory=factory), np.arange(0, 3000, 2)

    def answer(i: int) -> list[list[int]]:
        return store.search(points[i : i + 1], 5, rows=rows)[1].tolist()

    alone = [answer(i) for i in range(40)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(answer, range(40))) == alone


def test_a_build_is_the_same_every_time_and_keeps_a_read_only_array(tmp_path: Path):
    points = clustered(2000)
    stores = [VectorStore.build(points, factory="ivf") for _ in range(2)]
    assert np.array_equal(*(store.search(points[:50], 5)[0] for store in stores))
    assert inverted_lists(stores[0].index).nprobe == inverted_lists(stores[1].index).nprobe
    np.save(tmp_path / "points.npy", points)
    mapped = np.load(tmp_path / "points.npy", mmap_mode="r")
    store = VectorStore.build(mapped, factory="rabitq")
    assert np.shares_memory(store._originals, mapped)
    writeable = points.copy()
    store = VectorStore.build(writeable, factory="rabitq")
    writeable[:] = 0
    assert np.array_equal(store.vectors(np.array([7, 3])), points[[7, 3]])


def test_bad_input():
    points = clustered(100)
    store = VectorStore.build(points, factory="flat")
    for wrong, message in [
        (points[:, :5], "length 32"),
        (points * np.nan, "not finite"),
        (points * 2, "not of length 1"),
        (points[0], "length 32"),
    ]:
        with pytest.raises(QueryError, match=message):
            store.search(wrong, 3)
        with pytest.raises(QueryError):
            store.add(wrong)
    for rows in ([-1], [100], [2**40]):
        with pytest.raises(QueryError, match="100 rows"):
            store.search(points[:1], 1, rows=np.array(rows))
        with pytest.raises(QueryError, match="100 rows"):
            store.remove(np.array(rows))
    with pytest.raises(QueryError, match="at least 1"):
        store.search(points[:1], 0)
    with pytest.raises(QueryError, match="cosine, ip, l2"):
        VectorStore.build(points, metric="cosin")
    with pytest.raises(QueryError, match=r"\(N, dim\)"):
        VectorStore.build(points[0])
    assert len(store) == 100
    assert len(VectorStore.build(points[:0])) == 0


@pytest.mark.parametrize("factory", [*FACTORIES, "PCA24,HNSW16"])
def test_a_copy_changes_without_its_original(factory):
    points, queries = clustered(400), clustered(5, seed=1)
    store = VectorStore.build(points, factory=factory)
    before, copy = store.search(queries, 7), store.copy()
    assert all(np.array_equal(a, b) for a, b in zip(copy.search(queries, 7), before, strict=True))
    copy.remove(np.arange(0, 400, 2))
    copy.add(points[:30])
    assert all(np.array_equal(a, b) for a, b in zip(store.search(queries, 7), before, strict=True))
    assert np.array_equal(store.vectors(), points)
    assert np.array_equal(copy.vectors(), np.concatenate([points[1::2], points[:30]]))


def test_flat_holds_the_vectors_once():
    points = clustered(200)
    store = VectorStore.build(points, factory="flat")
    assert isinstance(store.index, faiss.IndexFlat)
    assert np.shares_memory(store._originals, faiss_index.held_vectors(store.index))  # the vectors lie there once
