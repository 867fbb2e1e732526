"""On a processor torch computes a batch a few pictures at a time.

The activations of four pictures stay in its caches; those of 32 do not, and glibc fetches their memory from the
system anew for every layer (`benchmarks/speed/pieces.py`, on two cores). OpenVINO keeps its own memory, and a GPU takes the
whole batch.
"""

from torch import Tensor, nn

from artextract_hf.models.inference.openvino_backend import OpenVinoNetwork

PIECE = 4  # pictures


def in_pieces(network: nn.Module, pixels: Tensor) -> tuple[Tensor, ...]:
    """Pixel values (N, 3, S, S) as `network` best computes them at a time."""
    if len(pixels) <= PIECE or pixels.device.type != "cpu":
        return (pixels,)
    compiled = any(isinstance(module, OpenVinoNetwork) for module in network.modules())
    return (pixels,) if compiled else pixels.split(PIECE)
