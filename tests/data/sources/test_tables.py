"""Parquet files and data sets as the Hub stores them become records; the real `datasets` writes and reads them."""

import io

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import ClassLabel, Dataset, Features, Image, List, Value

from artextract_hf.data.labels import ARTISTS, GENRES, STYLES
from artextract_hf.data.schema import SkipList, painting_features
from artextract_hf.data.sources.collection import load_collection, read_collection, read_with_splits
from artextract_hf.errors import DataError
from tests.conftest import plain_picture
from tests.data.test_prepared import mutants

# As in dataset_infos.json of huggan/wikiart: slugs, and a class for what is not known.
HUGGAN = Features(
    {
        "image": Image(),
        "artist": ClassLabel(names=["Unknown Artist", "claude-monet", "vincent-van-gogh", "albrecht-durer"]),
        "genre": ClassLabel(names=[*GENRES[:9], "still_life", "Unknown Genre"]),
        "style": ClassLabel(names=list(STYLES)),
    }
)


def png(seed):
    data = io.BytesIO()
    plain_picture((30 * seed, 80, 120), seed=seed).save(data, "PNG")
    return data.getvalue()


def names(dataset, task):
    table = dataset.features[task].names
    return [table[label] if label >= 0 else None for label in dataset[task]]


@pytest.fixture
def huggan(tmp_path):
    rows = [
        {"image": {"bytes": png(1), "path": None}, "artist": 2, "genre": 4, "style": 20},
        {"image": {"bytes": png(2), "path": None}, "artist": 0, "genre": 10, "style": 12},
        {"image": {"bytes": png(3)[:60], "path": "cut.png"}, "artist": 1, "genre": 4, "style": 12},
        {"image": {"bytes": png(1), "path": None}, "artist": 3, "genre": 9, "style": 20},
    ]
    folder = tmp_path / "huggan_wikiart"
    (folder / "data").mkdir(parents=True)
    Dataset.from_list(rows, features=HUGGAN).to_parquet(folder / "data/train-00000-of-00001.parquet")
    return folder


def test_classes_come_by_name_and_unknown_is_minus_one(huggan):
    skipped = SkipList()
    dataset = read_collection(huggan, skipped)
    assert names(dataset, "artist") == ["Vincent_van_Gogh", None, "Albrecht_Durer"]
    assert names(dataset, "genre") == ["landscape", None, "still_life"]
    assert names(dataset, "style") == ["Post_Impressionism", "Impressionism", "Post_Impressionism"]
    assert dataset.features == painting_features()
    assert dataset["artist_name"] == ["Vincent van Gogh", "", "Albrecht Durer"]
    assert [item.path for item in skipped.items] == ["huggan_wikiart/cut.png"]


def test_pixels_are_the_stored_ones_and_ids_come_from_them(huggan):
    dataset = load_collection(huggan)
    assert (np.asarray(dataset[0]["image"]) == np.asarray(plain_picture((30, 80, 120), seed=1))).all()
    first, _, same_picture = dataset["id"]
    assert same_picture == f"{first}-2"  # one picture in two rows: both are kept, under two ids
    assert dataset["id"] == load_collection(huggan)["id"]


def test_artists_beyond_the_release_keep_their_own_classes(tmp_path):
    features = HUGGAN | {"artist": ClassLabel(names=["Unknown Artist", "hilma-af-klint"])}
    rows = [{"image": {"bytes": png(1), "path": None}, "artist": 1, "genre": 0, "style": 0}]
    Dataset.from_list(rows, features=Features(features)).to_parquet(tmp_path / "klint.parquet")
    dataset = load_collection(tmp_path / "klint.parquet")
    assert dataset.features["artist"].names == ["Hilma_Af_Klint"]
    assert names(dataset, "artist") == ["Hilma_Af_Klint"]


