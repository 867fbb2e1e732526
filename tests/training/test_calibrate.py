import numpy as np
import pytest
import torch
from datasets import ClassLabel, Dataset, DatasetDict, Features, Image, Value
from PIL import Image as Picture

from artextract_hf.data.prepared import write_prepared
from artextract_hf.errors import DataError
from artextract_hf.evaluation.calibration import fit_temperature
from artextract_hf.evaluation.predict import predict
from artextract_hf.models import CrnnConfig, CrnnForImageClassification, load_classifier
from tests.training.test_teachers import SMALL, TASKS, classifier, keep
from training.calibrate import LEAST_SHARE, TAU, level, log_shares, main
from training.join import join

COUNTS = [6, 2, 0]  # paintings of each style to learn from


def prepared(folder):
    """Colours with a style each; half of them have a genre."""
    rng = np.random.default_rng(0)
    features = Features(
        {
            "id": Value("string"),
            "image": Image(),
            **{task: ClassLabel(names=names) for task, names in TASKS.items()},
        }
    )

    def split(styles):
        pictures = [Picture.fromarray(rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)) for _ in styles]
        genres = [index % 2 if index < len(styles) // 2 else -1 for index in range(len(styles))]
        ids = [str(index) for index in range(len(styles))]
        rows = {"id": ids, "image": pictures, "style": styles, "genre": genres}
        return Dataset.from_dict(rows, features=features)

    splits = {"train": split(np.repeat(range(3), COUNTS).tolist()), "val": split([0, 1, 2, 0])}
    write_prepared(DatasetDict(splits), {}, folder)
    return DatasetDict(splits)


def test_frequent_classes_lose_a_part_of_their_lead_and_rare_ones_gain_no_more_than_the_floor(tmp_path):
    splits = prepared(tmp_path / "data")
    pair = keep(join(keep(classifier(1), tmp_path / "a"), [keep(classifier(2), tmp_path / "b")]), tmp_path / "pair")
    before, after = load_classifier(pair)[0].eval(), level(pair, splits, ["train"]).eval()
    pixels = torch.randn(4, 3, 64, 64)
    with torch.no_grad():
        for one, other in ((before, after), (before.companions[0], after.companions[0])):
            moved = other(pixels).task_logits["style"] - one(pixels).task_logits["style"]
            expected = -TAU * torch.tensor([6 / 8, 2 / 8, LEAST_SHARE / 3]).log()
            torch.testing.assert_close(moved, expected.expand(4, 3), atol=1e-5, rtol=0)


def test_shares_are_of_what_is_labelled():
    np.testing.assert_allclose(log_shares(np.array([0, 1, 1, 1, -1]), 2), np.log([0.25, 0.75]))
    np.testing.assert_allclose(log_shares(np.array([-1]), 4), np.log([LEAST_SHARE / 4] * 4))


def test_the_calibrated_model_answers_at_the_temperature_that_the_held_out_list_gives(tmp_path, monkeypatch):
    splits = prepared(tmp_path / "data")
    plain = keep(classifier(3), tmp_path / "plain")
    out = str(tmp_path / "out")
    arguments = ["calibrate", "--model", plain, "--data", str(tmp_path / "data")]
    monkeypatch.setattr("sys.argv", [*arguments, "--out", out])
    main()
    model, processor = load_classifier(out)
    levelled = level(plain, splits, ["train"])
    expected, found = (predict(m, processor, splits["val"]).logits["style"] for m in (levelled, model))
    temperature = model.config.temperature["style"]
    assert temperature == pytest.approx(fit_temperature(np.array([0, 1, 2, 0]), expected), abs=1e-3)
    np.testing.assert_allclose(found, expected / temperature, rtol=1e-4)
    assert model.alone().config.temperature == {}

    twin = str(tmp_path / "twin")
    monkeypatch.setattr("sys.argv", [*arguments, "--learnt", "train", "val", "--temperatures", out, "--out", twin])
    main()
    assert load_classifier(twin)[0].config.temperature["style"] == temperature
    with pytest.raises(DataError, match="calibrated already"):
        level(out, splits, ["train"])
    monkeypatch.setattr("sys.argv", [*arguments, "--temperatures", plain, "--out", str(tmp_path / "none")])
    with pytest.raises(SystemExit, match="has no temperatures"):
        main()


def test_joined_classifiers_give_up_the_temperature_of_the_one_that_leads(tmp_path):
    lead = CrnnForImageClassification(CrnnConfig(tasks=TASKS, **SMALL, temperature={"style": 0.5}))
    joined = join(keep(lead, tmp_path / "lead"), [keep(classifier(1), tmp_path / "other")])
    assert joined.config.temperature == {} and joined.config.companions == [{}]
