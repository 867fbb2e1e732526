"""What is fast here stays fast: each part beside its peer, in five minutes, compared with the ratios that are stored.

    python -m benchmarks.quick --store    # writes benchmarks/results/quick.json
    python -m benchmarks.quick            # ends with status 1 where a part has become slower beside its peer

Ours and the peer take turns; each round gives one ratio, the peer's time by ours. The median is the figure, and the
rounds show how noisy the machine is: a part counts as slower where its best round is below the worst one stored.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import faiss
import torch
from PIL import Image
from transformers import pipeline

from artextract_hf import AutoEmbedder, load_classifier
from artextract_hf.data import decode_image, synthetic_paintings
from artextract_hf.models import ArtAttributesPipeline
from artextract_hf.retrieval.vectors.store import VectorStore
from benchmarks.search.index_small import clustered
from benchmarks.speed.training_step import stepper

RESULTS = Path(__file__).parent / "results/quick.json"
ROUNDS = 7
PAINTINGS, BATCH = 32, 16
VECTORS, DIM, ASKED, K = 50_000, 512, 50, 10
Way = Callable[[], Any]


@dataclass(frozen=True)
class Ratio:
    """The peer's time divided by ours: above 1, ours is the faster one.

    Attributes:
        peer: what it is compared with.
        ratio: of the median round.
        low: of the worst round.
        high: of the best round.
        ours_ms: milliseconds, median.
    """

    peer: str
    ratio: float
    low: float
    high: float
    ours_ms: float


def main() -> None:
    """Measure, and compare or store."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--store", action="store_true", help="keep these ratios as those to compare with")
    args = parser.parse_args()
    found = {}
    with ExitStack() as stack:
        for name, peer, ours, theirs in pairs(stack):
            found[name] = measure(peer, ours, theirs)
            print(f"{found[name].ratio:6.2f} times {peer}: {name}", file=sys.stderr)
    settings = {"torch": torch.__version__, "faiss": faiss.__version__, "threads": torch.get_num_threads()}
    document = {**settings, "rounds": ROUNDS, "parts": {name: asdict(ratio) for name, ratio in found.items()}}
    print(json.dumps(document, indent=2))
    if args.store:
        RESULTS.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    elif slower := slower_than(json.loads(RESULTS.read_text("utf-8"))["parts"], found):
        print("slower beside its peer than stored:", *slower, sep="\n  ", file=sys.stderr)
        sys.exit(1)


def slower_than(stored: dict[str, dict[str, Any]], found: dict[str, Ratio]) -> list[str]:
    """The parts whose best round is below the worst that is stored, with both."""
    return [
        f"{name}: at best {ratio.high}, stored at worst {stored[name]['low']}"
        for name, ratio in found.items()
        if name in stored and ratio.high < stored[name]["low"]
    ]


def measure(peer: str, ours: Way, theirs: Way) -> Ratio:
    """The ratios of rounds in which both take turns; the first round warms up."""
    times = [(seconds(ours), seconds(theirs)) for _ in range(ROUNDS + 1)][1:]
    ratios = [theirs_s / ours_s for ours_s, theirs_s in times]
    median, low, high = (round(value, 2) for value in (statistics.median(ratios), min(ratios), max(ratios)))
    return Ratio(peer, median, low, high, round(1e3 * statistics.median(ours_s for ours_s, _ in times), 3))


def seconds(way: Way) -> float:
    """How long it takes."""
    start = time.perf_counter()
    way()
    return time.perf_counter() - start


def pairs(stack: ExitStack) -> Iterator[tuple[str, str, Way, Way]]:
    """What is done, by which peer, in our way and in its."""
    files = written(Path(stack.enter_context(tempfile.TemporaryDirectory())))
    yield "decode a JPEG of 1500 x 1200 to 512 pixels", "Pillow", *decoding(files[0])
    model, processor = load_classifier("default")
    peer = pipeline("image-classification", model=model, image_processor=processor)
    embedder = AutoEmbedder.from_pretrained("default")
    yield (
        f"embed files, batch {BATCH}",
        "transformers' pipeline",
        lambda: embedder.embed(files, BATCH),
        lambda: peer(files, batch_size=BATCH),
    )
    attributes = ArtAttributesPipeline(model=model, image_processor=processor)
    yield "classify a file", "transformers' pipeline", lambda: attributes(files[0]), lambda: peer(files[0])
    yield f"ten nearest of {VECTORS:,} vectors", "faiss.IndexFlatIP", *searching()
    plain, folded = (stepper(folded=folded, dtype=torch.float32) for folded in (False, True))
    yield "a training step, frozen norms folded", "timm", folded, plain
    yield "`artextract --help`", "`python -c 'import typer'`", *starting()


def written(folder: Path) -> list[str]:
    """Procedural paintings as large JPEG files."""
    files = []
    for i, picture in enumerate(synthetic_paintings(PAINTINGS, seed=0)["image"]):
        files.append(str(folder / f"{i}.jpg"))
        picture.resize((1500, 1200)).save(files[-1], quality=90)
    return files


def decoding(file: str) -> tuple[Way, Way]:
    """Half scale by the decoder, and the whole picture by Pillow."""
    return lambda: decode_image(file, min_side=512), lambda: Image.open(file).convert("RGB")


def searching() -> tuple[Way, Way]:
    """Single queries among vectors around 500 centres."""
    vectors, queries = clustered(VECTORS, DIM, 500, ASKED)
    store = VectorStore.build(vectors, factory="auto")
    flat = faiss.IndexFlatIP(DIM)
    flat.add(vectors)
    return (
        lambda: [store.search(query[None], K) for query in queries],
        lambda: [flat.search(query[None], K) for query in queries],
    )


def starting() -> tuple[Way, Way]:
    """New processes."""
    ours = [sys.executable, "-m", "artextract_hf.cli", "--help"]
    theirs = [sys.executable, "-c", "import typer"]

    def run(command: list[str]) -> None:
        subprocess.run(command, check=True, capture_output=True)

    return lambda: run(ours), lambda: run(theirs)


if __name__ == "__main__":
    main()
