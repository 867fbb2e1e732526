"""What `PaintingIndex` costs on top of FAISS and Arrow: a search by vector, a filter, loading, calibrating.

    python -m benchmarks.search.index_overhead > benchmarks/results/index_overhead.json

Vectors are random; records are such as the schema has. Times are medians of interleaved runs in one process, and each
is a ratio to a named peer that does the part that cannot be avoided.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pyarrow.parquet as pq

from artextract_hf.retrieval.filters import parse_where
from artextract_hf.retrieval.index import PaintingIndex
from artextract_hf.retrieval.records import RecordTable
from artextract_hf.retrieval.storage import index_files
from artextract_hf.retrieval.vectors.store import VectorStore

FILTERS = (
    "artist_name == 'Ada'",
    "year >= 1870 and year_end <= 1900",
    "genre in ('portrait', 'nude') or not year > 1600",
)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--vectors", type=int, default=50_000)
    parser.add_argument("--dim", type=int, default=1280)
    parser.add_argument("--records", type=int, default=1_000_000, help="of the filters")
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    report: dict[str, Any] = {"faiss": faiss.__version__, "threads": faiss.omp_get_max_threads()}
    report |= {"vectors": args.vectors, "dim": args.dim} | search_and_load(args.vectors, args.dim, rng)
    report["filters"] = {"records": args.records, "ms": filters(args.records, rng)}
    print(json.dumps(report, indent=2))


def search_and_load(count: int, dim: int, rng: np.random.Generator) -> dict[str, Any]:
    """A search at k = 10 against bare FAISS, and loading against reading the same files."""
    vectors = rng.standard_normal((count, dim), dtype=np.float32)
    faiss.normalize_L2(vectors)
    queries = vectors[rng.integers(count, size=8)]
    bare = faiss.IndexFlatIP(dim)
    bare.add(vectors)
    made = PaintingIndex(
        VectorStore.build(vectors, factory="flat"),
        RecordTable.from_rows(records(count, rng)),
        embedder=None,
        embedder_name="none",
        fingerprint="none",
    )
    start = time.perf_counter()
    made.fit_calibration()
    figures: dict[str, Any] = {"calibration_s": round(time.perf_counter() - start, 2)}
    one, many = times(lambda: made.search(queries[0], k=10), lambda: bare.search(queries[:1], 10), runs=40)
    figures["search"] = {"bare_faiss_ms": ms(many), "ratio": round(one / many, 3)}
    one, many = times(lambda: made.search_many(list(queries), k=10), lambda: bare.search(queries, 10), runs=20)
    figures["search_many_of_8"] = {"bare_faiss_ms": ms(many), "ratio": round(one / many, 3)}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "index"
        made.save_pretrained(path)
        one, many = times(lambda: PaintingIndex.from_pretrained(path), lambda: read_files(path), runs=3)
        figures["load"] = {"reading_and_hashing_the_files_ms": ms(many), "ratio": round(one / many, 3)}
    return figures


def read_files(folder: Path) -> None:
    """What loading cannot do without: the digests of the files, FAISS's and Arrow's own reading."""
    for name in index_files(folder):  # this checks the digests
        assert (folder / name).is_file()
    faiss.read_index(str(folder / "index.faiss"))
    pq.read_table(folder / "records.parquet")


def records(count: int, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Rows such as the schema has, with a small picture of some hundred bytes."""
    names, genres = ["Ada", "Ben", "Cem", "Dora Maria Long-Name"], ["portrait", "landscape", "nude", None]
    years = rng.integers(1500, 1950, count).tolist()
    return [
        {
            "id": f"collection/images/{i}.jpg",
            "style": "Impressionism" if i % 3 else None,
            "genre": genres[i % 4],
            "artist": None,
            "title": f"Painting number {i}",
            "artist_name": names[i * 7 % 4],
            "year": years[i] if i % 5 else None,
            "source_url": f"https://example.org/{i}",
            "license": "CC0-1.0",
            "credit_line": f"Painting number {i}, a museum",
            "year_end": years[i] + 5 if i % 5 else None,
            "medium": "oil on canvas",
            "wikidata_id": "",
            "alt_text": "",
            "thumbnail": bytes(600),
        }
        for i in range(count)
    ]


def filters(count: int, rng: np.random.Generator) -> dict[str, float]:
    """Milliseconds of each filter, parsing included."""
    table = RecordTable.from_rows(records(count // 10, rng)).fields
    table = RecordTable(type(table).from_batches(table.to_batches() * 10)).fields
    return {where: ms(times(partial(parse_where, where, table), runs=5)[0]) for where in FILTERS}


def times(*calls: Callable[[], object], runs: int) -> list[float]:
    """Median seconds of each call, in turn, after one unmeasured round."""
    seconds: list[list[float]] = [[] for _ in calls]
    for run in range(runs + 1):
        for call, spent in zip(calls, seconds, strict=True):
            start = time.perf_counter()
            call()
            if run:
                spent.append(time.perf_counter() - start)
    return [statistics.median(spent) for spent in seconds]


def ms(seconds: float) -> float:
    """Rounded milliseconds."""
    return round(1000 * seconds, 2)


if __name__ == "__main__":
    main()
