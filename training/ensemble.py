"""Join trained classifiers: the first leads, the others are companions whose answers are averaged with its own.

    python training/ensemble.py --model runs/crnn_again/last --companions runs/crnn_companion/last --out runs/joined

The first keeps its embedding and its attention, so an index that was built with it stays valid.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from artextract_hf.errors import DataError
from artextract_hf.evaluation import keep_learnt
from artextract_hf.models import CrnnForImageClassification, load_classifier, resolve
from artextract_hf.outputs import refuse_filled
from training.classifier.model import save_model
from training.processes import user_errors


def main() -> None:
    """Write the folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True, help="folder of the classifier that leads")
    parser.add_argument("--companions", required=True, nargs="+", help="folders of the others")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    args = parser.parse_args()
    with user_errors("ensemble"):
        refuse_filled(args.out)
        save_model(join(args.model, args.companions), args.out)
        keep_learnt(args.out, [], map(resolve, (args.model, *args.companions)))


def join(model: str, companions: Sequence[str]) -> CrnnForImageClassification:
    """One classifier of several.

    Args:
        model: folder or Hub name of the classifier that leads.
        companions: folders or Hub names of the others; they know the same classes, and have no companions themselves.

    Raises:
        DataError: one knows other classes, has companions already, is calibrated already, or cannot read pictures of
            the leading one's side.
    """
    lead = load_classifier(model)[0]
    others = [load_classifier(name)[0] for name in companions]
    for name, other in zip((model, *companions), (lead, *others), strict=True):
        if other.config.tasks != lead.config.tasks:
            raise DataError(f"{name} was trained on other classes than {model}.")
        if other.config.temperature:
            raise DataError(f"{name} is calibrated already; join first, and calibrate the result.")
        if other.companions:
            raise DataError(f"{name} has companions already; join the classifiers it was made of.")
        if other.config.sequence == "channels" and other.config.image_size != lead.config.image_size:
            raise DataError(f"{name} reads the channels of {other.config.image_size} px pictures only.")
    lead.config.companions = [other.config.as_companion(lead.config) for other in others]
    lead.companions.extend(others)
    return lead


if __name__ == "__main__":
    main()
