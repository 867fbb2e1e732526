"""Stage 1: pictures and labels, from any source, become records of one schema."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
