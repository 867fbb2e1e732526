"""Classes and splits of one's own: kept where a source states them, drawn by the work otherwise."""

import csv

import numpy as np
import PIL.Image
import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Image, Value, load_from_disk

from artextract_hf.data import Draw, SkipList, load_collection, read_collection_splits, read_manifest, write_prepared
from artextract_hf.errors import DataError
from tests.conftest import plain_picture
from tests.data.sources.test_tables import png


@pytest.fixture
def collection(tmp_path):
    """60 pictures in a folder, of which 10 are copies of the first five, and a table that knows their school.

    The first is of one colour, which nothing but its copies is compared with.
    """
    folder = tmp_path / "museum"
    folder.mkdir()
    rows = []
    for number in range(60):
        name = f"{number}.png"
        painting(number % 5 if number >= 50 else number).save(folder / name)
        rows.append({"file_name": name, "School of art": ("north", "south", "")[number % 3], "title": name})
    write(folder / "list.csv", rows)
    return folder


def painting(seed):
    if not seed:
        return plain_picture((30, 80, 120))
    noise = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return PIL.Image.fromarray(noise).resize((90, 90))


def write(path, rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def read(source, draw=None, **options):
    return read_collection_splits(source, SkipList(), draw or Draw(), **options)


def test_a_column_becomes_classes_and_the_draw_is_stratified_and_keeps_works_together(collection):
    draw = Draw(val=0.2, test=0.2, seed=3)
    splits, facts = read(collection / "list.csv", draw, tasks=["School of art"])
    assert list(splits) == ["train", "val", "test"] and sum(map(len, splits.values())) == 60
    names = splits["train"].features["school_of_art"].names
    assert names == ["north", "south"]
    for name, least, most in (("train", 11, 13), ("val", 3, 5), ("test", 3, 5)):
        works = np.bincount([label for label in splits[name]["school_of_art"] if label >= 0], minlength=2)
        assert all(least <= n <= most for n in works), (name, works)
    side = {int(id_.split("/")[1][:-4]): name for name, part in splits.items() for id_ in part["id"]}
    assert all(side[number] == side[number % 5] for number in range(50, 60))
    assert (facts["groups"], facts["seed"], facts["val"]) == (50, 3, 0.2) and facts["near_duplicate_pairs"] == 12
    assert facts["baselines"].keys() == {"school_of_art"} and 0 < facts["baselines"]["school_of_art"]["majority"] < 1
    again, _ = read(collection / "list.csv", draw, tasks=["School of art"])
    assert all(again[name]["id"] == splits[name]["id"] for name in splits)


def test_without_a_draw_there_is_one_split_and_no_class_of_ones_own(collection):
    splits, facts = read(collection / "list.csv")
    assert (
        list(splits) == ["all"]
        and "school_of_art" not in splits["all"].column_names
        and facts == {"baselines": {}, "on_hub": False}
    )


def test_folders_of_splits_are_kept_and_subfolders_are_classes(tmp_path):
    for number, (split, school) in enumerate([("Train", "north"), ("Train", "south"), ("validation", "south")] * 2):
        place = tmp_path / "museum" / split / school
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number}.png").write_bytes(png(number))
    splits, _ = read(tmp_path / "museum", classes="school")
    assert {name: len(part) for name, part in splits.items()} == {"train": 4, "val": 2}
    assert splits["val"].features["school"].names == ["north", "south"] and splits["val"]["school"] == [1, 1]
    assert len(load_collection(tmp_path / "museum")) == 6
    (tmp_path / "museum/loans").mkdir()
    (tmp_path / "museum/loans/x.png").write_bytes(png(9))
    with pytest.raises(DataError, match="1 of 7 records state no split, the first museum/loans/x.png"):
        read(tmp_path / "museum")


def test_a_column_of_splits_is_kept_and_val_may_be_drawn_from_train(collection):
    table = collection / "list.csv"
    with table.open(newline="", encoding="utf-8") as file:
        rows = [row | {"Split": "test" if int(row["title"][:-4]) < 12 else "training"} for row in csv.DictReader(file)]
    write(table, rows)
    splits, _ = read(table)
    assert {name: len(part) for name, part in splits.items()} == {"train": 48, "test": 12}
    splits, _ = read(table, Draw(val=0.25), tasks=["School of art"])
    assert len(splits["test"]) == 12 and 10 <= len(splits["val"]) <= 14
    with pytest.raises(DataError, match="has a split test already; leave out --test"):
        read(table, Draw(test=0.1))
    write(table, [rows[0] | {"Split": ""}, *rows[1:]])
    with pytest.raises(DataError, match="1 of 60 records state no split, the first museum/0.png"):
        read(table)


