import pytest
from datasets import ClassLabel, Dataset, Features, Value

from artextract_hf.errors import DataError
from training.classifier.config import TrainConfig
from training.classifier.paintings import check_tasks

CLASSES = ClassLabel(names=["a", "b"])


def paintings(**labels):
    return Dataset.from_dict(labels, features=Features({task: CLASSES for task in labels}))


def test_a_task_without_a_class_is_refused_and_those_with_one_are_named():
    learn = paintings(style=[-1, None, -1], school=[0, 1, -1], genre=[1, 1, 1])
    check_tasks(learn, ["school", "genre"])
    with pytest.raises(DataError, match="no style and no artist; they have school, genre: use --tasks school,genre"):
        check_tasks(learn, ["style", "artist", "genre"])
    with pytest.raises(DataError, match="no style; they have no class"):
        check_tasks(learn.select_columns("style"), ["style"])
    with pytest.raises(DataError, match="no title"):
        check_tasks(Dataset.from_dict({"title": ["x"]}, features=Features({"title": Value("string")})), ["title"])


def test_names_may_come_as_one_text():
    values = {"data": "d", "output_dir": "o", "epochs": 1, "sizes": [[0, 64]], "tasks": "style, school"}
    assert TrainConfig.from_dict(values).tasks == ("style", "school")
