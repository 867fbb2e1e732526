"""One start of Accelerate for every script: the processes that were asked for work together, or the run is refused."""

import os
from typing import Any

import torch
from accelerate import Accelerator

from artextract_hf.errors import ArtExtractError

WORLD = ("WORLD_SIZE", "PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE")  # as launchers say it


def start_processes(**options: Any) -> Accelerator:
    """Accelerate, with these options of its own, on a GPU for each process, or on the processor for all.

    Without GPUs, `accelerate launch --num_processes 2` starts one process, and Accelerate leaves each process of
    `torchrun` to itself, unless it is told to use the processor.

    Raises:
        ArtExtractError: other processes were asked for than are there.
    """
    stated = next((os.environ[name] for name in WORLD if name in os.environ), "")
    if not stated and "MASTER_ADDR" in os.environ:
        raise ArtExtractError(
            "several processes were asked for, and one was started, since there are no GPUs for `accelerate launch`; "
            "start processes on a processor by `torchrun --nproc_per_node 2 SCRIPT ...`."
        )
    world = int(stated or 1)
    if world > 1 and not torch.cuda.is_available():
        os.environ["ACCELERATE_USE_CPU"] = "true"
    accelerator = Accelerator(**options)
    if accelerator.num_processes != world:
        raise ArtExtractError(
            f"{world} processes were started, but {accelerator.num_processes} work together; start them by `torchrun`, "
            "or by `accelerate launch` where there is a GPU for each."
        )
    return accelerator
