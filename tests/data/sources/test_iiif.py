"""IIIF documents of both versions, good and bad, modelled on the cookbook of iiif.io and served on loopback."""

import json

import pytest

from artextract_hf.data.fetch import DownloadSettings
from artextract_hf.data.labels import ARTISTS
from artextract_hf.data.schema import SkipList
from artextract_hf.data.sources.collection import load_collection, read_collection
from artextract_hf.data.sources.iiif import read_iiif
from artextract_hf.data.sources.iiif_documents import image_url, parse_manifest
from artextract_hf.data.sources.iiif_words import text_of
from artextract_hf.errors import DataError
from tests.data.sources.iiif_server import IiifServer, jpeg

QUICK = DownloadSettings(
    per_second=1000, timeout_s=2, pause_s=0.01, max_pause_s=0.1, retries=1, allow_private_hosts=True
)


@pytest.fixture
def server():
    server = IiifServer().start()
    yield server
    server.stop()


def canvas_3(server, id_, key, label=None, **body):
    service = [{"id": f"{server}/iiif/{key}", "type": "ImageService3", "profile": "level1"}]
    picture = {"id": f"{server}/iiif/{key}/full/max/0/default.jpg", "type": "Image", "service": service} | body
    annotation = {"type": "Annotation", "motivation": "painting", "body": picture, "target": id_}
    pages = [{"type": "AnnotationPage", "items": [annotation]}]
    return {"id": id_, "type": "Canvas", "items": pages} | ({"label": label} if label else {})


def manifest_3(server, name, canvases=None, **known):
    id_ = f"{server}/{name}.json"
    return {
        "@context": "http://iiif.io/api/presentation/3/context.json",
        "id": id_,
        "type": "Manifest",
        "label": {"de": ["Seerosen"], "en": ["Water Lilies"]},
        "metadata": [
            {"label": {"de": ["Künstler"]}, "value": {"none": ["Claude Monet (1840–1926)"]}},
            {"label": {"en": ["Date"]}, "value": {"en": ["1906–08"]}},
            {"label": {"en": ["Medium"]}, "value": {"en": ["<i>Oil</i> on canvas"]}},
        ],
        "rights": "http://creativecommons.org/publicdomain/zero/1.0/",
        "requiredStatement": {"label": {"en": ["Credit"]}, "value": {"en": ["Gift of <b>A &amp; B</b>"]}},
        "homepage": [{"id": "https://museum.example/1", "type": "Text", "label": {"en": ["Page"]}}],
        "items": canvases if canvases is not None else [canvas_3(server, f"{id_}/canvas/1", name)],
    } | known


def manifest_2(server, name, **known):
    service = {
        "@context": "http://iiif.io/api/image/2/context.json",
        "@id": f"{server}/iiif/{name}",
        "profile": "http://iiif.io/api/image/2/level2.json",
    }
    resource = {"@id": f"{server}/x.jpg", "@type": "dctypes:Image", "width": 90, "height": 60, "service": service}
    canvas = {
        "@id": f"{server}/{name}/canvas",
        "@type": "sc:Canvas",
        "label": "recto",
        "images": [{"resource": resource}],
    }
    return {
        "@context": "http://iiif.io/api/presentation/2/context.json",
        "@id": f"{server}/{name}.json",
        "@type": "sc:Manifest",
        "label": [{"@value": "Le Fils", "@language": "fr"}, {"@value": "The Son", "@language": "en"}],
        "metadata": [{"label": "Artiste", "value": ["Eugène Boudin"]}, {"label": "Date", "value": "1865"}],
        "license": "https://creativecommons.org/licenses/by/4.0/",
        "attribution": "The Museum",
        "sequences": [{"canvases": [canvas]}],
    } | known


def serve(server, **documents):
    server.documents |= {f"/{name}.json": document for name, document in documents.items()}


def test_a_manifest_of_version_3(server, tmp_path):
    serve(server, lilies=manifest_3(server.url, "lilies"))
    skipped = SkipList()
    dataset = read_iiif(f"{server.url}/lilies.json", tmp_path, skipped, settings=QUICK)
    record = dataset[0]
    assert record.pop("image").size == (90, 60)
    assert record == {
        "id": f"{server.url}/lilies.json/canvas/1",
        "style": -1,
        "genre": -1,
        "artist": ARTISTS.index("Claude_Monet"),
        "title": "Water Lilies",
        "artist_name": "Claude Monet",
        "year": 1906,
        "source_url": "https://museum.example/1",
        "license": "http://creativecommons.org/publicdomain/zero/1.0/",
        "credit_line": "Gift of A & B",
        "year_end": 1908,
        "medium": "Oil on canvas",
        "wikidata_id": "",
        "alt_text": "",
    }
    assert not skipped.items
    assert list(server.pictures()) == ["lilies"]


