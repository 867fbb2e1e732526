"""CSV files as spreadsheets of several systems write them, JSON Lines and Parquet as `datasets` does."""

import codecs

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from artextract_hf.data.schema import SkipList
from artextract_hf.data.sources.metadata import read_rows
from artextract_hf.data.words.columns import COLUMNS
from artextract_hf.errors import DataError

TABLE = "file_name,title,rights\r\na.jpg,Sämann,CC0\r\nb.jpg,Straße,CC BY 4.0\r\n"
ROWS = [
    {"file_name": "a.jpg", "title": "Sämann", "rights": "CC0"},
    {"file_name": "b.jpg", "title": "Straße", "rights": "CC BY 4.0"},
]


def rows(tmp_path, content, name="metadata.csv"):
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(read_rows(tmp_path / name, COLUMNS, SkipList()))


@pytest.mark.parametrize(
    "content",
    [
        TABLE,
        TABLE.replace("\r\n", "\n"),
        TABLE.replace("\r\n", "\r"),
        TABLE.replace(",", ";"),
        TABLE.replace(",", "\t"),
        TABLE.replace(",", "|"),
        "sep=;\r\n" + TABLE.replace(",", ";"),
        "SEP=|\n" + TABLE.replace(",", "|"),
        codecs.BOM_UTF8 + TABLE.replace(",", ";").encode(),
        TABLE.replace(",", "\t").encode("utf-16"),
        codecs.BOM_UTF16_BE + TABLE.encode("utf-16-be"),
        TABLE.replace(",", ";").encode("cp1252"),
        TABLE.encode("utf-32"),
        TABLE.replace("file_name,title", '" File_Name ","TITLE"'),
        TABLE.replace("CC0\r\n", "CC0,,\r\n"),  # empty cells behind the header's last
        TABLE + "\r\n",
    ],
)
def test_a_csv_of_any_desk_gives_the_same_rows(tmp_path, content):
    found = rows(tmp_path, content)
    assert [row.cells for row in found] == ROWS
    assert not any(row.problem for row in found)


def test_a_comma_in_a_text_is_no_separator_of_a_table_with_semicolons(tmp_path):
    (row,) = rows(tmp_path, "file_name;title, artist\na.jpg;Poppies, 1873\n")
    assert row.cells == {"file_name": "a.jpg", "title,_artist": "Poppies, 1873"}


def test_a_row_with_more_cells_than_the_header_is_a_bad_one(tmp_path):
    good, bad, good_again = rows(tmp_path, "file_name,title\na.jpg,A\nb.jpg,A field, a tree\nc.jpg,C\n")
    assert "line 3" in bad.problem and "quotation marks" in bad.problem
    assert not good.problem and not good_again.problem


def test_a_text_of_several_lines_is_one_text(tmp_path):
    (row,) = rows(tmp_path, 'file_name,artist\na.jpg,"Jacob (Dutch)\nor Workshop, of\nJacob"\n')
    assert row.cells["artist"] == "Jacob (Dutch)\nor Workshop, of\nJacob"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('file_name,title\na.jpg,A\nb.jpg,"Still Life\nc.jpg,C\n', "opened in line 3 is never closed"),
        ("file_name,title\na.jpg,A\nb.jpg," + "x" * 200_000 + "\n", "row that begins in line 3 has over 131,072"),
        ('file_name,title\nb.jpg,"Still Life\nc.jpg,"C"\n', "line 2 is followed by text"),
        ('file_name,title,rights\nb.jpg,"Still Life,CC0\nc.jpg,C",CC0\n', "line 2 holds the row of c.jpg"),
        ('file_name,title,rights\nb.jpg,"Still Life,CC0\n.\\C.JPG,C",CC0\n', r"line 2 holds the row of .\\C.JPG"),
        ('file_name,"title\nc.jpg,C"\nb.jpg,B\n', "line 1 holds the row of c.jpg"),
        ('file_name,title\na.jpg,"Hands" (study)\n', "line 2 is followed by text"),
        (
            "title,artist\nx,y\n",
            "no column file_name, path or image; its columns are title, artist. .*--column image=COLUMN",
        ),
        ("", "no column file_name.*none"),
        (TABLE.replace("ä", "ä\x81").encode("latin-1"), "UTF-8: line 2 holds the byte 0xe4. Save it in UTF-8"),
        (TABLE.encode("utf-16-le"), "zero bytes|UTF-8"),
        (TABLE.encode() + b"c.jpg,\xe4\n", "UTF-8: line 4 holds the byte 0xe4"),  # one damaged byte
        (codecs.BOM_UTF16_LE + b"a", "UTF-16"),
    ],
)
def test_what_cannot_be_read_without_a_doubt_is_refused_with_its_line(tmp_path, content, message):
    (tmp_path / "c.jpg").touch()
    with pytest.raises(DataError, match=message) as error:
        rows(tmp_path, content)
    assert "\n" not in str(error.value)


