"""Decisions about labels, applied to a collection as its curator made them."""

import csv

import pytest

from artextract_hf.data import Draw, SkipList, class_names, read_collection_splits
from artextract_hf.data.sources.decisions import COLUMNS
from artextract_hf.errors import DataError
from tests.conftest import plain_picture


@pytest.fixture
def museum(tmp_path):
    folder = tmp_path / "museum"
    folder.mkdir()
    with (folder / "metadata.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file_name", "style"])
        for number in range(8):
            plain_picture((20 * number, 90, 120), seed=number).save(folder / f"{number}.png")
            writer.writerow([f"{number}.png", "Baroque" if number < 4 else "Rococo"])
    return folder


@pytest.fixture
def decide(tmp_path):
    def write(*rows, head=COLUMNS):
        path = tmp_path / "findings.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([head, *rows])
        return path

    return write


def styles(museum, decisions):
    splits, facts = read_collection_splits(museum, SkipList(), Draw(), decisions=decisions)
    records = splits["all"]
    names = class_names(records, "style")
    return dict(zip(records["id"], [names[label] for label in records["style"]], strict=True)), facts, records


def test_accepted_labels_change_and_nothing_else(museum, decide):
    before, facts, old = styles(museum, None)
    assert "relabelled" not in facts
    one, other, third, *_ = before
    path = decide(
        (one, "style", "Baroque", "Rococo", " Accept "),
        (other, "style", "Baroque", "Rococo", "reject"),
        (third, "style", "Baroque", "Rococo", ""),
    )
    after, facts, new = styles(museum, path)
    assert after == before | {one: "Rococo"} and facts["relabelled"] == 1
    assert (
        new.features == old.features and new.remove_columns("style").to_dict() == old.remove_columns("style").to_dict()
    )


def test_the_same_decision_twice_changes_a_label_once(museum, decide):
    (one, *_), _, _ = styles(museum, None)
    row = (one, "style", "Baroque", "Rococo", "accept")
    assert styles(museum, decide(row, row))[1]["relabelled"] == 1
    assert styles(museum, decide((one, "style", "Rococo", "Baroque", "accept")))[1]["relabelled"] == 0


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"id": "nobody"}, "no record 'nobody'"),
        ({"task": "school"}, "no task 'school'"),
        ({"suggested": "Blue period"}, "'Blue period' is no class"),
        ({"label": "Rococo", "suggested": "Rococo"}, "is not labelled"),
        ({"decision": "perhaps"}, "neither accept nor reject"),
    ],
)
def test_what_the_collection_does_not_allow_is_refused_with_its_line(museum, decide, changed, said):
    (one, *_), _, _ = styles(museum, None)
    row = dict(zip(COLUMNS, (one, "style", "Baroque", "Rococo", "accept"), strict=True)) | changed
    with pytest.raises(DataError, match=rf"line 2: .*{said}"):
        styles(museum, decide(tuple(row.values())))


def test_classes_that_begin_like_a_formula(museum, decide):
    """A table for spreadsheets has an apostrophe before them."""
    table = museum / "metadata.csv"
    table.write_text(table.read_text().replace("style", "series").replace("Rococo", "-B-"))
    path = decide(("museum/0.png", "series", "Baroque", "'-B-", "accept"))
    splits, facts = read_collection_splits(museum, SkipList(), Draw(), decisions=path, tasks=["series"])
    assert facts["relabelled"] == 1 and class_names(splits["all"], "series")[splits["all"]["series"][0]] == "-B-"


def test_two_labels_for_one_record_and_other_tables_are_refused(museum, decide, tmp_path):
    (one, *_), _, _ = styles(museum, None)
    rows = [(one, "style", "Baroque", suggested, "accept") for suggested in ("Rococo", "Baroque")]
    with pytest.raises(DataError, match="line 3: .* gets another style in an earlier line"):
        styles(museum, decide(*rows))
    with pytest.raises(DataError, match="no column 'decision'"):
        styles(museum, decide(rows[0][:4], head=COLUMNS[:4]))
    for name in (tmp_path / "missing.csv", "/dev/zero"):
        with pytest.raises(DataError, match="is no file"):
            styles(museum, name)
    path = decide(rows[0])
    path.write_text(path.read_text() + '"never closed,', encoding="utf-8")
    with pytest.raises(DataError, match="opened in line 3 is never closed"):
        styles(museum, path)


def test_a_spreadsheet_may_save_the_table_its_own_way(museum, decide):
    (one, *_), _, _ = styles(museum, None)
    path = decide((one, "style", "Baroque", "Rococo", "accept"))
    path.write_text("\ufeff" + path.read_text().replace(",", ";"), encoding="utf-8")
    assert styles(museum, path)[1]["relabelled"] == 1
