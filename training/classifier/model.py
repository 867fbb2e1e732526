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
    """A CRNN with the backbone's pretrained weights and a head a task, for the classes that occur in the data.

    Raises:
        DataError: the classifier to start from knows other classes.
    """
    tasks = {}
    for task in config.tasks:
        names = class_names(paintings, task)
        tasks[task] = [names[label] for label in sorted(set(paintings[task])) if label >= 0]
    if config.start_from:
        model = load_classifier(config.start_from)[0]
        if model.config.tasks != tasks:
            raise DataError(f"{config.start_from} was trained on other classes than {config.data} holds.")
        return model.without_companions()
    model = CrnnForImageClassification(CrnnConfig(tasks=tasks, **config.model))
    load_imagenet(model.crnn.backbone, model.config.backbone, config.backbone_weights or None)
    return model


def save_model(model: CrnnForImageClassification, folder: Path) -> None:
    """Weights, configuration and preprocessing in one folder."""
    side = model.config.image_size
    with whole_files(folder) as new:
        model.save_pretrained(new)
        ArtImageProcessor(size={"height": side, "width": side}).save_pretrained(new)
