"""What a data set holds, in numbers: labels, dates, artists and rights. No picture is decoded."""

from collections import Counter
from typing import Any

import numpy as np
from datasets import Dataset

from artextract_hf.data.labels import is_unknown
from artextract_hf.data.rights import is_open
from artextract_hf.data.schema import class_names, tasks_of

TOP = 10  # artists whose share is told
FEW = 5  # a class by fewer artists than this tells of them rather than of itself


def describe(dataset: Dataset) -> dict[str, Any]:
    """Count a data set of the schema in `data/schema.py`.

    Returns:
        `rows`; `labelled` and `classes` (works by class name) by task; `undated` and `unattributed`, shares of the
        rows; `years` (first, median, last; None where no work is dated); `artists` (how many, the share of the TOP
        most frequent, their effective number); `rights` (works by licence) and `open`, the share with an open one;
        `classes_of_few` by task, classes by fewer than FEW artists.
    """
    artists = ["" if is_unattributed(name) else name for name in dataset["artist_name"]]
    years = [year for year in dataset["year"] if year is not None]
    licenses = Counter(license or "not stated" for license in dataset["license"])
    classes, few = {}, {}
    for task in tasks_of(dataset):
        labels, names = dataset[task], class_names(dataset, task)
        works = Counter(label for label in labels if label is not None and label >= 0)
        classes[task] = {names[label]: works[label] for label in sorted(works)}
        if task != "artist":
            few[task] = [
                names[label]
                for label in sorted(works)
                if len({a for a, own in zip(artists, labels, strict=True) if own == label and a}) < FEW
            ]
    n = max(len(dataset), 1)
    return {
        "rows": len(dataset),
        "labelled": {task: sum(works.values()) for task, works in classes.items()},
        "classes": classes,
        "classes_of_few": few,
        "undated": (len(dataset) - len(years)) / n,
        "unattributed": artists.count("") / n,
        "years": {"first": min(years), "median": int(np.median(years)), "last": max(years)} if years else None,
        "artists": concentration(Counter(name for name in artists if name)),
        "rights": dict(licenses.most_common()),
        "open": sum(count for license, count in licenses.items() if is_open(license)) / n,
    }


def concentration(works: Counter[str]) -> dict[str, float | int]:
    """How many artists there are, the share of the TOP most frequent, and their effective number, exp(entropy)."""
    total = sum(works.values())
    if not total:
        return {"number": 0, "top_share": 0.0, "effective": 0.0}
    share = np.array(list(works.values())) / total
    top = sum(count for _, count in works.most_common(TOP)) / total
    return {"number": len(works), "top_share": top, "effective": float(np.exp(-(share * np.log(share)).sum()))}


def is_unattributed(name: str | None) -> bool:
    """Whether a name says that nobody knows the artist."""
    text = (name or "").strip().lower()
    return is_unknown(text) or text.startswith(("anonym", "unidentified", "unattributed", "artist unknown"))
