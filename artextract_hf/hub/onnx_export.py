"""A model as one ONNX file, checked against itself: any number of paintings a call, for runtimes without torch.

The file's metadata say what goes in and what comes out: `image_size`, `image_mean`, `image_std`, `tasks` (class names
by task) and `model_type`; where a classifier has prediction sets, `set_thresholds` and `set_level` as in its
configuration; where it tells what is no painting or of no class, `usual_distances`, with which the outputs
`distance_...` are compared. Inputs are squeezed to a square by bicubic interpolation, divided by 255 and normalised.
"""

import json
import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from artextract_hf.documents import read_document
from artextract_hf.errors import ArtExtractError, ModelError, first_line
from artextract_hf.extras import require
from artextract_hf.models import ArtImageProcessor, ByolModel, load_classifier
from artextract_hf.models.names import resolve
from artextract_hf.outputs import refuse_foreign_file, write_whole

TOLERANCE = 1e-4  # of the largest difference from torch
INPUT, EMBEDDING, ATTENTION = "pixel_values", "embeddings", "attentions"
CHECKED_BATCHES = (1, 3)
PRODUCER = "artextract"  # stands at the start of the file


class _Classifier(nn.Module):
    """Logits of every task, the embedding, the attention and the distances, as a flat tuple."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixel_values: Tensor) -> tuple[Tensor, ...]:
        output = self.model(pixel_values)
        last = () if output.attentions is None else (output.attentions,)
        distances = (output.distances or {}).values()
        return (*output.task_logits.values(), output.embeddings, *last, *distances)


class _Encoder(nn.Module):
    """Only the representation."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixel_values: Tensor) -> tuple[Tensor]:
        return (self.model(pixel_values).pooler_output,)


def export_onnx(model: str, path: str | Path) -> dict[str, Any]:
    """Write a classifier or an embedder as ONNX.

    Args:
        model: `default`, a directory, or a Hub name.
        path: file to write.

    Returns:
        `file`, `bytes`, `inputs`, `outputs`, and `difference`: the largest from torch, over batches of 1 and 3.

    Raises:
        ModelError: no model of this package, or one that ONNX cannot express.
        ArtExtractError: the extra packages are missing, the file answers otherwise than the model, or a file of this
            name was not written so.
    """
    onnx, onnxruntime = require("onnx", extra="onnx"), require("onnxruntime", extra="onnx")
    require("onnxscript", extra="onnx")  # of torch's exporter
    path = Path(path)
    refuse_foreign_file(path, PRODUCER.encode())
    network, names, processor, about = _load(model)
    side = processor.size["height"]
    try:
        proto = _convert(network, names, side)
    except (RuntimeError, torch.onnx.errors.OnnxExporterError) as error:
        raise ModelError(f"{model!r} cannot be exported: {first_line(error)}") from None
    about |= {"image_size": side, "image_mean": list(processor.image_mean), "image_std": list(processor.image_std)}
    proto.producer_name = PRODUCER
    onnx.helper.set_model_props(proto, {key: json.dumps(value) for key, value in about.items()})
    exported = proto.SerializeToString()
    session = onnxruntime.InferenceSession(exported, providers=["CPUExecutionProvider"])
    difference = largest_difference(network, session, side)
    if not difference <= TOLERANCE:
        raise ArtExtractError(f"{model!r} answers otherwise as ONNX: by up to {difference:.2e}.")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, exported)
    return {
        "file": str(path),
        "bytes": path.stat().st_size,
        "inputs": [INPUT],
        "outputs": names,
        "difference": difference,
    }


def _convert(network: nn.Module, names: list[str], side: int) -> Any:
    """A network with these outputs as ONNX, for batches of any size of pictures (3, side, side)."""
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own, about torch's own
        program = torch.onnx.export(
            network,
            (torch.zeros(2, 3, side, side),),
            input_names=[INPUT],
            output_names=names,
            dynamic_shapes={INPUT: {0: torch.export.Dim("batch")}},
            verbose=False,
        )
    return program.model_proto


def largest_difference(network: nn.Module, session: Any, side: int) -> float:
    """Of all outputs, on random paintings, in batches of several sizes."""
    generator = torch.Generator().manual_seed(0)
    worst = 0.0
    for batch in CHECKED_BATCHES:
        pixels = torch.randn(batch, 3, side, side, generator=generator)
        with torch.inference_mode():
            expected = network(pixels)
        found = session.run(None, {INPUT: pixels.numpy()})
        worst = max(worst, *(float(np.abs(a.numpy() - b).max()) for a, b in zip(expected, found, strict=True)))
    return worst


def _load(model: str) -> tuple[nn.Module, list[str], ArtImageProcessor, dict[str, Any]]:
    """The network to export, the names of its outputs, its preprocessing and its metadata."""
    directory = Path(resolve(model))
    kind = read_document(directory / "config.json", ModelError).get("model_type")
    if kind == "byol":
        encoder = ByolModel.from_pretrained(str(directory)).eval()
        processor = ArtImageProcessor.from_pretrained(directory)
        return _Encoder(encoder), [EMBEDDING], processor, {"model_type": kind}
    classifier, processor = load_classifier(str(directory))
    config = classifier.config
    names = [*config.tasks, EMBEDDING] + ([ATTENTION] if config.attention != "none" else [])
    about = {"model_type": "crnn", "tasks": config.tasks}
    if config.set_thresholds:
        about |= {"set_thresholds": config.set_thresholds, "set_level": config.set_level}
    if usual := config.usual_distances:
        about |= {"usual_distances": usual}
    return _Classifier(classifier.eval()), names + [f"distance_{name}" for name in usual], processor, about
