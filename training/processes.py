"""How the processes of every script start and end.

The processes that were asked for work together, or the run is refused. Where the user is to mend something, it ends
with one line, said once, and exit code 2.
"""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator

from artextract_hf.errors import ERROR_FILE, ArtExtractError
from artextract_hf.escapes import for_terminal

WORLD = ("WORLD_SIZE", "PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE")  # as launchers say it
BAD_INPUT, INTERRUPTED = 2, 130
# Seconds that the first process of a machine has to meet the same error and to say it; its launcher then ends all.
PATIENCE = 10.0


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
    if accelerator.gradient_accumulation_steps != 1:
        raise ArtExtractError(
            "the launcher asks for gradient accumulation, which would scale the loss; give the classifier's training "
            "`--accumulate 4` in its place. BYOL has none: its batch norms need whole batches."
        )
    return accelerator


@contextmanager
def user_errors(script: str, *, resumes: bool = False) -> Iterator[None]:
    """End the script by one line where the input, a setting or the disk is at fault.

    The line goes to standard error, or to the file that `artextract train` names, which says it last: launchers have
    words of their own.

    Args:
        script: its name.
        resumes: whether the same command goes on where it was stopped.
    """
    try:
        yield
    except (ArtExtractError, OSError) as error:
        line = for_terminal(" ".join(str(error).split()))
        if os.environ.get("LOCAL_RANK", "0") != "0":
            time.sleep(PATIENCE)
        if file := os.environ.get(ERROR_FILE):
            Path(file).write_text(line, encoding="utf-8")
        else:
            print(f"{script}: {line}", file=sys.stderr, flush=True)
        sys.exit(BAD_INPUT)
    except KeyboardInterrupt:
        if os.environ.get("LOCAL_RANK", "0") == "0":
            more = "the same command goes on from where it was" if resumes else "nothing is kept"
            print(f"{script}: stopped; {more}.", file=sys.stderr, flush=True)
        sys.exit(INTERRUPTED)
