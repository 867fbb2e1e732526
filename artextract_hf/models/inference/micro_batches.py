"""On a processor torch computes a batch a few pictures at a time.

The activations of four pictures stay in its caches; those of 32 do not, and glibc fetches their memory from the
system anew for every layer (`benchmarks/speed/micro_batches.py`, on two cores). OpenVINO manages its own memory, and a
GPU takes the whole batch.
"""

from torch import Tensor, nn

from artextract_hf.models.inference.openvino_backend import OpenVinoNetwork

MICRO_BATCH = 4  # pictures


def micro_batches(network: nn.Module, pixels: Tensor) -> tuple[Tensor, ...]:
    """Pixel values (N, 3, S, S), cut into the batches in which `network` is computed fastest."""
    if len(pixels) <= MICRO_BATCH or pixels.device.type != "cpu":
        return (pixels,)
    compiled = any(isinstance(module, OpenVinoNetwork) for module in network.modules())
    return (pixels,) if compiled else pixels.split(MICRO_BATCH)
