"""Museums by name, against a server that answers as they document it."""

import itertools
import os
import signal
import subprocess
import sys
import time

import pytest

from artextract_hf.data.fetch import DownloadSettings
from artextract_hf.data.labels import ARTISTS, STYLES
from artextract_hf.data.schema import SkipList
from artextract_hf.data.sources.museums.museum import MUSEUMS, museum_named, read_museum
from artextract_hf.data.sources.museums.query import MuseumQuery
from artextract_hf.errors import DataError
from tests.conftest import ROOT
from tests.data.sources.museums.museum_server import LILIES, NO_PICTURE, SEARCHES, Painting, many, read

EXPECTED = {
    "artic": {
        "style": STYLES.index("Impressionism"),
        "source_url": "https://www.artic.edu/artworks/7",
        "credit_line": "Claude Monet, Water Lilies, Mr. and Mrs. Example Collection, Art Institute of Chicago",
        "medium": "Oil on canvas",
        "alt_text": "What 7 shows.",
    },
    "cleveland": {
        "source_url": "https://clevelandart.org/art/1958.7",
        "credit_line": "Claude Monet, Water Lilies, Gift of the Example Family, The Cleveland Museum of Art",
        "medium": "oil on canvas",
        "wikidata_id": "Q7",
    },
    "met": {
        "source_url": "https://www.metmuseum.org/art/collection/search/7",
        "credit_line": "Claude Monet, Water Lilies, Gift of A. Example, 1906, The Metropolitan Museum of Art",
        "medium": "Oil on canvas",
        "wikidata_id": "Q7",
    },
}


def test_every_field_of_a_record(server, museum, tmp_path):
    server.paintings = [Painting(7, years=(1906, 1908), date="1906–8")]
    (record,) = read(museum, tmp_path)
    assert record.pop("image").size == (90, 60)
    usual = {
        "id": f"{museum}/7",
        "style": -1,
        "genre": -1,
        "artist": ARTISTS.index("Claude_Monet"),
        "title": "Water Lilies",
        "artist_name": "Claude Monet",
        "year": 1906,
        "year_end": 1908,
        "license": "CC0 1.0",
        "wikidata_id": "",
        "alt_text": "",
    }
    assert record == usual | EXPECTED[museum]
    assert server.agents and all("artextract-hf/" in agent and "https://" in agent for agent in server.agents)


def test_a_work_by_a_follower_is_not_the_artists(server, museum, tmp_path):
    server.paintings = [Painting(1, artist="Rembrandt", qualifier="Follower of")]
    (record,) = read(museum, tmp_path)
    assert record["artist_name"] == "Follower of Rembrandt" and record["artist"] == -1


MIXED = [
    Painting(1, "Water Lilies", years=(1906, 1906)),
    Painting(2, "Lilies", "Vincent van Gogh", years=(1889, 1889)),
    Painting(3, "Lilies", "Ann Example", years=(1990, 1990), is_open=False, notice="© Ann Example"),
    Painting(4, "Lilies", kind="Print"),
    Painting(5, "A Bridge", years=(1899, 1899)),
    Painting(6, "Lilies", years=(None, None), date=""),
    Painting(7, "Lilies", picture=NO_PICTURE),
    Painting(8, "Lilies and a Bridge", years=(1899, 1902)),
]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (MuseumQuery("lilies"), [1, 2, 6, 8]),
        (MuseumQuery("lilies", limit=2), [1, 2]),
        (MuseumQuery("lilies", artist="monet"), [1, 6, 8]),
        (MuseumQuery(artist="Claude Monet"), [1, 5, 6, 8]),
        (MuseumQuery("bridge lilies"), [8]),
        (MuseumQuery("lilies", first_year=1900), [1, 8]),
        (MuseumQuery("lilies", last_year=1900), [2, 8]),
        (MuseumQuery("lilies", first_year=1906, last_year=1906), [1]),
        (MuseumQuery("lilies", allow_restricted=True), [1, 2, 3, 6, 8]),
    ],
    ids=str,
)
def test_what_is_asked_for_is_what_comes(server, museum, tmp_path, query, expected):
    server.paintings = MIXED
    assert read(museum, tmp_path, query)["id"] == [f"{museum}/{number}" for number in expected]


def test_a_museum_that_ignores_the_question_is_not_believed(server, museum, tmp_path):
    """Rights, artist and years are looked at in each answer, whatever was asked."""
    server.paintings = [
        Painting(1),
        Painting(2, is_open=False),
        Painting(3, notice="© 2020 Ann Example. All rights reserved."),
        Painting(4, artist="Edouard Manet"),
        Painting(5, years=(1800, 1810)),
        Painting(6, years=(1910, 1900)),
    ]
    server._fits = lambda *_: True
    skipped = SkipList()
    query = MuseumQuery("lilies", artist="Monet", first_year=1900, last_year=1910)
    assert read(museum, tmp_path, query, skipped)["id"] == [f"{museum}/1"]
    reasons = [(item.path.rpartition("/")[2], item.reason) for item in skipped.items]
    assert reasons == [
        ("2", "its licence is not open (not open access); --allow-restricted takes it in"),
        ("3", "its licence is not open (© 2020 Ann Example. All rights reserved.); --allow-restricted takes it in"),
        ("4", "its artist is Edouard Manet"),
        ("5", "it is of 1800 to 1810"),
        ("6", "its last year, 1900, lies before the first, 1910, and it gets neither"),
        ("6", "it is of no known year"),
    ]


