from .auto import AutoEmbedder as AutoEmbedder
from .clip_embedder import TextImageEmbedder as TextImageEmbedder
from .descriptors.composition import CompositionEmbedder as CompositionEmbedder
from .descriptors.lighting import LightingEmbedder as LightingEmbedder
from .descriptors.palette import PaletteEmbedder as PaletteEmbedder
from .network import NetworkEmbedder as NetworkEmbedder
from .protocol import DenseEmbedder as DenseEmbedder
from .protocol import Embedder as Embedder
