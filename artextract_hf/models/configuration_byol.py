"""Configuration of the self-supervised embedder."""

from typing import Any

from huggingface_hub.dataclasses import strict

from artextract_hf.errors import ModelError
from artextract_hf.models.backbones import check_backbone_name
from artextract_hf.models.strict_loading import MOST_OF_ANY, StrictConfig


@strict
class ByolConfig(StrictConfig):
    """What the networks of BYOL are made of.

    Args:
        backbone: a timm architecture, without its classifier; its pooled features are the representation.
        image_size: side of the square input, pixels, where the embedder is used.
        projector_hidden_size: width inside the projector and the predictor.
        projection_size: width of what they give.
        whitened_size: length of the representation where it is whitened (`models/whitening.py`); 0 leaves it raw.
    """

    model_type = "byol"

    backbone: str = "resnet50"
    image_size: int = 224
    projector_hidden_size: int = 4096
    projection_size: int = 256
    whitened_size: int = 0

    def __post_init__(self, **kwargs: Any) -> None:
        self.refuse_misspelt(kwargs, list(type(self).__annotations__))
        check_backbone_name(self.backbone)
        self.require_positive("image_size", "projector_hidden_size", "projection_size")
        if not 0 <= self.whitened_size <= MOST_OF_ANY:
            raise ModelError(f"ByolConfig.whitened_size is {self.whitened_size}; 0 leaves the representation raw.")
        super().__post_init__(**kwargs)
