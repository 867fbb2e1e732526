"""A trained network of this package with its preprocessing, from a name or a directory."""

from typing import Any

from transformers import PreTrainedModel
from transformers.utils import logging as transformers_logging

from artextract_hf.embedded import DEFAULT
from artextract_hf.errors import ModelError, first_line
from artextract_hf.models.image_processing_art import ArtImageProcessor
from artextract_hf.models.inference.openvino_backend import check_backend, on_backend
from artextract_hf.models.modeling_crnn import CrnnForImageClassification
from artextract_hf.models.names import resolve


def load_classifier(
    name: str = DEFAULT, backend: str = "torch", *, revision: str | None = None
) -> tuple[CrnnForImageClassification, ArtImageProcessor]:
    """A classifier and its preprocessing.

    Args:
        name: a directory, a Hub repository, or `default`.
        backend: `torch`, or `openvino` for several times its speed on processors, without training.
        revision: a branch, a tag or a commit of the repository.

    Raises:
        ModelError: there is no such model or backend, or what was found is no classifier of this package.
        ArtExtractError: OpenVINO is wanted and not installed.
    """
    check_backend(backend)
    directory = resolve(name, revision)
    model, processor = load_pair(CrnnForImageClassification, directory, f"{name!r} holds no painting classifier")
    for network in (model, *model.companions):
        network.crnn = on_backend(network.crnn, backend, model.config.image_size)  # the heads are not worth compiling
    return model, processor


def load_pair(kind: type[PreTrainedModel], directory: str, otherwise: str) -> tuple[Any, ArtImageProcessor]:
    """A model and its preprocessing from a directory.

    Args:
        kind: class of the model.
        directory: as `save_pretrained` of both wrote it.
        otherwise: how the error begins where a file is missing or damaged.

    Raises:
        ModelError: one is, or the directory holds another kind of model.
    """
    transformers_logging.disable_progress_bar()  # loading takes a moment, too short for a bar
    try:
        return kind.from_pretrained(directory), ArtImageProcessor.from_pretrained(directory)
    except ModelError as error:  # of whatever the files made transformers stumble over, see `names.py`
        raise ModelError(f"{otherwise}: {first_line(error)}") from None
