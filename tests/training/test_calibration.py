import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from datasets import ClassLabel, Dataset, DatasetDict, Features, Image, Value, concatenate_datasets
from huggingface_hub import ModelCard
from PIL import Image as Picture
from scipy.special import softmax

from artextract_hf.data.prepared import load_prepared, write_prepared
from artextract_hf.errors import DataError
from artextract_hf.evaluation.predict import predict
from artextract_hf.models import CrnnConfig, CrnnForImageClassification, load_classifier
from tests.training.classifier.test_teachers import SMALL, TASKS, classifier, keep
from training.calibration import FLOOR, TAU, fit, level, log_frequencies, main
from training.ensemble import join

LEARNT = [0] * 6 + [1] * 2  # styles


def colours(styles: list[int], genres: list[int]) -> Dataset:
    """Plain colours with these labels."""
    rng = np.random.default_rng(len(styles))
    classes = {task: ClassLabel(names=names) for task, names in TASKS.items()}
    pictures = [Picture.new("RGB", (64, 64), tuple(color)) for color in rng.integers(0, 256, (len(styles), 3)).tolist()]
    rows = {"id": list(map(str, range(len(styles)))), "image": pictures, "style": styles, "genre": genres}
    return Dataset.from_dict(rows, features=Features({"id": Value("string"), "image": Image(), **classes}))


