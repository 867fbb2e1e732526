import numpy as np
import pytest

from artextract_hf.errors import QueryError
from artextract_hf.retrieval.rerank.spatial import SCALES, TOLERANCE, spatial_scores


def random_map(seed: int, height: int = 7, width: int = 7) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(32, height, width)).astype(np.float32)


def shuffled(features: np.ndarray, seed: int) -> np.ndarray:
    flat = features.reshape(len(features), -1)
    return flat[:, np.random.default_rng(seed).permutation(flat.shape[1])].reshape(features.shape)


def reference(query: np.ndarray, candidate: np.ndarray) -> float:
    """The definition, pair by pair."""
    mean = np.concatenate([query.reshape(32, -1), candidate.reshape(32, -1)], axis=1).mean(axis=1)

    def patches(features):
        rows = [features[:, y, x] - mean for y in range(features.shape[1]) for x in range(features.shape[2])]
        return [row / np.linalg.norm(row) for row in rows]

    ours, theirs = patches(query), patches(candidate)
    cosines = np.array([[a @ b for b in theirs] for a in ours])
    pairs = []
    for i in range(len(ours)):
        j = int(cosines[i].argmax())
        if cosines[:, j].argmax() == i:
            here, there = divmod(i, query.shape[2]), divmod(j, candidate.shape[2])
            pairs.append((np.array(here), np.array(there), max(cosines[i, j], 0)))
    best = 0.0
    for scale in SCALES:
        for here, there, _ in pairs:
            shift = there - scale * here
            agreed = [s for a, b, s in pairs if np.abs(b - (scale * a + shift)).max() <= TOLERANCE]
            best = max(best, sum(agreed))
    return best / len(ours)


def test_equal_to_the_definition():
    for seed in range(6):
        rng = np.random.default_rng(seed)
        query = random_map(seed, *rng.integers(3, 7, size=2))
        candidate = random_map(seed + 100, *rng.integers(3, 9, size=2))
        rows, columns = (min(a, b) for a, b in zip(query.shape[1:], candidate.shape[1:], strict=True))
        candidate[:, :rows, :columns] += rng.uniform(0, 2) * query[:, :rows, :columns]
        assert spatial_scores(query, candidate[None])[0] == pytest.approx(reference(query, candidate), abs=1e-5)


def test_the_same_map_scores_one_and_another_little():
    query = random_map(0)
    same, other = spatial_scores(query, np.stack([query, random_map(1)]))
    assert same == pytest.approx(1, abs=1e-5) and other < 0.15


def test_the_arrangement_counts_and_not_the_patches_alone():
    query = random_map(0)
    same, mixed = spatial_scores(query, np.stack([query, shuffled(query, 1)]))
    assert mixed < 0.4 * same


def test_a_shift_keeps_the_score_of_what_remains():
    query = random_map(0)
    shifted = random_map(1)
    shifted[:, 2:, 1:] = query[:, :5, :6]
    assert spatial_scores(query, shifted[None])[0] == pytest.approx(30 / 49, abs=0.08)


@pytest.mark.parametrize("times", [2])
def test_an_enlarged_detail_is_recognised(times):
    detail = random_map(0, 4, 4)
    candidate = random_map(1, 12, 12)
    candidate[:, 2:10, 3:11] = detail.repeat(times, axis=1).repeat(times, axis=2)
    found, other = spatial_scores(detail, np.stack([candidate, random_map(2, 12, 12)]))
    assert found > 0.85 > 0.4 > other


def test_a_score_depends_on_the_pair_alone():
    query, others = random_map(0), np.stack([random_map(seed) for seed in range(1, 9)])
    together = spatial_scores(query, others)
    alone = [spatial_scores(query, other[None])[0] for other in others]
    assert together.dtype == np.float32 and together.shape == (8,)
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_edges():
    assert spatial_scores(random_map(0), np.zeros((0, 32, 7, 7), np.float32)).shape == (0,)
    assert spatial_scores(random_map(0), np.zeros((2, 32, 7, 7), np.float32)).max() < 0.2
    for query, candidates in [
        (np.zeros((8, 7, 7)), np.zeros((1, 9, 7, 7))),
        (np.zeros((8, 49)), np.zeros((1, 8, 7, 7))),
        (np.zeros((8, 7, 7)), np.zeros((8, 7, 7))),
    ]:
        with pytest.raises(QueryError, match="takes maps"):
            spatial_scores(query, candidates)
