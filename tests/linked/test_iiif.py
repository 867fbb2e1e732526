"""A collection as IIIF: documents as the specification demands, pictures of the stated size, and true neighbours."""

import copy
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from artextract_hf.data.schema import SkipList
from artextract_hf.errors import ArtExtractError, DataError
from artextract_hf.linked import box_annotation, file_name, rights_address, search_manifest, write_iiif, write_search
from artextract_hf.retrieval.box import Box
from artextract_hf.retrieval.snapshot import Hit
from tests.conftest import plain_picture
from tests.linked.conftest import BASE, EVIL
from tests.linked.presentation_3 import violations


def document(export, id_: str, name: str = "manifest.json") -> dict:
    return json.loads((export.folder / "works" / file_name(id_) / name).read_text(encoding="utf-8"))


def test_every_document_is_as_the_specification_demands(export):
    paths = [export.folder / "collection.json", *export.folder.glob("works/*/manifest.json")]
    paths += export.folder.glob("works/*/similar.json")
    assert len(paths) == 9
    found = {path.name: violations(json.loads(path.read_text(encoding="utf-8"))) for path in paths}
    assert not any(found.values()), found


@pytest.mark.parametrize(
    ("planted", "said"),
    [
        (lambda m: m.update({"@context": "x"}), "no context"),
        (lambda m: m.update(label="Poppies"), "no language map"),
        (lambda m: m.update(rights="CC0"), "no address of a licence"),
        (lambda m: m.update(rights="https://creativecommons.org/licenses/by/4.0/"), "no address of a licence"),
        (lambda m: m.update(navDate="1873"), "no date"),
        (lambda m: m.update(homepage=[{"id": "javascript:x", "type": "Text", "label": {"en": ["x"]}}]), "homepage"),
        (lambda m: m["items"][0].update(width="320"), "no size"),
        (lambda m: m["items"][0]["items"][0]["items"][0].update(target="http://elsewhere"), "no canvas of it"),
        (lambda m: m["items"].append(m["items"][0]), "used twice"),
        (lambda m: m.pop("items"), "has no items"),
    ],
)
def test_the_check_finds_what_is_wrong(export, planted, said):
    manifest = copy.deepcopy(document(export, "museum:Poppies 1.jpg"))
    planted(manifest)
    assert any(said in violation for violation in violations(manifest))


def test_a_manifest_says_what_the_record_says(export):
    manifest = document(export, "museum:Poppies 1.jpg")
    assert manifest["id"].startswith(f"{BASE}/works/museum-poppies-1-jpg-") and manifest["label"] == {
        "none": ["Poppies"]
    }
    told = {pair["label"]["en"][0]: pair["value"]["none"][0] for pair in manifest["metadata"]}
    assert told == {
        "Title": "Poppies", "Artist": "Claude Monet", "Date": "1873", "Medium": "oil on canvas",
        "Style": "Impressionism", "Genre": "Landscape", "Licence": "CC BY-SA 4.0",
        "Wikidata": "http://www.wikidata.org/entity/Q1234", "Identifier": "museum:Poppies 1.jpg",
    }  # fmt: skip
    assert manifest["requiredStatement"]["value"] == {"none": ["Gift of Ann Example"]}
    assert manifest["rights"] == "http://creativecommons.org/licenses/by-sa/4.0/"
    assert manifest["homepage"][0]["id"] == "https://museum.example/works/1"
    assert manifest["navDate"] == "1873-01-01T00:00:00Z" and manifest["summary"] == {"none": ["A field of poppies"]}


def test_a_date_of_several_years_is_no_point_in_time(export):
    several, open_end = document(export, "range"), document(export, "open end")
    told = {pair["label"]["en"][0]: pair["value"]["none"][0] for pair in several["metadata"]}
    assert told["Date"] == "1897\u20131926" and "navDate" not in several and "navDate" not in open_end


def test_hostile_words_stay_words(export):
    manifest, path = document(export, EVIL), export.folder / "works" / file_name(EVIL)
    assert not {"homepage", "rights"} & manifest.keys()
    assert path.resolve().is_relative_to(export.folder.resolve())
    shown = [pair["value"]["none"][0] for pair in manifest["metadata"]]
    shown += [manifest["requiredStatement"]["value"]["none"][0], manifest["summary"]["none"][0]]
    assert EVIL.strip() in map(str.strip, shown)
    assert not any(text.startswith("<") and text.endswith(">") for text in shown)  # else it would be HTML
    notes = [
        body["value"]
        for other in export.folder.glob("works/*/similar.json")
        for link in json.loads(other.read_text(encoding="utf-8"))["items"]
        for body in link["body"]
        if body["type"] == "TextualBody"
    ]
    assert any("&lt;script" in note for note in notes) and not any(
        "<script" in note or "<img" in note for note in notes
    )


