"""Configuration of the convolutional-recurrent classifier."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import field
from itertools import pairwise
from typing import Any

from huggingface_hub.dataclasses import strict

from artextract_hf.errors import ModelError
from artextract_hf.models.heads import HEADS
from artextract_hf.models.necks import NECKS
from artextract_hf.models.sequence import ORDERS
from artextract_hf.models.strict_loading import MOST_OF_ANY, StrictConfig

_CHOICES = {
    "sequence": ORDERS,
    "rnn_type": ("lstm", "gru", "none"),
    "attention": ("after", "before", "none"),
    "gabor": ("none", "fixed", "learnable"),
}
MOST_PARTS = 16  # companions, and blocks of a neck; each is built before its weights can be missed
MOST_QUANTILES = 1001
PAINTING = "painting"  # among the usual distances, beside those of tasks
_ORDER = {"style": 0, "genre": 1, "artist": 2}
_SHARED = {"image_size", "tasks", "task"}  # the same in all networks that answer together
_WHOLE = {"companions", "temperature", "set_level", "set_thresholds", "usual_distances"}  # set once for all of them
_CLASSES = ("num_labels", "id2label", "label2id")  # by which transformers gives a model other classes


@strict
class CrnnConfig(StrictConfig):
    """What a CRNN is made of.

    Args:
        backbone: a timm architecture, without its classifier.
        image_size: side of the square input, pixels.
        sequence: how the feature map becomes a sequence (`models/sequence.py`).
        gabor: a bank of Gabor filters (`models/gabor.py`) beside the backbone, `fixed` or `learnable`; or `none`.
        projection_size: width to which the map's channels are brought before the recurrent network; 0 leaves them.
        neck: blocks behind the projection, in order: `conv`, `multi_path` (`models/necks.py`).
        rnn_type: `lstm` or `gru`; `none` leaves the sequence as it is, to see what recurrence is worth.
        hidden_size: units of the recurrent network, each direction.
        num_layers: layers of the recurrent network.
        bidirectional: whether it also reads backwards.
        attention: `after` pools the recurrent network's outputs, `before` weighs its inputs, `none` averages.
        num_attention_heads: heads of the attention.
        global_pool: put the average-pooled feature map beside the sequence's summary.
        dropout: before the recurrent network, before each linear head, and in the neck.
        drop_path_rate: stochastic depth of the backbone.
        tasks: class names by task, in label order. Style, genre and artist stand first, in this order.
        heads: the head of a task by name, `linear`, `residual_se` or `stack` (`models/heads.py`); others are linear.
        task: the active task, whose logits are `output.logits` and whose names are `id2label`; by default the first.
        companions: further networks whose logits are averaged with this one's, each given by the settings in which it
            differs. The embedding and the attention remain this one's.
        temperature: by task, what its logits are divided by, after those of the companions, so that its probabilities
            match how often it is right (`training/calibration.py`); 1 for a task that is not named.
        usual_distances: how far paintings that it did not learn from are from what it learnt, as quantiles from 0 to
            100 % in even steps (`training/classifier/open_set.py`): from the average painting under PAINTING, from the
            classes of a task under its name.
        set_thresholds: by task, the probability from which each class belongs to a painting's prediction set, in label
            order (`evaluation/uncertainty/conformal.py`). A task that is not named has no sets.
        set_level: share of the paintings of each class whose set they let hold that class.
    """

    model_type = "crnn"
    # Trainer's predictions are the logits.
    keys_to_ignore_at_inference = ["task_logits", "attentions", "embeddings", "distances"]

    backbone: str = "mobilenetv2_100"
    image_size: int = 224
    gabor: str = "none"
    sequence: str = "row_major"
    projection_size: int = 256
    neck: list[str] = field(default_factory=list)
    rnn_type: str = "lstm"
    hidden_size: int = 256
    num_layers: int = 1
    bidirectional: bool = True
    attention: str = "after"
    num_attention_heads: int = 4
    global_pool: bool = True
    dropout: float = 0.3
    drop_path_rate: float = 0.0
    tasks: dict[str, list[str]] = field(default_factory=lambda: {"style": ["LABEL_0", "LABEL_1"]})
    heads: dict[str, str] = field(default_factory=dict)
    task: str | None = None
    companions: list[dict[str, Any]] = field(default_factory=list)
    temperature: dict[str, float] = field(default_factory=dict)
    usual_distances: dict[str, list[float]] = field(default_factory=dict)
    set_thresholds: dict[str, list[float]] = field(default_factory=dict)
    set_level: float = 0.9

    def __post_init__(self, **kwargs: Any) -> None:
        self.refuse_misspelt(kwargs, [name for name in type(self).__annotations__ if name != "task"])
        self._check_layers()
        names = self._check_tasks()
        self._check_companions()
        kwargs["id2label"] = dict(enumerate(names))
        kwargs["label2id"] = {name: index for index, name in enumerate(names)}
        super().__post_init__(**kwargs)

    @classmethod
    def from_dict(cls, config_dict: dict[str, Any], **kwargs: Any) -> Any:
        """As of transformers, where a model is loaded with other settings than its file has.

        Args:
            config_dict: what config.json says.
            kwargs: `task` makes another task the active one. `num_labels`, `id2label` or `label2id` give it other
                classes, for a model that is to learn them: it has this task only, which may be a new one, and neither
                companions, nor a temperature, thresholds or usual distances.
        """
        stored = cls(**config_dict)
        task = str(kwargs.pop("task", None) or stored.task)
        present = stored.tasks.get(task, [])
        names = _given_classes(present, **{key: kwargs.pop(key, None) for key in _CLASSES})
        if names != present:
            heads = {name: head for name, head in stored.heads.items() if name == task}
            none: dict[str, Any] = {"companions": [], "temperature": {}, "set_thresholds": {}, "usual_distances": {}}
            config_dict = config_dict | {"tasks": {task: names}, "heads": heads} | none
        return super().from_dict(config_dict | {"task": task}, **kwargs)

    def _check_layers(self) -> None:
        """Check the settings of the trunk."""
        for name, choices in _CHOICES.items():
            if (value := getattr(self, name)) not in choices:
                raise ModelError(f"CrnnConfig.{name} is {value!r}; it takes one of {', '.join(choices)}.")
        if self.rnn_type == "none" and self.sequence == "rows_and_columns":
            raise ModelError("CrnnConfig.sequence rows_and_columns is two recurrent readings; rnn_type none has none.")
        if unknown := set(self.neck) - set(NECKS):
            raise ModelError(f"CrnnConfig.neck has {', '.join(sorted(unknown))}; its blocks are {', '.join(NECKS)}.")
        self.require_positive("image_size", "hidden_size", "num_layers", "num_attention_heads")
        if self.projection_size < 0 or self.projection_size > MOST_OF_ANY:
            raise ModelError(
                f"CrnnConfig.projection_size is {self.projection_size}; 0 leaves the channels as they are."
            )
        for name in ("neck", "companions"):
            if len(getattr(self, name)) > MOST_PARTS:
                raise ModelError(f"CrnnConfig.{name} has {len(getattr(self, name))} parts; there may be {MOST_PARTS}.")
        for name in ("dropout", "drop_path_rate"):
            if not 0 <= getattr(self, name) < 1:
                raise ModelError(f"CrnnConfig.{name} is {getattr(self, name)}; it must lie in [0, 1).")

    def _check_tasks(self) -> list[str]:
        """Put the tasks in order, and check what is set by task; gives the class names of the active one."""
        if not self.tasks or not all(self.tasks.values()):
            raise ModelError(f"CrnnConfig.tasks has a task without classes: {self.tasks}")
        for task, names in self.tasks.items():
            if twice := [name for name, count in Counter(names).items() if count > 1]:
                raise ModelError(f"CrnnConfig.tasks has the class {twice[0]!r} of {task!r} twice.")
        # JSON sorts the keys of a mapping; this order is the same before and after.
        self.tasks = dict(sorted(self.tasks.items(), key=lambda item: (_ORDER.get(item[0], len(_ORDER)), item[0])))
        self.task = self.task or next(iter(self.tasks))
        if self.task not in self.tasks:
            raise ModelError(f"CrnnConfig.task is {self.task!r}, but the tasks are {', '.join(self.tasks)}.")
        for task, head in self.heads.items():
            if task not in self.tasks or head not in HEADS:
                raise ModelError(
                    f"CrnnConfig.heads gives {task!r} the head {head!r}; "
                    f"the tasks are {', '.join(self.tasks)}, the heads {', '.join(HEADS)}."
                )
        for task, value in self.temperature.items():
            if task not in self.tasks or not 0 < value < float("inf"):
                raise ModelError(f"CrnnConfig.temperature of {task!r} is {value}; it is a positive number of a task.")
        for name, usual in self.usual_distances.items():
            ascending = all(a <= b < float("inf") for a, b in pairwise(usual))
            if name not in (PAINTING, *self.tasks) or not 1 < len(usual) <= MOST_QUANTILES or not ascending:
                raise ModelError(
                    f"CrnnConfig.usual_distances of {name!r} are no 2 to {MOST_QUANTILES} ascending numbers of "
                    f"{PAINTING} or a task."
                )
        self._check_sets()
        return self.tasks[self.task]

    def _check_sets(self) -> None:
        """Check the thresholds of the prediction sets."""
        if not 0 < self.set_level < 1:
            raise ModelError(f"CrnnConfig.set_level is {self.set_level}; it is a share between 0 and 1.")
        for task, thresholds in self.set_thresholds.items():
            classes = len(self.tasks.get(task, []))
            if len(thresholds) != classes or not all(0 <= threshold <= 1 for threshold in thresholds):
                raise ModelError(
                    f"CrnnConfig.set_thresholds of {task!r} has {len(thresholds)} numbers, the task {classes} classes; "
                    f"each class has one, from 0 to 1."
                )

    def _check_companions(self) -> None:
        """Check what each companion differs in, and its own configuration."""
        for companion in self.companions:
            if shared := set(companion) - self._own():
                raise ModelError(
                    f"CrnnConfig.companions sets {', '.join(sorted(shared))}; a companion may differ in "
                    f"{', '.join(sorted(self._own()))}."
                )
        self.companion_configs()  # raises where one is wrong

    @classmethod
    def _own(cls) -> set[str]:
        """The settings in which networks that answer together may differ."""
        return set(cls.__annotations__) - _SHARED - _WHOLE

    def companion_configs(self) -> list["CrnnConfig"]:
        """The whole configuration of each companion."""
        settings = {name: getattr(self, name) for name in self._own() | _SHARED}
        return [CrnnConfig(**settings | companion) for companion in self.companions]

    def as_companion(self, of: "CrnnConfig") -> dict[str, Any]:
        """The settings in which this configuration differs from another, as `of.companions` takes them."""
        return {name: getattr(self, name) for name in sorted(self._own()) if getattr(self, name) != getattr(of, name)}


def _given_classes(
    present: list[str],
    *,
    num_labels: int | None,
    id2label: Mapping[int | str, str] | None,
    label2id: Mapping[str, int | str] | None,
) -> list[str]:
    """The class names that a call of `from_pretrained` gives, in label order; `present` where it gives none.

    Raises:
        ModelError: the arguments contradict each other, or leave out a class.
    """
    if id2label is None and label2id is None:
        return present if num_labels in (None, len(present)) else [f"LABEL_{index}" for index in range(num_labels)]
    inverse = {int(index): name for name, index in (label2id or {}).items()}
    by_index = inverse if id2label is None else {int(index): name for index, name in id2label.items()}
    if sorted(by_index) != list(range(num_labels or len(by_index))):
        raise ModelError(
            f"id2label names the classes {sorted(by_index)}; they count from 0, each once"
            + (f", to {num_labels - 1} by num_labels." if num_labels else ".")
        )
    if label2id is not None and inverse != by_index:
        raise ModelError("label2id is not the inverse of id2label.")
    return [by_index[index] for index in range(len(by_index))]
