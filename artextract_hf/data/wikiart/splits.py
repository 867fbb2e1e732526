"""Which side a painting is on: pure functions from arrays to arrays, and the baselines that make a figure readable.

- `official`: the sides of the release's lists, task by task;
- `joint`: one side a painting, so that nothing is in train of one task and in val of another;
- `grouped`: no series (artist and title stem) and no near-duplicate pair across;
- `artist_disjoint`: no artist across.

The first is the release's own. The second keeps its val lists whole. The others draw whole groups into val, from a
seed, so that every class keeps the release's share there.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from artextract_hf.data.labels import UNKNOWN
from artextract_hf.data.wikiart.lists import TRAIN, VAL, WikiArtLists, file_name, title_stem

SPLITS = ("official", "joint", "grouped", "artist_disjoint")
VAL_SHARE = 0.3  # of the release's own lists
THIN = 5  # a class with fewer artists than this on a side measures its artists rather than the class


def groups_of(lists: WikiArtLists, split: str, pairs: Iterable[tuple[int, int]] = ()) -> np.ndarray:
    """int64 (N,): rows with the same number must be on the same side.

    Args:
        lists: N listed files.
        split: one of SPLITS but `official`.
        pairs: near-duplicates, as rows; `grouped` keeps them together.
    """
    if split == "artist_disjoint":
        return number(lists.artists)
    if split == "joint":
        return number([file_name(path) for path in lists.paths])  # a work in two style folders is one work
    artists = lists.artists
    series = number([f"{artist}/{title_stem(path)}" for artist, path in zip(artists, lists.paths, strict=True)])
    return join_groups(series, pairs)


def number(keys: Sequence[str] | np.ndarray) -> np.ndarray:
    """int64 (N,): equal keys as equal numbers, from 0, in the order of their first occurrence."""
    seen: dict[str, int] = {}
    return np.array([seen.setdefault(key, len(seen)) for key in keys], dtype=np.int64)


def join_groups(groups: np.ndarray, pairs: Iterable[tuple[int, int]]) -> np.ndarray:
    """The groups (N,) after the groups of each pair of rows were made one."""
    linked = np.array(list(pairs), dtype=np.int64).reshape(-1, 2)
    n = int(groups.max(initial=-1)) + 1
    first, second = groups[linked[:, 0]], groups[linked[:, 1]]
    graph = coo_array((np.ones(len(linked), dtype=bool), (first, second)), shape=(n, n))
    _, component = connected_components(graph, directed=False)
    return component[groups].astype(np.int64)


def joint_sides(lists: WikiArtLists, groups: np.ndarray) -> np.ndarray:
    """int8 (N,): val for every group of which a val list names a file, so that the val lists stay whole; else train."""
    in_val = np.zeros(groups.max(initial=-1) + 1, dtype=bool)
    np.logical_or.at(in_val, groups, lists.listed[VAL])
    return in_val[groups].astype(np.int8)


def grouped_sides(
    groups: np.ndarray, labels: Mapping[str, np.ndarray], *, seed: int, val_share: float = VAL_SHARE
) -> np.ndarray:
    """int8 (N,): whole groups drawn into val until every class has its share there.

    Iterative stratification (Sechidis et al. 2011, "On the stratification of multi-label data") with groups in place of
    samples: the largest choose first, each the side whose quota of the group's classes is emptiest.

    Args:
        groups: (N,) from 0.
        labels: (N,) by task, -1 where unknown.
        seed: settles the order of groups of the same size.
        val_share: share of the paintings, and of each class, that belongs in val.
    """
    counts = _class_counts(groups, labels)  # (groups, classes), the last column counts the paintings
    order = np.lexsort((np.random.default_rng(seed).random(len(counts)), -counts[:, -1]))
    total = counts.sum(axis=0)
    room = np.stack([(1 - val_share) * total, val_share * total])  # (2, classes)
    quota = np.maximum(room.copy(), 1e-9)
    side_of = np.empty(len(counts), dtype=np.int8)
    for group in order:
        has = counts[group]
        filled = has > 0
        # How empty each quota is, weighted by what the group brings; a class counts more the rarer it is.
        need = (room[:, filled] / quota[:, filled] * (has[filled] / total[filled])).sum(axis=1)
        side = VAL if need[VAL] > need[TRAIN] else TRAIN
        room[side] -= has
        side_of[group] = side
    return side_of[groups]


def _class_counts(groups: np.ndarray, labels: Mapping[str, np.ndarray]) -> np.ndarray:
    """float64 (G, classes of all tasks + 1): how many paintings of each class a group holds, and how many in all."""
    n = int(groups.max(initial=-1)) + 1
    columns = []
    for values in labels.values():
        table = np.zeros((n, int(values.max(initial=-1)) + 1))
        known = values != UNKNOWN
        np.add.at(table, (groups[known], values[known]), 1)
        columns.append(table[:, table.any(axis=0)])
    return np.hstack([*columns, np.bincount(groups, minlength=n)[:, None]])


def label_baselines(
    train: np.ndarray,
    train_artists: Sequence[str] | np.ndarray,
    val: np.ndarray,
    val_artists: Sequence[str] | np.ndarray,
) -> dict[str, float | int | None]:
    """What knows nothing of the picture: the commonest class, and the commonest class of the painting's artist.

    Args:
        train: (N,) labels of the train side, -1 unknown, and the artist of each row.
        train_artists: (N,) names.
        val: (M,) labels of the val side.
        val_artists: (M,) names.

    Returns:
        `majority` and `artist_oracle`, shares of the `n` labelled val rows that are right; None where there are none.
        The oracle falls back on the commonest class for artists whom train does not hold.
    """
    by_artist: dict[str, Counter[int]] = {}
    overall: Counter[int] = Counter()
    for artist, label in zip(train_artists, train, strict=True):
        if label != UNKNOWN:
            overall[int(label)] += 1
            by_artist.setdefault(artist, Counter())[int(label)] += 1
    known = [(artist, int(label)) for artist, label in zip(val_artists, val, strict=True) if label != UNKNOWN]
    if not known or not overall:
        return {"majority": None, "artist_oracle": None, "n": len(known)}
    commonest = _commonest(overall)
    guess = {artist: _commonest(counts) for artist, counts in by_artist.items()}
    right = sum(label == commonest for _, label in known)
    oracle = sum(label == guess.get(artist, commonest) for artist, label in known)
    return {"majority": right / len(known), "artist_oracle": oracle / len(known), "n": len(known)}


def _commonest(counts: Counter[int]) -> int:
    return min(counts, key=lambda label: (-counts[label], label))  # ties go to the first class


def class_minimum(
    labels: np.ndarray, sides: np.ndarray, artists: Sequence[str] | np.ndarray, names: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Works and artists of each class on each side, and whether the class is `thin`: fewer than THIN artists on one.

    Args:
        labels: (N,) of one task.
        sides: (N,) TRAIN or VAL.
        artists: (N,) names.
        names: the class names; a class without any painting is left out.
    """
    names_of = np.asarray(artists)
    table: dict[str, dict[str, Any]] = {}
    for label in np.unique(labels[labels != UNKNOWN]):
        row: dict[str, Any] = {}
        for name, side in (("train", TRAIN), ("val", VAL)):
            chosen = (labels == label) & (sides == side)
            row |= {f"{name}_works": int(chosen.sum()), f"{name}_artists": len(np.unique(names_of[chosen]))}
        table[names[label]] = row | {"thin": min(row["train_artists"], row["val_artists"]) < THIN}
    return table
