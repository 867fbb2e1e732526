"""Exported models, run by onnxruntime on real pictures, against torch."""

import json

import numpy as np
import onnxruntime
import pytest
import torch

from artextract_hf import (
    ArtImageProcessor,
    ByolConfig,
    ByolModel,
    CrnnConfig,
    CrnnForImageClassification,
    load_classifier,
)
from artextract_hf.data.synthetic import synthetic_paintings
from artextract_hf.errors import ArtExtractError, ModelError
from artextract_hf.hub.onnx_export import export_onnx

TASKS = {"style": ["Baroque", "Impressionism"], "genre": ["landscape", "portrait", "still_life"]}
SMALL = {"backbone": "mobilenetv3_small_050", "image_size": 64, "projection_size": 16, "hidden_size": 8, "tasks": TASKS}
FORMS = {
    "lstm": {},
    "gru, rows and columns": {"rnn_type": "gru", "sequence": "rows_and_columns"},
    "boustrophedon, two layers": {"sequence": "boustrophedon", "num_layers": 2},
    "channels, attention before": {"sequence": "channels", "attention": "before"},
    "gabor, neck, heads": {
        "gabor": "learnable",
        "neck": ["conv", "multi_path"],
        "heads": {"style": "residual_se", "genre": "stack"},
        "set_thresholds": {"style": [0.2, 0.4]},
    },
    "rla": {"backbone": "rla_mobilenetv2_100"},
    "no recurrence, no attention": {"rnn_type": "none", "attention": "none"},
    "companion": {
        "companions": [{"backbone": "mobilenetv2_035", "rnn_type": "gru"}],
        "temperature": {"genre": 0.7},
    },
}


def saved(folder, **changes):
    torch.manual_seed(0)
    CrnnForImageClassification(CrnnConfig(**SMALL | changes)).save_pretrained(folder)
    ArtImageProcessor(size={"height": 64, "width": 64}).save_pretrained(folder)
    return folder


def test_a_file_of_somebody_else_is_kept_and_found_before_the_work(tmp_path):
    (tmp_path / "mine.onnx").write_text("mine")
    with pytest.raises(ArtExtractError, match="mine.onnx is of no earlier run"):
        export_onnx("nobody/nothing", tmp_path / "mine.onnx")
    assert (tmp_path / "mine.onnx").read_text() == "mine"
    (tmp_path / "folder").mkdir()
    with pytest.raises(ArtExtractError, match="folder is of no earlier run"):
        export_onnx("nobody/nothing", tmp_path / "folder")
    assert len(list(tmp_path.iterdir())) == 2


def test_distances_go_along(open_classifier, tmp_path):
    report = export_onnx(str(open_classifier), tmp_path / "model.onnx")
    assert set(report["outputs"][-2:]) == {"distance_painting", "distance_artist"} and report["difference"] < 1e-4
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    network, _ = load_classifier(str(open_classifier))
    kept = session.get_modelmeta().custom_metadata_map["usual_distances"]
    assert json.loads(kept) == network.config.usual_distances
    pixels = torch.randn(3, 3, 64, 64)
    found = session.run(["distance_painting"], {"pixel_values": pixels.numpy()})[0]
    with torch.inference_mode():
        np.testing.assert_allclose(found, network(pixels).distances["painting"].numpy(), rtol=1e-3)


QUICK = ("lstm", "gabor, neck, heads")  # the others take as long as these each


@pytest.mark.parametrize("form", [f if f in QUICK else pytest.param(f, marks=pytest.mark.long) for f in FORMS])
def test_every_form_answers_as_torch_does_at_any_batch(tmp_path, form):
    model = saved(tmp_path / "model", **FORMS[form])
    report = export_onnx(str(model), tmp_path / "model.onnx")
    assert report["difference"] < 1e-4
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    assert [o.name for o in session.get_outputs()] == report["outputs"]
    about = session.get_modelmeta().custom_metadata_map
    assert json.loads(about.get("set_thresholds", "{}")) == FORMS[form].get("set_thresholds", {})
    network, processor = load_classifier(str(model))
    for number in (1, 4):
        pixels = processor(images=list(synthetic_paintings(number)["image"]), return_tensors="pt")["pixel_values"]
        with torch.inference_mode():
            expected = network(pixels)
        found = dict(zip(report["outputs"], session.run(None, {"pixel_values": pixels.numpy()}), strict=True))
        for task, logits in expected.task_logits.items():
            assert np.abs(found[task] - logits.numpy()).max() < 1e-4
        assert np.abs(found["embeddings"] - expected.embeddings.numpy()).max() < 1e-4


def test_an_embedder_and_its_metadata(run_cli, tmp_path):
    ByolModel(ByolConfig(backbone="mobilenetv3_small_050", image_size=64)).save_pretrained(tmp_path / "byol")
    ArtImageProcessor(size={"height": 64, "width": 64}).save_pretrained(tmp_path / "byol")
    code, out, err = run_cli("export", "onnx", "--model", tmp_path / "byol", "--out", tmp_path / "byol.onnx", "--json")
    assert code == 0, err
    assert json.loads(out)["outputs"] == ["embeddings"]
    about = onnxruntime.InferenceSession(tmp_path / "byol.onnx").get_modelmeta().custom_metadata_map
    assert json.loads(about["image_size"]) == 64 and json.loads(about["model_type"]) == "byol"


@pytest.mark.long
def test_the_default_model(tmp_path):
    report = export_onnx("default", tmp_path / "default.onnx")
    about = onnxruntime.InferenceSession(tmp_path / "default.onnx").get_modelmeta().custom_metadata_map
    assert json.loads(about["tasks"]) == load_classifier()[0].config.tasks
    assert report["difference"] < 1e-4


def test_what_is_no_model_is_refused(run_cli, tmp_path):
    code, _, err = run_cli("export", "onnx", "--model", tmp_path, "--out", tmp_path / "x.onnx")
    assert code == 2 and len(err.strip().splitlines()) == 1
    with pytest.raises(ModelError):
        export_onnx(str(tmp_path), tmp_path / "x.onnx")
