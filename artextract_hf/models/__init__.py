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

from artextract_hf.embedded import CLASSIFIER, DEFAULT, EMBEDDER, NAMESPACE, PRETRAINED
from artextract_hf.models.backbones import load_imagenet
from artextract_hf.models.configuration_byol import ByolConfig
from artextract_hf.models.configuration_crnn import PAINTING, CrnnConfig
from artextract_hf.models.heads import make_head
from artextract_hf.models.image_processing_art import ArtImageProcessor
from artextract_hf.models.inference.answer_tables import answer_rows, answer_table
from artextract_hf.models.inference.loading import load_classifier
from artextract_hf.models.inference.micro_batches import MICRO_BATCH
from artextract_hf.models.inference.open_set import doubts_in_words, looks_like_a_painting
from artextract_hf.models.inference.pipelines import ArtAttributesPipeline, set_in_words
from artextract_hf.models.inference.verdicts import verdicts
from artextract_hf.models.losses import TaskLoss, UncertaintyWeighting, class_weights
from artextract_hf.models.modeling_byol import ByolForPreTraining, ByolModel, target_momentum
from artextract_hf.models.modeling_crnn import CrnnClassifierOutput, CrnnForImageClassification, CrnnModel
from artextract_hf.models.names import know_own_names, resolve
from artextract_hf.models.whitening import fit_whitening

__all__ = [
    "CLASSIFIER",
    "DEFAULT",
    "EMBEDDER",
    "MICRO_BATCH",
    "NAMESPACE",
    "PAINTING",
    "PRETRAINED",
    "ArtAttributesPipeline",
    "ArtImageProcessor",
    "ByolConfig",
    "ByolForPreTraining",
    "ByolModel",
    "CrnnClassifierOutput",
    "CrnnConfig",
    "CrnnForImageClassification",
    "CrnnModel",
    "TaskLoss",
    "UncertaintyWeighting",
    "answer_rows",
    "answer_table",
    "class_weights",
    "doubts_in_words",
    "fit_whitening",
    "load_classifier",
    "load_imagenet",
    "looks_like_a_painting",
    "make_head",
    "resolve",
    "set_in_words",
    "target_momentum",
    "verdicts",
]

for _kind in (
    ArtImageProcessor,
    ByolConfig,
    ByolForPreTraining,
    ByolModel,
    CrnnConfig,
    CrnnForImageClassification,
    CrnnModel,
):
    know_own_names(_kind)

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
