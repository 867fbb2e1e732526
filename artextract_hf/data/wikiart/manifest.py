"""Where a split of WikiArt comes from, and how hard it is: checksums, counts, baselines, classes with few artists."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from artextract_hf.data.labels import UNKNOWN
from artextract_hf.data.wikiart.lists import SIDES, TRAIN, VAL, WikiArtLists
from artextract_hf.data.wikiart.splits import Assigned

RELEASE = "cs-chan/ArtGAN, WikiArt Dataset, commit 27876da"
THIN = 5  # a class with fewer artists than this on a side measures its artists rather than the class


def make_manifest(lists: WikiArtLists, assigned: Assigned, split: str, *, seed: int) -> dict[str, Any]:
    """All that is to be known about a split, as JSON.

    Args:
        lists: what was split.
        assigned: the outcome.
        split: one of SPLITS in `data/wikiart/splits.py`.
        seed: of the draw, where the split is drawn.
    """
    artists = lists.artists
    train, val = assigned.member
    assignment = "".join(f"{path}\t{t:d}{v:d}\n" for path, t, v in zip(lists.paths, train, val, strict=True))
    manifest: dict[str, Any] = {
        "source": RELEASE,
        "split": split,
        "seed": seed if split in ("grouped", "artist_disjoint") else None,
        "lists": lists.sources,
        "flaws": lists.flaws.as_json(),
        "paintings": len(lists),
        "rows": {name: int(assigned.member[side].sum()) for side, name in enumerate(SIDES)},
        "assignment_sha256": hashlib.sha256(assignment.encode()).hexdigest(),
        "baselines": {
            task: label_baselines(both[TRAIN][train], artists[train], both[VAL][val], artists[val])
            for task, both in assigned.labels.items()
        },
    }
    return manifest if assigned.groups is None else manifest | _about_groups(lists, assigned, assigned.groups)


def _about_groups(lists: WikiArtLists, assigned: Assigned, groups: np.ndarray) -> dict[str, Any]:
    """What the manifest says about a split that keeps groups together, beside the rest."""
    train, val = assigned.member
    sizes = np.bincount(groups)
    moved = (lists.listed[TRAIN] & ~train) | (lists.listed[VAL] & ~val)
    classes = {
        task: class_minimum(values, val.astype(np.int8), lists.artists, lists.classes[task])
        for task, values in lists.of_either_side().items()
    }
    return {
        "groups": len(sizes),
        "largest_group": int(sizes.max()),
        "near_duplicate_pairs": assigned.near_duplicate_pairs,
        "moved": int(moved.sum()),  # paintings that a list of the release has on the other side
        "classes": classes,
        "thin_classes": {task: [name for name, row in rows.items() if row["thin"]] for task, rows in classes.items()},
    }


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
