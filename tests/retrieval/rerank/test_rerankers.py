import numpy as np
import pytest

from artextract_hf.errors import QueryError
from artextract_hf.retrieval.rerank import k_reciprocal as k_reciprocal_module
from artextract_hf.retrieval.rerank.k_reciprocal import encode_gallery, exact_search, k_reciprocal, neighbourhoods
from artextract_hf.retrieval.rerank.rerankers import (
    CSLS_K,
    RERANKERS,
    Candidates,
    Gallery,
    Probe,
    csls,
    expand_queries,
    find_reranker,
    rerank,
)


def clustered(count: int, seed: int, *, dim: int = 6, clusters: int = 5) -> np.ndarray:
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(count, dim)) + 2 * rng.normal(size=(clusters, dim))[rng.integers(clusters, size=count)]
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def k_reciprocal_by_sets(queries, vectors, k1: int, k2: int, share: float) -> np.ndarray:
    """Zhong et al. 2017, section 3, set by set."""
    cosines = vectors.astype(float) @ vectors.T
    nearest = [[h for h in np.argsort(-row, kind="stable") if h != g] for g, row in enumerate(cosines)]

    def around(g: int, k: int) -> set[int]:
        return {g, *nearest[g][:k]}

    def reciprocal(g: int, k: int) -> set[int]:  # equation 2
        return {h for h in around(g, k) if g in around(h, k)}

    def expanded(members: set[int]) -> set[int]:  # section 3.2
        whole = set(members)
        for g in members:
            core = reciprocal(g, round(k1 / 2))
            if len(members & core) >= 2 / 3 * len(core):
                whole |= core
        return whole

    def weights(members: set[int], to_all: np.ndarray) -> np.ndarray:  # equation 7
        return np.array([np.exp(-(1 - to_all[g])) if g in members else 0.0 for g in range(len(vectors))])

    encoded = [weights(expanded(reciprocal(g, k1)), cosines[g]) for g in range(len(vectors))]
    averaged = [sum(encoded[h] for h in [g, *nearest[g][: k2 - 1]]) / k2 for g in range(len(vectors))]  # equation 11
    scores = []
    for query in queries.astype(float):
        to_all = vectors @ query
        order = list(np.argsort(-to_all, kind="stable"))
        mutual = {g for g in order[:k1] if to_all[g] >= cosines[g][nearest[g][k1 - 1]]}
        own = (weights(expanded(mutual), to_all) + sum(encoded[h] for h in order[: k2 - 1])) / k2
        jaccard = [1 - np.minimum(own, v).sum() / np.maximum(own, v).sum() for v in averaged]  # equation 10
        scores.append([1 - ((1 - share) * j + share * (1 - c)) for j, c in zip(jaccard, to_all, strict=True)])
    return np.array(scores)  # equation 12


@pytest.mark.parametrize(("k1", "k2", "share"), [(8, 3, 0.3), (8, 1, 0.0), (5, 5, 0.7), (20, 6, 0.3)])
def test_k_reciprocal_is_the_papers(k1, k2, share):
    for seed in range(3):
        vectors, queries = np.split(clustered(70, seed), [60])
        near = neighbourhoods(vectors, k1)
        kept = near.rows.copy()
        gallery = encode_gallery(vectors, near, k1=k1, k2=k2)
        expected = k_reciprocal_by_sets(queries, vectors, k1, k2, share)
        np.testing.assert_allclose(k_reciprocal(queries, gallery, cosine_share=share), expected, atol=1e-6)
        candidates = np.argsort(-queries @ vectors.T, axis=1)[:, :15]
        of_candidates = k_reciprocal(queries, gallery, candidates, cosine_share=share)
        np.testing.assert_allclose(of_candidates, np.take_along_axis(expected, candidates, axis=1), atol=1e-6)
        one = k_reciprocal(queries[4:5], gallery, candidates[4:5], cosine_share=share)
        np.testing.assert_allclose(one, of_candidates[4:5], atol=1e-6)
        assert np.array_equal(near.rows, kept)  # nothing is changed that was given


def test_k_reciprocal_moves_a_stranger_behind_the_querys_own_cluster():
    """A bridge between two clusters is nearer to the query than the far side of the query's own cluster."""
    degrees = np.array([0, 2, 4, 6, 8, 18, 26, 27, 28, 29, 30, 31])
    vectors = np.stack([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))], axis=1).astype(np.float32)
    angle = np.radians(10)
    query = np.array([[np.cos(angle), np.sin(angle)]], dtype=np.float32)
    assert list(np.argsort(-query @ vectors.T)[0][:5]) == [4, 3, 2, 1, 5]
    gallery = encode_gallery(vectors, neighbourhoods(vectors, 4), k1=4, k2=1)
    order = np.argsort(-k_reciprocal(query, gallery)[0])
    assert set(order[:5].tolist()) == {0, 1, 2, 3, 4}


@pytest.mark.parametrize(("k1", "k2"), [(1, 1), (5, 6), (5, 0), (9, 2)])
def test_neighbourhoods_that_do_not_fit_are_refused(k1, k2):
    vectors = clustered(30, 0)
    with pytest.raises(QueryError):
        encode_gallery(vectors, neighbourhoods(vectors, 8), k1=k1, k2=k2)


