"""What both training scripts do in the same way before, between and after their epochs: start, data, figures."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import KwargsHandler, set_seed
from datasets import Dataset, DatasetDict, concatenate_datasets

from artextract_hf.data import take_split, usable_cores
from artextract_hf.errors import ArtExtractError
from artextract_hf.outputs import output_lock, refuse_foreign_files, write_whole
from training.checks.earlier_run import (
    CONFIG,
    as_document,
    refuse_other_paintings,
    refuse_other_processes,
    refuse_other_settings,
)
from training.loop import log_epoch, precision, read_progress
from training.processes import start_processes
from training.recipe import Recipe

# What a training writes into its output folder; by keys of the first an earlier run is known.
FILES = (
    CONFIG, "checkpoint.safetensors", "log.csv", "scores.csv", "watch.csv", "progress.png", "views.png",
    "maps.npy", "best", "last", "evaluation",
)  # fmt: skip
KEYS = ("data", "output_dir", "epochs")


def make_accelerator(config: Recipe, handlers: Sequence[KwargsHandler] = ()) -> Accelerator:
    """Accelerate in the wanted precision and with the wanted trackers; every random generator starts at the seed."""
    accelerator = start_processes(
        mixed_precision=precision(config.mixed_precision),
        log_with=list(config.trackers) or None,
        project_dir=config.output_dir,
        kwargs_handlers=list(handlers) or None,
    )
    set_seed(config.seed)
    if accelerator.device.type == "cpu":  # `accelerate launch` leaves a process one thread only
        torch.set_num_threads(max(1, usable_cores() // accelerator.num_processes))
    return accelerator


def learnt_paintings(splits: DatasetDict, config: Recipe, columns: Sequence[str] | None = None) -> Dataset:
    """The paintings to learn from: those of `train_splits`, or `max_samples` of them, drawn by the seed.

    Args:
        splits: the prepared data.
        config: of the training.
        columns: the only ones to keep, where the splits may differ in others.

    Raises:
        DataError: there is no such split.
    """
    parts = [take_split(splits, name) for name in config.train_splits]
    paintings = concatenate_datasets([part.select_columns(columns) if columns else part for part in parts])
    if config.max_samples:
        paintings = paintings.shuffle(seed=config.seed).select(range(min(config.max_samples, len(paintings))))
    return paintings


@contextmanager
def only_run(config: Recipe) -> Iterator[None]:
    """Keep other runs from the output folder, whose checkpoints would mix; the first process does it for all.

    Raises:
        ArtExtractError: another run is writing it, or it holds files of a training's names that are of no training, or
            a run with other settings.
    """
    if os.environ.get("RANK", "0") != "0":  # as a launcher says, before Accelerate starts
        yield
        return
    refuse_foreign_files(Path(config.output_dir), FILES, KEYS)
    with output_lock(config.output_dir):
        refuse_other_settings(config)
        yield


def open_output(config: Recipe, accelerator: Accelerator, digest: str) -> Path:
    """The output folder, with the configuration in it; the trackers start too.

    Args:
        config: of the training, with the tasks that it learns.
        accelerator: whose first process writes.
        digest: of the paintings that are learnt from.

    Raises:
        DataError: a run with other settings, from other paintings or of another number of processes lies there.
    """
    out = Path(config.output_dir)
    if accelerator.is_main_process:
        refuse_other_settings(config)
        reached = read_progress(out)
        refuse_other_paintings(config, reached, digest)
        refuse_other_processes(config, reached, accelerator.num_processes)
        out.mkdir(parents=True, exist_ok=True)
        write_whole(out / CONFIG, json.dumps(as_document(config), indent=2))
    if config.trackers:
        accelerator.init_trackers("artextract")
    accelerator.wait_for_everyone()
    return out


def mean_of_steps(accelerator: Accelerator, *figures: Sequence[float]) -> list[float]:
    """The mean of each figure over the steps of an epoch and over the processes."""
    means = torch.tensor([np.mean(figure) for figure in figures], dtype=torch.float32, device=accelerator.device)
    return accelerator.reduce(means, "mean").tolist()


def check_loss(loss: float, *, epoch: int) -> None:
    """Stop where nothing more can be learnt.

    Raises:
        ArtExtractError: the loss is infinite or no number.
    """
    if not np.isfinite(loss):
        raise ArtExtractError(f"the loss is no number any more in epoch {epoch}; lower the learning rate.")


def log_scores(accelerator: Accelerator, file: Path, figures: Mapping[str, float | None], *, epoch: int) -> None:
    """Write the figures after an epoch into a CSV file, to the trackers and to the terminal; None stays empty."""
    row = {"epoch": epoch} | {name: "" if value is None else round(value, 4) for name, value in figures.items()}
    log_epoch(file, row)
    accelerator.log({name: value for name, value in figures.items() if value is not None}, step=epoch)
    print(" ".join(f"{key} {value}" for key, value in row.items()), flush=True)
