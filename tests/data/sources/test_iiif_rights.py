"""Rights that documents of IIIF state, in whatever property; parsed without a network."""

import pytest

from artextract_hf.data.schema import SkipList
from artextract_hf.data.sources.iiif_documents import parse_manifest
from tests.data.sources.test_iiif_documents import image, manifest_2, manifest_3, service

CC0, INC = "http://creativecommons.org/publicdomain/zero/1.0/", "http://rightsstatements.org/vocab/InC/1.0/"
RESERVED = "(c) Ann Example, all rights reserved"


def words(*pairs, key="metadata"):
    return {key: [{"label": {"en": [label]}, "value": {"en": [value]}} for label, value in pairs]}


def licenses(body=None, canvas=None, **known):
    """What a manifest of either version comes to that says `known`, with a canvas and a picture that say more."""
    found = []
    for key, document in (("items", manifest_3(image(**body or {}), **known)),
                          ("canvases", manifest_2(image(**body or {}), **known))):  # fmt: skip
        (document if key == "items" else document["sequences"][0])[key][0].update(canvas or {})
        found += [c.license for c in parse_manifest(document, side=500, skipped=SkipList())]
    return found


@pytest.mark.parametrize("key", ["rights", "license"])
@pytest.mark.parametrize(
    ("more", "license"),
    [
        ({}, CC0),
        ({"canvas": {"rights": INC}}, INC),
        ({"canvas": {"license": INC}}, INC),
        ({"body": {"rights": INC}}, INC),
        ({"body": {"license": INC}}, INC),
        ({"body": {"service": service(license=INC)}}, INC),
        ({"canvas": words(("License", "In copyright"))}, "In copyright"),
        ({"canvas": {"attribution": RESERVED}}, RESERVED),
        (words(("Rights", "In copyright")), "In copyright"),
        (words(("License", "CC0"), ("Rights", "In copyright")), "In copyright"),
        (words(("Rights", "CC0"), ("Rights", "In copyright")), "In copyright"),
        (words(("Credit line", RESERVED)), RESERVED),
        (words(("Rights", RESERVED), key="requiredStatement"), RESERVED),
        (words(("Credit", RESERVED), key="requiredStatement"), RESERVED),
        ({"attribution": RESERVED}, RESERVED),
        ({"attribution": {"en": ["The Museum"], "de": [RESERVED]}}, RESERVED),
        ({"attribution": "Courtesy National Gallery of Art, Washington"}, CC0),
        (words(("Credit", "Gift of Ann Example"), key="requiredStatement"), CC0),
        (words(("Rights", "Public Domain"), ("Object type", "Painting")), CC0),
        (words(("Rights holder", "Ann")), "rights holder: Ann"),
        (words(("Rights", "CC BY 4.0"), ("Rights holder", "Ann")), "rights holder: Ann"),
        (words(("Rights holder", "none")), CC0),
        ({"attribution": "無断転載を禁じます"}, "無断転載を禁じます"),
        ({"description": "This picture may not be reproduced."}, "This picture may not be reproduced."),
        (words(("Prawa", "zastrzeżone")), "zastrzeżone"),
        (words(("Conditions of use", "Ask first")), "Ask first"),
        (words(("Reuse", "Forbidden")), "reuse: Forbidden"),
    ],
)
def test_a_picture_is_open_where_all_that_is_stated_nearest_to_it_is(key, more, license):
    assert licenses(**{key: CC0} | more) == [license] * 2


SAID = {"en": ["M"], "de": [RESERVED]}
AGENT = {"id": "https://m.example/", "type": "Agent"}
NOTE = {
    "type": "AnnotationPage",
    "items": [{"motivation": "commenting", "body": {"type": "TextualBody", "value": RESERVED}}],
}


