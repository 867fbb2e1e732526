"""Words and rights of manifests, canvases, pages and collections: the nearest to the picture count."""

import json

import pytest

from artextract_hf.data.rights import is_open
from artextract_hf.data.schema import SkipList
from artextract_hf.data.sources.iiif import read_iiif
from artextract_hf.data.sources.iiif_words import words_of
from tests.data.sources.test_iiif import QUICK, canvas_3, manifest_2, manifest_3, serve
from tests.data.sources.test_iiif import server as iiif_server

server = iiif_server  # a fixture


def test_documents_in_a_collection_that_share_an_id_or_have_none_are_read_or_listed(server, tmp_path):
    url = server.url
    first, again, nameless = (manifest_3(url, name, [canvas_3(url, name, name)]) for name in ("a", "b", "c"))
    again["id"] = first["id"]
    del nameless["id"]
    items = [first, again, nameless, {"type": "Manifest"}]
    serve(server, all={"id": f"{url}/all.json", "type": "Collection", "items": items})
    skipped = SkipList()
    assert sorted(read_iiif(f"{url}/all.json", tmp_path, skipped, settings=QUICK)["id"]) == ["a", "c"]
    assert [item.reason for item in skipped.items] == [
        "another document has the same id; the first counts",
        "names a document without an address",
    ]


def test_a_canvas_has_its_own_words(server, tmp_path):
    canvases = [canvas_3(server.url, name, name) for name in ("one", "two")]
    canvases[0]["metadata"] = [
        {"label": {"en": ["Date"]}, "value": {"none": [1875]}},
        {"label": {"en": ["Artist"]}, "value": {"en": ["Ann Example"]}},
    ]
    canvases[0]["requiredStatement"] = {"label": "Credit", "value": "Lent by Ann"}
    serve(server, book=manifest_3(server.url, "book", canvases))
    one, two = read_iiif(f"{server.url}/book.json", tmp_path, SkipList(), settings=QUICK)
    assert (one["year"], one["artist_name"], one["credit_line"]) == (1875, "Ann Example", "Lent by Ann")
    assert (two["year"], two["artist_name"]) == (1906, "Claude Monet") and "Gift of" in two["credit_line"]


@pytest.mark.parametrize("on_two_canvases", [False, True])
def test_one_picture_has_the_rights_of_all_places_where_it_is_shown(server, tmp_path, on_two_canvases):
    open_one, closed = (canvas_3(server.url, name, "same") for name in ("open", "closed"))
    closed["items"][0]["items"][0]["rights"] = "In copyright"
    if not on_two_canvases:
        open_one["items"] += closed["items"]
    canvases = [open_one, closed] if on_two_canvases else [open_one]
    serve(server, book=manifest_3(server.url, "book", canvases))
    dataset = read_iiif(f"{server.url}/book.json", tmp_path, SkipList(), settings=QUICK)
    assert set(dataset["license"]) == {"In copyright"} and len(dataset) == len(canvases)


@pytest.mark.parametrize(
    ("rights", "credit", "license"),
    [
        (
            "http://creativecommons.org/licenses/by/4.0/",
            "\u00a9 The Museum, photo: Ann",
            "http://creativecommons.org/licenses/by/4.0/",
        ),
        ("http://creativecommons.org/licenses/by/4.0/", "All rights reserved", "All rights reserved"),
        ("http://creativecommons.org/publicdomain/zero/1.0/", "\u00a9 The Museum", "\u00a9 The Museum"),
    ],
)
def test_a_credit_may_name_the_holder_of_what_is_licensed(server, tmp_path, rights, credit, license):
    statement = {"label": "Credit", "value": credit}
    serve(server, one=manifest_3(server.url, "one", rights=rights, requiredStatement=statement))
    assert read_iiif(f"{server.url}/one.json", tmp_path, SkipList(), settings=QUICK)["license"] == [license]


INC = "http://rightsstatements.org/vocab/InC/1.0/"


def test_rights_are_those_stated_nearest_to_the_picture_up_to_the_collection(server, tmp_path):
    url = server.url
    of_page = manifest_3(url, "page")
    of_page["items"][0]["items"][0]["rights"] = INC
    silent, listed = ({**manifest_3(url, name)} for name in ("silent", "listed"))
    for manifest in (silent, listed):
        del manifest["rights"]
    items = [of_page, {"id": f"{url}/silent.json", "type": "Manifest", "rights": "CC0"}, listed]
    serve(server, silent=silent, all={"id": f"{url}/all.json", "type": "Collection", "rights": INC, "items": items})
    dataset = read_iiif(f"{url}/all.json", tmp_path, SkipList(), settings=QUICK)
    found = {
        id_.split("/")[3].removesuffix(".json"): license
        for id_, license in zip(dataset["id"], dataset["license"], strict=True)
    }
    assert found == {"page": INC, "silent": "CC0", "listed": INC}


