"""Shapes of manifests that museums publish, and texts that are made to take long; parsed without a network."""

import time

import pytest

from artextract_hf.data.schema import SkipList
from artextract_hf.data.sources.iiif_documents import parse_document, parse_manifest
from artextract_hf.data.sources.iiif_words import text_of
from artextract_hf.data.words.fields import artist_as_printed
from artextract_hf.errors import DataError

OWN = "https://m.example/own.jpg"
BASE = "https://m.example/i/1"
NO_PICTURE = "this canvas of https://m.example/m.json shows no picture"
LOGIN = {"@context": "http://iiif.io/api/auth/1/context.json", "@id": "https://m.example/login", "profile": "login"}


def service(version=2, level="level2", **known):
    if version == 3:
        return {"id": BASE, "type": "ImageService3", "profile": level} | known
    context = f"http://iiif.io/api/image/{version}/context.json"
    return {"@context": context, "@id": BASE, "profile": f"http://iiif.io/api/image/{version}/{level}.json"} | known


def image(service=None, **known):
    return {"id": OWN, "type": "Image"} | ({"service": service} if service else {}) | known


def manifest_3(*bodies, motivation="painting", **known):
    annotations = [{"type": "Annotation", "motivation": motivation, "body": body} for body in bodies]
    canvas = {"id": "https://m.example/c", "type": "Canvas", "items": [{"items": annotations}]}
    return {"id": "https://m.example/m.json", "type": "Manifest", "label": "Title", "items": [canvas]} | known


def manifest_2(*bodies, **known):
    canvas = {"@id": "https://m.example/c", "images": [{"resource": body} for body in bodies]}
    return {"@id": "https://m.example/m.json", "@type": "sc:Manifest", "sequences": [{"canvases": [canvas]}]} | known


def pictures(*bodies, **known):
    """The addresses of the pictures of a manifest of version 3, and what was skipped."""
    skipped = SkipList()
    canvases = parse_manifest(manifest_3(*bodies, **known), side=500, skipped=skipped)
    return [canvas.images for canvas in canvases], [item.reason for item in skipped.items]


def request(size, quality="default"):
    return f"{BASE}/full/{size}/0/{quality}.jpg"


@pytest.mark.parametrize("motivation", ["oa:commenting", ["oa:linking"]])
def test_what_does_not_paint_is_no_painting_in_version_2(motivation):
    document = manifest_2(image(), image(id="https://m.example/note.jpg"))
    document["sequences"][0]["canvases"][0]["images"][1]["motivation"] = motivation
    (canvas,) = parse_manifest(document, side=500, skipped=SkipList())
    assert canvas.images == (OWN,)


@pytest.mark.parametrize(
    ("body", "addresses"),
    [
        (image(), (OWN,)),
        (OWN, (OWN,)),
        (image(service()), (request("!500,500"), OWN, request("max"))),
        (image(service(), width=400, height=300), (request("full"), OWN, request("max"))),
        (image(service(3), width=400, height=300), (request("max"), OWN)),
        (image(service(level="level0")), (OWN, request("!500,500"), request("max"))),
        (image(service(3, "level0")), (OWN, request("!500,500"), request("max"))),
        (image(service(3, maxWidth=300)), (request("!300,300"), OWN, request("max"))),
        (image(service(profile=["http://iiif.io/api/image/2/level1.json", {"maxWidth": 400}])),
         (request("!400,400"), OWN, request("max"))),
        (image(service(1)), (request("!500,500", "native"), OWN, request("full", "native"))),
        (image(service(profile="http://library.stanford.edu/iiif/image-api/1.1/compliance.html#level1")
               | {"@context": "http://library.stanford.edu/iiif/image-api/1.1/context.json"}),
         (request("!500,500", "native"), OWN, request("full", "native"))),
        (image([LOGIN, service()]), (request("!500,500"), OWN, request("max"))),
        (image([LOGIN, {"@id": BASE}]), (request("!500,500"), OWN, request("max"))),
        (image(LOGIN), (OWN,)),
        ({"@id": OWN, "@type": "http://purl.org/dc/dcmitype/Image"}, (OWN,)),
        ({"id": OWN, "type": ["Image"]}, (OWN,)),
        ({"type": "SpecificResource", "id": "https://m.example/x", "source": image()}, (OWN,)),
        ({"type": "SpecificResource", "source": [image()]}, (OWN,)),
        ({"type": "SpecificResource", "source": OWN}, (OWN,)),
        ({"@type": "oa:SpecificResource", "@id": "https://m.example/x", "full": image()}, (OWN,)),
        ({"type": "Choice", "items": [{"type": "SpecificResource", "source": image()}]}, (OWN,)),
        ({"@type": "oa:Choice", "default": image(), "item": []}, (OWN,)),
    ],
)  # fmt: skip
def test_the_addresses_of_a_picture(body, addresses):
    assert pictures(body) == ([addresses], [])
    (canvas,) = parse_manifest(manifest_2(body), side=500, skipped=SkipList())
    assert canvas.images == addresses


