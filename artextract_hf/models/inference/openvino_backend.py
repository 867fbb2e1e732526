"""Networks computed by OpenVINO, made for processors, with the same answers as torch.

A network is traced once and compiled for this processor, in float32 as torch has it.
"""

import warnings
from typing import Any

import torch
from torch import Tensor, nn
from transformers.utils import ModelOutput

from artextract_hf.errors import ModelError
from artextract_hf.extras import require

BACKENDS = ("torch", "openvino")
TRACED_BATCH = 2  # of the example; any number of paintings is taken afterwards


def on_backend(network: nn.Module, backend: str, side: int) -> nn.Module:
    """The network itself for `torch`, compiled for `openvino`; arguments are those of `OpenVinoNetwork`.

    Raises:
        ModelError: another backend.
        ArtExtractError: OpenVINO is not installed.
    """
    check_backend(backend)
    return OpenVinoNetwork(network.eval(), side) if backend == "openvino" else network


def check_backend(backend: str) -> None:
    """Refuse an unknown backend.

    Raises:
        ModelError: it is neither `torch` nor `openvino`.
    """
    if backend not in BACKENDS:
        raise ModelError(f"there is no backend {backend!r}; give {' or '.join(BACKENDS)}.")


class OpenVinoNetwork(nn.Module):
    """A compiled network, from (N, 3, S, S) to a tensor or a ModelOutput of tensors. It cannot be trained.

    Args:
        network: on the processor, in evaluation mode.
        side: S, pixels.

    Raises:
        ArtExtractError: OpenVINO is not installed.
    """

    def __init__(self, network: nn.Module, side: int) -> None:
        super().__init__()
        openvino = require("openvino", extra="openvino")
        example = torch.zeros(TRACED_BATCH, 3, side, side)
        with warnings.catch_warnings(), torch.inference_mode():
            warnings.simplefilter("ignore")  # the tracer's, of branches on shapes that do not change here
            output = network(example)
            self._kind = type(output)
            self._fields = list(output.keys()) if isinstance(output, ModelOutput) else []
            graph = openvino.convert_model(_Flat(network), example_input=example, input=[-1, 3, side, side])
        settings = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
        self._compiled = openvino.Core().compile_model(graph, "CPU", settings)

    def forward(self, pixel_values: Tensor) -> Any:
        """What the network gives for (N, 3, S, S)."""
        found = self._compiled(pixel_values.float().contiguous().numpy())
        tensors = [torch.from_numpy(found[port]) for port in self._compiled.outputs]
        return self._kind(**dict(zip(self._fields, tensors, strict=True))) if self._fields else tensors[0]

    def train(self, mode: bool = True) -> "OpenVinoNetwork":
        """Evaluation mode only.

        Raises:
            ModelError: training mode is asked for.
        """
        if mode:
            raise ModelError("a network compiled by OpenVINO cannot be trained; load the model with backend='torch'.")
        return super().train(False)

    def _save_to_state_dict(self, *args: Any) -> None:
        raise ModelError(
            "a network compiled by OpenVINO keeps no weights to save; load the model with backend='torch'."
        )


class _Flat(nn.Module):
    """The network's tensors as a plain tuple."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixel_values: Tensor) -> Tensor | tuple[Tensor, ...]:
        output = self.network(pixel_values)
        return output.to_tuple() if isinstance(output, ModelOutput) else output
