"""The gallery's tables join to records, and what may not or cannot be taken is listed. Pictures come from loopback."""

import csv
import gzip
import json
import shutil
import zipfile

import numpy as np
import pytest

from artextract_hf.data.decode import decode_image
from artextract_hf.data.fetch import DownloadSettings
from artextract_hf.data.labels import ARTISTS, GENRES, STYLES
from artextract_hf.data.rights import is_open
from artextract_hf.data.schema import SkipList
from artextract_hf.data.sources.nga import load_nga, read_nga
from artextract_hf.errors import DataError
from tests.conftest import shared
from tests.data.sources.iiif_server import IiifServer, jpeg

QUICK = DownloadSettings(
    per_second=1000, timeout_s=2, pause_s=0.01, max_pause_s=0.1, retries=2, allow_private_hosts=True
)

# The columns as the gallery documents them.
OBJECTS, IMAGES = (text.split(",") for text in (
    "objectid,accessioned,accessionnum,locationid,title,displaydate,beginyear,endyear,visualbrowsertimespan,medium,"
    "dimensions,inscription,markings,attributioninverted,attribution,provenancetext,creditline,classification,"
    "subclassification,visualbrowserclassification,parentid,isvirtual,departmentabbr,portfolio,series,volume,watermarks,"
    "lastdetectedmodification,wikidataid,customprinturl",
    "uuid,iiifurl,iiifthumburl,viewtype,sequence,width,height,maxpixels,created,modified,depictstmsobjectid,assistivetext",
))  # fmt: skip


def table(path, columns, rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)


def painting(objectid, title, **known):
    return {
        "objectid": objectid,
        "title": title,
        "classification": "Painting",
        "isvirtual": "0",
        "medium": "oil on canvas",
        "creditline": "Chester Dale Collection",
        "attribution": "Somebody",
    } | known


def view(server, objectid, uuid, **known):
    return {
        "uuid": uuid,
        "iiifurl": f"{server.url}/iiif/{uuid}",
        "viewtype": "primary",
        "sequence": "0",
        "width": "90",
        "height": "60",
        "depictstmsobjectid": objectid,
        "assistivetext": f"What {uuid} shows",
    } | known


@pytest.fixture
def server():
    server = IiifServer().start()
    yield server
    server.stop()


@pytest.fixture
def opendata(server, tmp_path):
    """Six objects that the real tables name too, of which one may be taken twice over and one not at all."""
    folder = tmp_path / "opendata" / "data"
    folder.mkdir(parents=True)
    table(
        folder / "objects.csv",
        OBJECTS,
        [
            painting("46626", "Girl in White", beginyear="1890", endyear="1890", wikidataid="Q20189735"),
            painting("46627", "The Olive Orchard", beginyear="1889", endyear="1889"),
            painting("52189", "Woman Seated", beginyear="1874", endyear="1876"),
            painting("93067", "Restricted"),
            painting("60", "Girl with the Red Hat", beginyear="c", endyear=""),
            painting("36920", "A print", classification="Print"),
            painting("1", "Virtual", isvirtual="1"),
            painting("no number", "Broken"),
            painting("74172", "Without an image"),
        ],
    )
    table(
        folder / "published_images.csv",
        IMAGES,
        [
            view(server, "46626", "u-girl"),
            view(server, "46626", "u-back", viewtype="alternate"),
            view(server, "46627", "u-second", sequence="2"),
            view(server, "46627", "u-first", sequence="1", width="5000", height="4000"),
            view(server, "52189", "u-seated"),
            view(server, "93067", "u-restricted", maxpixels="900"),
            view(server, "60", "u-hat"),
            view(server, "36920", "u-print"),
            view(server, "1", "u-virtual"),
            view(server, "74172", "u-none", iiifurl=""),
            view(server, "999999999", "u-orphan"),
        ],
    )
    return tmp_path / "opendata"


@pytest.fixture
def small_tables(opendata):
    folder = opendata / "data"
    table(
        folder / "constituents.csv",
        ["constituentid", "forwarddisplayname"],
        [{"constituentid": "1", "forwarddisplayname": "Vincent van Gogh"}],
    )
    rows = [("46626", "1", "2", "artist"), ("46626", "7", "1", "donor"), ("52189", "99", "1", "artist")]
    columns = ["objectid", "constituentid", "displayorder", "roletype"]
    table(folder / "objects_constituents.csv", columns, [dict(zip(columns, row, strict=True)) for row in rows])
    terms = [("46626", "Style", "Post-Impressionist"), ("52189", "Style", "Realist"), ("52189", "Style", "Romantic")]
    columns = ["objectid", "termtype", "term"]
    table(folder / "objects_terms.csv", columns, [dict(zip(columns, row, strict=True)) for row in terms])
    return opendata


