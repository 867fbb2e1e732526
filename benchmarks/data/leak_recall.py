"""How many planted duplicates `artextract audit leaks` finds among real paintings, and how many pairs are wrong.

    python -m benchmarks.data.leak_recall --pictures FOLDER --sheet sheet.png > benchmarks/results/leak_recall.json

Some paintings of the folder are planted once in each kind; a pair is right if it joins a painting to its own duplicate.
The unplanted pictures are searched as they are, and a sample of the pairs is drawn side by side on a sheet, for the
eye. `--judged` records how many of them show the same painting.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from artextract_hf.data.decode import decode_image
from artextract_hf.data.duplicates import DECODE_SIDE, Pair, grey_thumbnail, near_duplicates
from artextract_hf.data.parallel import ordered_map
from tests.data.test_duplicates import PLANTED

SAMPLE = 40


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=Path, required=True, help="folder of real paintings")
    parser.add_argument("--planted", type=int, default=1000, help="plant so many of them")
    parser.add_argument("--sheet", type=Path, help="picture of a sample of the pairs found without planting")
    parser.add_argument("--judged", type=int, help="how many pairs of the sheet show the same painting")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    files = sorted(path for path in args.pictures.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    known = np.stack(list(ordered_map(lambda file: grey_thumbnail(decode_image(file, min_side=DECODE_SIDE)), files)))
    chosen = np.sort(rng.choice(len(files), min(args.planted, len(files)), replace=False))
    start = time.perf_counter()
    pairs = near_duplicates(known)
    seconds = time.perf_counter() - start
    sample = [pairs[i] for i in np.sort(rng.choice(len(pairs), min(SAMPLE, len(pairs)), replace=False))]
    if args.sheet:
        draw(sample, files).save(args.sheet)
    real: dict[str, Any] = {"pictures": len(files), "pairs": len(pairs), "seconds": round(seconds, 1)}
    real["sample"] = [[f"{files[row].parent.name}/{files[row].name}" for row in (p.first, p.second)] for p in sample]
    if args.judged is not None:
        real["judged_right"] = args.judged
    report = {"planted": plant(files, known, chosen), "unplanted": real}
    print(json.dumps({"opencv": cv2.__version__, "seed": args.seed, **report}, indent=2, ensure_ascii=False))


def plant(files: list[Path], known: np.ndarray, chosen: np.ndarray) -> dict[str, Any]:
    """Recall and precision by kind, among the chosen pictures."""
    found = {}
    for kind, change in PLANTED.items():
        duplicates = np.stack([grey_thumbnail(change(decode_image(files[row]))) for row in chosen])
        n = len(chosen)
        pairs = near_duplicates(np.concatenate([known[chosen], duplicates]), sides=np.repeat([0, 1], n))
        right = sum(pair.second - n == pair.first for pair in pairs)
        found[kind] = {
            "paintings": n,
            "recall": round(right / n, 4),
            "precision": round(right / max(len(pairs), 1), 4),
        }
    return found


def draw(sample: list[Pair], files: list[Path]) -> Image.Image:
    """The pairs side by side, eight a row, in the order of the sample."""
    sheet = Image.new("RGB", (8 * 196, -(-len(sample) // 8) * 110), "white")
    for number, pair in enumerate(sample):
        for side, row in enumerate((pair.first, pair.second)):
            image = decode_image(files[row])
            image.thumbnail((94, 104))
            sheet.paste(image, (number % 8 * 196 + side * 96, number // 8 * 110))
    return sheet


if __name__ == "__main__":
    main()
