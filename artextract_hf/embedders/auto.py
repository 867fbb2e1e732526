"""The embedder for a name: a descriptor, a network of timm, or what a directory or a repository of the Hub holds."""

import difflib
from pathlib import Path
from typing import Any

import timm
from PIL import Image
from torch import Tensor

from artextract_hf.documents import read_document
from artextract_hf.embedded import DEFAULT, EMBEDDED
from artextract_hf.embedders.clip_embedder import KINDS, load_text_image_embedder
from artextract_hf.embedders.descriptors import DESCRIPTORS, Descriptor
from artextract_hf.embedders.network import NetworkEmbedder
from artextract_hf.embedders.timm_embedder import load_timm, load_timm_directory
from artextract_hf.errors import ModelError
from artextract_hf.models.inference.loading import load_pair
from artextract_hf.models.inference.openvino_backend import check_backend
from artextract_hf.models.modeling_byol import ByolModel
from artextract_hf.models.modeling_crnn import CrnnModel
from artextract_hf.models.names import resolve

OWN = {"crnn": CrnnModel, "byol": ByolModel}  # of a classifier the trunk is enough: its heads and companions stay away


class AutoEmbedder:
    """Finds the embedder for a name."""

    @staticmethod
    def is_at_hand(name: str) -> bool:
        """Whether a name is one of this project's or of timm's own, or a repository in the Hub's cache."""
        if name in DESCRIPTORS or name in EMBEDDED or timm.is_model(name):
            return True
        try:
            resolve(name, local_files_only=True)
        except ModelError:
            return False
        return True

    @staticmethod
    def from_pretrained(
        name: str | Path = DEFAULT, backend: str = "torch", *, revision: str | None = None
    ) -> NetworkEmbedder | Descriptor:
        """Load an embedder.

        Args:
            name: `default`, a name of this project, `composition`, `palette` or `lighting` (formulas, no networks), any
                network of timm, or a directory or Hub repository that holds a classifier or BYOL encoder of this
                package, CLIP, SigLIP or a network of timm.
            backend: `torch`, or `openvino`, made for processors.
            revision: a branch, a tag or a commit of the repository.

        Raises:
            ModelError: no such model, revision or backend, or its weights cannot be fetched.
            ArtExtractError: OpenVINO is wanted and not installed.
        """
        check_backend(backend)
        name = str(name)
        if name in DESCRIPTORS or timm.is_model(name):
            if revision is not None:
                raise ModelError(f"{name!r} is no repository of the Hub; it has no revision {revision!r}.")
            return DESCRIPTORS[name]() if name in DESCRIPTORS else load_timm(name, backend)
        try:
            return _from_directory(name, resolve(name, revision), backend)
        except ModelError as error:
            near = difflib.get_close_matches(name, timm.list_models(), n=3)
            hint = f" A timm model of a similar name: {', '.join(near)}." if near else ""
            raise ModelError(f"{error}{hint}") from None


def _from_directory(name: str, directory: str, backend: str) -> NetworkEmbedder:
    """The embedder that a directory's config.json describes."""
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