def test_neighbourhoods_are_asked_for_in_blocks(monkeypatch):
    """An index of codes scores a hundred candidates for each of the queries of one call."""
    vectors = np.random.default_rng(0).normal(size=(50, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    asked, search = [], exact_search(vectors)
    whole = neighbourhoods(vectors, 6)
    monkeypatch.setattr(k_reciprocal_module, "BLOCK", 16)
    found = neighbourhoods(vectors, 6, search=lambda queries, k: asked.append(len(queries)) or search(queries, k))
    assert asked == [16, 16, 16, 2]
    assert np.array_equal(found.rows, whole.rows)
    np.testing.assert_allclose(found.cosines, whole.cosines, atol=1e-6)


def test_neighbourhoods_are_of_others_even_among_duplicates():
    vectors = clustered(40, 1)
    vectors[7] = vectors[3] = vectors[20]
    near = neighbourhoods(vectors, 6)
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -np.inf)
    np.testing.assert_allclose(near.cosines, -np.sort(-cosines, axis=1)[:, :6], atol=1e-6)
    np.testing.assert_allclose(np.take_along_axis(cosines, near.rows, axis=1), near.cosines, atol=1e-6)
    assert {*near.rows[3, :2]} == {7, 20}
    assert neighbourhoods(vectors[:4], 6).rows.shape == (4, 3)


def test_csls_by_hand():
    """Equation 5; the second painting is a hub, near to everything, and falls behind the first."""
    cosines = np.array([[0.70, 0.72, 0.1]])
    found = csls(cosines, np.array([0.5]), np.array([0.4, 0.6, 0.2]))
    np.testing.assert_allclose(found, [[1.4 - 0.9, 1.44 - 1.1, 0.2 - 0.7]])
    assert found[0].argmax() == 0 and cosines[0].argmax() == 1


def test_csls_of_a_gallery_is_equation_5():
    vectors, queries = np.split(clustered(90, 2), [80])
    gallery, rows = Gallery(vectors), np.arange(80)
    for query in queries:
        to_all = vectors @ query
        of_query = np.sort(to_all)[-CSLS_K:].mean()
        of_paintings = [np.sort(np.delete(vectors @ v, g))[-CSLS_K:].mean() for g, v in enumerate(vectors)]
        scores = RERANKERS["csls"].score(Probe(query), Candidates(rows, gallery))
        np.testing.assert_allclose(scores, 2 * to_all - of_query - of_paintings, atol=1e-5)


def test_an_expanded_query_leans_to_its_answers():
    query, answers = np.array([[1.0, 0.0]]), np.array([[[0.6, 0.8], [0.8, -0.6]]])
    total = np.array([1 + 0.6**3 * 0.6 + 0.8**3 * 0.8, 0.6**3 * 0.8 - 0.8**3 * 0.6])
    found = expand_queries(query, answers, np.array([[0.6, 0.8]]), alpha=3)
    np.testing.assert_allclose(found[0], total / np.linalg.norm(total))
    np.testing.assert_array_equal(expand_queries(query, answers, np.array([[-0.5, -0.1]]), alpha=3), query)


@pytest.mark.parametrize("name", ["csls", "k_reciprocal", "expansion"])
def test_by_name_from_vectors(name):
    vectors, queries = np.split(clustered(80, 3), [70])
    gallery = Gallery(vectors)
    for query in queries:
        rows = np.argsort(-vectors @ query)[:30]
        order = rerank(name, Probe(query), Candidates(rows, gallery))
        assert sorted(order.tolist()) == list(range(30))
        scores = RERANKERS[name].score(Probe(query), Candidates(rows, gallery))
        assert (np.diff(scores[order]) <= 0).all()
        # candidates in another order are put into the same one
        shuffled = np.random.default_rng(0).permutation(rows)
        again = shuffled[rerank(name, Probe(query), Candidates(shuffled, gallery))]
        assert again.tolist() == rows[order].tolist()


def test_what_is_missing_is_said():
    vectors = clustered(6, 5)
    with pytest.raises(QueryError, match="needs the feature maps of the query"):
        rerank("spatial", Probe(vectors[0]), Candidates(np.arange(6), Gallery(vectors)))


def test_one_candidate_needs_no_order():
    vectors = clustered(1, 6)
    for name in RERANKERS:
        assert rerank(name, Probe(vectors[0]), Candidates(np.array([0]), Gallery(vectors))).tolist() == [0]


def test_names():
    assert find_reranker("csls") is RERANKERS["csls"]
    with pytest.raises(QueryError, match="did you mean 'k_reciprocal'"):
        find_reranker("k-reciprocal")
    with pytest.raises(QueryError, match="give one of: csls"):
        find_reranker("xyz")


def test_by_name_from_maps():
    """The query's own details in the same arrangement come before the same details in disorder."""
    rng = np.random.default_rng(0)
    own = rng.random((16, 6, 6), dtype=np.float32)
    disorder = rng.permutation(own.reshape(16, 36).T).T.reshape(16, 6, 6)
    other = rng.random((16, 6, 6), dtype=np.float32)
    vectors = clustered(3, 7)
    candidates = Candidates(np.arange(3), Gallery(vectors), maps=np.stack([other, disorder, own]))
    order = rerank("spatial", Probe(vectors[0], feature_map=own), candidates)
    assert order[0] == 2