def test_a_manifest_of_version_2(server, tmp_path):
    serve(server, son=manifest_2(server.url, "son"))
    record = read_iiif(f"{server.url}/son.json", tmp_path, SkipList(), settings=QUICK)[0]
    assert (record["title"], record["artist_name"], record["year"]) == ("The Son", "Eugène Boudin", 1865)
    assert (record["license"], record["credit_line"]) == ("https://creativecommons.org/licenses/by/4.0/", "The Museum")
    assert record["source_url"] == f"{server.url}/son.json" and ARTISTS[record["artist"]] == "Eugene_Boudin"
    assert "/iiif/son/full/full/0/default.jpg" in server.asked  # 90 x 60 is not enlarged


@pytest.mark.parametrize(("date", "reason"), [("9" * 20, "is not understood"), ("1890-1875", "lies before the first")])
def test_a_date_that_cannot_be_used_is_listed(server, tmp_path, date, reason):
    pairs = [{"label": "Date", "value": date}]
    serve(server, son=manifest_2(server.url, "son", metadata=pairs))
    skipped = SkipList()
    record = read_iiif(f"{server.url}/son.json", tmp_path, skipped, settings=QUICK)[0]
    assert (record["year"], record["year_end"]) == (None, None)
    (told,) = skipped.items
    assert told.path == record["id"] and reason in told.reason


def test_several_canvases_and_a_choice(server, tmp_path):
    choice = {"type": "Choice", "items": [{"id": f"{server.url}/iiif/natural/full/max/0/default.jpg", "type": "Image"}]}
    canvases = [
        canvas_3(server.url, "c1", "front", {"en": ["front"]}),
        canvas_3(server.url, "c2", "back", {"en": ["back"]}),
        canvas_3(server.url, "c3", "x") | {"items": [{"items": [{"motivation": "painting", "body": choice}]}]},
        {"id": "c4", "type": "Canvas", "items": []},
    ]
    serve(server, many=manifest_3(server.url, "many", canvases))
    skipped = SkipList()
    dataset = read_iiif(f"{server.url}/many.json", tmp_path, skipped, settings=QUICK)
    assert dataset["id"] == ["c1", "c2", "c3"]
    assert dataset["title"] == ["Water Lilies, front", "Water Lilies, back", "Water Lilies"]
    assert [item.path for item in skipped.items] == ["c4"]
    assert set(server.pictures()) == {"front", "back", "natural"}


def test_nested_collections_lose_only_what_is_broken(server, tmp_path):
    url = server.url
    serve(
        server,
        top={
            "id": f"{url}/top.json",
            "type": "Collection",
            "items": [
                {"id": f"{url}/inner.json", "type": "Collection"},
                {"id": f"{url}/lilies.json", "type": "Manifest"},
                {"id": f"{url}/nowhere.json", "type": "Manifest"},
                {"id": f"{url}/text.json", "type": "Manifest"},
                {"id": f"{url}/listed.json", "type": "Manifest"},
                {"id": f"{url}/empty.json", "type": "Manifest"},
                {"id": f"{url}/odd.json", "type": "Manifest"},
                {"id": f"{url}/top.json", "type": "Collection"},
            ],
        },
        inner={
            "@id": f"{url}/inner.json",
            "@type": "sc:Collection",
            "manifests": [{"@id": f"{url}/son.json", "@type": "sc:Manifest"}],
            "collections": [{"@id": f"{url}/top.json", "@type": "sc:Collection"}],
            "members": [{"@id": f"{url}/son.json", "@type": "sc:Manifest"}],
        },
        lilies=manifest_3(url, "lilies"),
        son=manifest_2(url, "son"),
        text=b"<html>not JSON</html>",
        listed=[1, 2],
        empty=manifest_3(url, "empty", []),
        odd=manifest_3(url, "odd", metadata="none", label=7, items="no list", rights=None),
    )
    skipped = SkipList()
    dataset = read_iiif(f"{url}/top.json", tmp_path, skipped, settings=QUICK)
    assert sorted(dataset["title"]) == ["The Son", "Water Lilies"]
    reasons = {item.path.rpartition("/")[2]: item.reason for item in skipped.items}
    assert reasons.keys() == {"nowhere.json", "text.json", "listed.json", "empty.json", "no%20list"}
    assert reasons["no%20list"] == f"this canvas of {url}/odd.json shows no picture"
    assert "404" in reasons["nowhere.json"] and "JSON" in reasons["text.json"] and "canvases" in reasons["empty.json"]


