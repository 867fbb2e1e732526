"""What museums print in a table becomes the fields of a record."""

import time

import pyarrow as pa
import pytest

from artextract_hf.data.labels import is_unknown
from artextract_hf.data.rights import is_open
from artextract_hf.data.schema import SkipList
from artextract_hf.data.words.columns import COLUMNS, columns_with
from artextract_hf.data.words.dates import years_of
from artextract_hf.data.words.fields import (
    artist_as_printed,
    cells_of,
    check_chosen,
    fields_of,
    label_of,
    rights_columns,
    stated_licenses,
    words_of,
)
from artextract_hf.errors import DataError


@pytest.mark.parametrize(
    ("printed", "name"),
    [
        (
            "Jacob (Netherlandish, c. 1470/75–by 1533)\nor Workshop of Jacob (Dutch, c. 1470)",
            "Jacob or Workshop of Jacob",
        ),
        ("Fra Bartolommeo (Baccio della Porta; Italian, 1472-1517)", "Fra Bartolommeo"),
        ("El Greco (Domenikos Theotokopoulos)", "El Greco (Domenikos Theotokopoulos)"),
        ("Central Italian", "Central Italian"),
        ("", ""),
    ],
)
def test_the_artist_is_printed_without_life_dates(printed, name):
    assert artist_as_printed(printed) == name


