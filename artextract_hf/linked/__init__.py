"""Stage 7: what a collection knows goes into the forms that other programs open: IIIF, linked data, FiftyOne.

index --licences--> works that may leave --pictures--> files --manifests, annotations, JSON-LD--> folder
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
