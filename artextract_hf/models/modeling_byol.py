"""Bootstrap Your Own Latent (Grill et al. 2020, arXiv 2006.07733) as transformers models.

    view --backbone, pooled--> y, the representation --projector--> z --predictor--> q      online: learns
    view' --backbone, pooled--> y' ----------------- --projector--> z'                       target: averages the online

q of one view is drawn towards z' of the other, both ways. The target gets no gradient; after each step of the optimiser
`update_target` moves its weights towards the online ones. Without labels and without negative pairs.
"""

import copy
import math
from dataclasses import dataclass
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn
from transformers.utils import ModelOutput

from artextract_hf.models.backbones import create_backbone, feature_map, feature_shape
from artextract_hf.models.configuration_byol import ByolConfig
from artextract_hf.models.strict_loading import StrictPreTrainedModel
from artextract_hf.models.whitening import Whitening


@dataclass
class ByolModelOutput(ModelOutput):
    """Output of `ByolModel`.

    Attributes:
        pooler_output: the representation: the average-pooled feature map (N, C), or its whitening (N, whitened_size).
        last_hidden_state: (N, C, h, w), the map itself.
    """

    pooler_output: Tensor | None = None
    last_hidden_state: Tensor | None = None


@dataclass
class ByolForPreTrainingOutput(ModelOutput):
    """Output of `ByolForPreTraining`.

    Attributes:
        loss: scalar, 0 where all predictions point where their targets do, 8 where they point away.
        projections: (N, projection_size), the online projections of the first view, without gradient: what a monitor
            of collapse looks at.
    """

    loss: Tensor | None = None
    projections: Tensor | None = None


class ByolPreTrainedModel(StrictPreTrainedModel):
    """What the BYOL models share."""

    config_class = ByolConfig
    base_model_prefix = "byol"


class ByolModel(ByolPreTrainedModel):
    """The encoder: a painting becomes its representation. What remains of BYOL when training is over."""

    may_be_left_over = ("projector.", "predictor.")

    def __init__(self, config: ByolConfig) -> None:
        super().__init__(config)
        self.embedding_size = feature_shape(config.backbone, config.image_size)[0]
        self.backbone = create_backbone(config.backbone)
        self.whitening = Whitening(self.embedding_size, config.whitened_size) if config.whitened_size else nn.Identity()
        self.post_init()

    def forward(self, pixel_values: Tensor, **kwargs: Any) -> ByolModelOutput:
        """Represent paintings given as (N, 3, S, S)."""
        features = feature_map(self.backbone, pixel_values)
        return ByolModelOutput(pooler_output=self.whitening(features.mean(dim=(2, 3))), last_hidden_state=features)


class ByolForPreTraining(ByolPreTrainedModel):
    """All networks of BYOL. The target is not saved with the model: loading starts it from the online network."""

    _keys_to_ignore_on_load_missing = [r"^target_"]
    misfit_hint = (
        "Weights of the encoder only are read by ByolModel; a training starts from ByolForPreTraining(config)."
    )

    def __init__(self, config: ByolConfig) -> None:
        super().__init__(config)
        hidden, projected = config.projector_hidden_size, config.projection_size
        self.byol = ByolModel(config)
        self.projector = _mlp(self.byol.embedding_size, hidden, projected)
        self.predictor = _mlp(projected, hidden, projected)
        self.target_encoder = copy.deepcopy(self.byol.backbone)
        self.target_projector = copy.deepcopy(self.projector)
        self.post_init()
        self.reset_target()
        self._keys_to_ignore_on_save |= {key for key in self.state_dict() if key.startswith("target_")}

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str, *args: Any, **kwargs: Any) -> Any:
        """As `StrictPreTrainedModel.from_pretrained`; the target starts from the online network."""
        loaded = super().from_pretrained(pretrained_model_name_or_path, *args, **kwargs)
        (loaded[0] if isinstance(loaded, tuple) else loaded).reset_target()
        return loaded

    def reset_target(self) -> None:
        """Give the target the online weights and statistics; it never learns by gradient."""
        self.target_encoder.load_state_dict(self.byol.backbone.state_dict())
        self.target_projector.load_state_dict(self.projector.state_dict())
        self.target_encoder.requires_grad_(False)
        self.target_projector.requires_grad_(False)

    def forward(self, first: Tensor, second: Tensor, **kwargs: Any) -> ByolForPreTrainingOutput:
        """The loss of two views of the same paintings, (N, 3, S, S) each (equation 2 and its symmetric part)."""
        projected_first, projected_second = self.project(first), self.project(second)
        with torch.no_grad():
            target_first, target_second = self.target_project(first), self.target_project(second)
        loss = regression_loss(self.predictor(projected_first), target_second)
        loss = loss + regression_loss(self.predictor(projected_second), target_first)
        return ByolForPreTrainingOutput(loss=loss.mean(), projections=projected_first.detach())

    def project(self, pixels: Tensor) -> Tensor:
        """z of the online network, (N, projection_size)."""
        return self.projector(feature_map(self.byol.backbone, pixels).mean(dim=(2, 3)))

    def target_project(self, pixels: Tensor) -> Tensor:
        """z' of the target network, (N, projection_size)."""
        return self.target_projector(feature_map(self.target_encoder, pixels).mean(dim=(2, 3)))

    @torch.no_grad()
    def update_target(self, momentum: float) -> None:
        """target <- momentum * target + (1 - momentum) * online, for weights; batch norms keep their own statistics."""
        online = chain(self.byol.backbone.parameters(), self.projector.parameters())
        target = chain(self.target_encoder.parameters(), self.target_projector.parameters())
        torch._foreach_lerp_(list(target), list(online), 1 - momentum)


def regression_loss(prediction: Tensor, target: Tensor) -> Tensor:
    """(N,): squared distance of the unit vectors, 2 - 2 cos (equation 2)."""
    precise = torch.promote_types(prediction.dtype, torch.float32)  # autocast gives bfloat16
    return 2 - 2 * nn.functional.cosine_similarity(prediction.to(precise), target.to(precise), dim=1)


def target_momentum(step: int, *, steps: int, base: float) -> float:
    """The target's momentum at a step: from `base` up to 1 along half a cosine (section 3.3)."""
    return 1 - (1 - base) * (math.cos(math.pi * step / steps) + 1) / 2


def _mlp(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    """Linear, batch norm, ReLU, linear without bias and without norm (section 3.3)."""
    return nn.Sequential(
        nn.Linear(inputs, hidden),
        nn.BatchNorm1d(hidden, eps=1e-5, momentum=0.1),
        nn.ReLU(inplace=True),
        nn.Linear(hidden, outputs, bias=False),
    )
