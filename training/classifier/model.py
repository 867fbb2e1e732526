"""The classifier of a training: built for the classes of its data, and kept in a folder."""

from pathlib import Path

from datasets import Dataset

from artextract_hf.data import class_names
from artextract_hf.errors import DataError
from artextract_hf.models import (
    ArtImageProcessor,
    CrnnConfig,
    CrnnForImageClassification,
    load_classifier,
    load_imagenet,
)
from artextract_hf.outputs import whole_files
from training.classifier.config import TrainConfig


def build_model(config: TrainConfig, paintings: Dataset) -> CrnnForImageClassification:
    """A CRNN with a head a task, for the classes that occur in the data, on pretrained weights.

    They are those of the backbone, or all of a classifier's to start from but for heads of other classes than its own.
    """
    tasks = {}
    for task in config.tasks:
        names = class_names(paintings, task)
        tasks[task] = [names[label] for label in sorted(set(paintings[task])) if label >= 0]
    if config.start_from:
        model = load_classifier(config.start_from)[0].without_companions()
        _refuse_other_model(config, model)
        return with_heads(model, tasks)
    model = CrnnForImageClassification(CrnnConfig(tasks=tasks, **config.model))
    load_imagenet(model.crnn.backbone, model.config.backbone, config.backbone_weights or None)
    return model


def _refuse_other_model(config: TrainConfig, model: CrnnForImageClassification) -> None:
    """Refuse settings of a model that the classifier to start from does not have.

    Raises:
        DataError: they would have no effect.
    """
    wanted = CrnnConfig(**config.model)
    for key in config.model:
        given, there = getattr(wanted, key), getattr(model.config, key)
        if given != there:
            raise DataError(
                f"model.{key} is {given!r}, but {config.start_from}, which start_from takes as it is, has {there!r}; "
                f"leave out one of the two."
            )


def with_heads(model: CrnnForImageClassification, tasks: dict[str, list[str]]) -> CrnnForImageClassification:
    """A classifier on the same trunk; heads for classes that it knows stay, the others are new and linear."""
    if tasks == model.config.tasks:
        return model
    same = [task for task, names in tasks.items() if model.config.tasks.get(task) == names]
    heads = {task: head for task, head in model.config.heads.items() if task in same}
    other = {"tasks": tasks, "heads": heads, "task": None}
    new = CrnnForImageClassification(CrnnConfig.from_dict(model.config.to_dict() | other))
    new.crnn.load_state_dict(model.crnn.state_dict())
    for task in same:
        new.heads[task].load_state_dict(model.heads[task].state_dict())
    return new


def save_model(model: CrnnForImageClassification, folder: Path) -> None:
    """Weights, configuration and preprocessing in one folder."""
    side = model.config.image_size
    with whole_files(folder) as new:
        model.save_pretrained(new)
        ArtImageProcessor(size={"height": side, "width": side}).save_pretrained(new)
