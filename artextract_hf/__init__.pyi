from .data.sources.collection import load_collection as load_collection
from .data.sources.nga import load_nga as load_nga
from .data.wikiart.release import load_wikiart as load_wikiart
from .embedders.auto import AutoEmbedder as AutoEmbedder
from .models import ArtImageProcessor as ArtImageProcessor
from .models import ByolConfig as ByolConfig
from .models import ByolForPreTraining as ByolForPreTraining
from .models import ByolModel as ByolModel
from .models import CrnnConfig as CrnnConfig
from .models import CrnnForImageClassification as CrnnForImageClassification
from .models import CrnnModel as CrnnModel
from .models import load_classifier as load_classifier
from .retrieval.box import Box as Box
from .retrieval.database.index import DatabaseIndex as DatabaseIndex
from .retrieval.faces.index import FaceIndex as FaceIndex
from .retrieval.index import PaintingIndex as PaintingIndex
from .retrieval.regions.index import RegionIndex as RegionIndex
from .retrieval.snapshot import Hit as Hit

__version__: str
