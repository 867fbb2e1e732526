"""timm backbones as feature maps: which names are allowed, how wide they are, and one layout for all of them."""

import difflib
from collections.abc import Mapping
from functools import lru_cache

import timm
import torch
from torch import Tensor, nn

from artextract_hf.errors import ModelError
from artextract_hf.models.rla import PLAIN_NAMES, are_released, load_plain_weights, load_released_weights


def check_backbone_name(name: str) -> None:
    """Refuse what is no plain timm architecture.

    A configuration from a stranger could otherwise name `hf-hub:` or `local-dir:` and reach for network or disk.
    """
    if not timm.is_model(name):
        near = difflib.get_close_matches(name, timm.list_models(), n=3)
        hint = f" Did you mean {', '.join(near)}?" if near else " timm.list_models() lists them."
        raise ModelError(f"backbone {name!r} is not a timm architecture.{hint}")


def create_backbone(name: str, *, drop_path_rate: float = 0.0) -> nn.Module:
    """The architecture with random weights and no classifier; weights come from a checkpoint afterwards."""
    check_backbone_name(name)
    extra = {"drop_path_rate": drop_path_rate} if drop_path_rate else {}
    return timm.create_model(name, pretrained=False, num_classes=0, **extra)


def feature_map(backbone: nn.Module, pixel_values: Tensor) -> Tensor:
    """(N, 3, H, W) to (N, C, h, w), whether the backbone gives NCHW, NHWC or tokens (square grids)."""
    return _as_map(backbone, backbone.forward_features(pixel_values))


def staged_map(backbone: nn.Module, pixel_values: Tensor) -> tuple[Tensor, Tensor]:
    """What `feature_map` gives, and the statistics of the two stages before the last, as `stage_channels` counts them.

    Returns:
        (N, C, h, w), and float32 (N, F): by stage the means of its channels over the picture, then their deviations.
    """
    last = len(backbone.feature_info) - 1
    features, stages = backbone.forward_intermediates(pixel_values, indices=[last - 2, last - 1])
    maps = [stage.float().flatten(2) for stage in stages]
    statistics = [part for m in maps for part in (m.mean(dim=2), m.std(dim=2, correction=0))]
    return _as_map(backbone, features), torch.cat(statistics, dim=1)


def stage_channels(name: str) -> int:
    """The channels of the two stages before the last together; `staged_map` gives two numbers F for each.

    Raises:
        ModelError: the backbone gives no maps of its stages, as those with layer aggregation.
    """
    with torch.device("meta"):
        backbone = create_backbone(name)
    stages = getattr(backbone, "feature_info", ())
    if name in PLAIN_NAMES or len(stages) < 3 or not hasattr(backbone, "forward_intermediates"):
        raise ModelError(f"backbone {name!r} gives no maps of its stages, by which a painting could be told.")
    return sum(stage["num_chs"] for stage in stages[-3:-1])


def _as_map(backbone: nn.Module, features: Tensor) -> Tensor:
    if features.ndim == 3:  # a vision transformer: prefix tokens, then the grid row by row
        tokens = features[:, getattr(backbone, "num_prefix_tokens", 0) :]
        side = int(tokens.shape[1] ** 0.5)
        return tokens.transpose(1, 2).unflatten(2, (side, side))
    if features.shape[1] == features.shape[2] != features.shape[3]:  # square input: the odd one out is the channels
        return features.permute(0, 3, 1, 2)
    return features


@lru_cache(maxsize=64)
def feature_shape(name: str, image_size: int) -> tuple[int, int, int]:
    """(C, h, w) of the feature map, by a forward pass without memory: timm's `num_features` is wrong for some.

    Raises:
        ModelError: the backbone takes no pictures of this size (most transformers take one size only).
    """
    with torch.device("meta"):
        backbone = create_backbone(name).eval()
        try:
            features = feature_map(backbone, torch.empty(1, 3, image_size, image_size))
        except (AssertionError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise ModelError(f"backbone {name!r} takes no pictures of {image_size} pixels: {reason}") from None
    _, channels, height, width = features.shape
    return channels, height, width


def imagenet_state(name: str, path: str | None = None) -> Mapping[str, Tensor]:
    """Pretrained weights of a timm backbone: from a safetensors file where `path` is given, else through timm's Hub."""
    if path is not None:
        from safetensors.torch import load_file

        return load_file(path)
    try:
        return timm.create_model(name, pretrained=True, num_classes=0).state_dict()
    except (OSError, RuntimeError) as error:
        raise ModelError(
            f"the pretrained weights of {name!r} could not be fetched ({type(error).__name__}); "
            "go online once, or give a safetensors file with timm's key names."
        ) from None


def load_imagenet(backbone: nn.Module, name: str, path: str | None = None) -> list[str]:
    """Give a backbone its pretrained weights.

    A network with layer aggregation takes those of its plain network, or its own in the names of its authors' code.

    Args:
        backbone: as `create_backbone(name)` makes it.
        name: its architecture.
        path: a safetensors file with the key names of timm or of those authors; None fetches timm's own.

    Returns:
        The names of the weights that stay random: a recurrence's own where the plain network's are given, else none.

    Raises:
        ModelError: the weights cannot be fetched, or are another network's.
    """
    state = imagenet_state(PLAIN_NAMES.get(name, name), path)
    if name in PLAIN_NAMES:
        return (load_released_weights if are_released(state) else load_plain_weights)(backbone, state)
    head = str(timm.get_pretrained_cfg_value(name, "classifier"))  # ImageNet's classes, which timm's own files hold
    state = {key: value for key, value in state.items() if not key.startswith(f"{head}.")}
    try:
        backbone.load_state_dict(state)
    except RuntimeError as error:
        raise ModelError(f"{path or name} does not hold the weights of {name}: {str(error).splitlines()[0]}") from None
    return []
