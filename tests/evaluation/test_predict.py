import numpy as np
import pytest

from artextract_hf.errors import DataError
from artextract_hf.evaluation.predict import known_labels, predict
from tests.evaluation.conftest import jpeg


@pytest.mark.parametrize("batch_size", [1, 2, 3, 64])
def test_rows_stay_with_their_paintings(paintings, color_model, processor, batch_size):
    colors = ["red", "blue", "blue", "red", "blue"]
    found = predict(color_model, processor, paintings([(c, None, None) for c in colors]), batch_size=batch_size)
    assert found.rows.tolist() == [0, 1, 2, 3, 4]
    assert found.logits["style"].argmax(axis=1).tolist() == [0, 1, 1, 0, 1]
    assert found.skipped.items == []


def test_what_cannot_be_decoded_is_listed_and_shifts_no_row(paintings, color_model, processor):
    cut = jpeg("red")[:-200]
    data = paintings([("red", None, None), (cut, None, None), (b"no picture", None, None), (None, None, None)])
    data = data.select([0, 1, 2, 3, 0])
    found = predict(color_model, processor, data, batch_size=2)
    assert found.rows.tolist() == [0, 4]
    assert found.logits["artist"].argmax(axis=1).tolist() == [0, 0]
    assert [s.path for s in found.skipped.items] == ["test/1", "test/2", "test/3"]
    assert "cut short" in found.skipped.items[0].reason
    assert "no picture" in found.skipped.items[2].reason


def test_a_split_without_one_whole_picture_gives_empty_logits(paintings, color_model, processor):
    found = predict(color_model, processor, paintings([(b"x", None, None)]))
    assert found.rows.shape == (0,)
    assert found.logits["style"].shape == (0, 2)


def test_a_model_in_training_mode_is_not_scored_so(paintings, color_model, processor):
    predict(color_model.train(), processor, paintings([("red", None, None)]))  # ColorModel.forward looks


@pytest.mark.parametrize("column", ["id", "image"])
def test_data_of_another_schema_are_refused(paintings, color_model, processor, column):
    with pytest.raises(DataError, match=f"no column {column}"):
        predict(color_model, processor, paintings([("red", None, None)]).remove_columns(column))


def test_known_labels_are_matched_by_name(paintings):
    data = paintings([("red", "Impressionism", None), ("red", "Fauvism", None), ("red", "Baroque", None)])
    names = ["Impressionism", "Baroque"]
    assert known_labels(data, "style", names).tolist() == [0, -1, 1]
    assert np.array_equal(known_labels(data.remove_columns("style"), "style", names), [-1, -1, -1])