@pytest.mark.parametrize("fault", [429, 500, 503, "cut", "html", "text"])
def test_what_passes_is_asked_again(server, museum, tmp_path, fault):
    server.paintings = many(2)
    asked = {
        "artic": [SEARCHES["artic"], "id1"],
        "cleveland": [SEARCHES["cleveland"], "/picture/web_1.jpg"],
        "met": [SEARCHES["met"], "/met/v1/objects/1", "/picture/p1.jpg"],
    }
    server.faults = {path: [fault] for path in asked[museum]}
    skipped = SkipList()
    assert len(read(museum, tmp_path, skipped=skipped)) == 2
    assert not skipped.items and not any(server.faults.values())


def test_retry_after_is_waited_for(server, tmp_path):
    server.paintings = many(1)
    server.faults = {SEARCHES["met"]: [429]}  # Retry-After: 1
    start = time.monotonic()
    read("met", tmp_path, settings=DownloadSettings(per_second=1000, pause_s=0.01, allow_private_hosts=True))
    assert time.monotonic() - start >= 1


def test_a_missing_picture_is_listed_and_the_rest_goes_on(server, museum, tmp_path):
    server.paintings = many(3)
    gone = {"artic": ["id2"], "cleveland": [f"/picture/{s}_2.jpg" for s in ("web", "print")]}
    gone["met"] = ["/picture/p2.jpg", "/picture/large_p2.jpg"]
    server.faults = {path: [404] * 9 for path in gone[museum]}
    skipped = SkipList()
    assert read(museum, tmp_path, skipped=skipped)["id"] == [f"{museum}/1", f"{museum}/3"]
    assert len(skipped.items) == 1 and skipped.items[0].reason == "the server answered 404"


def test_a_picture_less_wide_than_wanted_is_had_as_it_is(server, tmp_path):
    server.paintings = [Painting(1, picture="small"), Painting(2)]
    assert read("artic", tmp_path)[0]["image"].size == (90, 60)
    asked = [path.partition("/full/")[2] for path in server.asked if path.startswith("/iiif/")]
    assert asked == ["843,/0/default.jpg", "!843,843/0/default.jpg", "843,/0/default.jpg"]


def test_a_museum_without_any_picture(server, museum, tmp_path):
    server.paintings = many(1)
    paths = ("id1", "/picture/web_1.jpg", "/picture/print_1.jpg", "/picture/p1.jpg", "/picture/large_p1.jpg")
    server.faults = {path: [404] * 9 for path in paths}
    with pytest.raises(DataError, match="^not one of 1 pictures could be fetched, the last: the server answered 404"):
        read(museum, tmp_path)


def test_pages_are_read_to_their_end(server, small_pages, museum, tmp_path):
    server.paintings = many(23)
    query = MuseumQuery("lilies", limit=22)
    assert read(museum, tmp_path, query)["id"] == [f"{museum}/{number}" for number in range(1, 23)]
    assert server.searches == 3


@pytest.mark.parametrize("total", [1, 0, None, "many", 10**30])
def test_more_pages_than_said_or_fewer(server, small_pages, museum, tmp_path, total):
    server.totals = dict.fromkeys(("aic", "cma", "met"), total)
    server.paintings = many(25)
    assert len(read(museum, tmp_path, MuseumQuery("lilies"))) == 25


@pytest.mark.parametrize("museum", ["artic", "cleveland"])
def test_a_work_that_is_withdrawn_between_two_pages(server, small_pages, museum, tmp_path):
    """All after it move up; the one that so escapes is the museum's, not ours, and no work comes twice."""
    server.paintings = many(15)
    server.after = lambda number: server.paintings.pop(0) if number == 1 else None
    ids = read(museum, tmp_path)["id"]
    assert len(set(ids)) == len(ids) == 14 and f"{museum}/1" in ids and f"{museum}/15" in ids


@pytest.mark.parametrize("museum", ["artic", "cleveland"])
def test_a_work_that_is_added_between_two_pages_brings_none_twice(server, small_pages, museum, tmp_path):
    server.paintings = many(15)
    server.after = lambda number: server.paintings.insert(0, Painting(999, "Lilies")) if number == 1 else None
    skipped = SkipList()
    assert read(museum, tmp_path, skipped=skipped)["id"] == [f"{museum}/{number}" for number in range(1, 16)]
    assert not skipped.items


