"""The embedder for a name: a descriptor, a network of timm, or what a directory or a repository of the Hub holds."""

import difflib
import json
from pathlib import Path
from typing import Any

import timm
from PIL import Image
from torch import Tensor, nn

from artextract_hf.embedders.clip_embedder import KINDS, load_text_image_embedder
from artextract_hf.embedders.descriptors import DESCRIPTORS, Descriptor
from artextract_hf.embedders.network import NetworkEmbedder
from artextract_hf.embedders.timm_embedder import load_timm, load_timm_directory
from artextract_hf.errors import ModelError
from artextract_hf.models import ArtImageProcessor, ByolModel, load_classifier
from artextract_hf.models.inference.openvino_backend import check_backend
from artextract_hf.models.modeling_crnn import CrnnModel
from artextract_hf.models.names import resolve


class AutoEmbedder:
    """Finds the embedder for a name."""

    @staticmethod
    def from_pretrained(name: str | Path = "default", backend: str = "torch") -> NetworkEmbedder | Descriptor:
        """Load an embedder.

        Args:
            name: `default`, a name of this project, `composition`, `palette` or `lighting` (formulas, no networks), any
                network of timm, or a directory or Hub repository that holds a classifier or BYOL encoder of this
                package, CLIP, SigLIP or a network of timm.
            backend: `torch`, or `openvino`, made for processors.

        Raises:
            ModelError: no such model or backend, or its weights cannot be fetched.
            ArtExtractError: OpenVINO is wanted and not installed.
        """
        check_backend(backend)
        name = str(name)
        if name in DESCRIPTORS:
            return DESCRIPTORS[name]()
        if timm.is_model(name):
            return load_timm(name, backend)
        try:
            return _from_directory(name, resolve(name), backend)
        except ModelError as error:
            near = difflib.get_close_matches(name, timm.list_models(), n=3)
            hint = f" A timm model of a similar name: {', '.join(near)}." if near else ""
            raise ModelError(f"{error}{hint}") from None


def _from_directory(name: str, directory: str, backend: str) -> NetworkEmbedder:
    """The embedder that a directory's config.json speaks of; each kind in its own module."""
    try:
        config = json.loads((Path(directory) / "config.json").read_text(encoding="utf-8"))
        kind = config.get("model_type")
    except (OSError, ValueError, AttributeError) as error:
        raise ModelError(f"{name!r} cannot be read: {str(error).splitlines()[0]}") from None
    if kind in KINDS:
        return load_text_image_embedder(name, directory, backend)
    if "architecture" in config:
        return load_timm_directory(name, directory, config, backend)
    return _own_embedder(name, directory, kind, backend)


def _own_embedder(name: str, directory: str, kind: str, backend: str) -> NetworkEmbedder:
    """A model of this package: the trunk of a classifier, or what BYOL has learnt."""
    if kind == "byol":
        network: nn.Module = ByolModel.from_pretrained(directory)
        processor = ArtImageProcessor.from_pretrained(directory)
    elif kind == "crnn":
        classifier, processor = load_classifier(directory)
        network = classifier.crnn
    else:
        known = "crnn and byol of this package, clip, siglip (of SigLIP 2 all but NaFlex), and networks of timm"
        raise ModelError(f"{name!r} is a model of the kind {kind!r}, which is no embedder here; known are {known}.")
    return processed_embedder(name, network, processor, backend)


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