def part(selector, source=None, **known):
    return {"type": "SpecificResource", "source": source or image(service()), "selector": selector} | known


def part_request(region, size="!500,500", rotation="0"):
    return f"{BASE}/{region}/{size}/{rotation}/default.jpg"


def by_api(**asked):
    return {"type": "ImageApiSelector"} | asked


SMALL = part_request("0,0,10,10", "full"), part_request("0,0,10,10", "max")


@pytest.mark.parametrize(
    ("body", "addresses"),
    [
        (part(by_api(region="0,0,10,10")), SMALL),
        (part([by_api(region="0,0,10,10", rotation="0")]), SMALL),
        ({"@type": "oa:SpecificResource", "full": image(service()),
          "selector": {"@type": "iiif:ImageApiSelector", "region": "0,0,10,10"}}, SMALL),
        ({"@type": "oa:Choice", "default": part(by_api(region="0,0,10,10")), "item": []}, SMALL),
        (part(by_api(region="pct:10,10,50,50", rotation="90")),
         (part_request("pct:10,10,50,50", rotation="90"), part_request("pct:10,10,50,50", "max", "90"))),
        (part(by_api(rotation="180"), image(service(3))),
         (part_request("full", rotation="180"), part_request("full", "max", "180"))),
        (part(by_api(size="100,", rotation="0")), (request("!500,500"), OWN, request("max"))),
        (part(None), (request("!500,500"), OWN, request("max"))),
        (image(service(), id=part_request("5,5,900,900", "100,")),
         (part_request("5,5,900,900"), part_request("5,5,900,900", "100,"), part_request("5,5,900,900", "max"))),
        (image(service(level="level0"), id=part_request("5,5,900,900", "100,")),
         (part_request("5,5,900,900", "100,"),)),
    ],
)  # fmt: skip
def test_of_a_picture_the_part_is_asked_for_that_is_shown(body, addresses):
    assert pictures(body) == ([addresses], [])
    (canvas,) = parse_manifest(manifest_2(body), side=500, skipped=SkipList())
    assert canvas.images == addresses


@pytest.mark.parametrize(
    "body",
    [
        part(by_api(region="0,0,10,10"), image()),
        part(by_api(rotation="90"), image(service(level="level0"))),
        part(by_api(region="0,0,../10,10")),
        part(by_api(region=[0, 0, 10, 10])),
        part(by_api(rotation="x")),
        part({"type": "FragmentSelector", "value": "xywh=0,0,10,10"}),
        part({"type": "SvgSelector", "value": "<svg/>"}),
        part({"type": "PointSelector", "x": 1, "y": 2}),
        part([by_api(region="0,0,10,10"), by_api(rotation="90")]),
        part("x"),
        part(by_api(region="0,0,10,10"), part(by_api(region="0,0,10,10"))),
        image(service(), id=f"{OWN}#xywh=0,0,10,10"),
        f"{OWN}#xywh=percent:0,0,10,10",
        f"{OWN}#t=1&xywh=0,0,10,10",
        {"@type": "oa:Choice", "default": part({"@type": "oa:SvgSelector"}), "item": []},
    ],
)
def test_a_part_that_no_address_gives_is_left_out_and_listed(body):
    found, (part, nothing) = pictures(body)
    assert found == [] and nothing == NO_PICTURE
    assert part.startswith("shows a part of https://m.example/") and part.endswith(
        "cannot be asked for, and is left out"
    )
    skipped = SkipList()
    assert parse_manifest(manifest_2(body), side=500, skipped=skipped) == [] and len(skipped.items) == 2


