"""LARS as BYOL uses it (You et al. 2017, arXiv 1708.03888; Grill et al. 2020, appendix B).

Weight decay is added to the gradient before the trust ratio is taken, the ratio scales the sum, and momentum collects
what was scaled. Vectors (biases and batch norms) take part in neither: their groups say `adapt: False`.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


class Lars(torch.optim.Optimizer):
    """Layer-wise adaptive rate scaling.

    Args:
        params: weights, or groups of them; `adapt` (True unless said) and `weight_decay` may differ by group.
        lr: learning rate.
        momentum: of the scaled updates.
        weight_decay: of groups that adapt.
        trust: the ratio of the update's norm to the weight's, eta in the paper.
    """

    def __init__(
        self, params: Any, lr: float, *, momentum: float = 0.9, weight_decay: float = 0.0, trust: float = 1e-3
    ) -> None:
        defaults = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "trust": trust, "adapt": True}
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor] | None = None) -> Tensor | None:
        """One step on all weights that have a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            weights = [weight for weight in group["params"] if weight.grad is not None]
            if not weights:
                continue
            updates = [weight.grad for weight in weights]
            if group["adapt"]:
                updates = torch._foreach_add(updates, weights, alpha=group["weight_decay"])
                ratios = _trust_ratios(weights, updates, group["trust"])
                torch._foreach_mul_(updates, ratios)
            for weight in weights:
                self.state[weight].setdefault("momentum_buffer", torch.zeros_like(weight))
            buffers = [self.state[weight]["momentum_buffer"] for weight in weights]
            torch._foreach_mul_(buffers, group["momentum"])
            torch._foreach_add_(buffers, updates)
            torch._foreach_add_(weights, buffers, alpha=-group["lr"])
        return loss


def _trust_ratios(weights: list[Tensor], updates: list[Tensor], trust: float) -> list[Tensor]:
    """trust * |weight| / |update| of each; 1 where either is zero."""
    return [
        torch.where((w > 0) & (u > 0), trust * w / u, 1.0)
        for w, u in zip(torch._foreach_norm(weights), torch._foreach_norm(updates), strict=True)
    ]
