import pytest
import torch
from torch import nn
from transformers import pipeline

from artextract_hf import AutoEmbedder, load_classifier
from artextract_hf.models import ArtAttributesPipeline
from artextract_hf.models.inference.micro_batches import MICRO_BATCH, micro_batches
from tests.conftest import plain_picture


def test_a_processor_gets_micro_batches_and_a_gpu_the_whole_batch():
    pixels = torch.randn(2 * MICRO_BATCH + 1, 3, 8, 8)
    parts = micro_batches(nn.Identity(), pixels)
    assert [len(part) for part in parts] == [MICRO_BATCH, MICRO_BATCH, 1]
    assert torch.equal(torch.cat(parts), pixels)
    assert len(micro_batches(nn.Identity(), pixels.to("meta"))) == 1  # any device that is no processor


def test_the_pipeline_computes_channels_last():
    model, processor = load_classifier()
    ArtAttributesPipeline(model=model, image_processor=processor)
    weights = [m.weight for m in model.modules() if isinstance(m, nn.Conv2d) and m.kernel_size != (1, 1)]
    assert weights and all(weight.is_contiguous(memory_format=torch.channels_last) for weight in weights)


def test_openvino_gets_the_whole_batch(openvino_classifier):
    model, _ = openvino_classifier
    assert len(micro_batches(model, torch.zeros(2 * MICRO_BATCH, 3, 8, 8))) == 1


def test_a_list_is_computed_in_batches(tiny_classifier, monkeypatch):
    model, processor = load_classifier(str(tiny_classifier))
    sizes = []
    forward = ArtAttributesPipeline._forward

    def watched(self, model_inputs):
        sizes.append(len(model_inputs["pixel_values"]))
        return forward(self, model_inputs)

    monkeypatch.setattr(ArtAttributesPipeline, "_forward", watched)
    paintings = [plain_picture((12 * i, 90, 200), seed=i) for i in range(20)]
    attributes = pipeline("art-attributes", model=model, image_processor=processor)
    found = attributes(paintings)
    assert sizes == [16, 4]
    assert [answer["tasks"].keys() for answer in found] == [{"style": 0, "genre": 0, "artist": 0}.keys()] * 20
    sizes.clear()
    assert attributes(paintings[:2], batch_size=1)[1]["tasks"]["style"][0]["label"] and attributes(paintings[0])
    ArtAttributesPipeline(model=model, image_processor=processor, batch_size=3)(paintings[:4])
    assert sizes == [1, 1, 1, 3, 1]


def test_a_batch_in_parts_is_answered_as_its_paintings_are():
    paintings = [plain_picture((40 * i, 90, 255 - 40 * i), seed=i) for i in range(MICRO_BATCH + 2)]
    model, processor = load_classifier()
    attributes = ArtAttributesPipeline(model=model, image_processor=processor)
    together = attributes(paintings, batch_size=len(paintings), return_attention=True)
    for painting, answer in zip(paintings, together, strict=True):
        alone = attributes(painting, top_k=100, return_attention=True)
        for task, classes in answer["tasks"].items():
            scores = {c["label"]: c["score"] for c in alone["tasks"][task]}
            assert all(c["score"] == pytest.approx(scores[c["label"]], abs=1e-4) for c in classes)
        assert abs(answer["attention"] - alone["attention"]).max() < 1e-4
    embedder = AutoEmbedder.from_pretrained()
    vectors = embedder.embed(paintings)
    assert all(vectors[i] @ embedder.embed([painting])[0] > 0.9999 for i, painting in enumerate(paintings))
