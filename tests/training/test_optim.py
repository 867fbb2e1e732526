"""Schedules against their formulas and torch's own; which weights learn, and at what rate."""

import math

import pytest
import timm
import torch
from torch import nn

from artextract_hf.errors import DataError
from training.optim import (
    SCHEDULES,
    Rates,
    check_optimizer,
    cosine_annealing,
    exponential,
    freeze_first,
    make_optimizer,
    make_schedule,
    set_rate,
    warmup_cosine,
)


class Tiny(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = timm.create_model("mobilenetv2_035", num_classes=0)
        self.head = nn.Linear(1280, 3)


def optimizer(name="adamw", model=None, layer_decay=1.0):
    model = model or Tiny()
    rates = Rates(backbone=1e-3, rest=1e-2, weight_decay=0.1, layer_decay=layer_decay)
    return make_optimizer(name, model.backbone, model, rates)


def test_warmup_cosine_by_hand():
    factors = [warmup_cosine(s, steps=12, warmup=2, final=0.1) for s in range(13)]
    assert factors[:3] == [0.5, 1.0, 1.0]
    assert factors[7] == pytest.approx(0.1 + 0.9 * (1 + math.cos(math.pi / 2)) / 2)
    assert factors[12] == pytest.approx(0.1)


def test_system_003_s_schedules_are_torch_s():
    weight = nn.Parameter(torch.zeros(1))
    for ours, theirs in (
        (lambda s: cosine_annealing(s, period=2000), lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 2000)),
        (lambda s: exponential(s, rate=0.02), lambda o: torch.optim.lr_scheduler.ExponentialLR(o, 0.98)),
    ):
        reference = torch.optim.SGD([weight], lr=1.0)
        scheduler = theirs(reference)
        for step in range(300):
            assert ours(step) == pytest.approx(reference.param_groups[0]["lr"], abs=1e-9)
            reference.step()
            scheduler.step()


def test_every_schedule_can_be_made():
    for name in SCHEDULES:
        factor = make_schedule(name, steps=10, warmup=1, final=0.0, period=10, rate=0.1)
        assert 0 <= factor(5) <= 1


def test_every_group_keeps_its_own_peak_rate():
    moved = optimizer()
    for factor in (0.5, 0.25):
        set_rate(moved, factor)
        assert {group["lr"] for group in moved.param_groups} == {factor * 1e-3, factor * 1e-2}


def test_every_weight_learns_once_and_vectors_do_not_decay():
    model = Tiny()
    groups = optimizer(model=model).param_groups
    seen = [id(weight) for group in groups for weight in group["params"]]
    assert sorted(seen) == sorted(id(weight) for weight in model.parameters())
    assert all((weight.ndim > 1) == (group["weight_decay"] > 0) for group in groups for weight in group["params"])
    assert {group["peak_lr"] for group in groups} == {1e-3, 1e-2}


def test_layer_decay_slows_every_layer_below_the_last():
    model = Tiny()
    rate = {id(w): g["peak_lr"] for g in optimizer(model=model, layer_decay=0.5).param_groups for w in g["params"]}
    stem, last = rate[id(model.backbone.conv_stem.weight)], rate[id(model.backbone.conv_head.weight)]
    blocks = [rate[id(next(block.parameters()))] for stage in model.backbone.blocks for block in stage]
    assert last == 1e-3 and rate[id(model.head.weight)] == 1e-2
    assert blocks == sorted(blocks) and blocks[1] == pytest.approx(2 * blocks[0]) and stem <= blocks[0]


def test_the_first_layers_stand_still():
    model = Tiny()
    freeze_first(model.backbone, 5)
    still = [name for name, weight in model.backbone.named_parameters() if not weight.requires_grad]
    assert still[0] == "conv_stem.weight" and len({name.rsplit(".", 1)[0] for name in still}) == 5
    learning = {id(weight) for group in optimizer(model=model).param_groups for weight in group["params"]}
    assert not learning & {id(weight) for weight in model.backbone.parameters() if not weight.requires_grad}
    with pytest.raises(DataError, match="layers with weights"):
        freeze_first(model.backbone, 1000)


def test_a_frozen_backbone_is_left_out():
    model = Tiny()
    model.backbone.requires_grad_(False)
    (groups) = optimizer(model=model).param_groups
    assert {id(w) for g in groups for w in g["params"]} == {id(w) for w in model.head.parameters()}


def test_any_optimiser_of_timm_by_its_name():
    assert type(optimizer("lion")).__name__ == "Lion"
    with pytest.raises(DataError, match="no optimiser 'adamm'"):
        check_optimizer("adamm")