@pytest.mark.parametrize("place", ["manifest", "canvas"])
@pytest.mark.parametrize(
    "said",
    [
        {"label": SAID},
        {"label": {"id": [RESERVED]}},
        {"metadata": [{"label": "Note", "value": {"en": [RESERVED]}}]},
        {"provider": [AGENT | {"label": SAID}]},
        {"provider": [AGENT | {"homepage": [{"id": "https://m.example/h", "label": SAID}]}]},
        {"provider": [AGENT | {"seeAlso": [{"id": "https://m.example/h", "label": SAID}]}]},
        {"homepage": [{"id": "https://m.example/h", "label": SAID}]},
        {"related": {"@id": "https://m.example/h", "label": RESERVED}},
        {"seeAlso": [{"id": "https://m.example/h", "label": SAID}]},
        {"rendering": {"id": "https://m.example/pdf", "label": SAID}},
        {"partOf": [{"id": "https://m.example/all", "label": SAID}]},
        {"within": {"@id": "https://m.example/all", "label": [{"@value": RESERVED, "@language": "en"}]}},
        {"within": RESERVED},
        {"logo": {"id": "https://m.example/logo.png", "rights": RESERVED}},
        {"thumbnail": [{"id": "https://m.example/small.jpg", "attribution": RESERVED}]},
        {"placeholderCanvas": {"type": "Canvas", "label": SAID}},
        {"accompanyingCanvas": {"type": "Canvas", "requiredStatement": {"label": "Credit", "value": SAID}}},
        {"annotations": [NOTE]},
        {"otherContent": [{"resources": [{"resource": {"chars": RESERVED}}]}]},
        {"structures": [{"type": "Range", "label": "I", "items": [{"type": "Range", "summary": SAID}]}]},
        {"structures": [{"type": "Range", "label": "Copyright", "items": [{"type": "Range", "label": SAID}]}]},
        {"structures": [{"type": "Range", "label": "Copyright", "rights": INC}]},
        {"structures": [{"@type": "sc:Range", "attribution": RESERVED, "canvases": ["https://m.example/c"]}]},
        {"service": [{"@id": "https://m.example/login", "profile": "login", "description": RESERVED}]},
        {"services": [{"id": "https://m.example/login", "type": "AuthCookieService1", "label": RESERVED}]},
        {"behavior": [[RESERVED]]},
        {"logo": {"id": "https://m.example/logo.png", "license": INC}},
    ],
)
def test_words_on_rights_in_any_property_count(said, place):
    found = licenses(license=CC0, canvas=said if place == "canvas" else {}, **({} if place == "canvas" else said))
    assert found in ([RESERVED] * 2, [INC] * 2)


@pytest.mark.parametrize(
    "said",
    [
        {"homepage": [{"id": "https://m.example/copyright", "label": "The Museum"}]},
        {"seeAlso": "https://m.example/copyright.html"},
        {"metadata": [{"label": "Copyright status", "value": "Public domain"}]},
        {"metadata": [{"label": "Website", "value": "https://m.example/copyright"}]},
        {"provider": [AGENT | {"label": "The Museum", "rights": CC0}]},
        {"structures": [{"type": "Range", "label": "Chapter I"}]},
        {"structures": [{"type": "Range", "label": {"en": ["Copyright"], "de": ["Urheber"]}}]},
        {
            "structures": [
                {"type": "Range", "label": "I", "items": [{"type": "Range", "label": {"en": ["Copyright page"]}}]}
            ]
        },
        {"structures": [{"@type": "sc:Range", "label": "Copyright", "ranges": ["https://m.example/r"]}]},
        {
            "structures": [
                {"@type": "sc:Range", "ranges": [{"@type": "sc:Range", "label": [{"@value": "Copyright notice"}]}]}
            ]
        },
    ],
)
def test_addresses_and_labels_of_pairs_are_no_claims(said):
    assert licenses(license=CC0, **said) == [CC0] * 2


@pytest.mark.parametrize(
    "label", ["\u00a9 Ann Example", "Copyright 2020 Ann", "Copyright by Ann", "(c) Ann", "CC BY-NC 4.0"]
)
def test_a_chapter_that_claims_more_than_its_name_counts(label):
    assert licenses(license=CC0, structures=[{"type": "Range", "label": {"en": [label]}}]) == [label] * 2


def test_open_rights_of_something_else_open_no_picture():
    assert (
        licenses(provider=[AGENT | {"rights": CC0}], seeAlso=[{"id": "https://m.example/h", "license": CC0}])
        == [""] * 2
    )


def test_what_is_said_of_a_canvas_counts_before_what_is_said_of_all():
    assert licenses(rights=INC, canvas={"rights": CC0}) == [CC0] * 2
    assert licenses(rights=[CC0, INC]) == licenses(rights={"en": ["CC0"], "de": [INC]}, license=INC) == [INC] * 2
    assert licenses(rights=[CC0, "CC BY 4.0"]) == [CC0] * 2 and licenses(rights=None) == [""] * 2
    choice = {"type": "Choice", "items": [image(rights=INC), image(id="https://m.example/other.jpg")]}
    part = {"type": "SpecificResource", "source": image(), "rights": INC}
    for body in (choice, part):
        (canvas,) = parse_manifest(manifest_3(body, rights=CC0), side=500, skipped=SkipList())
        assert canvas.license == INC
