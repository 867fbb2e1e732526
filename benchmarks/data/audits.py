"""What the audits are worth: AUROC of planted works by criterion, and how many of the first labels in doubt are wrong.

    python -m benchmarks.data.audits --museum museum_byol --wikiart wikiart_byol --photographs photographs_byol \\
        > benchmarks/results/audits.json

The folders are what `artextract embed --embedder artextract/byol-paintings` wrote: of a museum's collection, of WikiArt
with labels, and of photographs of anything but paintings, such as github.com/EliSchwartz/imagenet-sample-images.
Photographs are planted in the museum's collection and in each style of WikiArt, works of each style among those of
another. Then a tenth of WikiArt's labels is exchanged for other classes at random. The embedder learnt from pictures of
WikiArt, without their labels.
"""

import argparse
import json
import statistics
import time
from itertools import permutations
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from artextract_hf import PaintingIndex
from artextract_hf.curation.label_issues import find_label_issues, labelled
from artextract_hf.curation.outliers import SURROUNDINGS, TOGETHER, neighbourhood, outlier_scores, together
from artextract_hf.retrieval.records import RecordTable
from artextract_hf.retrieval.vectors.scan import units
from artextract_hf.retrieval.vectors.store import VectorStore

DRAWS = 10  # of the planted works
PLANTED = 0.03  # of a collection
WORKS = 1000  # of a style, drawn
NOISE = 0.1
FIRST = 100
TASKS = ("style", "genre", "artist")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("museum", "wikiart", "photographs"):
        parser.add_argument(f"--{name}", required=True, help="what `artextract embed` wrote")
    args = parser.parse_args()
    museum, wikiart, photographs = (
        PaintingIndex.from_embeddings(folder, "flat") for folder in (args.museum, args.wikiart, args.photographs)
    )
    styles = by_style(wikiart)
    shots = units(photographs.vectors())
    figures = {
        "embedder": museum.embedder_name,
        "photographs among the museum's": planted([(units(museum.vectors()), shots)]),
        "photographs among a style's": planted([(works, shots) for works in styles]),
        "works of another style": planted(list(permutations(styles, 2))),
        "labels": {task: exchanged(wikiart, task) for task in TASKS},
    }
    print(json.dumps({"command": "python -m benchmarks.data.audits", **figures}, indent=2))


def by_style(wikiart: PaintingIndex) -> list[np.ndarray]:
    """Unit rows of WORKS works of each style."""
    rng = np.random.default_rng(0)
    names, rows, y = labelled(wikiart.column("style"), "style")
    vectors = units(wikiart.vectors())[rows]
    return [vectors[rng.permutation(np.flatnonzero(y == style))[:WORKS]] for style in range(len(names))]


def planted(pairs: list[tuple[np.ndarray, np.ndarray]]) -> dict[str, Any]:
    """AUROC by criterion, mean over the collections and DRAWS draws in all, with the standard deviation."""
    found: dict[str, list[float]] = {}
    rng = np.random.default_rng(0)
    for works, others in pairs:
        for _ in range(max(1, DRAWS // len(pairs))):
            count = max(1, round(PLANTED * len(works)))
            vectors = np.concatenate([works, others[rng.permutation(len(others))[:count]]])
            scores = outlier_scores(vectors, neighbourhood(vectors, SURROUNDINGS))
            scores[TOGETHER] = together(scores)
            is_planted = np.arange(len(vectors)) >= len(works)
            for criterion, values in scores.items():
                found.setdefault(criterion, []).append(float(roc_auc_score(is_planted, values)))
    draws = len(next(iter(found.values())))
    auroc = {criterion: round(statistics.mean(values), 3) for criterion, values in found.items()}
    sd = {criterion: round(statistics.stdev(values), 3) for criterion, values in found.items()}
    return {"collections": len(pairs), "draws": draws, "auroc": auroc, "sd": sd}


def exchanged(wikiart: PaintingIndex, task: str) -> dict[str, Any]:
    """How well exchanged labels are found, and how long that takes."""
    rng = np.random.default_rng(0)
    names, rows, y = labelled(wikiart.column(task), task)
    wrong = rng.permutation(len(y))[: round(NOISE * len(y))]
    given = y.copy()
    given[wrong] = (y[wrong] + rng.integers(1, len(names), len(wrong))) % len(names)
    ids = [wikiart.ids[row] for row in rows]
    table = [{"id": id_, task: names[label]} for id_, label in zip(ids, given, strict=True)]
    index = PaintingIndex(
        VectorStore.build(wikiart.vectors()[rows]),
        RecordTable.from_rows(table),
        embedder=None,
        embedder_name=wikiart.embedder_name,
        fingerprint=wikiart.fingerprint,
    )
    began = time.perf_counter()
    findings = [finding for finding in find_label_issues(index, task) if finding.criterion == "label"]
    true = dict(zip(ids, y, strict=True))
    exchanged_ids = {ids[row] for row in wrong}
    hits = [finding.id in exchanged_ids for finding in findings]
    right = [names[true[finding.id]] == finding.suggested for finding, hit in zip(findings, hits, strict=True) if hit]
    return {
        "works": len(y),
        "classes": len(names),
        "in doubt": len(findings),
        f"precision@{FIRST}": round(statistics.mean(hits[:FIRST]), 3),
        "precision": round(statistics.mean(hits), 3),
        "recall": round(sum(hits) / len(wrong), 3),
        "suggestion right": round(statistics.mean(right), 3),
        "seconds": round(time.perf_counter() - began, 1),
    }


if __name__ == "__main__":
    main()
