"""The five systems and our own, trained on the same trunk with the same budget and scored on the same paintings.

    artextract prepare wikiart --root WIKIART --out data/joint --split joint --artists names --min-artist-works 60
    python -m benchmarks.learning.systems --data data/joint --weights mobilenetv2.safetensors --runs runs/systems
    python -m benchmarks.learning.systems --runs runs/systems --report > benchmarks/results/systems.json

Every recipe of `training/configs/` is trained as it stands but for the trunk (MobileNetV2, with layer aggregation where
the recipe has it), the size of the pictures and the number of epochs. Runs that are done are not repeated, and one that
was interrupted goes on: the command can be given again at any time.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch
import yaml

ROOT = Path(__file__).parent.parent.parent
CONFIGS = ROOT / "training/configs"
TASKS = ("style", "genre", "artist")

# name -> the recipes it is made of; system 003 has one a task
SYSTEMS = {
    "plain": ["plain"],
    "crnn_best": ["crnn_best"],
    "system_004": ["system_004"],
    "system_002": ["system_002"],
    "system_000": ["system_000"],
    "system_001": ["system_001"],
    "system_003": [f"system_003_{task}" for task in TASKS],
}
SEEDS = {"plain": (0, 1, 2), "system_001": (0, 1, 2)}  # the two best; one seed for the others
BUDGET = {"frozen_epochs": 1, "kept_views": 1, "epochs": 4, "sizes": [[0, 128], [3, 160]], "eval_every": 4}
IMAGE_SIZE = 192  # of evaluation
METRICS = "evaluation/metrics.json"  # of a run that is done


def main() -> None:
    """Train what is missing, or print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--data", type=Path, help="the joint split, prepared")
    parser.add_argument("--weights", type=Path, help="ImageNet weights of MobileNetV2 in timm's key names")
    parser.add_argument("--report", action="store_true", help="print what is there in place of training")
    args = parser.parse_args()
    if args.report:
        print(json.dumps(report(args.runs), indent=2))
        return
    for seed in range(max(map(len, SEEDS.values()))):
        for system, recipes in SYSTEMS.items():
            for recipe in recipes:
                if seed in SEEDS.get(system, (0,)):
                    train(recipe, args.runs / f"{recipe}-{seed}", seed=seed, data=args.data, weights=args.weights)


def train(recipe: str, out: Path, *, seed: int, data: Path, weights: Path) -> None:
    """One run, from where it stopped."""
    values = values_of(recipe)
    trunk = "rla_mobilenetv2_100" if values["model"]["backbone"].startswith("rla_") else "mobilenetv2_100"
    model = values["model"] | {"backbone": trunk, "image_size": IMAGE_SIZE}
    fixed = {"model": model, "data": str(data), "backbone_weights": str(weights), "seed": seed}
    fixed["frozen_baseline"] = recipe == "plain" and seed == 0  # the same for all: one is enough
    run_recipe(values | BUDGET | fixed, out)


def options(description: str) -> argparse.ArgumentParser:
    """What the other comparisons of trainings on the joint split are told too."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--runs", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--data", type=Path, required=True, help="the joint split, prepared")
    parser.add_argument("--weights", type=Path, required=True, help="ImageNet weights of MobileNetV2, timm's key names")
    return parser


def values_of(recipe: str) -> dict[str, Any]:
    """A recipe of `training/configs/`, as it stands."""
    return yaml.safe_load((CONFIGS / f"{recipe}.yaml").read_text(encoding="utf-8"))


def run_recipe(values: dict[str, Any], out: Path) -> None:
    """The training script with these values, into `out`; nothing where that run is done."""
    if (out / METRICS).is_file():
        return
    out.mkdir(parents=True, exist_ok=True)
    (out / "recipe.yaml").write_text(yaml.safe_dump(values | {"output_dir": str(out)}), encoding="utf-8")
    command = [sys.executable, "training/train_classifier.py", "--config", str(out / "recipe.yaml")]
    subprocess.run(command, cwd=ROOT, check=True, stdout=sys.stderr)  # stdout is for figures


def report(runs: Path) -> dict[str, Any]:
    """Figures by system: mean, and standard deviation where there are several seeds; baselines of the same split."""
    systems: dict[str, Any] = {}
    baselines: dict[str, Any] = {}
    for system, recipes in SYSTEMS.items():
        by_seed = []
        for seed in SEEDS.get(system, (0,)):
            folders = [runs / f"{recipe}-{seed}" for recipe in recipes]
            if all((folder / METRICS).is_file() for folder in folders):
                documents = [evaluation(folder) for folder in folders]
                by_seed.append({task: figures for d in documents for task, figures in d["tasks"].items()})
                for document in documents:
                    for name, baseline in document["baselines"].items():
                        if baseline["tasks"]:
                            baselines.setdefault(name, {}).update(top1(baseline["tasks"]))
        if by_seed:
            tasks = {task: summary([figures[task] for figures in by_seed]) for task in TASKS}
            systems[system] = {"seeds": len(by_seed), "tasks": tasks, **cost([runs / f"{r}-0" for r in recipes])}
    settings = {"budget": BUDGET, "image_size": IMAGE_SIZE, "torch": torch.__version__}
    return {**settings, "command": "python -m benchmarks.learning.systems", "systems": systems, "baselines": baselines}


def evaluation(run: Path) -> dict[str, Any]:
    """The final figures of a run that is done."""
    return json.loads((run / METRICS).read_text(encoding="utf-8"))


def top1(tasks: dict[str, dict[str, float]]) -> dict[str, float]:
    """Percent, by task."""
    return {task: round(100 * figures["accuracy"], 1) for task, figures in tasks.items()}


def summary(figures: list[dict[str, float]]) -> dict[str, Any]:
    """Top-1 and macro F1 in percent, over the seeds."""
    found: dict[str, Any] = {"n": figures[0]["n"]}
    for key in ("accuracy", "macro_f1"):
        values = [100 * f[key] for f in figures]
        found[key] = round(statistics.mean(values), 1)
        if len(values) > 1:
            found[f"{key}_sd"] = round(statistics.stdev(values), 1)
    return found


def cost(folders: list[Path]) -> dict[str, float]:
    """Millions of parameters and pictures a second of inference in float32, of all the models a system needs."""
    from artextract_hf.models import load_classifier

    parameters, seconds = 0, 0.0
    pixels = torch.randn(16, 3, IMAGE_SIZE, IMAGE_SIZE).contiguous(memory_format=torch.channels_last)
    for folder in folders:
        model = load_classifier(str(folder / "best"))[0].to(memory_format=torch.channels_last)
        parameters += sum(weight.numel() for weight in model.parameters())
        with torch.inference_mode():
            model(pixels)
            times = []
            for _ in range(5):
                start = time.perf_counter()
                model(pixels)
                times.append(time.perf_counter() - start)
        seconds += statistics.median(times)
    return {"parameters_m": round(parameters / 1e6, 2), "images_per_second": round(len(pixels) / seconds, 1)}


if __name__ == "__main__":
    main()
