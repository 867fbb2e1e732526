"""The embedder that an index names. An index may come from a stranger, so the name is not followed to the Hub."""

import os
from typing import TYPE_CHECKING

from artextract_hf.embedders.auto import AutoEmbedder
from artextract_hf.errors import PaintingIndexError
from artextract_hf.retrieval.fingerprint import check_embedder

if TYPE_CHECKING:
    from artextract_hf.embedders.protocol import Embedder


def load_named_embedder(name: str, fingerprint: str) -> "Embedder":
    """Load an embedder by the name that an index has for it: one of this project or of timm, a directory, or a
    repository that is in the Hub's cache, since somebody here has fetched it.

    Args:
        name: of the embedder.
        fingerprint: that it has to have.

    Raises:
        PaintingIndexError: it is not on this machine, or what has this name is another one.
        ModelError: it cannot be loaded.
    """
    if not os.path.isdir(name) and not AutoEmbedder.is_at_hand(name):  # noqa: PTH112  (it raises on long names)
        raise PaintingIndexError(
            f"the index was built with {name!r}, which is not on this machine, and is not fetched because an index "
            f"says so; name it yourself: --embedder {name!r}, or embedder=AutoEmbedder.from_pretrained({name!r})."
        )
    embedder = AutoEmbedder.from_pretrained(name)
    check_embedder(embedder, name, fingerprint)
    return embedder
