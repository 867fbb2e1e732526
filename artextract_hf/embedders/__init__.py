"""Stage 3: pictures become unit vectors. One protocol; networks of this project, timm and CLIP, and descriptors."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
