"""What a classification costs where other programs keep the processor busy, by how long waiting threads spin.

    python -m benchmarks.speed.shared_machine > benchmarks/results/shared_machine.json

torch's threads belong to GNU OpenMP: one that waits turns in a loop GOMP_SPINCOUNT times before it sleeps, 300,000
times if nothing is said, about a millisecond. Each value is measured in a process of its own, alone and beside as many
busy processes as there are cores; the values take turns, and the figure is the median of all rounds. Run it on a
machine that does nothing else.
"""

import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

import torch

from artextract_hf.data import synthetic_paintings
from artextract_hf.models import ArtAttributesPipeline, load_classifier

SPINS = ("300000", "2000", "0")  # GNU OpenMP's default, the project's, none
ROUNDS, WARM, MEASURED = 2, 2, 4  # rounds of the values; classifications of a process before and in the measurement
BUSY = "import os; parent = os.getppid()\nwhile os.getppid() == parent: pass"  # ends with whoever started it
CLASSIFY = "from benchmarks.speed.shared_machine import measure; measure()"


def main() -> None:
    """Measure and print."""
    cores = len(os.sched_getaffinity(0))
    found: dict[str, dict[str, dict[str, float]]] = {}
    for name, busy in (("alone", 0), ("beside busy processes", cores)):
        times: dict[str, list[dict[str, float]]] = {spins: [] for spins in SPINS}
        with busy_processes(busy):
            for _ in range(ROUNDS):
                for spins in SPINS:
                    times[spins] += classifications(spins)
        found[name] = {
            spins: {
                key: round(statistics.median(one[key] for one in measured), 3) for key in ("seconds", "cpu_seconds")
            }
            for spins, measured in times.items()
        }
    print(json.dumps({"cores": cores, "rounds": ROUNDS, "torch": torch.__version__, "spin_counts": found}, indent=2))


@contextlib.contextmanager
def busy_processes(count: int) -> Iterator[None]:
    """Processes that compute for ever, until the block ends."""
    processes = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def classifications(spins: str) -> list[dict[str, float]]:
    """What a new process measures with that many turns."""
    environment = os.environ | {"GOMP_SPINCOUNT": spins}
    done = subprocess.run([sys.executable, "-c", CLASSIFY], env=environment, capture_output=True, text=True, check=True)
    measured: list[dict[str, float]] = json.loads(done.stdout)
    return measured


def measure() -> None:
    """Classify one painting after another, and print the seconds and the seconds of the processor of each."""
    model, processor = load_classifier("default")
    classify = ArtAttributesPipeline(model=model, image_processor=processor)
    found = []
    for painting in synthetic_paintings(WARM + MEASURED)["image"]:
        began, spent = time.perf_counter(), time.process_time()
        classify(painting)
        found.append({"seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - spent})
    print(json.dumps(found[WARM:]))


if __name__ == "__main__":
    main()
