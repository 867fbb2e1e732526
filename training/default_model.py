"""Make the embedded default models from trained ones: half precision, their figures and their cards.

    python training/ensemble.py --model runs/crnn_again/last \\
        --companions runs/crnn_companion/last runs/crnn_taught/last --out runs/joined
    python training/calibration.py --model runs/joined --data data/wikiart --learnt train val \\
        --temperatures runs/best/calibrated --out runs/calibrated
    python -m training.classifier.open_set --model runs/calibrated --data data/wikiart --learnt train val \\
        --held-out MUSEUM --out runs/open
    python training/default_model.py --model runs/open \\
        --metrics runs/best/calibrated/evaluation/metrics.json --config runs/crnn_best/config.json
    python training/default_model.py --embedder --model runs/byol_paintings/last \\
        --metrics runs/byol_evaluation/metrics.json --config runs/byol_paintings/config.json

The classifier gets the side it sees best, and the figures of one trained in much the same way on fewer paintings
(`benchmarks/learning/best.py`), which was scored on a list it had not learnt from.
"""

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from artextract_hf.documents import read_document
from artextract_hf.errors import DataError
from artextract_hf.evaluation import keep_learnt
from artextract_hf.hub import classifier_card, embedder_card, save_model_card
from artextract_hf.models import (
    CLASSIFIER,
    EMBEDDER,
    NAMESPACE,
    PRETRAINED,
    ArtImageProcessor,
    ByolModel,
    load_classifier,
)
from training.processes import user_errors

# Pixels. The best of 224, 256 and 288 on the val lists: training crops show motifs larger than they are.
SIDE = 256
LOCAL = ("data", "output_dir", "backbone_weights", "start_from", "teachers")  # of a training: paths of its machine
NOTE = (
    "These are the figures of a classifier trained in much the same way on the train list of the joint split only (no "
    "second stage, one more teacher, other numbers of epochs for the companions: `benchmarks/learning/best.py`). The "
    "weights here learnt from all labelled paintings, so none is left to score them on: after the training described "
    "below, on the train lists, 7 epochs with the train and the val lists together "
    "(`training/configs/crnn_refine.yaml`) and 18 in which half of what is learnt are the classifier's own answers of "
    "before (`training/configs/crnn_again.yaml`). Its answers are the mean of its own and those of two companions, "
    "the same network on EfficientNet-Lite2: one taught by it for 16 epochs (`training/configs/crnn_companion.yaml`), "
    "one by both for 23, with the names of all painters beside the tasks and batch norms that learn "
    "(`training/configs/crnn_taught.yaml`). Then it was calibrated (`training/calibration.py`). Its temperatures are "
    "those of the classifier scored here, fitted on the scored list itself, where the part of the classes' "
    "frequencies that is taken from the logits was chosen too: on other paintings the calibration error may be "
    "larger. Embedding and attention are those of the first network, and so is what tells a picture that is no "
    "painting (`training/classifier/open_set.py`): it was fitted on 1,000 of the learnt paintings and on 267 "
    "photographs of a museum's paintings, and a twentieth of such photographs is taken for no painting. What that is "
    "worth, and what the networks cannot tell, stands in `docs/results.md` of the project."
)


def main() -> None:
    """Write the folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True, help="folder of the trained model")
    parser.add_argument("--embedder", action="store_true", help="it is what BYOL has learnt, not a classifier")
    parser.add_argument("--metrics", type=Path, required=True, help="metrics.json of its evaluation")
    parser.add_argument("--config", type=Path, required=True, help="config.json of its training")
    with user_errors("default_model"):
        write(parser.parse_args())


def write(args: argparse.Namespace) -> None:
    """Write weights, preprocessing, figures, configuration and card."""
    report, config = (read_document(path, DataError) for path in (args.metrics, args.config))
    name = EMBEDDER if args.embedder else CLASSIFIER
    model = ByolModel.from_pretrained(args.model) if args.embedder else load_classifier(args.model)[0]
    if not args.embedder:
        model.config.image_size = SIDE
    side = model.config.image_size
    folder = PRETRAINED / name
    model.half().save_pretrained(folder)
    ArtImageProcessor(size={"height": side, "width": side}).save_pretrained(folder)
    report.pop("sets", None)  # which the bundled classifier has not: nothing is left to calibrate it on
    report |= {"embedder" if args.embedder else "model": f"{NAMESPACE}/{name}"}
    keep_learnt(folder, [], [args.model])
    (folder / "metrics.json").write_text(json.dumps(report, indent=2, ensure_ascii=False), encoding="utf-8")
    kept = {key: value for key, value in config.items() if key not in LOCAL}
    (folder / "training.json").write_text(json.dumps(kept, indent=2), encoding="utf-8")
    render(folder)


def render(folder: Path = PRETRAINED / CLASSIFIER) -> None:
    """Write the card from the figures and the configuration that lie beside the weights."""
    report, config, model = (
        json.loads((folder / f"{name}.json").read_text(encoding="utf-8")) for name in ("metrics", "training", "config")
    )
    if "tasks" in report:
        card = classifier_card(report, config=config, tasks=model["tasks"], name=report["model"], note=NOTE)
    else:
        card = embedder_card(report, config=config, backbone=model["backbone"], name=report["embedder"])
    save_model_card(card, report, folder)


if __name__ == "__main__":
    main()
