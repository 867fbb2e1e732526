"""An embedder written from the docstring of the protocol serves an index like any other."""

import doctest

import numpy as np
import pytest

from artextract_hf.data.synthetic import synthetic_paintings
from artextract_hf.embedders import protocol
from artextract_hf.embedders.protocol import DenseEmbedder, dense
from artextract_hf.errors import ModelError, PaintingIndexError
from artextract_hf.retrieval.index import PaintingIndex


@pytest.fixture
def mean_color():
    """The class of the docstring, made by running its lines."""
    example = doctest.DocTestParser().get_doctest(protocol.__doc__, {}, "protocol", None, None)
    runner = doctest.DocTestRunner()
    runner.run(example, clear_globs=False)
    assert runner.summarize(verbose=False).failed == 0
    return example.globs["MeanColor"]


def test_the_example_embeds_searches_and_is_found_again(mean_color, tmp_path):
    embedder, paintings = mean_color(), synthetic_paintings(6)
    vectors = embedder.embed(paintings["image"])
    assert vectors.shape == (6, embedder.dim) and vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert embedder.embed([]).shape == (0, embedder.dim)
    PaintingIndex.build(paintings, embedder).save_pretrained(tmp_path / "index")
    index = PaintingIndex.from_pretrained(tmp_path / "index", embedder=embedder)
    assert index.search(paintings[3]["image"], k=1)[0].id == paintings[3]["id"]
    embedder.fingerprint = "mean-color-2"
    with pytest.raises(PaintingIndexError, match="mean-color-2"):
        PaintingIndex.from_pretrained(tmp_path / "index", embedder=embedder).search(paintings[3]["image"])


def test_without_maps_it_is_not_dense(mean_color):
    assert not isinstance(mean_color(), DenseEmbedder)
    with pytest.raises(ModelError, match="'MeanColor' gives vectors, but no maps"):
        dense(mean_color())
