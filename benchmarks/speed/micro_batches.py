"""How many pictures a processor should compute at a time: milliseconds a picture, of a batch cut into smaller ones.

    python -m benchmarks.speed.micro_batches > benchmarks/results/micro_batches.json

Networks of timm with random weights in float32, channels last, on a batch of 32 at 224 px. Sizes take turns, so that a
noisy machine disturbs all alike; the figure is the median of the rounds.
"""

import json
import statistics
import time

import timm
import torch

NETWORKS = ("mobilenetv2_100", "tf_efficientnet_lite2", "resnet50", "convnext_tiny", "vit_small_patch16_224")
BATCH, SIDE, ROUNDS, SIZES = 32, 224, 3, (1, 2, 4, 8, 16, 32)


def main() -> None:
    """Measure and print."""
    found = {name: measure(name) for name in NETWORKS}
    settings = {"batch": BATCH, "side": SIDE, "torch": torch.__version__, "threads": torch.get_num_threads()}
    print(json.dumps({**settings, "ms_a_picture_by_micro_batch": found}, indent=2))


@torch.inference_mode()
def measure(name: str) -> dict[int, float]:
    """Milliseconds a picture by the size of a micro-batch."""
    network = timm.create_model(name, num_classes=0).eval().to(memory_format=torch.channels_last)
    pixels = torch.randn(BATCH, 3, SIDE, SIDE).contiguous(memory_format=torch.channels_last)
    seconds: dict[int, list[float]] = {size: [] for size in SIZES}
    for round_ in range(ROUNDS + 1):
        for size in SIZES:
            start = time.perf_counter()
            for part in pixels.split(size):
                network(part)
            if round_:  # the first round warms up
                seconds[size].append(time.perf_counter() - start)
    return {size: round(1000 * statistics.median(times) / BATCH, 1) for size, times in seconds.items()}


if __name__ == "__main__":
    main()