@pytest.mark.parametrize(
    ("cells", "license"),
    [
        (
            {"license": "CC0", "rights": "In copyright, (c) 2020 Artist / ADAGP"},
            "In copyright, (c) 2020 Artist / ADAGP",
        ),
        ({"licence": "CC0", "rights": "\u00a9 2020"}, "\u00a9 2020"),
        ({"rights": "CC0", "rightsstatement": "InC", "copyright": "(c) Ann"}, "InC"),
        ({"rights": "CC0", "copyright": "(c) Ann"}, "(c) Ann"),
        ({"rights": "Public Domain", "open_access": "false"}, "open_access: false"),
        ({"rights": "Public Domain", "open_access": "True"}, "Public Domain"),
        ({"license": "CC0", "credit_line": "(c) Ann, all rights reserved"}, "(c) Ann, all rights reserved"),
        ({"license": "CC0", "rights": "public domain", "credit_line": "Gift of Ann"}, "CC0"),
        ({"credit_line": "(c) Ann, whose own pictures these are"}, ""),
        ({"rights": "CC0", "dcterms:license": "In copyright"}, "In copyright"),
        ({"rights": "CC0", "rechte": "Alle Rechte vorbehalten"}, "Alle Rechte vorbehalten"),
        ({"rights": "CC0", "copyright_status": "In copyright"}, "In copyright"),
        ({"rights": "CC0", "in_copyright": "Yes"}, "in_copyright: Yes"),
        ({"rights": "CC0", "in_copyright": "no", "owner": "The Museum"}, "CC0"),
        ({"license": "CC0", "rights_holder": "Estate of Ann"}, "rights_holder: Estate of Ann"),
        ({"license": "Public Domain", "copyright_holder": "Ann"}, "copyright_holder: Ann"),
        ({"license": "CC0", "dcterms:rightsholder": "Ann"}, "dcterms:rightsholder: Ann"),
        ({"license": "CC0", "rechteinhaber": "Ann"}, "rechteinhaber: Ann"),
        ({"license": "CC BY 4.0", "rightsholder": "Ann"}, "CC BY 4.0"),
        ({"license": "CC0", "rightsholder": "none", "copyright_owner": "Public Domain"}, "CC0"),
        ({"license": "CC0", "rights_holder": "No known copyright holder", "copyright_holder_contact": "Ann"}, "CC0"),
        ({"rights_holder": "Ann, whose own pictures these are"}, ""),
        ({"license": "CC0", "credit_line": "&copy; Ann"}, "&copy; Ann"),
        ({"license": "CC0", "terms_of_use": "non-commercial"}, "non-commercial"),
        ({"license": "CC0", "imagerights": "no"}, "no"),
        ({"license": "CC0", "photo_credit": "\u00a9 Foto"}, "\u00a9 Foto"),
        ({"license": "CC0", "caption": "A view of the sea"}, "CC0"),
        ({"license": "CC0", "credit_line": "CC BY-NC 4.0"}, "CC BY-NC 4.0"),
        ({"license": "CC0", "credit_line": "Gift of Ann, CC BY 4.0"}, "CC0"),
        ({"license": "CC BY", "rights_holder": "Ann (CC BY-NC 4.0)"}, "rights_holder: Ann (CC BY-NC 4.0)"),
        ({"license": "CC BY", "rights_holder": "Ann (CC BY-SA 4.0)"}, "CC BY"),
        (
            {"license": "CC BY", "rights_holder": "http://rightsstatements.org/vocab/InC/1.0/"},
            "rights_holder: http://rightsstatements.org/vocab/InC/1.0/",
        ),
        ({"license": "CC BY", "rights_holder": "http://rightsstatements.org/vocab/NKC/1.0/"}, "CC BY"),
        (
            {"license": "CC BY", "credit": "https://creativecommons.org/licenses/by-nd/4.0/"},
            "https://creativecommons.org/licenses/by-nd/4.0/",
        ),
        ({"license": "CC BY", "credit": "https://creativecommons.org/licenses/by/4.0/"}, "CC BY"),
    ],
)
def test_a_row_is_open_where_all_that_it_states_is(cells, license):
    assert fields_of(cells, COLUMNS).get("license", "") == license


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("Reuse", "forbidden"),
        ("access", "restricted"),
        ("Accès", "non autorisé"),
        ("protected", "yes"),
        ("non_commercial", "true"),
        ("share", "no"),
        ("Terms", "no commercial use"),
        ("conditions", "Not for reproduction"),
        ("Weitergabe", "nein"),
        ("mention obligatoire", "\u00a9 X"),
        ("Prawa", "zastrze\u017cone"),
        ("c", "\u00a9 x"),
        ("title", "\u00a9 2020 X"),
        ("title", "Harbour, (c) Ann Example"),
        ("Standort", "&copy; Museum"),
        ("medium", "oil. All rights reserved"),
        ("inventaire", "CC BY-NC 4.0"),
        ("Bildnachweis", "\u24b8 X"),
        ("\uff52\uff49\uff47\uff48\uff54\uff53", "ask first"),  # full width
        ("l\u0456cense", "ask first"),  # a Cyrillic letter
        ("li\u200bcense", "ask first"),
    ],
)
def test_what_any_column_denies_or_claims_closes_a_row(column, text):
    cells = cells_of([("rights", "CC0"), (column, text)], COLUMNS)
    assert not is_open(fields_of(cells, COLUMNS)["license"])


@pytest.mark.parametrize(
    "cell", [["x", "\u00a9 X"], {"a": "\u00a9 X"}, [{"a": [1, "\u00a9 X"]}], {"reuse": "forbidden"}]
)
def test_so_does_a_claim_deep_in_a_cell_or_in_a_second_column_of_a_name(cell):
    cells = [cells_of([("rights", "CC0"), ("meta", cell)], COLUMNS)]
    cells += [cells_of([("rights", "CC0"), ("size", "1"), ("Size", "\u00a9 X")], COLUMNS)]
    assert not any(is_open(fields_of(row, COLUMNS)["license"]) for row in cells)


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("access", "on view, room 3"),
        ("access", "public"),
        ("access", "unrestricted"),
        ("share", "yes"),
        ("protected", "no"),
        ("protected", "Grade II"),
        ("non_commercial", "false"),
        ("conditions", "good"),
        ("title", "Views of a harbour (a), (b), (c) and (d)"),
        ("title", "Copyright, an allegory"),
        ("title", "Study (c. 1890)"),
        ("id", "1975.1.12(c)"),
        ("provenance", "private collection, not for sale"),
        ("description", "You may use it for any purpose without asking permission; no permission is required."),
        ("description", "Only a few paintings were for personal use"),
        ("link", "https://m.example/copyright"),
        ("\u5e74", "1890"),
    ],
)
def test_what_sounds_alike_closes_no_row(column, text):
    cells = cells_of([("rights", "CC0"), (column, text)], COLUMNS)
    assert fields_of(cells, COLUMNS)["license"] == "CC0"