def test_a_picture_in_a_part_of_a_canvas_is_whole():
    second, third = manifest_2(image()), manifest_3(image())
    second["sequences"][0]["canvases"][0]["images"][0]["on"] = "https://m.example/c#xywh=0,0,10,10"
    third["items"][0]["items"][0]["items"][0]["target"] = "https://m.example/c#xywh=0,0,10,10"
    for manifest in (second, third):
        (canvas,) = parse_manifest(manifest, side=500, skipped=SkipList())
        assert canvas.images == (OWN,)


@pytest.mark.parametrize("body", [{"type": "TextualBody", "value": "x"}, {"id": OWN, "type": "Video"}, 7, None, [], {}])
def test_what_is_no_picture_is_listed(body):
    assert pictures(body) == ([], [NO_PICTURE])


@pytest.mark.parametrize("motivation", ["painting", ["painting"], ["x", "sc:painting"], "http://iiif.io/api#painting"])
def test_a_motivation_may_be_a_list(motivation):
    assert pictures(image(), motivation=motivation)[0] == [(OWN,)]


def test_a_note_about_a_picture_is_not_painted():
    assert pictures(image(), motivation="commenting") == ([], [NO_PICTURE])


@pytest.mark.parametrize("uri", ["https://m.example/a", "urn:uuid:7", "x"])
def test_annotations_by_their_address_are_listed_beside_those_that_are_there(uri):
    second, third = manifest_2(image()), manifest_3(image())
    second["sequences"][0]["canvases"][0]["images"] += [uri, {"@id": uri, "motivation": "sc:painting"}]
    page = third["items"][0]["items"][0]
    page["items"] += [
        [uri],
        {"id": uri, "type": "Annotation"},
        {"id": "https://m.example/note", "motivation": "commenting"},
    ]
    for manifest in (second, third):
        skipped = SkipList()
        assert len(parse_manifest(manifest, side=500, skipped=skipped)) == 1
        assert [(item.path, item.reason.split(" by ")[0]) for item in skipped.items] == [
            (uri, "is an annotation of https://m.example/c")
        ] * 2
    third["items"][0]["items"] += [uri]
    skipped = SkipList()
    parse_manifest(third, side=500, skipped=skipped)
    assert (uri, "is a page of https://m.example/c by its address only, which is not read") in [
        (item.path, item.reason) for item in skipped.items
    ]


@pytest.mark.parametrize(("name", "path"), [("x", "x"), ("no scheme", "no%20scheme"), (7, ""), (False, "")])
def test_what_stands_in_place_of_a_canvas_or_of_a_part_of_it_is_listed(name, path):
    second, third = manifest_2(image()), manifest_3(image())
    second["sequences"] += [name]
    second["sequences"][0]["canvases"] += [[name]]
    second["sequences"][0]["canvases"][0]["images"] += [name, None]
    third["items"] += [name, None]
    third["items"][0]["items"] += [name]
    third["items"][0]["items"][0]["items"] += [name]
    whole, canvas = "https://m.example/m.json", "https://m.example/c"
    part, missing = (path or canvas), (path or f"{whole}#canvas-2", NO_PICTURE)
    annotation = (part, f"is an annotation of {canvas} by its address only, which is not read")
    page = (part, f"is a page of {canvas} by its address only, which is not read")
    sequence = (path or whole, "this sequence holds no canvas, or its address only")
    for manifest, expected in ((second, [sequence, annotation, missing]), (third, [annotation, page, missing])):
        skipped = SkipList()
        assert len(parse_manifest(manifest, side=500, skipped=skipped)) == 1
        assert [(item.path, item.reason) for item in skipped.items] == expected


