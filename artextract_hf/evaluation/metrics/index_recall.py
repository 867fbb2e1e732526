"""What an approximate index finds of an exact search and how fast, as a module of `evaluate`."""

from collections.abc import Sequence

import datasets
import evaluate

from artextract_hf.errors import DataError
from artextract_hf.evaluation.index_search import score_searches

DESCRIPTION = """\
How much of an exact search an approximate index finds, and how long its searches take: recall at k, and the median and
the 95th percentile of the time of one search.
"""
INPUTS = """\
Args:
    predictions: for each query the names of what the index found, best first.
    references: for each query the names of the k nearest by an exact search, and of all that tie with the last of them.
    milliseconds: how long each search of the index took.
    k: how many answers a search is for.

Returns:
    recall@k: share of the nearest that are among the first k answers, averaged over the queries.
    p50_ms, p95_ms: time of a search, milliseconds.
    queries: how many there were.
"""


class IndexRecall(evaluate.Metric):
    """Recall at k against an exact search, and the time of a search."""

    example = {
        "predictions": [["a", "b"], ["d", "c"]],
        "references": [["a", "c"], ["c", "d"]],
        "milliseconds": [0.4, 0.6],
        "k": 2,
    }

    def _info(self) -> evaluate.MetricInfo:
        names = datasets.Sequence(datasets.Value("string"))
        columns = {"predictions": names, "references": names, "milliseconds": datasets.Value("float64")}
        return evaluate.MetricInfo(
            description=DESCRIPTION, inputs_description=INPUTS, citation="", features=datasets.Features(columns)
        )

    def _compute(
        self,
        predictions: Sequence[list[str]],
        references: Sequence[list[str]],
        milliseconds: Sequence[float],
        k: int = 10,
    ) -> dict[str, float]:
        if None in (*predictions, *references, *milliseconds):
            raise DataError("a query has None in place of its names or its time; give both of every query.")
        scores = score_searches(predictions, references, milliseconds, k=k)
        times = {"p50_ms": scores.p50_ms, "p95_ms": scores.p95_ms}
        return {f"recall@{k}": scores.recall, **times, "queries": len(predictions)}
