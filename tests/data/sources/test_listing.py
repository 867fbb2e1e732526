"""Which pictures a folder and its metadata list: none from outside, none lost, and an end to every folder."""

import json
import os
import subprocess
import unicodedata
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from datasets import Dataset, load_from_disk

from artextract_hf.data.schema import SkipList
from artextract_hf.data.sources.collection import load_collection, read_collection, read_with_splits
from artextract_hf.errors import DataError
from tests.conftest import plain_picture


def pictures(folder, *names):
    for seed, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        plain_picture((200, 40 + 20 * seed, 40), seed=seed).save(path, "PNG")
    return folder


def read(source, **options):
    skipped = SkipList()
    dataset = read_collection(source, skipped, **options)
    return dataset, {item.path: item.reason for item in skipped.items}


@pytest.fixture
def collection(tmp_path):
    """`m` with two pictures, and beside it what is none of its business."""
    pictures(tmp_path, "m/a.png", "m/b.png", "home/secret.png")
    return tmp_path / "m"


def outside_by_csv(folder):
    (folder / "metadata.csv").write_text("file_name,title\na.png,A\n../home/secret.png,Mine\n")
    return folder, "m/../home/secret.png"


def outside_by_back_slashes(folder):
    (folder / "metadata.csv").write_text("file_name,title\na.png,A\n..\\home\\secret.png,Mine\n")
    return folder / "metadata.csv", "m/..\\home\\secret.png"


def outside_by_absolute_path(folder):
    secret = folder.parent / "home/secret.png"
    (folder / "metadata.jsonl").write_text(f'{{"file_name": "{secret}"}}\n{{"file_name": "b.png"}}\n')
    return folder / "metadata.jsonl", f"m/{secret}"


def outside_by_link(folder):
    (folder / "linked.png").symlink_to("../home/secret.png")
    return folder, "m/linked.png"


def outside_by_link_in_a_table(folder):
    (folder / "linked.png").symlink_to("../home/secret.png")
    (folder / "list.csv").write_text("file_name\na.png\nlinked.png\n")
    return folder / "list.csv", "m/linked.png"


def outside_by_linked_folder(folder):
    (folder / "home").symlink_to("../home")
    (folder / "list.csv").write_text("file_name\na.png\nhome/secret.png\n")
    return folder / "list.csv", "m/home/secret.png"


WAYS_OUT = [
    outside_by_csv, outside_by_back_slashes, outside_by_absolute_path, outside_by_link, outside_by_link_in_a_table,
    outside_by_linked_folder,
]  # fmt: skip


@pytest.mark.parametrize("way_out", WAYS_OUT)
def test_a_picture_outside_the_collection_is_refused_and_listed_unless_it_is_allowed(collection, way_out):
    source, name = way_out(collection)
    dataset, skipped = read(source)
    assert all(os.path.realpath(image["path"]).startswith(str(collection)) for image in encoded(dataset))
    assert "lies outside the collection" in skipped[name] and "--allow-outside takes it in" in skipped[name]
    allowed, skipped = read(source, allow_outside=True)
    assert len(allowed) == len(dataset) + 1 and not any("outside" in reason for reason in skipped.values())


def encoded(dataset):
    return dataset.data.column("image").to_pylist()


def test_the_command_refuses_and_allows(collection, tmp_path, run_cli):
    outside_by_csv(collection)
    code, out, _ = run_cli("prepare", "collection", collection, "--out", tmp_path / "p", "--json")
    assert code == 0 and "--allow-outside" in json.loads(out)["skipped"][0]["reason"]
    secret = (tmp_path / "home/secret.png").read_bytes()
    assert secret not in [image["bytes"] for image in encoded(load_from_disk(tmp_path / "p")["all"])]
    code, out, _ = run_cli("prepare", "collection", collection, "--out", tmp_path / "q", "--json", "--allow-outside")
    assert code == 0 and json.loads(out)["skipped"] == []
    assert secret in [image["bytes"] for image in encoded(load_from_disk(tmp_path / "q")["all"])]


def test_metadata_behind_a_link_that_leads_out_is_not_read(collection, tmp_path):
    (tmp_path / "home/metadata.csv").write_text("file_name,title\na.png,a secret\n")
    (collection / "metadata.csv").symlink_to("../home/metadata.csv")
    dataset, skipped = read(collection)
    assert dataset["title"] == ["a", "b"] and "lies outside" in skipped["m/metadata.csv"]


