"""Arguments of a wrong type are refused in words, whatever the index."""

import numpy as np
import pytest

from artextract_hf import load_classifier
from artextract_hf.data import load_prepared
from artextract_hf.errors import DataError, ModelError, PaintingIndexError, QueryError
from artextract_hf.retrieval.index import PaintingIndex
from tests.conftest import plain_picture
from tests.retrieval.conftest import ColorEmbedder, paintings

PICTURE = plain_picture((200, 30, 30))
VECTOR = np.array([1, 0, 0], dtype=np.float32)
MAKE = {
    "a name": ("default", ModelError, r"'default' is a name; give .*AutoEmbedder.from_pretrained\('default'\)"),
    "nothing": (None, ModelError, "None is no embedder, which has embed, dim and fingerprint"),
    "a class": (ColorEmbedder, ModelError, "is no embedder"),
}
ASK = {
    "filter": (lambda index: index.search(PICTURE, where=3), "a filter is a text, .* and no int"),
    "filter of many": (lambda index: index.search_many([PICTURE], where=[]), "and no list"),
    "filter of similar": (lambda index: index.similar_to("test/1", where={}), "and no dict"),
    "one picture": (lambda index: index.search_many(PICTURE), r"as a list, as in \[query\]; this is a Image"),
    "one file": (lambda index: index.search_many("a.png"), "this is a str"),
    "no queries": (lambda index: index.search_many(None), "this is a NoneType"),
    "like a vector": (lambda index: index.search_examples(like=VECTOR), "this is a ndarray"),
    "like a picture": (lambda index: index.search_examples(PICTURE), "this is a Image"),
    "like an array": (lambda index: index.search_examples(np.asarray(PICTURE)), "this is a ndarray"),
    "unlike a picture": (lambda index: index.search_examples([PICTURE], PICTURE), "this is a Image"),
    "unlike nothing": (lambda index: index.search_examples([PICTURE], None), "this is a NoneType"),
}


@pytest.fixture(scope="module", params=["files", "database"])
def index(request, collection):
    if request.param == "files":
        return PaintingIndex.build(collection, ColorEmbedder())
    from artextract_hf.retrieval import DatabaseIndex

    pytest.importorskip("lancedb")
    return DatabaseIndex.build(collection, ColorEmbedder(), "memory://", "wrong_types")


def build(index, *arguments, **options):
    place = [] if isinstance(index, PaintingIndex) else ["memory://", "another"]
    return type(index).build(*arguments, *place, **options)


@pytest.mark.parametrize("what", MAKE)
def test_what_is_no_embedder(index, what):
    embedder, error, message = MAKE[what]
    with pytest.raises(error, match=message):
        build(index, paintings(3), embedder)


def test_what_makes_no_index_of_faces():
    from artextract_hf.retrieval import FaceIndex

    for arguments, error, said in [
        ((None, ColorEmbedder()), PaintingIndexError, "without a column id is no collection"),
        ((paintings(1), "default"), ModelError, "'default' is a name"),
        ((paintings(1), ColorEmbedder(), "yunet"), ModelError, "yunet is no detector of faces"),
    ]:
        with pytest.raises(error, match=said):
            FaceIndex.build(*arguments)


@pytest.mark.parametrize("name", [None, 5, ["a"]])
def test_what_is_no_name_of_a_table(name):
    from artextract_hf.retrieval import DatabaseIndex

    pytest.importorskip("lancedb")
    with pytest.raises(PaintingIndexError, match="a table is called by a text"):
        DatabaseIndex.build(paintings(2), ColorEmbedder(), "memory://", name)


@pytest.mark.parametrize("metric", [[], None, {}, 3, "L2"])
def test_what_is_no_metric(index, metric):
    with pytest.raises(QueryError, match="there is no metric .*the metrics are cosine, ip, l2"):
        build(index, paintings(3), ColorEmbedder(), metric=metric)


@pytest.mark.parametrize("dataset", [[PICTURE], None, "museum", 5])
def test_what_is_no_collection(index, dataset):
    with pytest.raises(PaintingIndexError, match=f"a {type(dataset).__name__} without a column id is no collection"):
        build(index, dataset, ColorEmbedder())


@pytest.mark.parametrize("what", ASK)
def test_what_is_no_question(index, what):
    question, message = ASK[what]
    with pytest.raises(QueryError, match=message):
        question(index)


@pytest.mark.parametrize("name", [None, 3, [], b"x"])
def test_what_is_no_name_of_an_index(index, name):
    with pytest.raises(PaintingIndexError, match="is no name of an index"):
        type(index).from_pretrained(name)


def test_arrays_of_queries_are_their_rows(index):
    rows = np.stack([VECTOR, -VECTOR])
    one_by_one = [index.search(row) for row in rows]
    assert [[hit.id for hit in hits] for hits in index.search_many(rows)] == [
        [h.id for h in hits] for hits in one_by_one
    ]
    found = index.search_examples(like=rows[:1], unlike=rows[:0])
    assert [hit.id for hit in found] == [hit.id for hit in one_by_one[0]]


@pytest.mark.parametrize("name", [None, 5, b"default", ["default"]])
def test_names_that_are_no_texts_are_refused(name):
    with pytest.raises(ModelError, match="the name of a model is .*must be a text"):
        load_classifier(name)
    with pytest.raises(ModelError, match="the revision of a model is"):
        load_classifier("owner/name", revision=[name])
    with pytest.raises(DataError, match="is named by its folder"):
        load_prepared(name if name != b"default" else 7.5)