def test_paintings_join_their_tables(server, small_tables, tmp_path):
    skipped = SkipList()
    dataset = read_nga(small_tables, tmp_path / "images", skipped=skipped, settings=QUICK)
    assert dataset["id"] == ["nga/60", "nga/46626", "nga/46627", "nga/52189"]
    record = dataset[1]
    assert record.pop("image").size == (90, 60)
    assert record == {
        "id": "nga/46626",
        "style": STYLES.index("Post_Impressionism"),
        "genre": -1,
        "artist": ARTISTS.index("Vincent_van_Gogh"),
        "title": "Girl in White",
        "artist_name": "Vincent van Gogh",
        "year": 1890,
        "source_url": "https://www.nga.gov/collection/art-object-page.46626.html",
        "license": "CC0 1.0",
        "credit_line": "Vincent van Gogh, Girl in White, Chester Dale Collection, National Gallery of Art",
        "year_end": 1890,
        "medium": "oil on canvas",
        "wikidata_id": "Q20189735",
        "alt_text": "What u-girl shows",
    }
    assert dataset[0]["year"] is None and dataset[0]["artist_name"] == "Somebody"
    assert dataset[3]["style"] == -1  # two styles are none
    assert all(is_open(text) for text in dataset["license"])
    reasons = {item.path: item.reason for item in skipped.items}
    assert "900 pixels" in reasons["nga/93067"] and "--allow-restricted" in reasons["nga/93067"]
    assert "no IIIF address" in reasons["nga/74172"] and any("no number" in reason for reason in reasons.values())
    asked = server.pictures()
    assert set(asked) == {"u-girl", "u-first", "u-seated", "u-hat"}  # primary, lowest sequence, open access
    assert "/iiif/u-first/full/!1024,1024/0/default.jpg" in server.asked  # larger than wanted
    assert "/iiif/u-girl/full/full/0/default.jpg" in server.asked  # smaller: not enlarged


