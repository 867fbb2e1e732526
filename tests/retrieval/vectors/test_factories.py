import faiss
import numpy as np
import pytest

from artextract_hf.errors import QueryError
from artextract_hf.retrieval.vectors.factories import candidates_per_answer, make_index, number_of_lists, resolve, train
from artextract_hf.retrieval.vectors.store import VectorStore


def test_a_factory_is_a_text():
    with pytest.raises(QueryError, match="there is no factory None"):
        resolve(None, 10, 4)


@pytest.mark.parametrize(
    ("count", "dim", "name", "spec"),
    [
        (267, 1792, "flat", "Flat"),
        (12_154, 1280, "flat", "Flat"),
        (50_000, 512, "rabitq", "RaBitQ"),
        (1_000_000, 512, "rabitq", "IVF4096,RaBitQ"),
        (10_000_000, 512, "rabitq", "IVF4096,RaBitQ"),
    ],
)
def test_auto_by_size(count, dim, name, spec):
    assert resolve("auto", count, dim) == (name, spec)


def test_lists_can_be_trained():
    assert [number_of_lists(n) for n in (0, 1, 50, 1000, 50_000, 10**9)] == [1, 1, 1, 16, 1024, 4096]
    assert all(number_of_lists(n) * 39 <= n for n in range(39, 100_000, 997))


def test_names_and_factory_strings():
    assert resolve("ivfpq", 100_000, 512) == ("ivfpq", "IVF1024,PQ64")
    assert resolve("ivfpq", 100_000, 7)[1] == "IVF1024,PQ1"
    assert resolve("OPQ8,IVF16,PQ8", 100, 64) == ("OPQ8,IVF16,PQ8", "OPQ8,IVF16,PQ8")
    with pytest.raises(QueryError, match="take flat"):
        resolve("ivfpq", 255, 512)


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        ("flatt", "did you mean 'flat'"),
        ("nonsense", "auto, flat, hnsw"),
        ("", "auto, flat, hnsw"),
        ("IVF16,PQ7", "no factory"),
        ("IVF999999999999,Flat", "too large"),
        ("HNSW9999999", "too large"),
        ("HNSW0", "too small"),
        ("HNSW1,Flat", "too small"),
        ("IVF2_HNSW01,Flat", "too small"),
        ("IVF0,Flat", "too small"),
        ("IDMap,Flat", "leave it out"),
        ("IVF8,PQ4,RFlat", "leave it out"),
        ("IVF64,Flat", "cannot learn from 60"),
        ("PQ8", "cannot learn from 60"),
    ],
)
def test_what_cannot_be_built_is_one_clear_error(factory, message):
    points = np.random.default_rng(0).normal(size=(60, 32)).astype(np.float32)
    with pytest.raises(QueryError, match=message) as error:
        VectorStore.build(points, factory=factory, metric="ip")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("spec", ["IVF16,Flat", "IVF16,PQ8", "PQ8", "RaBitQ"])
def test_training_is_repeatable(spec):
    points = np.random.default_rng(0).normal(size=(1000, 32)).astype(np.float32)
    indexes = [make_index(spec, 1000, 32, faiss.METRIC_L2) for _ in range(2)]
    for index in indexes:
        train(index, points)
    assert np.array_equal(*(faiss.serialize_index(index) for index in indexes))


def test_candidates():
    specs = ["Flat", "HNSW32", "IVF64,Flat", "SQ8", "IVF16,RaBitQ4", "RaBitQfs", "IVF64,PQ8"]
    assert [candidates_per_answer(spec) for spec in specs] == [1, 1, 1, 4, 4, 20, 100]
    whole = ["HNSW", "HNSW32,Flat", "HNSW32_Flat", "IVF64_HNSW32,Flat"]
    changed = {
        "PCA32,Flat": 100,
        "PCA32,HNSW32": 100,
        "PCA24,SQ8": 100,
        "OPQ8,IVF64,Flat": 100,
        "HNSW32_SQ4": 20,
        "HNSW32_PQ8": 100,
    }
    assert [candidates_per_answer(spec) for spec in whole] == [1] * 4
    assert {spec: candidates_per_answer(spec) for spec in changed} == changed


def test_auto_says_why():
    rng = np.random.default_rng(0)
    small = VectorStore.build(rng.normal(size=(100, 8)).astype(np.float32), metric="ip")
    assert small.factory == "flat" and "100 vectors of length 8" in small.reason
    assert VectorStore.build(small.vectors(), factory="flat", metric="ip").reason == ""
    large = VectorStore.build(rng.normal(size=(17_000, 1024)).astype(np.float32), metric="ip")
    assert large.factory == "rabitq" and "17,000 vectors" in large.reason and "of the ten nearest" in large.reason