def test_pictures_have_the_size_of_their_canvas_and_no_metadata(export):
    for path in export.folder.glob("works/*/manifest.json"):
        (canvas,) = json.loads(path.read_text(encoding="utf-8"))["items"]
        body = canvas["items"][0]["items"][0]["body"]
        with Image.open(path.with_name("picture.jpg")) as picture:
            assert picture.size == (canvas["width"], canvas["height"]) == (body["width"], body["height"])
            assert not picture.getexif()
        with Image.open(path.with_name("thumbnail.jpg")) as small:
            assert max(small.size) <= 256


def test_links_are_the_nearest_works_that_left(export):
    """Against cosines by hand, among the works with an open licence."""
    ids = [id_ for id_ in export.index.ids if id_ != "closed"]
    vectors = export.index.vectors()[[export.index.ids.index(id_) for id_ in ids]]
    cosines = vectors @ vectors.T
    for row, id_ in enumerate(ids):
        nearest = [n for n in np.argsort(-cosines[row], kind="stable") if n != row][:2]
        links = document(export, id_, "similar.json")["items"]
        assert [link["body"][0]["id"] for link in links] == [
            f"{BASE}/works/{file_name(ids[n])}/manifest.json" for n in nearest
        ]
        assert {link["target"] for link in links} == {document(export, id_)["items"][0]["id"]}
        for link, n in zip(links, nearest, strict=True):
            assert link["motivation"][0] == "linking" and f"<p>{cosines[row, n]:.3f} " in link["body"][1]["value"]


def test_only_openly_licensed_works_leave(export, tmp_path):
    assert [item.path for item in export.skipped.items] == ["closed"] and export.report["works"] == 4
    everything = b"".join(path.read_bytes() for path in export.folder.rglob("*.json"))
    assert b"Modern" not in everything and file_name("closed").encode() not in everything
    report = write_iiif(export.index, tmp_path / "all", BASE, title="All", allow_restricted=True, skipped=SkipList())
    assert report["works"] == 5
    manifest = json.loads((tmp_path / "all/works" / file_name("closed") / "manifest.json").read_text(encoding="utf-8"))
    assert "rights" not in manifest and not violations(manifest)


def test_this_package_reads_the_manifest_back(export):
    """A local copy of a manifest, as its own reader of IIIF understands it; no picture is fetched for that."""
    from artextract_hf.data.sources.iiif_documents import parse_document, parse_manifest

    path = export.folder / "works" / file_name("museum:Poppies 1.jpg") / "manifest.json"
    (canvas,) = parse_manifest(parse_document(path.read_bytes()), side=640, skipped=SkipList())
    assert (canvas.title, canvas.artist) == ("Poppies", "Claude Monet")
    assert canvas.source_url == "https://museum.example/works/1" and "by-sa/4.0" in canvas.license


@pytest.mark.parametrize(
    ("licence", "address"),
    [
        ("CC0-1.0", "http://creativecommons.org/publicdomain/zero/1.0/"),
        ("PDM", "http://creativecommons.org/publicdomain/mark/1.0/"),
        ("CC BY-NC-SA 3.0 Unported", "http://creativecommons.org/licenses/by-nc-sa/3.0/"),
        ("cc-by-4.0", "http://creativecommons.org/licenses/by/4.0/"),
        ("HTTPS://creativecommons.org/licenses/BY/2.5/", "http://creativecommons.org/licenses/by/2.5/"),
        ("https://creativecommons.org/licenses/by-sa/3.0/deed.de", "http://creativecommons.org/licenses/by-sa/3.0/"),
        ("https://rightsstatements.org/page/noc-us/1.0/?language=en", "http://rightsstatements.org/vocab/NoC-US/1.0/"),
        ("http://rightsstatements.org/vocab/other/1.0/", ""),
        ("CC BY", ""),
        ("Public Domain", ""),
        ("In copyright", ""),
        ("", ""),
    ],
)
def test_licences_have_the_address_that_iiif_takes(licence, address):
    assert rights_address(licence) == address