def rewrite(path, change):
    """Change the rows of a table; each is a dict of its cells."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    changed = [change(row) for row in rows]
    table(path, list(changed[0]), changed)


def test_the_column_openaccess_says_what_is_open(server, small_tables, tmp_path):
    said = {"46626": "1", "46627": "0", "52189": "", "60": "1", "93067": "1"}
    images = small_tables / "data/published_images.csv"
    rewrite(images, lambda row: row | {"openaccess": said.get(row["depictstmsobjectid"], "1")})
    skipped = SkipList()
    dataset = read_nga(small_tables, tmp_path / "images", skipped=skipped, settings=QUICK)
    assert dataset["id"] == ["nga/60", "nga/46626"] and set(server.pictures()) == {"u-hat", "u-girl"}
    reasons = {item.path: item.reason for item in skipped.items}
    for number in ("46627", "52189"):
        assert reasons[f"nga/{number}"] == "not open access; --allow-restricted takes it in"
    assert "900 pixels" in reasons["nga/93067"]  # `maxpixels` counts beside it
    everything = load_nga(small_tables, tmp_path / "images", allow_restricted=True, settings=QUICK)
    assert len(everything) == 5 and sum(map(is_open, everything["license"])) == 2


@pytest.mark.parametrize("row", [1, 3])
def test_a_row_with_commas_and_no_quotation_marks_is_listed_with_its_line(small_tables, tmp_path, row):
    images = small_tables / "data/published_images.csv"
    lines = images.read_text().splitlines()
    bad = lines[row].split(",")[0]
    lines[row] += ", a tree, and a cow"
    images.write_text("\n".join(lines) + "\n")
    skipped = SkipList()
    dataset = read_nga(small_tables, tmp_path / "images", skipped=skipped, settings=QUICK)
    assert len(dataset) >= 3 and f"What {bad} shows" not in dataset["alt_text"]
    reasons = {item.path: item.reason for item in skipped.items}
    assert reasons[f"nga/published_images line {row + 1}"] == "its row has 14 cells, the header 12"


@pytest.mark.parametrize("uuid", ["../../escaped", "/tmp/escaped", "a b", "..", "a\x00b"])
def test_a_uuid_that_is_none_names_no_file(small_tables, tmp_path, uuid):
    rewrite(
        small_tables / "data/published_images.csv",
        lambda row: row | ({"uuid": uuid} if row["uuid"] == "u-girl" else {}),
    )
    skipped = SkipList()
    dataset = read_nga(small_tables, tmp_path / "images", skipped=skipped, settings=QUICK)
    assert "nga/46626" not in dataset["id"]
    assert any(item.path == "nga/46626" and "uuid" in item.reason for item in skipped.items)
    assert not list(tmp_path.rglob("*escaped*"))


def test_restricted_works_keep_their_limit(small_tables, tmp_path):
    dataset = load_nga(small_tables, tmp_path / "images", allow_restricted=True, settings=QUICK)
    restricted = dataset.filter(lambda id_: id_ == "nga/93067", input_columns="id")
    assert len(restricted) == 1 and not is_open(restricted[0]["license"]) and "900" in restricted[0]["license"]


def test_pictures_that_cannot_be_had_are_listed_and_shift_nothing(server, small_tables, tmp_path):
    server.faults = {"u-girl": [404]}
    skipped = SkipList()
    dataset = read_nga(small_tables, tmp_path / "images", skipped=skipped, settings=QUICK)
    assert dataset["id"] == ["nga/60", "nga/46627", "nga/52189"]
    assert any("u-girl" in item.path and "404" in item.reason for item in skipped.items)
    for record, uuid in zip(dataset, ("u-hat", "u-first", "u-seated"), strict=True):
        assert record["alt_text"] == f"What {uuid} shows"
        expected = np.asarray(decode_image(jpeg(uuid))).astype(int)
        assert np.abs(np.asarray(record["image"]) - expected).mean() < 3


def test_a_uuid_is_no_path(server, small_tables, tmp_path):
    bad = ["../../up", "/tmp/x", "a/b", "..", "u\0", "x" * 300]
    folder = small_tables / "data"
    table(folder / "objects.csv", OBJECTS, [painting(str(n), "x") for n in range(len(bad) + 1)])
    views = [view(server, str(n), uuid, iiifurl=f"{server.url}/iiif/a") for n, uuid in enumerate([*bad, "u-good"])]
    table(folder / "published_images.csv", IMAGES, views)
    skipped = SkipList()
    dataset = read_nga(small_tables, tmp_path / "images", skipped=skipped, settings=QUICK)
    assert dataset["id"] == [f"nga/{len(bad)}"]
    assert [item.path for item in skipped.items if "uuid" in item.reason] == [f"nga/{n}" for n in range(len(bad))]
    assert {path.name for path in (tmp_path / "images").iterdir()} == {"u-good.jpg", "downloads.jsonl"}


def test_the_command_resumes_and_limits(server, small_tables, tmp_path, run_cli):
    arguments = ("prepare", "nga", "--opendata", small_tables, "--out", tmp_path / "out", "--per-second", "1000")
    arguments += ("--allow-private-hosts",)
    code, out, _ = run_cli(*arguments, "--limit", 2, "--json")
    assert code == 0 and json.loads(out)["splits"]["all"]["rows"] == 2
    assert len(server.pictures()) == 2
    server.asked.clear()
    code, out, _ = run_cli(*arguments, "--json")
    assert code == 0 and json.loads(out)["splits"]["all"]["rows"] == 4
    assert len(server.pictures()) == 2  # the other two were there


def test_the_real_tables_name_artist_and_style(server, opendata, tmp_path):
    """The gallery's own constituents, their roles and the terms, around objects and images of the test."""
    real = shared("data/nga_opendata")
    for name in ("constituents.csv", "objects_constituents.zip", "objects_terms.zip"):
        shutil.copy(real / name, opendata / "data" / name)
    dataset = read_nga(opendata, tmp_path / "images", skipped=SkipList(), settings=QUICK)
    found = {record["id"]: record for record in dataset.remove_columns("image")}
    assert (
        found["nga/46626"]["artist_name"] == "Vincent van Gogh" and found["nga/52189"]["artist_name"] == "Claude Monet"
    )
    assert found["nga/60"]["artist_name"] == "Johannes Vermeer" and found["nga/60"]["artist"] == -1
    styles = {id_: STYLES[record["style"]] for id_, record in found.items()}
    assert styles == {
        "nga/46626": "Post_Impressionism",
        "nga/46627": "Post_Impressionism",
        "nga/52189": "Impressionism",
        "nga/60": "Baroque",
    }
    assert GENRES[found["nga/60"]["genre"]] == "genre_painting"


def test_tables_may_be_packed(server, small_tables, tmp_path):
    folder = small_tables / "data"
    (folder / "objects.csv.gz").write_bytes(gzip.compress((folder / "objects.csv").read_bytes()))
    (folder / "objects.csv").unlink()
    with zipfile.ZipFile(folder / "objects_terms.zip", "w") as archive:
        archive.write(folder / "objects_terms.csv", "objects_terms.csv")
    (folder / "objects_terms.csv").unlink()
    assert len(load_nga(small_tables, tmp_path / "images", limit=1, settings=QUICK)) == 1


