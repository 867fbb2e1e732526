"""Any network of timm as an embedder: by its name, or from what timm keeps on the Hub."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import timm
import torch
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from artextract_hf.embedders.network import NetworkEmbedder
from artextract_hf.errors import ModelError, first_line
from artextract_hf.models.backbones import check_backbone_name, load_imagenet
from artextract_hf.models.image_processing_art import MOST_SIDE
from artextract_hf.models.strict_loading import refuse_larger
from artextract_hf.weights import check_weights

WEIGHTS = "model.safetensors"
MOST_CLASSES = 2**17  # of the largest timm has, ImageNet-22k, five times as many


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
    classes = config.get("num_classes", 0)
    if type(classes) is not int or not 0 <= classes <= MOST_CLASSES:
        raise ModelError(f"{name!r} has {str(classes)[:40]} classes; a number to {MOST_CLASSES} is expected.")
    check_weights(Path(directory) / WEIGHTS)
    with torch.device("meta"):
        refuse_larger(timm.create_model(architecture, num_classes=classes), [Path(directory) / WEIGHTS], name)
    network = timm.create_model(architecture, num_classes=classes)
    try:
        network.load_state_dict(load_file(Path(directory) / WEIGHTS))
    except (OSError, SafetensorError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(f"{name!r} does not hold the weights of {architecture} in {WEIGHTS}: {reason}") from None
    network.reset_classifier(0)
    try:
        data = timm.data.resolve_data_config(pretrained_cfg=dict(config.get("pretrained_cfg", {})), model=network)
        _check_data(data)
        return timm_embedder(name, network, data, backend)
    except ModelError:
        raise
    except Exception as error:  # noqa: BLE001  (whatever the preprocessing makes timm stumble over)
        raise ModelError(f"{name!r} has no preprocessing that timm reads: {first_line(error)}") from None


def _check_data(data: Mapping[str, Any]) -> None:
    """Refuse preprocessing that takes memory without bound.

    Raises:
        ModelError: pictures of a side, or cut by a share, that no network has.
    """
    size, share = data["input_size"], data["crop_pct"]
    sides = all(type(side) is int and 1 <= side <= MOST_SIDE for side in size)
    if len(size) != 3 or not sides or not 0.1 <= share <= 2:
        raise ModelError(f"pictures have at most {MOST_SIDE} pixels a side; the network's are {size}, cut by {share}.")


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
