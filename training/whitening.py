"""Give a trained BYOL encoder a whitened representation, fit on pictures without their labels.

    python training/whitening.py --model runs/byol_paintings/last --data data/wikiart --size 512 \\
        --out runs/byol_whitened

`train_byol.py` does the same at its end where the recipe has a `whitened_size`.
"""

import argparse
import copy
import sys
from pathlib import Path

import torch
from datasets import Dataset

sys.path.insert(0, str(Path(__file__).parent.parent))

from artextract_hf.data import load_prepared, take_split
from artextract_hf.errors import ModelError
from artextract_hf.evaluation import represent
from artextract_hf.models import ArtImageProcessor, ByolModel, fit_whitening
from artextract_hf.outputs import refuse_filled, whole_files
from training.processes import user_errors


def main() -> None:
    """Parse, fit, save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True, help="folder of a BYOL encoder")
    parser.add_argument("--data", type=Path, required=True, help="prepared paintings")
    parser.add_argument("--split", default="train", help="the split whose pictures are looked at")
    parser.add_argument("--size", type=int, default=512, help="length of the new representation")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    args = parser.parse_args()
    with user_errors("whitening"):
        refuse_filled(args.out)
        paintings = take_split(load_prepared(args.data), args.split)
        encoder = whitened(ByolModel.from_pretrained(args.model), paintings, size=args.size)
        processor = ArtImageProcessor.from_pretrained(args.model)
        with whole_files(args.out) as new:
            encoder.save_pretrained(new)
            processor.save_pretrained(new)


def whitened(encoder: ByolModel, paintings: Dataset, *, size: int) -> ByolModel:
    """The same encoder with its representation whitened to `size` dimensions, in evaluation mode.

    Raises:
        ModelError: it is whitened already, or `size` is more than the pictures determine.
    """
    if encoder.config.whitened_size:
        raise ModelError(f"the encoder is whitened already, to {encoder.config.whitened_size} dimensions.")
    side = encoder.config.image_size
    processor = ArtImageProcessor(size={"height": side, "width": side})
    representations, _, _ = represent(encoder.eval(), processor, paintings)
    config = copy.deepcopy(encoder.config)
    config.whitened_size = size
    model = ByolModel(config)
    model.backbone.load_state_dict(encoder.backbone.state_dict())
    model.whitening = fit_whitening(torch.from_numpy(representations), size)
    return model.eval()


if __name__ == "__main__":
    main()
