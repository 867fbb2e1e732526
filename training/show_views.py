"""Draw what a training sees: some paintings and several views of each, as a picture to look at.

    python training/show_views.py --config training/configs/crnn_best.yaml --data data/wikiart --out views.jpg

`--view style|genre|artist` draws a named recipe of `artextract_hf/data/views/training_view.py` in place of the
configuration's.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from artextract_hf.data import (
    decode_image,
    encoded_pictures,
    load_prepared,
    picture_source,
    take_split,
    view_of,
    view_sheet,
)
from artextract_hf.errors import DataError
from artextract_hf.outputs import refuse_foreign_file
from training.classifier.config import TrainConfig
from training.processes import user_errors

MARK = b"artextract show_views"  # the comment of the JPEG: an earlier sheet may be replaced


def main() -> None:
    """Write the sheet."""
    parser = TrainConfig.parser(__doc__.splitlines()[0])
    parser.add_argument("--view", help="a named recipe in place of the configuration's")
    parser.add_argument("--out", type=Path, required=True, help="JPEG file to write")
    parser.add_argument("--rows", type=int, default=8, help="paintings")
    parser.add_argument("--columns", type=int, default=6, help="views of each")
    args, overrides = parser.parse_known_args()
    with user_errors("show_views"):
        draw(args, TrainConfig.load(args.config, overrides))


def draw(args: argparse.Namespace, config: TrainConfig) -> None:
    """Draw the sheet that the command line asks for.

    Raises:
        DataError: it asks for no picture, or for another kind of file.
    """
    if min(args.rows, args.columns) < 1:
        raise DataError(f"a sheet of {args.rows} rows and {args.columns} columns shows nothing; give 1 at least.")
    if args.out.suffix.lower() not in (".jpg", ".jpeg"):
        raise DataError(f"the sheet is a JPEG; give a name that ends in .jpg, not {args.out.name!r}.")
    refuse_foreign_file(args.out, MARK)
    split = take_split(load_prepared(config.data), config.train_splits[0])
    paintings = encoded_pictures(split.select_columns("image"))
    rows = np.random.default_rng(config.seed).choice(len(paintings), min(args.rows, len(paintings)), replace=False)
    size = config.size_at(config.epochs)
    pictures = [decode_image(picture_source(paintings[int(row)]["image"]), min_side=2 * size) for row in rows]
    sheet = view_sheet(pictures, view_of(args.view or config.view), size=size, columns=args.columns, seed=config.seed)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(args.out, "JPEG", quality=90, comment=MARK)


if __name__ == "__main__":
    main()
