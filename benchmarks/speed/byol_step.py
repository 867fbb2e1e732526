"""A step of BYOL against lightly's reference implementation: its speed, and that both learn the same.

    pip install --no-deps lightly lightly-utils
    python -m benchmarks.speed.byol_step --data data/wikiart > benchmarks/results/byol_step.json

A step is forward, backward, SGD and the target's moving average, on ResNet18 with heads of 1024 and 256. The peer is
the loop of lightly's example for PyTorch, in float32 as it stands there, and under bfloat16 beside it. Both start from
the same weights and see the same views; the ways take turns and the figure is the median.
"""

import argparse
import copy
import json
import statistics
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import numpy as np
import timm
import torch
from lightly.loss import NegativeCosineSimilarity
from lightly.models.modules.heads import BYOLPredictionHead, BYOLProjectionHead
from lightly.models.utils import deactivate_requires_grad, update_momentum
from torch import Tensor, nn

from artextract_hf import ByolConfig
from artextract_hf.data.prepared import load_prepared, take_split
from artextract_hf.data.views.byol_view import byol_views
from artextract_hf.models import ByolForPreTraining
from training.loop import normalise

SIDES, BATCH, ROUNDS = (96, 224), 32, 5
CURVE_STEPS, CURVE_SIDE = 40, 96
MOMENTUM, RATE = 0.99, 0.06  # RATE as in lightly's example, whose loss is a quarter of the paper's
Step = Callable[[Tensor, Tensor], float]  # two views -> the paper's loss


class Peer(nn.Module):
    """The networks of lightly's example, with timm's ResNet18."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = timm.create_model("resnet18", num_classes=0)
        self.projection_head = BYOLProjectionHead(512, 1024, 256)
        self.prediction_head = BYOLPredictionHead(256, 1024, 256)
        self.backbone_momentum = copy.deepcopy(self.backbone)
        self.projection_head_momentum = copy.deepcopy(self.projection_head)
        deactivate_requires_grad(self.backbone_momentum)
        deactivate_requires_grad(self.projection_head_momentum)

    def online(self, x: Tensor) -> Tensor:
        """The prediction."""
        return self.prediction_head(self.projection_head(self.backbone(x)))

    def target(self, x: Tensor) -> Tensor:
        """The target's projection."""
        return self.projection_head_momentum(self.backbone_momentum(x)).detach()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="prepared, with the split train")
    args = parser.parse_args()
    speed = {side: compare(args.data, side) for side in SIDES}
    curve = curves(args.data)
    settings = {"batch": BATCH, "threads": torch.get_num_threads()}
    versions = {name: version(name) for name in ("torch", "timm", "lightly")}
    print(json.dumps({**settings, **versions, "seconds_a_step": speed, "loss_in_float32": curve}, indent=2))


def compare(data: Path, side: int) -> dict[str, float]:
    """Median seconds of a step in each way, and how many times faster ours is than lightly's example."""
    pair = next(views(data, side))
    steps = {
        f"{name}, {dtype}": make(dtype == "bfloat16")
        for dtype in ("float32", "bfloat16")
        for name, make in (("lightly", theirs), ("ours", ours))
    }
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for round_ in range(ROUNDS + 1):
        for name, step in steps.items():
            start = time.perf_counter()
            step(*pair)
            if round_:  # the first round warms up
                seconds[name].append(time.perf_counter() - start)
    median = {name: statistics.median(values) for name, values in seconds.items()}
    ratio = median["lightly, float32"] / median["ours, bfloat16"]
    return {name: round(s, 3) for name, s in median.items()} | {"times_lightly": round(ratio, 2)}


def curves(data: Path) -> dict[str, object]:
    """The losses of both over the same steps, and their largest difference."""
    found: dict[str, list[float]] = {"lightly": [], "ours": []}
    steps = {"lightly": theirs(mixed=False), "ours": ours(mixed=False)}
    for pair, _ in zip(views(data, CURVE_SIDE), range(CURVE_STEPS), strict=False):
        for name, step in steps.items():
            found[name].append(step(*pair))
    largest = max(abs(a - b) for a, b in zip(found["lightly"], found["ours"], strict=True))
    return {name: [round(v, 4) for v in values] for name, values in found.items()} | {"largest_difference": largest}


def views(data: Path, side: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches of two views of paintings, without end."""
    first, second = byol_views()
    paintings, rng = take_split(load_prepared(data), "train"), np.random.default_rng(0)
    while True:
        rows = rng.choice(len(paintings), BATCH, replace=False)
        pixels = [np.asarray(picture) for picture in paintings.select(rows)["image"]]
        pair = (np.stack([view(p, side, rng) for p in pixels]) for view in (first, second))
        yield tuple(normalise(torch.from_numpy(batch).permute(0, 3, 1, 2)) for batch in pair)


def ours(mixed: bool) -> Step:
    """Our step, channels last."""
    model = started().to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.SGD([w for w in model.parameters() if w.requires_grad], lr=RATE / 4, momentum=0.9)

    def step(first: Tensor, second: Tensor) -> float:
        first, second = (v.contiguous(memory_format=torch.channels_last) for v in (first, second))
        with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
            loss = model(first, second).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        model.update_target(MOMENTUM)
        return loss.item()

    return step


def theirs(mixed: bool) -> Step:
    """The step of lightly's example."""
    model = Peer().train()
    adopt(model, started())
    criterion = NegativeCosineSimilarity()
    optimizer = torch.optim.SGD([w for w in model.parameters() if w.requires_grad], lr=RATE, momentum=0.9)

    def step(first: Tensor, second: Tensor) -> float:
        update_momentum(model.backbone, model.backbone_momentum, m=MOMENTUM)
        update_momentum(model.projection_head, model.projection_head_momentum, m=MOMENTUM)
        with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
            p0, z0 = model.online(first), model.target(first)
            p1, z1 = model.online(second), model.target(second)
            loss = 0.5 * (criterion(p0, z1) + criterion(p1, z0))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return 4 + 4 * loss.item()

    return step


def started() -> ByolForPreTraining:
    """Our networks at random, always the same."""
    torch.manual_seed(0)
    config = ByolConfig(backbone="resnet18", image_size=96, projector_hidden_size=1024, projection_size=256)
    return ByolForPreTraining(config)


def adopt(peer: Peer, model: ByolForPreTraining) -> None:
    """Give the peer our weights. Its output biases, which the paper has not, stay at 0."""
    peer.backbone.load_state_dict(model.byol.backbone.state_dict(), strict=False)
    heads = ((peer.projection_head, model.projector), (peer.prediction_head, model.predictor))
    for theirs_, ours_ in heads:
        linear = [[m for m in head.modules() if isinstance(m, nn.Linear)] for head in (theirs_, ours_)]
        for mine, given in zip(*linear, strict=True):
            mine.weight.data.copy_(given.weight)
        nn.init.zeros_(linear[0][-1].bias).requires_grad_(False)
    peer.backbone_momentum.load_state_dict(peer.backbone.state_dict())
    peer.projection_head_momentum.load_state_dict(peer.projection_head.state_dict())
    deactivate_requires_grad(peer.projection_head_momentum)


if __name__ == "__main__":
    main()
