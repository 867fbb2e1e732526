"""Re-ranking through an index."""

import numpy as np
import pytest
from datasets import Dataset
from PIL import Image

from artextract_hf.errors import ModelError, QueryError
from artextract_hf.retrieval.index import PaintingIndex
from artextract_hf.retrieval.rerank.rerankers import Candidates, Gallery, Probe, rerank
from tests.retrieval.conftest import ColorEmbedder, paintings
from tests.retrieval.test_index import RED, WHERES


@pytest.fixture(scope="module")
def index(collection) -> PaintingIndex:
    return PaintingIndex.build(collection, ColorEmbedder())


def test_reranking_reorders_a_deeper_search(index, collection):
    query, vector = collection[7]["image"], ColorEmbedder().embed([collection[7]["image"]])[0]
    plain = index.search(query, k=60)
    for name in ("csls", "k_reciprocal", "expansion"):
        hits = index.search(query, k=6, rerank=name)
        assert [h.rank for h in hits] == [1, 2, 3, 4, 5, 6]
        scores = {h.id: h.score for h in plain}
        assert all(
            h.score == pytest.approx(scores[h.id], abs=1e-6) for h in hits
        )  # the order is new, the scores are not
        assert {h.record["artist_name"] for h in index.search(query, k=3, where=WHERES[2], rerank=name)} == {"Ada"}
    gallery = Gallery(index.vectors())
    candidates = Candidates(np.array([index.ids.index(h.id) for h in plain]), gallery)
    order = rerank("k_reciprocal", Probe(vector), candidates)
    expected = [plain[place].id for place in order]
    assert [h.id for h in index.search(vector, k=60, rerank="k_reciprocal")] == expected


def test_reranking_says_what_it_cannot_do(index, collection):
    vector = ColorEmbedder().embed([collection[7]["image"]])[0]
    with pytest.raises(QueryError, match="did you mean 'csls'"):
        index.search(vector, rerank="clss")
    with pytest.raises(QueryError, match="compares pictures"):
        index.search(vector, rerank="spatial")
    for metric in ("ssim", "rmse", "lpips"):  # of evaluation/perceptual.py; as a re-ranking they lose
        with pytest.raises(QueryError, match=f"no re-ranking '{metric}'"):
            index.search(collection[7]["image"], rerank=metric)
    with pytest.raises(ModelError, match="no maps"):
        index.search(collection[7]["image"], rerank="spatial")
    with pytest.raises(QueryError, match="not both"):
        index.search(vector, fold=True, rerank="csls")


@pytest.mark.parametrize("name", ["csls", "k_reciprocal", "expansion"])
def test_reranking_of_several_queries_is_that_of_each(index, collection, name):
    queries = [collection[7]["image"], RED, collection[20]["image"]]
    together = index.search_many(queries, k=6, where=WHERES[1], rerank=name)
    for query, found in zip(queries, together, strict=True):
        alone = index.search(query, k=6, where=WHERES[1], rerank=name)
        assert [h.id for h in found] == [h.id for h in alone] and [h.rank for h in found] == [1, 2, 3, 4, 5, 6]


def test_reranking_by_feature_maps():
    """The query's quarters in their own places come before the same quarters in other places, which embed alike."""

    class Quarters(ColorEmbedder):
        def maps(self, images, *, side=None, batch_size=8):
            small = [image.resize((4, 4), Image.Resampling.BOX) for image in images]
            return np.stack([np.asarray(picture, dtype=np.float32).transpose(2, 0, 1) for picture in small])

    rng = np.random.default_rng(0)
    cells = rng.integers(0, 256, size=(4, 4, 3), dtype=np.uint8)
    shuffled = [rng.permutation(cells.reshape(16, 3)).reshape(4, 4, 3) for _ in range(3)]
    pictures = [Image.fromarray(each.repeat(16, axis=0).repeat(16, axis=1)) for each in (*shuffled, cells)]
    dataset = paintings(4)
    rows = [{**record, "image": picture} for record, picture in zip(dataset, pictures, strict=True)]
    index = PaintingIndex.build(Dataset.from_list(rows, features=dataset.features), Quarters())
    assert index.search(pictures[3], k=4)[-1].score > 0.999  # by their mean colour they are all the same
    hits = index.search(pictures[3], k=4, rerank="spatial")
    assert hits[0].id == "test/3" and [hit.rank for hit in hits] == [1, 2, 3, 4]
    assert index.search_many([pictures[1], pictures[3]], k=1, rerank="spatial") == [
        index.search(pictures[1], k=1, rerank="spatial"),
        hits[:1],
    ]


def test_reranking_knows_of_changes(collection):
    index = PaintingIndex.build(collection.select(range(40)), ColorEmbedder())
    query = collection[45]["image"]
    assert "test/45" not in {h.id for h in index.search(query, k=5, rerank="csls")}
    index.add(collection.select(range(40, 60)))
    assert index.search(query, k=5, rerank="csls")[0].id == "test/45"
