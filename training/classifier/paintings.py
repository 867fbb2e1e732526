"""The paintings of a classifier's training: those to learn from, those to evaluate on, and their classes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from datasets import ClassLabel, Dataset, Value
from torch import Tensor

from artextract_hf.data import ALL, UNKNOWN, label_counts, load_prepared, painting_features, take_split
from artextract_hf.errors import DataError
from training.classifier.config import TrainConfig
from training.loop import TrainingViews
from training.run import learnt_paintings

ADVICE = "`artextract prepare collection ... --task COLUMN` makes classes of a column."
LEAST_WORKS = 4  # of a value of an auxiliary column, to be a class


def load_splits(config: TrainConfig) -> tuple[TrainConfig, Dataset, Dataset | None]:
    """The configuration with the tasks that are learnt; the paintings to learn from, and those to evaluate on."""
    splits = load_prepared(config.data)
    for name in {*config.train_splits, config.eval_split} - {"", ALL}:
        if list(splits) == [ALL]:
            raise DataError(
                f"{config.data} has no split {name}; `artextract prepare collection ... --val 0.2` draws one."
            )
    learn = learnt_paintings(splits, config)
    config = replace(config, tasks=choose_tasks(learn, config.tasks))
    for column in config.auxiliary:
        learn = as_classes(learn, column)
    return config, learn, take_split(splits, config.eval_split) if config.eval_split else None


def choose_tasks(paintings: Dataset, wanted: Sequence[str]) -> tuple[str, ...]:
    """The tasks to learn: those that are wanted; else those of one's own; else style, genre and artist where known.

    Raises:
        DataError: the paintings know no class of a task that is wanted, or none at all.
    """
    labelled = [task for task, count in label_counts(paintings).items() if count]
    usual = [task for task in painting_features() if task in labelled]
    chosen = tuple(wanted or [task for task in labelled if task not in usual] or usual)
    if missing := [task for task in chosen or ("class",) if task not in labelled]:
        known = f"they have {', '.join(labelled)}: use --tasks {','.join(labelled)}." if labelled else ADVICE
        raise DataError(f"the paintings to learn from have no {' and no '.join(missing)}; {known}")
    return chosen


def as_classes(paintings: Dataset, column: str) -> Dataset:
    """A column of text as class labels; a value on fewer than LEAST_WORKS paintings, or none, is unknown.

    Raises:
        DataError: there is no such column of text, or no value stands in it often enough.
    """
    texts = [name for name, feature in paintings.features.items() if feature == Value("string")]
    if column not in texts:
        raise DataError(f"the paintings have no column of text {column!r}; there are {', '.join(texts)}.")
    counts = Counter(paintings[column])
    names = sorted(value for value, count in counts.items() if value and count >= LEAST_WORKS)
    if not names:
        raise DataError(f"no value of {column!r} is on {LEAST_WORKS} paintings; there is nothing to learn from it.")
    positions = {name: position for position, name in enumerate(names)}
    labels = [positions.get(value, UNKNOWN) for value in paintings[column]]
    return paintings.remove_columns(column).add_column(column, labels, feature=ClassLabel(names=names))


def count_classes(views: TrainingViews, tasks: Mapping[str, Sequence[str]]) -> dict[str, Tensor]:
    """int64 (classes,) by task: how many paintings of each class there are to learn from."""
    return {
        task: torch.bincount(torch.from_numpy(labels[labels >= 0]), minlength=len(tasks[task]))
        for task, labels in views.labels.items()
    }
