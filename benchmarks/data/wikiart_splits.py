"""The four splits of the whole WikiArt release, from its lists alone: rows, what moved, baselines, thin classes.

    python -m benchmarks.data.wikiart_splits --lists LISTS > benchmarks/results/wikiart_splits.json

LISTS holds the six lists and three class files of ArtGAN's release, plain or gzipped. Near-duplicates need the pictures
and are not among the groups here; `artextract prepare wikiart --split grouped` finds them.
"""

import argparse
import json
from pathlib import Path

from artextract_hf.data.wikiart.lists import read_lists
from artextract_hf.data.wikiart.manifest import make_manifest
from artextract_hf.data.wikiart.splits import SPLITS, assign


def main() -> None:
    """Print the manifest of each split without the tables of single classes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lists", type=Path, required=True, help="folder of the lists")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    lists = read_lists(args.lists)
    report = {}
    for split in SPLITS:
        manifest = make_manifest(lists, assign(lists, split, seed=args.seed), split, seed=args.seed)
        report[split] = {key: value for key, value in manifest.items() if key not in ("lists", "flaws", "classes")}
    print(json.dumps({"lists": lists.sources, "flaws": lists.flaws.as_json(), "splits": report}, indent=2))


if __name__ == "__main__":
    main()