def test_a_paged_collection_is_read_to_its_end(server, tmp_path):
    url = server.url
    pages = {
        f"page{i}": {"@id": f"{url}/page{i}.json", "@type": "sc:Collection", "manifests": [manifest_2(url, f"m{i}")]}
        for i in (1, 2)
    }
    pages["page1"]["next"] = f"{url}/page2.json"
    serve(server, all={"@id": f"{url}/all.json", "@type": "sc:Collection", "first": f"{url}/page1.json"}, **pages)
    assert len(read_iiif(f"{url}/all.json", tmp_path, SkipList(), settings=QUICK)) == 2


def test_a_collection_from_an_address_or_a_file_is_a_collection_as_any(server, tmp_path):
    serve(server, lilies=manifest_3(server.url, "lilies"))
    options = {"images_dir": tmp_path / "images", "allow_private_hosts": True}
    assert len(load_collection(f"{server.url}/lilies.json", **options)) == 1
    (tmp_path / "own.json").write_text(json.dumps(manifest_3(server.url, "own")), encoding="utf-8")
    assert len(read_collection(tmp_path / "own.json", SkipList(), **options)) == 1


def test_canvases_that_share_a_picture_share_its_file(server, tmp_path):
    canvases = [canvas_3(server.url, f"c{number}", "shared") for number in range(40)]
    serve(server, many=manifest_3(server.url, "many", canvases))
    skipped = SkipList()
    dataset = read_iiif(f"{server.url}/many.json", tmp_path, skipped, settings=QUICK)
    assert len(dataset) == 40 and not skipped.items
    assert server.pictures() == {"shared": 1}


def test_a_size_that_a_server_refuses_is_not_the_end(server, tmp_path):
    """A static service, and two that give no larger picture than they have or want to give."""
    own = {
        f"/{name}/full/{size}/0/default.jpg": jpeg(name) for name, size in (("a", "200,"), ("b", "full"), ("c", "max"))
    }
    server.documents |= own
    canvases = []
    for name, profile, size in (("a", "level0", "200,"), ("b", "level2", "full"), ("c", "level2", "800,")):
        service = [{"id": f"{server.url}/{name}", "type": "ImageService3", "profile": profile}]
        picture = {"id": f"{server.url}/{name}/full/{size}/0/default.jpg", "type": "Image", "service": service}
        annotation = {"motivation": "painting", "body": picture}
        canvases.append({"id": name, "type": "Canvas", "items": [{"items": [annotation]}]})
    serve(server, m=manifest_3(server.url, "m", canvases))
    skipped = SkipList()
    for _ in range(2):
        assert read_iiif(f"{server.url}/m.json", tmp_path, skipped, settings=QUICK)["id"] == ["a", "b", "c"]
        assert not skipped.items
        assert all(server.asked[path] == 1 for path in own)  # the second time they are there
    assert server.asked["/a/full/!1024,1024/0/default.jpg"] == 0


def test_pages_do_not_count_as_depth(server, tmp_path):
    url = server.url
    pages = {
        f"p{i}": {"@id": f"{url}/p{i}.json", "@type": "sc:Collection", "next": f"{url}/p{i + 1}.json"}
        for i in range(30)
    }
    serve(server, **pages, p30=manifest_2(url, "p30"))
    assert len(read_iiif(f"{url}/p0.json", tmp_path, SkipList(), settings=QUICK)) == 1


def test_a_collection_without_end_comes_to_one(server, tmp_path, monkeypatch):
    url = server.url
    pages = {
        f"p{i}": {"@id": f"{url}/p{i}.json", "@type": "sc:Collection", "next": f"{url}/p{i + 1}.json",
                  "manifests": [manifest_2(url, f"m{i}") | {"@id": f"{url}/m{i}"}]} for i in range(30)
    }  # fmt: skip
    for limit, value in (("MAX_DOCUMENTS", 9), ("MAX_CANVASES", 4)):
        with monkeypatch.context() as patch:
            patch.setattr(f"artextract_hf.data.sources.iiif.{limit}", value)
            serve(server, **pages)
            skipped = SkipList()
            assert len(read_iiif(f"{url}/p0.json", tmp_path, skipped, settings=QUICK)) == 4
            assert f"at most {value}" in skipped.items[-1].reason or "4 canvases are read" in skipped.items[-1].reason


