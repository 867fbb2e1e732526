"""CLIP (Radford et al. 2021, arXiv 2103.00020) and SigLIP (Zhai et al. 2023, arXiv 2303.15343): pictures and texts
become vectors of one space, so that words find paintings.

Of SigLIP 2 (arXiv 2502.14786) the models of a fixed size are SigLIP models; those of any aspect ratio (NaFlex) take
patches in place of a square, and are not read here.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors import SafetensorError
from torch import Tensor, nn

from artextract_hf.embedders.network import NetworkEmbedder
from artextract_hf.errors import ModelError, QueryError

KINDS = ("clip", "siglip")  # `model_type` in config.json


class TextImageEmbedder(NetworkEmbedder):
    """A network for pictures and texts with its preprocessing: a `NetworkEmbedder` with `embed_text`.

    The fingerprint is made of the weights and the preprocessing of pictures, not of the tokenizer: no vector of a
    picture depends on it.

    Args:
        name: what it was loaded by.
        model: of transformers, with `get_image_features` and `get_text_features`.
        processor: its preprocessing of pictures.
        tokenizer: its preprocessing of texts.
        backend: computes the vectors of pictures; torch computes those of texts.
    """

    def __init__(self, name: str, model: Any, processor: Any, tokenizer: Any, *, backend: str = "torch") -> None:
        self._model, self._tokenizer = model, tokenizer
        tower = _ImageTower(model)
        super().__init__(
            name,
            tower,
            _preparation(processor),
            side=_side(processor),
            settings={"processor": processor.to_json_string(), "model": model.config.model_type},
            features=tower.features,
            backend=backend,
        )

    def embed_text(self, texts: Sequence[str], batch_size: int = 32) -> np.ndarray:
        """Embed texts; what exceeds the model's context is cut off.

        Returns:
            (N, dim) float32, each row of length 1; the product with a row of `embed` is the cosine.

        Raises:
            QueryError: a single text, or something else than texts.
        """
        if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
            raise QueryError("embed_text takes a list of texts.")
        starts = range(0, len(texts), batch_size)
        batches = [self._embed_texts(texts[start : start + batch_size]) for start in starts]
        return np.concatenate(batches) if batches else np.zeros((0, self.dim), dtype=np.float32)

    def _embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        longest = self._model.config.text_config.max_position_embeddings
        siglip = self._model.config.model_type == "siglip"
        # SigLIP was trained on lower case, padded to the full length and without a mask: its last token is the answer.
        # CLIP lowers by itself, and ends where the text does.
        tokens = self._tokenizer(
            [text.lower() for text in texts],
            padding="max_length" if siglip else True,
            truncation=True,
            max_length=longest,
            return_tensors="pt",
        ).to(self.device)
        inputs = {"input_ids": tokens["input_ids"]}
        if not siglip:
            inputs["attention_mask"] = tokens["attention_mask"]
        with torch.inference_mode():
            vectors = self._model.get_text_features(**inputs).pooler_output
        return nn.functional.normalize(vectors.float(), dim=1).cpu().numpy()


class _ImageTower(nn.Module):
    """The half that sees: pixel values (N, 3, S, S) to vectors (N, dim)."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixel_values: Tensor) -> Tensor:
        return self.model.get_image_features(pixel_values=pixel_values).pooler_output

    def features(self, pixel_values: Tensor) -> Tensor:
        """The last layer's patches as a map (N, C, h, w); at another side, positions are interpolated."""
        own, side = self.model.config.vision_config, pixel_values.shape[-1]
        output = self.model.vision_model(pixel_values=pixel_values, interpolate_pos_encoding=side != own.image_size)
        grid = side // own.patch_size
        patches = output.last_hidden_state[:, -grid * grid :]  # CLIP's class token stands before them
        return patches.transpose(1, 2).unflatten(2, (grid, grid))


def load_text_image_embedder(name: str, directory: str, backend: str = "torch") -> TextImageEmbedder:
    """CLIP or SigLIP from a directory as transformers saves it.

    Args:
        name: what the user called it. Where the directory has no safetensors, which some old repositories lack,
            and this is a repository of the Hub, transformers takes them from the Hub's own conversion of it.
        directory: with config.json, preprocessor_config.json, tokenizer.json and weights in safetensors.
        backend: `torch` or `openvino`.

    Raises:
        ModelError: a file is missing or damaged, or the weights are another model's.
    """
    from transformers import AutoImageProcessor, AutoModel, PreTrainedTokenizerFast
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    weights = directory if any(Path(directory).glob("*.safetensors")) else name
    try:
        model, info = AutoModel.from_pretrained(
            weights, use_safetensors=True, dtype=torch.float32, output_loading_info=True
        )
        processor = AutoImageProcessor.from_pretrained(directory, backend="pil")
        json.loads((Path(directory) / "tokenizer.json").read_text(encoding="utf-8"))  # else a nameless Exception below
        # Not AutoTokenizer: for SigLIP it requires sentencepiece, which tokenizer.json makes needless.
        tokenizer = PreTrainedTokenizerFast.from_pretrained(directory)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(f"{name!r} cannot be loaded as a model of pictures and texts: {reason}") from None
    if missing := sorted(info["missing_keys"]):
        raise ModelError(f"{name!r} does not hold all weights of {type(model).__name__}: {missing[0]} is missing.")
    return TextImageEmbedder(name, model, processor, tokenizer, backend=backend)


def _side(processor: Any) -> int:
    """Pixels of the square that reaches the network."""
    return int((processor.crop_size if processor.do_center_crop else processor.size)["height"])


def _preparation(processor: Any) -> Callable[[Image.Image, int], Tensor]:
    """The processor as a function of a picture and a side."""

    def prepare(picture: Image.Image, side: int) -> Tensor:
        options = {"size": {key: side for key, value in dict(processor.size).items() if value}}
        if processor.do_center_crop:
            options["crop_size"] = {"height": side, "width": side}
        return processor(images=[picture], return_tensors="pt", **options)["pixel_values"][0]

    return prepare
