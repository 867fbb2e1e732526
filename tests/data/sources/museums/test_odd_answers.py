"""Answers of museums that are not as they document them: of another shape, of another work, or none."""

import pytest

from artextract_hf.data.schema import SkipList
from artextract_hf.errors import DataError
from tests.data.sources.museums.museum_server import SEARCHES, many, read


def test_objects_that_fail_one_after_another_end_the_run(server, tmp_path):
    server.paintings = many(30)
    server.faults = {f"/met/v1/objects/{number}": [403] for number in range(3, 31)}
    with pytest.raises(DataError, match=r"objects/12: the server answered 403; what was fetched is kept, and the same"):
        read("met", tmp_path)
    assert server.requests("/v1/objects/") == 12


WRONG = {
    "no list": lambda document: {**document, "data": "none", "objectIDs": {"1": 2}},
    "missing": lambda document: {key: value for key, value in document.items() if key not in ("data", "objectIDs")},
    "a list": lambda document: [document],
    "a text": lambda _: "Sorry",
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
def test_an_answer_of_another_shape_is_asked_again_then_said(server, museum, tmp_path, change):
    server.paintings = many(2)
    server.faults = {SEARCHES[museum]: [change]}
    assert len(read(museum, tmp_path / "once")) == 2
    server.faults = {SEARCHES[museum]: [change] * 9}
    with pytest.raises(DataError, match=f"{SEARCHES[museum]}: It ") as caught:
        read(museum, tmp_path / "always")
    assert str(caught.value).count("\n") == 0 and not list((tmp_path / "always").rglob("*.json"))


@pytest.mark.parametrize("notice", ["© Ann", "Все права защищены", ["© Ann"], {"en": ["© Ann"]}, [{"@value": "© Ann"}]])
def test_rights_count_in_any_shape(server, tmp_path, notice):
    server.paintings = many(2)
    for key in ("rightsAndReproduction", "creditLine"):
        server.faults = {"/met/v1/objects/1": [lambda document, key=key: {**document, key: notice}]}
        assert read("met", tmp_path / key)["id"] == ["met/2"]


ODD = [None, 7, "x", [], {}, True, ["a", {"b": "c"}], 10**400, 1e308, "\ud800", "a\0b", {"web": {"url": 3}}]


@pytest.mark.parametrize("odd", ODD, ids=lambda value: repr(value)[:20])
def test_a_field_of_any_type_spoils_no_other_work(server, museum, tmp_path, odd):
    """Each work has another field that is odd; the last one has none."""
    server.paintings = many(20)

    def spoilt(document):
        works = [document] if museum == "met" else document["data"]
        for work in works:
            number = work["objectID" if museum == "met" else "id"]
            if number <= len(work):
                work[list(work)[number - 1]] = odd
        return document

    paths = [f"/met/v1/objects/{number}" for number in range(1, 21)] if museum == "met" else [SEARCHES[museum]]
    server.faults = {path: [spoilt] * 9 for path in paths}
    records = read(museum, tmp_path)
    assert records["id"][-1] == f"{museum}/20" and len(records) >= 10
    assert records[-1]["title"] == "Lilies 20" and records[-1]["license"] == "CC0 1.0"


@pytest.mark.parametrize("museum", ["artic", "cleveland"])
def test_documents_nested_without_end(server, museum, tmp_path):
    deep = "x"
    for _ in range(700):
        deep = [deep]
    server.faults = {SEARCHES[museum]: [lambda document: {**document, "data": [{"id": 1, "title": deep}]}] * 9}
    with pytest.raises(DataError, match="It is nested too deeply"):
        read(museum, tmp_path)


def test_another_object_than_the_one_asked_for(server, tmp_path):
    server.paintings = many(2)
    server.faults = {"/met/v1/objects/1": [lambda document: {**document, "objectID": 5}] * 9}
    skipped = SkipList()
    assert read("met", tmp_path, skipped=skipped)["id"] == ["met/2"]
    assert "It is of the object 5." in skipped.items[0].reason


KINDS = {"met": "classification", "artic": "artwork_type_title", "cleveland": "type"}


def test_what_the_museum_itself_calls_no_painting_is_left_out_and_listed(server, museum, tmp_path):
    server.paintings = many(2)

    def drawn(document):
        (document if museum == "met" else document["data"][0])[KINDS[museum]] = "Drawings"
        return document

    server.faults = {"/met/v1/objects/1" if museum == "met" else SEARCHES[museum]: [drawn]}
    skipped = SkipList()
    assert len(read(museum, tmp_path, skipped=skipped)) == 1
    assert [item.reason for item in skipped.items] == ["the museum calls it Drawings, and no painting"]


def test_a_search_that_gives_less_than_it_speaks_of_says_so(server, tmp_path):
    server.paintings = many(2)
    server.faults = {SEARCHES["met"]: [lambda document: {**document, "total": 10**12}] * 99}
    skipped = SkipList()
    assert len(read("met", tmp_path, skipped=skipped)) == 2
    assert "speaks of 1,000,000,000,000 works" in skipped.items[-1].reason


def test_a_year_that_stands_for_none_is_none(server, tmp_path):
    server.paintings = many(1)
    years = {"objectBeginDate": 1850, "objectEndDate": 99999}
    server.faults = {"/met/v1/objects/1": [lambda document: {**document, **years}]}
    (work,) = read("met", tmp_path)
    assert (work["year"], work["year_end"]) == (1850, None)
