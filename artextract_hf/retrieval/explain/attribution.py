"""Why a classifier gives its classes: how much of each comes from each place of the painting.

    painting --features--> last maps ---.
                                        |--- in STEPS steps, the gradient of log p(class) at each ---> heat
    its blur --features--> last maps ---'

Integrated gradients (Sundararajan et al. 2017, eq. 3) on the last feature maps of all the classifier's networks: the
gradients on the way from the blurred painting to the painting, times what changes at a place, are what the place
contributes. The heat sums to what log p(class) gains by the painting's details, up to the width of the steps.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from artextract_hf.data.decode import ImageSource, decode_image
from artextract_hf.errors import ModelError
from artextract_hf.models import CrnnForImageClassification
from artextract_hf.retrieval.explain.explanation import blur

STEPS = 8  # the sum then differs from the gain by about 1 %, 5 % at most in 18 trials


@dataclass(frozen=True)
class Attribution:
    """Where a class comes from.

    Attributes:
        label: the class.
        score: its probability.
        heat: (h, w) float32 over the whole picture, what each place adds to the logarithm of the probability; below 0
            where it speaks for other classes.
        gain: what the logarithm of the probability gains from the blurred picture to the picture.
    """

    label: str
    score: float
    heat: np.ndarray
    gain: float


@dataclass(frozen=True)
class ClassExplanation:
    """Where a classifier's answers come from.

    Attributes:
        picture: RGB, as it was classified.
        classes: by task, a class and where it comes from.
        attention: (h, w) float32, where the recurrent network took its summary from; it sums to 1. None without
            attention.
    """

    picture: Image.Image
    classes: dict[str, Attribution]
    attention: np.ndarray | None

    def as_json(self) -> dict[str, Any]:
        """All but the picture, as JSON."""
        tasks = {
            task: {"label": found.label, "score": found.score, "gain": found.gain, "heat": found.heat.round(5).tolist()}
            for task, found in self.classes.items()
        }
        return {"tasks": tasks, "attention": None if self.attention is None else self.attention.round(5).tolist()}


def explain_classes(
    model: CrnnForImageClassification,
    processor: Any,
    picture: ImageSource,
    classes: Mapping[str, str] | None = None,
) -> ClassExplanation:
    """Tell where in a picture a classifier's answers come from.

    Args:
        model: a classifier, as `load_classifier` gives it, on the backend `torch`.
        processor: its image processor.
        picture: in any form.
        classes: by task, the class to explain; of the other tasks it is the most probable.

    Raises:
        ImageError: it is no picture.
        ModelError: the classifier has no such task or class.
    """
    wanted = _positions(model, classes or {})
    decoded = decode_image(picture, min_side=2 * model.config.image_size)  # as the pipeline does
    pixels = processor(images=[decoded, Image.fromarray(blur(decoded))], return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        maps = [network.crnn.features(pixels.to(model.device, model.dtype)) for network in _networks(model)]
        attentions = model.crnn.read(maps[0][:1]).attentions
    found = {task: _attribute(model, maps, task, wanted.get(task)) for task in model.config.tasks}
    attention = None if attentions is None else attentions[0].float().mean(dim=0).cpu().numpy()
    return ClassExplanation(decoded, found, attention)


def _positions(model: CrnnForImageClassification, classes: Mapping[str, str]) -> dict[str, int]:
    """The position of each class among those of its task.

    Raises:
        ModelError: the classifier has no such task or class.
    """
    tasks = model.config.tasks
    for task, label in classes.items():
        if task not in tasks:
            raise ModelError(f"the classifier has no task {task!r}; it has {', '.join(tasks)}.")
        if label not in tasks[task]:
            raise ModelError(f"the classifier knows no {task} {label!r}; it knows {', '.join(tasks[task])}.")
    return {task: tasks[task].index(label) for task, label in classes.items()}


def _attribute(model: CrnnForImageClassification, maps: list[Tensor], task: str, wanted: int | None) -> Attribution:
    """Explain one class, the most probable by default, from the maps (2, C, h, w) of the picture and of its blur."""
    with torch.no_grad():
        log_p, blurred = _log_probabilities(model, maps, task)
    wanted = int(log_p.argmax()) if wanted is None else wanted
    return Attribution(
        label=model.config.tasks[task][wanted],
        score=float(log_p[wanted].exp()),
        heat=_integrate(model, maps, task, wanted).cpu().numpy(),
        gain=float(log_p[wanted] - blurred[wanted]),
    )


def _integrate(model: CrnnForImageClassification, maps: list[Tensor], task: str, wanted: int) -> Tensor:
    """(h, w): the path integral of the gradient, by the midpoint rule, on the grid of the first network's map."""
    steps = (torch.arange(STEPS, device=maps[0].device) + 0.5)[:, None, None, None] / STEPS
    ends = [each.float() for each in maps]
    ways = [(blurred + steps * (whole - blurred)).requires_grad_() for whole, blurred in ends]
    gradients = torch.autograd.grad(_log_probabilities(model, ways, task)[:, wanted].sum(), ways)
    heats = [
        ((whole - blurred) * gradient.mean(dim=0)).sum(dim=0)
        for (whole, blurred), gradient in zip(ends, gradients, strict=True)
    ]
    return torch.stack([_on_grid(heat, heats[0].shape) for heat in heats]).sum(dim=0)


def _on_grid(heat: Tensor, grid: torch.Size) -> Tensor:
    """A heat on a grid of another size, with about the same sum."""
    if heat.shape == grid:
        return heat
    resized = interpolate(heat[None, None], size=grid, mode="bilinear", antialias=True)[0, 0]
    return resized * (heat.numel() / resized.numel())


def _log_probabilities(model: CrnnForImageClassification, maps: list[Tensor], task: str) -> Tensor:
    """(N, classes) from the maps of each network, as `forward` has them from pixels."""
    outputs = [network.classify(network.crnn.read(map_)) for network, map_ in zip(_networks(model), maps, strict=True)]
    logits = torch.stack([output["task_logits"][task].float() for output in outputs]).mean(dim=0)
    return (logits / model.config.temperature.get(task, 1.0)).log_softmax(dim=1)


def _networks(model: CrnnForImageClassification) -> list[CrnnForImageClassification]:
    return [model, *model.companions]
