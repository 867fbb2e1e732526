"""The table of docs/speed.md from scratch: every measurement beside its peer, one after the other.

    python -m benchmarks.bench --data data/wikiart --pictures FOLDER --weights mobilenetv2.safetensors

Run it on a machine that does nothing else. lightly, a peer of two of them, is installed into a folder of its own, so
that it changes nothing here.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.tables import pages, rendered

RESULTS = Path(__file__).parent / "results"
LIGHTLY = ("lightly==1.6.0", "lightly-utils==0.0.2")


def main() -> None:
    """Measure, store, and write the tables anew."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="prepared, with the splits train and val")
    parser.add_argument("--pictures", type=Path, required=True, help="folder of JPEG files, searched in depth")
    parser.add_argument("--weights", type=Path, required=True, help="timm's MobileNetV2, safetensors")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        peers = Path(folder) / "peers"
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(peers), *LIGHTLY]
        subprocess.run(pip, check=True)
        for module, *options in measurements(args, Path(folder)):
            print(f"{module} ...", file=sys.stderr, flush=True)
            measure(module, options, peers)
    for page in pages():
        page.write_text(rendered(page.read_text(encoding="utf-8")), encoding="utf-8")


def measurements(args: argparse.Namespace, folder: Path) -> list[tuple[str, ...]]:
    """Modules with their options; of those with steps the last one prints the figures."""
    data = ("--data", str(args.data))
    million = ("search.index_scale", "--folder", str(folder / "million"), "--step")
    return [
        ("speed.backends", *data),
        ("speed.embed_speed", *data, "--weights", str(args.weights)),
        ("search.index_small",),
        *((*million, step) for step in ("draw", "build", "ask")),
        ("search.index_overhead",),
        ("speed.training_step",),
        ("speed.byol_views", "--pictures", str(args.pictures)),
        ("speed.byol_step", *data),
        ("speed.shared_machine",),
    ]


def measure(module: str, options: list[str], peers: Path) -> None:
    """Run one, and keep what it prints where that is whole."""
    command = [sys.executable, "-m", f"benchmarks.{module}", *options]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [str(peers), os.environ.get("PYTHONPATH")]))}
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout
    if printed.strip():
        (RESULTS / f"{module.rpartition('.')[2]}.json").write_text(printed, encoding="utf-8")


if __name__ == "__main__":
    main()