def test_an_object_that_is_withdrawn_after_the_search(server, tmp_path):
    server.paintings = many(4)
    server.after = lambda _: server.paintings.pop(1)
    skipped = SkipList()
    assert read("met", tmp_path, skipped=skipped)["id"] == ["met/1", "met/3", "met/4"]
    (item,) = skipped.items
    assert item.path == "met/2" and item.reason == f"{server.url}/met/v1/objects/2: the server answered 404"


def test_without_words_paintings_are_drawn(server, museum, tmp_path):
    server.paintings = many(400)
    query = MuseumQuery(limit=60)
    numbers = [int(id_.rpartition("/")[2]) for id_ in read(museum, tmp_path / "a", query)["id"]]
    assert len(set(numbers)) == 60 and max(numbers) - min(numbers) > 100
    assert numbers == [int(id_.rpartition("/")[2]) for id_ in read(museum, tmp_path / "b", query)["id"]]


def test_a_second_run_asks_for_nothing(server, small_pages, museum, tmp_path):
    server.paintings = many(15)
    query = MuseumQuery("lilies", limit=12)
    first = read(museum, tmp_path, query)
    server.asked.clear()
    again = read(museum, tmp_path, query)
    assert not server.asked
    assert [r | {"image": 0} for r in again] == [r | {"image": 0} for r in first]


def test_a_damaged_answer_is_fetched_again(server, museum, tmp_path):
    server.paintings = many(3)
    read(museum, tmp_path)
    kept = sorted((tmp_path / "documents").iterdir())
    for path, damage in zip(kept, (b"", b"[]", b'{"data": 3}', b"\xff"), strict=False):
        path.write_bytes(damage)
    assert len(read(museum, tmp_path)) == 3
    assert all(path.stat().st_size > 9 for path in kept)


SCRIPT = """
import sys
from artextract_hf.data.fetch import DownloadSettings
from artextract_hf.data.schema import SkipList
from artextract_hf.data.sources.museums.museum import read_museum
from artextract_hf.data.sources.museums.query import MuseumQuery
settings = DownloadSettings(per_second=1000, concurrency=1, allow_private_hosts=True)
print(len(read_museum(sys.argv[1], MuseumQuery("lilies", limit=130), sys.argv[2], SkipList(), settings=settings)))
"""


@pytest.mark.parametrize(("museum", "moment"), [("artic", 2), ("cleveland", 60), ("met", 1), ("met", 90)])
def test_a_kill_at_any_moment_repeats_and_loses_nothing(server, museum, tmp_path, moment):
    """The process is killed while the request of that number is in the air; only that one is sent twice."""
    server.paintings = many(140)
    command = [sys.executable, "-c", SCRIPT, museum, str(tmp_path / "images")]
    server.delay = 0.02
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while server.asked.total() < moment:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    server.delay = 0.0
    skipped = SkipList()
    records = read(museum, tmp_path / "images", MuseumQuery("lilies", limit=130), skipped)
    assert records["id"] == [f"{museum}/{number}" for number in range(1, 131)] and not skipped.items
    assert len([path for path, count in server.asked.items() if count > 1]) <= 1


def test_no_hits_is_said_in_a_sentence(server, museum, tmp_path):
    server.paintings = many(2)
    title = MUSEUMS[museum].title
    with pytest.raises(DataError, match=rf"^{title} has no painting for 'cats' by 'Monet' that can be taken\.$"):
        read(museum, tmp_path, MuseumQuery("cats", artist="Monet"))


def test_a_museum_that_does_not_answer(museum, tmp_path, monkeypatch):
    monkeypatch.setenv(f"ARTEXTRACT_{museum.upper()}_URL", "http://127.0.0.1:9")
    settings = DownloadSettings(retries=1, pause_s=0.01, allow_private_hosts=True)
    with pytest.raises(DataError, match="gave up: .*refused.*; what was fetched is kept, and the same command goes on"):
        read(museum, tmp_path, settings=settings)


def test_pictures_at_private_addresses_are_not_fetched(server, museum, tmp_path):
    """An answer may name any address; the safe fetcher is asked for it."""
    server.paintings = many(1)
    with pytest.raises(DataError, match="--allow-private-hosts"):
        read_museum(museum, LILIES, tmp_path, SkipList())
    assert not server.asked


def test_museums_are_asked_as_often_as_they_want(server, tmp_path):
    assert (MUSEUMS["artic"].pace.per_second, MUSEUMS["artic"].pace.concurrency) == (1, 1)
    server.paintings = many(3)
    read_museum("met", LILIES, tmp_path, SkipList(), allow_private_hosts=True)
    gaps = [later - earlier for earlier, later in itertools.pairwise(server.times[:4])]
    assert min(gaps) >= 0.45  # two a second


def test_an_unknown_museum():
    with pytest.raises(DataError, match="^no museum is called 'louvre' here; there are artic, cleveland, met, nga.$"):
        museum_named("louvre")
