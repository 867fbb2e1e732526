"""Classify paintings and find similar ones.

>>> from artextract_hf import load_wikiart, CrnnForImageClassification, AutoEmbedder, PaintingIndex  # doctest: +SKIP
>>> paintings = load_wikiart("wikiart")
>>> index = PaintingIndex.build(paintings["train"], AutoEmbedder.from_pretrained("default"))
>>> index.search("my_painting.jpg", k=5)

The stages, one folder each, in the order of the flow: `data`, `models`, `evaluation`, `retrieval`, `curation`, `hub`. A
folder imports only from folders before it. Names are loaded when first used: importing this package imports no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from artextract_hf.version import __version__ as __version__

if TYPE_CHECKING:
    from artextract_hf.data.sources.collection import load_collection
    from artextract_hf.data.sources.nga import load_nga
    from artextract_hf.data.wikiart.release import load_wikiart
    from artextract_hf.embedders.auto import AutoEmbedder
    from artextract_hf.models import (
        ArtImageProcessor,
        ByolConfig,
        ByolForPreTraining,
        ByolModel,
        CrnnConfig,
        CrnnForImageClassification,
        CrnnModel,
        load_classifier,
    )
    from artextract_hf.retrieval.database.index import DatabaseIndex
    from artextract_hf.retrieval.faces.index import FaceIndex
    from artextract_hf.retrieval.index import Hit, PaintingIndex
    from artextract_hf.retrieval.regions.index import RegionIndex

_HOMES = {
    "load_collection": "artextract_hf.data.sources.collection",
    "load_nga": "artextract_hf.data.sources.nga",
    "load_wikiart": "artextract_hf.data.wikiart.release",
    "ArtImageProcessor": "artextract_hf.models",
    "ByolConfig": "artextract_hf.models",
    "ByolForPreTraining": "artextract_hf.models",
    "ByolModel": "artextract_hf.models",
    "CrnnConfig": "artextract_hf.models",
    "CrnnForImageClassification": "artextract_hf.models",
    "CrnnModel": "artextract_hf.models",
    "load_classifier": "artextract_hf.models",
    "AutoEmbedder": "artextract_hf.embedders.auto",
    "DatabaseIndex": "artextract_hf.retrieval.database.index",
    "FaceIndex": "artextract_hf.retrieval.faces.index",
    "Hit": "artextract_hf.retrieval.index",
    "PaintingIndex": "artextract_hf.retrieval.index",
    "RegionIndex": "artextract_hf.retrieval.regions.index",
}

__all__ = [
    "ArtImageProcessor",
    "AutoEmbedder",
    "ByolConfig",
    "ByolForPreTraining",
    "ByolModel",
    "CrnnConfig",
    "CrnnForImageClassification",
    "CrnnModel",
    "DatabaseIndex",
    "FaceIndex",
    "Hit",
    "PaintingIndex",
    "RegionIndex",
    "load_classifier",
    "load_collection",
    "load_nga",
    "load_wikiart",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'artextract_hf' has no attribute {name!r}")
