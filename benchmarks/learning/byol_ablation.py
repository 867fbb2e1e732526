"""How strongly the two views of a painting may differ: short trainings of the recipe for paintings, one change each.

    python -m benchmarks.learning.byol_ablation --data data/wikiart --weights mobilenetv2.safetensors \\
        --runs runs/byol_ablation
    python -m benchmarks.learning.byol_ablation --runs runs/byol_ablation --report \\
        > benchmarks/results/byol_ablation.json

Each trains on the same paintings of the split `train`, without labels; those of `val` then search among all of
`train`. Runs that are done are not repeated, and one that was interrupted goes on.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
import yaml

from artextract_hf.data.prepared import load_prepared, take_split
from artextract_hf.embedders.directory import processed_embedder
from artextract_hf.evaluation.embedder_report import evaluate_embedder
from artextract_hf.models import ArtImageProcessor, ByolConfig, ByolModel
from artextract_hf.models.backbones import load_imagenet

ROOT = Path(__file__).parent.parent.parent
RECIPE = ROOT / "training/configs/byol_paintings.yaml"
SIDE = 160  # of evaluation, pixels
PHOTOS = 500
BUDGET = {"max_samples": 4000, "epochs": 3, "sizes": [[0, 128]], "train_splits": ["train"], "query_split": ""}
COLOURS = {"jitter": 0.8, "grayscale": 0.2, "solarize": [0.0, 0.2]}  # the paper's; hue and strengths are the default

# name -> what differs from the recipe; `view` is added to the recipe's
VARIANTS: dict[str, dict[str, Any]] = {
    "start": {"epochs": 0},
    "recipe": {},
    "rate x 4": {"base_lr": 8.0e-3},
    "no photographs": {"view": {"photo": [0.0, 0.0]}},
    "crops of half": {"view": {"min_area": 0.5}},
    "no blur": {"view": {"blur": [0.0, 0.0]}},
    "paper's crops": {"view": {"min_area": 0.08}},
    "jitter without hue": {"view": COLOURS | {"hue": 0.0, "grayscale": 0.05}},
    "paper's colours": {"view": COLOURS},
    "paper's views": {"view": COLOURS | {"min_area": 0.08}},
}


def main() -> None:
    """Train and score what is missing, or print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--data", type=Path, help="prepared, with the splits train and val")
    parser.add_argument("--weights", type=Path, help="ImageNet weights of MobileNetV2 in timm's key names")
    parser.add_argument("--only", default="", help="names of variants, comma-separated")
    parser.add_argument("--report", action="store_true", help="print what is there in place of training")
    args = parser.parse_args()
    if args.report:
        files = {name: scores_of(args.runs, name) for name in VARIANTS}
        found = {name: json.loads(file.read_text(encoding="utf-8")) for name, file in files.items() if file.is_file()}
        settings = {"budget": BUDGET, "side": SIDE, "torch": torch.__version__, "variants": VARIANTS}
        print(
            json.dumps(
                {"command": "python -m benchmarks.learning.byol_ablation", **settings, "scores": found}, indent=2
            )
        )
        return
    for name, changes in VARIANTS.items():
        if (not args.only or name in args.only.split(",")) and not scores_of(args.runs, name).is_file():
            run(changes, scores_of(args.runs, name).parent, data=args.data, weights=args.weights)


def scores_of(runs: Path, name: str) -> Path:
    """Where a variant's figures are."""
    return runs / name.replace(" ", "_").replace("'", "") / "retrieval.json"


def run(changes: dict[str, Any], out: Path, *, data: Path, weights: Path) -> None:
    """Train one variant from where it stopped, and score it."""
    recipe = yaml.safe_load(RECIPE.read_text(encoding="utf-8")) | BUDGET
    view = recipe["view"] | changes.get("view", {})
    fixed = {"data": str(data), "backbone_weights": str(weights), "output_dir": str(out), "gallery_split": ""}
    recipe |= changes | fixed | {"view": view}
    out.mkdir(parents=True, exist_ok=True)
    if recipe["epochs"]:
        (out / "recipe.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")
        command = [sys.executable, "training/train_byol.py", "--config", str(out / "recipe.yaml")]
        subprocess.run(command, cwd=ROOT, check=True)
        model = ByolModel.from_pretrained(str(out / "last"))
    else:
        model = ByolModel(ByolConfig(**recipe["model"]))
        load_imagenet(model.backbone, model.config.backbone, str(weights))
    (out / "retrieval.json").write_text(json.dumps(score(model, data)), encoding="utf-8")


def score(model: ByolModel, data: Path) -> dict[str, float]:
    """Precision at 10 of each label, and how often a visitor's photograph finds its work first; percent."""
    embedder = processed_embedder("byol", model, ArtImageProcessor(size={"height": SIDE, "width": SIDE}))
    gallery, queries = (take_split(load_prepared(data), name) for name in ("train", "val"))
    with torch.autocast("cpu", torch.bfloat16), tempfile.TemporaryDirectory() as out:
        report = evaluate_embedder(embedder, gallery, queries, out, name="byol", photos=PHOTOS)
    found = {label: round(100 * scores["p@10"], 1) for label, scores in report["labels"].items()}
    found["photographs"] = round(100 * report["photos"]["recall@1"], 1)
    print(found, flush=True)
    return found


if __name__ == "__main__":
    main()
