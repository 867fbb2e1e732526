"""What a training of the classifier is told."""

from dataclasses import dataclass, field
from typing import Any

from artextract_hf.data.views.training_view import view_of
from artextract_hf.errors import DataError
from artextract_hf.models.losses import TaskLoss
from training.optim import SCHEDULES
from training.recipe import Recipe, is_number

CHOICES = {
    "mixed_precision": ("auto", "bf16", "fp16", "no"),
    "schedule": SCHEDULES,
}


@dataclass(frozen=True)
class TrainConfig(Recipe):
    """One training of a classifier.

    Args:
        data: what `artextract prepare` wrote.
        output_dir: where checkpoints, the log, the best model and the card go.
        model: arguments of CrnnConfig, without `tasks`, which come from the data.
        tasks: the tasks to learn, one head each.
        backbone_weights: safetensors file in timm's key names; empty fetches timm's own.
        start_from: a classifier of the same classes to go on from, in place of a pretrained backbone; empty for none.
        train_splits: the splits that are learnt from.
        eval_split: the split that chooses the best model; empty keeps the last.
        frozen_epochs: epochs of the first phase, in which only what follows the backbone learns.
        frozen_lr: its learning rate.
        kept_views: views of each painting whose backbone maps are computed once for that phase; 0 computes them anew.
        frozen_layers: layers of the backbone, counted from below, that stand still in the second phase too.
        epochs: epochs of the second phase, in which everything learns.
        sizes: sides of the training views, pixels, as [first epoch, side] pairs; small first is faster.
        batch_size: paintings a step, each process.
        accumulate: pieces in which a batch is computed, to save memory; the loss is the same (not so with batch norms
            that learn: they see a piece at a time).
        balanced_task: draw the paintings so that each class of this task is met as often; empty draws each once.
        optimizer: `adamw`, `adam`, `sgd`, or another of timm.
        backbone_lr, lr: peak learning rates of the backbone and of the rest.
        layer_decay: each layer of the backbone learns at this factor of the one above it.
        schedule: `cosine` with warm-up, `cosine_annealing`, `exponential` or `constant` (`training/optim.py`).
        schedule_period: steps of half a wave of `cosine_annealing`.
        schedule_rate: share that `exponential` takes off at every step.
        warmup_epochs: linear warm-up of `cosine`, epochs.
        final_lr: share of the peak rate at the end of `cosine`.
        weight_decay: on matrices only.
        max_grad_norm: gradients are clipped to this norm.
        loss: of each task, the arguments of TaskLoss (`artextract_hf/models/losses.py`).
        contrastive: weight of the supervised contrastive loss of each task on the embedding, beside `loss`.
        class_weight_power: weight of a class is its count to minus this power (0 none, 1 fully balanced).
        task_weights: weight of each task's loss, or `uncertainty` to learn them (Kendall et al. 2018), those of
            auxiliary ones too; empty: all 1.
        auxiliary: columns of text to learn beside the tasks, with the weight of each one's loss (a task's is 1): what
            stands there often enough becomes a class. `artist_name` tells painters apart that have no class of their
            own. These heads belong to the training; the model does not keep them.
        mixup: alpha of the Beta distribution that mixes pairs of paintings (Zhang et al. 2018); 0 mixes none.
        cutmix: alpha of that which pastes a part of another painting (Yun et al. 2019); 0 pastes none.
        teachers: trained classifiers of the same classes, whose averaged answers are learnt beside the labels.
        distillation: the share of the teachers' answers in the loss of each task; the labels have the rest.
        ema_decay: of the averaged weights, which are the ones evaluated and kept.
        fold_norms: freeze the statistics of batch norms, and on a CPU fold them into their convolutions
            (`training/frozen_norm.py`); false lets them learn, in the frozen phase too, in twice the time on a CPU.
        mixed_precision: `auto` (bf16 where the processor has it), `bf16`, `fp16` or `no`.
        view: arguments of TrainingView, or the name of a task: system 003's recipe for it (`data/views/training_view.py`).
        eval_every: epochs between evaluations.
        frozen_baseline: score a linear model on the frozen backbone's features beside the best model; takes a minute.
        checkpoint_every: steps between checkpoints.
        max_samples: learn from this many paintings only; 0 means all.
        sync_norms: batch norms that learn share their statistics between processes; needs GPUs.
        trackers: Accelerate's trackers beside the CSV log, such as `tensorboard` or `wandb`.
        push_to_hub: repository that gets the best model and its card, `owner/name`; empty pushes nothing.
        workers: processes that decode, each process; 0 decodes in the training process, fastest on few cores.
        seed: of everything random.
    """

    data: str
    output_dir: str
    model: dict[str, Any] = field(default_factory=dict)
    tasks: tuple[str, ...] = ("style", "genre", "artist")
    backbone_weights: str = ""
    start_from: str = ""
    train_splits: tuple[str, ...] = ("train",)
    eval_split: str = "val"
    frozen_epochs: int = 1
    frozen_lr: float = 1e-3
    kept_views: int = 0
    frozen_layers: int = 0
    epochs: int = 18
    sizes: tuple[tuple[int, int], ...] = ((0, 160),)
    batch_size: int = 64
    accumulate: int = 1
    balanced_task: str = ""
    optimizer: str = "adamw"
    backbone_lr: float = 4e-4
    lr: float = 1e-3
    layer_decay: float = 1.0
    schedule: str = "cosine"
    schedule_period: int = 2000
    schedule_rate: float = 0.02
    warmup_epochs: float = 1.0
    final_lr: float = 0.01
    weight_decay: float = 0.05
    max_grad_norm: float = 5.0
    loss: dict[str, Any] = field(default_factory=lambda: {"label_smoothing": 0.1})
    contrastive: float = 0.0
    class_weight_power: float = 0.0
    task_weights: str | dict[str, float] = ""
    auxiliary: dict[str, float] = field(default_factory=dict)
    mixup: float = 0.0
    cutmix: float = 0.0
    teachers: tuple[str, ...] = ()
    distillation: float = 0.5
    ema_decay: float = 0.998
    fold_norms: bool = True
    mixed_precision: str = "auto"
    view: str | dict[str, Any] = field(default_factory=dict)
    eval_every: int = 3
    frozen_baseline: bool = True
    checkpoint_every: int = 100
    max_samples: int = 0
    sync_norms: bool = False
    trackers: tuple[str, ...] = ()
    push_to_hub: str = ""
    workers: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        for name, choices in CHOICES.items():
            if (value := getattr(self, name)) not in choices:
                raise DataError(f"{name} is {value!r}; it takes one of {', '.join(map(repr, choices))}.")
        weighed = set(self.task_weights) if isinstance(self.task_weights, dict) else set()
        if unknown := (weighed | {self.balanced_task} - {""}) - set(self.tasks):
            raise DataError(f"{', '.join(unknown)} is none of the tasks {', '.join(self.tasks)}.")
        if isinstance(self.task_weights, str) and self.task_weights not in ("", "uncertainty"):
            raise DataError(f"task_weights is {self.task_weights!r}; it takes a weight a task, or 'uncertainty'.")
        weights = self.auxiliary.values() if isinstance(self.auxiliary, dict) else [None]
        if not all(is_number(weight) and weight > 0 for weight in weights):
            raise DataError(f"auxiliary is {self.auxiliary!r}; it takes a weight a column, as {{artist_name: 0.5}}.")
        if twice := self.auxiliary.keys() & set(self.tasks):
            raise DataError(f"{', '.join(twice)} is a task already, not auxiliary.")
        if self.model.get("companions"):
            raise DataError(
                "companions are trained alone and put beside a classifier afterwards: training/ensemble.py."
            )
        if self.model.get("temperature"):
            raise DataError("a temperature is fitted when the training is done: training/calibration.py.")
        if self.contrastive and (self.mixup or self.cutmix):
            raise DataError("contrastive compares paintings by their class; mixup and cutmix leave them without one.")
        if not 0 <= self.distillation <= 1:
            raise DataError(f"distillation is {self.distillation}; it is a share, from 0 to 1.")
        if self.batch_size % self.accumulate:
            raise DataError(f"a batch of {self.batch_size} cannot be cut into {self.accumulate} equal pieces.")
        if not self.tasks or not self.train_splits or self.epochs + self.frozen_epochs < 1 or self.batch_size < 1:
            raise DataError("a training needs at least one task, one split, one epoch and one painting a step.")
        view_of(self.view)  # its own check
        self.task_loss()

    def task_loss(self) -> TaskLoss:
        """The loss of each task."""
        try:
            return TaskLoss(**self.loss)
        except TypeError as error:
            raise DataError(f"not a loss: {self.loss} ({error}).") from None

    def size_at(self, epoch: int) -> int:
        """Side of the training views in an epoch of the second phase."""
        return [side for first, side in self.sizes if first <= epoch][-1]
