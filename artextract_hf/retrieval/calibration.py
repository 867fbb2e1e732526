"""What a score is worth: how likely a hit of that score has the query's artist or style, and when no hit is a good one.

This is measured on the index itself: each of its records is a query, with its own row left out. The pairs of query and
hit give, by isotonic regression (Zadrozny and Elkan 2002), a probability that never falls as the score grows. It holds
for queries such as the index's own records, and for searches without a filter. An embedder that was trained on the same
labels makes it overconfident: its vectors of the records it has learnt lie closer together than those of new paintings.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from artextract_hf.errors import PaintingIndexError
from artextract_hf.retrieval.vectors.store import VectorStore

DEPTH = 10  # hits of each record that are looked at
LABELS = {"artist": ("artist_name", "artist"), "style": ("style",)}  # the first of these fields that a record fills
QUERIES = 5000  # records that are queries at most, evenly spread: a probability is then known to about 0.01
MIN_OUTCOMES = 100  # pairs with the same label, and pairs without, below which no probability is stated
MIN_QUERIES = 50  # records below which there is no threshold
# Share of the collection's own paintings without a good match, see benchmarks/search/similarity_calibration.py.
FAR = 0.05
BLOCK = 256  # queries at a time
LARGEST_SCORE = 1e37  # of vectors of the largest numbers that an index takes


@dataclass(frozen=True)
class Curve:
    """A probability that grows with the score, linear between its knots and level beyond them."""

    scores: np.ndarray
    probabilities: np.ndarray

    def __call__(self, scores: np.ndarray) -> np.ndarray:
        """Probabilities (k,) of these scores (k,)."""
        return np.interp(scores, self.scores, self.probabilities)


@dataclass(frozen=True)
class Calibration:
    """The curve of each label with enough records, and the threshold of a good match.

    Attributes:
        curves: `artist`, `style`, or fewer.
        threshold: a query whose nearest painting scores less has no good match; None where there are too few records.
    """

    curves: Mapping[str, Curve] = field(default_factory=dict)
    threshold: float | None = None

    def same(self, scores: np.ndarray) -> list[dict[str, float]]:
        """Of each score (k,) the probability by label."""
        columns = [curve(scores).tolist() for curve in self.curves.values()]
        return [dict(zip(self.curves, row, strict=True)) for row in zip(*columns, strict=True)] or [{} for _ in scores]

    def as_json(self) -> dict[str, Any]:
        """What `from_json` reads."""
        curves = {
            name: {"scores": curve.scores.tolist(), "probabilities": curve.probabilities.tolist()}
            for name, curve in self.curves.items()
        }
        return {"curves": curves, "threshold": self.threshold}

    @classmethod
    def from_json(cls, document: Any) -> Self:
        """Read what `as_json` wrote.

        Raises:
            PaintingIndexError: it is no such document.
        """
        damaged = PaintingIndexError("the calibration of the index is damaged; build the index again.")
        try:
            curves = {name: _read_curve(curve) for name, curve in document["curves"].items()}
            threshold = document["threshold"]
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
            raise damaged from None
        if threshold is not None and not (type(threshold) in (int, float) and abs(threshold) < LARGEST_SCORE):
            raise damaged
        return cls(curves, threshold)


def _read_curve(document: Mapping[str, Any]) -> Curve:
    """A curve from JSON.

    Raises:
        ValueError: its scores do not rise, or its probabilities are none; otherwise what a wrong type raises.
    """
    scores, chances = (np.array(document[key], float) for key in ("scores", "probabilities"))
    fits = scores.ndim == 1 and scores.shape == chances.shape and len(scores) > 0
    if (
        not fits
        or not np.isfinite(scores).all()
        or (np.diff(scores) < 0).any()
        or not (np.abs(chances - 0.5) <= 0.5).all()
    ):
        raise ValueError("no curve")
    return Curve(scores, chances)


def calibrate(store: VectorStore, labels: Mapping[str, np.ndarray]) -> Calibration:
    """Measure on a store what its scores are worth.

    Args:
        store: what is searched.
        labels: by name, the label of each row, object (N,), None where unknown.
    """
    asked = np.linspace(0, len(store) - 1, min(len(store), QUERIES)).round().astype(np.int64)
    if len(asked) < MIN_QUERIES:
        return Calibration()
    scores, rows = _nearest_others(store, asked)
    own = {name: values[asked] for name, values in labels.items()}
    # Where fewer were found, the row is -1: the label at the end, which is unknown.
    found = {name: np.append(values, [None])[rows] for name, values in labels.items()}
    return fit_calibration(scores, own, found)


def fit_calibration(scores: np.ndarray, own: Mapping[str, np.ndarray], found: Mapping[str, np.ndarray]) -> Calibration:
    """What scores are worth, from searches for records of the collection itself.

    Args:
        scores: (Q, D) of the nearest of each record, best first, without the record itself.
        own: by name, the labels of the records, object (Q,), None where unknown.
        found: by name, those of their nearest, object (Q, D).
    """
    curves = {}
    for name, values in own.items():
        known = (values != None)[:, None] & (found[name] != None)  # noqa: E711 (elementwise)
        same = values[:, None] == found[name]
        curve = fit_curve(scores[known], same[known])
        if curve is not None:
            curves[name] = curve
    return Calibration(curves, float(np.quantile(scores[:, 0], FAR)))


def fit_curve(scores: np.ndarray, same: np.ndarray) -> Curve | None:
    """The share of pairs with the same label as a function of their score; None where there are too few pairs.

    Args:
        scores: (P,).
        same: bool (P,).
    """
    if min(same.sum(), (~same).sum()) < MIN_OUTCOMES:
        return None
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(out_of_bounds="clip", y_min=0, y_max=1).fit(scores.astype(np.float64), same)
    return Curve(np.round(fitted.X_thresholds_, 6), np.round(fitted.y_thresholds_, 4))


def _nearest_others(store: VectorStore, asked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scores and rows (Q, DEPTH) of each record's nearest, its own row left out."""
    depth = min(DEPTH, len(store) - 1)
    scores, rows = [], []
    for start in range(0, len(asked), BLOCK):
        part = asked[start : start + BLOCK]
        near, which = store.search(store.vectors(part), depth + 1)
        own = which == part[:, None]
        own[~own.any(axis=1), -1] = True  # lost among its equals, or by an approximate search: drop the last instead
        scores.append(near[~own].reshape(len(part), depth))
        rows.append(which[~own].reshape(len(part), depth))
    return np.concatenate(scores), np.concatenate(rows)
