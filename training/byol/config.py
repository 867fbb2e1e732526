"""What a training of BYOL is told."""

from dataclasses import dataclass, field
from typing import Any

from timm.optim import list_optimizers

from artextract_hf.data.views.byol_view import byol_views
from artextract_hf.errors import DataError
from training.recipe import Recipe

PRECISIONS = ("auto", "bf16", "fp16", "no")
LARS = "lars"  # ours (`training/byol/lars.py`); timm's of that name decays and excludes otherwise


@dataclass(frozen=True)
class ByolTrainConfig(Recipe):
    """One self-supervised training.

    Args:
        data: what `artextract prepare` wrote.
        output_dir: where checkpoints, the log, the embedder and its card go.
        model: arguments of ByolConfig; a `whitened_size` is fit when the training is over, on the same pictures.
        pretrained: start the backbone from ImageNet; otherwise from nothing.
        backbone_weights: safetensors file in timm's key names; empty fetches timm's own.
        train_splits: the splits whose pictures are learnt from; their labels are not looked at.
        gallery_split, query_split: labelled splits of the kNN that watches the training; empty for none.
        epochs: passes over the pictures.
        sizes: sides of the views, pixels, as [first epoch, side] pairs.
        batch_size: paintings a step, each process.
        optimizer: `lars`, or one of timm.
        base_lr: learning rate at a global batch of 256; it grows in proportion to the batch.
        backbone_lr: factor of the rate for the backbone, below 1 where it starts from good weights.
        weight_decay: on matrices only.
        warmup_epochs: linear warm-up before the cosine to 0.
        base_momentum: of the target at the start; it ends at 1.
        view: what both views share, and `blur` and `solarize` of each: arguments of `byol_views`.
        frozen_norms: keep the backbone's batch norms as they are in its pretrained weights, on a CPU folded into the
            convolutions: for small batches.
        sync_norms: batch norms see the pictures of all processes.
        mixed_precision: `auto` (bf16 where the processor has it), `bf16`, `fp16` or `no`.
        watch_every: epochs between looks at spread, rank and kNN.
        watched: paintings of each split of the kNN at most.
        checkpoint_every: steps between checkpoints.
        max_samples: learn from this many paintings only; 0 means all.
        trackers: Accelerate's trackers beside the CSV log, such as `tensorboard` or `wandb`.
        push_to_hub: repository that gets the embedder and its card, `owner/name`; empty pushes nothing.
        workers: processes that decode, each process; 0 decodes in the training process, fastest on few cores.
        seed: of everything random.
    """

    data: str
    output_dir: str
    model: dict[str, Any] = field(default_factory=dict)
    pretrained: bool = True
    backbone_weights: str = ""
    train_splits: tuple[str, ...] = ("all",)
    gallery_split: str = ""
    query_split: str = ""
    epochs: int = 100
    sizes: tuple[tuple[int, int], ...] = ((0, 224),)
    batch_size: int = 64
    optimizer: str = LARS
    base_lr: float = 0.45
    backbone_lr: float = 1.0
    weight_decay: float = 1e-6
    warmup_epochs: float = 10.0
    base_momentum: float = 0.99
    view: dict[str, Any] = field(default_factory=dict)
    frozen_norms: bool = False
    sync_norms: bool = True
    mixed_precision: str = "auto"
    watch_every: int = 5
    watched: int = 3000
    checkpoint_every: int = 200
    max_samples: int = 0
    trackers: tuple[str, ...] = ()
    push_to_hub: str = ""
    workers: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.mixed_precision not in PRECISIONS:
            raise DataError(f"mixed_precision is {self.mixed_precision!r}; it takes one of {', '.join(PRECISIONS)}.")
        if self.optimizer != LARS and self.optimizer not in list_optimizers():
            raise DataError(f"there is no optimiser {self.optimizer!r}; give {LARS} or one of timm.")
        if bool(self.gallery_split) != bool(self.query_split):
            raise DataError("gallery_split and query_split go together.")
        if not 0 <= self.base_momentum < 1:
            raise DataError(f"base_momentum is {self.base_momentum}; it must lie in [0, 1).")
        if self.epochs < 1 or self.batch_size < 2 or not self.train_splits:
            raise DataError("BYOL needs at least one split, one epoch and two paintings a step (for its batch norms).")
        byol_views(**self.view)  # its own check

    def size_at(self, epoch: int) -> int:
        """Side of the views in an epoch."""
        return [side for first, side in self.sizes if first <= epoch][-1]
