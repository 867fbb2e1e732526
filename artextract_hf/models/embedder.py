"""Pictures become unit vectors: one small protocol, and the networks that speak it."""

import difflib
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
import timm
import torch
from PIL import Image
from torch import Tensor, nn

from artextract_hf.data.decode import ImageSource, decode_image
from artextract_hf.errors import ImageError, ModelError
from artextract_hf.models.backbones import feature_map
from artextract_hf.models.descriptors import DESCRIPTORS, Descriptor
from artextract_hf.models.modeling_crnn import CrnnModel
from artextract_hf.models.names import resolve
from artextract_hf.models.openvino_backend import check_backend, on_backend
from artextract_hf.models.pieces import in_pieces


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
        backend: what computes the vectors, `torch` or `openvino`; it changes neither them nor the fingerprint.
    """

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
        if side is not None and side < 1:
            raise ModelError(f"maps are made of pictures with a side of at least 1 pixel; got {side}.")
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
            vectors = torch.cat([self._vectors(piece) for piece in in_pieces(self._network, moved)])
        return nn.functional.normalize(vectors.float(), dim=1).cpu().numpy()

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


class AutoEmbedder:
    """Finds the embedder for a name."""

    @staticmethod
    def from_pretrained(name: str | Path = "default", backend: str = "torch") -> NetworkEmbedder | Descriptor:
        """Load an embedder.

        Args:
            name: `default`, a name of this project, `composition`, `palette` or `lighting` (formulas, no networks), any
                network of timm, or a directory or Hub repository that holds a classifier or BYOL encoder of this
                package, CLIP, SigLIP or a network of timm.
            backend: `torch`, or `openvino`, made for processors.

        Raises:
            ModelError: no such model or backend, or its weights cannot be fetched.
            ArtExtractError: OpenVINO is wanted and not installed.
        """
        from artextract_hf.models.timm_embedder import load_timm

        check_backend(backend)
        name = str(name)
        if name in DESCRIPTORS:
            return DESCRIPTORS[name]()
        if timm.is_model(name):
            return load_timm(name, backend)
        try:
            return _from_directory(name, resolve(name), backend)
        except ModelError as error:
            near = difflib.get_close_matches(name, timm.list_models(), n=3)
            hint = f" A timm model of a similar name: {', '.join(near)}." if near else ""
            raise ModelError(f"{error}{hint}") from None


def _from_directory(name: str, directory: str, backend: str) -> NetworkEmbedder:
    """The embedder that a directory's config.json speaks of; each kind in its own module."""
    from artextract_hf.models.clip_embedder import KINDS, load_text_image_embedder
    from artextract_hf.models.timm_embedder import load_timm_directory

    try:
        config = json.loads((Path(directory) / "config.json").read_text(encoding="utf-8"))
        kind = config.get("model_type")
    except (OSError, ValueError, AttributeError) as error:
        raise ModelError(f"{name!r} cannot be read: {str(error).splitlines()[0]}") from None
    if kind in KINDS:
        return load_text_image_embedder(name, directory, backend)
    if "architecture" in config:
        return load_timm_directory(name, directory, config, backend)
    return _own_embedder(name, directory, kind, backend)


def _own_embedder(name: str, directory: str, kind: str, backend: str) -> NetworkEmbedder:
    """A model of this package: the trunk of a classifier, or what BYOL has learnt."""
    from artextract_hf.models import ArtImageProcessor, ByolModel, load_classifier

    if kind == "byol":
        network: nn.Module = ByolModel.from_pretrained(directory)
        processor = ArtImageProcessor.from_pretrained(directory)
    elif kind == "crnn":
        classifier, processor = load_classifier(directory)
        network = classifier.crnn
    else:
        known = "crnn and byol of this package, clip, siglip (of SigLIP 2 all but NaFlex), and networks of timm"
        raise ModelError(f"{name!r} is a model of the kind {kind!r}, which is no embedder here; known are {known}.")
    return processed_embedder(name, network, processor, backend)


def processed_embedder(name: str, network: Any, processor: Any, backend: str = "torch") -> NetworkEmbedder:
    """A network of this package with its image processor."""
    settings = {"processor": processor.to_json_string(), "model": network.config.backbone}

    def prepare(picture: Image.Image, side: int) -> Tensor:
        size = {"height": side, "width": side}
        return processor(images=[picture], size=size, return_tensors="pt")["pixel_values"][0]

    def features(pixels: Tensor) -> Tensor:
        return network.features(pixels) if isinstance(network, CrnnModel) else network(pixels).last_hidden_state

    side = processor.size["height"]
    return NetworkEmbedder(name, network, prepare, side=side, settings=settings, features=features, backend=backend)


def _fingerprint(network: nn.Module, settings: dict[str, Any]) -> str:
    """16 hexadecimal digits that change with any weight or setting of the preprocessing."""
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode())
    for key, value in sorted(network.state_dict().items()):
        digest.update(key.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