def test_hostile_members_are_listed_and_nothing_else_is_read(server, tmp_path):
    secret = tmp_path / "secret.json"
    secret.write_text(json.dumps(manifest_3(server.url, "secret")), encoding="utf-8")
    url, names = server.url, [str(secret), f"file://{secret}", "ftp://127.0.0.1/x", "http://[x", "http://127.0.0.1:0/"]
    names += ["http://me:password@[x/", "\x1b[2J", "\ud800", "http://127.0.0.1:9/"]
    deep = {"id": f"{url}/deep", "type": "Manifest", "items": [canvas_3(url, "d", "d")], "label": []}
    for _ in range(500):
        deep["label"] = [deep["label"]]
    odd = [
        {"id": f"{url}/number", "type": "Manifest", "items": [{"items": [{"items": [{"body": {"service": 7}}]}]}]},
        {"id": f"{url}/words", "type": "Manifest", "items": 7},
        {"id": f"{url}/label", "type": "Manifest", "items": [canvas_3(url, "l", "l")], "metadata": [7, {"label": {}}]},
        {"type": "Manifest", "items": []},
        {"type": "Manifest"},
    ]
    members = [{"id": name, "type": "Manifest"} for name in names]
    top = {"id": f"{url}/top.json", "type": "Collection", "items": [*members, deep, *odd]}
    (tmp_path / "top.json").write_text(json.dumps(top), encoding="utf-8")
    serve(server, top=top)
    for source in (f"{url}/top.json", tmp_path / "top.json"):
        skipped = SkipList()
        dataset = read_iiif(source, tmp_path / "images", skipped, settings=QUICK)
        assert set(dataset["id"]) <= {"d", "l"} and "l" in dataset["id"]
        listed = str(skipped.as_json())
        assert len(skipped.items) >= len(names) and "password" not in listed and "\x1b" not in listed
    assert set(server.pictures()) <= {"d", "l"}


@pytest.mark.parametrize("key", ["first", "next", "items"])
@pytest.mark.parametrize("as_object", [False, True])
def test_a_document_of_this_machine_names_no_other_of_it(server, tmp_path, monkeypatch, key, as_object):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "private.json").write_text(json.dumps(manifest_3(server.url, "private")), encoding="utf-8")
    for name in (str(tmp_path / "private.json"), "private.json"):
        named = {"id": name, "type": "CollectionPage"} if as_object or key == "items" else name
        top = {"id": "top", "type": "Collection", "items": [manifest_3(server.url, "own")]}
        top[key] = [*top["items"], named] if key == "items" else named
        (tmp_path / "top.json").write_text(json.dumps(top), encoding="utf-8")
        skipped = SkipList()
        assert len(read_iiif(tmp_path / "top.json", tmp_path / "images", skipped, settings=QUICK)) == 1
        assert [item.reason for item in skipped.items] == ["is no address and no file"]
    assert set(server.pictures()) == {"own"}


def test_private_hosts_are_refused_behind_a_public_document(server, tmp_path):
    """The document is on this machine; its pictures and members are where only this machine can ask."""
    serve(server, inside=manifest_3(server.url, "inside"))
    document = {"id": "top", "type": "Collection", "items": [{"id": f"{server.url}/inside.json", "type": "Manifest"},
                                                             manifest_3(server.url, "m")]}  # fmt: skip
    (tmp_path / "top.json").write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(DataError, match=r"2 were left out.*private network"):
        read_iiif(tmp_path / "top.json", tmp_path, SkipList())
    assert not server.asked


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (b"no JSON", "no JSON"),
        ([], "list or value"),
        ({"type": "Canvas"}, "is no manifest"),
        ({"type": "Manifest"}, "canvases"),
    ],
)
def test_a_source_that_cannot_be_read_is_one_clear_error(server, tmp_path, document, message):
    serve(server, bad=document)
    with pytest.raises(DataError, match=message):
        read_iiif(f"{server.url}/bad.json", tmp_path, SkipList(), settings=QUICK)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        (["a", "b"], "a, b"),
        ({"@value": "x", "@language": "fr"}, "x"),
        ([{"@value": "un", "@language": "fr"}, {"@value": "one", "@language": "en-GB"}], "one"),
        ({"fr": ["un"], "en": ["one", "two"]}, "one, two"),
        ({"none": ["7"]}, "7"),
        ({"ja": ["一"]}, "一"),
        ("<p>A <b>bold</b>&nbsp;&amp; true</p>", "A bold & true"),
        (None, ""),
        (7, "7"),
        ({}, ""),
        ([None, {"x": None}], ""),
    ],
)
def test_texts_of_both_versions(value, text):
    assert text_of(value) == text


@pytest.mark.parametrize(
    ("version", "size", "asked"),
    [
        (2, None, "!500,500"),
        (3, None, "!500,500"),
        (2, (400, 300), "full"),
        (3, (400, 300), "max"),
        (3, (900, 300), "!500,500"),
    ],
)
def test_image_addresses(version, size, asked):
    address = image_url("https://m.example/i/1/", version=version, side=500, size=size)
    assert address == f"https://m.example/i/1/full/{asked}/0/default.jpg"


def test_parsing_is_pure():
    document = manifest_3("https://m.example", "a")
    before = json.dumps(document)
    first, again = (parse_manifest(document, side=500, skipped=SkipList()) for _ in range(2))
    assert first == again and json.dumps(document) == before
