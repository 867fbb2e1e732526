"""What a classifier says of pictures that are no paintings, or by artists that it does not know."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForImageClassification, pipeline

from artextract_hf.errors import ModelError
from artextract_hf.models import (
    ArtAttributesPipeline,
    ArtImageProcessor,
    CrnnConfig,
    CrnnForImageClassification,
    CrnnModel,
    doubts_in_words,
    load_classifier,
)
from artextract_hf.models.backbones import create_backbone, feature_map, stage_channels, staged_map
from artextract_hf.models.inference.open_set import doubts
from tests.conftest import USUAL, noise_picture

SMALL = {"backbone": "mobilenetv3_small_050", "image_size": 64, "projection_size": 16, "hidden_size": 8}
TASKS = {"style": ["a", "b"], "artist": ["x", "y", "z"]}


@pytest.fixture
def folder(open_classifier):
    return open_classifier


def processor_of(side: int) -> ArtImageProcessor:
    return ArtImageProcessor(size={"height": side, "width": side})


def test_what_is_usual_is_likely_and_what_is_not_is_said(folder):
    model, processor = load_classifier(str(folder))
    attributes = pipeline("art-attributes", model=model, image_processor=processor)
    usual, strange = attributes([USUAL[3], noise_picture()], batch_size=2)
    assert 0.05 < usual["painting"] <= 1
    assert strange["painting"] == 0
    assert usual["unknown"] == {"artist": 1}
    assert doubts_in_words(usual) == "The artist may be none of those that this model knows."
    assert doubts_in_words(strange) == "This does not look like a painting."
    json.dumps([usual, strange], allow_nan=False)


def test_a_model_without_these_statistics_answers_as_before(tiny_classifier):
    answer = pipeline("art-attributes", model=str(tiny_classifier))(USUAL[0])
    assert set(answer) == {"tasks"} and doubts_in_words(answer) == ""


def test_shares_are_read_between_the_quantiles():
    found = doubts({"painting": 3.0, "artist": 0.9}, {"painting": [0.0, 2.0, 4.0, 10.0, 20.0], "artist": [0, 1]})
    assert found["painting"] == pytest.approx(1 - 0.375)
    assert found["unknown"]["artist"] == pytest.approx(0.9)
    assert doubts({}, {}) == {}


def test_the_distance_is_the_literal_one_and_the_trunk_stays_the_same(folder):
    model = CrnnForImageClassification.from_pretrained(folder)
    pixels = processor_of(64)(images=USUAL[:3], return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        output = model(pixels)
        statistics = staged_map(model.crnn.backbone, pixels)[1].double()
        mean, whitening = model.typical.mean.double(), model.typical.whitening.double()
        for n in range(3):
            literal = (((statistics[n] - mean) @ whitening) ** 2).mean().sqrt()
            assert float(output.distances["painting"][n]) == pytest.approx(float(literal), rel=1e-4)
        assert torch.equal(output.distances["artist"], -output.task_logits["artist"].max(dim=1).values)
        trunk = CrnnModel.from_pretrained(folder)
        torch.testing.assert_close(trunk(pixels).pooler_output, output.embeddings)
        assert not any("typical" in key for key in trunk.state_dict())


@pytest.mark.parametrize("name", ["mobilenetv2_050", "resnet18", "convnext_atto", "mobilenetv3_small_050"])
def test_the_map_beside_the_statistics_is_the_usual_one(name):
    torch.manual_seed(0)
    backbone, pixels = create_backbone(name).eval(), torch.randn(2, 3, 64, 64)
    stages = []
    for info in backbone.feature_info[-3:-1]:
        backbone.get_submodule(info["module"]).register_forward_hook(lambda *call: stages.append(call[2]))
    with torch.no_grad():
        expected = feature_map(backbone, pixels)
        literal = torch.cat([part for s in stages for part in (s.mean((2, 3)), s.var((2, 3), correction=0).sqrt())], 1)
        stages.clear()
        found, statistics = staged_map(backbone, pixels)
    assert torch.equal(found, expected) and statistics.shape == (2, 2 * stage_channels(name))
    torch.testing.assert_close(statistics, literal, atol=1e-4, rtol=1e-4)


def test_layer_aggregation_has_no_maps_of_stages():
    with pytest.raises(ModelError, match="gives no maps of its stages"):
        stage_channels("rla_resnet50")


def test_it_returns_from_disk_in_half_precision(folder, tmp_path):
    model = CrnnForImageClassification.from_pretrained(folder)
    pixels = processor_of(64)(images=USUAL[:4], return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        before = model(pixels).distances["painting"]
        model.half().save_pretrained(tmp_path)
        again = AutoModelForImageClassification.from_pretrained(tmp_path, dtype=torch.float32)
        torch.testing.assert_close(again(pixels).distances["painting"], before, rtol=0.05, atol=0.02)
    assert again.config.usual_distances == model.config.usual_distances


def test_statistics_and_configuration_belong_together(folder, tmp_path):
    for name in ("config.json", "preprocessor_config.json"):
        (tmp_path / name).write_text((folder / name).read_text())
    weights = load_file(folder / "model.safetensors")
    mean = weights.pop("typical.mean")
    save_file(weights, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match=r"missing keys: typical\.mean"):
        load_classifier(str(tmp_path))
    save_file(weights | {"typical.mean": mean}, tmp_path / "model.safetensors", {"format": "pt"})
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"usual_distances": {}}))
    with pytest.raises(ModelError, match=r"unexpected keys: typical"):
        load_classifier(str(tmp_path))


@pytest.mark.parametrize(
    "usual",
    [{"painting": [2.0, 1.0]}, {"painting": [1.0]}, {"period": [1.0, 2.0]}, {"artist": [1.0, float("nan")]}]
    + [{"artist": [1.0, float("inf")]}, {"painting": [0.0] * 2000}],
)
def test_usual_distances_are_ascending_numbers_of_paintings_or_a_task(usual):
    with pytest.raises(ModelError, match="usual_distances of"):
        CrnnConfig(**SMALL, tasks=TASKS, usual_distances=usual)


def test_damaged_statistics_are_an_error(folder, tmp_path):
    model, processor = load_classifier(str(folder))
    model.typical.whitening.fill_(3e38)
    with pytest.raises(ModelError, match="no numbers for what is unusual"):
        ArtAttributesPipeline(model=model, image_processor=processor)(USUAL[0])


def test_what_learns_other_classes_or_answers_alone_forgets_what_was_usual(folder, tmp_path):
    model = CrnnForImageClassification.from_pretrained(folder)
    single = model.without_companions()
    single.save_pretrained(tmp_path)
    assert not CrnnForImageClassification.from_pretrained(tmp_path).config.usual_distances
    assert model.typical is not None and model.config.usual_distances
    other = CrnnForImageClassification.from_pretrained(
        folder, task="painter", id2label={0: "p", 1: "q"}, ignore_mismatched_sizes=True
    )
    assert other.typical is None and not other.config.usual_distances


def test_companions_have_none_of_their_own(folder):
    config = CrnnConfig.from_pretrained(folder)
    config.companions = [{"hidden_size": 4}]
    model = CrnnForImageClassification(CrnnConfig(**config.to_dict()))
    assert model.typical is not None and model.companions[0].typical is None
    assert set(model(torch.randn(2, 3, 64, 64)).distances) == {"painting", "artist"}
