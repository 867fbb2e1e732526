"""What a training of the classifier says on the terminal beside its bars, and draws in the end."""

import csv
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from datasets import Dataset
from tqdm import tqdm

from artextract_hf.evaluation import draw_lines
from artextract_hf.hub import in_words
from training.classifier.config import TrainConfig

FIRST_S = 60  # of a phase, after which its length is told
PROGRESS = "progress.png"


def opening(config: TrainConfig, tasks: Mapping[str, Sequence[str]], learn: Dataset, scored: Dataset | None) -> str:
    """What is learnt, and from how many paintings."""
    what = in_words([f"{task} ({len(names)} classes)" for task, names in tasks.items()])
    said = f"learning {what} from {len(learn)} paintings"
    return f"{said}, scored on {len(scored)} of {config.eval_split}" if scored else said


class Clock:
    """Tells once, after the first minute of a phase, how long the rest of it takes."""

    def __init__(self) -> None:
        self.started, self.done, self.told = time.monotonic(), 0, False

    def tick(self, left: int) -> None:
        """Note that a step is done, and that so many are left."""
        self.done += 1
        seconds = time.monotonic() - self.started
        if not self.told and seconds >= FIRST_S:
            self.told = True
            minutes = max(round(left * seconds / self.done / 60), 1)
            tqdm.write(f"about {minutes} min for the other {left} steps, as fast as the first {self.done}", sys.stderr)


def closing(out: Path, config: TrainConfig, epoch: float) -> str:
    """Where the results lie, and the commands that come next."""
    return f"""
The best model, of epoch {epoch:g}, lies in {out / "best"}, its figures in {out / "evaluation"};
loss and scores by epoch are drawn in {out / PROGRESS}. Next:
  python training/calibration.py --model {out / "best"} --data {config.data}
  artextract evaluate classifier --model {out / "calibrated"} --data {config.data} --out {out / "evaluation_calibrated"}
  artextract publish model {out / "calibrated"} OWNER/NAME"""


def draw_progress(out: Path) -> None:
    """Draw the loss of every epoch and the scores of every evaluation."""
    panels = {"loss": _columns(out / "log.csv", ["loss"])}
    if (out / "scores.csv").is_file():
        scores = _columns(out / "scores.csv")
        panels["macro F1"] = {name: line for name, line in scores.items() if name.endswith("macro_f1")}
    draw_lines(panels, out / PROGRESS)


def _columns(path: Path, names: Sequence[str] | None = None) -> dict[str, list[float | None]]:
    """The columns of a CSV file as numbers, None where a cell is empty."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {name: [float(row[name]) if row[name] else None for row in rows] for name in names or rows[0]}
