"""Pictures of one's own become records, and whatever cannot be used is listed with its reason."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from datasets import Dataset, DatasetDict
from PIL import Image

from artextract_hf.data.labels import ARTISTS
from artextract_hf.data.prepared import load_records
from artextract_hf.data.schema import SkipList, new_record, painting_features
from artextract_hf.data.sources.collection import load_collection, read_collection
from artextract_hf.errors import DataError
from tests.conftest import plain_picture

MUSEUM = Path("../shared/data/museum")
needs_museum = pytest.mark.skipif(not MUSEUM.is_dir(), reason=f"{MUSEUM} is not on this machine")

RED, BLUE = (200, 30, 30), (30, 30, 200)


def jpeg(color=RED, *, mode="RGB", size=(60, 40)):
    noise = np.random.default_rng(0).integers(0, 40, (size[1], size[0], 3)).astype(np.uint8)
    picture = Image.fromarray(np.clip(noise + np.array(color), 0, 255).astype(np.uint8)).convert(mode)
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=95)
    return data.getvalue()


def png_of_16_bits():
    data = io.BytesIO()
    Image.fromarray(np.linspace(0, 65535, 40 * 30).reshape(30, 40).astype(np.uint16)).save(data, "PNG")
    return data.getvalue()


def animated_gif():
    frames = [Image.new("RGB", (20, 20), color) for color in (RED, BLUE)]
    data = io.BytesIO()
    frames[0].save(data, "GIF", save_all=True, append_images=frames[1:], duration=100)
    return data.getvalue()


def bomb_png(side=50_000):
    """A well-formed header that announces 2,500 million pixels, and no pixels."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def write(folder, files):
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return folder


def read(source):
    skipped = SkipList()
    dataset = read_collection(source, skipped)
    return dataset, {item.path: item.reason for item in skipped.items}