def test_a_box_becomes_whole_pixels_inside_the_canvas():
    note = box_annotation("https://a/1", "https://a/canvas", (200, 100), Box(0.25, 0.5, 0.5, 0.25), "<b>")
    assert note["target"] == "https://a/canvas#xywh=50,50,100,25" and note["body"]["value"] == "<p>&lt;b&gt;</p>"
    outside = box_annotation("https://a/1", "https://a/canvas", (200, 100), Box(-0.5, 0.9, 0.75, 0.5), "")
    assert outside["target"] == "https://a/canvas#xywh=0,90,50,10"


class PlaceHit(Hit):
    """A hit with a place, as region searches and faces give it."""

    box = Box(0.5, 0.0, 0.5, 0.5)


def test_hits_become_one_manifest_with_a_canvas_each(export):
    records = {record["id"]: record for record in export.index.records()}
    hits = [PlaceHit(id_, 0.9, rank, records[id_]) for rank, id_ in enumerate(["range", "closed", EVIL, "range"], 1)]
    path = write_search(hits, export.folder, name="half", title="Half")
    manifest = json.loads(path.read_text(encoding="utf-8"))
    assert not violations(manifest) and manifest["id"] == f"{BASE}/searches/half.json"
    assert path.relative_to(export.folder) == Path("searches/half.json")
    first, second = manifest["items"]
    assert [canvas["id"] for canvas in (first, second)] == [
        f"{BASE}/works/{file_name(id_)}/canvas" for id_ in ("range", EVIL)
    ]
    (_, one), (_, two) = [(page["id"], page) for page in first["annotations"] if "items" in page]
    assert one["items"][0]["target"] == f"{first['id']}#xywh=100,0,100,160" == two["items"][0]["target"]
    with pytest.raises(DataError, match="letters, digits"):
        search_manifest(hits, export.folder, name="../x", title="")
    with pytest.raises(DataError, match="none of the 1 works"):
        search_manifest(hits[1:2], export.folder, name="x", title="")


@pytest.mark.parametrize(
    "address",
    ["museum.example", "ftp://a.example/", "https://me:secret@a.example", "https://a.example/?x=1", "https://"],
)
def test_an_address_that_is_none_is_refused(export, tmp_path, address):
    with pytest.raises(DataError):
        write_iiif(export.index, tmp_path / "out", address, title="x")
    assert not (tmp_path / "out").exists()


def test_a_folder_with_something_in_it_is_kept(export):
    before = sorted(export.folder.rglob("*"))
    with pytest.raises(ArtExtractError, match="not empty"):
        write_iiif(export.index, export.folder, BASE, title="x")
    assert sorted(export.folder.rglob("*")) == before


def test_the_command(run_cli, export, tmp_path):
    export.index.save_pretrained(tmp_path / "index")
    out = tmp_path / "web"
    code, printed, errors = run_cli(
        "export", "iiif", tmp_path / "index", "--out", out, "--base-url", BASE, "--title", "Mine", "--json"
    )
    assert code == 0, errors
    report = json.loads(printed)
    assert report["works"] == 4 and report["collection"] == f"{BASE}/collection.json"
    assert [item["path"] for item in report["skipped"]] == ["closed"]
    collection = json.loads((out / "collection.json").read_text(encoding="utf-8"))
    assert collection["label"] == {"none": ["Mine"]} and not violations(collection)
    code, _, errors = run_cli("export", "iiif", tmp_path / "index", "--out", tmp_path / "b", "--base-url", "x")
    assert code == 2 and "https://museum.example/iiif" in errors and not (tmp_path / "b").exists()


def test_the_command_takes_a_collection_at_the_size_of_its_pictures(run_cli, tiny_classifier, tmp_path):
    (tmp_path / "museum").mkdir()
    for number, size in enumerate([(300, 400), (500, 320)]):
        plain_picture((200, 90 * number, 40), size, seed=number).save(tmp_path / "museum" / f"{number}.png")
    command = ["export", "iiif", tmp_path / "museum", "--base-url", BASE, "--embedder", tiny_classifier]
    code, _, errors = run_cli(*command, "--out", tmp_path / "none")
    assert code == 2 and "none stated" in errors and not (tmp_path / "none").exists()
    code, _, errors = run_cli(*command, "--out", tmp_path / "web", "--allow-restricted")
    assert code == 0, errors
    manifests = [
        json.loads(path.read_text(encoding="utf-8")) for path in (tmp_path / "web").glob("works/*/manifest.json")
    ]
    assert not any(map(violations, manifests)) and not any("rights" in manifest for manifest in manifests)
    sizes = {(canvas["width"], canvas["height"]) for manifest in manifests for canvas in manifest["items"]}
    assert sizes == {(300, 400), (500, 320)}
