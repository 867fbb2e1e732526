"""Any network of timm as an embedder: by its name, or from what timm keeps on the Hub."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import timm
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from artextract_hf.embedders.network import NetworkEmbedder
from artextract_hf.errors import ModelError
from artextract_hf.models.backbones import check_backbone_name, load_imagenet

WEIGHTS = "model.safetensors"


def load_timm(name: str, backend: str = "torch") -> NetworkEmbedder:
    """A network by its name in timm (`resnet50`, `vit_small_patch14_dinov2.lvd142m`), with timm's weights.

    Raises:
        ModelError: its weights cannot be fetched.
    """
    network = timm.create_model(name, num_classes=0)
    load_imagenet(network, name)
    return timm_embedder(name, network, timm.data.resolve_model_data_config(network), backend)


def load_timm_directory(
    name: str, directory: str, config: Mapping[str, Any], backend: str = "torch"
) -> NetworkEmbedder:
    """A network from a directory as timm writes it for the Hub: config.json and model.safetensors.

    Args:
        name: what the user called it.
        directory: that directory.
        config: what its config.json says: `architecture`, `num_classes`, `pretrained_cfg`.
        backend: `torch` or `openvino`.

    Raises:
        ModelError: an unknown architecture, no safetensors, or another network's weights.
    """
    architecture = str(config["architecture"])
    check_backbone_name(architecture)
    network = timm.create_model(architecture, num_classes=int(config.get("num_classes", 0)))
    try:
        network.load_state_dict(load_file(Path(directory) / WEIGHTS))
    except (OSError, SafetensorError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(f"{name!r} does not hold the weights of {architecture} in {WEIGHTS}: {reason}") from None
    network.reset_classifier(0)
    data = timm.data.resolve_data_config(pretrained_cfg=dict(config.get("pretrained_cfg", {})), model=network)
    return timm_embedder(name, network, data, backend)


def timm_embedder(name: str, network: nn.Module, data: Mapping[str, Any], backend: str = "torch") -> NetworkEmbedder:
    """A network of timm without classifier, with the preprocessing that timm's data configuration describes."""

    @lru_cache
    def transform(side: int, share: float) -> Callable[[Image.Image], Tensor]:
        changed = {"input_size": (3, side, side), "crop_pct": share}
        return timm.data.create_transform(**dict(data) | changed, is_training=False)

    return NetworkEmbedder(
        name,
        network,
        lambda picture, side: transform(side, data["crop_pct"])(picture),
        side=data["input_size"][1],
        settings={"transform": str(dict(data))},
        prepare_whole=lambda picture, side: transform(side, 1.0)(picture),
        backend=backend,
    )