def test_every_sequence_is_read_and_pages_elsewhere_are_listed(server, tmp_path):
    two = manifest_2(server.url, "two")
    more = manifest_2(server.url, "more")["sequences"][0]["canvases"]
    two["sequences"] += [
        {"@id": f"{server.url}/order2", "canvases": two["sequences"][0]["canvases"] + more},
        {"@id": f"{server.url}/order3"},
    ]
    book = manifest_3(server.url, "book")
    book["items"][0]["items"].append({"id": f"{server.url}/page2", "type": "AnnotationPage"})
    serve(server, two=two, book=book)
    skipped = SkipList()
    assert len(read_iiif(f"{server.url}/two.json", tmp_path, skipped, settings=QUICK)) == 2
    assert len(read_iiif(f"{server.url}/book.json", tmp_path, skipped, settings=QUICK)) == 1
    sequence, page = skipped.items
    assert sequence.path.endswith("order3") and "address only" in sequence.reason
    assert page.path.endswith("page2") and "address only" in page.reason


@pytest.mark.parametrize(
    "stated",
    [
        {"metadata": [{"label": "Terms of use", "value": "research only"}]},
        {"metadata": [[{"label": "Rights", "value": "In copyright"}]]},
        {"metadata": [{"label": "Nutzungsrechte", "value": "nur privat"}]},
        {"requiredStatement": {"label": "Terms of use", "value": "Do not reproduce"}},
        {"Rights": "In copyright"},
        {"summary": {"en": ["\u00a9 ARS. All rights reserved"]}},
        {"dcterms:rights": INC},
    ],
)
def test_rights_in_any_place_of_a_manifest_count(server, tmp_path, stated):
    serve(server, one=manifest_3(server.url, "one", **stated))
    (license,) = read_iiif(f"{server.url}/one.json", tmp_path, SkipList(), settings=QUICK)["license"]
    assert not is_open(license)


def test_members_by_their_address_are_fetched_or_listed_and_no_password_is_kept(server, tmp_path):
    url = server.url
    book = manifest_3(url, "book")
    book["items"].append(f"{url}/canvas-elsewhere")
    nameless = [manifest_3(url, name, [canvas_3(url, "", name)]) for name in ("n1", "n2")]
    for manifest in nameless:
        del manifest["id"], manifest["items"][0]["id"]
    serve(server, book=book, n1=nameless[0], n2=nameless[1], all={
        "id": f"{url}/all.json", "type": "Collection", "items": [f"{url}/book.json", f"{url}/n1.json", f"{url}/n2.json"]
    })  # fmt: skip
    skipped = SkipList()
    secret = url.replace("://", "://me:secret@")
    dataset = read_iiif(f"{secret}/all.json", tmp_path, skipped, settings=QUICK)
    assert len(dataset) == 3 and len(set(dataset["id"])) == 3 and "secret" not in str(dataset.to_dict()["id"])
    assert [item.path for item in skipped.items] == [f"{url}/canvas-elsewhere"]


@pytest.mark.parametrize("key", ["items", "members", "manifests", "next"])
def test_members_that_are_no_address_are_looked_for_beside_the_collection_or_listed(server, tmp_path, key):
    url = server.url
    names = ["x", "son.json", 7, ""]
    top = {"id": f"{url}/all.json", "type": "Collection", "collections": [manifest_3(url, "one")], key: names}
    serve(server, all=top, son=manifest_2(url, "son"))
    skipped = SkipList()
    assert len(read_iiif(f"{url}/all.json", tmp_path, skipped, settings=QUICK)) == 2
    nameless = (f"{url}/all.json", "names a document without an address")
    listed = [(item.path, item.reason) for item in skipped.items]
    assert listed[:2] == [nameless, nameless] and [path for path, _ in listed[2:]] == [f"{url}/x"]
    (tmp_path / "top.json").write_text(json.dumps(top), encoding="utf-8")
    skipped = SkipList()
    assert len(read_iiif(tmp_path / "top.json", tmp_path, skipped, settings=QUICK)) == 1
    assert ("x", "is no address and no file") in [(item.path, item.reason) for item in skipped.items]


def test_entries_of_one_label_are_joined_as_values_of_one_entry_are():
    apart = [{"label": "Creator", "value": name} for name in ("Ann Example", "Bob Example", "Ann Example")]
    together = [{"label": "Creator", "value": ["Ann Example", "Bob Example"]}]
    further = [{"label": "Artist", "value": "Somebody"}]
    for pairs in (apart, together, apart + further):
        assert words_of({"metadata": pairs}) == {"artist": "Ann Example, Bob Example"}
