"""Batch norms over the global batch: BYOL's are part of its method, and each process alone sees too few pictures.

torch's own SyncBatchNorm computes on GPUs only. Elsewhere the same is done here with two sums over the processes, so
that what runs on a laptop's processors is what runs on many GPUs.
"""

from types import MethodType

import torch
import torch.distributed as dist
from timm.layers import convert_sync_batchnorm
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce
from torch.nn.modules.batchnorm import _BatchNorm


def sync_norms(model: nn.Module, device: torch.device) -> nn.Module:
    """Let every batch norm that trains take its statistics from all processes."""
    if device.type == "cuda":
        return convert_sync_batchnorm(model)  # timm's: knows its norms that carry an activation
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            module.forward = MethodType(_forward, module)
    return model


def are_synced(model: nn.Module) -> bool:
    """Whether each batch norm that would use a batch's statistics uses all processes'."""
    return all(
        isinstance(module, nn.SyncBatchNorm) or getattr(module.forward, "__func__", None) is _forward
        for module in model.modules()
        if isinstance(module, _BatchNorm) and module.training
    )


def _forward(self: _BatchNorm, x: Tensor) -> Tensor:
    y = _normalise_globally(self, x) if self.training else _normalise_by_average(self, x)
    for after in ("drop", "act"):  # what timm puts behind some norms
        y = getattr(self, after, nn.Identity())(y)
    return y


def _normalise_by_average(norm: _BatchNorm, x: Tensor) -> Tensor:
    return nn.functional.batch_norm(
        x, norm.running_mean, norm.running_var, norm.weight, norm.bias, training=False, eps=norm.eps
    )


def _normalise_globally(norm: _BatchNorm, x: Tensor) -> Tensor:
    """Mean and variance over all pictures and places of all processes; gradients flow through the sums."""
    dims = [d for d in range(x.ndim) if d != 1]
    shape = [1, -1] + [1] * (x.ndim - 2)
    with torch.autocast(x.device.type, enabled=False):
        values = x.to(torch.promote_types(x.dtype, torch.float32))
        count = values.new_full((1,), values.numel() / values.shape[1])
        sums = torch.cat((values.sum(dims), values.square().sum(dims), count))
        if dist.is_initialized():
            sums = all_reduce(sums)
        mean, square = (sums[:-1] / sums[-1]).chunk(2)
        variance = square - mean.square()
        with torch.no_grad():
            norm.num_batches_tracked += 1
            norm.running_mean.lerp_(mean, norm.momentum)
            norm.running_var.lerp_(variance * sums[-1] / (sums[-1] - 1), norm.momentum)  # unbiased, as torch keeps it
        scale = norm.weight * torch.rsqrt(variance + norm.eps)
        y = values * scale.view(shape) + (norm.bias - mean * scale).view(shape)
    return y.to(x.dtype)
