"""How much of an exact search an index finds, and how long it takes."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from artextract_hf.errors import DataError


@dataclass(frozen=True)
class SearchScores:
    """Of all searches.

    Attributes:
        recall: share of the nearest that the index finds among as many answers, averaged over the searches.
        p50_ms: median time of a search, milliseconds.
        p95_ms: of 95 in 100 searches.
    """

    recall: float
    p50_ms: float
    p95_ms: float


def score_searches(
    found: Sequence[Sequence[Any]], nearest: Sequence[Collection[Any]], milliseconds: Sequence[float], *, k: int
) -> SearchScores:
    """Compare the answers of an index with those of an exact search.

    Args:
        found: for each query what the index found, best first; the first k are looked at.
        nearest: for each query what the exact search found: at least k, and with them all that tie with the last.
        milliseconds: what each search of the index took.
        k: how many answers a search is for.

    Raises:
        DataError: there is no search, or fewer than k nearest of a query.
    """
    if not found or k < 1:
        raise DataError(f"there are {len(found)} searches for {k} answers each; give at least one search for one.")
    if few := [row for row, true in enumerate(nearest) if len(set(true)) < k]:
        raise DataError(f"the exact search gave {len(set(nearest[few[0]]))} answers to query {few[0]}; give all {k}.")
    shares = [len(set(some[:k]) & set(true)) / k for some, true in zip(found, nearest, strict=True)]
    p50, p95 = np.percentile(milliseconds, (50, 95))
    return SearchScores(float(np.mean(shares)), float(p50), float(p95))
