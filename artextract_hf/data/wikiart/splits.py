"""Which side a painting is on, in train or in val: pure functions from arrays to arrays.

- `official`: the sides of the release's lists, task by task;
- `joint`: one side a painting, so that nothing is in train of one task and in val of another;
- `grouped`: no series (artist and title stem) and no near-duplicate pair across;
- `artist_disjoint`: no artist across.

The first is the release's own. The second keeps its val lists whole. The others draw whole groups into val, from a
seed, so that every class keeps the release's share there.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from artextract_hf.data.labels import UNKNOWN
from artextract_hf.data.wikiart.lists import TRAIN, VAL, WikiArtLists, file_name, title_stem

SPLITS = ("official", "joint", "grouped", "artist_disjoint")
VAL_SHARE = 0.3  # of the release's own lists


@dataclass(frozen=True)
class Assigned:
    """The outcome of a split.

    Attributes:
        member: bool (2, N), which paintings are in train, which in val.
        labels: (2, N) by task, as each side has them.
        groups: (N,) what was kept together; None for the release's own sides.
        near_duplicate_pairs: how many of them tied groups together.
    """

    member: np.ndarray
    labels: dict[str, np.ndarray]
    groups: np.ndarray | None = None
    near_duplicate_pairs: int = 0


def assign(lists: WikiArtLists, split: str, *, seed: int = 0, pairs: list[tuple[int, int]] | None = None) -> Assigned:
    """Put every listed painting on its side or sides; `pairs` are near-duplicates, as rows, for `grouped`."""
    if split == "official":
        return Assigned(lists.listed, lists.labels)
    groups = groups_of(lists, split, pairs or [])
    labels = lists.of_either_side()
    sides = joint_sides(lists, groups) if split == "joint" else grouped_sides(groups, labels, seed=seed)
    member = np.stack([sides == TRAIN, sides == VAL])
    both = {task: np.where(member, values, UNKNOWN) for task, values in labels.items()}
    return Assigned(member, both, groups, len(pairs or []))


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
