"""From when works look: errors and intervals beside baselines, and how well exchanged dates are found.

    python -m benchmarks.data.dates --data data/joint --model runs/conformal/joint/best > benchmarks/results/dates.json

The works are the val list of WikiArt's joint split whose file names tell a year; the model is a classifier that learnt
from the train list (`benchmarks/learning/conformal.py` trains it): it has seen none of the works, but others of their
artists, and their styles. With the artist-disjoint split and its model, it has seen none of the artists either.
`byol-paintings` has learnt from all of WikiArt's pictures, without labels. `known artists`: folds are drawn at random;
`new artists`: the works of an artist are in one fold. The baselines answer by the mean of the works in the other folds:
of the same style, of the same artist, of all. Artists with fewer than five dated works are left out, so that all are
asked the same. Then the dates of a twentieth of the works are exchanged among them.
"""

import argparse
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, KFold

from artextract_hf import AutoEmbedder, PaintingIndex
from artextract_hf.curation.dates import FOLDS, LEVEL, SEED, DateEstimates, estimate_dates
from artextract_hf.data.prepared import load_prepared, take_split
from artextract_hf.retrieval.vectors.scan import units

BYOL = "byol-paintings"
DRAWS = 5  # of the exchanged dates
EXCHANGED = 0.05
FAR = 50  # years by which an exchanged date is to be wrong at least, for the second figure


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="a split of WikiArt, prepared")
    parser.add_argument("--model", required=True, help="folder of the classifier that learnt from its train list")
    args = parser.parse_args()
    paintings = take_split(load_prepared(args.data), "val")
    artist = pd.Series(paintings["artist_name"])
    year = pd.Series(paintings["year"], dtype=float)
    kept = np.flatnonzero(year.notna() & (year.groupby(artist).transform("count") >= FOLDS))
    paintings = paintings.select(kept)
    vectors = {
        name: units(PaintingIndex.build(paintings, AutoEmbedder.from_pretrained(network), "flat").vectors())
        for name, network in (("classifier", args.model), (BYOL, f"artextract/{BYOL}"))
    }
    works = pd.DataFrame(paintings.select_columns(["style", "artist_name", "year"]).to_dict())
    years, artists = works["year"].to_numpy(float), works["artist_name"].tolist()
    figures: dict[str, Any] = {"exchanged dates": {name: exchanged(rows, years) for name, rows in vectors.items()}}
    for name, groups in (("known artists", None), ("new artists", artists)):
        figures[name] = {}
        for network, rows in vectors.items():
            estimates = estimate_dates(rows, years, years, groups)
            figures[name][network] = scores(years, estimates.year) | intervals(years, estimates)
        for baseline in ("style", "artist_name", None):
            figures[name][baseline or "all"] = scores(years, means(works, baseline, groups))
    settings = {"works": len(works), "artists": len(set(artists)), "level": LEVEL, "folds": FOLDS, "draws": DRAWS}
    print(json.dumps({"command": "python -m benchmarks.data.dates", **settings, **figures}, indent=2))


def scores(years: np.ndarray, guess: np.ndarray) -> dict[str, float]:
    """Mean and median error in years, and the share of works within 25."""
    errors = np.abs(years - guess)
    within = 100 * float((errors <= 25).mean())
    return {
        "mean": round(float(errors.mean()), 1),
        "median": round(float(np.median(errors)), 1),
        "within 25": round(within, 1),
    }


def intervals(years: np.ndarray, estimates: DateEstimates) -> dict[str, float]:
    """Percent of the dates that their intervals hold, and how wide the middle interval is, in years."""
    held = (years >= estimates.low) & (years <= estimates.high)
    width = float(np.median(estimates.high - estimates.low))
    return {"coverage": round(100 * float(held.mean()), 1), "median width": round(width, 1)}


def means(works: pd.DataFrame, by: str | None, groups: Sequence[str] | None) -> np.ndarray:
    """The mean year of the works in other folds that have the same value in a column; of all where none has."""
    folds = KFold(FOLDS, shuffle=True, random_state=SEED) if groups is None else GroupKFold(FOLDS)
    guess = np.zeros(len(works))
    for learnt, asked in folds.split(works, groups=groups):
        year = works["year"].iloc[learnt]
        guess[asked] = year.mean()
        if by is not None:
            known = year.groupby(works[by].iloc[learnt]).mean()
            guess[asked] = works[by].iloc[asked].map(known).fillna(year.mean())
    return guess


def exchanged(vectors: np.ndarray, years: np.ndarray) -> dict[str, float]:
    """AUROC of exchanged dates by how far a date is outside, in halves of its interval; of all, and of the far ones."""
    found: dict[str, list[float]] = {"all": [], f"by {FAR} years or more": []}
    for draw in range(DRAWS):
        rng = np.random.default_rng(draw)
        rows = rng.permutation(len(years))[: round(EXCHANGED * len(years))]
        given = years.copy()
        given[rows] = years[np.roll(rows, 1)]
        estimates = estimate_dates(vectors, given, given)
        distance = np.abs(given - estimates.year) / (estimates.high - estimates.low)
        for name, least in zip(found, (1, FAR), strict=True):
            wrong = np.abs(given - years) >= least
            judged = wrong | (given == years)
            found[name].append(float(roc_auc_score(wrong[judged], distance[judged])))
    return {name: round(float(np.mean(values)), 3) for name, values in found.items()}


if __name__ == "__main__":
    main()
