"""From when works look, by the dated works of a collection: which look earlier or later than their date says.

vectors, dates    --ridge regression, folds--> the year of each work, by models that did not learn it
errors of these   --as large as those of the nearest works--> an interval around each year, cross-conformal (Vovk 2015)
dates, intervals  --> works dated before or after all that they look like; intervals for works without a date
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import GroupKFold, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from artextract_hf.curation.findings import Finding
from artextract_hf.curation.outliers import neighbourhood
from artextract_hf.errors import PaintingIndexError
from artextract_hf.escapes import for_spreadsheet
from artextract_hf.outputs import whole_files
from artextract_hf.retrieval.index import PaintingIndex
from artextract_hf.retrieval.vectors.scan import units

LEVEL = 0.9  # share of the dates that the intervals are to hold
FOLDS = 5
LEAST = 50  # works with a date; the ends of intervals rest on the twentieth part of them
NEAREST = 20  # works whose errors say how large one may be
LISTED = 50  # works of a criterion that are named
BESIDE = 3
PENALTIES = tuple(10.0**power for power in range(1, 7))  # of the regression, chosen by its own cross-validation
HALF_YEAR = 0.5  # dates are whole years: no error is known to be less
SEED = 0
DATES = "dates.csv"


@dataclass(frozen=True)
class DateEstimates:
    """From when N works look.

    Attributes:
        year: (N,) float64, the estimate.
        low: (N,) the first year of the interval.
        high: (N,) the last year of it.
    """

    year: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def looks_earlier(self, first: np.ndarray) -> np.ndarray:
        """How far dates that begin in these years (N,) lie after the estimates, in half widths; above 1, outside."""
        return (first - self.year) / (self.high - self.year)

    def looks_later(self, last: np.ndarray) -> np.ndarray:
        """The same of dates that end in these years, before the estimates."""
        return (self.year - last) / (self.year - self.low)


def find_misdated(index: PaintingIndex) -> tuple[list[Finding], DateEstimates]:
    """The works that look earlier, and those that look later than they are dated, the furthest out first.

    Only works whose date lies outside their interval are named; a tenth of all does, if all dates are right.

    Args:
        index: its records have `year`, and `year_end` where a date is a range.

    Returns:
        The findings, and the estimates of all works in the order of the index.

    Raises:
        PaintingIndexError: fewer than `LEAST` works have a date, or all have the same.
    """
    first, last = date_ranges(index)
    vectors, ids = units(index.vectors()), index.ids
    estimates = estimate_dates(vectors, first, last)
    around = neighbourhood(vectors, BESIDE)
    findings = []
    for criterion, distance in (
        ("looks earlier", estimates.looks_earlier(first)),
        ("looks later", estimates.looks_later(last)),
    ):
        outside = np.flatnonzero(distance > 1)  # never of works without a date
        for row in outside[np.argsort(-distance[outside], kind="stable")][:LISTED]:
            reason = f"dated {_span(first[row], last[row])}; looks like {_words(estimates, row)}."
            beside = tuple(ids[other] for other in around.rows[row])
            findings.append(Finding(ids[row], criterion, float(distance[row]), reason, beside))
    return findings, estimates


def check_dates(dataset: Dataset) -> None:
    """Refuse a collection whose dates `find_misdated` would refuse, before hours go into embedding it.

    Raises:
        PaintingIndexError: as there.
    """
    given = [name for name in ("year", "year_end") if name in dataset.column_names]
    first, last = _ranges(dataset.select_columns(given).to_list() if given else [])
    _require_dates((first + last) / 2)


def date_ranges(index: PaintingIndex) -> tuple[np.ndarray, np.ndarray]:
    """The first and the last year (N,) that each work may be from, NaN where it has no date.

    A date that is open, such as "before 1875", begins or ends in infinity; where no work has a `year_end`, dates are
    single years.
    """
    return _ranges(index.records())


def _ranges(records: Sequence[Mapping[str, Any]]) -> tuple[np.ndarray, np.ndarray]:
    first = np.array([record.get("year") for record in records], dtype=float)
    last = np.array([record.get("year_end") for record in records], dtype=float)
    if np.isnan(last).all():
        return first, first
    begins, ends = np.isfinite(first), np.isfinite(last)
    return np.where(ends & ~begins, -np.inf, first), np.where(begins & ~ends, np.inf, last)


def estimate_dates(
    vectors: np.ndarray, first: np.ndarray, last: np.ndarray, groups: Sequence[str] | None = None
) -> DateEstimates:
    """The year that each work looks like, by works in other folds, and an interval that holds `LEVEL` of the dates.

    The regression learns the middle of each date that has two ends; an error counts from the nearer end, and is none
    inside.

    Args:
        vectors: (N, dim) float32, unit rows.
        first: (N,) first years, NaN where a work has no date, -inf where it has no beginning.
        last: (N,) last years, NaN at the same places, inf where a date has no end.
        groups: of the works; those of one group stay in one fold.

    Raises:
        PaintingIndexError: fewer than `LEAST` works have a date, or all have the same.
    """
    middle = (first + last) / 2
    dated = _require_dates(middle)
    year = _out_of_fold(vectors, middle, dated, groups)
    errors = np.maximum(np.maximum(first - year, year - last), 0)[dated]
    scale = _expected_errors(vectors, dated, errors)
    ratio = np.quantile(errors / scale[dated], min(1, LEVEL * (1 + 1 / len(dated))), method="higher")
    half = np.maximum(ratio * scale, HALF_YEAR)
    return DateEstimates(year, year - half, year + half)


def _require_dates(middle: np.ndarray) -> np.ndarray:
    """The rows of works whose date has a middle, which have to be enough."""
    dated = np.flatnonzero(np.isfinite(middle))
    years = len(np.unique(middle[dated]))
    if len(dated) < LEAST or years < 2:
        raise PaintingIndexError(
            f"{len(dated)} works have a date, {years} different ones; {LEAST} works and two dates are needed."
        )
    return dated


def _out_of_fold(
    vectors: np.ndarray, middle: np.ndarray, dated: np.ndarray, groups: Sequence[str] | None
) -> np.ndarray:
    """The year of each work, of those without a date the mean over the folds."""
    folds = KFold(FOLDS, shuffle=True, random_state=SEED) if groups is None else GroupKFold(FOLDS)
    named = None if groups is None else np.asarray(groups, dtype=object)[dated].astype(str)
    dateless = np.setdiff1d(np.arange(len(vectors)), dated)
    year = np.zeros(len(vectors))
    for learnt, asked in folds.split(dated, groups=named):
        model = make_pipeline(StandardScaler(), RidgeCV(PENALTIES))
        model.fit(vectors[dated[learnt]], middle[dated[learnt]])
        year[dated[asked]] = model.predict(vectors[dated[asked]])
        if len(dateless):
            year[dateless] += model.predict(vectors[dateless]) / FOLDS
    return year


def _expected_errors(vectors: np.ndarray, dated: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """How large the error of each work (N,) may be: the mean of its nearest dated works' and of all.

    Its own error is not among them: a wrong date would widen its own interval.
    """
    error_of = np.zeros(len(vectors))
    error_of[dated] = errors
    nearest = error_of[neighbourhood(vectors, NEAREST, dated).rows].mean(axis=1)
    return np.maximum((nearest + errors.mean()) / 2, HALF_YEAR)


def write_dates(index: PaintingIndex, estimates: DateEstimates, folder: Path) -> None:
    """Write dates.csv: id, title, year, year_end, estimate, low, high, and `yes` under outside, of every work."""
    first, last = date_ranges(index)
    outside = (estimates.looks_earlier(first) > 1) | (estimates.looks_later(last) > 1)
    with whole_files(folder) as new, (new / DATES).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "title", "year", "year_end", "estimate", "low", "high", "outside"])
        for row, record in enumerate(index.records()):
            dates = [int(value[row]) if np.isfinite(value[row]) else "" for value in (first, last)]
            found = [round(float(value[row])) for value in (estimates.year, estimates.low, estimates.high)]
            cells = [record["id"], record.get("title", ""), *dates, *found, "yes" if outside[row] else ""]
            writer.writerow(map(for_spreadsheet, cells))


def _span(first: float, last: float) -> str:
    if first == last:
        return f"{first:.0f}"
    ends = [f"from {first:.0f}"] if np.isfinite(first) else []
    return " ".join([*ends, *([f"until {last:.0f}"] if np.isfinite(last) else [])])


def _words(estimates: DateEstimates, row: int) -> str:
    return f"{estimates.year[row]:.0f} ({estimates.low[row]:.0f} to {estimates.high[row]:.0f})"
