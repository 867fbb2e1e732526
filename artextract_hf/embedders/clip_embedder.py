"""CLIP (Radford et al. 2021, arXiv 2103.00020) and SigLIP (Zhai et al. 2023, arXiv 2303.15343): pictures and texts
become vectors of one space, so that words find paintings.

Of SigLIP 2 (arXiv 2502.14786) the models of a fixed size are SigLIP models; those of any aspect ratio (NaFlex) take
patches in place of a square, and are not read here.
"""

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from artextract_hf.documents import read_document
from artextract_hf.embedders.network import NetworkEmbedder, finite_units
from artextract_hf.errors import ModelError, QueryError, first_line, whole_number
from artextract_hf.models.image_processing_art import MOST_SIDE
from artextract_hf.models.names import check_documents
from artextract_hf.models.strict_loading import refuse_larger
from artextract_hf.weights import check_weights

MOST_LAYERS = 256
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
        starts = range(0, len(texts), whole_number(batch_size, "batch_size", least=1, error=ModelError))
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
        return finite_units(vectors, self.name)


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
    from transformers import AutoModel, PreTrainedTokenizerFast
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    stored = sorted(Path(directory).glob("*.safetensors"))
    weights = directory if stored else name
    check_documents(Path(directory))
    for path in stored:
        check_weights(path)
    try:
        config = _read_config(directory, stored, name)
        model, info = AutoModel.from_pretrained(
            weights, config=config, use_safetensors=True, dtype=torch.float32, output_loading_info=True
        )
        processor = _read_processor(directory)
        json.loads((Path(directory) / "tokenizer.json").read_text(encoding="utf-8"))  # else a nameless Exception below
        _check_tokenizer(Path(directory))
        # Not AutoTokenizer: for SigLIP it requires sentencepiece, which tokenizer.json makes needless.
        tokenizer = PreTrainedTokenizerFast.from_pretrained(directory)
        _check_sides(model, processor)
    except Exception as error:  # noqa: BLE001  (whatever a file makes transformers stumble over)
        raise ModelError(f"{name!r} cannot be loaded as a model of pictures and texts: {first_line(error)}") from None
    if missing := sorted(info["missing_keys"]):
        raise ModelError(f"{name!r} does not hold all weights of {type(model).__name__}: {missing[0]} is missing.")
    return TextImageEmbedder(name, model, processor, tokenizer, backend=backend)


def _read_config(directory: str, stored: Sequence[Path], name: str) -> Any:
    """The configuration, unless it takes memory or time without bound.

    Raises:
        ModelError: more layers than any such model has, or far more weights than the files hold.
    """
    from transformers import AutoConfig, AutoModel

    config = AutoConfig.from_pretrained(directory)
    if not all(1 <= part.num_hidden_layers <= MOST_LAYERS for part in (config.text_config, config.vision_config)):
        raise ModelError(f"{name!r} has more than {MOST_LAYERS} layers, or none.")
    if stored:
        with torch.device("meta"):
            refuse_larger(AutoModel.from_config(config), stored, name)
    return config


def _read_processor(directory: str) -> Any:
    """The preprocessing of pictures, by CLIP's or SigLIP's class only: others of transformers ask for further files.

    Raises:
        ValueError: it names another class.
    """
    from transformers import CLIPImageProcessorPil, ImageProcessingMixin, SiglipImageProcessorPil

    kinds = {"clip": CLIPImageProcessorPil, "siglip": SiglipImageProcessorPil}
    document, _ = ImageProcessingMixin.get_image_processor_dict(directory)
    stated = str(document.get("image_processor_type") or document.get("feature_extractor_type"))
    kind = re.sub(r"(ImageProcessor|FeatureExtractor)(Fast|Pil)?$", "", stated).lower()
    if kind not in kinds:
        raise ValueError(f"its preprocessing is {stated[:60]!r}; CLIPImageProcessor and SiglipImageProcessor are read.")
    return kinds[kind].from_pretrained(directory)


def _check_tokenizer(directory: Path) -> None:
    """Refuse settings by which transformers would read another file than tokenizer.json.

    Raises:
        ModelError: a setting names one.
    """
    path = directory / "tokenizer_config.json"
    settings = read_document(path, ModelError) if path.exists() else {}
    if reaching := sorted({"fast_tokenizer_files", "gguf_file"} & settings.keys()):
        raise ModelError(f"{path.name} has {reaching[0]!r}; texts are read by tokenizer.json only.")


def _check_sides(model: Any, processor: Any) -> None:
    """Refuse settings that take memory without bound.

    Raises:
        ValueError: a side of the pictures, or a length of texts, that no such model has.
    """
    sides, longest = (_side(processor), model.config.vision_config.image_size), 2**16
    if not all(type(side) is int and 1 <= side <= MOST_SIDE for side in sides):
        raise ValueError(f"its pictures have sides of {sides} pixels; they may have {MOST_SIDE}.")
    if not 1 <= model.config.text_config.max_position_embeddings <= longest:
        raise ValueError(f"its texts are too long; they may have {longest} tokens.")


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