def test_a_parquet_file_may_name_files_and_call_columns_its_own_way(tmp_path):
    plain_picture((10, 20, 30), seed=7).save(tmp_path / "a.png")
    table = {
        "Datei": ["a.png", "gone.png"],
        "Titel": ["Seerosen", "Verloren"],
        "artist": ["Claude Monet (French, 1840-1926)", ""],
        "year": [1906, None],
        "rights": ["CC0", None],
    }
    pd.DataFrame(table).to_parquet(tmp_path / "museum.parquet")
    skipped = SkipList()
    columns = {"image": "Datei", "title": "Titel"}
    record = read_collection(tmp_path / "museum.parquet", skipped, columns=columns)[0]
    assert record["id"] == "museum/a.png" and record["image"].size == (48, 40)
    assert (record["title"], record["artist_name"], record["license"]) == ("Seerosen", "Claude Monet", "CC0")
    assert ARTISTS[record["artist"]] == "Claude_Monet" and record["year"] == 1906
    assert [item.path for item in skipped.items] == ["museum/gone.png"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: p.write_bytes(b"PAR1 but no more"), "cannot be read as a data set"),
        (lambda p: pd.DataFrame({"title": ["x"]}).to_parquet(p), "no column file_name, path or image"),
    ],
)
def test_a_table_that_cannot_be_used_says_so_in_one_line(tmp_path, make, message):
    make(tmp_path / "a.parquet")
    with pytest.raises(DataError, match=message) as error:
        load_collection(tmp_path / "a.parquet")
    assert "\n" not in str(error.value)


def test_a_field_that_no_record_has_is_refused(huggan):
    with pytest.raises(DataError, match="no field titel"):
        load_collection(huggan, columns={"titel": "Titel"})


def reasons(skipped):
    return {item.path: item.reason for item in skipped.items}


def write_table(path, /, **columns):
    pq.write_table(pa.table(columns), path)
    return path


@pytest.mark.parametrize("name", ["path", "File_Name"])
def test_pixels_come_before_names_of_files(tmp_path, name):
    cells = [{"bytes": png(i), "path": path} for i, path in enumerate(["sub/a.png", None, None])]
    table = write_table(tmp_path / "t.parquet", **{name: ["x.png", "b.png", None], "image": cells, "title": ["A"] * 3})
    dataset = load_collection(table)
    assert dataset["id"][:2] == ["t/a.png", "t/b.png"] and len(dataset["id"][2]) == len("t/") + 16
    assert dataset["title"] == ["A"] * 3
    assert (np.asarray(dataset[1]["image"]) == np.asarray(plain_picture((30, 80, 120), seed=1))).all()


def test_pixels_may_have_any_of_the_names(tmp_path):
    table = write_table(tmp_path / "t.parquet", image=["a.png", "b.png"], img=[png(1), png(2)])
    assert load_collection(table)["id"] == ["t/a.png", "t/b.png"]


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (["https://museum.example/a.jpg"] * 2, "is an address"),
        (["a.jpg", "b.jpg"], "no such file"),
        ([{"bytes": b"x", "path": "a.jpg"}] * 2, "not a picture"),
        ([None, None], "holds no picture"),
        ([b"", None], "holds no picture"),
    ],
)
def test_a_table_without_a_usable_picture_says_so(tmp_path, cells, reason):
    column = pa.array(cells, pa.string()) if cells == [None, None] else pa.array(cells)
    table = write_table(tmp_path / "t.parquet", image=column, title=["A", "B"])
    with pytest.raises(DataError, match=f"holds no usable picture .2 were left out, the first: .*{reason}"):
        load_collection(table)


def test_commands_say_so_in_one_line(tmp_path, run_cli):
    (tmp_path / "museum").mkdir()
    table = write_table(tmp_path / "museum/t.parquet", image=["a.jpg", "b.jpg"])
    for command in (("prepare", "collection", table), ("audit", "duplicates", table.parent)):
        code, _, err = run_cli(*command, "--out", tmp_path / "out")
        assert code == 2 and err.splitlines()[-1].startswith("artextract: ") and "Traceback" not in err