def test_a_named_holder_beside_cc_by_closes_no_row_and_reserved_rights_do():
    for text, license in [("\u00a9 Ann", "CC BY 4.0"), ("\u00a9 Ann, alla r\u00e4ttigheter f\u00f6rbeh\u00e5llna", "")]:
        cells = cells_of([("rights", "CC BY 4.0"), ("title", text)], COLUMNS)
        assert fields_of(cells, COLUMNS)["license"] == (license or text)


def test_a_chosen_column_replaces_the_usual_ones():
    columns = columns_with({"artist": "Maler", "title": "Titel"})
    cells = {"maler": "Paula", "artist": "somebody else", "titel": "", "title": "Birke", "date": "um 1900"}
    row = fields_of(cells, columns)
    assert row == {"artist_name": "Paula", "year": "um 1900", "year_end": "um 1900"}
    words = words_of(row, years_of(["m/1"], [row], SkipList())[0], untitled="a.jpg")
    assert (words["title"], words["year"], words["year_end"]) == ("a.jpg", 1900, 1900)
    assert words["credit_line"] == "Paula, a.jpg, um 1900."
    with pytest.raises(DataError, match="no field painter"):
        columns_with({"painter": "Maler"})


def test_a_chosen_licence_counts_beside_the_others():
    columns = columns_with({"license": "Frei"})
    for others in ({"rights": "CC BY-NC"}, {"lizenz": "CC BY-NC"}, {"license": "CC BY-NC"}):
        row = fields_of({"frei": "CC0", **others}, columns)
        assert row["license"] == "CC BY-NC"
        check_chosen([row], columns, "list.csv")
    assert fields_of({"frei": "InC", "rights": "CC0"}, columns)["license"] == "InC"


@pytest.mark.parametrize("field", ["medium", "split", "style", "genre"])
def test_so_is_one_of_the_usual_name(field):
    with pytest.raises(DataError, match=f"list.csv says nothing in a column '{field}'"):
        check_chosen([fields_of({"title": "Sea"}, COLUMNS)], columns_with({field: field}), "list.csv")
    check_chosen([fields_of({field: "x"}, COLUMNS)], columns_with({field: field}), "list.csv")
    check_chosen([fields_of({"title": "Sea"}, COLUMNS)], COLUMNS, "list.csv")


@pytest.mark.parametrize("field", ["title", "license", "artist", "style", "split"])
def test_a_chosen_column_that_a_source_lacks_is_refused(field):
    columns = columns_with({field: "typo"}, {"school": "school"})
    row = fields_of({"title": "Sea", "license": "CC0", "artist": "Ann", "style": "Flat", "split": "val"}, columns)
    with pytest.raises(DataError, match="list.csv says nothing in a column 'typo'"):
        check_chosen([row], columns, "list.csv")
    check_chosen([row, fields_of({"typo": "x"}, columns)], columns, "list.csv")


@pytest.mark.parametrize(
    "cell", [{"rights": "InC"}, [{"label": "Rights", "value": "InC"}], {"dc": {"rights": ["InC"]}}]
)
def test_structures_that_state_rights_count(cell):
    cells = cells_of([("license", "CC0"), ("metadata", cell)], COLUMNS)
    assert fields_of(cells, COLUMNS)["license"] == "InC"


