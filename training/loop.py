"""What every training script needs around its loop: batches, schedule, averaged weights, checkpoints, log.

All randomness is a function of (seed, epoch, sample) or of (seed, step), so a run that is killed and resumed from a
checkpoint does the very steps that the uninterrupted run does.
"""

import csv
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset, Image
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.utils.data import DataLoader

from artextract_hf.data.decode import decode_image
from artextract_hf.data.schema import labels_for
from artextract_hf.data.transforms import TrainingView


class TrainingViews(torch.utils.data.Dataset):
    """Training views of the paintings of a prepared split: uint8 (3, size, size) and one label a task."""

    def __init__(
        self, paintings: Dataset, tasks: Mapping[str, Sequence[str]], view: TrainingView, *, seed: int
    ) -> None:
        self.pictures = paintings.select_columns("image").cast_column("image", Image(decode=False))
        self.labels = {task: labels_for(paintings, task, names) for task, names in tasks.items()}
        self.view, self.seed = view, seed
        self.epoch, self.size = 0, 0

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> dict[str, Any]:
        picture = decode_image(self.pictures[index]["image"]["bytes"], min_side=2 * self.size)
        rng = np.random.default_rng((self.seed, self.epoch, index))
        pixels = torch.from_numpy(self.view(picture, self.size, rng))
        return {"pixels": pixels, **{task: labels[index] for task, labels in self.labels.items()}}


class EpochBatches:
    """The batches of one epoch for one process: a shuffle by (seed, epoch) only, cut into whole batches."""

    def __init__(self, length: int, batch_size: int, *, seed: int, rank: int, world: int) -> None:
        self.length, self.batch_size, self.seed, self.rank, self.world = length, batch_size, seed, rank, world
        self.epoch, self.first = 0, 0

    @property
    def steps(self) -> int:
        """Steps of an epoch; the last, incomplete global batch is left out (each epoch another one)."""
        return max(self.length // (self.batch_size * self.world), 1)

    def __len__(self) -> int:
        return self.steps - self.first

    def __iter__(self) -> Iterator[list[int]]:
        order = np.random.default_rng((self.seed, self.epoch)).permutation(self.length)
        # Process r takes samples r, r + world, ...: the global batch is the same for any number of processes.
        for step in range(self.first, self.steps):
            batch = order[step * self.batch_size * self.world : (step + 1) * self.batch_size * self.world]
            yield batch[self.rank :: self.world].tolist()


def training_loader(views: TrainingViews, batches: EpochBatches, *, workers: int) -> DataLoader:
    """A loader that decodes in `workers` processes, made anew each epoch (size and epoch are read when it starts)."""
    return DataLoader(views, batch_sampler=batches, num_workers=workers, prefetch_factor=4 if workers else None)


def warmup_cosine(step: int, *, steps: int, warmup: int, final: float) -> float:
    """Factor of the peak learning rate: a line from 0 to 1 over `warmup` steps, then half a cosine down to `final`."""
    if step < warmup:
        return (step + 1) / warmup
    progress = (step - warmup) / max(steps - warmup, 1)
    return final + (1 - final) * (1 + math.cos(math.pi * min(progress, 1.0))) / 2


@torch.no_grad()
def update_average(average: nn.Module, model: nn.Module, *, decay: float, step: int) -> None:
    """average <- d average + (1 - d) model, with d growing from 0.1 to `decay` so that the start is forgotten."""
    d = min(decay, (1 + step) / (10 + step))
    torch._foreach_lerp_(list(average.parameters()), list(model.parameters()), 1 - d)
    for kept, current in zip(average.buffers(), model.buffers(), strict=True):
        kept.copy_(current)


def mix(pixels: Tensor, *, alpha: float, seed: Sequence[int]) -> tuple[Tensor, Tensor, float]:
    """Mixup (Zhang et al. 2018, eq. 1): mixed pixels, the partner of each sample, and the share of the first one."""
    rng = np.random.default_rng(seed)
    share = float(rng.beta(alpha, alpha))
    partner = torch.from_numpy(rng.permutation(len(pixels))).to(pixels.device)
    return share * pixels + (1 - share) * pixels[partner], partner, share


def save_checkpoint(
    folder: Path, modules: dict[str, nn.Module], optimizer: torch.optim.Optimizer, progress: dict[str, Any]
) -> None:
    """Write weights, optimiser state and progress as safetensors and JSON (never a pickle), all or nothing."""
    tensors = {f"{name}.{key}": v for name, module in modules.items() for key, v in module.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{key}": value for key, value in state.items()}
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / "checkpoint.safetensors.new"
    metadata = {"progress": json.dumps(progress)}
    save_file({k: v.contiguous().clone() for k, v in tensors.items()}, unfinished, metadata=metadata)
    unfinished.replace(folder / "checkpoint.safetensors")


def read_progress(folder: Path) -> dict[str, Any] | None:
    """Progress of the checkpoint in a folder, or None where there is none."""
    from safetensors import safe_open

    path = folder / "checkpoint.safetensors"
    if not path.is_file():
        return None
    with safe_open(path, framework="pt") as file:
        return json.loads(file.metadata()["progress"])


def load_modules(folder: Path, modules: dict[str, nn.Module]) -> None:
    """Read the weights of a checkpoint."""
    tensors = load_file(folder / "checkpoint.safetensors")
    for name, module in modules.items():
        prefix = f"{name}."
        module.load_state_dict({k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)})


def load_optimizer(folder: Path, optimizer: torch.optim.Optimizer) -> None:
    """Read the optimiser state of a checkpoint; its groups come from the configuration."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in load_file(folder / "checkpoint.safetensors").items():
        if key.startswith("optimizer."):
            _, index, name = key.split(".", 2)
            state.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def append_csv(path: Path, row: dict[str, Any]) -> None:
    """Append a row to a log, with its header where the file is new."""
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(row))
        if new:
            writer.writeheader()
        writer.writerow(row)
