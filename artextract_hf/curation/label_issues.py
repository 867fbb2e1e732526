"""Labels that may be wrong: confident learning on what the other works say, and works that stand in two classes.

vectors, labels --logistic regression, five folds--> probabilities of each work by a model that did not learn it
                --confident learning (Northcutt et al. 2021, cleanlab)--> labels in doubt, with a suggestion each
vectors         --nearest of another class, compared by their pixels--> one work, two classes
"""

from collections.abc import Sequence

import numpy as np
from cleanlab.filter import find_label_issues as confident_learning
from cleanlab.rank import get_label_quality_scores
from datasets import Dataset
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from artextract_hf.curation.findings import Finding
from artextract_hf.curation.outliers import Neighbourhood, neighbourhood
from artextract_hf.data.duplicates import grey_thumbnail, near_duplicates
from artextract_hf.data.labels import display_name
from artextract_hf.errors import PaintingIndexError, QueryError
from artextract_hf.retrieval.embed import indexed_columns, names_of_classes
from artextract_hf.retrieval.index import PaintingIndex
from artextract_hf.retrieval.vectors.scan import units

FOLDS = 5  # and the fewest works of a class that is looked at
LOGIT_VARIANCE = 5.0  # that the regression expects of standardised features: its C is this, divided by their number
ITERATIONS = 200
SEED = 0
NEAREST = 5  # works among which the same work in another class is looked for


def find_label_issues(index: PaintingIndex, task: str) -> list[Finding]:
    """Works whose label in a task may be wrong, the most doubtful first, and works that stand in two classes.

    Args:
        index: of the collection; its records have the labels.
        task: `style`, `genre`, `artist`, or one of the collection's own.

    Raises:
        PaintingIndexError: no record has such a field, or fewer than two classes have `FOLDS` works.
    """
    try:
        labels = index.column(task)
    except QueryError as error:
        raise PaintingIndexError(str(error)) from None
    names, rows, y = labelled(labels, task)
    vectors = units(index.vectors())[rows]
    probabilities = out_of_fold(vectors, y)
    doubtful = confident_learning(y, probabilities, filter_by="both", n_jobs=1)
    quality = get_label_quality_scores(y, probabilities, method="normalized_margin")
    ids = np.array(index.ids, dtype=object)[rows]
    around = neighbourhood(vectors, NEAREST)
    findings = []
    for row in sorted(np.flatnonzero(doubtful), key=lambda row: quality[row]):
        best = int(probabilities[row].argmax())
        agreeing = [other for other in around.rows[row] if y[other] == best]
        label, suggested = names[y[row]], names[best]
        findings.append(
            Finding(
                ids[row],
                "label",
                float(1 - quality[row]),
                f"labelled {display_name(label)}, {probabilities[row, y[row]]:.0%} by what the other works say; "
                f"{display_name(suggested)}, {probabilities[row, best]:.0%}.",
                tuple(ids[other] for other in agreeing[:3]),
                task,
                label,
                suggested,
            )
        )
    return findings + _in_two_classes(index, task, names, y, list(ids), around)


def check_labels(dataset: Dataset, task: str) -> None:
    """Refuse a collection whose labels `find_label_issues` would refuse, before hours go into embedding it.

    Raises:
        PaintingIndexError: as there.
    """
    columns = indexed_columns(dataset).column_names
    if task == "image" or task not in columns:
        known = ", ".join(name for name in columns if name != "image")
        raise PaintingIndexError(f"the records have no field {task!r}; they have {known}.")
    names = names_of_classes(dataset.features).get(task)
    values = list(dataset[task])
    labelled(values if names is None else [names[v] if v is not None and v >= 0 else None for v in values], task)


def labelled(labels: Sequence[str | None], task: str) -> tuple[list[str], np.ndarray, np.ndarray]:
    """The classes with `FOLDS` works or more, the rows of their works, and the class of each.

    Raises:
        PaintingIndexError: there are fewer than two.
    """
    given = np.array(["" if label is None else str(label) for label in labels], dtype=object)
    known, counts = np.unique(given[given != ""].astype(str), return_counts=True)
    names = [str(name) for name, count in zip(known, counts, strict=True) if count >= FOLDS]
    if len(names) < 2:
        raise PaintingIndexError(
            f"{len(names)} classes of {task} have {FOLDS} works or more; two at least are needed to doubt a label."
        )
    rows = np.flatnonzero(np.isin(given.astype(str), names))
    return names, rows, np.searchsorted(names, given[rows].astype(str))


def out_of_fold(vectors: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Probabilities (N, C) of the classes of each work, by logistic regressions that learnt from other folds.

    Args:
        vectors: (N, dim).
        y: (N,) classes 0..C-1, each `FOLDS` times at least.
    """
    model = make_pipeline(
        StandardScaler(), LogisticRegression(C=LOGIT_VARIANCE / vectors.shape[1], max_iter=ITERATIONS)
    )
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=SEED)
    return cross_val_predict(model, vectors, y, cv=folds, method="predict_proba")


def _in_two_classes(
    index: PaintingIndex,
    task: str,
    names: Sequence[str],
    y: np.ndarray,
    ids: Sequence[str],
    around: Neighbourhood,
) -> list[Finding]:
    """Works that are there twice, with different labels: found by their vectors, told by their pixels.

    Args:
        index: of the collection.
        task: of the labels.
        names: of the classes.
        y: (n,) classes of the labelled works.
        ids: (n,) of these works.
        around: their neighbourhood among themselves.
    """
    first, place = np.nonzero(y[around.rows] != y[:, None])
    pairs = {tuple(sorted(pair)) for pair in zip(first.tolist(), around.rows[first, place].tolist(), strict=True)}
    involved = sorted({row for pair in pairs for row in pair})
    try:
        thumbnails = [grey_thumbnail(index.thumbnail(ids[row])) for row in involved]
    except QueryError:  # an index that was made without pictures
        return []
    findings = []
    for pair in near_duplicates(np.stack(thumbnails)) if thumbnails else []:
        here, there = involved[pair.first], involved[pair.second]
        one, other, twin = names[y[here]], names[y[there]], ids[there]
        if one != other:
            reason = f"labelled {display_name(one)}; the same work, {twin}, is labelled {display_name(other)}."
            findings.append(Finding(ids[here], "two classes", pair.similarity, reason, (twin,), task, one, other))
    return sorted(findings, key=lambda finding: -finding.score)
