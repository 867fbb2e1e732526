"""Which weights learn, how fast, and how the rate moves: parameter groups, optimisers, schedules.

A schedule is a pure function of the step, so a resumed run needs no state of it. Each group keeps its own peak rate in
`peak_lr`; the schedule's factor multiplies it.
"""

import difflib
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from timm.optim import create_optimizer_v2, list_optimizers, param_groups_layer_decay
from torch import nn

from artextract_hf.errors import DataError

Factor = Callable[[int], float]


def warmup_cosine(step: int, *, steps: int, warmup: int, final: float) -> float:
    """Factor of the peak rate: a line up to 1 over `warmup` steps, then half a cosine down to `final`."""
    if step < warmup:
        return (step + 1) / warmup
    progress = (step - warmup) / max(steps - warmup, 1)
    return final + (1 - final) * (1 + math.cos(math.pi * min(progress, 1.0))) / 2


def cosine_annealing(step: int, *, period: int) -> float:
    """torch's CosineAnnealingLR with T_max = `period` steps and a floor of 0 (system 003's artist and style)."""
    return (1 + math.cos(math.pi * step / period)) / 2


def exponential(step: int, *, rate: float) -> float:
    """`rate` off at every step (system 003's genre: 2 %)."""
    return (1 - rate) ** step


def make_schedule(name: str, *, steps: int, warmup: int, final: float, period: int, rate: float) -> Factor:
    """The factor of the peak learning rate as a function of the step.

    Args:
        name: `cosine` (with warm-up), `cosine_annealing` (no warm-up, of its own `period`), `exponential`, `constant`.
        steps: steps of the phase.
        warmup: steps of the linear warm-up of `cosine`.
        final: factor at the end of `cosine`.
        period: steps of half a wave of `cosine_annealing`.
        rate: share that `exponential` takes off at every step.
    """
    schedules: dict[str, Factor] = {
        "cosine": lambda step: warmup_cosine(step, steps=steps, warmup=warmup, final=final),
        "cosine_annealing": lambda step: cosine_annealing(step, period=period),
        "exponential": lambda step: exponential(step, rate=rate),
        "constant": lambda step: 1.0,
    }
    return schedules[name]


SCHEDULES = ("cosine", "cosine_annealing", "exponential", "constant")


def set_rate(optimizer: torch.optim.Optimizer, factor: float) -> None:
    """Let every group of an optimiser learn at this factor of its peak rate."""
    for group in optimizer.param_groups:
        group["lr"] = group["peak_lr"] * factor


def freeze_first(backbone: nn.Module, layers: int) -> None:
    """Freeze the first `layers` modules that have weights of their own, in the order of the network."""
    own = [module for module in backbone.modules() if any(True for _ in module.parameters(recurse=False))]
    if layers >= len(own):
        raise DataError(f"frozen_layers is {layers}, but the backbone has {len(own)} layers with weights.")
    for module in own[:layers]:
        for weight in module.parameters(recurse=False):
            weight.requires_grad_(False)


def check_optimizer(name: str) -> None:
    """Refuse the name of no optimiser.

    Raises:
        DataError: timm has none of this name.
    """
    if name not in list_optimizers():
        near = difflib.get_close_matches(name, list_optimizers(), n=1)
        raise DataError(
            f"there is no optimiser {name!r}; " + (f"did you mean {near[0]!r}?" if near else "try 'adamw'.")
        )


@dataclass(frozen=True)
class Rates:
    """How fast what learns: the peak learning rates, and the decay of weights."""

    backbone: float  # of the backbone's last layer
    rest: float  # of all that is not the backbone
    weight_decay: float  # of matrices; vectors (norms, biases) do not decay
    layer_decay: float  # each layer below the backbone's last learns at this factor of the one above; 1 for all alike


def make_optimizer(name: str, backbone: nn.Module, whole: nn.Module, rates: Rates) -> torch.optim.Optimizer:
    """An optimiser of timm over everything that learns.

    Args:
        name: `adamw`, `adam`, `sgd`, or any other of timm.
        backbone: the network below; it is left out where none of its weights learns.
        whole: the whole model; what belongs to the backbone is not counted twice.
        rates: peak rates and decay.
    """
    groups = [
        {
            "params": group["params"],
            "peak_lr": rates.backbone * group["lr_scale"],
            "weight_decay": group["weight_decay"],
        }
        for group in param_groups_layer_decay(backbone, rates.weight_decay, layer_decay=rates.layer_decay)
        if any(weight.requires_grad for weight in backbone.parameters())
    ]
    below = {id(weight) for weight in backbone.parameters()}
    above = [weight for weight in whole.parameters() if weight.requires_grad and id(weight) not in below]
    for is_matrix, decay in ((True, rates.weight_decay), (False, 0.0)):
        chosen = [weight for weight in above if (weight.ndim > 1) == is_matrix]
        groups += [{"params": chosen, "peak_lr": rates.rest, "weight_decay": decay}] if chosen else []
    for group in groups:
        group["lr"] = group["peak_lr"]
    foreach = True if name in ("adamw", "adam", "sgd") else None
    return create_optimizer_v2(groups, opt=name, lr=rates.rest, foreach=foreach)
