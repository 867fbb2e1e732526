"""A feature map becomes a sequence for the recurrent network, and attention over the sequence becomes a map again.

Orders, for a map of h rows and w columns:
- `row_major`: like reading a page, T = h * w steps of C numbers;
- `boustrophedon`: every second row runs backwards, so that neighbours in the sequence are neighbours in the painting;
- `channels`: one step a channel, T = C steps of h * w numbers (system 000's other reading); it has no map;
- `rows_and_columns`: read twice, row by row and column by column, each by a recurrent network of its own. What they
  say of the same place is put side by side (`by_columns` turns one reading into the other), in row-major order.
"""

import torch
from torch import Tensor

ORDERS = ("row_major", "boustrophedon", "channels", "rows_and_columns")


def to_sequence(feature_map: Tensor, order: str) -> Tensor:
    """(N, C, h, w) to (N, T, D): D = C over space, D = h * w over channels."""
    if order == "channels":
        return feature_map.flatten(2)
    return _turn_odd_rows(feature_map, order).flatten(2).transpose(1, 2)


def to_map(weights: Tensor, height: int, width: int, order: str) -> Tensor:
    """Weights (N, heads, T) of a sequence back to their places, (N, heads, h, w); channels stay (N, heads, C)."""
    if order == "channels":
        return weights
    return _turn_odd_rows(weights.unflatten(2, (height, width)), order)


def by_columns(sequence: Tensor, height: int, width: int) -> Tensor:
    """A row-major sequence (N, h * w, D) in column-major order; with width and height exchanged, the way back."""
    return sequence.unflatten(1, (height, width)).transpose(1, 2).flatten(1, 2)


def _turn_odd_rows(grid: Tensor, order: str) -> Tensor:
    """Reverse every second row of (..., h, w) for `boustrophedon`; its own inverse."""
    if order != "boustrophedon":
        return grid
    odd = torch.arange(grid.shape[-2], device=grid.device) % 2 == 1
    return torch.where(odd[:, None], grid.flip(-1), grid)
