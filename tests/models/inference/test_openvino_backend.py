"""The OpenVINO backend against torch: classifiers of several forms, pipelines, embedders, commands."""

import json
import sys

import numpy as np
import pytest
import torch
from transformers import pipeline

from artextract_hf import (
    ArtImageProcessor,
    AutoEmbedder,
    ByolConfig,
    ByolModel,
    CrnnConfig,
    CrnnForImageClassification,
    load_classifier,
)
from artextract_hf.data.synthetic import synthetic_paintings
from artextract_hf.errors import ArtExtractError, ModelError
from artextract_hf.models import ArtAttributesPipeline
from artextract_hf.retrieval.index import PaintingIndex

TASKS = {"style": ["Baroque", "Impressionism"], "genre": ["landscape", "portrait", "still_life"]}
FORMS = {
    "lstm": {},
    "gru, rows and columns, two layers": {"rnn_type": "gru", "sequence": "rows_and_columns", "num_layers": 2},
    "gabor, neck": {"gabor": "learnable", "neck": ["conv", "multi_path"]},
    "rla, no recurrence": {"backbone": "rla_mobilenetv2_100", "rnn_type": "none", "attention": "none"},
    "companion": {"companions": [{"backbone": "mobilenetv2_035"}]},
}


@pytest.fixture(params=FORMS)
def folder(request, tmp_path):
    torch.manual_seed(0)
    small = {"backbone": "mobilenetv3_small_050", "image_size": 64, "projection_size": 16, "hidden_size": 8}
    CrnnForImageClassification(CrnnConfig(**small | {"tasks": TASKS} | FORMS[request.param])).save_pretrained(tmp_path)
    ArtImageProcessor(size={"height": 64, "width": 64}).save_pretrained(tmp_path)
    return str(tmp_path)


def test_every_output_is_torchs_at_any_batch(folder):
    (expected, processor), (model, _) = load_classifier(folder), load_classifier(folder, backend="openvino")
    for number in (1, 5):
        pixels = processor(images=list(synthetic_paintings(number)["image"]), return_tensors="pt")["pixel_values"]
        with torch.inference_mode():
            wanted, found = expected(pixels), model(pixels)
        for task in TASKS:
            torch.testing.assert_close(found.task_logits[task], wanted.task_logits[task], atol=1e-4, rtol=0)
        torch.testing.assert_close(found.logits, wanted.logits, atol=1e-4, rtol=0)
        torch.testing.assert_close(found.embeddings, wanted.embeddings, atol=1e-4, rtol=0)
        assert (found.attentions is None) == (wanted.attentions is None)
        if wanted.attentions is not None:
            torch.testing.assert_close(found.attentions, wanted.attentions, atol=1e-4, rtol=0)


def test_pipelines_take_it(tiny_classifier, openvino_classifier):
    picture = synthetic_paintings(1)[0]["image"]
    answers = {}
    for backend, loaded in (("torch", load_classifier(str(tiny_classifier))), ("openvino", openvino_classifier)):
        model, processor = loaded
        attributes = ArtAttributesPipeline(model=model, image_processor=processor)(picture, return_attention=True)
        classes = pipeline("image-classification", model=model, image_processor=processor)(picture)
        answers[backend] = (attributes, classes)
    (expected, expected_classes), (found, classes) = answers["torch"], answers["openvino"]
    for task, wanted in expected["tasks"].items():
        assert [c["label"] for c in found["tasks"][task]] == [c["label"] for c in wanted]
        assert np.allclose([c["score"] for c in found["tasks"][task]], [c["score"] for c in wanted], atol=1e-4)
    assert np.allclose(found["attention"], expected["attention"], atol=1e-4)
    assert [c["label"] for c in classes] == [c["label"] for c in expected_classes]


def test_an_embedder_and_an_index_of_one_backend_serve_the_other(tmp_path):
    ByolModel(ByolConfig(backbone="mobilenetv3_small_050", image_size=64)).save_pretrained(tmp_path)
    ArtImageProcessor(size={"height": 64, "width": 64}).save_pretrained(tmp_path)
    one, other = (AutoEmbedder.from_pretrained(str(tmp_path), backend=backend) for backend in ("torch", "openvino"))
    assert one.fingerprint == other.fingerprint and one.dim == other.dim
    paintings = synthetic_paintings(6)
    pictures = list(paintings["image"])
    np.testing.assert_allclose(one.embed(pictures), other.embed(pictures), atol=1e-4)
    PaintingIndex.build(paintings, other).save_pretrained(tmp_path / "index")
    hits = PaintingIndex.from_pretrained(tmp_path / "index").search(pictures[3], k=1)  # by torch
    assert hits[0].id == paintings[3]["id"]


def test_it_neither_trains_nor_pretends_to_be_saved(openvino_classifier, tmp_path):
    model, _ = openvino_classifier
    with pytest.raises(ModelError, match="cannot be trained"):
        model.train()
    with pytest.raises(ModelError, match="keeps no weights"):
        model.save_pretrained(tmp_path)


def test_another_backend_and_a_missing_package_are_one_line(tiny_classifier, run_cli, tmp_path, monkeypatch):
    synthetic_paintings(1)[0]["image"].save(tmp_path / "a.png")
    command = ("classify", tmp_path / "a.png", "--model", tiny_classifier, "--json")
    code, out, _ = run_cli(*command, "--backend", "openvino")
    assert code == 0 and set(json.loads(out)[0]["tasks"]) == set(json.loads(run_cli(*command)[1])[0]["tasks"])
    code, _, err = run_cli(*command, "--backend", "onnx")
    assert code == 2 and err.strip() == "artextract: there is no backend 'onnx'; give torch or openvino."
    with pytest.raises(ModelError):
        AutoEmbedder.from_pretrained("default", backend="onnx")
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(ArtExtractError, match=r"pip install .*\[openvino\]"):
        load_classifier(str(tiny_classifier), backend="openvino")


def test_distances_are_torchs(open_classifier):
    (expected, processor), (model, _) = (
        load_classifier(str(open_classifier), backend=b) for b in ("torch", "openvino")
    )
    pixels = processor(images=list(synthetic_paintings(3)["image"]), return_tensors="pt")["pixel_values"]
    with torch.inference_mode():
        wanted, found = expected(pixels).distances, model(pixels).distances
    assert set(found) == set(wanted) == {"painting", "artist"}
    for name, distances in wanted.items():
        torch.testing.assert_close(found[name], distances, atol=1e-3, rtol=1e-3)
