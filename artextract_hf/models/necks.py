"""Convolutions between the backbone's map and the sequence (system 000); none changes the shape of the map.

A neck is a list of these blocks by name, in order: `["conv", "conv"]` is system 000's stack, `["multi_path"]` its
multi-path block.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class ConvBlock(nn.Sequential):
    """A 3x3 convolution, batch norm, dropout and ReLU, in this order: (N, C, h, w) to (N, C, h, w)."""

    def __init__(self, channels: int, *, dropout: float) -> None:
        super().__init__(
            nn.Conv2d(channels, channels, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.Dropout(dropout),
            nn.ReLU(),
        )


class MultiPath(nn.Module):
    """Convolutions of 1x1, 3x3 and 5x5 side by side, each with norm and activation, a third of the channels each.

    (N, C, h, w) to (N, C, h, w); where C is no multiple of three, the smallest kernel gives what is left.
    """

    def __init__(self, channels: int, *, dropout: float) -> None:
        super().__init__()
        third = channels // 3
        widths = {1: channels - 2 * third, 3: third, 5: third}
        self.paths = nn.ModuleList(
            nn.Conv2d(channels, width, kernel_size=side, padding=side // 2, bias=False)
            for side, width in widths.items()
        )
        self.rest = nn.Sequential(nn.BatchNorm2d(channels), nn.Dropout(dropout), nn.ReLU())

    def forward(self, features: Tensor) -> Tensor:
        """The three paths' outputs, concatenated."""
        return self.rest(torch.cat([path(features) for path in self.paths], dim=1))


NECKS = {"conv": ConvBlock, "multi_path": MultiPath}


def make_neck(names: Sequence[str], channels: int, *, dropout: float) -> nn.Sequential:
    """The blocks called `names`, one after the other; none at all leave the map as it is."""
    return nn.Sequential(*(NECKS[name](channels, dropout=dropout) for name in names))