@pytest.mark.parametrize("as_struct", [False, True])
def test_pictures_outside_the_collection_are_refused_and_listed(tmp_path, as_struct):
    plain_picture((1, 2, 3)).save(tmp_path / "secret.png")
    museum = tmp_path / "museum"
    (museum / "sub").mkdir(parents=True)
    plain_picture((4, 5, 6)).save(museum / "sub/in.png")
    (museum / "link.png").symlink_to(tmp_path / "secret.png")
    (museum / "up").symlink_to(tmp_path)
    (museum / "round").symlink_to(museum / "round")
    bad = ["../secret.png", str(tmp_path / "secret.png"), "sub/../../secret.png", "link.png", "up/secret.png"]
    bad += ["round", "a\0b", "x" * 5000, "/dev/stdin", "file:///etc/passwd", "~/secret.png"]
    names = ["sub/in.png", str(museum / "sub/in.png"), "sub/../sub/in.png", *bad]
    cells = [{"bytes": None, "path": name} for name in names] if as_struct else names
    skipped = SkipList()
    dataset = read_collection(write_table(museum / "t.parquet", image=cells), skipped)
    assert len(dataset) == 3 and len(skipped.items) == len(bad)
    assert dataset[0]["image"].size == dataset[1]["image"].size == (48, 40)
    assert all(item.reason.startswith("lies outside the collection") for item in skipped.items[:5])
    everything = read_collection(museum / "t.parquet", SkipList(), allow_outside=True)
    assert len(everything) == 3 + 5


CARD = "---\nconfigs:\n- config_name: default\n  data_files:\n  - split: train\n    path: {}\n---\n"
ELSEWHERE = {
    "by a card": lambda folder, other: (folder / "README.md").write_text(CARD.format(f'"../{other.name}/*.parquet"')),
    "absolute": lambda folder, other: (folder / "README.md").write_text(CARD.format(f'"{other}/secret.parquet"')),
    "by its folder": lambda folder, other: (folder / "README.md").write_text(
        f"---\nconfigs:\n- config_name: default\n  data_dir: ../{other.name}\n---\n"
    ),
    "by another document": lambda folder, other: (folder / ".huggingface.yaml").write_text(
        CARD.format(f'["data/*", "{other}/secret.parquet"]').strip("-\n")
    ),
    "by a link": lambda folder, other: (folder / "data/train-2.parquet").symlink_to(other / "secret.parquet"),
    "by a link to a folder": lambda folder, other: (folder / "train").symlink_to(other),
}


@pytest.mark.parametrize("how", ELSEWHERE)
def test_a_data_set_holds_no_files_from_elsewhere(huggan, tmp_path, how):
    other = tmp_path / "other"
    other.mkdir()
    Dataset.from_list(
        [{"image": {"bytes": png(9), "path": "secret.png"}}], features=Features({"image": Image()})
    ).to_parquet(other / "secret.parquet")
    ELSEWHERE[how](huggan, other)
    try:
        assert not any("secret" in id_ for id_ in load_collection(huggan)["id"])
    except DataError as error:
        assert "lies outside the collection" in str(error) and "\n" not in str(error)
    if how in ("absolute", "by its folder"):
        assert load_collection(huggan, allow_outside=True)["id"] == ["huggan_wikiart/secret.png"]


@pytest.mark.parametrize(
    "address", ["https://museum.example/a.parquet", "hf://datasets/a/b/c.parquet", "zip://a.parquet::/tmp/a.zip"]
)
@pytest.mark.parametrize("allow_outside", [False, True])
def test_a_card_that_names_addresses_is_refused(huggan, address, allow_outside):
    (huggan / "README.md").write_text(CARD.format(address))
    with pytest.raises(DataError, match="names the address"):
        load_collection(huggan, allow_outside=allow_outside)


def test_a_row_with_a_path_among_rows_with_pixels_is_refused(tmp_path):
    plain_picture((1, 2, 3)).save(tmp_path / "b.png")
    cells = [{"bytes": png(1), "path": "a.png"}, {"bytes": None, "path": str(tmp_path / "b.png")}]
    skipped = SkipList()
    assert len(read_collection(write_table(tmp_path / "t.parquet", image=cells), skipped)) == 1
    assert "only a path" in reasons(skipped)["t/b.png"]


def with_metadata(metadata):
    def write(path):
        table = pa.table({"image": [png(1)], "style": pa.array([2**40])})
        pq.write_table(table.replace_schema_metadata({"huggingface": metadata}), path)

    return write


@pytest.mark.parametrize("stated", ["In copyright", ["CC0", "In copyright"], {"label": "In copyright"}])
def test_no_statement_of_rights_hides_another(tmp_path, stated):
    for column in ({"rights": [stated]}, {"meta": [{"x": [{"rights": stated}]}]}):
        table = write_table(tmp_path / "t.parquet", image=[png(1)], license=["CC0"], **column)
        assert load_collection(table)["license"] == ["In copyright"]


