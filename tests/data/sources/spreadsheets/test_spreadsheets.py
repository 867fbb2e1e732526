"""A curator's list: any desk's language, encoding and columns give the same records, and it is said what was read."""

import datetime
import tracemalloc
import zipfile

import pytest
from openpyxl import Workbook

from artextract_hf.data.rights import is_open
from artextract_hf.data.schema import SkipList
from artextract_hf.data.sources.collection import read_collection
from artextract_hf.data.sources.listing import _names
from artextract_hf.data.sources.named_files import NamedFiles
from artextract_hf.errors import DataError
from tests.data.hostile_server import HostileServer
from tests.data.sources.iiif_server import jpeg
from tests.data.sources.spreadsheets.desks import DESKS, YEARS, export


@pytest.mark.parametrize("desk", DESKS, ids=lambda desk: desk.name)
def test_300_works_of_each_desk_give_the_same_records(desk, tmp_path):
    skipped = SkipList()
    works = read_collection(export(desk, tmp_path / "museum"), skipped)
    assert works["id"] == [f"GM {1000 + i}" for i in range(300)]
    assert works["title"] == [f"Straße nº {i}, été" for i in range(300)]
    assert works["artist_name"] == [("Claude Monet", "Käthe Ñandú")[i % 2] for i in range(300)]
    assert list(zip(works["year"], works["year_end"], strict=True)) == [YEARS[i % 6] for i in range(300)]
    assert set(works["medium"]) == {"Öl auf Leinwand"}
    assert list(map(is_open, works["license"])) == [i % 3 != 2 for i in range(300)]
    (table,) = skipped.tables
    assert table.rows == 300 and table.filled["title"] == table.filled["license"] == 300
    fields = ("id", "title", "artist_name", "year", "medium", "license", "image")
    assert table.columns == {field: [column] for field, column in zip(fields, desk.columns, strict=False)}
    assert table.ignored == [desk.columns[-1]] and not skipped.items


def workbook(folder, *rows):
    book = Workbook()
    for row in rows:
        book.active.append(row)
    (folder / "a.jpg").write_bytes(jpeg("a"))
    book.save(folder / "metadata.xlsx")
    return folder / "metadata.xlsx"


def test_cells_of_a_workbook_are_what_it_shows(tmp_path):
    table = workbook(
        tmp_path,
        ["file_name", "year", "title", "credit_line", "license"],
        ["a.jpg", 1885.0, "#N/A", datetime.datetime(1906, 5, 1), None],
        [],
    )
    (work,) = read_collection(table, SkipList())
    assert (work["year"], work["title"], work["credit_line"], work["license"]) == (1885, "a", "1906-05-01", "")
    (again,) = read_collection(tmp_path, skipped := SkipList())
    assert (again["id"], again["year"]) == (work["id"], 1885) and not skipped.items


def test_a_damaged_workbook_is_refused_in_one_line(tmp_path):
    data = workbook(tmp_path, ["file_name"], ["a.jpg"]).read_bytes()
    for cut in (b"no workbook", data[: len(data) // 2], data.replace(b"xl/worksheets", b"xl/w0rksheets")):
        (tmp_path / "cut.xlsx").write_bytes(cut)
        with pytest.raises(
            DataError, match="cannot be read as an Excel file: .*Save it as .xlsx, or as a CSV"
        ) as error:
            read_collection(tmp_path / "cut.xlsx", SkipList())
        assert "\n" not in str(error.value)


def test_a_workbook_that_unpacks_to_gigabytes_is_refused_before_it_is(tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.xlsx", "w", zipfile.ZIP_DEFLATED) as bomb:
        for part in range(3):
            bomb.writestr(f"xl/worksheets/sheet{part}.xml", bytes(100_000_000))
    with pytest.raises(DataError, match="unpacks to 300 MB"):
        read_collection(tmp_path / "bomb.xlsx", SkipList())


def test_a_sheet_that_is_formatted_to_its_last_column_takes_no_memory(tmp_path):
    book = Workbook()
    book.active.append(["file_name", "title"])
    book.active.append(["a.jpg", "A"])
    book.active.cell(20_000, 16_384).value = "far"
    book.save(tmp_path / "far.xlsx")
    (tmp_path / "a.jpg").write_bytes(jpeg("a"))
    tracemalloc.start()
    works = read_collection(tmp_path / "far.xlsx", SkipList())
    assert works["title"] == ["A"] and tracemalloc.get_traced_memory()[1] < 50_000_000
    tracemalloc.stop()


def test_an_address_may_hold_commas_and_semicolons(tmp_path):
    files = NamedFiles(tmp_path)
    one, other = "https://www.artic.edu/iiif/2/ab/full/843,/0/default.jpg", "https://museum.example/a;b.jpg"
    assert _names(one, files) == [one] and _names(other, files) == [other]
    assert _names(f"{one}, {other}", files) == [one, other]
    assert _names("a.jpg; b.jpg", files) == ["a.jpg", "b.jpg"]


def test_a_row_may_name_several_pictures_of_a_work(tmp_path):
    for name in ("a", "b", "c", "d;e"):
        (tmp_path / f"{name}.jpg").write_bytes(jpeg(name))
    lines = ["Inventarnummer,Titel,Datei", '7,Front and back,"a.jpg; b.jpg"', '8,"With, comma",c.jpg', "9,One,d;e.jpg"]
    (tmp_path / "list.csv").write_text("\n".join(lines))
    works = read_collection(tmp_path / "list.csv", SkipList())
    assert list(zip(works["id"], works["title"], strict=True)) == [
        ("7", "Front and back"), ("7-2", "Front and back"), ("8", "With, comma"), ("9", "One")
    ]  # fmt: skip


@pytest.fixture
def server():
    server = HostileServer()
    yield server
    server.stop()


@pytest.mark.parametrize("named", ["list.csv", "."])
def test_pictures_of_addresses_are_fetched_once(tmp_path, server, named):
    (tmp_path / "a.jpg").write_bytes(jpeg("a"))
    name = "list.csv" if named == "list.csv" else "metadata.csv"
    rows = f"file_name,image_url,title\na.jpg,{server.url}/other.jpg,A\n,{server.url}/b.jpg,B\n{server.url}/html,,C\n"
    (tmp_path / name).write_text(rows)
    source = tmp_path / named
    for _ in range(2):
        skipped = SkipList()
        works = read_collection(source, skipped, images_dir=tmp_path.parent / "kept", allow_private_hosts=True)
        assert sorted(works["title"]) == ["A", "B"]
        assert [item.path for item in skipped.items] == [f"{server.url}/html"]
    assert server.asked.count("/b.jpg") == 1 and "/other.jpg" not in server.asked


def test_a_chosen_inventory_number_is_the_id(tmp_path):
    (tmp_path / "a.jpg").write_bytes(jpeg("a"))
    (tmp_path / "list.csv").write_text("image,Signatur,Beginn\na.jpg,X 1,1880-90\n")
    (work,) = read_collection(tmp_path / "list.csv", SkipList(), columns={"id": "Signatur", "year": "Beginn"})
    assert (work["id"], work["year"], work["year_end"]) == ("X 1", 1880, 1890)
