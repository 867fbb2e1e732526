import numpy as np
import pytest
import torch

from artextract_hf.retrieval.vectors.gpu import GpuCopy, has_gpu
from artextract_hf.retrieval.vectors.scan import scan
from artextract_hf.retrieval.vectors.store import VectorStore


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("metric", ["ip", "l2"])
def test_same_answers_as_the_scan(device, metric):
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("torch has no GPU here")
    rng = np.random.default_rng(0)
    points, queries = (rng.normal(size=(n, 16)).astype(np.float32) for n in (500, 7))
    copy, rows = GpuCopy(points, device), np.arange(0, 500, 3)
    for allowed in (None, rows):
        assert np.array_equal(
            copy.search(queries, 9, metric, rows=allowed), scan(points, queries, 9, metric, rows=allowed)[1]
        )


def test_a_store_searches_on_the_gpu():
    if not has_gpu():
        pytest.skip("torch has no GPU here")
    points = np.random.default_rng(0).normal(size=(500, 16)).astype(np.float32)
    store = VectorStore.build(points, factory="flat", metric="ip")
    assert np.array_equal(store.search(points[:5], 9)[1], scan(points, points[:5], 9, "ip")[1])
    store.remove(np.array([0]))
    assert np.array_equal(store.search(points[:5], 9)[1], scan(points[1:], points[:5], 9, "ip")[1])
