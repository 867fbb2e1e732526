import copy
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import timm
import torch
from timm.layers import BatchNormAct2d
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from training.frozen_norm import fold_frozen_norms
from training.synced_norm import are_synced, sync_norms

ROOT = Path(__file__).parent.parent.parent
CPU = torch.device("cpu")


def network() -> nn.Sequential:
    """Norms of torch's and timm's kind, over maps and over vectors, in float64."""
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 6, 3), BatchNormAct2d(6)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(24, 5), nn.BatchNorm1d(5)).double()


def batch() -> torch.Tensor:
    return torch.randn(8, 3, 12, 12, generator=torch.Generator().manual_seed(1)).double()


def loss_of(outputs: torch.Tensor, first: int) -> torch.Tensor:
    """A sum over samples that tells them apart."""
    weights = torch.arange(first + 1, first + 1 + len(outputs)).double()
    return (outputs.tanh() * weights[:, None]).sum()


@pytest.fixture(scope="module")
def two_processes(tmp_path_factory) -> list[dict]:
    """What each of two processes holds after a step on its half of the batch."""
    folder = tmp_path_factory.mktemp("synced")
    (folder / "half.py").write_text(
        textwrap.dedent(
            f"""
            import sys
            import torch, torch.distributed as dist
            sys.path.insert(0, {str(ROOT)!r})
            from tests.training.test_synced_norm import batch, loss_of, network
            from training.synced_norm import sync_norms
            dist.init_process_group("gloo")
            rank = dist.get_rank()
            model = sync_norms(network(), torch.device("cpu")).train()
            half = batch()[4 * rank : 4 * rank + 4]
            outputs = model(half)
            loss_of(outputs, 4 * rank).backward()
            gradients = {{n: p.grad.clone() for n, p in model.named_parameters()}}
            for gradient in gradients.values():
                dist.all_reduce(gradient)
            state = {{"outputs": outputs.detach(), **gradients, **dict(model.named_buffers())}}
            torch.save(state, sys.argv[1] + f"/{{rank}}.pt")
            """
        )
    )
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "--rdzv_backend", "c10d"]
    command += ["--rdzv_endpoint", "localhost:0", str(folder / "half.py"), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-3000:]
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in (0, 1)]


def test_two_processes_normalise_as_torch_does_the_whole_batch(two_processes):
    model = network().train()
    outputs = model(batch())
    loss_of(outputs, 0).backward()
    halves = torch.cat([state["outputs"] for state in two_processes])
    assert torch.allclose(halves, outputs, atol=1e-10)
    for name, weight in model.named_parameters():
        assert torch.allclose(two_processes[0][name], weight.grad, atol=1e-9), name
    for name, buffer in model.named_buffers():
        assert all(torch.allclose(state[name].double(), buffer.double(), atol=1e-10) for state in two_processes), name


def test_alone_it_is_the_norm_itself():
    plain, synced = network(), sync_norms(network(), CPU)
    assert torch.allclose(synced.train()(batch()), plain.train()(batch()), atol=1e-10)
    assert torch.allclose(synced.eval()(batch()), plain.eval()(batch()), atol=1e-10)


def test_are_synced():
    assert not are_synced(network().train())
    assert are_synced(sync_norms(network(), CPU).train())
    assert are_synced(network().eval())  # frozen statistics need no others
    assert are_synced(nn.Sequential(nn.SyncBatchNorm(3)).train())


def test_norms_frozen_after_they_were_synced_stay_frozen_and_give_the_same():
    torch.manual_seed(0)
    plain = timm.create_model("mobilenetv2_035", num_classes=0).eval()
    for norm in (module for module in plain.modules() if isinstance(module, _BatchNorm)):
        norm.running_mean.uniform_(-0.2, 0.2)
        norm.running_var.uniform_(0.5, 2.0)
    frozen = sync_norms(copy.deepcopy(plain), CPU)
    assert fold_frozen_norms(frozen) > 0
    pixels = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        expected, found = plain.forward_features(pixels), frozen.train().forward_features(pixels)
    assert torch.allclose(expected, found, rtol=1e-3, atol=1e-3 * expected.abs().max().item())
    assert not any(module.training for module in frozen.modules() if isinstance(module, _BatchNorm))
