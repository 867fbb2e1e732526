import json
import shutil
import time
import unicodedata

import pytest
from datasets import load_from_disk

from artextract_hf import load_wikiart
from artextract_hf.data.labels import ARTISTS, STYLES, artist_class
from artextract_hf.data.prepared import load_prepared, read_manifest, write_prepared
from artextract_hf.data.schema import SkipList, label_counts
from artextract_hf.data.wikiart.release import parse_file_name, read_wikiart
from artextract_hf.errors import DataError
from tests.conftest import shared


def by_title(dataset, task):
    names = dataset.features[task].names
    return {t: (names[label] if label >= 0 else None) for t, label in zip(dataset["title"], dataset[task], strict=True)}


def test_one_record_a_painting_with_the_labels_of_its_side(tiny_wikiart):
    skipped = SkipList()
    splits = read_wikiart(tiny_wikiart, skipped=skipped).splits
    train, val = splits["train"], splits["val"]
    assert {side: part.num_rows for side, part in splits.items()} == {"train": 5, "val": 4}
    assert label_counts(train) == {"style": 5, "genre": 2, "artist": 2}
    assert label_counts(val) == {"style": 3, "genre": 2, "artist": 1}
    # The leaked painting stands on both sides, each time with that side's labels only.
    assert by_title(train, "style")["Self portrait"] == "Baroque" and by_title(train, "genre")["Self portrait"] is None
    assert by_title(val, "style")["Self portrait"] is None and by_title(val, "genre")["Self portrait"] == "portrait"
    assert by_title(train, "artist") == {
        "Poppies": "Claude_Monet",
        "Sunrise": None,
        "Island": None,
        "Self portrait": "Rembrandt",
        "Malle babbe": None,
    }
    assert {s.path: s.reason for s in skipped.items}.keys() == {
        "Baroque/rembrandt_cut.jpg",
        "Baroque/rembrandt_missing.jpg",
    }


def test_files_that_were_unpacked_on_another_system_are_found(tiny_wikiart, tmp_path):
    """macOS parts the letters of a name from their accents; the lists do not."""
    root = shutil.copytree(tiny_wikiart, tmp_path / "wikiart")
    name = "arnold-bã¶cklin_island(1).jpg"
    path = root / "wikiart/Impressionism" / name
    path.rename(path.with_name(unicodedata.normalize("NFD", name)))
    here, there = (read_wikiart(where, skipped=SkipList()).splits["train"] for where in (root, tiny_wikiart))
    assert here["id"] == there["id"]
    assert [picture.tobytes() for picture in here["image"]] == [picture.tobytes() for picture in there["image"]]


def test_artist_labels_from_file_names(tiny_wikiart):
    splits = load_wikiart(tiny_wikiart, artists="names", min_artist_works=2)
    assert splits["train"].features["artist"].names == ["Claude_Monet", "Frans_Hals", "Rembrandt"]
    assert by_title(splits["train"], "artist")["Malle babbe"] == "Frans_Hals"
    assert by_title(splits["val"], "artist")["Dancers"] is None  # Degas has one work
    # Labelled once, on the side of its style list.
    assert by_title(splits["train"], "artist")["Self portrait"] == "Rembrandt"
    assert by_title(splits["val"], "artist")["Self portrait"] is None
    everyone = load_wikiart(tiny_wikiart, artists="names")["train"].features["artist"].names
    assert everyone == ["Arnold_Böcklin", "Claude_Monet", "Edgar_Degas", "Frans_Hals", "Rembrandt"]


def test_a_root_with_one_list_only_has_one_split(tiny_wikiart, tmp_path):
    (tmp_path / "wikiart").symlink_to(tiny_wikiart / "wikiart")
    (tmp_path / "wikiart_csv").mkdir()
    lines = (tiny_wikiart / "wikiart_csv/style_val.csv").read_text(encoding="utf-8")
    (tmp_path / "wikiart_csv/style_val.csv").write_text(lines, encoding="utf-8")
    splits = load_wikiart(tmp_path, artists="names")
    assert {side: part.num_rows for side, part in splits.items()} == {"val": 3}
    assert label_counts(splits["val"]) == {"style": 3, "genre": 0, "artist": 3}


def test_images_are_whole_in_the_saved_data_set(tiny_wikiart, tmp_path):
    load_wikiart(tiny_wikiart).save_to_disk(tmp_path / "out")
    record = load_from_disk(tmp_path / "out")["train"][0]
    assert record["image"].size == (48, 40) and record["image"].mode == "RGB"
    assert record["id"] == "wikiart/Impressionism/claude-monet_poppies-1873.jpg"
    assert (record["year"], record["artist_name"]) == (1873, "Claude Monet")


@pytest.mark.parametrize(
    ("name", "artist", "title", "year"),
    [
        ("Impressionism/claude-monet_cliff-at-pourville-1.jpg", "Claude Monet", "Cliff at pourville 1", None),
        ("Post_Impressionism/vincent-van-gogh_ears-of-wheat-1890(1).jpg", "Vincent van Gogh", "Ears of wheat", 1890),
        ("S/raphael-kirchner_girls-with-olive-green-surrounds-1901-9.jpg", "Raphael Kirchner",
         "Girls with olive green surrounds", 1901),
    ],
)  # fmt: skip
def test_file_names(name, artist, title, year):
    known = parse_file_name(name)
    assert (known.artist, known.title, known.year) == (artist, title, year)


def test_artist_classes_are_spelt_as_the_release_spells_them():
    assert [artist_class(name.lower().replace("_", "-")) for name in ARTISTS] == list(ARTISTS)