def test_a_prepared_folder_whose_record_names_a_file_of_this_machine(collection, tmp_path):
    load_collection(collection).save_to_disk(tmp_path / "p")
    (arrow,) = (tmp_path / "p").glob("*.arrow")
    table = pa.ipc.open_stream(arrow.read_bytes()).read_all()
    images = table["image"].to_pylist()
    images[0] = {"bytes": None, "path": str(tmp_path / "home/secret.png")}
    table = table.set_column(1, table.schema.field("image"), pa.array(images, table.schema.field("image").type))
    with pa.ipc.new_stream(arrow, table.schema) as stream:
        stream.write_table(table)
    with pytest.raises(DataError, match="holds no picture of .*secret.png', only its path"):
        read(tmp_path / "p")


def test_links_that_stay_inside_are_followed_and_folders_are_read_once(collection):
    pictures(collection, "sub/c.png")
    (collection / "same.png").symlink_to("sub/c.png")
    (collection / "folder").symlink_to("sub")
    (collection / "sub/up").symlink_to("..")
    dataset, skipped = read(collection)
    assert dataset["id"] == ["m/a.png", "m/b.png", "m/same.png", "m/sub/c.png"] and skipped == {}


def test_a_loop_of_links_that_leads_out_ends_also_where_it_is_allowed(collection, tmp_path):
    (collection / "up").symlink_to("..")
    (tmp_path / "home/down").symlink_to("../m")
    dataset, skipped = read(collection, allow_outside=True)
    assert dataset["id"] == ["m/a.png", "m/b.png", "m/up/home/secret.png"] and skipped == {}


def test_what_is_no_file_is_listed_and_waits_for_nobody(collection):
    os.mkfifo(collection / "pipe.png")
    (collection / "gone.png").symlink_to("nothing.png")
    (collection / "loop.png").symlink_to("loop.png")
    (collection / "list.csv").write_text("file_name\na.png\npipe.png\n")
    dataset, skipped = read(collection)
    assert dataset["id"] == ["m/a.png", "m/b.png"]
    assert "a pipe" in skipped["m/pipe.png"]
    assert skipped["m/gone.png"] == skipped["m/loop.png"] == "is a link to no file"
    assert read(collection / "list.csv")[1] == {"m/pipe.png": "there is no such file"}


def test_a_deep_folder_is_read_as_far_as_the_system_goes(collection):
    deep, too_deep = ["d"] * 1200, ["e" * 200] * 25  # 1,000 is Python's limit of recursion, 4,096 bytes that of a path
    here = Path.cwd()
    try:
        for names in (deep, too_deep):
            os.chdir(collection)
            for name in names:
                Path(name).mkdir()
                os.chdir(name)
            plain_picture((9, 9, 200)).save("deep.png")
        os.chdir(here)
        dataset, skipped = read(collection)
    finally:
        os.chdir(here)
        subprocess.run(["rm", "-rf", str(collection)], check=True)  # it is too deep for the end of the test
    assert sum("deep.png" in name for name in dataset["id"]) == 1
    assert [reason for reason in skipped.values()] == ["cannot be opened: File name too long"]


def test_a_row_that_cannot_be_read_leaves_its_picture_out(collection):
    """Its licence may stand in a cell that was shifted."""
    (collection / "metadata.csv").write_text("file_name,title,rights\na.png,Fields, trees,In Copyright\nb.png,B,CC0\n")
    dataset, skipped = read(collection)
    assert dataset["title"] == ["B"] and "line 2" in skipped["m/a.png"]


def test_hidden_pictures_are_counted_in_one_line_and_taken_where_a_row_names_them(collection):
    pictures(collection, ".a.png", "sub/.B.PNG", ".hidden/c.png", "._a.png", ".row.png")
    for name in (".DS_Store", ".gitignore", "sub/.metadata.csv"):
        (collection / name).write_text("x")
    (collection / "metadata.csv").write_text("file_name\n.row.png\n")
    dataset, skipped = read(collection)
    assert dataset["id"] == ["m/a.png", "m/b.png", "m/.row.png"]
    assert skipped == {"m/.a.png": "is hidden: its name begins with a dot; such pictures: 2"}


