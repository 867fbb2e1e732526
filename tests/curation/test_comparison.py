"""Comparisons against what is computed by hand, and against collections whose differences were planted."""

import math
from itertools import product

import numpy as np
import pytest
from datasets import Dataset, concatenate_datasets

from artextract_hf.curation.comparison import compare, count_decades, coverage, mmd, nearest, timeline
from artextract_hf.data.schema import new_record, painting_features
from artextract_hf.data.sources.collection import load_collection
from artextract_hf.data.synthetic import PALETTES, PaintingSpec, paint
from artextract_hf.errors import PaintingIndexError
from artextract_hf.retrieval.index import PaintingIndex
from artextract_hf.retrieval.records import RecordTable
from artextract_hf.retrieval.vectors.store import VectorStore
from tests.conftest import plain_picture, shared
from tests.retrieval.conftest import ColorEmbedder, paintings


def unit_rows(rng: np.random.Generator, count: int, *, center: tuple[float, ...] = (0, 0, 0), spread: float = 1.0):
    rows = rng.normal(center, spread, size=(count, len(center)))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def literal_mmd(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """Lemma 6 of Gretton et al. 2012, term by term, and the median distance."""
    everything = [*a, *b]
    distances = [math.dist(x, y) for i, x in enumerate(everything) for y in everything[:i]]
    width = float(np.median(distances))

    def k(x: np.ndarray, y: np.ndarray) -> float:
        return math.exp(-(math.dist(x, y) ** 2) / (2 * width**2))

    n, m = len(a), len(b)
    within_a = sum(k(a[i], a[j]) for i, j in product(range(n), repeat=2) if i != j) / (n * (n - 1))
    within_b = sum(k(b[i], b[j]) for i, j in product(range(m), repeat=2) if i != j) / (m * (m - 1))
    return within_a + within_b - 2 * sum(k(x, y) for x in a for y in b) / (n * m), width


def test_mmd_against_a_literal_double_loop():
    rng = np.random.default_rng(0)
    for n, m in [(2, 2), (3, 5), (7, 4)]:
        a, b = unit_rows(rng, n), unit_rows(rng, m, center=(1, 0, 0))
        found = mmd(a, b, permutations=20)
        assert (found.squared, found.bandwidth) == pytest.approx(literal_mmd(a, b)) and found.samples == (n, m)


def test_p_value_is_uniform_where_there_is_no_difference():
    rng = np.random.default_rng(1)
    found = [mmd(unit_rows(rng, 20), unit_rows(rng, 25), permutations=99, seed=i) for i in range(200)]
    p = np.sort([f.p_value for f in found])
    # Kolmogorov and Smirnov: 1.63 / sqrt(200) = 0.115 is passed once in a hundred times.
    assert np.abs(p - (np.arange(200) + 0.5) / 200).max() < 0.115
    assert abs(np.mean([f.squared for f in found])) < 0.01


def test_different_collections_are_told_apart():
    rng = np.random.default_rng(2)
    a, b = unit_rows(rng, 40), unit_rows(rng, 40, center=(2, 0, 0))
    found = mmd(a, b, permutations=99)
    assert found.squared > 0.1 and found.p_value == 0.01
    assert mmd(a, a, permutations=99).squared < 0 and mmd(a, a, permutations=99).p_value > 0.9
    assert mmd(a, b, sample=30, seed=1) != mmd(a, b, sample=30, seed=2)
    assert mmd(a, b, sample=30, seed=1) == mmd(a, b, sample=30, seed=1)


def test_a_collection_of_one_point_does_not_divide_by_zero():
    same = np.tile(np.float32([1, 0, 0]), (4, 1))
    assert mmd(same, same, permutations=9).squared == pytest.approx(0) and mmd(same, same, permutations=9).p_value == 1


def test_coverage_of_the_same_and_of_disjoint_collections():
    rng = np.random.default_rng(3)
    a = unit_rows(rng, 50, center=(3, 0, 0), spread=0.3)
    b = unit_rows(rng, 40, center=(-3, 0, 0), spread=0.3)
    assert coverage(a, a).share == 1
    assert coverage(a, b).share == 0 and coverage(b, a).share == 0


def test_coverage_against_brute_force():
    rng = np.random.default_rng(4)
    for k in (1, 3, 5):
        a, b = unit_rows(rng, 30), unit_rows(rng, 20)
        covered = 0
        for i, work in enumerate(a):
            own = sorted((float(work @ other) for j, other in enumerate(a) if j != i), reverse=True)
            covered += max(float(work @ other) for other in b) >= own[k - 1]
        assert coverage(a, b, k=k).share == pytest.approx(covered / 30)


def test_expected_coverage_is_that_of_samples_of_one_distribution():
    rng = np.random.default_rng(5)
    for n, m in [(60, 60), (80, 20)]:
        found = [coverage(unit_rows(rng, n), unit_rows(rng, m)) for _ in range(60)]
        assert np.mean([f.share for f in found]) == pytest.approx(found[0].expected, abs=0.02)
    assert coverage(unit_rows(rng, 4000), unit_rows(rng, 4000)).expected == pytest.approx(1 - 2**-5, abs=1e-3)


def test_nearest_is_the_largest_cosine():
    rng = np.random.default_rng(6)
    a, b = unit_rows(rng, 20), unit_rows(rng, 30)
    cosines, rows = nearest(a, b)
    assert (rows == (a @ b.T).argmax(axis=1)).all() and np.allclose(cosines, (a @ b.T).max(axis=1), atol=1e-6)
    third, _ = nearest(a, b, 3)
    assert np.allclose(third, np.sort(a @ b.T, axis=1)[:, -3], atol=1e-6)


def collection_of(specs: list[PaintingSpec], name: str, *, years: list[int | None]) -> Dataset:
    records = [
        new_record(id=f"{name}/{i}", image=paint(spec), title=f"{name} {i}", year=year)
        for i, (spec, year) in enumerate(zip(specs, years, strict=True))
    ]
    return Dataset.from_list(records, features=painting_features())


@pytest.fixture(scope="module")
def planted() -> tuple[PaintingIndex, PaintingIndex]:
    """Six works each; the last of one is the first of the other, and one of `b` is of a colour of its own."""
    specs = [PaintingSpec("impasto", palette, "landscape", seed=i) for i, palette in enumerate([*PALETTES, "earth"])]
    extra = PaintingSpec("glaze", "sunlit", "portrait", seed=50)
    first = collection_of([*specs[:5], extra], "a", years=[1871, 1879, 1880, 1905, None, None])
    second = collection_of(
        [extra, *specs[4:8], PaintingSpec("dots", "fauve", "still_life", seed=9)], "b", years=[1500] * 6
    )
    odd = Dataset.from_list([new_record(id="b/odd", image=plain_picture((255, 0, 255)))], features=painting_features())
    embedder = ColorEmbedder()
    return PaintingIndex.build(first, embedder), PaintingIndex.build(concatenate_datasets([second, odd]), embedder)


def test_planted_works_are_found(planted):
    a, b = planted
    found = compare(a, b)
    assert (found.embedder, found.a.count, found.b.count) == ("colour", 6, 7)
    assert {(m.id, m.other) for m in found.shared} == {("a/5", "b/0"), ("a/4", "b/1")}
    assert [m.similarity for m in found.shared] == [1.0, 1.0]
    assert {(m.id, m.other) for m in found.closest[:2]} == {("a/5", "b/0"), ("a/4", "b/1")}
    assert found.closest[0].similarity == pytest.approx(1, abs=1e-5)
    assert found.b.nearest[0].id == "b/odd" and len(found.b.nearest) == 7
    assert (found.a.decades, found.a.undated) == ({1870: 2, 1880: 1, 1890: 0, 1900: 1}, 2)
    assert timeline(b) == {1500: 6} and found.b.undated == 1


def test_matches_are_those_of_brute_force(planted):
    a, b = planted
    cosines = a.vectors() @ b.vectors().T
    found = compare(a, b)
    expected = {a.ids[i]: float(row.max()) for i, row in enumerate(cosines)}
    assert {m.id: m.similarity for m in found.a.nearest} == pytest.approx(expected, abs=1e-6)
    assert [m.similarity for m in found.a.nearest] == pytest.approx(sorted(expected.values()), abs=1e-6)
    mutual = {
        (a.ids[i], b.ids[j])
        for i, j in np.ndindex(cosines.shape)
        if cosines[i].argmax() == j and cosines[:, j].argmax() == i
    }
    assert {(m.id, m.other) for m in found.closest} == mutual


def test_a_collection_against_itself(planted):
    a, _ = planted
    found = compare(a, a)
    assert found.a.covered.share == found.b.covered.share == 1
    assert found.mmd.squared <= 0 and found.mmd.p_value > 0.5
    assert sorted((m.id, m.other) for m in found.shared) == [(id_, id_) for id_ in a.ids]


def test_an_index_of_vectors_alone_is_compared_by_them(planted):
    a, _ = planted
    store, records = VectorStore.build(a.vectors()), RecordTable.from_rows([{"id": id_} for id_ in a.ids])
    bare = PaintingIndex(store, records, embedder=None, embedder_name="colour", fingerprint=a.fingerprint)
    found = compare(a, bare)
    assert found.shared == [] and found.a.covered.share == 1 and found.b.undated == 6


def test_other_embedders_and_single_works_are_refused(planted):
    a, _ = planted
    other = PaintingIndex.build(paintings(3), ColorEmbedder("colour-2"))
    with pytest.raises(PaintingIndexError, match="different embedders"):
        compare(a, other)
    with pytest.raises(PaintingIndexError, match="at least two"):
        compare(a, PaintingIndex.build(paintings(1, first=90), ColorEmbedder()))


def test_decades():
    assert count_decades([]) == count_decades([None]) == {}
    assert count_decades([1899, 1900, 1909, None]) == {1890: 1, 1900: 2}


def test_a_window_of_dates_among_the_museums_paintings():
    dataset = load_collection(shared("data/museum"))
    years = list(zip(dataset["id"], dataset["year"], dataset["year_end"], strict=True))
    inside = {id_ for id_, first, last in years if None not in (first, last) and first >= 1870 and last < 1880}
    chosen = [row for row, (_, first, _) in enumerate(years) if first is None or 1860 <= first < 1890][:60]
    index = PaintingIndex.build(dataset.select(chosen), ColorEmbedder())
    hits = index.search(dataset[0]["image"], k=100, where="year >= 1870 and year_end < 1880")
    assert {hit.id for hit in hits} == inside & set(index.ids) and len(hits) > 10
