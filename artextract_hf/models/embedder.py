"""Pictures become unit vectors: one small protocol, and the networks that speak it."""

import difflib
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import timm
import torch
from PIL import Image
from torch import Tensor, nn

from artextract_hf.data.decode import ImageSource, decode_image
from artextract_hf.errors import ImageError, ModelError
from artextract_hf.models.names import resolve
from artextract_hf.models.openvino_backend import check_backend, on_backend


class Embedder(Protocol):
    """Anything that turns pictures into unit vectors; an index asks no more of it."""

    dim: int
    fingerprint: str

    def embed(self, images: Sequence[ImageSource], batch_size: int = 32) -> np.ndarray:
        """(N, dim) float32, each row of length 1."""
        ...


class NetworkEmbedder:
    """A network with its preprocessing.

    Args:
        name: what it was loaded by; an index keeps it, to find the embedder again.
        network: maps pixel values (N, 3, S, S) to vectors (N, dim).
        prepare: maps an RGB picture to pixel values (3, S, S).
        side: S, pixels.
        settings: what the preprocessing depends on, for the fingerprint.
        backend: what computes the network, `torch` or `openvino`; it changes neither vectors nor fingerprint.
    """

    def __init__(
        self,
        name: str,
        network: nn.Module,
        prepare: Callable[[Image.Image], Tensor],
        *,
        side: int,
        settings: dict[str, Any],
        backend: str = "torch",
    ) -> None:
        self.name, self.side = name, side
        self._network = on_backend(network.eval().to(memory_format=torch.channels_last), backend, side)
        self._prepare = prepare
        with torch.inference_mode():
            self.dim = int(self._vectors(torch.zeros(1, 3, side, side)).shape[1])
        self.fingerprint = _fingerprint(network, settings)

    def embed(self, images: Sequence[ImageSource], batch_size: int = 32) -> np.ndarray:
        """Embed pictures given in any form.

        Returns:
            (N, dim) float32, each row of length 1.

        Raises:
            ImageError: a picture cannot be decoded; the message says which.
        """
        if isinstance(images, str | Path | bytes | Image.Image):
            raise ImageError("embed takes a list of pictures, not a single one.")
        batches = [self._embed_batch(batch) for batch in self._prepared(list(images), batch_size)]
        return np.concatenate(batches) if batches else np.zeros((0, self.dim), dtype=np.float32)

    def _prepared(self, images: list[ImageSource], batch_size: int) -> Iterator[Tensor]:
        """Batches of pixel values; the next batch is decoded while the network works on this one."""
        with ThreadPoolExecutor() as pool:
            starts = range(0, len(images), batch_size)
            ahead = [pool.submit(self._pixels, i, images[i]) for i in range(min(batch_size, len(images)))]
            for start in starts:
                current = ahead
                following = range(start + batch_size, min(start + 2 * batch_size, len(images)))
                ahead = [pool.submit(self._pixels, i, images[i]) for i in following]
                yield torch.stack([job.result() for job in current])

    def _pixels(self, position: int, image: ImageSource) -> Tensor:
        try:
            picture = decode_image(image, min_side=2 * self.side)
        except ImageError as error:
            raise ImageError(f"picture {position}: {error}") from None
        return self._prepare(picture)

    def _embed_batch(self, pixels: Tensor) -> np.ndarray:
        with torch.inference_mode():
            vectors = self._vectors(pixels.contiguous(memory_format=torch.channels_last))
        return nn.functional.normalize(vectors.float(), dim=1).numpy()

    def _vectors(self, pixels: Tensor) -> Tensor:
        output = self._network(pixels)
        return output if isinstance(output, Tensor) else output.pooler_output


class AutoEmbedder:
    """Finds the embedder for a name."""

    @staticmethod
    def from_pretrained(name: str = "default", backend: str = "torch") -> NetworkEmbedder:
        """Load an embedder.

        Args:
            name: `default`, a name of this project, a directory with a classifier or a BYOL encoder of this package,
                or any timm model.
            backend: `torch`, or `openvino`, made for processors.

        Raises:
            ModelError: no such model or backend, or its weights cannot be fetched.
            ArtExtractError: OpenVINO is wanted and not installed.
        """
        check_backend(backend)
        if timm.is_model(name):
            return _timm_embedder(name, backend)
        try:
            return _own_embedder(name, resolve(name), backend)
        except ModelError as error:
            near = difflib.get_close_matches(name, timm.list_models(), n=3)
            hint = f" A timm model of a similar name: {', '.join(near)}." if near else ""
            raise ModelError(f"{error}{hint}") from None


def _own_embedder(name: str, directory: str, backend: str) -> NetworkEmbedder:
    """A model of this package: the trunk of a classifier, or what BYOL has learnt."""
    from artextract_hf.models import ArtImageProcessor, ByolModel, load_classifier

    try:
        kind = json.loads((Path(directory) / "config.json").read_text(encoding="utf-8")).get("model_type")
    except (OSError, ValueError) as error:
        raise ModelError(f"{name!r} cannot be read: {str(error).splitlines()[0]}") from None
    if kind == "byol":
        network: nn.Module = ByolModel.from_pretrained(directory)
        processor = ArtImageProcessor.from_pretrained(directory)
    else:
        classifier, processor = load_classifier(directory)
        network = classifier.crnn
    return processed_embedder(name, network, processor, backend)


def processed_embedder(name: str, network: Any, processor: Any, backend: str = "torch") -> NetworkEmbedder:
    """A network of this package with its image processor."""
    settings = {"processor": processor.to_json_string(), "model": network.config.backbone}

    def prepare(picture: Image.Image) -> Tensor:
        return processor(images=[picture], return_tensors="pt")["pixel_values"][0]

    side = processor.size["height"]
    return NetworkEmbedder(name, network, prepare, side=side, settings=settings, backend=backend)


def _timm_embedder(name: str, backend: str) -> NetworkEmbedder:
    """A timm network without its classifier, with timm's own preprocessing for it."""
    from artextract_hf.models.backbones import load_imagenet

    network = timm.create_model(name, num_classes=0)
    load_imagenet(network, name)
    config = timm.data.resolve_model_data_config(network)
    transform = timm.data.create_transform(**config, is_training=False)
    side, settings = config["input_size"][1], {"transform": str(config)}
    return NetworkEmbedder(name, network, transform, side=side, settings=settings, backend=backend)


def _fingerprint(network: nn.Module, settings: dict[str, Any]) -> str:
    """16 hexadecimal digits that change with any weight or setting of the preprocessing."""
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode())
    for key, value in sorted(network.state_dict().items()):
        digest.update(key.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
