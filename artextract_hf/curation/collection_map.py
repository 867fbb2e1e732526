"""A collection on a plane: works that are alike lie together, in clusters that are named by what their works share.

vectors --t-SNE--> places (N, 2)
        --k-means--> clusters --artists, classes and decades that are commoner in them than elsewhere--> names
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from artextract_hf.curation.findings import Finding, require_works
from artextract_hf.curation.outliers import neighbourhood
from artextract_hf.data.labels import display_name
from artextract_hf.escapes import for_plot
from artextract_hf.evaluation.plots import save_figure
from artextract_hf.outputs import whole_files
from artextract_hf.retrieval.index import PaintingIndex
from artextract_hf.retrieval.vectors.scan import units

LEAST = 10  # works of a map
MOST_CLUSTERS = 30
STEPS = 25  # of k-means
COMPONENTS = 50  # that t-SNE sees of the vectors, as van der Maaten and Hinton 2008 advise
PERPLEXITY = 30.0
FEW = 300  # works, of which t-SNE takes all pairs; threads that share so few cost more than they save
SHARE, WORKS = 0.25, 3  # of a cluster that a name has to be true of
NAMED_BY = ("artist_name", "style", "genre", "school")
WORDS = 2  # in a name
NEIGHBORS = 10  # of a work that are named in the table
TYPICAL = 24  # works of a cluster that are named
SEED = 0
MAP_FILES = ("map.parquet", "map.png")


@dataclass(frozen=True)
class CollectionMap:
    """Where the works of a collection lie.

    Attributes:
        places: (N, 2) float32.
        cluster: (N,) int64, 0..K-1.
        nearness: (N,) cosine of each work and the middle of its cluster.
        names: (K,) of the clusters.
    """

    places: np.ndarray
    cluster: np.ndarray
    nearness: np.ndarray
    names: list[str]


def map_collection(index: PaintingIndex, *, clusters: int | None = None) -> CollectionMap:
    """Lay a collection out on a plane, and divide it into named clusters.

    Args:
        index: with `LEAST` works at least.
        clusters: how many; by default the root of half the number of works, `MOST_CLUSTERS` at most.

    Raises:
        PaintingIndexError: the collection is too small.
    """
    require_works(index, LEAST)
    vectors = units(index.vectors()).astype(np.float32)
    wanted = clusters or min(MOST_CLUSTERS, round((len(vectors) / 2) ** 0.5))
    cluster, nearness = _clustered(vectors, min(wanted, len(vectors)))
    return CollectionMap(_placed(vectors), cluster, nearness, name_clusters(index.records(), cluster))


def _clustered(vectors: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The cluster of each vector, the largest being 0, and its cosine with the middle."""
    means = faiss.Kmeans(
        vectors.shape[1], count, niter=STEPS, spherical=True, seed=SEED, min_points_per_centroid=1, nredo=3
    )
    means.train(vectors)
    nearness, cluster = means.index.search(vectors, 1)
    sizes = np.bincount(cluster[:, 0], minlength=count)
    order = np.argsort(-sizes, kind="stable")
    number = np.empty(count, np.int64)
    number[order] = np.arange(count)
    return number[cluster[:, 0]], nearness[:, 0]


def _placed(vectors: np.ndarray) -> np.ndarray:
    count = len(vectors)
    reduced = PCA(min(COMPONENTS, count, vectors.shape[1]), random_state=SEED).fit_transform(vectors)
    perplexity = min(PERPLEXITY, (count - 1) / 3)
    method = "exact" if count <= FEW else "barnes_hut"
    return TSNE(perplexity=perplexity, init="pca", method=method, random_state=SEED).fit_transform(reduced)


