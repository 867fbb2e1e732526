"""What an embedder is: pictures in, unit vectors out. Write your own from this file.

A class with three members will do; it inherits nothing and is registered nowhere. This one knows the mean colour only:

>>> import numpy as np
>>> from PIL import Image
>>> from artextract_hf.data import decode_image
>>> class MeanColor:
...     dim = 3
...     fingerprint = "mean-color-1"
...
...     def embed(self, images, batch_size=32):
...         colors = [np.asarray(decode_image(image)).mean(axis=(0, 1)) for image in images]
...         vectors = np.reshape(colors, (-1, self.dim)).astype(np.float32) + 1  # black has a direction too
...         return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
>>> MeanColor().embed([Image.new("RGB", (8, 8), "red"), Image.new("RGB", (8, 8), "white")]).round(2)
array([[1.  , 0.  , 0.  ],
       [0.58, 0.58, 0.58]], dtype=float32)

`PaintingIndex.build(paintings, MeanColor())` searches by it. `AutoEmbedder` does not know it, so an index that was
saved is read with `PaintingIndex.from_pretrained(directory, embedder=MeanColor())`.
"""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from artextract_hf.data.decode import ImageSource
from artextract_hf.errors import ModelError

SHOWN = 60  # characters of what is none


class Embedder(Protocol):
    """Anything that turns pictures into unit vectors.

    Attributes:
        dim: length of a vector.
        fingerprint: a short text that is the same as long as the same picture gives the same vector. An index keeps it,
            and refuses an embedder with another one: change it with the weights, the preprocessing and the code.

    An attribute `name` is optional: what an index and a report call the embedder, in place of the name of its class.
    """

    dim: int
    fingerprint: str

    def embed(self, images: Sequence[ImageSource], batch_size: int = 32) -> np.ndarray:
        """Embed pictures, one vector each, in their order.

        Args:
            images: PIL images, RGB arrays (H, W, 3) uint8, paths or encoded bytes; `artextract_hf.data.decode_image`
                opens any of them. There may be none.
            batch_size: pictures that are computed at a time; no vector depends on it.

        Returns:
            (N, dim) float32, each row of length 1.

        Raises:
            ImageError: a picture cannot be decoded; the message says which.
        """
        ...


@runtime_checkable
class DenseEmbedder(Embedder, Protocol):
    """An embedder that also gives the map its vectors are made of, for regions, explanations and spatial re-ranking."""

    def maps(self, images: Sequence[ImageSource], *, side: int | None = None, batch_size: int = 8) -> np.ndarray:
        """The last feature map of each picture.

        Args:
            images: as for `embed`, at least one.
            side: of the square that reaches the network, pixels; a larger one gives a finer map. Where it is given,
                nothing of a square picture is cut off; None prepares pictures as `embed` does.
            batch_size: pictures that are computed at a time.

        Returns:
            (N, C, h, w) float32.
        """
        ...


def check_protocol(embedder: object) -> None:
    """Refuse what is no embedder, such as the name of one.

    Raises:
        ModelError: it is none.
    """
    if isinstance(embedder, str):
        raise ModelError(f"{embedder!r} is a name; give the embedder, AutoEmbedder.from_pretrained({embedder!r}).")
    if isinstance(embedder, type) or not all(hasattr(embedder, name) for name in ("embed", "dim", "fingerprint")):
        raise ModelError(f"{str(embedder)[:SHOWN]} is no embedder, which has embed, dim and fingerprint.")


def dense(embedder: Embedder) -> DenseEmbedder:
    """The embedder itself, where it gives maps.

    Raises:
        ModelError: it gives none.
    """
    if not isinstance(embedder, DenseEmbedder):
        name = getattr(embedder, "name", type(embedder).__name__)
        raise ModelError(f"{name!r} gives vectors, but no maps of where in a picture they come from; take a network.")
    return embedder
