import tracemalloc

import numpy as np

from artextract_hf.retrieval.regions.patches import Projection, dequantize, match_templates, quantize
from artextract_hf.retrieval.regions.store import RegionStore
from artextract_hf.retrieval.vectors.scan import units
from artextract_hf.retrieval.vectors.store import VectorStore


def test_a_long_shortlist_is_located_in_little_memory():
    rng = np.random.default_rng(0)
    patches = quantize(units(rng.normal(size=(2000, 7, 7, 96))))
    templates = [dequantize(patches[1234, 2:5, 1:4]), dequantize(patches[7])]
    nothing = np.zeros((1, 96), dtype=np.float32)
    store = RegionStore(
        patches, np.ones((2000, 2)), Projection(nothing[0], nothing), VectorStore.build(nothing, metric="ip")
    )
    rows = rng.permutation(2000)
    tracemalloc.start()
    found = store.locate(templates, rows)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < patches.nbytes  # all of them as float32 are four times that
    for got, expected in zip(found, match_templates(templates, dequantize(patches[rows])), strict=True):
        np.testing.assert_allclose(got, expected, atol=1e-5)
