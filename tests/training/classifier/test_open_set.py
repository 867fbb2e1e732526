import json

import numpy as np
import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Image, Value

from artextract_hf.data.prepared import load_prepared, write_prepared
from artextract_hf.evaluation.learnt import count_learnt
from artextract_hf.models import ArtAttributesPipeline, load_classifier
from tests.conftest import noise_picture, plain_picture
from training.classifier.open_set import main

ARTISTS = ["Claude_Monet", "Frans_Hals", "Rembrandt"]


def paintings(count: int, *, labelled: bool, seed: int) -> Dataset:
    rng = np.random.default_rng(seed)
    pictures = [
        plain_picture(tuple(color), seed=n) for n, color in enumerate(rng.integers(0, 256, (count, 3)).tolist())
    ]
    artists = rng.integers(0, 3, count) if labelled else np.full(count, -1)
    rows = {"id": [f"{seed}/{n}" for n in range(count)], "image": pictures, "artist": artists.tolist()}
    features = Features({"id": Value("string"), "image": Image(), "artist": ClassLabel(names=ARTISTS)})
    return Dataset.from_dict(rows, features=features)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("open") / "data"
    splits = {
        "train": paintings(40, labelled=True, seed=0),
        "val": paintings(120, labelled=True, seed=1),
        "test": paintings(30, labelled=False, seed=2),
    }
    write_prepared(DatasetDict(splits), {}, folder)
    return folder


@pytest.fixture
def fit(tiny_classifier, data, tmp_path, monkeypatch):
    def run(*more: str):
        options = ["--model", tiny_classifier, "--data", data, "--out", tmp_path / "out", *more]
        monkeypatch.setattr("sys.argv", ["open_set", *map(str, options)])
        main()
        return load_classifier(str(tmp_path / "out"))

    return run


def test_a_fitted_classifier_tells_noise_and_keeps_its_answers_and_its_card(fit, tiny_classifier, tmp_path):
    model, processor = fit()
    assert set(model.config.usual_distances) == {"painting", "artist"}
    assert (tmp_path / "out/README.md").read_bytes() == (tiny_classifier / "README.md").read_bytes()
    pictures = [noise_picture(), *paintings(40, labelled=False, seed=3)["image"]]
    attributes = ArtAttributesPipeline(model=model, image_processor=processor)
    found, *others = attributes(pictures)
    assert found["painting"] == 0
    assert sum(other["painting"] >= 0.05 for other in others) >= 34  # 38 of 40 are expected
    plain = ArtAttributesPipeline(model=load_classifier(str(tiny_classifier))[0], image_processor=processor)(pictures)
    for one, other in zip([found, *others], plain, strict=True):
        assert one["tasks"]["style"][0]["score"] == pytest.approx(other["tasks"]["style"][0]["score"], abs=1e-5)


def test_it_still_says_what_it_learnt_from(fit, data):
    model, _ = fit()
    splits = load_prepared(data)
    assert [count_learnt(model, splits[name])["learnt"] for name in ("train", "val")] == [40, 0]


def test_artists_are_left_out_where_few_works_are_by_those_it_knows(fit, capsys):
    model, _ = fit("--held-out", "test")
    assert set(model.config.usual_distances) == {"painting"}
    assert "0 held-out works are by artists that it knows: too few" in capsys.readouterr().out


def test_another_collection_may_be_held_out(fit, tmp_path):
    folder = tmp_path / "museum"
    folder.mkdir()
    for n in range(25):
        plain_picture((9 * n, 100, 50), seed=n).save(folder / f"{n}.png")
    config = json.loads((fit("--held-out", str(folder)) and tmp_path / "out/config.json").read_text())
    assert len(config["usual_distances"]["painting"]) == 101


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--held-out", "train"), "train was learnt from"),
        (("--held-out", "nowhere.csv"), "nowhere.csv"),
        (("--learnt", "first"), "first"),
    ],
)
def test_what_cannot_be_fitted_is_one_line(options, message, fit, capsys):
    with pytest.raises(SystemExit) as stop:
        fit(*options)
    error = capsys.readouterr().err
    assert stop.value.code == 2 and message in error and len(error.strip().splitlines()) == 1
