"""The release's lists, whole, and lists with every flaw at once."""

import gzip
import re

import numpy as np
import pytest

from artextract_hf.data.labels import GENRES, TASKS
from artextract_hf.data.schema import SkipList
from artextract_hf.data.wikiart.list_files import read_classes
from artextract_hf.data.wikiart.lists import KNOWN_DAMAGED, TRAIN, VAL, read_lists, title_stem
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
    assert [(item.path, item.reason) for item in skipped.items] == [
        ("genre_val.csv.gz line 3", "is 'not a row', not `relative/path.jpg,class_index`; such lines: 1"),
        ("A/z_y.jpg", "artist_train.gz gives class 23, but artist has 23 classes"),
        ("genre_val.csv.gz line 2", "gives A/x_y.jpg class 6, a line before class 4, which counts; such lines: 1"),
        (tmp_path.name, "has no list style_val, genre_train, artist_val, and so no labels from there"),
        (
            tmp_path.name,
            "has no style_class.txt, genre_class.txt, artist_class.txt; the release's names are taken for its numbers",
        ),
    ]
    flaws = {name: count for name, count in read.flaws.as_json().items() if count}
    assert flaws == {
        "header_lines": 1, "blank_lines": 1, "double_commas": 3, "unreadable_lines": 1, "unknown_classes": 1,
        "repeated_lines": 1, "contradicting_lines": 1, "non_ascii_files": 1, "files_in_two_style_folders": 1,
        "files_on_both_sides": 1,
    }  # fmt: skip
    assert read.listed[VAL].tolist() == [True, False, False]


def read_style(folder, text, name="style_train.csv"):
    """The lists of a folder with this one, and what was left out but for the lists that are not there."""
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    skipped = SkipList()
    read = read_lists(folder, skipped)
    return read, [(item.path, item.reason) for item in skipped.items if item.path != folder.name]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('A/a_a.jpg,1\nA/b_b.jpg,1\n"A/c_c.jpg,1\nA/d_d.jpg,1\n', "opened in line 3 is never closed"),
        ('"A/a_a.jpg,1\nA/b_b.jpg,1\n', "opened in line 1 is never closed"),
        ('A/a_a.jpg,1\n"A/b_b.jpg,1\n"A/c_c.jpg,1\n', "begins in line 2 is followed by text"),
        ('A/a_a.jpg,1\n"A/b_b.jpg,1\nA/c_c.jpg",1\n', "the row of line 2 goes on in the next; a quotation mark"),
        ("A/a_a.jpg;1\nA/b_b.jpg;1\n", "no line `relative/path.jpg,class_index`: line 1 is 'A/a_a.jpg;1'"),
        ("path,class\nA/b_b.jpg,xx\n", "line 2 is 'A/b_b.jpg,xx'"),
        ("", "it names no file"),
        ("path,class\n\n", "it names no file"),
        (b"A/caf\xe9_a.jpg,1\n", "not in UTF-8"),
    ],
)
def test_a_list_that_is_not_read_line_by_line_is_refused(tmp_path, text, problem):
    with pytest.raises(DataError, match=re.escape(problem)) as error:
        read_style(tmp_path, text)
    assert str(tmp_path / "style_train.csv") in str(error.value)


@pytest.mark.parametrize(
    "data",
    [b"no gzip", gzip.compress(b"A/a_a.jpg,1\n", mtime=0)[:-9], b"\x1f\x8b\x08" + b"\0" * 7 + b"\xff" * 20],
    ids=["other", "cut", "damaged"],
)
def test_a_damaged_archive_is_refused(tmp_path, data):
    with pytest.raises(DataError, match="cannot be read"):
        read_style(tmp_path, data, "style_train.csv.gz")


def test_a_list_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("artextract_hf.data.wikiart.list_files.MAX_TEXT", 20)
    assert read_style(tmp_path, "A/a_a.jpg,1\n")[1] == []
    for name in ("style_train.csv", "style_train.csv.gz"):
        (tmp_path / "style_train.csv").unlink(missing_ok=True)
        text = b"A/a_a.jpg,1\n" * 2
        with pytest.raises(DataError, match="holds more than"):
            read_style(tmp_path, gzip.compress(text) if name.endswith("gz") else text, name)


