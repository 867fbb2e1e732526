"""What a split promises, on the whole release; and its parts against values worked out by hand."""

from collections import Counter

import numpy as np
import pytest

from artextract_hf.data.labels import TASKS
from artextract_hf.data.wikiart.lists import file_name, read_lists, title_stem
from artextract_hf.data.wikiart.manifest import class_minimum, label_baselines, make_manifest
from artextract_hf.data.wikiart.splits import (
    SPLITS,
    assign,
    grouped_sides,
    groups_of,
    join_groups,
    number,
)
from tests.conftest import shared


@pytest.fixture(scope="module")
def release():
    return read_lists(shared("data/artgan_splits_full"))


@pytest.fixture(scope="module")
def splits(release):
    return {split: assign(release, split, seed=0) for split in SPLITS}


def across(assigned, keys):
    """The keys that occur on both sides."""
    train, val = assigned.member
    return set(np.asarray(keys)[train]) & set(np.asarray(keys)[val])


def test_official_has_the_lists_own_sides(release, splits):
    assert (splits["official"].member == release.listed).all()
    assert len(across(splits["official"], release.paths)) == 566


def test_joint_has_no_painting_on_both_sides_and_keeps_the_val_lists_whole(release, splits):
    joint = splits["joint"]
    assert not across(joint, release.paths)
    assert not across(joint, [file_name(path) for path in release.paths])  # nor a work in two style folders
    assert joint.member.sum() == len(release)
    assert (joint.member[1] | ~release.listed[1]).all()
    for task in TASKS:
        assert ((joint.labels[task] != -1).sum()) == (release.of_either_side()[task] != -1).sum()


def test_grouped_has_no_series_across(release, splits):
    series = [f"{a}/{title_stem(p)}" for a, p in zip(release.artists, release.paths, strict=True)]
    assert not across(splits["grouped"], series)
    assert len(across(splits["official"], series)) > 2000  # what it mends


def test_grouped_keeps_near_duplicates_together(release):
    pairs = [(0, 70_000), (1, 50_000), (50_000, 9), (123, 80_000)]
    grouped = assign(release, "grouped", seed=0, pairs=pairs)
    assert all(grouped.member[1][a] == grouped.member[1][b] for a, b in pairs)


def test_artist_disjoint_has_no_artist_across_and_every_style_on_both_sides(release, splits):
    disjoint = splits["artist_disjoint"]
    assert not across(disjoint, release.artists)
    manifest = make_manifest(release, disjoint, "artist_disjoint", seed=0)
    styles = manifest["classes"]["style"]
    assert len(styles) == 27 and all(row["train_works"] and row["val_works"] for row in styles.values())
    thin = {"Analytical_Cubism", "Synthetic_Cubism", "New_Realism", "Action_painting"}
    assert thin <= set(manifest["thin_classes"]["style"])


@pytest.mark.parametrize("split", ["grouped", "artist_disjoint"])
def test_drawn_splits_keep_the_release_s_share_of_every_style(release, splits, split):
    train, val = (splits[split].labels["style"][side][splits[split].member[side]] for side in (0, 1))
    shares = np.bincount(val) / (np.bincount(val) + np.bincount(train))
    assert abs(len(val) / len(release) - 0.3) < 0.003
    tolerance = 0.01 if split == "grouped" else 0.15  # a style of eight artists cannot be cut where one likes
    assert np.abs(shares - 0.3).max() < tolerance


@pytest.mark.parametrize("split", ["grouped", "artist_disjoint"])
def test_drawn_splits_repeat_from_their_seed(release, splits, split):
    again, other = assign(release, split, seed=0), assign(release, split, seed=1)
    assert (again.member == splits[split].member).all()
    assert (other.member != splits[split].member).any()


def test_baselines_of_the_official_lists(release, splits):
    """The published figures: majority 16.0, 21.7 and 9.9; knowing only the artist 81.0 on style, 58.7 on genre."""
    found = make_manifest(release, splits["official"], "official", seed=0)["baselines"]
    percent = {task: [round(100 * f["majority"], 1), round(100 * f["artist_oracle"], 1)] for task, f in found.items()}
    assert percent == {"style": [16.0, 81.0], "genre": [21.7, 58.7], "artist": [9.9, 100.0]}


def test_without_shared_artists_the_oracle_knows_no_more_than_the_majority(release, splits):
    found = make_manifest(release, splits["artist_disjoint"], "artist_disjoint", seed=0)["baselines"]
    for task in ("style", "genre"):
        assert found[task]["artist_oracle"] == found[task]["majority"]


def test_baselines_by_hand():
    train, val = np.array([0, 0, 1, 1, 1, -1]), np.array([0, 1, 0, 1, -1])
    figures = label_baselines(train, list("aabbcc"), val, list("abbzz"))
    # Commonest: 1, right twice of four. Oracle: a says 0 (right), b says 1 (right, wrong), z is unknown, so 1 (right).
    assert figures == {"majority": 0.5, "artist_oracle": 0.75, "n": 4}
    assert label_baselines(train, list("aabbcc"), np.array([-1]), ["a"]) == {
        "majority": None,
        "artist_oracle": None,
        "n": 0,
    }


def test_groups_join_by_pairs_and_their_chains():
    groups = number(["a", "b", "a", "c", "d"])
    assert groups.tolist() == [0, 1, 0, 2, 3]
    joined = join_groups(groups, [(0, 1), (1, 3)])
    assert Counter(joined.tolist()) == {joined[0]: 4, joined[4]: 1}
    assert join_groups(groups, []).tolist() == [0, 1, 0, 2, 3]


def test_a_group_that_holds_a_whole_class_goes_to_one_side():
    groups = np.repeat(np.arange(20), 10)
    labels = {"style": np.repeat([0, 1], [10, 190])}  # class 0 is one group
    sides = grouped_sides(groups, labels, seed=4)
    assert len({sides[i] for i in range(10)}) == 1
    assert sides.sum() == 60  # six of twenty equal groups


def test_thin_classes_by_hand():
    labels, sides = np.array([0, 0, 0, 1, -1]), np.array([0, 0, 1, 0, 1])
    table = class_minimum(labels, sides, list("aabab"), ["x", "y", "z"])
    assert table["x"] == {"train_works": 2, "train_artists": 1, "val_works": 1, "val_artists": 1, "thin": True}
    assert table["y"]["val_works"] == 0 and "z" not in table


def test_the_groups_of_a_split_are_what_they_say(release):
    assert groups_of(release, "artist_disjoint").max() + 1 == len(set(release.artists.tolist()))
