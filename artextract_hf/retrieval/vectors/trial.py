"""Every factory tried on one's own vectors: what it finds, how long it takes, and how much it stores."""

import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from artextract_hf.errors import PaintingIndexError, QueryError
from artextract_hf.evaluation.index_search import score_searches
from artextract_hf.retrieval.vectors.factories import NAMES
from artextract_hf.retrieval.vectors.scan import scan
from artextract_hf.retrieval.vectors.store import VectorStore

K = 10
QUERIES = 200
SEED = 1  # other works than those by which an index chooses how thoroughly to search
ROUNDING = 1e-6  # what scores like the tenth counts as found


@dataclass(frozen=True)
class Trial:
    """One factory on the vectors of a collection.

    Attributes:
        factory: its name.
        recall: share of the ten nearest others of a work that it finds; flat finds all.
        p50_ms: median time of one search, milliseconds; one query at a time.
        p95_ms: of 95 in 100 searches.
        bytes: of its files, the vectors included.
        build_s: seconds to build it.
    """

    factory: str
    recall: float
    p50_ms: float
    p95_ms: float
    bytes: int
    build_s: float

    def as_json(self) -> dict[str, Any]:
        """Rounded, as the command line prints it."""
        return {name: round(value, 4) if isinstance(value, float) else value for name, value in asdict(self).items()}


def try_factories(vectors: np.ndarray, metric: str) -> Iterator[Trial]:
    """Build an index by each factory that the vectors are enough for, and search it for some of them.

    Args:
        vectors: (N, dim) float32.
        metric: `cosine`, `ip` or `l2`.

    Raises:
        PaintingIndexError: there are too few vectors to have ten nearest others.
    """
    if len(vectors) <= K:
        raise PaintingIndexError(f"{len(vectors)} paintings are too few: each needs {K} others to be found.")
    rows = np.sort(np.random.default_rng(SEED).permutation(len(vectors))[:QUERIES])
    exact = scan(vectors, vectors[rows], K + 1, metric)  # a work finds itself too
    for factory in NAMES:
        if factory != "auto":
            try:
                yield _try(factory, vectors, metric, rows, exact)
            except QueryError:  # too few vectors to learn its codes from
                continue


def _try(
    factory: str, vectors: np.ndarray, metric: str, rows: np.ndarray, exact: tuple[np.ndarray, np.ndarray]
) -> Trial:
    began = time.perf_counter()
    store = VectorStore.build(vectors, factory=factory, metric=metric)
    built = time.perf_counter() - began
    answers, nearest, times = [], [], []
    for row, scores, near in zip(rows, *exact, strict=True):
        began = time.perf_counter()
        found_scores, found = store.search(vectors[row : row + 1], K + 1)
        times.append(1000 * (time.perf_counter() - began))
        like_the_last = found[found_scores >= scores[-1] - ROUNDING]
        answers.append(found[found != row])
        nearest.append({*near, *like_the_last} - {row})
    scored = score_searches(answers, nearest, times, k=K)
    with tempfile.TemporaryDirectory() as folder:
        store.save(folder)
        size = sum(path.stat().st_size for path in Path(folder).iterdir())
    return Trial(factory, scored.recall, scored.p50_ms, scored.p95_ms, size, built)
