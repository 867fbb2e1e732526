"""Classes of one's own from a few hundred works: the recipe for small sets against frozen features, on three sets.

    python -m benchmarks.learning.small_sets --museum MUSEUM --weights mobilenetv2.safetensors \\
        --runs runs/small > benchmarks/results/small_sets.json

The sets are a museum's 267 paintings by the nation in the artist's label, by the century of the date and by what they
are painted on and with; a class has at least LEAST works. None of the shipped weights learnt from these photographs,
though from others of some of the works perhaps. Each set is drawn into train and val by three seeds; `small` is trained
as it stands, beside logistic regression on frozen ImageNet features, which every evaluation gives.
"""

import argparse
import csv
import json
import re
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from artextract_hf.data.words.dates import first_year
from benchmarks.learning.systems import evaluation, run_recipe, values_of

LEAST = 12
VAL = 0.3
SEEDS = (0, 1, 2)


def nation(row: dict[str, str]) -> str:
    """What stands before the life dates: `Flemish` of "Peter Paul Rubens (Flemish, 1577-1640)"."""
    found = re.search(r"\((?:[^()]*; )?([A-Z]\w+), (?:c\. |active )?\d{4}", row["artist"])
    return found[1] if found else ""


def century(row: dict[str, str]) -> str:
    """`1800s` of "1885-86"."""
    year = first_year(row["date"])
    return f"{year // 100}00s" if year else ""


def support(row: dict[str, str]) -> str:
    """`oil on canvas` and the like, without further remarks."""
    return row["medium"].lower().partition(",")[0].partition(";")[0].strip()


SETS: dict[str, Callable[[dict[str, str]], str]] = {"nation": nation, "century": century, "support": support}


def main() -> None:
    """Train what is missing and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--museum", type=Path, required=True, help="folder with metadata.csv and images/")
    parser.add_argument("--weights", type=Path, required=True, help="ImageNet weights of MobileNetV2, timm's key names")
    parser.add_argument("--runs", type=Path, required=True, help="folder of the runs")
    args = parser.parse_args()
    args.runs.mkdir(parents=True, exist_ok=True)
    figures = {name: score_set(name, args) for name in SETS}
    print(json.dumps({"command": "python -m benchmarks.learning.small_sets", "val": VAL, "sets": figures}, indent=2))


def score_set(name: str, args: argparse.Namespace) -> dict[str, Any]:
    """Top-1 in percent by recipe, mean over the seeds."""
    table = args.runs / f"{name}.csv"
    classes = write_table(table, args.museum, SETS[name])
    found: dict[str, list[float]] = {"small": [], "frozen_features": [], "commonest": []}
    for seed in SEEDS:
        data = args.runs / f"{name}-{seed}"
        if not data.is_dir():
            prepare(table, data, name, seed)
        run = args.runs / f"{name}-{seed}-small"
        run_recipe(values_of("small") | {"data": str(data), "backbone_weights": str(args.weights), "seed": seed}, run)
        document = evaluation(run)
        found["small"].append(document["tasks"][name]["accuracy"])
        found["frozen_features"].append(document["baselines"]["frozen_features"]["tasks"][name]["accuracy"])
        found["commonest"].append(document["baselines"]["majority"]["tasks"][name]["accuracy"])
    top1 = {recipe: round(100 * statistics.mean(values), 1) for recipe, values in found.items()}
    spread = {recipe: round(100 * statistics.stdev(found[recipe]), 1) for recipe in ("small", "frozen_features")}
    return {"classes": classes, "seeds": len(SEEDS), "top1": top1, "sd": spread}


def write_table(table: Path, museum: Path, class_of: Callable[[dict[str, str]], str]) -> dict[str, int]:
    """The works that have a class, with all columns and `class`; works by class."""
    with (museum / "metadata.csv").open(newline="", encoding="utf-8") as file:
        rows = [row | {"class": class_of(row)} for row in csv.DictReader(file)]
    counts = {name: n for name, n in Counter(row["class"] for row in rows).most_common() if name and n >= LEAST}
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        for row in rows:
            if row["class"] in counts:
                writer.writerow(row | {"file_name": str(museum.resolve() / row["file_name"])})
    return counts


def prepare(table: Path, out: Path, task: str, seed: int) -> None:
    """The command of the docs."""
    command = [sys.executable, "-c", "from artextract_hf.cli import main; main()", "prepare", "collection", str(table)]
    command += ["--task", task, "--column", f"{task}=class", "--val", str(VAL), "--seed", str(seed), "--allow-outside"]
    subprocess.run([*command, "--out", str(out)], check=True, stdout=sys.stderr)


if __name__ == "__main__":
    main()
