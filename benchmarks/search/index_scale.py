"""A million vectors: built, saved, loaded memory-mapped, and asked one query at a time.

    python -m benchmarks.search.index_scale --folder /tmp/index_scale --step draw
    python -m benchmarks.search.index_scale --folder /tmp/index_scale --step build
    python -m benchmarks.search.index_scale --folder /tmp/index_scale --step ask \\
        > benchmarks/results/index_scale.json

The vectors, of length 512, lie around 10,000 random unit centres: each is a centre drawn evenly, plus a normal vector
of length about 1, scaled to length 1. The queries are 1,000 more. The truth is an exact scan, which is also the peer
for the time of a query. Memory is that of the asking process, which starts anew: its own, and with the pages of the
memory-mapped files that happen to be in memory.
"""

import argparse
import json
import re
import time
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from artextract_hf.retrieval.vectors.faiss_index import inverted_lists
from artextract_hf.retrieval.vectors.scan import scan
from artextract_hf.retrieval.vectors.store import VectorStore

DIM, CENTRES, SPREAD, ASKED, K, BLOCK = 512, 10_000, 1.0, 1000, 10, 50_000


def main() -> None:
    """One step."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--step", choices=["draw", "build", "ask"], required=True)
    parser.add_argument("--vectors", type=int, default=1_000_000)
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    if args.step == "draw":
        draw(args.folder / "vectors.npy", args.vectors, seed=0)
        draw(args.folder / "queries.npy", ASKED, seed=1)
    elif args.step == "build":
        build(args.folder)
    else:
        print(json.dumps(ask(args.folder), indent=2))


def draw(path: Path, count: int, *, seed: int) -> None:
    """Write vectors (count, 512) float32, a block at a time."""
    centres = np.random.default_rng(7).normal(size=(CENTRES, DIM))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    rng = np.random.default_rng(seed)
    vectors = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(count, DIM))
    for start in range(0, count, BLOCK):
        size = min(BLOCK, count - start)
        block = centres[rng.integers(CENTRES, size=size)] + rng.normal(size=(size, DIM)) * SPREAD / np.sqrt(DIM)
        vectors[start : start + size] = block / np.linalg.norm(block, axis=1, keepdims=True)


def build(folder: Path) -> None:
    """Build with `auto`, save, and note how long it took."""
    vectors = np.load(folder / "vectors.npy", mmap_mode="r")
    start = time.perf_counter()
    store = VectorStore.build(vectors)
    seconds = time.perf_counter() - start
    store.save(folder / "index")
    about = {"build_s": round(seconds, 1), "build_threads": faiss.omp_get_max_threads()}
    (folder / "build.json").write_text(json.dumps(about), encoding="utf-8")


def ask(folder: Path) -> dict[str, Any]:
    """Recall, time of a query, sizes."""
    queries = np.load(folder / "queries.npy")
    store = VectorStore.load(folder / "index")
    store.search(queries, K)  # brings the pages in that these queries need
    times = [timed(store, query[None]) for query in queries]
    own, mapped = (resident(kind) for kind in ("RssAnon", "RssFile"))
    half = np.arange(0, len(store), 2)
    filtered = [timed(store, query[None], rows=half) for query in queries[:50]]
    flat = np.load(folder / "vectors.npy", mmap_mode="r")
    start = time.perf_counter()
    truth = scan(flat, queries, K, "cosine")[0][:, -1:]
    batch = time.perf_counter() - start
    singles = []
    for query in queries[:5]:
        start = time.perf_counter()
        scan(flat, query[None], K, "cosine")
        singles.append(time.perf_counter() - start)
    return {
        "faiss": faiss.__version__,
        "vectors": len(store),
        "dim": store.dim,
        "factory": store.factory,
        "faiss_factory": store.spec,
        "probes": inverted_lists(store.index).nprobe,
        "reason": store.reason,
        **json.loads((folder / "build.json").read_text(encoding="utf-8")),
        "recall@10": round(float(np.mean(store.search(queries, K)[0] >= truth - 1e-6)), 4),
        "p50_ms": round(float(np.median(times)) * 1e3, 3),
        "p95_ms": round(float(np.quantile(times, 0.95)) * 1e3, 3),
        "p50_ms_half_of_the_rows": round(float(np.median(filtered)) * 1e3, 3),
        "exact_ms": round(float(np.median(singles)) * 1e3, 1),
        "exact_ms_a_query_in_a_batch": round(batch / len(queries) * 1e3, 2),
        "index_bytes_a_vector": round((folder / "index" / "index.faiss").stat().st_size / len(store), 1),
        "own_MB": own,
        "mapped_MB": mapped,
        "threads": faiss.omp_get_max_threads(),
    }


def resident(kind: str) -> int:
    """Megabytes of this process in memory, of one kind (Linux)."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(re.findall(rf"{kind}:\s+(\d+)", status)[0]) // 1024


def timed(store: VectorStore, query: np.ndarray, rows: np.ndarray | None = None) -> float:
    """Seconds of one search."""
    start = time.perf_counter()
    store.search(query, K, rows=rows)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
