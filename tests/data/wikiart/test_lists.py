"""The release's lists, whole, and lists with every flaw at once."""

import gzip

import numpy as np
import pytest

from artextract_hf.data.labels import GENRES, TASKS
from artextract_hf.data.schema import SkipList
from artextract_hf.data.wikiart.lists import KNOWN_DAMAGED, TRAIN, VAL, read_classes, read_lists, title_stem
from artextract_hf.errors import DataError
from tests.conftest import shared

ROWS = {
    "style_train": 57_025, "style_val": 24_421, "genre_train": 45_503, "genre_val": 19_492,
    "artist_train": 13_346, "artist_val": 5_706,
}  # fmt: skip


@pytest.fixture(scope="module")
def release():
    return read_lists(shared("data/artgan_splits_full"))


def test_the_release_has_the_stated_rows_and_is_the_release(release):
    assert {name: source["rows"] for name, source in release.sources.items()} == ROWS
    assert all(source["release"] for source in release.sources.values())
    assert len(release) == 81_446
    assert release.paths[0] == "Impressionism/edgar-degas_landscape-on-the-orne.jpg"
    assert release.classes["style"][release.labels["style"][TRAIN, 0]] == "Impressionism"


def test_the_flaws_of_the_release_are_counted(release):
    found = release.flaws.as_json()
    assert found == {
        "header_lines": 2,
        "blank_lines": 2,
        "double_commas": 19_052,
        "unreadable_lines": 0,
        "unknown_classes": 0,
        "repeated_lines": 0,
        "contradicting_lines": 1,  # one painting stands twice in genre_val, with two genres: 19,491 files have one
        "non_ascii_files": 709,
        "files_in_two_style_folders": 1_349,
        "files_on_both_sides": 566,
        "known_damaged_files": len(KNOWN_DAMAGED),
    }
    labelled = {task: (both != -1).sum(axis=1).tolist() for task, both in release.labels.items()}
    assert labelled == {"style": [57_025, 24_421], "genre": [45_503, 19_491], "artist": [13_346, 5_706]}


def test_file_names_agree_with_their_genre(release):
    """The release holds a second list of the same ten genres in another order; with it this would be some 10 %."""
    genres = release.of_either_side()["genre"]
    right, named = 0, 0
    for word, genre in (("landscape", "landscape"), ("portrait", "portrait"), ("still-life", "still_life")):
        rows = np.array([word in path.partition("_")[2] for path in release.paths]) & (genres != -1)
        hits = genres[rows] == GENRES.index(genre)
        assert hits.mean() > 0.8  # sketches and cities are landscapes by name, too
        right, named = right + hits.sum(), named + len(hits)
    assert right / named >= 0.9


def test_every_flaw_is_understood_and_noted(tmp_path):
    lists = {
        "artist_train": "(Path to image),, (Groundtruth class) \n\nA/x_y.jpg,,1\nA/x_y.jpg,,1\nA/z_y.jpg,,23\n",
        "genre_val.csv": "A/x_y.jpg,4\nA/x_y.jpg,6\nnot a row\n",
        "style_train.csv": "A/x_y.jpg,12\r\nB/x_y.jpg,9\r\nA/é_y.jpg,9\r\n",
    }
    for name, text in lists.items():
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(text.encode()))
    skipped = SkipList()
    read = read_lists(tmp_path, skipped)
    assert read.paths == ["A/x_y.jpg", "B/x_y.jpg", "A/é_y.jpg"]
    assert {task: both.tolist() for task, both in read.labels.items()} == {
        "style": [[12, 9, 9], [-1, -1, -1]],
        "genre": [[-1, -1, -1], [4, -1, -1]],
        "artist": [[1, -1, -1], [-1, -1, -1]],
    }
    assert [item.path for item in skipped.items] == ["A/z_y.jpg"]
    flaws = {name: count for name, count in read.flaws.as_json().items() if count}
    assert flaws == {
        "header_lines": 1, "blank_lines": 1, "double_commas": 3, "unreadable_lines": 1, "unknown_classes": 1,
        "repeated_lines": 1, "contradicting_lines": 1, "non_ascii_files": 1, "files_in_two_style_folders": 1,
        "files_on_both_sides": 1,
    }  # fmt: skip
    assert read.listed[VAL].tolist() == [True, False, False]


@pytest.mark.parametrize("text", ["0 a\n2 b\n", "zero a\n", "0\n"])
def test_a_class_file_that_does_not_number_its_classes_is_refused(tmp_path, text):
    (tmp_path / "style_class.txt").write_text(text)
    with pytest.raises(DataError, match="number"):
        read_classes(tmp_path, "style")


def test_class_files_of_the_release_say_what_the_table_says(release):
    folder = shared("data/artgan_splits_full")
    for task in TASKS:
        assert read_classes(folder, task) == read_classes(folder / "nowhere", task)


def test_title_stems():
    stems = {
        "A/claude-monet_water-lilies-6.jpg": "water-lilies",
        "A/claude-monet_haystacks-1890-2.jpg": "haystacks",
        "A/gene-davis_untitled-1979(3).jpg": "untitled",
        "A/piet-mondrian_composition-no-iii.jpg": "composition-no",
        "A/max-bill_1947.jpg": "1947",
    }
    assert {path: title_stem(path) for path in stems} == stems
