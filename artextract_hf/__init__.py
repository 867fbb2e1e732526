"""Classify paintings and find similar ones.

>>> from artextract_hf import AutoEmbedder, PaintingIndex, load_classifier, load_collection
>>> from artextract_hf.models import ArtAttributesPipeline
>>> paintings = load_collection("my_paintings")  # a folder, a table, a Hub dataset or a IIIF address
>>> network, processor = load_classifier()
>>> classify = ArtAttributesPipeline(model=network, image_processor=processor)
>>> classify("my_paintings/meadow.png")["tasks"]["genre"][0]["label"]
'landscape'
>>> index = PaintingIndex.build(paintings, AutoEmbedder.from_pretrained())
>>> index.save_pretrained("index")
>>> [hit.id for hit in index.search("my_paintings/meadow.png", k=1)]
['my_paintings/meadow.png']

The stages of that flow are packages, each with the names that it offers: `data`, `models`, `embedders`, `evaluation`,
`retrieval`, `curation`, `hub`. A stage imports only from stages before it. Names are loaded when they are first used:
importing this package imports no torch.
"""

import os

import lazy_loader

from artextract_hf.version import __version__ as __version__

# Threads of torch (GNU OpenMP) that wait for one another turn in a loop for about a millisecond, and on a machine where
# other programs run they wait for a thread that these keep from running: `benchmarks/speed/shared_machine.py`. It is
# read when torch is loaded.
os.environ.setdefault("GOMP_SPINCOUNT", "2000")

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
