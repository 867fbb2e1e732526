"""The vector database against the file index with exact FAISS, both made from the same vectors, on the same machine.

    pip install 'artextract-hf[database]'
    python -m benchmarks.search.database > benchmarks/results/database.json

The vectors are random, with directions of falling variance as embeddings have. Queries are drawn alike and belong to no
record. Recall@10 is against all products computed by numpy. Both searches are the whole call, from the vector to hits
with records. Building is from vectors and includes calibration; in the stored figures that of the database does not,
which had none when they were taken.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from artextract_hf.digests import file_digest
from artextract_hf.retrieval.database.index import DatabaseIndex
from artextract_hf.retrieval.fingerprint import data_fingerprint
from artextract_hf.retrieval.index import PaintingIndex

K = 10
SIZES = ((50_000, 512), (400_000, 128))  # the larger has more lists than a search reads
YEARS = (1400, 2000)
WHERES = {"everything": None, "one_in_10": "year < 1460", "one_in_600": "year == 1450"}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--queries", type=int, default=100)
    args = parser.parse_args()
    versions = {name: version(name) for name in ("lancedb", "faiss-cpu")}
    sizes = {f"{count} x {dim}": compare(count, dim, args.queries) for count, dim in SIZES}
    print(json.dumps({"versions": versions, "queries": args.queries, "vectors": sizes}, indent=2))


def compare(count: int, dim: int, asked: int) -> dict[str, Any]:
    """Figures of both indexes of the same records, one after the other."""
    rng = np.random.default_rng(0)
    vectors, queries = draw(rng, count, dim), draw(rng, asked, dim)
    years = rng.integers(*YEARS, size=count)
    report: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_embeddings(folder, vectors, years)
        makers: dict[str, Callable[[], Any]] = {
            "file_flat": lambda: PaintingIndex.from_embeddings(folder, factory="flat"),
            "database": lambda: DatabaseIndex.from_embeddings(folder, str(folder / "database"), "paintings"),
        }
        for name, make in makers.items():
            start = time.perf_counter()
            index = make()
            report[name] = {"build_s": round(time.perf_counter() - start, 2)}
            report[name] |= {label: ask(index, where, vectors, queries, years) for label, where in WHERES.items()}
        files = [path for path in (folder / "database").rglob("*") if path.is_file()]
        report["database"]["mb_on_disk"] = round(sum(path.stat().st_size for path in files) / 1e6)
    return report


def draw(rng: np.random.Generator, count: int, dim: int) -> np.ndarray:
    """Unit vectors (count, dim) whose i-th direction has the variance 1 / i."""
    vectors = rng.normal(size=(count, dim)) / np.sqrt(np.arange(1, dim + 1))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def write_embeddings(folder: Path, vectors: np.ndarray, years: np.ndarray) -> None:
    """What `artextract embed` writes, without pictures."""
    ids = [f"random/{row}" for row in range(len(vectors))]
    np.save(folder / "embeddings.npy", vectors)
    pq.write_table(pa.table({"id": ids, "year": pa.array(years, pa.int32())}), folder / "records.parquet")
    (folder / "ids.json").write_text(json.dumps(ids), encoding="utf-8")
    about = {"embedder": "random", "fingerprint": "random", "dim": vectors.shape[1], "skipped": []}
    about["data"] = data_fingerprint(ids, [None] * len(ids))
    about["vectors"] = file_digest(folder / "embeddings.npy")
    (folder / "embedder.json").write_text(json.dumps(about), encoding="utf-8")


def ask(index: Any, where: str | None, vectors: np.ndarray, queries: np.ndarray, years: np.ndarray) -> dict[str, float]:
    """Milliseconds of the median search and recall@10, with and without a filter."""
    passing = np.flatnonzero(passes(where, years))
    times, right, wanted = [], 0, 0
    for query in queries:
        exact = passing[np.argsort(-(vectors[passing] @ query))[:K]]
        start = time.perf_counter()
        hits = index.search(query, K, where)
        times.append(time.perf_counter() - start)
        right += len({hit.id for hit in hits} & {f"random/{row}" for row in exact})
        wanted += len(exact)
    return {"passing": len(passing), "p50_ms": round(1e3 * float(np.median(times)), 2), "recall@10": right / wanted}


def passes(where: str | None, years: np.ndarray) -> np.ndarray:
    """The records that pass, by numpy."""
    return {None: years > 0, "year < 1460": years < 1460, "year == 1450": years == 1450}[where]


if __name__ == "__main__":
    main()
