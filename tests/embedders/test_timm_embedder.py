"""Networks of timm of several designs, with random weights that come from files as timm writes them for the Hub."""

import json
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import load_file, save_file
from timm.models import save_for_hf

from artextract_hf import AutoEmbedder
from artextract_hf.embedders.timm_embedder import timm_embedder
from artextract_hf.errors import ModelError
from artextract_hf.models import backbones
from artextract_hf.models.backbones import feature_map
from tests.conftest import plain_picture

PICTURES = [plain_picture((9, 200, 30), (300, 200)), plain_picture((90, 20, 30), (70, 50), seed=1)]
# Name: shape of the map. Channels first, channels last, tokens with a class token, tokens without.
NETWORKS = {
    "test_resnet": (96, 5, 5),
    "test_efficientnet": (256, 5, 5),
    "test_convnext": (64, 5, 5),
    "test_mambaout": (64, 5, 5),
    "test_vit": (64, 10, 10),
    "test_vit_relpos": (96, 10, 10),
    "test_maxvit": (128, 5, 5),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A ViT with a classifier of ten classes, which an embedder has no use for."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("timm")
    save_for_hf(timm.create_model("test_vit", num_classes=10), str(path), safe_serialization=True)
    return path


@pytest.mark.parametrize("name", NETWORKS)
def test_by_name(name, monkeypatch, tmp_path):
    """The real loading, but the weights come from a file in place of a download."""
    torch.manual_seed(0)
    network = timm.create_model(name, num_classes=0).eval()
    save_file(network.state_dict(), tmp_path / "weights.safetensors")
    weights = {name: load_file(tmp_path / "weights.safetensors")}
    monkeypatch.setattr(backbones, "imagenet_state", lambda asked, path: weights[asked])
    embedder = AutoEmbedder.from_pretrained(name)
    transform = timm.data.create_transform(**timm.data.resolve_model_data_config(network), is_training=False)
    with torch.no_grad():
        pixels = torch.stack([transform(picture) for picture in PICTURES])
        expected, features = network(pixels), network.forward_features(pixels)
    found = embedder.embed(PICTURES)
    np.testing.assert_allclose(found, torch.nn.functional.normalize(expected, dim=1).numpy(), atol=1e-5)
    maps = embedder.maps(PICTURES, batch_size=1)
    assert maps.shape == (2, *NETWORKS[name]) and maps.dtype == np.float32
    channels = maps.shape[1]
    if features.ndim == 3:  # tokens: the last is the lower right corner
        corner = features[:, -1]
    else:
        corner = features[:, :, -1, -1] if features.shape[1] == channels else features[:, -1, -1]
    np.testing.assert_allclose(maps[:, :, -1, -1], corner.numpy(), atol=1e-4)


def test_other_sides(monkeypatch):
    monkeypatch.setattr(backbones, "imagenet_state", lambda n, p: timm.create_model(n, num_classes=0).state_dict())
    assert AutoEmbedder.from_pretrained("test_resnet").maps(PICTURES, side=256).shape == (2, 96, 8, 8)
    with pytest.raises(ModelError, match="'test_vit_relpos' has no map for a side of 256 pixels") as caught:
        AutoEmbedder.from_pretrained("test_vit_relpos").maps(PICTURES, side=256)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["test_resnet", "test_vit"])
def test_maps_of_a_given_side_see_the_whole_picture(name):
    torch.manual_seed(0)
    network = timm.create_model(name, num_classes=0).eval()
    data = timm.data.resolve_model_data_config(network)
    assert data["crop_pct"] == 0.95 and data["mean"] == data["std"] == (0.5, 0.5, 0.5)
    embedder = timm_embedder(name, network, data)
    pixels = np.random.default_rng(0).integers(0, 256, size=(160, 160, 3), dtype=np.uint8)
    edged = pixels.copy()
    edged[:2], edged[-2:], edged[:, :2], edged[:, -2:] = (255,) * 4
    for picture in (pixels, edged):
        with torch.no_grad():
            values = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 127.5 - 1
            expected = feature_map(network, values).numpy()
        np.testing.assert_allclose(embedder.maps([picture], side=160), expected, atol=1e-4)
    np.testing.assert_array_equal(embedder.maps([pixels]), embedder.maps([edged]))  # as `embed`, which cuts edges off


def test_a_directory_as_timm_writes_it(folder):
    embedder = AutoEmbedder.from_pretrained(str(folder))
    network = timm.create_model("test_vit", num_classes=10).eval()
    network.load_state_dict(load_file(folder / "model.safetensors"))
    transform = timm.data.create_transform(**timm.data.resolve_model_data_config(network), is_training=False)
    with torch.no_grad():
        pixels = torch.stack([transform(picture) for picture in PICTURES])
        expected = network.forward_head(network.forward_features(pixels), pre_logits=True)
    found = embedder.embed(PICTURES)
    np.testing.assert_allclose(found, torch.nn.functional.normalize(expected, dim=1).numpy(), atol=1e-5)


def copied(folder: Path, target: Path, **settings: object) -> str:
    config = json.loads((folder / "config.json").read_text()) | settings
    (target / "config.json").write_text(json.dumps(config))
    (target / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes())
    return str(target)


def test_the_fingerprint_follows_weights_and_preprocessing(folder, tmp_path):
    own = AutoEmbedder.from_pretrained(str(folder)).fingerprint
    assert AutoEmbedder.from_pretrained(copied(folder, tmp_path)).fingerprint == own
    data = json.loads((folder / "config.json").read_text())["pretrained_cfg"] | {"mean": [0.1, 0.2, 0.3]}
    assert AutoEmbedder.from_pretrained(copied(folder, tmp_path, pretrained_cfg=data)).fingerprint != own
    copied(folder, tmp_path)
    weights = load_file(folder / "model.safetensors")
    weights["norm.bias"][0] += 1e-3
    save_file(weights, tmp_path / "model.safetensors")
    assert AutoEmbedder.from_pretrained(str(tmp_path)).fingerprint != own


def test_bad_directories(folder, tmp_path):
    for settings, words in (
        ({"architecture": "hf-hub:someone/else"}, "is not a timm architecture"),
        ({"architecture": "test_resnet"}, "does not hold the weights of test_resnet"),
    ):
        with pytest.raises(ModelError, match=words):
            AutoEmbedder.from_pretrained(copied(folder, tmp_path, **settings))
    (tmp_path / "model.safetensors").unlink()
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    torch.save({}, tmp_path / "pytorch_model.bin")  # a pickle is never read
    with pytest.raises(ModelError, match=r"model\.safetensors is missing"):
        AutoEmbedder.from_pretrained(str(tmp_path))