@pytest.mark.parametrize(
    ("limit", "value", "what"),
    [("MAX_TABLE", 500, "more than 500"), ("MAX_LINE", 300, "a line of"), ("MAX_ROWS", 3, "more than 3 rows")],
)
def test_a_table_is_read_up_to_a_limit(small_tables, tmp_path, monkeypatch, limit, value, what):
    data = (small_tables / "data/objects.csv").read_bytes()
    if limit == "MAX_LINE":
        data += b'"1,' + b" " * 10_000
    (small_tables / "data/objects.csv").unlink()
    (small_tables / "data/objects.csv.gz").write_bytes(gzip.compress(data))
    monkeypatch.setattr(f"artextract_hf.data.sources.nga.{limit}", value)
    with pytest.raises(DataError, match=what) as error:
        load_nga(small_tables, tmp_path / "images", settings=QUICK)
    assert "\n" not in str(error.value)


def pack(path, data):
    """A table as a gzip file that is cut short, in place of the plain one."""
    path.with_suffix(".csv").unlink()
    path.with_suffix(".csv.gz").write_bytes(gzip.compress(data)[:-6])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda p: (p / "objects.csv").unlink(), "no table objects.csv"),
        (lambda p: (p / "objects.csv").write_text("objectid,title\n1,x\n"), "no column beginyear"),
        (lambda p: (p / "published_images.csv").write_text(""), "is empty"),
        (lambda p: (p / "objects.csv").write_bytes(b"\xff\xfe\x00bad"), "cannot be read|no column"),
        (lambda p: (p / "published_images.csv").write_text(",".join(IMAGES) + "\n"), "no painting that can be taken"),
        (lambda p: (p / "objects_terms.csv").rename(p / "objects_terms.zip"), "objects_terms.zip cannot be read"),
        (lambda p: (p / "objects.csv").write_text(",".join(OBJECTS) + '\n"1,'), "line 2 is never closed"),
        (lambda p: pack(p / "objects", b"cut short"), "cannot be read"),
    ],
)
def test_tables_that_cannot_be_used_say_so(small_tables, tmp_path, spoil, message):
    spoil(small_tables / "data")
    with pytest.raises(DataError, match=message):
        load_nga(small_tables, tmp_path / "images", settings=QUICK)


def test_rows_that_do_not_count_are_listed(small_tables, tmp_path):
    data = small_tables / "data"
    with (data / "objects.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    first = len(rows) + 2  # the line of the first row that is added
    rows += [
        painting("46626", "the same number"),
        painting("9" * 30, "no number of an object"),
        painting("70001", "without a view"),
        painting("70002", "spaces", classification=" Painting ", beginyear="9" * 30, endyear="1900"),
        painting("70003", "ends before it begins", beginyear="1890", endyear="1875"),
    ]
    table(data / "objects.csv", OBJECTS, rows)
    images = data / "published_images.csv"
    text = images.read_text()
    like = next(line for line in text.splitlines() if line.startswith("u-girl"))
    more = [like.replace("u-girl", "u-two"), like.replace("u-girl", "u-new").replace("46626", "70002")]
    more += [like.replace("u-girl", "u-late").replace("46626", "70003")]
    images.write_text(text + "\n".join(more) + "\n")
    skipped = SkipList()
    dataset = read_nga(small_tables, tmp_path / "images", skipped=skipped, settings=QUICK)
    record = dataset.filter(lambda id_: id_ == "nga/70002", input_columns="id")[0]
    assert (record["year"], record["year_end"]) == (None, 1900) and dataset["id"].count("nga/46626") == 1
    late = dataset.filter(lambda id_: id_ == "nga/70003", input_columns="id")[0]
    assert (late["year"], late["year_end"]) == (None, None)
    reasons = {item.path: item.reason for item in skipped.items}
    assert "'c' is not understood" in reasons["nga/60"] and reasons["nga/60"].endswith("such works: 2")
    assert "last year, 1875, lies before the first, 1890" in reasons["nga/70003"]
    assert reasons[f"nga/object line {first}"] == "another object has the objectid 46626 too; the first counts"
    assert reasons[f"nga/object line {first + 1}"].endswith("no number")
    assert reasons["nga/70001"] == "no primary view of it is published"
    assert "depictstmsobjectid 46626 too" in reasons[f"nga/view line {len(text.splitlines()) + 1}"]


def test_a_quotation_mark_that_is_closed_rows_later_is_listed(small_tables, tmp_path):
    objects = small_tables / "data/objects.csv"
    lines = objects.read_text().splitlines()
    ids = [line.split(",")[0] for line in lines]
    opened = ids.index("46626")
    title = lines[opened].split(",")[4]
    lines[opened] = lines[opened].replace(f",{title},", f',"{title},', 1)
    later = lines[opened + 1].split(",")
    later[4] += '"'
    lines[opened + 1] = ",".join(later)
    objects.write_text("\n".join(lines) + "\n")
    skipped = SkipList()
    dataset = read_nga(small_tables, tmp_path / "images", skipped=skipped, settings=QUICK)
    assert "nga/46626" not in dataset["id"]
    reasons = {item.path: item.reason for item in skipped.items}
    assert "a quotation mark is not closed" in reasons[f"nga/objects line {opened + 1}"]
