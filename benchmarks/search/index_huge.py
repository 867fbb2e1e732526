"""Ten million vectors on disk: an IVF-PQ index built shard by shard, memory-mapped, and asked one query at a time.

    OMP_NUM_THREADS=2 python -m benchmarks.search.index_huge --folder /tmp/index_huge --step build
    OMP_NUM_THREADS=2 python -m benchmarks.search.index_huge --folder /tmp/index_huge --step ask \\
        > benchmarks/results/index_huge.json

The vectors are drawn as in `index_scale.py`, whose ten thousand centres get a thousand vectors each here. The folder
takes 24 GB. A tenth of the vectors at a time is drawn, compared with every query (the exact truth, and the peer for the
time of a query), and put into an index of its own; a build that was stopped goes on where it was when asked again.

`VectorStore.build` and `save` would read the 20 GB of vectors four times and write them twice. So the shards are merged
here, with the factory, the training and the recall target that `build` has, into the files that `save` writes.
`VectorStore.load` opens them, and searches as it always does. It scores 1,000 candidates of the codes exactly, for
which the vectors stay on disk: 64 bytes do not tell a thousand vectors around the same centre apart
(`recall@10_codes_alone`).

Cold is a query after the files were put out of the page cache, warm one that was asked before. Memory is that of the
asking process: its own, and with the pages of the memory-mapped files, which the system takes back when it needs them.
"""

import argparse
import json
import os
import platform
import time
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from artextract_hf.retrieval.vectors import factories
from artextract_hf.retrieval.vectors.faiss_index import efforts, inverted_lists, set_effort
from artextract_hf.retrieval.vectors.scan import METRICS, rescore, scan
from artextract_hf.retrieval.vectors.store import VectorStore
from benchmarks.search.index_scale import DIM, K, draw, resident, timed

SHARDS, ASKED, METRIC = 10, 200, "cosine"
COLD = 20  # queries; every miss reads its neighbourhood too, so that later queries are not as cold
TIMES = ("draw_s", "train_s", "add_s", "exact_s", "exact_single_s")