def test_a_folder_yields_every_usable_picture_sorted_and_lists_the_rest(tmp_path):
    whole = jpeg()
    folder = write(
        tmp_path / "mine",
        {
            "b/cmyk.jpg": jpeg(mode="CMYK"),
            "a.jpg": whole,
            "b/scan.png": png_of_16_bits(),
            "c.gif": animated_gif(),
            "cut.jpg": whole[: len(whole) // 2],
            "text.jpg": "no picture at all",
            "bomb.png": bomb_png(),
            ".hidden/a.jpg": whole,
        },
    )
    dataset, skipped = read(folder)
    assert dataset["id"] == ["mine/a.jpg", "mine/b/cmyk.jpg", "mine/b/scan.png", "mine/c.gif"]
    assert set(skipped) == {"mine/bomb.png", "mine/cut.jpg", "mine/text.jpg"}
    assert "cut short" in skipped["mine/cut.jpg"]
    assert "not a picture" in skipped["mine/text.jpg"]
    assert "too large" in skipped["mine/bomb.png"]
    assert dataset.features == painting_features()
    assert dataset[0]["image"].size == (60, 40)
    assert (dataset[0]["style"], dataset[0]["genre"], dataset[0]["artist"]) == (-1, -1, -1)
    assert (dataset[0]["title"], dataset[0]["year"]) == ("a", None)


@pytest.mark.parametrize("kept", [0.999, 0.9, 0.5, 0.1])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_cut_jpeg_is_found_although_it_is_decoded_small(tmp_path, kept, progressive):
    data = io.BytesIO()
    noise = np.random.default_rng(1).integers(0, 256, (400, 500, 3)).astype(np.uint8)
    Image.fromarray(noise).save(data, "JPEG", progressive=progressive)
    whole = data.getvalue()
    write(tmp_path / "p", {"cut.jpg": whole[: int(len(whole) * kept)], "whole.jpg": whole})
    dataset, skipped = read(tmp_path / "p")
    assert dataset["id"] == ["p/whole.jpg"]
    assert list(skipped) == ["p/cut.jpg"]


def test_a_csv_gives_the_record_its_words(tmp_path):
    table = (
        "file_name,object_id,title,artist,date,rights,iiif_url\n"
        'images/1.jpg,7,"Rouen, morning","Claude Monet (French, 1840–1926)",1892–94,CC0 1.0,https://museum.example/1\n'
        "images/2.jpg,8,,Unknown hand,Louis XV,,\n"
        "images/gone.jpg,9,Lost,,,,\n"
        ",10,Nameless,,,,\n"
    )
    write(tmp_path / "m", {"metadata.csv": table, "images/1.jpg": jpeg(), "images/2.jpg": jpeg(BLUE)})
    dataset, skipped = read(tmp_path / "m" / "metadata.csv")
    first, second = dataset[0], dataset[1]
    assert first.pop("image").size == (60, 40)
    assert first == {
        "id": "m/images/1.jpg",
        "style": -1,
        "genre": -1,
        "artist": ARTISTS.index("Claude_Monet"),
        "title": "Rouen, morning",
        "artist_name": "Claude Monet",
        "year": 1892,
        "source_url": "https://museum.example/1",
        "license": "CC0 1.0",
        "credit_line": "Claude Monet, Rouen, morning, 1892–94.",
        "year_end": 1894,
        "medium": "",
        "wikidata_id": "",
        "alt_text": "",
    }
    assert (second["title"], second["year"], second["credit_line"]) == ("8", None, "Unknown hand, 8, Louis XV.")
    assert skipped == {
        "m/images/2.jpg": "its date 'Louis XV' is not understood, and is unknown; such works: 1",
        "m/images/gone.jpg": "there is no such file",
        "m/(row 4 names no file)": "there is no such file",
    }


def test_a_folder_reads_the_metadata_in_it_and_keeps_pictures_it_does_not_name(tmp_path):
    table = "filename,title,artist_name,year,credit_line\n1.jpg,One,Ann,1900,Gift of Bo\nlost.jpg,Two,Ann,1901,\n"
    write(tmp_path / "m", {"metadata.csv": table, "1.jpg": jpeg(), "2.jpg": jpeg(BLUE)})
    dataset, skipped = read(tmp_path / "m")
    assert dataset["title"] == ["One", "2"]
    assert dataset["credit_line"] == ["Gift of Bo", "2."]
    assert dataset["year"] == [1900, None]
    assert skipped == {"m/lost.jpg": "there is no such file"}


def test_metadata_beside_the_folder_is_read_and_rows_outside_it_do_not_count(tmp_path):
    table = "path,title\nimages/1.jpg,One\nelsewhere/2.jpg,Two\n"
    write(tmp_path / "m", {"metadata.csv": table, "images/1.jpg": jpeg()})
    dataset, skipped = read(tmp_path / "m" / "images")
    assert (dataset["id"], dataset["title"], skipped) == (["images/1.jpg"], ["One"], {})


def test_a_file_listed_twice_counts_once(tmp_path):
    write(tmp_path / "m", {"list.csv": "image,title\n1.jpg,One\n1.jpg,Other\n", "1.jpg": jpeg()})
    dataset, skipped = read(tmp_path / "m" / "list.csv")
    assert dataset["title"] == ["One"]
    assert "more than once" in skipped["m/1.jpg"]


def record(name, **known):
    return new_record(**{"id": name, "image": {"path": "x.jpg", "bytes": jpeg()}, "title": name} | known)


def prepared(folder, **splits):
    features = painting_features(styles=["Flat", "Round"], genres=["sea"], artists=["Ann"])
    parts = {name: Dataset.from_list(rows, features=features) for name, rows in splits.items()}
    DatasetDict(parts).save_to_disk(folder)
    return folder


def test_the_splits_of_a_prepared_folder_join_and_a_painting_in_two_counts_once_with_the_labels_of_both(tmp_path):
    folder = prepared(
        tmp_path / "out",
        train=[record("a", style=1), record("b", style=0)],
        val=[record("b", genre=0, style=1), record("c")],
    )
    dataset, skipped = read(folder)
    assert dataset["id"] == ["a", "b", "c"]
    assert dataset["style"] == [1, 0, -1]
    assert dataset["genre"] == [-1, 0, -1]
    assert dataset.features["style"].names == ["Flat", "Round"]
    assert dataset.column_names == list(painting_features())
    assert dataset[2]["image"].size == (60, 40)
    assert skipped == {}


def test_different_pictures_with_one_id_stay_apart(tmp_path):
    one, copy, other = (record("0", image=jpeg(colour)) for colour in (RED, RED, (20, 90, 200)))
    png = record("0", image=Image.open(io.BytesIO(jpeg(RED))).copy())  # the same pixels in other bytes
    nothing = {**record("x", image=jpeg(RED)), "id": None}
    prepared(tmp_path / "data", train=[one, record("0-2", image=jpeg(RED)), other], val=[copy, other, png, nothing])
    dataset, skipped = read(tmp_path / "data")
    assert dataset["id"][:] == ["0", "0-2", "0-3"] and skipped == {"row 6": "the record has no id"}
    assert dataset[0]["image"].tobytes() == dataset[1]["image"].tobytes() != dataset[2]["image"].tobytes()


def test_a_damaged_picture_in_a_prepared_folder_is_listed_by_its_id(tmp_path):
    damaged = {"path": "x.jpg", "bytes": jpeg()[:200]}
    dataset, skipped = read(prepared(tmp_path / "out", train=[record("a"), record("bad", image=damaged), record("c")]))
    assert dataset["id"] == ["a", "c"]
    assert "cut short" in skipped["bad"]


def test_a_collection_can_be_saved_whole_and_read_again(tmp_path):
    write(tmp_path / "mine", {"a.jpg": jpeg()})
    load_collection(tmp_path / "mine").save_to_disk(tmp_path / "saved")
    (tmp_path / "mine" / "a.jpg").unlink()
    again = load_collection(tmp_path / "saved")
    assert again["id"] == ["mine/a.jpg"]
    assert again[0]["image"].size == (60, 40)


def damaged_data_set(tmp_path):
    folder = prepared(tmp_path / "out", train=[record("a")])
    next(folder.rglob("*.arrow")).write_bytes(b"no arrow file")
    return folder


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: p / "missing", "no file of a known kind"),
        (lambda p: "artextract/paintings", "cannot be read as a data set"),
        (lambda p: write(p, {"empty/.keep": ""}) / "empty", "no usable picture"),
        (lambda p: write(p, {"bad/a.jpg": "text"}) / "bad", "no usable picture .*1 were left out.*a.jpg"),
        (lambda p: write(p, {"a.csv": "title,artist\nx,y\n"}) / "a.csv", "no column file_name, path or image"),
        (lambda p: write(p, {"a.csv": "file_name,title\n"}) / "a.csv", "no usable picture"),
        (lambda p: write(p, {"a.csv": b"file_name\n\xff\x81\n"}) / "a.csv", "UTF-8"),
        (lambda p: write(p, {"a.jpg": jpeg()}) / "a.jpg", "no file of a known kind"),
        (damaged_data_set, "cannot be read as a data set"),
    ],
)
def test_a_source_that_cannot_be_used_says_so_in_one_line(tmp_path, make, message):
    with pytest.raises(DataError, match=message) as error:
        load_collection(make(tmp_path))
    assert "\n" not in str(error.value)


