"""An index pushed to a loopback Hub and searched from there."""

import json
import os
import shutil
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest
from huggingface_hub import DatasetCard

from artextract_hf import AutoEmbedder, PaintingIndex, RegionIndex
from artextract_hf.data.rights import ALLOW
from artextract_hf.data.synthetic import synthetic_paintings
from artextract_hf.errors import ArtExtractError, DataError, PaintingIndexError
from artextract_hf.hub.index_repo import check_thumbnails, index_repository
from artextract_hf.retrieval.embed import thumbnail_of
from artextract_hf.retrieval.records import RecordTable
from artextract_hf.retrieval.storage import index_files
from tests.conftest import plain_picture
from tests.hub.loopback_hub import LoopbackHub
from tests.hub.loopback_repo import TOKEN, Fault
from tests.retrieval.conftest import ColorEmbedder, paintings
from tests.retrieval.regions.conftest import SIDE, CellEmbedder, collection, pictures

ROOT = Path(__file__).parent.parent.parent
REPO = "somebody/collection"


@pytest.fixture(scope="module")
def index(tiny_classifier, tmp_path_factory):
    folder = tmp_path_factory.mktemp("index") / "index"
    embedder = AutoEmbedder.from_pretrained(str(tiny_classifier))
    PaintingIndex.build(synthetic_paintings(6), embedder).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def gallery_of_regions(tmp_path_factory):
    folder = tmp_path_factory.mktemp("regions") / "index"
    RegionIndex.build(collection(pictures()[:4]), CellEmbedder(), side=SIDE).save_pretrained(folder)
    return folder


def client(hub, home, script):
    environment = os.environ | hub.environment(home)
    command = [sys.executable, "-c", textwrap.dedent(script)]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=180)


FAULTS = {"none": None, "500": 500, "412": 412, "lost": "lost", "cut": "cut"}  # of the first commit


@dataclass
class RoundTrips:
    """A Hub to which an index was pushed under every fault, and the hits that another process found in each copy."""

    hub: LoopbackHub
    printed: str
    hits: dict[str, list[str]]


@pytest.fixture(scope="module")
def round_trips(index, tmp_path_factory):
    repos = {fault: f"{REPO}-{fault}" for fault in FAULTS}
    hub, home = LoopbackHub().start(), tmp_path_factory.mktemp("homes")
    hub.faults = [Fault(f"POST .*/{repos[fault]}/commit/", how) for fault, how in FAULTS.items() if how]
    pushed = client(
        hub,
        home / "writer",
        f"""
        from artextract_hf import PaintingIndex
        index = PaintingIndex.from_pretrained("{index}")
        for repo_id in {list(repos.values())}:
            print(index.push_to_hub(repo_id, tag="v1"))
        """,
    )
    assert pushed.returncode == 0, pushed.stderr[-2000:]
    assert all(fault.times == 0 for fault in hub.faults)  # it did meet them
    found = client(
        hub,
        home / "reader",
        f"""
        import json
        from artextract_hf import PaintingIndex
        from artextract_hf.data.synthetic import synthetic_paintings
        query = synthetic_paintings(6)[2]["image"]
        for repo_id in {list(repos.values())}:
            index = PaintingIndex.from_pretrained(repo_id, revision="v1")
            print(json.dumps([h.id for h in index.search(query, k=3)]))
        """,
    )
    assert found.returncode == 0, found.stderr[-2000:]
    hits = dict(zip(FAULTS, map(json.loads, found.stdout.splitlines()), strict=True))
    yield RoundTrips(hub, pushed.stdout + pushed.stderr, hits)
    hub.stop()


@pytest.mark.parametrize("fault", FAULTS)
def test_round_trip_bit_for_bit(round_trips, index, fault):
    repo = round_trips.hub.repo(f"{REPO}-{fault}", "datasets")
    assert len(repo.commits) == 2 and repo.tags == {"v1": repo.head}
    assert {"index.faiss", "records.parquet"} < set(index_files(index))
    for name in index_files(index):
        assert repo.files[name] == (index / name).read_bytes()
    assert TOKEN not in round_trips.printed
    card = DatasetCard(repo.files["README.md"].decode())
    assert "6 paintings as vectors" in card.text and "| CC0-1.0 | 6 |" in card.text
    assert "What a score is worth" not in card.text  # of six paintings nothing can be told
    expected = PaintingIndex.from_pretrained(index).search(synthetic_paintings(6)[2]["image"], k=3)
    assert round_trips.hits[fault] == [hit.id for hit in expected]