def main() -> None:
    """One step."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--step", choices=["build", "ask"], required=True)
    parser.add_argument("--vectors", type=int, default=10_000_000)
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    if args.step == "build":
        build(args.folder, args.vectors)
    else:
        print(json.dumps(ask(args.folder), indent=2))


def build(folder: Path, count: int) -> None:
    """Build what shards are missing, merge them, and note how long it took."""
    factory, spec = factories.resolve("ivfpq", count, DIM)
    draw(folder / "queries.npy", ASKED, seed=1)
    path = folder / "vectors.npy"
    mode: Any = "r+" if path.exists() else "w+"
    vectors = np.lib.format.open_memmap(path, mode=mode, dtype=np.float32, shape=(count, DIM))
    if len(vectors) != count:
        raise SystemExit(f"{folder} holds {len(vectors)} vectors, not {count}; take another folder.")
    starts = range(0, count, -(-count // SHARDS))
    for number, start in enumerate(starts):
        if not (folder / f"shard_{number}.npz").exists():
            build_shard(folder, spec, vectors, slice(start, min(start + starts.step, count)), number)
    parts = [np.load(folder / f"shard_{number}.npz") for number in range(len(starts))]
    truth = np.sort(np.concatenate([part["scores"] for part in parts], axis=1), axis=1)[:, ::-1]
    np.save(folder / "truth.npy", truth[:ASKED, K - 1])
    spent = dict(zip(TIMES, np.sum([part["seconds"] for part in parts], axis=0), strict=True))

    begun = time.perf_counter()
    index = faiss.read_index(str(folder / "trained.faiss"))
    for number in range(len(starts)):
        index.merge_from(faiss.read_index(str(folder / f"shard_{number}.faiss")), 0)
    spent["merge_s"] = time.perf_counter() - begun
    begun = time.perf_counter()
    kept = np.load(path, mmap_mode="r")
    tune(VectorStore(index, kept, factory=factory, spec=spec, metric=METRIC), truth[ASKED:, K])
    spent["tune_s"] = time.perf_counter() - begun
    faiss.write_index(index, str(folder / "index.faiss"))
    about = {"factory": factory, "faiss": spec, "metric": METRIC, "reason": "", "count": count, "dim": DIM}
    (folder / "vectors.json").write_text(json.dumps(about), encoding="utf-8")
    (folder / "build.json").write_text(json.dumps(spent), encoding="utf-8")


def build_shard(folder: Path, spec: str, vectors: np.memmap, part: slice, number: int) -> None:
    """Draw a part of the vectors, index it, and score it for the queries, and for the first vectors of all."""
    clock = [time.perf_counter()]
    draw(folder / "block.npy", part.stop - part.start, seed=2 + number)
    block = np.load(folder / "block.npy", mmap_mode="r")
    vectors[part] = block
    clock.append(time.perf_counter())
    if number == 0:
        index = factories.make_index(spec, len(vectors), DIM, METRICS[METRIC])
        factories.train(index, block[factories.TUNING_QUERIES :])  # not on those that tell how many lists to probe
        faiss.write_index(index, str(folder / "trained.faiss"))
    index = faiss.read_index(str(folder / "trained.faiss"))
    clock.append(time.perf_counter())
    index.add_with_ids(block, np.arange(part.start, part.stop))
    faiss.write_index(index, str(folder / f"shard_{number}.faiss"))
    clock.append(time.perf_counter())
    queries = np.load(folder / "queries.npy")
    scores = scan(block, np.concatenate([queries, vectors[: factories.TUNING_QUERIES]]), K + 1, METRIC)[0]
    clock.append(time.perf_counter())
    scan(block, queries[:1], K, METRIC)
    clock.append(time.perf_counter())
    (folder / "block.npy").unlink()
    np.savez(folder / f"shard_{number}.npz", scores=scores, seconds=np.diff(clock))


def tune(store: VectorStore, needed: np.ndarray) -> None:
    """Probe as many lists as the recall target asks on the first vectors; each finds itself, which is left out."""
    own = store.vectors(np.arange(len(needed)))
    for effort in efforts(store.index):
        set_effort(store.index, effort)
        found = store.search(own, K + 1)[0][:, 1:] >= needed[:, None] - 1e-6
        if found.mean() >= factories.RECALL_TARGET:
            break


def ask(folder: Path) -> dict[str, Any]:
    """Recall, time of a query, sizes."""
    queries, truth = np.load(folder / "queries.npy"), np.load(folder / "truth.npy")
    spent = json.loads((folder / "build.json").read_text(encoding="utf-8"))
    for name in ("index.faiss", "vectors.npy"):
        forget(folder / name)
    begun = time.perf_counter()
    store = VectorStore.load(folder)
    opened = time.perf_counter() - begun
    cold = [timed(store, query[None]) for query in queries[:COLD]]
    own_first, mapped_first = (resident(kind) for kind in ("RssAnon", "RssFile"))
    scores = np.concatenate([store.search(query[None], K)[0] for query in queries])
    warm = [timed(store, query[None]) for query in queries]
    own, mapped = (resident(kind) for kind in ("RssAnon", "RssFile"))
    vectors = np.load(folder / "vectors.npy", mmap_mode="r")
    by_codes = rescore(vectors, queries, store.index.search(queries, K)[1], K, METRIC)[0]
    return {
        "faiss": faiss.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "vectors": len(store),
        "dim": store.dim,
        "factory": store.factory,
        "faiss_factory": store.spec,
        "probes": inverted_lists(store.index).nprobe,
        "threads": faiss.omp_get_max_threads(),
        "queries": len(queries),
        "draw_s": round(spent["draw_s"], 1),
        "build_s": round(sum(spent[name] for name in ("train_s", "add_s", "merge_s", "tune_s")), 1),
        **{name: round(spent[name], 1) for name in ("train_s", "add_s", "merge_s", "tune_s")},
        "recall@10": round(float(np.mean(scores >= truth[:, None] - 1e-6)), 4),
        "recall@10_codes_alone": round(float(np.mean(by_codes >= truth[:, None] - 1e-6)), 4),
        "open_ms": round(opened * 1e3, 1),
        "p50_ms": round(float(np.median(warm)) * 1e3, 3),
        "p95_ms": round(float(np.quantile(warm, 0.95)) * 1e3, 3),
        "cold_p50_ms": round(float(np.median(cold)) * 1e3, 1),
        "exact_ms": round(spent["exact_single_s"] * 1e3, 1),
        "exact_ms_a_query_in_a_batch": round(spent["exact_s"] / (ASKED + factories.TUNING_QUERIES) * 1e3, 2),
        "index_bytes_a_vector": round((folder / "index.faiss").stat().st_size / len(store), 1),
        "vectors_bytes_a_vector": round((folder / "vectors.npy").stat().st_size / len(store), 1),
        f"own_MB_after_{COLD}_queries": own_first,
        f"mapped_MB_after_{COLD}_queries": mapped_first,
        "own_MB": own,
        "mapped_MB": mapped,
    }


def forget(path: Path) -> None:
    """Put a file out of the page cache (Linux)."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


if __name__ == "__main__":
    main()
