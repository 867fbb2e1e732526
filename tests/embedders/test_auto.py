import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch

from artextract_hf import (
    ArtImageProcessor,
    AutoEmbedder,
    ByolConfig,
    ByolModel,
    CrnnConfig,
    CrnnForImageClassification,
    load_classifier,
)
from artextract_hf.embedders.network import NetworkEmbedder
from artextract_hf.errors import ImageError, ModelError
from tests.conftest import plain_picture


@pytest.fixture(scope="module")
def embedder(tiny_classifier) -> NetworkEmbedder:
    return AutoEmbedder.from_pretrained(str(tiny_classifier))


def test_unit_rows_in_order_whatever_the_batch(embedder):
    pictures = [plain_picture((40 * i, 255 - 40 * i, 90), seed=i) for i in range(6)]
    vectors = embedder.embed(pictures, batch_size=6)
    assert vectors.shape == (6, embedder.dim) and vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    for batch_size in (1, 4):
        assert np.allclose(embedder.embed(pictures, batch_size=batch_size), vectors, atol=1e-5)
    assert np.allclose(embedder.embed([pictures[3]])[0], vectors[3], atol=1e-5)
    assert embedder.embed([]).shape == (0, embedder.dim)


def test_it_is_the_classifiers_embedding(embedder, tiny_classifier):
    model, processor = load_classifier(str(tiny_classifier))
    picture = plain_picture((9, 200, 30))
    with torch.no_grad():
        expected = model(**processor(images=[picture], return_tensors="pt")).embeddings[0].numpy()
    assert np.allclose(embedder.embed([picture])[0], expected / np.linalg.norm(expected), atol=1e-5)


def test_of_a_classifier_only_the_trunk_is_loaded(tmp_path, caplog):
    tasks = {"style": ["a", "b"]}
    small = {"backbone": "mobilenetv3_small_050", "image_size": 64, "projection_size": 16, "hidden_size": 8}
    model = CrnnForImageClassification(CrnnConfig(**small, tasks=tasks, companions=[{"backbone": "mobilenetv2_035"}]))
    model.save_pretrained(tmp_path)
    ArtImageProcessor(size={"height": 64, "width": 64}).save_pretrained(tmp_path)
    found = AutoEmbedder.from_pretrained(tmp_path)._network
    assert found.state_dict().keys() == model.crnn.state_dict().keys()
    assert all(torch.equal(value, model.crnn.state_dict()[key]) for key, value in found.state_dict().items())
    assert "LOAD REPORT" not in caplog.text


def test_the_fingerprints_of_the_embedded_networks_are_those_that_indexes_hold():
    assert AutoEmbedder.from_pretrained().fingerprint == "3fcd71e5ee27bf6c"
    assert AutoEmbedder.from_pretrained("artextract/crnn-wikiart").fingerprint == "3fcd71e5ee27bf6c"
    assert AutoEmbedder.from_pretrained("artextract/byol-paintings").fingerprint == "d8b1ca956db5c0bd"