def test_every_picture_of_a_canvas_is_one(other="https://m.example/other.jpg"):
    skipped = SkipList()
    bodies = (image(), image(id=other), image())
    for manifest in (manifest_3(*bodies), manifest_3(list(bodies)), manifest_2(*bodies)):
        canvases = parse_manifest(manifest, side=500, skipped=skipped)
        assert [canvas.images for canvas in canvases] == [(OWN,), (other,)]
        assert [canvas.id for canvas in canvases] == ["https://m.example/c", "https://m.example/c#picture-2"]
    assert not skipped.items
    assert pictures({"type": "Choice", "items": [image(), image(id=other)]}) == (
        [(OWN,)], ["another view of what https://m.example/c shows; the first counts"],
    )  # fmt: skip


def about(*pairs):
    metadata = [{"label": label, "value": value} for label, value in pairs]
    (canvas,) = parse_manifest(manifest_3(image(), metadata=metadata), side=500, skipped=SkipList())
    return canvas.artist, canvas.date


@pytest.mark.parametrize(
    "label",
    ["Artist", "Artist / Maker", "Artist/Maker", "Artist(s)", "Creators", "Creator:", "Künstler/in", "Maker(s) ",
     "Artist & Publisher", "Painter or Workshop", {"en": ["Artist, Designer"]}, "KÜNSTLER*IN"],
)  # fmt: skip
def test_labels_of_an_artist(label):
    assert about((label, "Ann Example")) == ("Ann Example", "")


@pytest.mark.parametrize("label", ["Date", "Date(s)", "Date of creation", "Object Date", "Date / Period", "Dates:"])
def test_labels_of_a_date(label):
    assert about((label, "1888")) == ("", "1888")


def test_an_exact_label_goes_before_a_compound_one():
    assert about(("Artist / Role", "painter"), ("Artist", "Ann Example")) == ("Ann Example", "")


@pytest.mark.parametrize(
    ("value", "artist"),
    [
        ("Ann Example\nAmerican, 1845-1921", "Ann Example"),
        ("Ann Example<br/>American, 1845-1921", "Ann Example"),
        ("<p>Ann Example</p><p>born 1845</p>", "Ann Example"),
        ("Ann Example (American, 1845-1921)", "Ann Example"),
        ("Ann\tExample\nBob Example", "Ann Example, Bob Example"),
        (["Ann Example\n1845-1921", "Bob Example"], "Ann Example, Bob Example"),
        ({"en": ["Ann Example\n1845-1921"]}, "Ann Example"),
        ("", ""),
        ("\n", ""),
    ],
)
def test_life_dates_on_a_line_of_their_own_are_not_of_the_name(value, artist):
    assert about(("Artist", value)) == (artist, "")


@pytest.mark.parametrize(
    "text", ["<" * 200_000, "<a" * 100_000, "(" * 200_000, "(1" * 100_000, "(" + "1" * 200_000, "&#" + "1" * 200_000,
             "no known " * 30_000, "no" + " known" * 40_000, "&" * 200_000, "<br" * 70_000, "\n" * 200_000]
)  # fmt: skip
def test_no_text_takes_long(text):
    start = time.process_time()
    text_of({"en": [text]})
    artist_as_printed(text)
    about((text, text), ("Artist", text), ("Date", "1888"), ("Rights", text), ("Credit", text))
    assert time.process_time() - start < 2


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b"7", b"\xff\xfe\x00", b'{"a":' * 100_000, b"[" * 100_000, b'{"a": ' + b"9" * 5000 + b"}"],
)
def test_what_is_no_document_is_a_data_error(data):
    with pytest.raises(DataError):
        parse_document(data)


def test_a_document_of_any_size_is_not_parsed():
    with pytest.raises(DataError, match="larger than 20 MB"):
        parse_document(b"{" + b" " * 20_000_000 + b"}")


def test_halves_of_characters_are_replaced():
    document = parse_document(
        rb'{"id": "https://m.example/\ud800", "type": "Manifest", "label": "A\udfff", "items": []}'
    )
    document["items"] = manifest_3(image(id="https://m.example/\ud800.jpg"))["items"]
    (canvas,) = parse_manifest(document, side=500, skipped=SkipList())
    assert f"{canvas}".encode() and canvas.title == "A?"
