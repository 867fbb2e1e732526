"""Pictures as vectors by formulas in place of networks: composition, palette, lighting.

Each is an `Embedder`, and can explain why it finds two pictures similar: its cosine is a sum of named parts.
`AutoEmbedder` knows them by name, as it knows networks.
"""

from artextract_hf.embedders.descriptors.composition import CompositionEmbedder
from artextract_hf.embedders.descriptors.descriptor import Descriptor
from artextract_hf.embedders.descriptors.lighting import LightingEmbedder
from artextract_hf.embedders.descriptors.palette import PaletteEmbedder

__all__ = ["DESCRIPTORS", "CompositionEmbedder", "Descriptor", "LightingEmbedder", "PaletteEmbedder"]

DESCRIPTORS: dict[str, type[Descriptor]] = {
    kind.name: kind for kind in (CompositionEmbedder, PaletteEmbedder, LightingEmbedder)
}
