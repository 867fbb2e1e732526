"""Stage 6: collections as a whole: duplicates, leaks from one split to another, what two collections share."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