TRAIN = {"train": colours(LEARNT, [0, 1, 1, -1] * 2)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("doubtful")


@pytest.fixture(scope="module")
def doubtful(folder):
    """A classifier `plain`, and `data` whose held-out labels are drawn twice as surely as its levelled logits say."""
    model, unlabelled = classifier(3), colours([-1] * 300, [-1] * 300)
    processor = load_classifier(keep(model, folder / "plain"))[1]
    for task, logits in predict(model, processor, unlabelled).logits.items():  # let the colours tell in its answers
        head = model.heads[task][-1]
        factor = 1.5 / logits.std(axis=0).mean()
        head.bias.data = -factor * (torch.from_numpy(logits.mean(axis=0)) - head.bias.data)
        head.weight.data *= factor
    keep(model, folder / "plain")
    level(model, DatasetDict(TRAIN), ["train"])
    rng = np.random.default_rng(0)
    answers = predict(model, processor, unlabelled).logits.values()
    labels = [(2 * logits + rng.gumbel(size=logits.shape)).argmax(axis=1).tolist() for logits in answers]
    write_prepared(DatasetDict(TRAIN | {"val": colours(*labels)}), {}, folder / "data")
    return model


@pytest.fixture
def calibrate(doubtful, folder, tmp_path, monkeypatch):
    """Runs the script on `plain`, or on another classifier, and loads what it wrote."""

    def run(*more: str, out: str = "out", model: Path | None = None):
        paths = {"--model": model or folder / "plain", "--data": folder / "data", "--out": tmp_path / out}
        monkeypatch.setattr("sys.argv", ["calibration", *(str(word) for pair in paths.items() for word in pair), *more])
        main()
        return load_classifier(str(tmp_path / out))[0]

    return run


def test_frequent_classes_lose_a_part_of_their_lead_and_rare_ones_gain_no_more_than_the_floor(tmp_path):
    pair = join(keep(classifier(1), tmp_path / "a"), [keep(classifier(2), tmp_path / "b")])
    pixels = torch.randn(4, 3, 64, 64)
    with torch.no_grad():
        before = [network(pixels).task_logits["style"] for network in (pair.eval(), pair.companions[0])]
        level(pair, DatasetDict(TRAIN), ["train"])
        after = [network(pixels).task_logits["style"] for network in (pair, pair.companions[0])]
    expected = -TAU * torch.tensor([6 / 8, 2 / 8, FLOOR / 3]).log()
    for one, other in zip(before, after, strict=True):
        torch.testing.assert_close(other - one, expected.expand(4, 3), atol=1e-5, rtol=0)


def test_frequencies_are_of_what_is_labelled():
    np.testing.assert_allclose(log_frequencies(np.array([0, 1, 1, 1, -1]), 2), np.log([0.25, 0.75]))
    np.testing.assert_allclose(log_frequencies(np.array([-1]), 4), np.log([FLOOR / 4] * 4))


def test_the_temperature_is_the_one_that_the_held_out_list_was_drawn_with(calibrate, doubtful):
    model = calibrate()
    assert model.config.temperature == {task: pytest.approx(0.5, rel=0.2) for task in TASKS}
    pixels = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        for task, logits in model(pixels).task_logits.items():
            expected = doubtful.eval()(pixels).task_logits[task] / model.config.temperature[task]
            torch.testing.assert_close(logits, expected, atol=1e-4, rtol=1e-4)
    single = model.without_companions().config
    assert single.temperature == single.set_thresholds == {}


def test_nine_tenths_of_each_class_reach_its_threshold(calibrate, folder):
    model, processor = calibrate(), load_classifier(str(folder / "plain"))[1]
    held_out = load_prepared(folder / "data")["val"]
    assert model.config.set_level == 0.9
    for task, logits in predict(model, processor, held_out).logits.items():
        probability, labels = softmax(logits, axis=1), np.array(held_out[task])
        for c, threshold in enumerate(model.config.set_thresholds[task]):
            own = probability[labels == c, c]
            assert abs((own >= threshold).sum() - 0.9 * len(own)) <= 1 and len(own) > 9


def test_a_task_that_nothing_was_held_out_of_stays_as_it_is(doubtful, folder):
    held_out = load_prepared(folder / "data")["val"]
    unknown = Dataset.from_dict(
        {"genre": [-1] * len(held_out)}, features=Features({"genre": held_out.features["genre"]})
    )
    model, processor = load_classifier(str(folder / "plain"))
    fit(model, processor, concatenate_datasets([held_out.remove_columns("genre"), unknown], axis=1))
    assert list(model.config.temperature) == list(model.config.set_thresholds) == ["style"]


def test_calibrated_it_has_a_card_of_its_own_figures(calibrate, folder, tmp_path):
    settings = {"epochs": 1, "sizes": [[0, 64]], "checkpoint_every": 100, "frozen_epochs": 1, "frozen_baseline": False}
    settings |= {"model": SMALL, "tasks": list(TASKS), "data": "elsewhere", "output_dir": "runs/plain"}
    (tmp_path / "config.json").write_text(json.dumps(settings))
    shutil.copytree(folder / "plain", tmp_path / "plain")
    calibrate(out="calibrated", model=tmp_path / "plain")
    card = ModelCard.load(tmp_path / "calibrated/README.md")
    report = json.loads((tmp_path / "calibrated/evaluation/metrics.json").read_text())
    assert f"style {100 * report['calibration']['style']['error']:.1f}" in card.text
    assert (
        report["sets"]["genre"]["fitted_here"] and "by thresholds fitted on other paintings of the split" in card.text
    )
    assert f"| genre | 90.0 | {100 * report['sets']['genre']['coverage']:.1f} |" in card.text
    assert "It was calibrated" in card.text and "a collection of one's own" in card.text


def test_one_that_learnt_every_list_takes_the_temperatures_of_another(calibrate, folder, tmp_path, capsys):
    fitted = calibrate()
    with pytest.raises(SystemExit, match="2"):
        calibrate("--learnt", "train", "val")
    assert "val was learnt from" in capsys.readouterr().err
    twin = calibrate("--learnt", "train", "val", "--temperatures", str(tmp_path / "out"), out="twin")
    assert twin.config.temperature == fitted.config.temperature
    shift = twin.heads["style"][-1].bias - fitted.heads["style"][-1].bias
    styles = load_prepared(folder / "data")["val"]["style"]
    both = log_frequencies(np.array(LEARNT + list(styles)), 3)
    expected = TAU * (log_frequencies(np.array(LEARNT), 3) - both)
    np.testing.assert_allclose(shift.detach(), expected, atol=1e-5)


def test_what_is_no_calibration_is_refused(calibrate, doubtful, folder, tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        calibrate("--temperatures", str(folder / "plain"))
    assert "plain has no temperatures" in capsys.readouterr().err
    other = CrnnForImageClassification(CrnnConfig(tasks={"style": ["a", "b"]}, **SMALL, temperature={"style": 0.5}))
    with pytest.raises(SystemExit, match="2"):
        calibrate("--temperatures", keep(other, tmp_path / "other"))
    assert "other was trained on other classes" in capsys.readouterr().err
    processor = load_classifier(str(folder / "plain"))[1]
    with pytest.raises(DataError, match="no painting .* has a style or a genre"):
        fit(doubtful, processor, colours([-1] * 4, [-1] * 4))
    known = predict(doubtful, processor, colours([-1] * 4, [-1] * 4)).logits
    with pytest.raises(DataError, match="no temperature fits the style"):  # always right: the surer, the better
        fit(doubtful, processor, colours(*(known[task].argmax(axis=1).tolist() for task in TASKS)))


def test_calibrated_classifiers_are_neither_calibrated_again_nor_joined(calibrate, folder, tmp_path):
    model = calibrate()
    with pytest.raises(DataError, match="calibrated already"):
        level(model, DatasetDict(TRAIN), ["train"])
    calibrated, plain = str(tmp_path / "out"), str(folder / "plain")
    for lead, other in ((calibrated, plain), (plain, calibrated)):
        with pytest.raises(DataError, match="out is calibrated already; join first"):
            join(lead, [other])
