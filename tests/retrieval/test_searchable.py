"""One grammar for every index: the same calls, with the same arguments in the same order."""

import inspect

import numpy as np
import pytest

from artextract_hf.retrieval.database.index import DatabaseIndex
from artextract_hf.retrieval.faces.index import FaceIndex
from artextract_hf.retrieval.index import PaintingIndex
from artextract_hf.retrieval.regions.index import RegionIndex
from artextract_hf.retrieval.searchable import Searchable, SearchHit
from tests.retrieval.conftest import ColorEmbedder

CALLS = ("search", "search_many", "similar_to", "thumbnail", "save_pretrained", "from_pretrained", "push_to_hub")


@pytest.mark.parametrize("index", [PaintingIndex, RegionIndex, FaceIndex, DatabaseIndex])
@pytest.mark.parametrize("call", CALLS)
def test_every_index_has_the_same_calls(index, call):
    """What an index takes beside is keyword-only, and may be left out."""
    expected = inspect.signature(getattr(Searchable, call)).parameters
    found = inspect.signature(getattr(index, call)).parameters
    shared = [found[name].replace(annotation=inspect.Parameter.empty) for name in expected if name in found]
    assert shared == [parameter.replace(annotation=inspect.Parameter.empty) for parameter in expected.values()]
    for name in found.keys() - expected.keys():
        assert found[name].kind is inspect.Parameter.KEYWORD_ONLY and found[name].default is not inspect.Parameter.empty


@pytest.mark.parametrize("index", [PaintingIndex, RegionIndex, FaceIndex, DatabaseIndex])
def test_every_index_has_ids_and_a_length(index):
    assert isinstance(index.ids, property) and callable(index.__len__)


def test_an_index_is_searchable(collection):
    index = PaintingIndex.build(collection, ColorEmbedder())
    hit = index.search(np.array([1, 0, 0], dtype=np.float32), k=1)[0]
    assert isinstance(index, Searchable) and isinstance(hit, SearchHit)
    assert index.thumbnail(hit.id).size == (24, 16)


def test_what_lacks_one_call_is_not_searchable():
    members = dict.fromkeys((*CALLS, "__len__"), lambda *_: 0) | {"ids": []}
    assert isinstance(type("Whole", (), members)(), Searchable)
    for name in members:
        part = {other: value for other, value in members.items() if other != name}
        assert not isinstance(type("Part", (), part)(), Searchable)
    assert not isinstance(object(), SearchHit)
