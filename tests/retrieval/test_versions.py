import numpy as np
import pytest
from datasets import Dataset, concatenate_datasets
from PIL import Image

from artextract_hf.data.synthetic import synthetic_paintings
from artextract_hf.errors import QueryError
from artextract_hf.retrieval.index import PaintingIndex
from artextract_hf.retrieval.versions import group_versions, same_works
from tests.data.test_duplicates import PLANTED
from tests.retrieval.conftest import ColorEmbedder

WORKS, VERSIONS = 12, ["crop of 5 %", "re-encoded", "turned by 2 degrees"]


def test_by_hand():
    same = np.eye(5, dtype=bool)
    same[0, 2] = same[2, 0] = same[2, 4] = same[4, 2] = same[1, 3] = same[3, 1] = True
    assert group_versions(same) == [[0, 2], [1, 3], [4]]  # 4 is like 2, but not like the first of its work
    assert group_versions(np.zeros((0, 0), dtype=bool)) == []


def version(painting: Dataset, kind: str) -> Dataset:
    """The same painting, changed as its duplicates on the web are, under another id."""
    changed = PLANTED[kind](painting[0]["image"].copy())
    row = {**painting[0], "id": f"{painting[0]['id']}?{kind}", "image": Image.fromarray(np.asarray(changed))}
    return Dataset.from_list([row], features=painting.features)


@pytest.fixture(scope="module")
def works() -> Dataset:
    return synthetic_paintings(WORKS, seed=5)


@pytest.fixture(scope="module")
def index(works) -> PaintingIndex:
    """Twelve paintings; of the first four, three versions more."""
    planted = [version(works.select([i]), kind) for i in range(4) for kind in VERSIONS]
    return PaintingIndex.build(concatenate_datasets([works, *planted]), ColorEmbedder())


def test_pictures_of_one_work_and_no_others(works):
    pictures = [works[i]["image"].copy() for i in range(WORKS)]
    changed = [PLANTED["colour cast"](picture) for picture in pictures]
    assert np.array_equal(same_works(pictures + changed), np.tile(np.eye(WORKS, dtype=bool), (2, 2)))
    assert same_works([]).shape == (0, 0) and same_works(pictures[:1]).tolist() == [[True]]


def test_planted_versions_become_one_hit(index, works):
    for row in range(WORKS):
        hits = index.search(works[row]["image"], k=5, fold=True)
        names = [hit.id.split("?")[0] for hit in hits]
        assert len(set(names)) == 5 and names[0] == works[row]["id"]
        assert [hit.rank for hit in hits] == [1, 2, 3, 4, 5]
        assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
        if row < 4:
            together = {hits[0].id, *hits[0].versions}
            assert together == {works[row]["id"], *(f"{works[row]['id']}?{kind}" for kind in VERSIONS)}


def test_all_works_come_if_they_are_asked_for(index, works):
    hits = index.search(works[0]["image"], k=100, fold=True)
    assert {hit.id.split("?")[0] for hit in hits} == set(works["id"]) and len(hits) == WORKS
    assert sorted(id_ for hit in hits for id_ in (hit.id, *hit.versions)) == sorted(index.ids)
    # Without folding, the four pictures of the first work stand in the first places.
    plain = index.search(works[0]["image"], k=4)
    assert {hit.id.split("?")[0] for hit in plain} == {works[0]["id"]} and not any(hit.versions for hit in plain)


def test_a_filter_and_the_painting_itself_are_kept_out(index, works):
    hits = index.similar_to(works[0]["id"], k=3, fold=True)
    assert works[0]["id"] not in [hit.id for hit in hits] + [id_ for hit in hits for id_ in hit.versions]
    hits = index.search(works[0]["image"], k=20, where=f"id != '{works[0]['id']}?re-encoded'", fold=True)
    assert len(hits) == WORKS and len(hits[0].versions) == 2


def test_vectors_alone_cannot_be_folded(index):
    from artextract_hf.retrieval.records import RecordTable
    from artextract_hf.retrieval.vectors.store import VectorStore

    records = RecordTable.from_rows([{"id": id_} for id_ in index.ids])
    store = VectorStore.build(index.vectors())
    bare = PaintingIndex(store, records, embedder=None, embedder_name="x", fingerprint="x")
    assert len(bare.search(index.vectors()[0], k=3)) == 3
    with pytest.raises(QueryError, match="made without pictures"):
        bare.search(index.vectors()[0], k=3, fold=True)