def test_json_lines_and_parquet_give_texts(tmp_path):
    lines = (
        '{"File_Name": "a.jpg", "title": "Sämann", "year": 1888, "rights": null, "objects": {"bbox": [1]}}\n'
        '\n{"file_name": "b.jpg", "title": "with \u2028 in it"}\n'
    )
    found = rows(tmp_path, lines, "metadata.jsonl")
    assert [row.cells for row in found] == [
        {"file_name": "a.jpg", "title": "Sämann", "year": "1888"},
        {"file_name": "b.jpg", "title": "with \u2028 in it"},
    ]
    pd.DataFrame({"file_name": ["a.jpg"], "year": [1888]}).to_parquet(tmp_path / "metadata.parquet")
    (row,) = read_rows(tmp_path / "metadata.parquet", COLUMNS, SkipList())
    assert row.cells == {"file_name": "a.jpg", "year": "1888"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("metadata.csv", "file_name,license,license\na.jpg,CC0,In copyright\n"),
        ("metadata.csv", "file_name, License ,license\na.jpg,In copyright,CC0\n"),
        ("metadata.jsonl", '{"file_name": "a.jpg", "license": "In copyright", "License": "CC0"}\n'),
        ("metadata.jsonl", '{"file_name": "a.jpg", "license": ["CC0", {"label": "In copyright"}]}\n'),
    ],
)
def test_no_statement_of_rights_hides_another(tmp_path, name, content):
    (row,) = rows(tmp_path, content, name)
    assert row.cells == {"file_name": "a.jpg", "license": "In copyright"}


@pytest.mark.parametrize(
    ("name", "content", "place"),
    [
        ("metadata.csv", "file_name,title,Title\na.jpg,A,A\nb.jpg,A,B\n", "line 3"),
        (
            "metadata.jsonl",
            '{"file_name": "a.jpg", "title": "A"}\n{"file_name": "b.jpg", "title": "A", "Title": "B"}\n',
            "line 2",
        ),
    ],
)
def test_two_columns_of_a_name_are_refused_with_their_line(tmp_path, name, content, place):
    with pytest.raises(DataError, match=f"{place} of .*{name}: two columns are called 'title'") as error:
        rows(tmp_path, content, name)
    assert "\n" not in str(error.value)


def test_parquet_with_a_holder_of_rights_and_two_titles(tmp_path):
    columns = {"file_name": ["a.jpg"], "license": ["CC0"], "rights_holder": ["Ann"], "title": ["A"]}
    pq.write_table(pa.table(columns), tmp_path / "metadata.parquet")
    (row,) = read_rows(tmp_path / "metadata.parquet", COLUMNS, SkipList())
    assert row.cells["rights_holder"] == "Ann"
    pq.write_table(pa.table(columns | {"Title": ["B"]}), tmp_path / "metadata.parquet")
    with pytest.raises(DataError, match="row 1 of .*metadata.parquet: two columns are called 'title'"):
        list(read_rows(tmp_path / "metadata.parquet", COLUMNS, SkipList()))


