from dataclasses import fields

import pytest

from artextract_hf.errors import DataError
from training.byol.config import ByolTrainConfig
from training.classifier.config import TrainConfig


@pytest.mark.parametrize("config", [TrainConfig, ByolTrainConfig])
def test_the_help_shows_every_key_with_its_comment(config):
    shown = config.parser("A training.").format_help()
    assert all(f"    {field.name}: " in shown for field in fields(config))
    assert "batch_size: int = 64  # paintings a step, each process" in shown
    assert "def " not in shown


def test_configuration_checks_itself(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("data: d\noutput_dir: o\nmodel: {dropout: 0.1}\nsizes: [[0, 64], [2, 96]]\n")
    config = TrainConfig.load(path, ["--model.dropout", "0.4", "--train-splits", "[train, val]", "--lr", "1e-2"])
    assert config.model == {"dropout": 0.4} and config.train_splits == ("train", "val")
    assert config.lr == 0.01  # which PyYAML takes for text
    assert TrainConfig.load(path, ["--loss.label_smoothing", "1e-1"]).loss == {"label_smoothing": 0.1}
    assert [config.size_at(e) for e in (0, 1, 2, 9)] == [64, 64, 96, 96]
    with pytest.raises(DataError, match="Did you mean 'ema_decay'"):
        TrainConfig.load(path, ["--ema_decy", "0"])
    with pytest.raises(DataError, match="pairs"):
        TrainConfig.load(path, ["--lr"])
    with pytest.raises(DataError, match="'auto', 'bf16', 'fp16', 'no'"):
        TrainConfig.load(path, ["--mixed_precision", "int4"])
    with pytest.raises(DataError, match="there is no configuration"):
        TrainConfig.load(tmp_path / "nothing.yaml")
    for bad, message in (
        (["--loss.gama", "2"], "not a loss"),
        (["--tasks", "style", "--balanced_task", "period"], "none of the tasks"),
        (["--task_weights", "learnt"], "uncertainty"),
        (["--contrastive", "0.5", "--mixup", "0.2"], "mixup"),
        (["--accumulate", "3"], "3 equal pieces"),
        (["--schedule", "linear"], "cosine_annealing"),
        (["--push_to_hub", "somebody/crnn", "--eval_split", ""], "give an eval_split"),
        (["--lr", "fast"], "--lr has to be a number, not 'fast'"),
        (["--model.backbone", "3"], "--model cannot be built: .*'backbone' expected str"),
        (["--model.tasks", "{style: [a]}"], "no setting 'tasks'"),
        (["--model.droput", "0.1"], "Did you mean 'dropout'"),
    ):
        with pytest.raises(DataError, match=message):
            TrainConfig.load(path, bad)


HOSTILE = [
    b"- 1\n",
    b"a text",
    b"[" * 3000,
    b"\xff\xfe\xfa",
    b"epochs: 2001-99-99",
    b"epochs: " + b"9" * 5000,
    b"a: {b",
    b"epochs: 1\nepochs: 2",
    b"1: 2",
]


@pytest.mark.parametrize("content", HOSTILE, ids=lambda content: content[:8].decode("latin-1"))
def test_a_file_that_is_no_configuration_is_refused(tmp_path, content):
    path = tmp_path / "c.yaml"
    path.write_bytes(content)
    with pytest.raises(DataError) as error:
        TrainConfig.load(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("pair", [("--model.dropout.rate", "1"), ("--epochs", "["), ("--lr", "2001-99-99")])
def test_a_key_that_cannot_be_put_over_it_is_refused(tmp_path, pair):
    path = tmp_path / "c.yaml"
    path.write_text("data: d\noutput_dir: o\nmodel: {dropout: 0.1}\n")
    with pytest.raises(DataError):
        TrainConfig.load(path, pair)


def test_names_stay_texts_where_they_are_numbers_or_empty(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("data: d\noutput_dir: o\n")
    config = TrainConfig.load(
        path, ["--output_dir", "1873", "--eval_split", "", "--tasks", "1900", "--task_weights", ""]
    )
    assert (config.output_dir, config.eval_split, config.tasks, config.task_weights) == ("1873", "", ("1900",), "")
    assert TrainConfig.load(path, ["--tasks", ""]).tasks == ()
