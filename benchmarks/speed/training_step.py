"""What frozen, folded batch norms gain in a training step on a CPU.

    python -m benchmarks.speed.training_step > benchmarks/results/training_step.json

One step is the forward and backward pass of timm's MobileNetV2 at 160 px, batch 64, channels_last. The peer is the
plain timm network in float32. Variants take turns, so that a noisy machine disturbs all alike; the figure is the
median.
"""

import json
import statistics
import time
from collections.abc import Callable

import timm
import torch

from training.frozen_norm import fold_frozen_norms

SIDE, BATCH, ROUNDS = 160, 64, 5


def stepper(*, folded: bool, dtype: torch.dtype) -> Callable[[], None]:
    """A function that does one step."""
    network = timm.create_model("mobilenetv2_100", num_classes=0).to(memory_format=torch.channels_last)
    if folded:
        fold_frozen_norms(network)
    network.train()
    pixels = torch.randn(BATCH, 3, SIDE, SIDE).contiguous(memory_format=torch.channels_last)

    def step() -> None:
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
            loss = network.forward_features(pixels).float().mean()
        loss.backward()

    return step


def main() -> None:
    """Measure and print."""
    steps = {
        f"{'folded' if folded else 'plain'} {str(dtype).removeprefix('torch.')}": stepper(folded=folded, dtype=dtype)
        for folded in (False, True)
        for dtype in (torch.float32, torch.bfloat16)
    }
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for round_ in range(ROUNDS + 1):
        for name, step in steps.items():
            start = time.perf_counter()
            step()
            if round_:  # the first round warms up
                seconds[name].append(time.perf_counter() - start)
    median = {name: statistics.median(values) for name, values in seconds.items()}
    report = {
        name: {"images_per_second": round(BATCH / s, 1), "times_plain_float32": round(median["plain float32"] / s, 2)}
        for name, s in median.items()
    }
    settings = {"torch": torch.__version__, "timm": timm.__version__, "threads": torch.get_num_threads()}
    print(json.dumps({"side": SIDE, "batch": BATCH, **settings, "steps": report}, indent=2))


if __name__ == "__main__":
    main()
