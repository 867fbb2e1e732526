"""What `artextract search` writes for people: lines, a table, a page."""

import csv
import webbrowser
from html.parser import HTMLParser

import pytest

from artextract_hf import AutoEmbedder, PaintingIndex
from artextract_hf.data import synthetic_paintings

HOSTILE = "=1+1<script>alert(1)</script>"


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with an index of four paintings, of which one has a hostile title and a link, and a query."""
    folder = tmp_path_factory.mktemp("found")
    paintings = synthetic_paintings(4, seed=1)
    replaced = {
        "title": [HOSTILE, *paintings["title"][1:]],
        "source_url": ["https://museum.example/1", "javascript:alert(1)", "", ""],
    }
    for name, values in replaced.items():
        paintings = paintings.remove_columns(name).add_column(name, values)
    paintings = paintings.map(lambda _: {"year": 1870}, features=paintings.features)
    PaintingIndex.build(paintings, AutoEmbedder.from_pretrained("palette")).save_pretrained(folder / "index")
    paintings[0]["image"].save(folder / "query.png")
    return folder


def test_a_line_names_the_work_its_rights_and_its_page(run_cli, place):
    code, out, err = run_cli("search", place / "query.png", "--index", place / "index", "-k", 1)
    assert code == 0, err
    line = out.splitlines()[-1]
    assert line.split()[:2] == ["1", "1.000"] and f"{HOSTILE}, artextract-hf" in line
    assert line.endswith("1870 · CC0-1.0 · https://museum.example/1")


def test_a_filter_that_leaves_nothing_says_so(run_cli, place):
    code, out, _ = run_cli("search", place / "query.png", "--index", place / "index", "--where", "year > 1900")
    assert code == 0 and out.splitlines()[-1] == "  no painting passes this filter"


def test_table_and_page_hold_the_answers_and_nothing_of_them_runs(run_cli, place, tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    page, table = tmp_path / "found.html", tmp_path / "found.csv"
    asked = ("search", place / "query.png", "--index", place / "index", "-k", 3, "--html", page, "--csv", table)
    for more in ((), ("--open",)):  # over its own earlier files
        code, _, err = run_cli(*asked, *more)
        assert code == 0, err
    assert opened == [page.as_uri()]
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["rank"] for row in rows] == ["1", "2", "3"] and rows[0]["title"] == f"'{HOSTILE}"
    tags = Tags()
    tags.feed(page.read_text(encoding="utf-8"))
    kinds = [tag for tag, _ in tags.found]
    assert kinds.count("img") == kinds.count("li") == 3 and "script" not in kinds
    assert [attributes["href"] for tag, attributes in tags.found if tag == "a"] == ["https://museum.example/1"]
    assert all(attributes["src"].startswith("data:") for tag, attributes in tags.found if tag == "img")


def test_another_file_is_kept_and_said_before_the_search(run_cli, place, tmp_path):
    (tmp_path / "mine.csv").write_text("mine")
    code, out, err = run_cli("search", "gone.jpg", "--index", "nowhere", "--csv", tmp_path / "mine.csv")
    assert (code, out) == (2, "") and "is kept" in err and (tmp_path / "mine.csv").read_text() == "mine"
    code, _, err = run_cli("search", "gone.jpg", "--index", "nowhere", "--open")
    assert code == 2 and "give --html FILE too" in err