def test_an_address_is_fetched_unless_it_leads_into_a_private_network(collection):
    (collection / "list.csv").write_text("image\nhttp://127.0.0.1:9/a.jpg\na.png\n")
    dataset, skipped = read(collection / "list.csv")
    assert len(dataset) == 1 and "--allow-private-hosts" in skipped["http://127.0.0.1:9/a.jpg"]


@pytest.mark.parametrize("source", ["m", "m/metadata.jsonl"])
def test_json_lines_are_read_in_a_folder_and_as_a_source(collection, source):
    row = {"file_name": "a.png", "title": "Garden", "rights": "In Copyright", "year": 1900, "tags": ["x"]}
    (collection / "metadata.jsonl").write_text(json.dumps(row) + "\n")
    dataset, skipped = read(collection.parent / source)
    assert dataset[0]["title"] == "Garden" and dataset[0]["license"] == "In Copyright" and dataset[0]["year"] == 1900
    assert skipped == {}


def test_the_metadata_of_each_folder_counts_the_nearest_first(tmp_path):
    folder = pictures(tmp_path / "s", "train/a.png", "test/b.png", "c.png")
    (folder / "train/metadata.csv").write_text("file_name,title\na.png,near\nlost.png,L\n")
    (folder / "test/Metadata.CSV").write_text("file_name;title\nb.png;B\n")
    (folder / "metadata.csv").write_text("file_name,title\ntrain/a.png,far\nc.png,C\n")
    dataset, skipped = read(folder)
    assert dict(zip(dataset["id"], dataset["title"], strict=True)) == {
        "s/c.png": "C",
        "s/test/b.png": "B",
        "s/train/a.png": "near",
    }
    assert skipped == {"s/train/lost.png": "there is no such file"}


def test_metadata_as_parquet_beside_pictures_is_read(collection):
    pd.DataFrame({"file_name": ["a.png"], "rights": ["In Copyright"]}).to_parquet(collection / "metadata.parquet")
    dataset, skipped = read(collection)
    assert dataset["license"] == ["In Copyright", ""] and skipped == {}


def test_a_parquet_file_among_pictures_hides_none_and_is_listed(collection):
    (collection / "index").mkdir()
    pd.DataFrame({"id": ["x"], "thumbnail": [b"x"]}).to_parquet(collection / "index/records.parquet")
    pictures(collection, "sea/test-strip.png")
    dataset, skipped = read(collection, classes="genre")
    assert dataset["id"] == ["m/a.png", "m/b.png", "m/sea/test-strip.png"]
    assert dataset.features["genre"].names == ["sea"]
    assert list(skipped) == ["m/index/records.parquet"] and "source of its own" in skipped["m/index/records.parquet"]


def test_a_data_set_of_the_hub_may_have_a_picture_for_its_card(collection, tmp_path):
    folder = pictures(tmp_path / "hub", "balance.png")
    (folder / "data").mkdir()
    image = [{"bytes": (collection / name).read_bytes(), "path": name} for name in ("a.png", "b.png")]
    Dataset.from_dict({"image": image}).to_parquet(folder / "data/train-00000-of-00001.parquet")
    (folder / "README.md").write_text("---\nconfigs:\n- config_name: default\n  data_files: data/*\n---\n")
    assert read(folder)[0]["id"] == ["hub/a.png", "hub/b.png"]


def test_names_and_texts_in_another_form_of_unicode_are_the_same(tmp_path):
    nfc, nfd = (unicodedata.normalize(form, "Dürer.png") for form in ("NFC", "NFD"))
    folder = pictures(tmp_path / "m", f"images/{nfd}")
    (folder / "metadata.csv").write_text(f"file_name,artist\nimages/{nfc},{unicodedata.normalize('NFD', 'Dürer')}\n")
    by_folder, by_table = read(folder), read(folder / "metadata.csv")
    for dataset, skipped in (by_folder, by_table):
        assert dataset["id"] == [f"m/images/{nfc}"] and dataset["artist_name"] == ["Dürer"] and skipped == {}
        assert dataset[0]["image"].size == (48, 40)


def test_a_name_that_is_not_in_utf8_is_listed_under_an_escaped_one(collection):
    (collection / "b.png").rename(collection / os.fsdecode(b"Mu\xf1oz.png"))
    dataset, skipped = read(collection)
    assert dataset["id"] == ["m/a.png"]
    assert skipped == {"m/Mu\\udcf1oz.png": "its name is not in UTF-8; rename it"}


