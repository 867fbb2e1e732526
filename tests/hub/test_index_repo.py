"""An index pushed to a loopback Hub and searched from there."""

import json
import os
import shutil
import subprocess
import sys
import textwrap

import pytest
from huggingface_hub import DatasetCard

from artextract_hf import AutoEmbedder, PaintingIndex
from artextract_hf.data.rights import ALLOW
from artextract_hf.data.synthetic.synthetic import synthetic_paintings
from artextract_hf.retrieval.storage import index_files
from tests.hub.loopback_hub import TOKEN, Fault

REPO = "somebody/collection"


@pytest.fixture(scope="module")
def index(tiny_classifier, tmp_path_factory):
    folder = tmp_path_factory.mktemp("index") / "index"
    embedder = AutoEmbedder.from_pretrained(str(tiny_classifier))
    PaintingIndex.build(synthetic_paintings(6), embedder).save_pretrained(folder)
    return folder


def client(hub, home, script):
    environment = os.environ | hub.environment(home)
    command = [sys.executable, "-c", textwrap.dedent(script)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=180)


@pytest.mark.parametrize("fault", ["none", 500, 412, "lost", "cut"])
def test_round_trip_bit_for_bit(hub, index, tmp_path, fault):
    hub.faults = [] if fault == "none" else [Fault("POST .*/commit/", fault)]
    pushed = client(
        hub,
        tmp_path / "home",
        f"""
        from artextract_hf import PaintingIndex
        print(PaintingIndex.from_pretrained("{index}").push_to_hub("{REPO}", tag="v1"))
        """,
    )
    assert pushed.returncode == 0, pushed.stderr[-2000:]
    repo = hub.repo(REPO, "datasets")
    assert len(repo.commits) == 2 and repo.tags == {"v1": repo.head}
    assert {"index.faiss", "records.parquet"} < set(index_files(index))
    for name in index_files(index):
        assert repo.files[name] == (index / name).read_bytes()
    assert TOKEN not in pushed.stdout + pushed.stderr
    card = DatasetCard(repo.files["README.md"].decode())
    assert "6 paintings as vectors" in card.text and "| CC0-1.0 | 6 |" in card.text
    assert "What a score is worth" not in card.text  # of six paintings nothing can be told
    found = client(
        hub,
        tmp_path / "other",
        f"""
        import json
        from artextract_hf import PaintingIndex
        from artextract_hf.data.synthetic.synthetic import synthetic_paintings
        index = PaintingIndex.from_pretrained("{REPO}", revision="v1")
        print(json.dumps([h.id for h in index.search(synthetic_paintings(6)[2]["image"], k=3)]))
        """,
    )
    assert found.returncode == 0, found.stderr[-2000:]
    expected = PaintingIndex.from_pretrained(index).search(synthetic_paintings(6)[2]["image"], k=3)
    assert json.loads(found.stdout.splitlines()[-1]) == [hit.id for hit in expected]


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
    from artextract_hf.hub.index_repo import write_index_repo
    from tests.retrieval.conftest import ColorEmbedder, paintings

    made = PaintingIndex.build(paintings(200), ColorEmbedder())
    made.save_pretrained(tmp_path / "index")
    report = write_index_repo(tmp_path / "index", tmp_path / "repo", repo_id=REPO)
    assert report["threshold"] == made.threshold and report["calibrated"] == ["artist", "style"]
    card = DatasetCard.load(tmp_path / "repo/README.md").text
    assert "the query's artist and style" in card and f"less than {made.threshold:.3f}" in card
    again = PaintingIndex.from_pretrained(tmp_path / "repo", embedder=ColorEmbedder())
    assert again.search(made.vectors()[3], k=5) == made.search(made.vectors()[3], k=5)


def test_a_damaged_index_is_not_published(run_cli, index, tmp_path):
    shutil.copytree(index, tmp_path / "index")
    (tmp_path / "index/index.faiss").write_bytes((index / "index.faiss").read_bytes()[:-8])
    code, _, err = run_cli("publish", "index", tmp_path / "index", REPO, "--dry-run", "--out", tmp_path / "repo")
    assert code == 2 and "damaged" in err
