"""Values that no record takes are refused in words."""

import pytest

from artextract_hf.data.schema import class_names, labels_for, make_dataset, new_record, painting_features
from artextract_hf.data.sources.collection import load_collection
from artextract_hf.errors import DataError
from tests.conftest import plain_picture

PICTURE = plain_picture((200, 30, 30))


@pytest.mark.parametrize(
    "record",
    [new_record(id="a", image=PICTURE), new_record(id="a", image="a.png"), new_record(id="a", image=None, year="x"), 3],
)
def test_a_record_that_does_not_fit_is_refused(record):
    with pytest.raises(DataError, match="a record does not fit its columns: .*a picture is") as error:
        make_dataset([record], painting_features())
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("names", [None, "abc", [None], 3, {"a": 1}, ["a", "a"]])
def test_names_of_classes_are_different_texts(names):
    for make in (lambda: painting_features(styles=names), lambda: painting_features(own={"style": names})):
        with pytest.raises(DataError, match="the classes of style (are a list of names, not|hold a name twice)"):
            make()
    dataset = make_dataset([new_record(id="a", image=None)], painting_features())
    with pytest.raises(DataError, match="the classes of style"):
        labels_for(dataset, "style", names)


def test_a_task_that_the_data_lack_is_refused():
    dataset = make_dataset([], painting_features())
    for task in ("school", "title"):
        with pytest.raises(DataError, match=f"no classes of '{task}'; they have style, genre, artist"):
            class_names(dataset, task)


@pytest.mark.parametrize("source", [None, 3, [], b"x"])
def test_what_is_no_source_is_refused(source):
    with pytest.raises(DataError, match="is no source; give a folder"):
        load_collection(source)