def test_a_collection_of_names_that_are_not_in_utf8_ends_in_one_line(collection, run_cli):
    for name in ("a.png", "b.png"):
        (collection / name).rename(collection / os.fsdecode(b"\xf1" + name.encode()))
    with pytest.raises(DataError, match="2 were left out.*not in UTF-8"):
        read(collection)
    code, _, err = run_cli("prepare", "collection", collection, "--out", collection.parent / "p")
    assert code == 2 and err.count("\n") == 1


def test_half_a_surrogate_pair_in_a_text_is_escaped(collection):
    (collection / "metadata.jsonl").write_text('{"file_name": "a.png", "title": "bad \\ud800 text"}\n')
    assert read(collection)[0]["title"] == ["bad \\ud800 text", "b"]


def test_names_that_differ_in_their_form_of_unicode_only_get_ids_of_their_own(tmp_path):
    names = [unicodedata.normalize(form, "Dürer.png") for form in ("NFD", "NFC")]
    folder = pictures(tmp_path, *(f"m/{name}" for name in names)) / "m"
    (tmp_path / "m/list.csv").write_text("file_name,title\n" + "".join(f"{n},{len(n)}\n" for n in names))
    for source in (folder, folder / "list.csv"):
        dataset, _ = read(source)
        assert dataset["id"][:] == ["m/Dürer.png", "m/Dürer.png-2"]
    assert dataset["title"][:] == ["10", "9"]


def test_a_second_row_for_a_picture_is_listed(collection):
    (collection / "metadata.csv").write_text("file_name,title,license\na.png,A,CC0\na.png,Z,In copyright\nb.png,B,\n")
    (collection / "metadata.jsonl").write_text('{"file_name": "b.png", "title": "Z", "license": "In copyright"}\n')
    dataset, skipped = read(collection)
    assert dataset["title"][:] == ["A", "B"] and dataset["license"][:] == ["In copyright", "In copyright"]
    assert skipped.keys() == {"m/a.png", "m/b.png"} and "more than once" in skipped["m/a.png"]
    assert read(collection / "metadata.csv")[1].keys() == {"m/a.png"}


def test_a_list_of_several_classes_is_no_class_and_is_noted(collection):
    rows = [{"file_name": "a.png", "school": ["north", "south"]}, {"file_name": "b.png", "school": ["north"]}]
    (collection / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
    dataset, skipped = read(collection, tasks=["school"])
    assert dataset.features["school"].names == ["north"] and dataset["school"] == [-1, 0]
    assert skipped == {"m/a.png": "names several classes of school in a list, and gets none of them; such rows: 1"}


def test_a_column_of_splits_counts_before_the_folder_and_what_differs_is_noted(tmp_path):
    folder = pictures(tmp_path / "s", "train/a.png", "train/b.png", "val/c.png")
    (folder / "metadata.csv").write_text("file_name,split\ntrain/a.png,val\ntrain/b.png,\nval/c.png,valid\n")
    skipped = SkipList()
    assert read_with_splits(folder, skipped)[1] == ["val", "train", "val"]
    (note,) = skipped.items
    assert note.path == "s/train/a.png" and "lies in the split train, but its row names val" in note.reason


@pytest.mark.parametrize("places", [("metadata.csv", "a/metadata.csv"), ("metadata.csv", "metadata.jsonl")])
def test_no_list_hides_what_another_states_of_the_rights(tmp_path, places):
    (tmp_path / "a").mkdir()
    plain_picture((1, 2, 3)).save(tmp_path / "a/x.png")
    for place, license in zip(places, ("In copyright", "CC0"), strict=True):
        name = "x.png" if place.startswith("a/") else "a/x.png"
        row = (
            f'{{"file_name": "{name}", "license": "{license}"}}'
            if "jsonl" in place
            else f"file_name,license\n{name},{license}"
        )
        (tmp_path / place).write_text(row + "\n")
    assert load_collection(tmp_path)["license"] == ["In copyright"]
    (tmp_path / "list.csv").write_text("file_name,license\na/x.png,CC0\na/x.png,In copyright\n")
    assert load_collection(tmp_path / "list.csv")["license"] == ["In copyright"]