HOSTILE = {
    "numbers": lambda path: write_table(path, image=[1, 2]),
    "lists of pictures": lambda path: write_table(path, image=[[{"bytes": b"x", "path": "a"}]]),
    "a struct of numbers": lambda path: write_table(path, image=[{"bytes": 1, "path": 2}]),
    "a struct of others": lambda path: write_table(path, image=[{"a": {"b": [1]}}]),
    "texts that are none": lambda path: write_table(
        path,
        image=[png(1)],
        title=pa.StringArray.from_buffers(1, pa.py_buffer(b"\0\0\0\0\2\0\0\0"), pa.py_buffer(b"\xff\xfe")),
    ),
    "one column twice": lambda path: pq.write_table(
        pa.Table.from_arrays([pa.array([png(1)])] * 2, names=["image", "image"]), path
    ),
    "deep metadata": with_metadata("[" * 100_000),
    "metadata of another shape": with_metadata('{"info": {"features": [1]}}'),
    "a class beyond the last": with_metadata(
        '{"info": {"features": {"image": {"_type": "Image"}, "style": {"_type": "Nothing"}}}}'
    ),
    "a broken page": lambda path: path.write_bytes(broken_page(path)),
    "one value in a million rows": lambda path: pq.write_table(
        pa.table({"image": pa.DictionaryArray.from_arrays(np.zeros(1_000_000, np.int32), [png(1) * 500])}), path
    ),
}


def broken_page(path):
    write_table(path, image=[png(i) for i in range(20)], title=["x"] * 20)
    data = bytearray(path.read_bytes())
    data[4:60] = bytes(56)
    return bytes(data)


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_table_is_one_line(tmp_path, kind):
    HOSTILE[kind](tmp_path / "t.parquet")
    with pytest.raises(DataError) as error:
        load_collection(tmp_path / "t.parquet")
    assert "\n" not in str(error.value) and str(tmp_path / "t.parquet") in str(error.value)


def test_second_pictures_are_not_decoded(tmp_path):
    kinds = {"title": List(Value("string")), "views": [{"rights": Value("string"), "picture": Image()}]}
    features = Features({"image": Image(), "medium": Image(), **kinds})
    other = {"bytes": b"x", "path": None}  # none of ours, and the library's decoder has no limits
    row = {"image": {"bytes": png(1), "path": "a.png"}, "medium": other, "title": ["A", "B"]}
    row |= {"views": [{"rights": "In copyright", "picture": other}]}
    Dataset.from_list([row], features=features).to_parquet(tmp_path / "t.parquet")
    record = load_collection(tmp_path / "t.parquet")[0]
    assert (record["medium"], record["title"], record["license"]) == ("", "A, B", "In copyright")


@pytest.mark.long
def test_damage_of_a_parquet_file_is_one_line_or_none(huggan, monkeypatch, tmp_path):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    path, refused = next(huggan.rglob("*.parquet")), 0
    for mutant in mutants(path.read_bytes(), 300, seed=1):
        path.write_bytes(mutant)
        try:
            read_collection(path, SkipList())
        except DataError as error:
            assert "\n" not in str(error)
            refused += 1
    assert refused > 100


def test_a_file_called_like_a_pattern_is_that_file_alone(tmp_path):
    for name, seed in (("[!.]*.parquet", 1), ("other.parquet", 2)):
        write_table(tmp_path / name, image=[{"bytes": png(seed), "path": f"{seed}.png"}])
    assert load_collection(tmp_path / "[!.]*.parquet")["id"] == ["[!.]*/1.png"]
    write_table(tmp_path / "a::b.parquet", image=[{"bytes": png(1), "path": "1.png"}])
    with pytest.raises(DataError, match="has :: in its name"):
        load_collection(tmp_path / "a::b.parquet")


def test_a_folder_called_like_a_pattern_is_refused(huggan, tmp_path):
    with pytest.raises(DataError, match="takes for a pattern; rename it"):
        load_collection(huggan.rename(tmp_path / "wikiart [all]"))