def test_classes_and_splits_of_a_data_set_stay(tmp_path):
    features = Features({"image": Image(), "Label": ClassLabel(names=["b side", "a"]), "note": Value("string")})
    rows = [{"image": {"bytes": png(n), "path": f"{n}.png"}, "Label": n % 2, "note": "x"} for n in range(6)]
    for name, part in (("train", rows[:4]), ("validation", rows[4:])):
        (tmp_path / "set/data").mkdir(parents=True, exist_ok=True)
        Dataset.from_list(part, features=features).to_parquet(tmp_path / f"set/data/{name}-0.parquet")
    splits, _ = read(tmp_path / "set", tasks=["note"])
    assert {name: len(part) for name, part in splits.items()} == {"train": 4, "val": 2}
    names = splits["val"].features["label"].names
    assert [names[label] for label in splits["val"]["label"]] == ["b side", "a"]
    assert splits["train"].features["note"].names == ["x"]
    assert load_collection(tmp_path / "set").features["label"].names == names


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tasks": ["medium"]}, "medium is a field of every record"),
        ({"tasks": ["???"]}, "cannot be called"),
        ({"tasks": ["period"]}, "has no class of period"),
    ],
)
def test_tasks_that_cannot_be_are_refused(collection, options, message):
    with pytest.raises(DataError, match=message):
        read(collection / "list.csv", **options)
    splits, _ = read(collection / "list.csv", tasks=["kind"], columns={"kind": "School of art"})
    assert splits["all"].features["kind"].names == ["north", "south"]


@pytest.mark.parametrize("shares", [(1, 0), (0.5, 0.5), (-0.1, 0), (float("nan"), 0)])
def test_shares_that_leave_nothing_are_refused(shares):
    with pytest.raises(DataError, match="leave nothing to learn from"):
        Draw(*shares)


def test_the_command_writes_them_and_they_are_read_back(collection, tmp_path, run_cli):
    out = tmp_path / "data"
    given = ("--task", "School of art", "--val", 0.2, "--seed", 1, "--out", out)
    code, told, _ = run_cli("prepare", "collection", collection / "list.csv", *given)
    assert code == 0 and "school_of_art 3" in told and "school_of_art: the commonest class is right on" in told
    saved = load_from_disk(str(out))
    assert isinstance(saved, DatasetDict) and list(saved) == ["train", "val"]
    assert read_manifest(out)["seed"] == 1
    whole = load_collection(out)  # a painting that stands in two splits counts once
    assert len(whole) == 60 and whole.features["school_of_art"].names == ["north", "south"]


def test_splits_of_prepared_data_are_kept(collection, tmp_path):
    splits, facts = read(collection / "list.csv", Draw(val=0.2), tasks=["School of art"])
    write_prepared(splits, facts, tmp_path / "data")
    again, _ = read(tmp_path / "data")
    assert {name: part["id"] for name, part in again.items()} == {name: part["id"] for name, part in splits.items()}
    with pytest.raises(DataError, match="has a split val already"):
        read(tmp_path / "data", Draw(val=0.2))


def test_classes_of_ones_own_stay_as_they_are_written_and_folders_count_before_columns(tmp_path):
    for number, school in enumerate(["red-cat", "Red Cat", "Red_Cat"]):
        place = tmp_path / "museum" / school
        place.mkdir(parents=True)
        (place / f"{number}.png").write_bytes(png(number))
    rows = [{"file_name": f"{school}/{n}.png", "school": "x"} for n, school in enumerate(["red-cat", "Red Cat"])]
    write(tmp_path / "museum/metadata.csv", rows)
    splits, _ = read(tmp_path / "museum", classes="school")
    assert splits["all"].features["school"].names == ["Red Cat", "Red_Cat", "red-cat"]
    with pytest.raises(DataError, match="two columns would be the task a_b"):
        read(tmp_path / "museum", tasks=["a b", "a:b"])


def test_equal_artists_and_titles_in_other_capitals_are_one_work(tmp_path):
    (tmp_path / "museum").mkdir()
    rows = []
    for number in range(20):
        painting(number + 1).save(tmp_path / f"museum/{number}.png")
        title = f"Lilies {number // 2}"
        rows.append({"file_name": f"{number}.png", "artist": "Ann", "title": title if number % 2 else title.upper()})
    write(tmp_path / "museum/list.csv", rows)
    assert read(tmp_path / "museum/list.csv", Draw(val=0.3))[1]["groups"] == 10
