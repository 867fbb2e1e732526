import numpy as np
import pytest
import timm
import torch

from artextract_hf import AutoEmbedder, load_classifier
from artextract_hf.errors import ImageError, ModelError
from artextract_hf.models.embedder import NetworkEmbedder
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


def test_which_picture_is_bad(embedder):
    with pytest.raises(ImageError, match="picture 1:"):
        embedder.embed([plain_picture((1, 2, 3)), b"no picture"])
    with pytest.raises(ImageError, match="list of pictures"):
        embedder.embed("painting.jpg")


def test_a_timm_network_loads_through_the_same_code():
    network = timm.create_model("resnet18", num_classes=0)
    config = timm.data.resolve_model_data_config(network)
    prepare = timm.data.create_transform(**config, is_training=False)
    embedder = NetworkEmbedder("resnet18", network, prepare, side=224, settings={})
    assert embedder.embed([plain_picture((3, 90, 200), (80, 60))]).shape == (1, 512)


def test_unknown_names(tmp_path):
    with pytest.raises(ModelError, match="resnet50"):
        AutoEmbedder.from_pretrained("resnet5O")
    with pytest.raises(ModelError, match="could not be fetched"):
        AutoEmbedder.from_pretrained("test_vit")  # offline: no weights
