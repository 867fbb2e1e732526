"""What a training of BYOL can be given."""

from dataclasses import dataclass, field
from typing import Any

from artextract_hf.data import byol_views
from artextract_hf.errors import DataError
from artextract_hf.models import ByolConfig
from training.checks.values import check_least
from training.optim import check_optimizer
from training.recipe import Recipe, check_network

LARS = "lars"  # ours (`training/byol/lars.py`); timm's of that name decays and excludes otherwise


@dataclass(frozen=True, kw_only=True)
class ByolTrainConfig(Recipe):
    """One self-supervised training; `training/recipe.py` has the keys that it shares with the classifier's."""

    # what is learnt from; labels are not looked at
    train_splits: tuple[str, ...] = ("all",)

    # the networks
    model: dict[str, Any] = field(default_factory=dict)  # arguments of ByolConfig; `whitened_size` is fit at the end
    pretrained: bool = True  # start the backbone from ImageNet; otherwise from nothing
    # Keep the backbone's batch norms as they are in its pretrained weights, on a CPU folded into the convolutions: for
    # small batches.
    frozen_norms: bool = False
    sync_norms: bool = True  # batch norms see the pictures of all processes
    base_momentum: float = 0.99  # of the target at the start; it ends at 1

    # steps
    epochs: int = 100
    sizes: tuple[tuple[int, int], ...] = ((0, 224),)
    view: dict[str, Any] = field(default_factory=dict)  # arguments of `byol_views`; `blur`, `solarize` one a view

    # optimiser
    optimizer: str = LARS  # or one of timm
    base_lr: float = 0.45  # learning rate at a global batch of 256; it grows in proportion to the batch
    backbone_lr: float = 1.0  # factor of the rate for the backbone, below 1 where it starts from good weights
    weight_decay: float = 1e-6  # on matrices only
    warmup_epochs: float = 10.0  # linear warm-up before the cosine to 0

    # the labelled splits whose kNN accuracy watches the training; empty for none
    gallery_split: str = ""
    query_split: str = ""
    watched: int = 3000  # paintings of each at most
    watch_every: int = 5  # epochs between looks at spread, rank and kNN

    # the run
    checkpoint_every: int = 200

    def __post_init__(self) -> None:
        super().__post_init__()
        check_optimizer(self.optimizer)  # timm has one called lars too
        check_least("watch_every", self.watch_every, 1)
        check_least("watched", self.watched, 1)
        check_network(ByolConfig, self.model)
        if bool(self.gallery_split) != bool(self.query_split):
            raise DataError("gallery_split and query_split go together.")
        if self.push_to_hub and not self.query_split:
            raise DataError("push_to_hub publishes a card with figures; give a gallery_split and a query_split.")
        if not 0 <= self.base_momentum < 1:
            raise DataError(f"base_momentum is {self.base_momentum}; it must lie in [0, 1).")
        if self.epochs < 1 or self.batch_size < 2 or not self.train_splits:
            raise DataError("BYOL needs at least one split, one epoch and two paintings a step (for its batch norms).")
        byol_views(**self.view)  # its own check