def test_an_index_of_restricted_pictures_is_refused(run_cli, tiny_classifier, tmp_path):
    paintings = synthetic_paintings(4)
    licenses = ["CC0", "In Copyright", "", "CC BY 4.0"]
    paintings = paintings.remove_columns("license").add_column("license", licenses)
    made = PaintingIndex.build(paintings, AutoEmbedder.from_pretrained(str(tiny_classifier)))
    made.save_pretrained(tmp_path / "index")
    arguments = ["publish", "index", tmp_path / "index", REPO, "--dry-run", "--out", tmp_path / "repo"]
    code, _, err = run_cli(*arguments)
    assert code == 2 and "2 of 4 paintings" in err and ALLOW in err and not (tmp_path / "repo").exists()
    code, out, _ = run_cli(*arguments, ALLOW, "--json")
    assert code == 0 and json.loads(out)["rights"]["In Copyright"] == 1
    assert "not open" in (tmp_path / "repo/README.md").read_text()


def test_the_card_says_what_a_score_is_worth(tmp_path):
    made = PaintingIndex.build(paintings(200), ColorEmbedder())
    made.save_pretrained(tmp_path / "index")
    report = index_repository(tmp_path / "index", REPO).write(tmp_path / "repo")
    assert report["threshold"] == made.threshold and report["calibrated"] == ["artist", "style"]
    card = DatasetCard.load(tmp_path / "repo/README.md").text
    assert "the query's artist and style" in card and f"less than {made.threshold:.3f}" in card
    again = PaintingIndex.from_pretrained(tmp_path / "repo", embedder=ColorEmbedder())
    assert again.search(made.vectors()[3], k=5) == made.search(made.vectors()[3], k=5)


def test_regions_of_paintings_have_a_card_of_their_own(gallery_of_regions, tmp_path):
    with pytest.raises(DataError, match="4 of 4 paintings have no open licence"):
        index_repository(gallery_of_regions, REPO).write(tmp_path / "repo")
    report = index_repository(gallery_of_regions, REPO, allow_restricted=True).write(tmp_path / "repo")
    assert report["kind"] == "regions" and report["rights"] == {"not stated": 4} and report["threshold"] is None
    assert {"patches.npy", "README.md", "projection.safetensors", "index.json"} <= set(report["files"])
    card = DatasetCard.load(tmp_path / "repo/README.md").text
    assert "the details of 4 paintings" in card and f'RegionIndex.from_pretrained("{REPO}")' in card
    (tmp_path / "repo/patches.npy").write_bytes(b"other")
    with pytest.raises(PaintingIndexError, match="damaged"):
        index_repository(tmp_path / "repo", REPO, allow_restricted=True).write(tmp_path / "again")


def test_faces_of_paintings_count_as_their_paintings(tmp_path):
    works = ["a", "a", "a", "b", "c", "c"]
    faces = paintings(6).remove_columns("license").add_column("license", ["CC0"] * 4 + ["In Copyright"] * 2)
    PaintingIndex.build(faces.add_column("painting", works), ColorEmbedder()).save_pretrained(tmp_path / "index")
    with pytest.raises(DataError, match="1 of 3 paintings"):
        index_repository(tmp_path / "index", REPO).write(tmp_path / "repo")
    report = index_repository(tmp_path / "index", REPO, allow_restricted=True).write(tmp_path / "repo")
    assert report["kind"] == "faces" and report["rights"] == {"CC0": 2, "In Copyright": 1}
    card = DatasetCard.load(tmp_path / "repo/README.md").text
    assert "6 painted faces" in card and f'FaceIndex.from_pretrained("{REPO}")' in card