def test_a_data_set_without_the_columns_of_the_schema_is_refused(tmp_path):
    Dataset.from_dict({"id": ["a"]}).save_to_disk(tmp_path / "other")
    with pytest.raises(DataError, match="no column image, style"):
        load_collection(tmp_path / "other")


def test_what_was_left_out_is_logged(tmp_path, caplog):
    write(tmp_path / "mine", {"a.jpg": jpeg(), "b.jpg": "text"})
    load_collection(tmp_path / "mine")
    assert "mine: 1 were left out, the first: " in caplog.text
    assert "mine/b.jpg" in caplog.text


@needs_museum
def test_the_museum_reads_the_same_as_a_folder_and_as_a_table():
    by_folder, skipped = read(MUSEUM)
    by_table, _ = read(MUSEUM / "metadata.csv")
    assert len(by_folder) == 267
    assert not skipped
    assert sorted(by_folder["id"]) == sorted(by_table["id"])
    renoir = by_table[0]
    assert (renoir["id"], renoir["artist_name"], renoir["year"]) == (
        "museum/images/100026.jpg",
        "Pierre-Auguste Renoir",
        1885,
    )
    assert not any(any(c.isdigit() for c in name) for name in by_folder["artist_name"])


def test_equal_pictures_under_two_ids_have_the_rights_that_one_states(tmp_path):
    for seed, name in enumerate(("a.png", "other.png")):
        plain_picture((200, 40, 40), seed=seed).save(tmp_path / name)
    (tmp_path / "b.png").write_bytes((tmp_path / "a.png").read_bytes())
    rows = {"a.png": "CC0", "b.png": "In copyright", "other.png": "CC0"}
    (tmp_path / "metadata.csv").write_text("\n".join(["file_name,license", *map(",".join, rows.items())]))
    assert load_collection(tmp_path)["license"] == ["In copyright", "In copyright", "CC0"]
    plain = load_collection(tmp_path).remove_columns("license")
    stated = plain.add_column("license", list(rows.values()))
    DatasetDict({"train": stated.select([0, 2]), "test": stated.select([1])}).save_to_disk(tmp_path / "p")
    assert {name: part["license"][:] for name, part in load_records(tmp_path / "p").items()} == {
        "train": ["In copyright", "CC0"],
        "test": ["In copyright"],
    }


@pytest.mark.parametrize("table", ["metadata.csv", "museum.parquet"])
def test_dates_that_end_before_they_begin_are_listed(tmp_path, table):
    for name in ("1.png", "2.png"):
        plain_picture((30, 80, 120), seed=int(name[0])).save(tmp_path / name)
    rows = pd.DataFrame({"file_name": ["1.png", "2.png"], "year": [1890, 1890], "year_end": [1875, 1891]})
    rows.to_csv(tmp_path / table, index=False) if table.endswith("csv") else rows.to_parquet(tmp_path / table)
    skipped = SkipList()
    found = read_collection(tmp_path / table, skipped)
    assert found["year"][:] == [None, 1890] and found["year_end"][:] == [None, 1891]
    assert [item.path.rpartition("/")[2] for item in skipped.items] == ["1.png"]
