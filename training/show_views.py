"""Draw what a training sees: some paintings and several views of each, as a picture to look at.

    python training/show_views.py --config training/configs/crnn_best.yaml --data data/wikiart --out views.jpg

`--view style|genre|artist` draws a named recipe of `artextract_hf/data/views/training_view.py` in place of the
configuration's.
"""

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
from artextract_hf.errors import ArtExtractError
from training.classifier.config import TrainConfig


def main() -> None:
    """Write the sheet."""
    parser = TrainConfig.parser(__doc__.splitlines()[0])
    parser.add_argument("--view", help="a named recipe in place of the configuration's")
    parser.add_argument("--out", type=Path, required=True, help="picture to write")
    parser.add_argument("--rows", type=int, default=8, help="paintings")
    parser.add_argument("--columns", type=int, default=6, help="views of each")
    args, overrides = parser.parse_known_args()
    try:
        config = TrainConfig.load(args.config, overrides)
        split = take_split(load_prepared(config.data), config.train_splits[0])
        paintings = encoded_pictures(split.select_columns("image"))
        rows = np.random.default_rng(config.seed).choice(len(paintings), min(args.rows, len(paintings)), replace=False)
        size = config.size_at(config.epochs)
        pictures = [decode_image(picture_source(paintings[int(row)]["image"]), min_side=2 * size) for row in rows]
        view = view_of(args.view or config.view)
        view_sheet(pictures, view, size=size, columns=args.columns, seed=config.seed).save(args.out, quality=90)
    except ArtExtractError as error:
        sys.exit(f"show_views: {error}")


if __name__ == "__main__":
    main()
