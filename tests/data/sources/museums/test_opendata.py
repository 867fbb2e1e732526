"""The National Gallery of Art by name: its tables are fetched, searched, and kept."""

import pytest

from artextract_hf.data.schema import SkipList
from artextract_hf.data.sources.museums.museum import read_museum
from artextract_hf.data.sources.museums.query import MuseumQuery
from artextract_hf.data.sources.nga import COLUMNS
from artextract_hf.errors import DataError
from tests.data.sources.iiif_server import IiifServer
from tests.data.sources.museums.museum_server import QUICK

# number: title, first and last year, maxpixels, artist
PAINTINGS = {
    1: ("The Japanese Footbridge", "1899", "1899", "", "Claude Monet"),
    2: ("Woman with a Parasol", "1875", "1875", "", "Claude Monet"),
    3: ("Girl in White", "1890", "1890", "", "Vincent van Gogh"),
    4: ("The Bridge", "1950", "1950", "900", "Ann Example"),
    5: ("Self-Portrait", "", "", "", ""),
}


def rows_of(url):
    """Each table's rows, in the order of its columns as `sources/nga.py` reads them."""
    constituents = sorted({artist for *_, artist in PAINTINGS.values() if artist})
    return {
        "objects": [
            (n, title, first, last, "oil on canvas", artist or "Unknown", "Gift of Ann", "Painting", "0", f"Q{n}")
            for n, (title, first, last, _, artist) in PAINTINGS.items()
        ],
        "published_images": [
            (f"u{n}", f"{url}/iiif/u{n}", "primary", "0", "90", "60", most, n, f"What {n} shows")
            for n, (_, _, _, most, _) in PAINTINGS.items()
        ],
        "objects_constituents": [
            (n, constituents.index(artist), "1", "artist") for n, (*_, artist) in PAINTINGS.items() if artist
        ],
        "constituents": list(enumerate(constituents)),
        "objects_terms": [(1, "Style", "Impressionist")],
    }


@pytest.fixture
def server(monkeypatch):
    server = IiifServer().start()
    for name, rows in rows_of(server.url).items():
        lines = [",".join(map(str, row)) for row in (COLUMNS[name], *rows)]
        server.documents[f"/data/{name}.csv"] = "\n".join(lines).encode()
    monkeypatch.setenv("ARTEXTRACT_NGA_URL", f"{server.url}/data")
    yield server
    server.stop()


def read(folder, *arguments, skipped=None, **wanted):
    query = MuseumQuery(*arguments, **wanted)
    return read_museum("nga", query, folder, SkipList() if skipped is None else skipped, settings=QUICK)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (MuseumQuery(), [1, 2, 3, 5]),
        (MuseumQuery("monet"), [1, 2]),
        (MuseumQuery("bridge"), []),
        (MuseumQuery("the bridge", allow_restricted=True), [4]),
        (MuseumQuery("footbridge japanese", artist="Monet"), [1]),
        (MuseumQuery("oil", limit=2), [1, 2]),
        (MuseumQuery(artist="Gogh"), [3]),
        (MuseumQuery(first_year=1890), [1, 3]),
        (MuseumQuery(last_year=1890), [2, 3]),
    ],
    ids=str,
)
def test_the_words_of_a_query_are_looked_for_in_the_tables(server, tmp_path, query, expected):
    if not expected:
        with pytest.raises(DataError, match="names no painting that can be taken .*nga/4: fair use"):
            read_museum("nga", query, tmp_path, SkipList(), settings=QUICK)
        return
    dataset = read_museum("nga", query, tmp_path, SkipList(), settings=QUICK)
    assert dataset["id"] == [f"nga/{number}" for number in expected]


def test_a_record_has_every_field(server, tmp_path):
    (record,) = read(tmp_path, "footbridge")
    assert record.pop("image").size == (90, 60)
    assert (record["artist_name"], record["year"], record["license"]) == ("Claude Monet", 1899, "CC0 1.0")
    assert (record["wikidata_id"], record["alt_text"]) == ("Q1", "What 1 shows")


def test_what_is_not_asked_for_is_not_listed(server, tmp_path):
    skipped = SkipList()
    read(tmp_path, "monet", skipped=skipped)
    assert not skipped.items


def test_without_words_paintings_are_drawn(server, tmp_path):
    drawn = [read(tmp_path, limit=2)["id"] for _ in range(2)]
    assert drawn[0] == drawn[1] != ["nga/1", "nga/2"] and len(drawn[0]) == 2


def test_no_hits(server, tmp_path):
    with pytest.raises(DataError, match=r"^National Gallery of Art, open data: no painting is found for 'cats'\.$"):
        read(tmp_path, "cats")


def test_a_second_run_fetches_nothing(server, tmp_path):
    read(tmp_path, "monet")
    server.asked.clear()
    assert len(read(tmp_path, "monet")) == 2 and not server.asked


@pytest.mark.parametrize("fault", [429, 500, "html", "text"])
def test_a_table_that_does_not_come_is_asked_for_again_and_no_other_is(server, tmp_path, fault):
    server.faults = {"/data/constituents.csv": [fault] * 9}
    with pytest.raises(DataError, match=r"/data/constituents\.csv: "):
        read(tmp_path, "monet")
    tables = sorted(path.stem for path in (tmp_path / "opendata").iterdir())
    assert tables == ["objects", "objects_constituents", "published_images"]
    server.faults, before = {}, server.asked.copy()
    assert len(read(tmp_path, "monet")) == 2
    again = {path for path, count in (server.asked - before).items() if path.startswith("/data/") and count}
    assert again == {"/data/constituents.csv", "/data/objects_terms.csv"}