@pytest.mark.parametrize(
    ("column", "cell", "license"),
    [
        ("rights_holder", {"name": "VG"}, "rights_holder: VG"),
        ("rights_holders", [{"name": "none"}, {"name": "VG"}], "rights_holders: VG"),
        ("rights_holder", ["No known copyright holder", "VG"], "rights_holder: VG"),
        ("copyright_holder", {"label": "VG", "url": "https://vg.example"}, "copyright_holder: VG"),
        ("meta", {"rights_holder": "VG"}, "rights_holder: VG"),
        ("credit_line", {"text": "\u00a9 Ann"}, "\u00a9 Ann"),
        ("credit", [{"text": "\u00a9 Ann"}], "\u00a9 Ann"),
        ("meta", {"credit": "\u00a9 Ann"}, "\u00a9 Ann"),
        ("meta", [("rights", "InC")], "InC"),
        ("meta", {"open_access": [True, False]}, "open_access: False"),
        ("in_copyright", [False, True], "in_copyright: True"),
        ("rights_holder", {"name": "none"}, "CC0"),
        ("meta", {"credit": "Gift of Ann", "size": 3}, "CC0"),
    ],
)
def test_claims_in_lists_and_structures_count(column, cell, license):
    cells = cells_of([("license", "CC0"), (column, cell)], COLUMNS)
    assert fields_of(cells, COLUMNS)["license"] == license


@pytest.mark.parametrize(
    ("cell", "is_read"),
    [
        ({"rights": "InC"}, True),
        ([{"label": "Rights", "value": "InC"}], True),
        ([[{"dc": {"rights_holder": "VG"}}]], True),
        ({"size": 3, "url": "x"}, True),
        ({"size": 3, "sides": [4]}, False),
        ({"rights": {"bytes": b"x", "path": "a.png"}}, False),
        ([0.5], False),
    ],
)
def test_a_column_is_read_where_something_in_it_may_tell_of_rights(cell, is_read):
    table = pa.table({"license": ["CC0"], "meta": [cell]})
    assert rights_columns(table.schema) == ["license", *(["meta"] if is_read else [])]
    named = pa.field("meta", pa.map_(pa.string(), pa.string()))  # whose names are in its rows
    assert rights_columns(pa.schema([named])) == ["meta"]


@pytest.mark.parametrize(
    ("cell", "row"),
    [
        ("a, b", {"school": "a, b"}),
        (["a"], {"school": "a"}),
        (["a", "a", None], {"school": "a"}),
        (["a", "b"], {"several classes": "school"}),
        ([], {}),
    ],
)
def test_several_classes_in_a_list_are_none(cell, row):
    columns = columns_with({}, {"school": "school"})
    assert fields_of(cells_of([("School", cell)], columns), columns) == row
    assert fields_of(cells_of([("Title", ["a", "b"]), ("artist", ["c", "d"])], columns), columns) == {
        "title": "a, b", "artist_name": "c, d"
    }  # fmt: skip


@pytest.mark.parametrize("error", ["#N/A", "#REF!", " #DIV/0! ", "#NV", "#BEZUG!", "#NOM?"])
def test_errors_of_a_spreadsheet_are_nothing(error):
    columns = columns_with({}, {"school": "school"})
    cells = cells_of([("school", error), ("artist", [error, "Ann"]), ("title", "#metoo!"), ("rights", error)], columns)
    assert fields_of(cells, columns) == {"artist_name": "Ann", "title": "#metoo!"}


@pytest.mark.parametrize(
    ("printed", "known"),
    [
        ("Monet, Claude", "Claude_Monet"),
        ("Monet, Claude (French, 1840-1926)", "Claude_Monet"),
        ("Gogh, Vincent van, 1853-1890", "Vincent_van_Gogh"),
        ("Claude Monet, Paris", ""),
        ("Rembrandt, Workshop of", ""),
        ("Monet, Claude, Renoir", ""),
    ],
)
def test_a_name_as_a_catalogue_sorts_it_is_known(printed, known):
    assert label_of({"artist_name": printed}, "artist") == known


