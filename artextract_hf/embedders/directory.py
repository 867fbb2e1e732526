"""The embedder that a directory holds: a network of this package, CLIP, SigLIP, or a network of timm."""

from pathlib import Path
from typing import Any

from PIL import Image
from torch import Tensor

from artextract_hf.documents import read_document
from artextract_hf.embedders.clip_embedder import KINDS, load_text_image_embedder
from artextract_hf.embedders.network import NetworkEmbedder
from artextract_hf.embedders.timm_embedder import load_timm_directory
from artextract_hf.errors import ModelError
from artextract_hf.models.inference.loading import load_pair
from artextract_hf.models.modeling_byol import ByolModel
from artextract_hf.models.modeling_crnn import CrnnModel

OWN = {"crnn": CrnnModel, "byol": ByolModel}  # of a classifier the trunk is enough: its heads and companions stay away


def network_from_directory(name: str, directory: str, backend: str) -> NetworkEmbedder:
    """The embedder that a directory's config.json describes.

    Args:
        name: what it is called.
        directory: with the configuration and the weights.
        backend: what computes the network.

    Raises:
        ModelError: it holds no network that is an embedder here.
    """
    config = read_document(Path(directory) / "config.json", ModelError)
    kind = str(config.get("model_type"))
    if kind in KINDS:
        return load_text_image_embedder(name, directory, backend)
    if "architecture" in config:
        return load_timm_directory(name, directory, config, backend)
    if kind in OWN:
        network, processor = load_pair(OWN[kind], directory, f"{name!r} holds no embedder of this package")
        return processed_embedder(name, network, processor, backend)
    known = "crnn and byol of this package, clip, siglip (of SigLIP 2 all but NaFlex), and networks of timm"
    raise ModelError(f"{name!r} is a model of the kind {kind!r}, which is no embedder here; known are {known}.")


def processed_embedder(name: str, network: Any, processor: Any, backend: str = "torch") -> NetworkEmbedder:
    """A network of this package with its image processor."""
    settings = {"processor": processor.to_json_string(), "model": network.config.backbone}

    def prepare(picture: Image.Image, side: int) -> Tensor:
        size = {"height": side, "width": side}
        return processor(images=[picture], size=size, return_tensors="pt")["pixel_values"][0]

    def features(pixels: Tensor) -> Tensor:
        return network.features(pixels) if isinstance(network, CrnnModel) else network(pixels).last_hidden_state

    side = processor.size["height"]
    return NetworkEmbedder(name, network, prepare, side=side, settings=settings, features=features, backend=backend)
