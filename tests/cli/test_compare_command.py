import csv
import io
import json
from pathlib import Path

import pytest
from datasets import Dataset

from artextract_hf.data.schema import new_record, painting_features
from artextract_hf.data.synthetic import PaintingSpec, paint
from artextract_hf.retrieval.index import PaintingIndex
from tests.conftest import plain_picture
from tests.retrieval.conftest import ColorEmbedder, paintings

EVIL = '<script>alert("x")</script>'


@pytest.fixture(scope="module")
def indexes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compared")
    evil = new_record(
        id=EVIL, image=plain_picture((250, 20, 20)), title=EVIL, artist_name="O'Keeffe & Co", credit_line=EVIL,
        source_url="javascript:alert(1)", license='CC0"><img src=x>', year=1903,
    )  # fmt: skip
    plain = new_record(
        id="b/1",
        image=plain_picture((20, 250, 20)),
        title="Meadow",
        source_url="https://example.org/?a=1&b=2",
        year=1911,
    )
    for name, records, seed in (("first", evil, 1), ("second", plain, 2)):
        made = PaintingIndex.build(paintings(8, seed=seed), ColorEmbedder())
        made.add(Dataset.from_list([records], features=painting_features()))
        made.save_pretrained(folder / name)
    PaintingIndex.build(paintings(4), ColorEmbedder("colour-2")).save_pretrained(folder / "other")
    return folder


def read(table: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table.read_text(encoding="utf-8"), newline="")))


def test_compare(run_cli, indexes, tmp_path):
    out = tmp_path / "new" / "report"
    code, printed, _ = run_cli("compare", indexes / "first", indexes / "second", "--out", out, "--json")
    assert code == 0
    document = json.loads(printed)
    assert document == json.loads((out / "comparison.json").read_text(encoding="utf-8"))
    assert (document["a"]["count"], document["b"]["count"], document["embedder"]) == (9, 9, "colour")
    assert set(document) == {"embedder", "k", "a", "b", "closest", "shared", "mmd"}
    assert document["a"]["decades"]["1900"] >= 1 and 0 <= document["a"]["covered"]["share"] <= 1
    for letter in "ab":
        rows = read(out / f"unique_{letter}.csv")
        assert len(rows) == 9
        similarities = [float(row["similarity"]) for row in rows]
        assert similarities == sorted(similarities)
        assert rows[0]["id"] == document[letter]["nearest"][0]["id"]
    pairs = read(out / "closest.csv")
    assert [(pair["a_id"], pair["b_id"]) for pair in pairs] == [(m["id"], m["other"]) for m in document["closest"]]


def test_the_page_escapes_every_text(run_cli, indexes, tmp_path):
    code, printed, _ = run_cli("compare", indexes / "first", indexes / "second", "--out", tmp_path)
    assert code == 0 and "index.html" in printed
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "<script" not in page and "javascript:" not in page and "<img src=x" not in page
    assert "&lt;script&gt;" in page and "O&#39;Keeffe &amp; Co" in page
    assert 'href="https://example.org/?a=1&amp;b=2"' in page
    assert page.count("data:image/jpeg;base64,") >= 18


def test_a_work_in_several_pairs_counts_once(run_cli, tmp_path):
    once = paint(PaintingSpec("impasto", "earth", "landscape", seed=1))
    other = paint(PaintingSpec("glaze", "sunlit", "portrait", seed=50))
    works = {"three": dict.fromkeys("abc", once), "two": {"a": once, "d": other}}
    for name, pictures in works.items():
        records = [new_record(id=id_, image=picture) for id_, picture in pictures.items()]
        made = PaintingIndex.build(Dataset.from_list(records, features=painting_features()), ColorEmbedder())
        made.save_pretrained(tmp_path / name)
    code, printed, err = run_cli("compare", tmp_path / "three", tmp_path / "two", "--out", tmp_path / "x")
    lines = printed.splitlines()
    assert code == 0 and lines[0].endswith("works are covered by the other, 3 are in it"), err
    assert lines[1].endswith("works are covered by the other, 1 are in it")
    assert len(json.loads((tmp_path / "x/comparison.json").read_text())["shared"]) == 3
    page = (tmp_path / "x/index.html").read_text()
    assert "<td>works that are in the other, too</td><td>3</td><td>1</td>" in page


def test_bad_input(run_cli, indexes, tmp_path):
    code, _, err = run_cli("compare", indexes / "first", indexes / "other", "--out", tmp_path / "x")
    assert code == 2 and "different embedders" in err and not (tmp_path / "x").exists()
    code, _, err = run_cli("compare", indexes / "first", tmp_path / "nothing", "--out", tmp_path / "x")
    assert code == 2 and err.startswith("artextract: ")


@pytest.mark.parametrize("name", ["index.html", "comparison.json", "closest.csv"])
def test_files_of_somebody_else_are_kept_and_found_before_the_work(run_cli, indexes, tmp_path, name, monkeypatch):
    (tmp_path / name).write_text("{}")
    with monkeypatch.context() as patched:
        patched.setattr("artextract_hf.retrieval.index.read_index", None)
        code, _, err = run_cli("compare", indexes / "first", indexes / "second", "--out", tmp_path)
    assert code == 2 and name in err and len(err.splitlines()) == 1
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {name: "{}"}
    (tmp_path / name).rename(tmp_path / "other.html")
    for _ in range(2):  # a comparison takes the place of an earlier one
        assert run_cli("compare", indexes / "first", indexes / "second", "--out", tmp_path)[0] == 0
    assert (tmp_path / "other.html").read_text() == "{}"
