"""What a training of the classifier can be given."""

from dataclasses import dataclass, field
from typing import Any

from artextract_hf.data import view_of
from artextract_hf.errors import DataError
from artextract_hf.models import CrnnConfig, TaskLoss
from training.checks.values import check_least
from training.optim import SCHEDULES, check_optimizer
from training.recipe import Recipe, check_choice, check_network

FROZEN = ("backbone", "trunk")


@dataclass(frozen=True, kw_only=True)
class TrainConfig(Recipe):
    """One training of a classifier; `training/recipe.py` has the keys that it shares with BYOL's."""

    # what is learnt, and from what
    train_splits: tuple[str, ...] = ("train",)
    eval_split: str = "val"  # chooses the best model; empty keeps the last
    # One head each; empty: the classes of one's own that the data have, or else style, genre and artist where known.
    tasks: tuple[str, ...] = ()
    # Columns of text to learn beside the tasks, with the weight of each one's loss (a task's is 1): what stands there
    # often enough becomes a class. `artist_name` tells painters apart that have no class of their own. These heads
    # belong to the training; the model does not keep them.
    auxiliary: dict[str, float] = field(default_factory=dict)
    balanced_task: str = ""  # each class of this task is drawn as often; empty draws each painting once

    # the network
    model: dict[str, Any] = field(default_factory=dict)  # arguments of CrnnConfig; its `tasks` come from the data
    # A classifier to go on from in place of a pretrained backbone, such as `default`; where the classes of a task are
    # others than its own, the head is new.
    start_from: str = ""
    # Freeze the statistics of batch norms, and on a CPU fold them into their convolutions (`training/frozen_norm.py`);
    # false lets them learn, in the frozen phase too, in twice the time on a CPU.
    fold_norms: bool = True
    sync_norms: bool = False  # batch norms that learn share their statistics between processes; needs GPUs
    ema_decay: float = 0.998  # of the averaged weights, which are the ones evaluated and kept

    # first phase: a part stands still, `backbone`, or `trunk`: all but the heads
    frozen: str = "backbone"
    frozen_epochs: int = 1
    frozen_lr: float = 1e-3  # peak learning rate
    kept_views: int = 0  # views of each painting whose backbone maps are computed once; 0 computes them anew

    # second phase: everything learns
    epochs: int = 18
    frozen_layers: int = 0  # layers of the backbone, counted from below, that stand still in this phase too
    sizes: tuple[tuple[int, int], ...] = ((0, 160),)  # small first is faster; the first phase has the first size
    # Pieces in which a batch is computed, to save memory; the loss is the same (not so with batch norms that learn:
    # they see a piece at a time).
    accumulate: int = 1

    # optimiser
    optimizer: str = "adamw"  # `adamw`, `adam`, `sgd`, or another of timm
    lr: float = 1e-3  # peak learning rate of what follows the backbone
    backbone_lr: float = 4e-4  # and of the backbone
    layer_decay: float = 1.0  # each layer of the backbone learns at this factor of the one above it
    weight_decay: float = 0.05  # on matrices only
    max_grad_norm: float = 5.0  # gradients are clipped to this norm

    # schedule (`training/optim.py`)
    schedule: str = "cosine"  # with warm-up; or `cosine_annealing`, `exponential`, `constant`
    warmup_epochs: float = 1.0  # linear warm-up of `cosine`
    final_lr: float = 0.01  # share of the peak rate at the end of `cosine`
    schedule_period: int = 2000  # steps of half a wave of `cosine_annealing`
    schedule_rate: float = 0.02  # share that `exponential` takes off at every step

    # losses
    # Of each task: arguments of TaskLoss.
    loss: dict[str, Any] = field(default_factory=lambda: {"label_smoothing": 0.1})
    contrastive: float = 0.0  # weight of the supervised contrastive loss of each task on the embedding, beside `loss`
    class_weight_power: float = 0.0  # a class weighs its count to minus this power: 0 alike, 1 fully balanced
    # Weight of each task's loss; or `uncertainty` to learn them, those of auxiliary columns too (Kendall et al. 2018);
    # empty: all 1.
    task_weights: str | dict[str, float] = ""

    # views
    view: str | dict[str, Any] = field(default_factory=dict)  # arguments of TrainingView, or system 003's for a task
    mixup: float = 0.0  # alpha of the Beta distribution that mixes pairs of paintings (Zhang et al. 2018); 0 for none
    cutmix: float = 0.0  # alpha of that which pastes a part of another painting (Yun et al. 2019); 0 for none

    # teachers
    teachers: tuple[str, ...] = ()  # classifiers of the same classes, whose averaged answers are learnt too
    distillation: float = 0.5  # share of their answers in the loss of each task; the labels have the rest

    # the run
    eval_every: int = 3  # epochs between evaluations, which are those of the last phase
    patience: int = 0  # epochs without a better evaluation after which the training ends; 0 for all epochs
    frozen_baseline: bool = True  # score a linear model on the frozen backbone's features too; takes a minute
    checkpoint_every: int = 100

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("schedule", self.schedule, SCHEDULES)
        check_choice("frozen", self.frozen, FROZEN)
        check_optimizer(self.optimizer)
        for key in ("accumulate", "schedule_period", "eval_every"):
            check_least(key, getattr(self, key), 1)
        self._check_tasks()
        self._check_model()
        if self.contrastive and (self.mixup or self.cutmix):
            raise DataError("contrastive compares paintings by their class; mixup and cutmix leave them without one.")
        for key in ("distillation", "ema_decay", "final_lr", "schedule_rate", "layer_decay"):
            if getattr(self, key) > 1:
                raise DataError(f"--{key} is {getattr(self, key)}; it is a share, from 0 to 1.")
        if self.batch_size % self.accumulate:
            raise DataError(f"a batch of {self.batch_size} cannot be cut into {self.accumulate} equal pieces.")
        if not self.train_splits or self.epochs + self.frozen_epochs < 1:
            raise DataError("a training needs at least one split and one epoch.")
        if self.push_to_hub and not self.eval_split:
            raise DataError("push_to_hub publishes a card with figures; give an eval_split to take them on.")
        view_of(self.view)  # its own check
        self.task_loss()

    def _check_tasks(self) -> None:
        weighed = set(self.task_weights) if isinstance(self.task_weights, dict) else set()
        if self.tasks and (unknown := (weighed | {self.balanced_task} - {""}) - set(self.tasks)):
            raise DataError(f"{', '.join(unknown)} is none of the tasks {', '.join(self.tasks)}.")
        if isinstance(self.task_weights, str) and self.task_weights not in ("", "uncertainty"):
            raise DataError(f"task_weights is {self.task_weights!r}; it takes a weight a task, or 'uncertainty'.")
        if not all(self.auxiliary.values()):
            raise DataError(f"auxiliary is {self.auxiliary!r}; it takes a weight a column, as {{artist_name: 0.5}}.")
        if twice := self.auxiliary.keys() & set(self.tasks):
            raise DataError(f"{', '.join(twice)} is a task already, not auxiliary.")

    def _check_model(self) -> None:
        if self.model.get("companions"):
            raise DataError("companions are trained one by one and joined afterwards: training/ensemble.py.")
        if self.model.get("temperature") or self.model.get("set_thresholds"):
            raise DataError("temperature and set_thresholds are fitted after the training: training/calibration.py.")
        heads = self.model.get("heads")
        named = [*(heads if isinstance(heads, dict) else ()), *filter(None, [self.model.get("task")])]
        check_network(CrnnConfig, self.model, tasks={str(task): ["class"] for task in named or ["style"]})

    def task_loss(self) -> TaskLoss:
        """The loss of each task."""
        try:
            return TaskLoss(**self.loss)
        except TypeError as error:
            raise DataError(f"not a loss: {self.loss} ({error}).") from None
