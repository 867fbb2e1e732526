"""What every training script needs in its loop: batches, mixed pictures, averaged weights, checkpoints, log.

All randomness is a function of (seed, epoch, sample) or of (seed, step), so a run that is killed and resumed from a
checkpoint does the very steps that the uninterrupted run does.
"""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from datasets import Dataset
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.utils.data import DataLoader
from tqdm import tqdm

from artextract_hf.data import TrainingView, decode_image, encoded_pictures, labels_for, picture_source
from artextract_hf.models import ArtImageProcessor
from artextract_hf.outputs import move_whole, write_whole


class TrainingViews(torch.utils.data.Dataset):
    """Training views of the paintings of a prepared split: uint8 (3, size, size) and one label a task."""

    def __init__(
        self, paintings: Dataset, tasks: Mapping[str, Sequence[str]], view: TrainingView, *, seed: int
    ) -> None:
        self.pictures = encoded_pictures(paintings.select_columns("image"))
        self.labels = {task: labels_for(paintings, task, names) for task, names in tasks.items()}
        self.view, self.seed = view, seed
        self.epoch, self.size = 0, 0

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> dict[str, Any]:
        picture = decode_image(picture_source(self.pictures[index]["image"]), min_side=2 * self.size)
        rng = np.random.default_rng((self.seed, self.epoch, index))
        pixels = torch.from_numpy(self.view(picture, self.size, rng))
        return {"pixels": pixels, **{task: labels[index] for task, labels in self.labels.items()}}


class EpochBatches:
    """The batches of one epoch for one process: a draw by (seed, epoch) only, cut into whole batches.

    Args:
        length: samples an epoch.
        batch_size: samples a batch, each process.
        seed: of the draw.
        rank: this process.
        world: all processes.
        weights: (length,) how often a sample is drawn, with replacement; None draws each once.
    """

    def __init__(
        self, length: int, batch_size: int, *, seed: int, rank: int, world: int, weights: np.ndarray | None = None
    ) -> None:
        self.length, self.batch_size, self.seed, self.rank, self.world = length, batch_size, seed, rank, world
        self.share = None if weights is None else weights / weights.sum()
        self.epoch, self.first = 0, 0

    @property
    def steps(self) -> int:
        """Steps of an epoch; the last, incomplete global batch is left out (each epoch another one)."""
        return max(self.length // (self.batch_size * self.world), 1)

    def __len__(self) -> int:
        return self.steps - self.first

    def __iter__(self) -> Iterator[list[int]]:
        rng = np.random.default_rng((self.seed, self.epoch))
        once = self.share is None
        order = rng.permutation(self.length) if once else rng.choice(self.length, self.length, p=self.share)
        # Process r takes samples r, r + world, ...: the global batch is the same for any number of processes.
        for step in range(self.first, self.steps):
            batch = order[step * self.batch_size * self.world : (step + 1) * self.batch_size * self.world]
            yield batch[self.rank :: self.world].tolist()


class Samples(Protocol):
    """What an epoch draws from; a sample may differ from epoch to epoch."""

    epoch: int

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Any: ...


def open_epoch(samples: Samples, batches: EpochBatches, *, epoch: int, step: int, workers: int, title: str) -> tqdm:
    """The batches of an epoch from `step` on, behind a progress bar.

    They are decoded in `workers` processes, which start anew each epoch, since size and epoch are read when they start.
    """
    samples.epoch = batches.epoch = epoch
    batches.first = step - epoch * batches.steps
    loader = DataLoader(samples, batch_sampler=batches, num_workers=workers, prefetch_factor=4 if workers else None)
    return tqdm(loader, desc=title, disable=None)


def balanced_weights(labels: np.ndarray) -> np.ndarray:
    """float64 (N,): one over the size of each sample's class; a sample without a label counts like the average one."""
    known = labels >= 0
    weights = np.zeros(len(labels))
    weights[known] = 1 / np.bincount(labels[known])[labels[known]]
    weights[~known] = weights[known].mean() if known.any() else 1.0
    return weights


def normalise(pixels: Tensor) -> Tensor:
    """uint8 (N, 3, S, S) as the image processor gives it, channels last."""
    mean, std = (
        torch.tensor(v, device=pixels.device)[:, None, None]
        for v in (ArtImageProcessor.image_mean, ArtImageProcessor.image_std)
    )
    pixels = pixels.contiguous(memory_format=torch.channels_last).float()
    return torch.addcmul(-mean / std, pixels, 1 / (255 * std))


def precision(wanted: str) -> str:
    """`auto` is bf16 where the processor computes in it, else float32."""
    if wanted != "auto":
        return wanted
    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported() else "fp16"
    return "bf16" if torch.cpu._is_avx512_bf16_supported() else "no"


@torch.no_grad()
def update_average(average: nn.Module, model: nn.Module, *, decay: float, step: int) -> None:
    """average <- d average + (1 - d) model, with d growing from 0.1 to `decay` so that the start is forgotten."""
    d = min(decay, (1 + step) / (10 + step))
    torch._foreach_lerp_(list(average.parameters()), list(model.parameters()), 1 - d)
    for kept, current in zip(average.buffers(), model.buffers(), strict=True):
        kept.copy_(current)


def mix(pixels: Tensor, *, mixup: float, cutmix: float, seed: Sequence[int]) -> tuple[Tensor, Tensor, float]:
    """Mixed pixels, the partner of each sample, and the share of the first one.

    Args:
        pixels: (N, 3, S, S).
        mixup: alpha of the Beta distribution of mixup (Zhang et al. 2018, eq. 1); 0 for none.
        cutmix: alpha of that of CutMix (Yun et al. 2019, algorithm 1); 0 for none. With both, a batch gets either.
        seed: of the draw.
    """
    rng = np.random.default_rng(seed)
    partner = torch.from_numpy(rng.permutation(len(pixels))).to(pixels.device)
    if cutmix and (not mixup or rng.random() < 0.5):
        side = pixels.shape[-1]
        cut = round(side * (1 - rng.beta(cutmix, cutmix)) ** 0.5)
        top, left = rng.integers(0, side - cut + 1, size=2)
        mixed = pixels.clone()
        mixed[..., top : top + cut, left : left + cut] = pixels[partner][..., top : top + cut, left : left + cut]
        return mixed, partner, 1 - (cut / side) ** 2
    share = float(rng.beta(mixup, mixup))
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
    move_whole(unfinished, folder / "checkpoint.safetensors")


def read_progress(folder: Path) -> dict[str, Any] | None:
    """Progress of the checkpoint in a folder, or None where there is none."""
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


def log_epoch(path: Path, row: Mapping[str, Any]) -> None:
    """Write the row of an epoch into a CSV log, in the place of one that a run left which was killed right after it."""
    rows: list[Mapping[str, Any]] = []
    if path.exists():
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    key = [name for name in ("phase", "epoch") if name in row]
    others = [other for other in rows if any(other.get(name) != str(row[name]) for name in key)]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(row), restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows([*others, row])
    write_whole(path, text.getvalue())
