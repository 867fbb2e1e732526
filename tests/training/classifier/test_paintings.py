import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value

from artextract_hf.data import synthetic_paintings, write_prepared
from artextract_hf.errors import DataError
from training.classifier.config import TrainConfig
from training.classifier.paintings import choose_tasks, load_splits

CLASSES = ClassLabel(names=["a", "b"])


def paintings(**labels):
    return Dataset.from_dict(labels, features=Features({task: CLASSES for task in labels}))


def test_a_task_without_a_class_is_refused_and_those_with_one_are_named():
    learn = paintings(style=[-1, None, -1], school=[0, 1, -1], genre=[1, 1, 1])
    assert choose_tasks(learn, ["genre", "school"]) == ("genre", "school")
    with pytest.raises(DataError, match="no style and no artist; they have school, genre: use --tasks school,genre"):
        choose_tasks(learn, ["style", "artist", "genre"])
    with pytest.raises(DataError, match=r"no style; `artextract prepare collection \.\.\. --task COLUMN`"):
        choose_tasks(learn.select_columns("style"), ["style"])
    with pytest.raises(DataError, match="no title"):
        choose_tasks(Dataset.from_dict({"title": ["x"]}, features=Features({"title": Value("string")})), ["title"])


def test_without_a_choice_ones_own_classes_are_learnt_and_else_those_that_are_known():
    learn = paintings(style=[0, 1], genre=[-1, -1], school=[0, 1], period=[None, 1])
    assert choose_tasks(learn, ()) == ("school", "period")
    assert choose_tasks(learn.select_columns(["style", "genre"]), ()) == ("style",)
    with pytest.raises(DataError, match="have no class"):
        choose_tasks(learn.select_columns("genre"), ())


def test_data_without_splits_say_how_they_get_some(tmp_path):
    write_prepared(DatasetDict({"all": synthetic_paintings(4)}), {}, tmp_path / "data")
    values = {"data": str(tmp_path / "data"), "output_dir": "-"}
    with pytest.raises(DataError, match=r"has no split \w+; `artextract prepare collection \.\.\. --val 0\.2`"):
        load_splits(TrainConfig.from_dict(values))
    config, learn, scored = load_splits(TrainConfig.from_dict(values | {"train_splits": ["all"], "eval_split": ""}))
    assert config.tasks == ("genre",) and len(learn) == 4 and scored is None


def test_names_may_come_as_one_text():
    values = {"data": "d", "output_dir": "o", "epochs": 1, "sizes": [[0, 64]], "tasks": "style, school"}
    assert TrainConfig.from_dict(values).tasks == ("style", "school")