def test_regions_and_a_table_of_a_database_go_there_and_back(hub, gallery_of_regions, index, tmp_path):
    pytest.importorskip("lancedb", reason="the database extra is not installed")
    done = client(
        hub,
        tmp_path / "home",
        f"""
        from artextract_hf import DatabaseIndex, PaintingIndex, RegionIndex
        from tests.retrieval.regions.conftest import CellEmbedder
        embedder = CellEmbedder()
        regions = RegionIndex.from_pretrained("{gallery_of_regions}", embedder=embedder)
        print(regions.push_to_hub("somebody/regions", allow_restricted=True, tag="v1"))
        assert RegionIndex.from_pretrained("somebody/regions", "v1", embedder=embedder).ids == regions.ids
        table = DatabaseIndex.from_pretrained("{index}")
        print(table.push_to_hub("somebody/table"))
        assert PaintingIndex.from_pretrained("somebody/table").ids == table.ids
        assert DatabaseIndex.from_pretrained("somebody/table").ids == table.ids
        """,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split() == [f"{hub.url}/datasets/somebody/{name}" for name in ("regions", "table")]
    assert "the details of 4 paintings" in hub.repo("somebody/regions", "datasets").files["README.md"].decode()
    assert "6 paintings as vectors" in hub.repo("somebody/table", "datasets").files["README.md"].decode()


@pytest.mark.parametrize("name", ["vectors.json", "index.faiss", "index.json"])
def test_links_out_of_an_index_are_not_published(index, tmp_path, name):
    shutil.copytree(index, tmp_path / "index")
    (tmp_path / "index" / name).unlink()
    (tmp_path / "index" / name).symlink_to(index / name)
    with pytest.raises(ArtExtractError, match=f"{name} is a link out of"):
        index_repository(tmp_path / "index", REPO).write(tmp_path / "repo")


def test_a_damaged_index_is_not_published(run_cli, index, tmp_path):
    shutil.copytree(index, tmp_path / "index")
    (tmp_path / "index/index.faiss").write_bytes((index / "index.faiss").read_bytes()[:-8])
    code, _, err = run_cli("publish", "index", tmp_path / "index", REPO, "--dry-run", "--out", tmp_path / "repo")
    assert code == 2 and "damaged" in err


@pytest.mark.parametrize("other", [b"PK\x03\x04 a zip", b"<html>", b"", b"\xff\xd8\xff\xe0 no more"])
def test_small_pictures_that_are_none_are_not_published(tmp_path, other):
    rows = [{"id": "a", "license": "CC0", "thumbnail": other}]
    with pytest.raises(DataError, match="index is not published: of a the small picture cannot be used") as error:
        check_thumbnails(RecordTable.from_rows(rows), tmp_path / "index")
    assert "\n" not in str(error.value)
    rows = [{"id": "a", "license": "CC0", "thumbnail": thumbnail_of(plain_picture((1, 2, 3)))}]
    check_thumbnails(RecordTable.from_rows(rows), tmp_path / "index")


def test_of_equal_small_pictures_the_stricter_rights_count(tmp_path):
    records = paintings(3)
    same = records.select([0, 0, 1]).remove_columns(["id", "license"])
    same = same.add_column("id", ["a", "b", "c"]).add_column("license", ["CC0", "In copyright", "CC0"])
    PaintingIndex.build(same, ColorEmbedder()).save_pretrained(tmp_path / "index")
    with pytest.raises(DataError, match="2 of 3 paintings have no open licence"):
        index_repository(tmp_path / "index", REPO).write(tmp_path / "repo")


@pytest.mark.parametrize("column", ["credit_line", "usage_rights"])
def test_what_other_fields_state_of_the_rights_counts(tmp_path, column):
    records = paintings(3)
    records = records.remove_columns(column) if column in records.column_names else records
    records = records.add_column(column, ["\u00a9 Ann, all rights reserved"] * 3)
    PaintingIndex.build(records, ColorEmbedder()).save_pretrained(tmp_path / "index")
    with pytest.raises(DataError, match="3 of 3 paintings have no open licence"):
        index_repository(tmp_path / "index", REPO).write(tmp_path / "repo")
