"""Works unlike the rest of a collection, by their vectors and by what a classifier says of them.

nearest neighbours          --> distance: nothing in the collection is like the work
                            --> density: its neighbours are close to each other, and it is not close to them
covariance of all vectors   --> covariance: its features go together as in no other work
random cuts                 --> isolation: few cuts are enough to set it apart
distance, density, covariance --> together: the places by these, averaged; isolation tells too little to be among them
predictions of a classifier --> confidence: no class is probable
                            --> label: another class than the label is

Each criterion ranks the works on its own; `benchmarks/data/outliers.py` measures what each is worth.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import faiss
import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix
from scipy.stats import rankdata
from sklearn.covariance import LedoitWolf
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import LocalOutlierFactor

from artextract_hf.curation.findings import Finding, require_works
from artextract_hf.data.labels import display_name
from artextract_hf.errors import DataError, first_line
from artextract_hf.retrieval.index import PaintingIndex
from artextract_hf.retrieval.vectors.scan import units

NEIGHBOURS = 10  # whose mean distance counts
SURROUNDINGS = 20  # neighbours by which the density is measured (Breunig et al. 2000 advise 10 to 20 at least)
TREES = 200
LEAST = 10  # works of a collection in which outliers can be told
LISTED = 50  # works of a criterion that are named
SEED = 0
BESIDE = 3  # neighbours that are shown beside a work
# Of unit vectors, a distance: works that are nearer are taken to be that far apart, or copies would be endlessly dense.
COPY = 0.05
TOGETHER = "together"
JOINED = {  # with what a place in each is by; the work that is furthest out has place 1
    "distance": "by how far its nearest works are",
    "density": "by how thin its surroundings are",
    "covariance": "by how unusual its features are together",
}

# By criterion, what a score means, beside that of the middle work.
REASONS = {
    "distance": "the nearest works are {:.2f} away on average (1 - cosine); those of the middle work, {:.2f}.",
    "density": "its surroundings are {:.1f} times as thin as those of its neighbours; {:.1f} for the middle work.",
    "covariance": "its Mahalanobis distance from the average work is {:.1f}; that of the middle work, {:.1f}.",
    "isolation": "random cuts set it apart soon, a score of {:.2f}; the middle work has {:.2f}.",
}


@dataclass(frozen=True)
class Neighbourhood:
    """The nearest others of each work.

    Attributes:
        cosines: (N, k) float32, descending.
        rows: (N, k) int64, of the works that they belong to.
    """

    cosines: np.ndarray
    rows: np.ndarray


def find_outliers(index: PaintingIndex, *, count: int = LISTED) -> list[Finding]:
    """The works that are most unlike the others, by each criterion on its own, the furthest out first.

    Args:
        index: with `LEAST` works at least.
        count: how many are named by each criterion.

    Raises:
        PaintingIndexError: the collection is too small.
    """
    require_works(index, LEAST)
    vectors, ids = units(index.vectors()), index.ids
    around = neighbourhood(vectors, SURROUNDINGS)
    scores = outlier_scores(vectors, around)
    places = {criterion: rankdata(-values, method="min").astype(int) for criterion, values in scores.items()}
    findings = []
    for criterion, values in {TOGETHER: together(scores), **scores}.items():
        for row in np.argsort(-values, kind="stable")[:count]:
            if criterion == TOGETHER:
                ranks = ", ".join(f"{places[name][row]:,} {by}" for name, by in JOINED.items())
                reason = f"of {len(ids):,} works it has place {ranks}."
            else:
                reason = REASONS[criterion].format(float(values[row]), float(np.median(values)))
            beside = tuple(ids[other] for other in around.rows[row][:BESIDE])
            findings.append(Finding(ids[row], criterion, float(values[row]), reason, beside))
    return findings


def outlier_scores(vectors: np.ndarray, around: Neighbourhood) -> dict[str, np.ndarray]:
    """By criterion, a number for each work, higher for what is further out; see REASONS for what it means.

    Args:
        vectors: (N, dim) float32, unit rows, N >= 3.
        around: the neighbourhood of each.
    """
    forest = IsolationForest(n_estimators=TREES, random_state=SEED).fit(vectors)
    return {
        "distance": 1 - around.cosines[:, :NEIGHBOURS].mean(axis=1),
        "density": _density(around),
        "covariance": np.sqrt(LedoitWolf().fit(vectors).mahalanobis(vectors)),
        "isolation": -forest.score_samples(vectors),
    }


def together(scores: Mapping[str, np.ndarray]) -> np.ndarray:
    """Shares (N,) of the works that a work is further out than, averaged over the criteria in JOINED."""
    places = np.array([rankdata(scores[criterion]) - 1 for criterion in JOINED])
    return places.mean(axis=0) / places.shape[1]


def neighbourhood(vectors: np.ndarray, k: int, among: np.ndarray | None = None) -> Neighbourhood:
    """The k nearest others of each work, exactly.

    Args:
        vectors: (N, dim) float32, unit rows, N >= 2.
        k: one less than the works that they are looked for among, at most, and taken as that where it is more.
        among: (M,) rows of these works, M >= 2; all by default.
    """
    among = np.arange(len(vectors)) if among is None else among
    k = min(k, len(among) - 1)
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors[among])
    cosines, found = index.search(vectors, k + 1)
    rows = among[found]
    others = rows != np.arange(len(vectors))[:, None]
    others[others.all(axis=1), -1] = False  # among many copies of a work, itself may not be found
    return Neighbourhood(cosines[others].reshape(-1, k), rows[others].reshape(-1, k))


def _density(around: Neighbourhood) -> np.ndarray:
    """The local outlier factor (Breunig et al. 2000), over Euclidean distances of unit vectors."""
    n, k = around.rows.shape
    distances = np.maximum(np.sqrt(np.maximum(2 - 2 * around.cosines, 0)), COPY)
    columns = np.concatenate([np.arange(n)[:, None], around.rows], axis=1)  # scikit-learn wants the work itself first
    values = np.concatenate([np.zeros((n, 1), np.float32), distances], axis=1)
    graph = csr_matrix((values.ravel(), columns.ravel(), np.arange(0, n * (k + 1) + 1, k + 1)), shape=(n, n))
    return -LocalOutlierFactor(n_neighbors=k, metric="precomputed").fit(graph).negative_outlier_factor_


def find_doubtful(predictions: str | Path, ids: Sequence[str], *, count: int = LISTED) -> list[Finding]:
    """The works of which a classifier is least sure, and those whose label it contradicts most, by task.

    Args:
        predictions: predictions.parquet of `artextract evaluate classifier`.
        ids: of the collection; predictions of other works are left out.
        count: how many are named by each criterion.

    Raises:
        DataError: the file is none of these, or tells nothing of the collection.
    """
    try:
        if not Path(predictions).is_file():  # a device never ends
            raise ValueError("it is no file")
        table = pd.read_parquet(predictions)
        tasks = [name.removesuffix("_predicted") for name in table.columns if name.endswith("_predicted")]
        wanted = [f"{task}_{what}" for task in tasks for what in ("label", "predicted", "confidence")]
        table = table[["id", *wanted]].astype({f"{task}_confidence": float for task in tasks})
        if not all(_are_predictions(table, task) for task in tasks):
            raise ValueError("a prediction is no text, or its confidence no share")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{predictions} is no predictions.parquet of `artextract evaluate classifier`: {first_line(error)}."
        ) from None
    table = table[table["id"].isin(set(ids))]
    if not tasks or not len(table):
        raise DataError(f"{predictions} holds no prediction of a work of this collection.")
    findings = []
    for task in tasks:
        findings += _unsure(table, task, count) + _contradicted(table, task, count)
    return findings


def _are_predictions(table: pd.DataFrame, task: str) -> bool:
    names = pd.concat([table[f"{task}_predicted"], table[f"{task}_label"].dropna()])
    return bool(names.map(type).eq(str).all() and table[f"{task}_confidence"].between(0, 1).all())


def _unsure(table: pd.DataFrame, task: str, count: int) -> list[Finding]:
    predicted, confidence = f"{task}_predicted", f"{task}_confidence"
    return [
        Finding(
            row["id"],
            f"{task}: confidence",
            1 - row[confidence],
            f"the most probable {task}, {display_name(row[predicted])}, has {row[confidence]:.0%}.",
        )
        for row in table.nsmallest(count, confidence).to_dict("records")
    ]


def _contradicted(table: pd.DataFrame, task: str, count: int) -> list[Finding]:
    given, predicted, confidence = (f"{task}_{what}" for what in ("label", "predicted", "confidence"))
    wrong = table[table[given].notna() & (table[given] != table[predicted])].nlargest(count, confidence)
    return [
        Finding(
            row["id"],
            f"{task}: label",
            row[confidence],
            f"labelled {display_name(row[given])}; the classifier says {display_name(row[predicted])}, "
            f"{row[confidence]:.0%}.",
            task=task,
            label=row[given],
            suggested=row[predicted],
        )
        for row in wrong.to_dict("records")
    ]