def test_tables_and_pictures_of_no_split_are_listed(huggan, tmp_path):
    write_table(huggan / "data/extra.parquet", image=[{"bytes": png(7), "path": "7.png"}])
    for name in ("loose.png", ".hidden.png", "._loose.png"):
        (huggan / name).write_bytes(png(8))
    (huggan / "README.md").write_text(CARD.format("data/train-*"))
    skipped = SkipList()
    assert "huggan_wikiart/7.png" not in read_collection(huggan, skipped)["id"]
    assert {path: reason for path, reason in reasons(skipped).items() if "no split" in reason} == {
        "huggan_wikiart/data/extra.parquet": "is in no split of the data set",
        "huggan_wikiart/loose.png": "is in no split of the data set",
        "huggan_wikiart/.hidden.png": "is in no split of the data set",
    }


def test_names_in_two_forms_of_unicode_stay_two_records(tmp_path):
    cells = [{"bytes": png(seed), "path": name} for seed, name in ((1, "D\u00fcrer.png"), (2, "Du\u0308rer.png"))]
    dataset = load_collection(write_table(tmp_path / "t.parquet", image=cells))
    assert dataset["id"] == ["t/D\u00fcrer.png", "t/D\u00fcrer.png-2"]


def test_a_column_of_splits_counts_before_the_files_and_what_differs_is_noted(tmp_path):
    cells = [{"bytes": png(seed), "path": f"{seed}.png"} for seed in range(4)]
    (tmp_path / "sea").mkdir()
    write_table(tmp_path / "sea/train.parquet", image=cells[:3], split=["test", "training", None])
    write_table(tmp_path / "sea/validation.parquet", image=cells[3:], split=["train"])
    skipped = SkipList()
    dataset, splits = read_with_splits(tmp_path / "sea", skipped)
    assert dict(zip(dataset["id"], splits, strict=True)) == {
        "sea/0.png": "test", "sea/1.png": "train", "sea/2.png": "train", "sea/3.png": "train"
    }  # fmt: skip
    assert reasons(skipped) == {
        "sea/0.png": "lies in the split train, but its row names test, which counts; such rows: 2"
    }


def test_a_list_of_several_classes_is_no_class_and_is_noted(tmp_path):
    features = Features({"image": Image(), "style": List(Value("string")), "mood": List(ClassLabel(names=["x", "y"]))})
    rows = [(["Cubism", "Fauvism"], [0]), (["Cubism"], [0, 1]), (["Cubism", "Cubism"], [1])]
    cells = [{"image": {"bytes": png(i), "path": f"{i}.png"}, "style": s, "mood": m} for i, (s, m) in enumerate(rows)]
    Dataset.from_list(cells, features=features).to_parquet(tmp_path / "t.parquet")
    skipped = SkipList()
    dataset = read_collection(tmp_path / "t.parquet", skipped)
    assert names(dataset, "style") == [None, "Cubism", "Cubism"] and names(dataset, "mood") == ["x", None, "y"]
    assert {path: reason.split(" in a list")[0] for path, reason in reasons(skipped).items()} == {
        "t/0.png": "names several classes of style", "t/1.png": "names several classes of mood"
    }  # fmt: skip


def test_files_that_number_their_classes_in_other_ways_are_refused(tmp_path):
    for name, order in (("train", ["x", "y"]), ("test", ["y", "x"])):
        features = Features({"image": Image(), "label": ClassLabel(names=order)})
        (tmp_path / "set/data").mkdir(parents=True, exist_ok=True)
        rows = [{"image": {"bytes": png(1), "path": f"{name}.png"}, "label": 0}]
        Dataset.from_list(rows, features=features).to_parquet(tmp_path / f"set/data/{name}-0.parquet")
    with pytest.raises(DataError, match="has other classes of label than"):
        load_collection(tmp_path / "set")


def test_a_table_that_is_a_link_out_of_its_folder_is_refused(tmp_path):
    (tmp_path / "private").mkdir()
    (tmp_path / "mine").mkdir()
    (tmp_path / "private/me.png").write_bytes(png(1))
    (tmp_path / "private/list.csv").write_text("file_name\nme.png\n")
    (tmp_path / "mine/list.csv").symlink_to(tmp_path / "private/list.csv")
    with pytest.raises(DataError, match="lies outside the collection"):
        load_collection(tmp_path / "mine/list.csv")
