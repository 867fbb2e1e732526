"""Parquet files and data sets as the Hub stores them become records; the real `datasets` writes and reads them."""

import io

import numpy as np
import pandas as pd
import pytest
from datasets import ClassLabel, Dataset, Features, Image

from artextract_hf.data.labels import ARTISTS, GENRES, STYLES
from artextract_hf.data.schema import SkipList, painting_features
from artextract_hf.data.sources.collection import load_collection, read_collection
from artextract_hf.errors import DataError
from tests.conftest import plain_picture

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
        (lambda p: pd.DataFrame({"title": ["x"]}).to_parquet(p), "no column file_name or path"),
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
