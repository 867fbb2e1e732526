"""What an embedder is: pictures in, unit vectors out."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from artextract_hf.data.decode import ImageSource
from artextract_hf.errors import ModelError


class Embedder(Protocol):
    """Anything that turns pictures into unit vectors; an index asks no more of it."""

    dim: int
    fingerprint: str

    def embed(self, images: Sequence[ImageSource], batch_size: int = 32) -> np.ndarray:
        """(N, dim) float32, each row of length 1."""
        ...


@runtime_checkable
class DenseEmbedder(Embedder, Protocol):
    """An embedder that also gives the map its vectors are made of."""

    def maps(self, images: Sequence[ImageSource], *, side: int | None = None, batch_size: int = 8) -> np.ndarray:
        """(N, C, h, w) float32."""
        ...


def dense(embedder: Embedder) -> DenseEmbedder:
    """The embedder itself, where it gives maps.

    Raises:
        ModelError: it gives none.
    """
    if not isinstance(embedder, DenseEmbedder):
        name = getattr(embedder, "name", type(embedder).__name__)
        raise ModelError(f"{name!r} gives vectors, but no maps of where in a picture they come from; take a network.")
    return embedder