def test_bad_roots_give_one_clear_error(tmp_path, tiny_wikiart):
    with pytest.raises(DataError, match="is not a folder"):
        load_wikiart(tmp_path / "nowhere")
    with pytest.raises(DataError, match="no folder wikiart"):
        load_wikiart(tmp_path)
    (tmp_path / "wikiart").mkdir()
    (tmp_path / "wikiart_csv").mkdir()
    with pytest.raises(DataError, match="none of the lists"):
        load_wikiart(tmp_path)
    (tmp_path / "wikiart_csv/style_val.csv").write_text("a/b_c.jpg,4\n../../x_y.jpg,4\n")
    with pytest.raises(DataError, match="no painting .*4 were left out"):
        load_wikiart(tmp_path)
    with pytest.raises(DataError, match="no split 'offical'"):
        load_wikiart(tiny_wikiart, "offical")
    with pytest.raises(DataError, match="not from 'name'"):
        load_wikiart(tiny_wikiart, artists="name")


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("style_train.csv", '"Baroque/frans-hals_malle-babbe.jpg,4\n', "opened in line 8 is never closed"),
        ("style_class.txt", f"{len(STYLES)} Realism\n", "'Realism'"),
    ],
)
def test_lists_that_would_lose_labels_end_in_one_line(tiny_wikiart, tmp_path, run_cli, name, text, problem):
    root = shutil.copytree(tiny_wikiart, tmp_path / "wikiart")
    with (root / "wikiart_csv" / name).open("a", encoding="utf-8") as file:
        file.write(text)
    code, out, err = run_cli("prepare", "wikiart", "--root", root, "--out", tmp_path / "out")
    assert (code, out, len(err.splitlines())) == (2, "", 1) and problem in err and name in err


def test_what_lists_lose_is_told(tiny_wikiart, tmp_path, run_cli):
    root = shutil.copytree(tiny_wikiart, tmp_path / "wikiart")
    (root / "wikiart_csv/genre_val.csv").unlink()
    path = root / "wikiart_csv/style_train.csv"
    path.write_text(path.read_text(encoding="utf-8").replace(",", ";", 1), encoding="utf-8")
    code, _, err = run_cli("prepare", "wikiart", "--root", root, "--out", tmp_path / "out")
    assert code == 0 and "style_train.csv line 1: is 'Impressionism/claude-monet_poppies-1873.jpg;12'" in err
    assert "wikiart_csv: has no list genre_val" in err


def test_real_subset_has_the_stated_counts(run_cli, tmp_path):
    root = shared("data/wikiart_subset")
    start = time.monotonic()
    code, out, _ = run_cli("prepare", "wikiart", "--root", root, "--out", tmp_path / "out", "--json")
    assert code == 0
    splits = json.loads(out)["splits"]
    assert splits["train"]["labelled"] == {"style": 8508, "genre": 6463, "artist": 2072}
    assert splits["val"]["labelled"] == {"style": 3646, "genre": 2725, "artist": 894}
    assert json.loads(out)["skipped"] == []
    assert time.monotonic() - start < 60


@pytest.mark.parametrize("split", ["joint", "grouped", "artist_disjoint"])
def test_every_other_split_has_a_painting_once_with_all_its_labels(tiny_wikiart, split):
    splits = load_wikiart(tiny_wikiart, split)
    ids = [id_ for part in splits.values() for id_ in part["id"]]
    assert len(ids) == len(set(ids)) == 8
    leaked = {s: by_title(part, "genre").get("Self portrait") for s, part in splits.items()}
    assert "portrait" in leaked.values()  # its genre came from a val list, its style from a train list
    if split == "joint":
        assert leaked["val"] == "portrait" and by_title(splits["val"], "style")["Self portrait"] == "Baroque"
    if split == "artist_disjoint":
        assert not set(splits["train"]["artist_name"]) & set(splits["val"]["artist_name"])


def test_a_split_repeats_from_its_seed_and_says_where_it_comes_from(tiny_wikiart, tmp_path, run_cli):
    manifests = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        arguments = ("--root", tiny_wikiart, "--out", tmp_path / name, "--split", "artist_disjoint", "--seed", seed)
        code, out, _ = run_cli("prepare", "wikiart", *arguments, "--json")
        assert code == 0 and json.loads(out)["baselines"]["style"]["n"] > 0
        manifests.append(read_manifest(tmp_path / name))
    first, again, other = manifests
    assert first == again
    assert (first["split"], first["seed"], first["paintings"]) == ("artist_disjoint", 1, 8)
    assert first["flaws"]["header_lines"] == 2 and first["flaws"]["files_on_both_sides"] == 1
    assert first["lists"]["artist_train"]["rows"] == 2 and not first["lists"]["artist_train"]["release"]
    assert first["thin_classes"]["style"] == ["Baroque", "Impressionism"]  # eight paintings have few artists
    assert other["seed"] == 2


def test_preparing_again_leaves_no_split_of_before(tiny_wikiart, tmp_path):
    write_prepared(load_wikiart(tiny_wikiart), {}, tmp_path / "out")
    only_val = load_wikiart(tiny_wikiart)
    del only_val["train"]
    write_prepared(only_val, {"split": "official"}, tmp_path / "out")
    assert list(load_prepared(tmp_path / "out")) == ["val"]
    assert not (tmp_path / "out/train").exists()


def test_a_small_sample_has_every_style(tiny_wikiart):
    splits = load_wikiart(tiny_wikiart, "joint", max_samples=4, seed=3)
    styles = [label for part in splits.values() for label in part["style"]]
    assert len(styles) <= 4 and set(styles) == {4, 12}
    again = load_wikiart(tiny_wikiart, "joint", max_samples=4, seed=3)
    assert [again[side]["id"] for side in again] == [splits[side]["id"] for side in splits]
