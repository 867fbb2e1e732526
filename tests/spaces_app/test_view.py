"""What is asked, as a filter and as an address, from visitors and from strangers."""

import math

import gradio as gr
import pytest
from datasets import Dataset

from artextract_hf.data.schema import new_record, painting_features
from artextract_hf.retrieval import PaintingIndex
from spaces_app.facets import Facets
from spaces_app.view import View, checked_choice, checked_filter, checked_number, checked_year
from tests.conftest import plain_picture
from tests.retrieval.conftest import ColorEmbedder, paintings

pytestmark = pytest.mark.filterwarnings("default")  # gradio's own
HOSTILE = [[1], {"a": 1}, 10**400, -1e9, math.nan, math.inf, "x' or year > 0 or 'x", "\0", "\ud800", b"x", True, 7.5]


@pytest.fixture(scope="module")
def index() -> PaintingIndex:
    return PaintingIndex.build(paintings(40), ColorEmbedder())


@pytest.fixture(scope="module")
def facets(index) -> Facets:
    return Facets.of(index)


def test_facets_are_the_values_of_the_records(index, facets):
    counts = {name: index.column("artist_name").count(name) for name in ("Ada", "Ben", "Cem")}
    assert facets.values["artist"] == tuple(sorted(counts, key=counts.get, reverse=True))
    assert facets.values["licence"] == ("CC0-1.0",) and "genre" not in facets.values
    years = [year for year in index.column("year") if year is not None]
    assert facets.years == (min(years), max(years))


def test_a_view_finds_what_it_says(index, facets):
    view = View(tab="similar", first=1600, last=1800, chosen={"artist": "Ben"}, typed="title != 'Painting 3'")
    expected = {
        r["id"]
        for r in index.records()
        if r["artist_name"] == "Ben" and 1600 <= (r["year"] or 0) <= 1800 and r["title"] != "Painting 3"
    }
    found = index.search(index.vectors()[0], k=40, where=view.where(facets))
    assert expected and {hit.id for hit in found} == expected


def test_a_filter_cannot_be_closed_by_a_value_and_opened_anew():
    facets = Facets({"artist": "artist_name"}, {"artist": ("x' or title != '", 'a"b\\')}, None, False)
    where = View(chosen={"artist": "x' or title != '"}).where(facets)
    index = PaintingIndex.build(paintings(5), ColorEmbedder())
    assert index.search(index.vectors()[0], where=where) == []


def test_years_that_are_windows_are_found_where_the_work_may_be_from_them():
    windows = {
        "1870 to 1885": (1870, 1885),
        "after 1875": (1875, None),
        "before 1875": (None, 1875),
        "1950": (1950, 1950),
    }
    windows |= {"none": (None, None)}
    rows = [new_record(id=name, image=plain_picture((9, 9, 9)), year=a, year_end=b) for name, (a, b) in windows.items()]
    index = PaintingIndex.build(Dataset.from_list(rows, features=painting_features()), ColorEmbedder())
    facets = Facets.of(index)

    def found(**years: int) -> set[str]:
        return {hit.id for hit in index.search(index.vectors()[0], k=5, where=View(**years).where(facets))}

    assert found(first=1880) == {"1870 to 1885", "after 1875", "1950"}
    assert found(last=1880) == {"1870 to 1885", "after 1875", "before 1875"}
    assert found(first=1880, last=1890) == {"1870 to 1885", "after 1875"}


def test_years_are_nothing_where_no_record_has_one():
    assert View.read("?from=1870&to=1880", Facets({}, {}, None, False)) == View()


@pytest.mark.parametrize(
    "view",
    [
        View(),
        View(tab="similar", work="test/3", k=9, typed="year > 1 and title != '&tab=x'", first=-50, last=1900),
        View(tab="similar", chosen={"artist": "Ada", "licence": "CC0-1.0"}),
    ],
)
def test_an_address_reproduces_its_view(facets, view):
    assert View.read(f"?__theme=dark&{view.address}", facets) == view


@pytest.mark.parametrize("value", [*HOSTILE, "x" * 5000, "?" + "a=b&" * 900, "?k=99&from=x&to=1e9&artist=Nobody&tab=x"])
def test_an_address_that_says_nothing_opens_the_page(facets, value):
    assert View.read(value, facets) == View()


@pytest.mark.parametrize("value", HOSTILE)
def test_no_other_values_become_a_filter(facets, value):
    is_small = isinstance(value, int | float) and abs(value) < 10  # True and 7.5 are numbers
    for check, is_one in (
        (checked_number, is_small),
        (checked_year, is_small),
        (checked_filter, isinstance(value, str)),
    ):
        if is_one:
            assert check(value) == (int(value) if is_small else value.strip())
        else:
            with pytest.raises(gr.Error):
                check(value)
    with pytest.raises(gr.Error, match="one of the list"):
        checked_choice("artist", value, facets)