@pytest.mark.parametrize("text", ["A/a_a.jpg,1\n", "\ufeffA/a_a.jpg,1\n"])
@pytest.mark.parametrize("header", ["", "path,class\n", "\npath,class\n", "(Path to image),, (Groundtruth class)\n\n"])
def test_a_header_and_a_mark_of_utf_8_are_no_rows(tmp_path, header, text):
    read, left_out = read_style(tmp_path, f"{text[:-12]}{header}{text[-12:]}")
    assert (read.paths, left_out, read.flaws.header_lines) == (["A/a_a.jpg"], [], int("," in header))


@pytest.mark.parametrize(
    "line",
    [
        "A/b_b.jpg,xx",
        "A\\b_b.jpg,x",
        "b_b.jpg,x",
        "A/b_b.jpg;1",
        "A/b_b.jpg",
        "a,b,c",
        "A/b.jpg,-1",
        f"A/b.jpg,{'9' * 5000}",
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_lines_that_are_none_are_told_with_the_first_and_their_number(tmp_path, line, first):
    good = "A/a_a.jpg,1\n"
    read, left_out = read_style(tmp_path, f"{line}\n{good}{line}\n" if first else f"{good}\n{line}\n{line}\n")
    assert read.paths == ["A/a_a.jpg"] and read.flaws.unreadable_lines == 2 and not read.flaws.header_lines
    ((place, reason),) = left_out
    assert place == f"style_train.csv line {1 if first else 3}" and reason.endswith("; such lines: 2")
    assert line.replace("\\", "\\\\")[:90] in reason and len(reason) < 200


def test_files_with_two_classes_in_both_lists_of_a_task_are_told(tmp_path):
    (tmp_path / "style_val.csv").write_text("A/a_a.jpg,2\nA/b_b.jpg,1\nA/c_c.jpg,4\n")
    read, left_out = read_style(tmp_path, "A/a_a.jpg,1\nA/b_b.jpg,1\nA/c_c.jpg,1\n")
    reason = "style_train and style_val give it two classes; where it is on one side, that of train counts"
    assert left_out == [("A/a_a.jpg", f"{reason}; such files: 2")]
    assert read.flaws.contradicting_lines == 2 and read.of_either_side()["style"].tolist() == [1, 1, 1]


def test_a_list_from_elsewhere_is_refused(tmp_path):
    (tmp_path / "lists").mkdir()
    (tmp_path / "elsewhere").write_text("A/a_a.jpg,1\n")
    (tmp_path / "link").symlink_to(tmp_path / "lists")
    for name in ("style_val.csv", "style_class.txt"):
        (tmp_path / "lists" / name).symlink_to(tmp_path / "elsewhere")
        with pytest.raises(DataError, match=f"{name} is a link that leads out of"):
            read_style(tmp_path / "link", "A/a_a.jpg,1\n")
        (tmp_path / "lists" / name).unlink()
    (tmp_path / "lists/style_val").symlink_to("style_train.csv")
    assert len(read_style(tmp_path / "link", "A/a_a.jpg,1\n")[0]) == 1


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("0 a\n2 b\n", "number"),
        ("zero a\n", "number"),
        ("0\n", "number"),
        ("", "number"),
        ("0 a\n0 b\n1 c\n", "number"),
        ("0 a\n1 b\n2 a\n", "names two classes 'a'"),
        (b"0 caf\xe9\n", "not in UTF-8"),
    ],
)
def test_a_class_file_that_does_not_number_and_name_its_classes_is_refused(tmp_path, text, problem):
    with pytest.raises(DataError, match=problem):
        read_style(tmp_path, text, "style_class.txt")


def test_names_that_are_taken_from_the_release_are_told(tmp_path):
    (tmp_path / "genre_val.csv").write_text("A/a_a.jpg,1\n")
    (tmp_path / "style_class.txt").write_text("0 a\n1 b\n")
    skipped = SkipList()
    (tmp_path / "style_train.csv").write_text("A/a_a.jpg,1\n")
    assert read_lists(tmp_path, skipped).classes["style"] == ["a", "b"]
    (told,) = [item.reason for item in skipped.items if "_class" in item.reason]
    assert told == "has no genre_class.txt; the release's names are taken for its numbers"
    skipped = SkipList()
    (tmp_path / "genre_val.csv").unlink()
    read_lists(tmp_path, skipped)
    assert not [item for item in skipped.items if "_class" in item.reason]


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
