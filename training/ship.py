"""Make the embedded default from a trained classifier: half precision, the side it sees best, its figures and its card.

    python training/ship.py --model runs/crnn_refine/last \\
        --metrics runs/evaluation/metrics.json --config runs/crnn_best/config.json

The figures are those of the first stage, which was scored on lists it had not learnt from.
"""

import argparse
import json
from pathlib import Path

from artextract_hf.hub.card import classifier_card
from artextract_hf.models import ArtImageProcessor, load_classifier
from artextract_hf.models.names import CLASSIFIER, NAMESPACE, PRETRAINED

# Pixels. The best of 224, 256 and 288 on the val lists: training crops show motifs larger than they are.
SIDE = 256
NOTE = (
    "These are the figures of the first stage, trained on the train lists only. The weights here went on from it for 7 "
    "epochs with the train and the val lists together (`training/configs/crnn_refine.yaml`), so no labelled painting "
    "is left to score them on."
)


def main() -> None:
    """Write the folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True, help="folder of the trained classifier")
    parser.add_argument("--metrics", type=Path, required=True, help="metrics.json of its evaluation")
    parser.add_argument("--config", type=Path, required=True, help="config.json of its training")
    args = parser.parse_args()
    model, _ = load_classifier(args.model)
    model.config.image_size = SIDE
    folder = PRETRAINED / CLASSIFIER
    model.half().save_pretrained(folder)
    ArtImageProcessor(size={"height": SIDE, "width": SIDE}).save_pretrained(folder)
    name = f"{NAMESPACE}/{CLASSIFIER}"
    report = json.loads(args.metrics.read_text(encoding="utf-8")) | {"model": name}
    (folder / "metrics.json").write_text(json.dumps(report, indent=2, ensure_ascii=False), encoding="utf-8")
    config = json.loads(args.config.read_text(encoding="utf-8"))
    config = {
        key: value
        for key, value in config.items()
        if key not in ("data", "output_dir", "backbone_weights", "start_from")
    }
    (folder / "training.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
    render(folder)


def render(folder: Path = PRETRAINED / CLASSIFIER) -> None:
    """Write the card from the figures and the configuration that lie beside the weights."""
    report, config = (
        json.loads((folder / f"{name}.json").read_text(encoding="utf-8")) for name in ("metrics", "training")
    )
    tasks = json.loads((folder / "config.json").read_text(encoding="utf-8"))["tasks"]
    classifier_card(report, config=config, tasks=tasks, name=report["model"], note=NOTE).save(folder / "README.md")


if __name__ == "__main__":
    main()
