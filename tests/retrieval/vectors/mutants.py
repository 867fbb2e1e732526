"""Damaged FAISS files, read and searched one after the other in this process: `mutants.py FACTORY FOLDER FIRST LAST`.

Writes one word a mutant: `refused`, or `answered`; then the most memory taken while it was tried, in MB.
"""

import resource
import shutil
import sys
from pathlib import Path

import numpy as np

from artextract_hf.errors import ArtExtractError
from artextract_hf.retrieval.vectors.store import VectorStore

COUNT, DIM = 400, 32


def main(factory: str, folder: Path, first: int, last: int) -> None:
    points = np.random.default_rng(0).normal(size=(COUNT, DIM)).astype(np.float32)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    VectorStore.build(points, factory=factory).save(folder / "whole")
    whole = (folder / "whole/index.faiss").read_bytes()
    shutil.copytree(folder / "whole", folder / "mutant", dirs_exist_ok=True)
    use(folder / "whole", points)
    before = most_memory()
    for number in range(first, last):
        (folder / "mutant/index.faiss").write_bytes(mutant(whole, np.random.default_rng([number, len(factory)])))
        sys.stdout.write(attempt(folder / "mutant", points) + "\n")
        sys.stdout.flush()
    sys.stdout.write(f"{most_memory() - before}\n")


def attempt(folder: Path, points: np.ndarray) -> str:
    try:
        use(folder, points)
    except ArtExtractError as error:
        assert "\n" not in str(error), error
        return "refused"
    return "answered"


def use(folder: Path, points: np.ndarray) -> None:
    """Read an index, search it, and change it."""
    store = VectorStore.load(folder)
    store.check()
    for rows in (None, np.arange(0, COUNT, 2)):
        scores, found = store.search(points[:8], 5, rows=rows)
        assert found.min() >= 0 and found.max() < COUNT and np.isfinite(scores).all()
        store._candidates(points[:8], 50, rows)  # what a large index does at each search
    changed = store.copy()
    changed.add(points[:3])
    changed.remove(np.arange(10))
    changed.search(points[:2], 20)


def mutant(whole: bytes, rng: np.random.Generator) -> bytes:
    """The bytes with one damage; most of them in what FAISS reads before the codes, and in lengths."""
    data, place = bytearray(whole), int(rng.integers(len(whole) if rng.random() < 0.4 else min(len(whole), 500)))
    kind = rng.choice(["flip", "32", "64", "small", "cut", "longer", "splice", "float"])
    if kind == "flip":
        data[place] ^= int(rng.integers(1, 256))
    elif kind == "32":
        data[place : place + 4] = int(rng.integers(2**32)).to_bytes(4, "little")
    elif kind == "64":
        data[place : place + 8] = int(rng.integers(2**63)).to_bytes(8, "little")
    elif kind == "small":
        data[place : place + 8] = int(rng.integers(2**12)).to_bytes(8, "little")
    elif kind == "float":
        data[place : place + 4] = np.float32(rng.choice([np.nan, np.inf, 1e38, -0.0])).tobytes()
    elif kind == "cut":
        del data[place:]
    elif kind == "longer":
        data[place:place] = rng.bytes(int(rng.integers(1, 64)))
    else:
        other = int(rng.integers(len(whole)))
        data[place : place + 64] = whole[other : other + 64]
    return bytes(data)


def most_memory() -> int:
    """MB that this process has taken at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