def test_a_damaged_model_is_one_line(tiny_classifier, tmp_path):
    for name in ("config.json", "preprocessor_config.json"):
        shutil.copyfile(tiny_classifier / name, tmp_path / name)
    with pytest.raises(ModelError, match="holds no embedder of this package: .*no file named model.safetensors"):
        AutoEmbedder.from_pretrained(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(ModelError, match="holds no embedder of this package"):
        AutoEmbedder.from_pretrained(tmp_path)
    with pytest.raises(ModelError, match="holds no painting classifier"):
        load_classifier(str(tmp_path))


def test_fingerprint_follows_weights_and_preprocessing(tiny_classifier, embedder, tmp_path):
    assert AutoEmbedder.from_pretrained(str(tiny_classifier)).fingerprint == embedder.fingerprint
    model, processor = load_classifier(str(tiny_classifier))
    processor.save_pretrained(tmp_path)
    with torch.no_grad():
        next(model.parameters()).view(-1)[0] += 1e-3
    model.save_pretrained(tmp_path)
    changed = AutoEmbedder.from_pretrained(str(tmp_path)).fingerprint
    assert changed != embedder.fingerprint
    processor.resample = 2
    processor.save_pretrained(tmp_path)
    assert AutoEmbedder.from_pretrained(str(tmp_path)).fingerprint not in (changed, embedder.fingerprint)


def test_a_directory_may_be_a_path(tiny_classifier, embedder):
    assert AutoEmbedder.from_pretrained(tiny_classifier).fingerprint == embedder.fingerprint


def test_which_picture_is_bad(embedder):
    with pytest.raises(ImageError, match="picture 1:"):
        embedder.embed([plain_picture((1, 2, 3)), b"no picture"])
    with pytest.raises(ImageError, match="list of pictures"):
        embedder.embed("painting.jpg")


def test_unknown_names(tmp_path):
    with pytest.raises(ModelError, match="resnet50"):
        AutoEmbedder.from_pretrained("resnet5O")
    with pytest.raises(ModelError, match="could not be fetched"):
        AutoEmbedder.from_pretrained("test_vit")  # offline: no weights


def test_maps_of_a_classifier_are_its_backbones(embedder, tiny_classifier):
    model, processor = load_classifier(str(tiny_classifier))
    pictures = [plain_picture((9, 200, 30)), plain_picture((90, 20, 30), (70, 50), seed=1)]
    for side in (None, 96):
        options = {} if side is None else {"size": {"height": side, "width": side}}
        with torch.no_grad():
            pixels = processor(images=pictures, return_tensors="pt", **options)["pixel_values"]
            expected = model.crnn.features(pixels).numpy()
        found = embedder.maps(pictures, side=side, batch_size=1)
        assert found.dtype == np.float32 and found.shape == expected.shape and found.flags["C_CONTIGUOUS"]
        assert np.allclose(found, expected, atol=1e-5)


def test_maps_of_byol_are_its_last_hidden_state(tmp_path):
    model = ByolModel(ByolConfig(backbone="mobilenetv3_small_050", image_size=64)).eval()
    processor = ArtImageProcessor(size={"height": 64, "width": 64})
    model.save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    picture = plain_picture((9, 200, 30))
    with torch.no_grad():
        expected = model(**processor(images=[picture], return_tensors="pt")).last_hidden_state.numpy()
    for backend in ("torch", "openvino"):  # torch makes the maps of both
        found = AutoEmbedder.from_pretrained(str(tmp_path), backend).maps([picture])
        assert np.allclose(found, expected, atol=1e-5)


def test_bad_maps(embedder):
    for side in (-32, 0):
        with pytest.raises(ModelError, match="side is .*; it must be"):
            embedder.maps([plain_picture((1, 2, 3))], side=side)
    with pytest.raises(ImageError, match="got none"):
        embedder.maps([])
    with pytest.raises(ImageError, match="picture 0:"):
        embedder.maps([b"no picture"])


def test_on_another_device_the_answers_are_the_same(embedder, tiny_classifier):
    device = "cuda" if torch.cuda.is_available() else "cpu"
    moved = AutoEmbedder.from_pretrained(str(tiny_classifier)).to(device)
    picture = plain_picture((9, 200, 30))
    assert np.allclose(moved.embed([picture]), embedder.embed([picture]), atol=1e-3)
    assert moved.fingerprint == embedder.fingerprint


def test_a_search_by_a_descriptor_starts_without_torch():
    code = """if True:
        import sys
        from artextract_hf.embedders.auto import AutoEmbedder
        import artextract_hf.retrieval.index
        assert AutoEmbedder.from_pretrained("palette").dim and AutoEmbedder.is_at_hand("palette")
        sys.exit(", ".join({"torch", "timm", "transformers"} & set(sys.modules)) or 0)
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
