from pathlib import Path

import pytest
from transformers.image_processing_utils import BaseImageProcessor

from artextract_hf import load_classifier


@pytest.fixture(scope="session")
def openvino_classifier(tiny_classifier: Path) -> tuple[object, BaseImageProcessor]:
    """`tiny_classifier` on OpenVINO, with its image processor: seconds to compile."""
    return load_classifier(str(tiny_classifier), backend="openvino")