def test_two_columns_of_one_name_say_the_same_or_are_refused():
    same = [
        ("Title", "A"),
        ("title", "A"),
        ("size", "1"),
        ("Size", "2"),
        ("", "x"),
        ("", "y"),
        ("medium", ""),
        ("Medium", "oil"),
    ]
    assert cells_of(same, COLUMNS) == {"title": "A", "size": "1", "": "x", "medium": "oil"}
    for name in ("title", "file_name", "style", "description"):
        with pytest.raises(DataError, match=f"two columns are called '{name}', and say 'A' and 'B'; rename one"):
            cells_of([(name, "A"), (name.title(), "B")], COLUMNS)


def test_cells_of_any_type_become_texts():
    cells = [("Title", b"Poppies"), ("License", b"In copyright"), ("style", ["a", "b"]), ("genre", float("nan"))]
    cells += [("year", 1873.0), ("artist", b"x" * 20_000), ("medium", {"a": "oil"})]
    assert cells_of(cells, COLUMNS) == {
        "title": "Poppies", "license": "In copyright", "style in a list": "a, b", "year": "1873"
    }  # fmt: skip
    assert is_unknown("-1") and is_unknown("NaN") and not is_unknown("1")


@pytest.mark.parametrize(
    ("stated", "page"),
    [
        ("https://me:secret@m.example/1", "https://m.example/1"),
        ("https://m.example/1?token=secret", "https://m.example/1?token=..."),
        ("javascript:alert(1)", ""),
        (" JavaScript :alert(1)", ""),
        ("data:text/html,x", ""),
        ("file:///etc/passwd", ""),
        ("doi:10.1000/182", "doi:10.1000/182"),
        ("m.example/1", "m.example/1"),
    ],
)
def test_the_page_of_a_work_has_no_password_and_runs_nothing(stated, page):
    assert words_of({"source_url": stated}, (None, None), untitled="")["source_url"] == page


def test_dates_that_end_before_they_begin_are_told_and_unknown():
    cells = [("1890", "1875"), ("1875", "1890"), ("c. 1890", "before 1875"), ("-450", "-500")]
    cells += [("", "1875"), ("1890", "")]
    rows = [fields_of({"year": first, "year_end": last}, COLUMNS) for first, last in cells]
    skipped = SkipList()
    years = years_of([f"m/{number}" for number in range(len(rows))], rows, skipped)
    found = [words_of(row, dated, untitled="") for row, dated in zip(rows, years, strict=True)]
    assert [(row["year"], row["year_end"]) for row in found] == [
        (None, None), (1875, 1890), (None, None), (None, None), (None, 1875), (1890, 1890)
    ]  # fmt: skip
    (told,) = skipped.as_json()
    assert told["path"] == "m/0" and "last year, 1875, lies before the first, 1890" in told["reason"]
    assert told["reason"].endswith("such works: 3")


def test_what_terms_and_legal_columns_claim_counts_beside_an_open_licence():
    stated = {"terms": "non-commercial", "legal": "all rights reserved", "legal_note": "© The Museum"}
    for column, text in stated.items():
        assert not is_open(stated_licenses([{column: text, "rights": "CC0"}])[0])
    for column, text in {"terms": "landscape, trees", "legal_status": "public domain"}.items():
        assert is_open(stated_licenses([{column: text, "rights": "CC0"}])[0])


def test_a_long_list_is_refused_where_it_means_something_and_costs_nothing_elsewhere():
    numbers = [1] * 3_000_000
    started = time.process_time()
    assert cells_of([("pixels", numbers), ("title", "A")], COLUMNS) == {"title": "A"}
    for name, value in [("title", numbers), ("rights", numbers), ("notes", [{"rights": {"a": numbers}}])]:
        with pytest.raises(
            DataError, match=r"a cell of the column '(title|rights|notes)' holds a list of more than 10,000"
        ):
            cells_of([(name, value)], COLUMNS)
    assert time.process_time() - started < 1
