"""Time and peak memory of `artextract prepare wikiart` as the collection grows, on real paintings.

    python -m benchmarks.data.prepare_memory --root WIKIART > benchmarks/results/prepare_memory.json

The collection is taken once, twice and four times (hard links under other artists' names), prepared by the command line
in a process of its own, and read once more without preparing anything: the start of Python and its libraries.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import datasets

TIMES = (1, 2, 4)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, required=True, help="WikiArt in the layout of the ArtGAN release")
    parser.add_argument("--split", default="joint")
    args = parser.parse_args()
    report = {}
    with tempfile.TemporaryDirectory() as folder:
        start = measure(["prepare", "wikiart", "--help"])
        source = Path(folder) / "source"  # hard links cannot reach another disk
        shutil.copytree(args.root, source)
        for times in TIMES:
            root = Path(folder) / f"{times}x"
            paintings = multiply(source, root, times)
            out = Path(folder) / "out"
            figures = measure(["prepare", "wikiart", "--root", root, "--out", out, "--split", args.split, "--json"])
            report[f"{times}x"] = {"paintings": paintings, **figures}
    growth = report["4x"]["peak_mb"] / report["1x"]["peak_mb"]
    settings = {"split": args.split, "datasets": datasets.__version__, "cores": os.cpu_count()}
    print(json.dumps({**settings, "start": start, "runs": report, "peak_4x_over_1x": round(growth, 2)}, indent=2))


def multiply(source: Path, root: Path, times: int) -> int:
    """A WikiArt with every painting of `source` so many times; the number of files."""
    lists = sorted((source / "wikiart_csv").iterdir())
    (root / "wikiart_csv").mkdir(parents=True)
    for path in lists:
        text = path.read_text(encoding="utf-8")
        if not path.stem.endswith("_class"):
            lines = text.splitlines()
            text = "".join(f"{renamed(line, copy)}\n" for copy in range(times) for line in lines)
        (root / "wikiart_csv" / path.name).write_text(text, encoding="utf-8")
    files = [path for path in (source / "wikiart").rglob("*") if path.is_file()]
    for path in files:
        for copy in range(times):
            target = root / "wikiart" / renamed(path.relative_to(source / "wikiart").as_posix(), copy)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.hardlink_to(path)
    return len(files) * times


def renamed(path: str, copy: int) -> str:
    """The path under another artist's name; copy 0 keeps it."""
    folder, _, name = path.partition("/")
    return path if copy == 0 else f"{folder}/copy-{copy}-{name}"


def measure(arguments: list[object]) -> dict[str, float]:
    """Seconds and peak resident memory of a run of the command line."""
    code = "import sys; from artextract_hf.cli import main; sys.argv[0] = 'artextract'; main()"
    start = time.perf_counter()
    child = subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        sys.exit(f"artextract {arguments[0]} ended with status {status}")
    kb = usage.ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    return {"seconds": round(time.perf_counter() - start, 1), "peak_mb": round(kb / 1024)}


if __name__ == "__main__":
    main()
