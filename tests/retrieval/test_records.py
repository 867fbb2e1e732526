"""What an index is asked for by ids and fields."""

import pytest

from artextract_hf.errors import PaintingIndexError, QueryError
from artextract_hf.retrieval.index import PaintingIndex
from tests.retrieval.conftest import ColorEmbedder, paintings


def test_one_id_is_no_list_of_letters():
    collection = paintings(13)
    numbered = collection.remove_columns("id").add_column("id", [str(i) for i in range(13)])
    index = PaintingIndex.build(numbered, ColorEmbedder())
    index.remove("12")
    assert index.ids == [str(i) for i in range(12)]
    with pytest.raises(PaintingIndexError, match="no id and no list of ids"):
        index.remove(None)


def test_a_field_that_no_record_has_is_named_with_those_they_have(collection):
    index = PaintingIndex.build(collection.select(range(3)), ColorEmbedder())
    for field in ("nope", "thumbnail"):
        with pytest.raises(QueryError, match=rf"no field '{field}'; they have id, "):
            index.column(field)
