"""From when works look: errors and intervals beside baselines, and how well exchanged dates are found.

    python -m benchmarks.data.dates --wikiart wikiart_byol > benchmarks/results/dates.json

The folder is what `artextract embed --embedder artextract/byol-paintings` wrote of WikiArt, whose file names tell the
year of some works. `known artists`: folds are drawn at random; `new artists`: the works of an artist are in one fold.
The baselines answer by the mean of the works in the other folds: of the same style, of the same artist, of all. A work
is left out where its artist has no other dated one, so that all are asked the same. Then the dates of a twentieth of
the works are exchanged among them. The embedder learnt from pictures of WikiArt, without their labels.
"""

import argparse
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, KFold

from artextract_hf import PaintingIndex
from artextract_hf.curation.dates import FOLDS, LEVEL, SEED, DateEstimates, date_ranges, estimate_dates
from artextract_hf.retrieval.vectors.scan import units

DRAWS = 5  # of the exchanged dates
EXCHANGED = 0.05
FAR = 50  # years by which an exchanged date is to be wrong at least, for the second figure


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--wikiart", required=True, help="what `artextract embed` wrote")
    index = PaintingIndex.from_embeddings(parser.parse_args().wikiart, "flat")
    works = pd.DataFrame(index.records(), columns=["style", "artist_name"])
    works["year"], _ = date_ranges(index)
    kept = (works["year"].notna() & (works.groupby("artist_name")["year"].transform("count") >= FOLDS)).to_numpy()
    works, vectors = works[kept].reset_index(drop=True), units(index.vectors())[kept]
    years, artists = works["year"].to_numpy(), works["artist_name"].to_numpy()
    figures: dict[str, Any] = {}
    for name, groups in (("known artists", None), ("new artists", artists)):
        estimates = estimate_dates(vectors, years, years, groups)
        figures[name] = {"embedding": scores(years, estimates.year) | intervals(years, estimates)}
        for baseline in ("style", "artist_name", None):
            guess = means(works, baseline, groups)
            figures[name][baseline or "all"] = scores(years, guess)
    settings = {"works": len(works), "artists": len(set(artists)), "level": LEVEL, "folds": FOLDS, "draws": DRAWS}
    figures["exchanged dates"] = exchanged(vectors, years)
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
