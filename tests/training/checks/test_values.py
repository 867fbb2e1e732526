"""No value of any kind for any key ends in more than one line."""

import datetime
from dataclasses import fields

import pytest

from artextract_hf.errors import ArtExtractError
from training.byol.config import ByolTrainConfig
from training.checks.values import check_value
from training.classifier.config import TrainConfig

PLAIN = {"data": "d", "output_dir": "o"}
ITSELF: dict = {}
ITSELF["a"] = ITSELF
OF_NO_KEY = [None, float("nan"), float("inf"), -1, -0.5, b"x", datetime.date(2001, 1, 1), {1: 2}, [None], ITSELF]
OF_SOME = [
    "x",
    "",
    True,
    0,
    0.5,
    3,
    10**5000,
    [],
    [1],
    [[0, 0]],
    [[1, 8]],
    [["a", 1]],
    ["x"],
    {},
    {"a": 1},
    {"a": None},
]
INNER = {
    "model": ["backbone", "image_size", "heads", "tasks", "task", "neck", "companions", "temperature", "dropout"],
    "view": ["min_area", "flip", "crop", "blur", "hue"],
    "loss": ["name", "gamma", "label_smoothing"],
}
KEYS = [(kind, field.name) for kind in (TrainConfig, ByolTrainConfig) for field in fields(kind)]


@pytest.mark.parametrize(("kind", "key"), KEYS, ids=lambda value: getattr(value, "__name__", value))
def test_a_value_is_taken_or_refused_in_one_line(kind, key):
    inner = [{name: value} for name in INNER.get(key, ()) for value in (*OF_NO_KEY, *OF_SOME)]
    for value in (*OF_NO_KEY, *OF_SOME, *inner):
        try:
            config = kind.from_dict(PLAIN | {key: value})
        except ArtExtractError as error:
            assert "\n" not in str(error) and len(str(error)) < 500
        else:
            assert not any(value is wrong for wrong in OF_NO_KEY)
            assert config.size_at(0) > 0


@pytest.mark.parametrize(
    ("kind", "key", "value", "message"),
    [
        (TrainConfig, "batch_size", "x", "--batch_size has to be a whole number, not 'x'."),
        (TrainConfig, "epochs", True, "--epochs has to be a whole number, not True."),
        (TrainConfig, "frozen_lr", -1, "--frozen_lr is -1; nothing below 0 is taken."),
        (TrainConfig, "tasks", [1], "--tasks has to be a list of texts, not [1]."),
        (TrainConfig, "task_weights", 3, "--task_weights has to be a text or numbers by name, not 3."),
        (TrainConfig, "eval_every", 0, "--eval_every is 0; it has to be at least 1."),
        (TrainConfig, "sizes", [[2, 64]], "--sizes is [(2, 64)]; the first pair is of epoch 0, and a side has"),
        (TrainConfig, "seed", 2**32, "--seed is 4294967296; nothing above 2147483647 is taken."),
        (ByolTrainConfig, "model", "x", "--model has to be settings by name, not 'x'."),
        (ByolTrainConfig, "trackers", ["tensorbord"], "trackers is 'tensorbord'; it takes one of"),
    ],
)
def test_the_line_says_what_the_key_takes(kind, key, value, message):
    with pytest.raises(ArtExtractError) as error:
        kind.from_dict(PLAIN | {key: value})
    assert str(error.value).startswith(message)


def test_a_long_value_is_cut():
    with pytest.raises(ArtExtractError) as error:
        check_value("data", str, ["x"] * 1000)
    assert len(str(error.value)) < 120
