"""Single queries of 50,000 vectors: the index that `auto` chooses, against the flat default of `datasets`.

    python -m benchmarks.search.index_small --embeddings gallery.npy --queries queries.npy \\
        > benchmarks/results/index_small.json

Two collections. `clustered`: 50,000 vectors of length 512 around 500 random unit centres, each the centre plus a normal
vector of length about 1, scaled to length 1; queries are drawn alike. `embeddings`, where given: real embeddings of
paintings, as they are, and repeated to 50,000 with a normal vector of length about 0.3 added to each, scaled to length
1; the queries are embeddings of other paintings. Times are medians of single queries at k = 10; the ways take turns,
50 queries each. The peer is `datasets.Dataset.add_faiss_index` with the inner product, its exact default.
"""

import argparse
import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from datasets import Dataset

from artextract_hf.retrieval.vectors.scan import scan
from artextract_hf.retrieval.vectors.store import VectorStore

K = 10
TURN = 50


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--embeddings", type=Path, help="unit vectors (N, dim) of paintings, .npy")
    parser.add_argument("--queries", type=Path, help="unit vectors of other paintings, .npy")
    parser.add_argument("--vectors", type=int, default=50_000)
    parser.add_argument("--asked", type=int, default=400, help="so many queries")
    args = parser.parse_args()
    report = {"clustered": compare(*clustered(args.vectors, 512, 500, args.asked))}
    if args.embeddings:
        real, queries = np.load(args.embeddings), np.load(args.queries)[: args.asked]
        report["paintings"] = compare(real, queries)
        report["paintings_repeated"] = compare(repeated(real, args.vectors), queries)
    print(json.dumps({"faiss": faiss.__version__, "threads": faiss.omp_get_max_threads(), **report}, indent=2))


def clustered(count: int, dim: int, clusters: int, asked: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Vectors and queries around the same random centres, see above."""
    rng = np.random.default_rng(seed)
    centres = unit(rng.normal(size=(clusters, dim)))
    around = centres[rng.integers(clusters, size=count + asked)]
    points = unit(around + rng.normal(size=around.shape) / np.sqrt(dim))
    return points[:count], points[count:]


def repeated(vectors: np.ndarray, count: int, noise: float = 0.3, seed: int = 0) -> np.ndarray:
    """Vectors drawn with repetition, each moved a little."""
    rng = np.random.default_rng(seed)
    drawn = vectors[rng.integers(len(vectors), size=count)]
    return unit(drawn + noise / np.sqrt(drawn.shape[1]) * rng.normal(size=drawn.shape).astype(np.float32))


def unit(vectors: np.ndarray) -> np.ndarray:
    """Rows of length 1, float32."""
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def compare(vectors: np.ndarray, queries: np.ndarray) -> dict[str, Any]:
    """Time and recall of our indexes and the peer's."""
    truth = scan(vectors, queries, K, "cosine")[0][:, -1:]
    peer = Dataset.from_dict({"row": list(range(len(vectors)))})
    peer.add_faiss_index_from_external_arrays(vectors, "v", metric_type=faiss.METRIC_INNER_PRODUCT)
    ways: dict[str, Callable[[np.ndarray], Any]] = {"datasets": lambda query: peer.search("v", query, k=K)}
    report: dict[str, Any] = {"vectors": len(vectors), "dim": vectors.shape[1]}
    for factory in ("flat", "rabitq", "auto"):
        start = time.perf_counter()
        store = VectorStore.build(vectors, factory=factory)
        seconds = time.perf_counter() - start
        recall = float(np.mean(store.search(queries, K)[0] >= truth - 1e-6))
        report[factory] = {"faiss": store.spec, "build_s": round(seconds, 2), "recall@10": round(recall, 4)}
        ways[factory] = partial(ask, store)
    report["auto"]["reason"] = store.reason
    bare = faiss.IndexFlatIP(vectors.shape[1])
    bare.add(vectors)
    ways["faiss_flat"] = lambda query: bare.search(query[None], K)
    times = medians(ways, queries)
    for name, seconds in times.items():
        report.setdefault(name, {}).update(
            ms=round(seconds * 1e3, 3), times_faster=round(times["datasets"] / seconds, 2)
        )
    return report


def ask(store: VectorStore, query: np.ndarray) -> Any:
    """One search."""
    return store.search(query[None], K)


def medians(ways: dict[str, Callable[[np.ndarray], Any]], queries: np.ndarray) -> dict[str, float]:
    """Median seconds of each way to answer one query; the ways take turns after every 50 queries."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for start in range(0, len(queries), TURN):
        for name, ask in ways.items():
            for query in queries[start : start + TURN]:
                began = time.perf_counter()
                ask(query)
                seconds[name].append(time.perf_counter() - began)
    return {name: float(np.median(values)) for name, values in seconds.items()}


if __name__ == "__main__":
    main()
