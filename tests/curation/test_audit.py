"""Leaks that were planted are found, with their kind and place; the report shows them and runs no script."""

import csv
import html.parser
import json

import numpy as np
import pytest
from datasets import Dataset, DatasetDict, Features, Image, Value

from artextract_hf.data.sources.collection import load_collection
from artextract_hf.data.synthetic import synthetic_paintings
from artextract_hf.retrieval.index import PaintingIndex
from artextract_hf.retrieval.records import RecordTable
from artextract_hf.retrieval.vectors.store import VectorStore
from tests.conftest import plain_picture
from tests.retrieval.conftest import ColorEmbedder


@pytest.fixture(scope="module")
def leaky(tmp_path_factory):
    """Twelve paintings in train, six others in val, and three leaks: a copy, a crop, a re-encoded one."""
    root = tmp_path_factory.mktemp("leaky")
    images = synthetic_paintings(18, seed=5)["image"]
    for name in ("train", "val"):
        (root / name).mkdir()
    for i, image in enumerate(images):
        image.save(root / ("train" if i < 12 else "val") / f"{i:02d}.png")
    images[0].save(root / "val/copy.png")
    w, h = images[1].size
    images[1].crop((w // 20, h // 20, w - w // 20, h)).save(root / "val/crop.png")
    images[2].save(root / "val/jpeg.jpg", quality=40)
    images[3].save(root / "train/twin.png")  # a duplicate, but no leak
    (root / "val/broken.jpg").write_text("no picture")
    return root


def test_leaks_are_found_and_nothing_else(run_cli, leaky, tmp_path):
    code, out, _ = run_cli("audit", "leaks", leaky, "--out", tmp_path, "--json")
    assert code == 0
    document = json.loads(out)
    found = {(p["first"], p["second"]): p["kind"] for p in document["pairs"]}
    assert found == {
        ("train/00.png", "val/copy.png"): "exact",
        ("train/01.png", "val/crop.png"): "near",
        ("train/02.png", "val/jpeg.jpg"): "near",
    }
    assert (document["exact"], document["near"]) == (1, 2)
    assert {(p["first_split"], p["second_split"]) for p in document["pairs"]} == {("train", "val")}
    assert document["pairs"][0]["similarity"] == 1 and all(p["similarity"] <= 1 for p in document["pairs"])
    assert [item["path"] for item in document["skipped"]] == ["val/broken.jpg"]
    assert json.loads((tmp_path / "pairs.json").read_text(encoding="utf-8")) == document
    rows = list(csv.DictReader((tmp_path / "pairs.csv").read_text(encoding="utf-8").splitlines()))
    assert [(r["first"], r["second"], r["kind"]) for r in rows] == [(*pair, kind) for pair, kind in found.items()]


def test_duplicates_are_found_within_a_split_too(run_cli, leaky, tmp_path):
    code, out, _ = run_cli("audit", "duplicates", leaky, "--out", tmp_path, "--json")
    assert code == 0
    found = {(p["first"], p["second"]) for p in json.loads(out)["pairs"]}
    assert ("train/03.png", "train/twin.png") in found and len(found) == 4


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.sources, self.text = [], [], ""

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.sources += [value for name, value in attributes if name in ("src", "href")]

    def handle_data(self, data):
        self.text += data


def test_new_paintings_are_looked_for_in_an_index(run_cli, leaky, tmp_path):
    """As a museum asks before it takes in a folder: which of these do we have already?"""
    index = PaintingIndex.build(load_collection(leaky / "train"), ColorEmbedder())
    index.save_pretrained(tmp_path / "index")
    arguments = ("audit", "duplicates", leaky / "val", "--index", tmp_path / "index", "--out", tmp_path / "report")
    code, out, _ = run_cli(*arguments, "--json")
    assert code == 0
    document = json.loads(out)
    assert {(p["first"], p["second"], p["first_split"], p["second_split"]) for p in document["pairs"]} == {
        ("val/copy.png", "train/00.png", "new", "index"),
        ("val/crop.png", "train/01.png", "new", "index"),
        ("val/jpeg.jpg", "train/02.png", "new", "index"),
    }  # not the twin, which the index has twice
    assert [item["path"] for item in document["skipped"]] == ["val/broken.jpg"]
    assert (tmp_path / "report/report.html").read_text(encoding="utf-8").count("<img") == 6


def test_an_index_without_pictures_cannot_be_looked_in(run_cli, leaky, tmp_path):
    store, records = (
        VectorStore.build(np.eye(2, 3, dtype=np.float32)),
        RecordTable.from_rows([{"id": "a"}, {"id": "b"}]),
    )
    bare = PaintingIndex(store, records, embedder=None, embedder_name="colour", fingerprint="colour-1")
    bare.save_pretrained(tmp_path / "index")
    arguments = ("audit", "duplicates", leaky / "val", "--index", tmp_path / "index", "--out", tmp_path / "report")
    code, _, errors = run_cli(*arguments)
    assert code == 2 and "made without pictures" in errors and not (tmp_path / "report").exists()


def test_the_page_shows_both_pictures_and_needs_nothing_from_elsewhere(run_cli, tmp_path):
    folder = tmp_path / "<b>own</b>"
    for split in ("train", "test"):
        (folder / split).mkdir(parents=True)
        synthetic_paintings(1)["image"][0].save(folder / split / "<script>alert(1)</script>.png".replace("/", "_"))
    assert run_cli("audit", "leaks", folder, "--out", tmp_path / "report")[0] == 0
    page = Page()
    page.feed((tmp_path / "report/report.html").read_text(encoding="utf-8"))
    assert page.tags.count("img") == 2 and "script" not in page.tags and "b" not in page.tags
    assert all(source.startswith("data:image/jpeg;base64,") for source in page.sources)
    assert "<script>alert(1)<_script>" in page.text and "1 exact and 0 near" in page.text


def test_a_source_without_splits_has_no_leaks(run_cli, tmp_path):
    for i in range(2):
        plain_picture((90 * i, 50, 10), seed=i).save(tmp_path / f"{i}.png")
    code, _, err = run_cli("audit", "leaks", tmp_path, "--out", tmp_path / "out")
    assert code == 2 and "one only" in err


def test_a_prepared_folder_is_searched_by_its_splits(run_cli, tiny_wikiart, tmp_path):
    run_cli("prepare", "wikiart", "--root", tiny_wikiart, "--out", tmp_path / "data")
    code, out, _ = run_cli("audit", "leaks", tmp_path / "data", "--out", tmp_path / "report", "--json")
    assert code == 0
    leaked = "wikiart/Baroque/rembrandt_self-portrait-1659.jpg"
    assert {"exact"} == {p["kind"] for p in json.loads(out)["pairs"] if p["first"] == p["second"] == leaked}
    run_cli("prepare", "wikiart", "--root", tiny_wikiart, "--out", tmp_path / "joint", "--split", "joint")
    code, out, _ = run_cli("audit", "leaks", tmp_path / "joint", "--out", tmp_path / "report", "--json")
    assert json.loads(out)["exact"] == 0


def test_a_data_set_as_the_hub_stores_it_is_searched_by_its_splits(run_cli, tmp_path):
    images = synthetic_paintings(6, seed=8)
    (tmp_path / "repo/data").mkdir(parents=True)
    pictures = images.select_columns("image")
    pictures.select(range(4)).to_parquet(tmp_path / "repo/data/train-00000-of-00001.parquet")
    pictures.select([3, 4, 5]).to_parquet(tmp_path / "repo/data/test-00000-of-00001.parquet")
    code, out, _ = run_cli("audit", "leaks", tmp_path / "repo", "--out", tmp_path / "report", "--json")
    assert code == 0
    (pair,) = json.loads(out)["pairs"]
    assert pair["kind"] == "exact" and {pair["first_split"], pair["second_split"]} == {"train", "test"}


@pytest.mark.parametrize("name", ["report.html", "pairs.json", "pairs.csv"])
def test_files_of_somebody_else_are_kept_and_found_before_the_work(run_cli, tmp_path, name, monkeypatch):
    (folder := tmp_path / "own").mkdir()
    plain_picture((90, 50, 10)).save(folder / "0.png")
    (out := tmp_path / "out").mkdir()
    (tmp_path / "mine").write_text("{}")
    for foreign in (lambda path: path.write_text("{}"), lambda path: path.symlink_to(tmp_path / "mine")):
        foreign(out / name)
        with monkeypatch.context() as patched:
            patched.setattr("artextract_hf.curation.duplicates.read_collection", None)
            code, _, err = run_cli("audit", "duplicates", folder, "--out", out)
        assert code == 2 and name in err and len(err.splitlines()) == 1
        assert [path.name for path in out.iterdir()] == [name] and (out / name).read_text() == "{}"
        (out / name).unlink()
    for _ in range(2):  # a report takes the place of an earlier one
        assert run_cli("audit", "duplicates", folder, "--out", out)[0] == 0


def test_records_without_ids_titles_or_artists_are_shown(run_cli, tmp_path):
    pictures = [plain_picture((90, 50, 10))] * 2
    twins = Dataset.from_dict({"id": ["a", None], "image": pictures, "title": [None, "Twin"]}).cast(
        Features({"id": Value("string"), "image": Image(mode="RGB"), "title": Value("string")})
    )
    DatasetDict({"all": twins}).save_to_disk(tmp_path / "data")
    code, out, err = run_cli("audit", "duplicates", tmp_path / "data", "--out", tmp_path / "out", "--json")
    assert code == 0, err
    (pair,) = json.loads(out)["pairs"]
    assert (pair["first"], pair["second"]) == ("a", "row 1, without an id")
    page = (tmp_path / "out/report.html").read_text(encoding="utf-8")
    assert "Twin" in page and "None" not in page
    DatasetDict({"all": twins.remove_columns("image")}).save_to_disk(tmp_path / "bare")
    code, _, err = run_cli("audit", "duplicates", tmp_path / "bare", "--out", tmp_path / "none")
    assert code == 2 and err.splitlines()[-1].startswith("artextract: the source has no column image")
