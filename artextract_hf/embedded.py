"""The models that are embedded in this package: their names and their folders.

The names are `default`, and two repositories in the namespace ARTEXTRACT_NAMESPACE (`artextract` unless that is set).
"""

import os
from pathlib import Path

PRETRAINED = Path(__file__).parent / "pretrained"
NAMESPACE = os.environ.get("ARTEXTRACT_NAMESPACE", "artextract")
DEFAULT = "default"
CLASSIFIER = "crnn-wikiart"
EMBEDDER = "byol-paintings"
EMBEDDED = {
    DEFAULT: PRETRAINED / CLASSIFIER,
    f"{NAMESPACE}/{CLASSIFIER}": PRETRAINED / CLASSIFIER,
    f"{NAMESPACE}/{EMBEDDER}": PRETRAINED / EMBEDDER,
}
"""The folder of the embedded weights, by each of their names."""
