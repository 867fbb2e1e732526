"""A network with its preprocessing, as an embedder."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from artextract_hf.data.decode import ImageSource, decode_image
from artextract_hf.errors import ImageError, ModelError, whole_number
from artextract_hf.models.backbones import feature_map
from artextract_hf.models.inference.micro_batches import micro_batches
from artextract_hf.models.inference.openvino_backend import on_backend


class NetworkEmbedder:
    """A network with its preprocessing.

    Args:
        name: what it was loaded by; an index keeps it, to find the embedder again.
        network: maps pixel values (N, 3, S, S) to vectors (N, dim).
        prepare: maps an RGB picture and S to pixel values (3, S, S).
        side: S, pixels.
        settings: what the preprocessing depends on, for the fingerprint.
        features: maps pixel values to the last feature map (N, C, h, w); a network of timm needs none.
        prepare_whole: as `prepare`, but cuts nothing off a square picture; needed where `prepare` does.
        backend: computes the vectors, `torch` or `openvino`; it changes neither them nor the fingerprint.
    """

    decodes_many = True  # it decodes pictures itself, many at a time and few in memory

    def __init__(
        self,
        name: str,
        network: nn.Module,
        prepare: Callable[[Image.Image, int], Tensor],
        *,
        side: int,
        settings: dict[str, Any],
        features: Callable[[Tensor], Tensor] | None = None,
        prepare_whole: Callable[[Image.Image, int], Tensor] | None = None,
        backend: str = "torch",
    ) -> None:
        self.name, self.side, self.device = name, side, torch.device("cpu")
        self._network = on_backend(network.eval().to(memory_format=torch.channels_last), backend, side)
        self._prepare, self._prepare_whole = prepare, prepare_whole or prepare
        self._features = features or partial(feature_map, network)
        with torch.inference_mode():
            self.dim = int(self._vectors(torch.zeros(1, 3, side, side)).shape[1])
        self.fingerprint = _fingerprint(network, settings)

    def to(self, device: str | torch.device) -> Self:
        """Compute on another device from now on; with the backend `torch` only."""
        self._network.to(device)
        self.device = torch.device(device)
        return self

    def embed(self, images: Sequence[ImageSource], batch_size: int = 32) -> np.ndarray:
        """Embed pictures given in any form.

        Returns:
            (N, dim) float32, each row of length 1.

        Raises:
            ImageError: a picture cannot be decoded; the message says which.
        """
        batches = [self._embed_batch(batch) for batch in self._prepared(images, batch_size, self.side, self._prepare)]
        return np.concatenate(batches) if batches else np.zeros((0, self.dim), dtype=np.float32)

    def maps(self, images: Sequence[ImageSource], *, side: int | None = None, batch_size: int = 8) -> np.ndarray:
        """The network's last feature map before pooling; torch computes it.

        Args:
            images: pictures in any form, one at least.
            side: pixels. Where given, nothing of a square picture is cut off; without it, pictures are prepared as for
                `embed`, of which many networks see the middle only.
            batch_size: pictures computed at a time.

        Returns:
            (N, C, h, w) float32, not normalised.

        Raises:
            ImageError: a picture cannot be decoded, or there is none.
            ModelError: the network takes no pictures of this side, or has no map.
        """
        if side is not None:
            side = whole_number(side, "side", least=1, error=ModelError)
        prepare = self._prepare if side is None else self._prepare_whole
        batches = [self._map_batch(batch) for batch in self._prepared(images, batch_size, side or self.side, prepare)]
        if not batches:
            raise ImageError("maps needs a picture at least; got none.")
        return np.concatenate(batches)

    def _prepared(
        self,
        images: Sequence[ImageSource],
        batch_size: int,
        side: int,
        prepare: Callable[[Image.Image, int], Tensor],
    ) -> Iterator[Tensor]:
        """Batches of pixel values; the next batch is decoded while the network works on this one."""
        if isinstance(images, str | Path | bytes | Image.Image):
            raise ImageError("embed takes a list of pictures, not a single one.")
        batch_size = whole_number(batch_size, "batch_size", least=1, error=ModelError)
        images = list(images)

        def pixels(position: int) -> Tensor:
            try:
                picture = decode_image(images[position], min_side=2 * side)
            except ImageError as error:
                raise ImageError(f"picture {position}: {error}") from None
            return prepare(picture, side)

        with ThreadPoolExecutor() as pool:
            starts = range(0, len(images), batch_size)
            ahead = [pool.submit(pixels, i) for i in range(min(batch_size, len(images)))]
            for start in starts:
                current = ahead
                following = range(start + batch_size, min(start + 2 * batch_size, len(images)))
                ahead = [pool.submit(pixels, i) for i in following]
                yield torch.stack([job.result() for job in current])

    def _embed_batch(self, pixels: Tensor) -> np.ndarray:
        moved = self._moved(pixels)
        with torch.inference_mode():
            vectors = torch.cat([self._vectors(part) for part in micro_batches(self._network, moved)])
        return finite_units(vectors, self.name)

    def _map_batch(self, pixels: Tensor) -> np.ndarray:
        try:
            with torch.inference_mode():
                found = self._features(self._moved(pixels))
        except (AssertionError, RuntimeError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise ModelError(f"{self.name!r} has no map for a side of {pixels.shape[-1]} pixels: {reason}") from None
        return found.float().contiguous().cpu().numpy()

    def _moved(self, pixels: Tensor) -> Tensor:
        return pixels.to(self.device).contiguous(memory_format=torch.channels_last)

    def _vectors(self, pixels: Tensor) -> Tensor:
        output = self._network(pixels)
        return output if isinstance(output, Tensor) else output.pooler_output


def finite_units(vectors: Tensor, name: str) -> np.ndarray:
    """Vectors (N, dim) float32 at length 1.

    Raises:
        ModelError: they are no numbers; `name` is the embedder's.
    """
    if not vectors.isfinite().all():
        raise ModelError(f"the embedder {name!r} gives vectors that are no numbers: its weights are damaged.")
    return nn.functional.normalize(vectors.float(), dim=1).cpu().numpy()


def _fingerprint(network: nn.Module, settings: dict[str, Any]) -> str:
    """16 hexadecimal digits that change with any weight or setting of the preprocessing."""
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode())
    for key, value in sorted(network.state_dict().items()):
        digest.update(key.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