def name_clusters(records: Sequence[dict[str, Any]], cluster: np.ndarray) -> list[str]:
    """What the works of each cluster share more than the others do, with the share of them: `Monet 41%, 1880s 38%`.

    A word counts by p log(p / q): the share of the cluster's works that it is true of, against that of all works.

    Args:
        records: of the works.
        cluster: (N,) 0..K-1.
    """
    told = [_told(record) for record in records]
    overall = Counter(fact for facts in told for fact in facts)
    names = []
    for number in range(int(cluster.max()) + 1):
        rows = np.flatnonzero(cluster == number)
        inside = Counter(fact for row in rows for fact in told[row])
        worth = {}
        for fact, works in inside.items():
            p, q = works / len(rows), overall[fact] / len(records)
            if works >= WORKS and p >= SHARE and p > q:
                worth[fact] = p * np.log(p / q)
        best: dict[str, str] = {}  # one word of a field
        for field, word in sorted(worth, key=lambda fact: (-worth[fact], fact)):
            best.setdefault(field, word)
        words = ", ".join(
            f"{display_name(word)} {inside[field, word] / len(rows):.0%}" for field, word in list(best.items())[:WORDS]
        )
        names.append(f"{number + 1}. {words or 'mixed'}")
    return names


def _told(record: dict[str, Any]) -> set[tuple[str, str]]:
    """What a record says that a cluster may be named by."""
    facts = {(field, str(record[field])) for field in NAMED_BY if record.get(field)}
    year = record.get("year")
    if isinstance(year, int):
        facts |= {("year", f"{year // 10 * 10}s"), ("year", f"{year // 100 * 100}-{year // 100 * 100 + 99}")}
    return facts


def typical_works(found: CollectionMap, ids: Sequence[str]) -> list[Finding]:
    """The works nearest to the middle of each cluster, the largest cluster first."""
    findings = []
    for number, name in enumerate(found.names):
        rows = np.flatnonzero(found.cluster == number)
        for row in rows[np.argsort(-found.nearness[rows], kind="stable")][:TYPICAL]:
            reason = f"one of {len(rows):,} works; its cosine with their middle is {found.nearness[row]:.2f}."
            findings.append(Finding(ids[row], name, float(found.nearness[row]), reason))
    return findings


def write_map(found: CollectionMap, index: PaintingIndex, folder: Path) -> None:
    """Write map.png and map.parquet: id, x, y, cluster, title, artist_name, year, and what `embedding-atlas` shows.

    That is `text`, `image`, a small picture as its `bytes`, and `neighbors`, the `ids` (rows) and `distances` of the
    nearest works, by cosine.
    """
    records = index.records()
    table = pd.DataFrame({"id": index.ids, "x": found.places[:, 0], "y": found.places[:, 1]})
    table["cluster"] = [found.names[number] for number in found.cluster]
    for name in ("title", "artist_name", "year"):
        table[name] = [record.get(name) for record in records]
    table["text"] = [record.get("credit_line") or record.get("title") or record["id"] for record in records]
    pictures = [{"bytes": picture} if picture else None for picture in index.thumbnails()]
    table["image"] = pd.Series(pictures, dtype=object)
    table["neighbors"] = pd.Series(_neighbors(index), dtype=object)
    with whole_files(folder) as new:
        table.to_parquet(new / "map.parquet", index=False)
        _draw(found, new / "map.png")


def _neighbors(index: PaintingIndex) -> list[dict[str, Any]]:
    """The nearest others of each work, as embedding-atlas takes them."""
    around = neighbourhood(units(index.vectors()).astype(np.float32), NEIGHBORS)
    pairs = zip(around.rows.tolist(), (1 - around.cosines).tolist(), strict=True)
    return [{"ids": rows, "distances": distances} for rows, distances in pairs]


def _draw(found: CollectionMap, path: Path) -> None:
    figure = Figure(figsize=(12, 9), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    x, y = found.places.T
    axes.scatter(x, y, c=found.cluster, cmap="nipy_spectral", s=max(1.0, 4000 / len(x)), alpha=0.6)
    box = {"boxstyle": "round", "fc": "white", "alpha": 0.8}
    for number, name in enumerate(found.names):
        middle = np.median(found.places[found.cluster == number], axis=0)
        axes.annotate(for_plot(name), tuple(middle), fontsize=8, ha="center", bbox=box)
    axes.set_axis_off()
    save_figure(figure, path, dpi=110)
