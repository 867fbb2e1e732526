"""Stage 2: tensors become outputs; nothing here knows of datasets.

Importing this package registers the models with transformers' Auto classes and `pipeline`.
"""

from transformers import (
    AutoConfig,
    AutoImageProcessor,
    AutoModel,
    AutoModelForImageClassification,
    AutoModelForPreTraining,
)
from transformers.pipelines import PIPELINE_REGISTRY
from transformers.utils import logging as transformers_logging

from artextract_hf.errors import ModelError
from artextract_hf.models.configuration_byol import ByolConfig
from artextract_hf.models.configuration_crnn import CrnnConfig
from artextract_hf.models.image_processing_art import ArtImageProcessor
from artextract_hf.models.inference.openvino_backend import check_backend, on_backend
from artextract_hf.models.inference.pipelines import ArtAttributesPipeline
from artextract_hf.models.modeling_byol import ByolForPreTraining, ByolModel
from artextract_hf.models.modeling_crnn import CrnnForImageClassification, CrnnModel
from artextract_hf.models.names import resolve

__all__ = [
    "ArtAttributesPipeline",
    "ArtImageProcessor",
    "ByolConfig",
    "ByolForPreTraining",
    "ByolModel",
    "CrnnConfig",
    "CrnnForImageClassification",
    "CrnnModel",
    "load_classifier",
]

AutoConfig.register("byol", ByolConfig, exist_ok=True)
AutoConfig.register("crnn", CrnnConfig, exist_ok=True)
AutoModel.register(ByolConfig, ByolModel, exist_ok=True)
AutoModel.register(CrnnConfig, CrnnModel, exist_ok=True)
AutoModelForPreTraining.register(ByolConfig, ByolForPreTraining, exist_ok=True)
AutoModelForImageClassification.register(CrnnConfig, CrnnForImageClassification, exist_ok=True)
AutoImageProcessor.register(ByolConfig, image_processor_classes={"pil": ArtImageProcessor}, exist_ok=True)
AutoImageProcessor.register(CrnnConfig, image_processor_classes={"pil": ArtImageProcessor}, exist_ok=True)
if "art-attributes" not in PIPELINE_REGISTRY.get_supported_tasks():
    PIPELINE_REGISTRY.register_pipeline(
        "art-attributes", pipeline_class=ArtAttributesPipeline, pt_model=AutoModelForImageClassification, type="image"
    )


def load_classifier(
    name: str = "default", backend: str = "torch"
) -> tuple[CrnnForImageClassification, ArtImageProcessor]:
    """A classifier and its preprocessing.

    Args:
        name: a directory, a Hub repository, or `default`.
        backend: `torch`, or `openvino` for several times its speed on processors, without training.

    Raises:
        ModelError: there is no such model or backend, or what was found is no classifier of this package.
        ArtExtractError: OpenVINO is wanted and not installed.
    """
    check_backend(backend)
    directory = resolve(name)
    transformers_logging.disable_progress_bar()  # what takes a moment needs no bar
    try:
        model = CrnnForImageClassification.from_pretrained(directory)
        processor = ArtImageProcessor.from_pretrained(directory)
    except (OSError, KeyError, TypeError) as error:
        raise ModelError(f"{name!r} holds no painting classifier: {str(error).splitlines()[0]}") from None
    for network in (model, *model.companions):
        network.crnn = on_backend(network.crnn, backend, model.config.image_size)  # the heads are not worth compiling
    return model, processor