@pytest.mark.parametrize("cell", [{"rights": "InC"}, [{"label": "Rights", "value": "InC"}], {"dc": {"rights": "InC"}}])
def test_parquet_with_rights_in_a_structure(tmp_path, cell):
    pq.write_table(pa.table({"file_name": ["a.jpg"], "rights": ["CC0"], "meta": [cell]}), tmp_path / "metadata.parquet")
    (row,) = read_rows(tmp_path / "metadata.parquet", COLUMNS, SkipList())
    assert row.cells == {"file_name": "a.jpg", "rights": "InC"}


def test_parquet_with_two_columns_of_a_name_and_a_structure(tmp_path):
    columns = [["a.jpg"], ["CC0"], [{"label": "In copyright"}], [7]]
    names = ["file_name", "rights", "rights", "of no use"]
    pq.write_table(pa.Table.from_arrays([pa.array(c) for c in columns], names), tmp_path / "metadata.parquet")
    (row,) = read_rows(tmp_path / "metadata.parquet", COLUMNS, SkipList())
    assert row.cells == {"file_name": "a.jpg", "rights": "In copyright"}


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([5], pa.timestamp("s", "No/Where")),
        ([2**62], pa.timestamp("us")),
        ([253402300800000], pa.timestamp("ms")),  # the year 10000
        ([2**30], pa.date32()),
        ([2**62 // 86_400_000 * 86_400_000], pa.date64()),
        ([2**62], pa.duration("s")),
    ],
)
def test_parquet_with_a_date_that_python_does_not_have_is_one_line(tmp_path, values, kind):
    columns = {"file_name": ["a.jpg"], "date": pa.array(values, kind), "other": pa.array(values, kind)}
    pq.write_table(pa.table(columns), tmp_path / "metadata.parquet")
    with pytest.raises(DataError, match=r"the column date of .*metadata.parquet cannot be read as") as raised:
        list(read_rows(tmp_path / "metadata.parquet", COLUMNS, SkipList()))
    assert "\n" not in str(raised.value)
    (row,) = read_rows(tmp_path / "metadata.parquet", {**COLUMNS, "year": ("year",), "year_end": ("year",)}, SkipList())
    assert row.cells == {"file_name": "a.jpg"}


def test_parquet_of_more_rows_than_a_collection_has_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("artextract_hf.data.sources.metadata.MAX_ROWS", 2)
    pd.DataFrame({"file_name": ["a.jpg"] * 3}).to_parquet(tmp_path / "metadata.parquet")
    with pytest.raises(DataError, match=r"metadata.parquet has 3 rows.*at most 2"):
        list(read_rows(tmp_path / "metadata.parquet", COLUMNS, SkipList()))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("metadata.jsonl", '{"file_name": "a.jpg"}\n{"file_name": \n', "line 2"),
        ("metadata.jsonl", "[1]\n", "line 1 is no object"),
        ("metadata.jsonl", "[" * 100_000 + "\n", "line 1"),
        ("metadata.jsonl", '{"file_name": ' + "1" * 5000 + "}\n", "line 1"),
        ("metadata.jsonl", '{"title": "A"}\n', "no column file_name"),
        (
            "metadata.jsonl",
            '{"file_name": "a.jpg", "rights": "In copyright", "rights": "CC0"}\n',
            "rights.* stands twice",
        ),
        ("metadata.parquet", "no Parquet file", "cannot be read as a data set"),
    ],
)
def test_other_files_that_cannot_be_read_say_so_in_one_line(tmp_path, name, content, message):
    with pytest.raises(DataError, match=message) as error:
        rows(tmp_path, content, name)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["metadata.csv", "metadata.jsonl"])
def test_a_text_of_gigabytes_is_refused_before_it_is_read(tmp_path, name):
    with (tmp_path / name).open("wb") as file:
        file.truncate(2**31)
    with pytest.raises(DataError, match="larger than 250 MB"):
        list(read_rows(tmp_path / name, COLUMNS, SkipList()))
