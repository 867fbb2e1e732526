"""Embedding in parts: stopped anywhere, or dealt to processes, it gives the same folder."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image as PILImage

from artextract_hf import AutoEmbedder
from artextract_hf.data.schema import SkipList
from artextract_hf.data.sources.collection import read_collection
from artextract_hf.digests import file_digest
from artextract_hf.errors import ArtExtractError, DataError
from artextract_hf.retrieval.embedding_parts import embed_collection, join_parts, plan_parts, write_parts
from artextract_hf.retrieval.fingerprint import data_fingerprint
from artextract_hf.retrieval.storage import read_embeddings
from tests.conftest import plain_picture
from tests.retrieval.conftest import ColorEmbedder, paintings
from tests.retrieval.test_embed import spoilt
from training.embed_collection import main as embed_collection_script

ROOT = Path(__file__).parent.parent.parent
FILES = ("embeddings.npy", "records.parquet", "ids.json", "embedder.json")
ENVIRONMENT = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
SCRIPT = "training/embed_collection.py"


def content(folder: Path) -> dict[str, bytes]:
    assert sorted(p.name for p in folder.iterdir()) == sorted(FILES)
    return {name: (folder / name).read_bytes() for name in FILES}


@pytest.fixture(scope="module")
def broken():
    return spoilt(paintings(23), "test/3", "test/8", "test/9", "test/10", "test/11")


@pytest.fixture(scope="module")
def whole(broken, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    embed_collection(broken, ColorEmbedder(), folder, part=4)
    return folder


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    for i in range(40):
        plain_picture((6 * i, 255 - 6 * i, 90), (60, 40), seed=i).save(folder / f"{i:02}.png")
    (folder / "39.png").write_bytes((folder / "39.png").read_bytes()[:400])
    return folder


def test_the_folder(whole, broken):
    kept = [i for i in range(23) if i not in (3, 8, 9, 10, 11)]
    ids = json.loads((whole / "ids.json").read_text())
    assert ids == [f"test/{i}" for i in kept]
    vectors = np.load(whole / "embeddings.npy", mmap_mode="r")
    assert vectors.dtype == np.float32
    np.testing.assert_array_equal(vectors, ColorEmbedder().embed([broken[i]["image"] for i in kept]))
    rows = pq.read_table(whole / "records.parquet").to_pylist()
    years = broken.remove_columns("image")["year"]
    assert [(r["id"], r["year"]) for r in rows] == [(f"test/{i}", years[i]) for i in kept]
    assert all(PILImage.open(io.BytesIO(r["thumbnail"])).size == (24, 16) for r in rows)
    about = json.loads((whole / "embedder.json").read_text())
    assert (about["embedder"], about["fingerprint"], about["dim"], about["count"]) == ("colour", "colour-1", 3, 18)
    assert [s["path"] for s in about["skipped"]] == ["test/3", *(f"test/{i}" for i in range(8, 12))]
    assert about["data"] == data_fingerprint(ids, [r["thumbnail"] for r in rows])
    assert about["vectors"] == file_digest(whole / "embeddings.npy")


@pytest.mark.parametrize("part", [1, 5, 100])
def test_neither_parts_nor_shards_change_the_vectors(whole, broken, tmp_path, part):
    plan_parts(broken, ColorEmbedder(), tmp_path, part=part)
    for shard in (2, 0, 1):
        write_parts(broken, ColorEmbedder(), tmp_path, shard=shard, shards=3)
    join_parts(tmp_path)
    found, expected = content(tmp_path), content(whole)
    for name in ("embeddings.npy", "ids.json"):
        assert found[name] == expected[name]
    about, other = (json.loads(files["embedder.json"]) for files in (found, expected))
    assert about | {"records": ""} == other | {"records": ""}  # the file has its rows in groups as large as the parts
    assert pq.read_table(tmp_path / "records.parquet").equals(pq.read_table(whole / "records.parquet"))


class StoppedError(Exception):
    """In place of a power cut."""


@pytest.mark.parametrize("step", range(1, 22))
def test_killed_at_any_rename_it_goes_on(whole, broken, tmp_path, monkeypatch, step):
    """The plan, six parts, two documents, two swaps: stop before and after each; what was there is there till then."""
    out, renames = tmp_path / "out", 0
    embed_collection(broken.select([0, 1]), ColorEmbedder(), out)
    before = content(out)

    def killing(rename):
        def killed(path: Path, target: Path) -> Path:
            nonlocal renames
            renames += 1
            if 2 * renames > step:  # an odd step stops after the rename, an even one before the next
                if step % 2 and 2 * renames == step + 1:
                    rename(path, target)
                raise StoppedError
            return rename(path, target)

        return killed

    with monkeypatch.context() as patched:
        for name in ("replace", "rename"):
            patched.setattr(Path, name, killing(getattr(Path, name)))
        patched.setattr("artextract_hf.outputs.shutil.rmtree", lambda path, **_: None)  # the dead clean up nothing
        with pytest.raises(StoppedError):
            embed_collection(broken, ColorEmbedder(), out, part=4)
    assert len(read_embeddings(out)[1]) == (2 if step < 19 else 18)
    if step < 19:
        assert {name: (out / name).read_bytes() for name in FILES} == before
    embed_collection(broken, ColorEmbedder(), out, part=4)
    assert content(out) == content(whole)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_second_run_on_the_folder_is_refused(broken, tmp_path, monkeypatch):
    class Impatient(ColorEmbedder):
        def embed(self, *_, **__):
            with pytest.raises(ArtExtractError, match=f"another run is writing {tmp_path / 'out'}"):
                embed_collection(broken, ColorEmbedder(), tmp_path / "out")
            return super().embed(*_, **__)

    assert embed_collection(broken, Impatient(), tmp_path / "out")["count"] == 18
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


class WideEmbedder(ColorEmbedder):
    dim = 3000

    def embed(self, images, batch_size=32):
        return np.tile(super().embed(images), 1000) / np.float32(1000**0.5)


def test_a_full_disk_is_an_error_and_what_was_there_stays(whole, broken, tmp_path, limited_files):
    shutil.copytree(whole, tmp_path / "out")
    with limited_files(150_000), pytest.raises(OSError, match="File too large"):  # in the vectors, 216 kB
        embed_collection(broken, WideEmbedder("wide"), tmp_path / "out", part=4)
    assert len(list((tmp_path / "out/parts").glob("*.parquet"))) == 6
    assert {name: (tmp_path / "out" / name).read_bytes() for name in FILES} == content(whole)
    assert embed_collection(broken, WideEmbedder("wide"), tmp_path / "out", part=4)["count"] == 18


def test_a_folder_with_something_else_in_it_is_refused(broken, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/notes.txt").write_text("mine")
    with pytest.raises(DataError, match=r"notes\.txt was not written by `artextract embed`"):
        embed_collection(broken, ColorEmbedder(), tmp_path / "out")
    assert (tmp_path / "out/notes.txt").read_text() == "mine"


@pytest.mark.parametrize("document", ["[]", "[" * 100_000, "3", '"x"', "\xff"])
def test_a_damaged_description_is_one_line(broken, tmp_path, document):
    embed_collection(broken.select([0]), ColorEmbedder(), tmp_path)
    (tmp_path / "embedder.json").write_bytes(document.encode("latin-1"))
    with pytest.raises(DataError, match="embedder.json is damaged"):
        embed_collection(broken, ColorEmbedder(), tmp_path)


def test_what_is_finished_is_not_made_again(whole, broken, monkeypatch):
    expected = content(whole)
    monkeypatch.setattr(ColorEmbedder, "embed", None)
    (whole / "parts").mkdir()  # a run that was killed while it removed them
    about = embed_collection(broken, ColorEmbedder(), whole, part=4)
    assert content(whole) == expected and about == json.loads(expected["embedder.json"])


def test_a_folder_without_the_digest_of_its_vectors_is_made_again(whole, broken, tmp_path):
    embed_collection(broken, ColorEmbedder(), tmp_path, part=4)
    about = json.loads((tmp_path / "embedder.json").read_text())
    del about["vectors"]
    (tmp_path / "embedder.json").write_text(json.dumps(about))
    embed_collection(broken, ColorEmbedder(), tmp_path, part=4)
    assert content(tmp_path) == content(whole)


def test_another_collection_never_joins_the_parts_of_one(broken, tmp_path):
    plan_parts(broken, ColorEmbedder(), tmp_path, part=4)
    write_parts(broken, ColorEmbedder(), tmp_path, shard=1, shards=2)
    renamed = broken.map(lambda r: {"title": "Another" if r["id"] == "test/2" else r["title"]})
    for other, embedder, part in (
        (renamed, ColorEmbedder(), 4),
        (spoilt(broken, "test/2"), ColorEmbedder(), 4),
        (broken, ColorEmbedder("colour-2"), 4),
        (broken, ColorEmbedder(), 5),
    ):
        with pytest.raises(DataError, match="parts of another collection, embedder or size"):
            embed_collection(other, embedder, tmp_path, part=part)
    with pytest.raises(DataError, match="missing or damaged"):
        join_parts(tmp_path)
    assert embed_collection(broken, ColorEmbedder(), tmp_path, part=4)["count"] == 18
    assert embed_collection(renamed, ColorEmbedder(), tmp_path)["count"] == 18  # a finished folder may be used again
    assert pq.read_table(tmp_path / "records.parquet")["title"][2].as_py() == "Another"


def test_bad_collections(tmp_path, broken):
    with pytest.raises(DataError, match="'test/1' appears twice"):
        embed_collection(broken.select([0, 1, 2, 1]), ColorEmbedder(), tmp_path)
    for nothing in ([8, 9], []):
        with pytest.raises(DataError, match="nothing to embed"):
            embed_collection(broken.select(nothing), ColorEmbedder(), tmp_path / str(len(nothing)))


def test_the_script_writes_what_the_command_writes(pictures, tiny_classifier, run_cli, tmp_path, monkeypatch):
    command = ["--source", str(pictures), "--out", str(tmp_path / "script"), "--embedder", str(tiny_classifier)]
    monkeypatch.setattr("sys.argv", ["embed_collection.py", *command])
    embed_collection_script()
    assert run_cli("embed", pictures, "--out", tmp_path / "command", "--embedder", tiny_classifier)[0] == 0
    assert content(tmp_path / "script") == content(tmp_path / "command")


@pytest.mark.long
def test_a_killed_process_goes_on_to_the_same_bytes(pictures, tiny_classifier, tmp_path):
    command = [sys.executable, SCRIPT, "--source", str(pictures), "--out", str(tmp_path / "out"), "--part", "3"]
    command += ["--embedder", str(tiny_classifier)]
    run = subprocess.Popen(command, cwd=ROOT, env=ENVIRONMENT, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 120
        while len(list(tmp_path.glob("out/parts/*.parquet"))) < 3:
            assert time.monotonic() < deadline and run.poll() is None
            time.sleep(0.001)
        run.send_signal(signal.SIGKILL)
        assert run.wait() == -signal.SIGKILL
    finally:
        run.kill()
    kept = list(tmp_path.glob("out/parts/*.parquet"))
    assert 3 <= len(kept) < 13  # it was at work
    subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, check=True, capture_output=True)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as ENVIRONMENT says: sums of several threads differ in the last bit
    try:
        left_out, embedder = SkipList(), AutoEmbedder.from_pretrained(str(tiny_classifier))
        dataset = read_collection(pictures, left_out)
        embed_collection(dataset, embedder, tmp_path / "never_killed", part=3, left_out=left_out)
    finally:
        torch.set_num_threads(threads)
    assert content(tmp_path / "out") == content(tmp_path / "never_killed")
    assert len(np.load(tmp_path / "out/embeddings.npy")) == 39


@pytest.mark.long
def test_two_processes_share_the_work(pictures, tiny_classifier, tmp_path):
    launch = ["torch.distributed.run", "--nproc_per_node", "2", "--rdzv_backend", "c10d"]
    launch += ["--rdzv_endpoint", "localhost:0", "--master_port", "0", SCRIPT, "--source", str(pictures)]
    launch += ["--out", str(tmp_path / "two"), "--embedder", str(tiny_classifier), "--part", "4"]
    done = subprocess.run([sys.executable, "-m", *launch], cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "39 vectors" in done.stdout and done.stdout.count("vectors of length") == 1
    left_out, embedder = SkipList(), AutoEmbedder.from_pretrained(str(tiny_classifier))
    embed_collection(read_collection(pictures, left_out), embedder, tmp_path / "one", left_out=left_out)
    one, two = (np.load(tmp_path / name / "embeddings.npy") for name in ("one", "two"))
    np.testing.assert_allclose(one, two, atol=1e-5)
    parts = pq.read_metadata(tmp_path / "two/records.parquet").num_row_groups
    assert parts == 10
    assert (tmp_path / "one/ids.json").read_text() == (tmp_path / "two/ids.json").read_text()
    about = json.loads((tmp_path / "two/embedder.json").read_text())
    assert [Path(s["path"]).name for s in about["skipped"]] == ["39.png"]


def test_the_command(run_cli, pictures, tiny_classifier, tmp_path):
    command = ("embed", pictures, "--out", tmp_path, "--embedder", tiny_classifier)
    code, out, err = run_cli(*command)
    assert code == 0 and "39 vectors" in out and "39.png" in err
    first = content(tmp_path)
    assert run_cli(*command)[0] == 0 and content(tmp_path) == first
    code, _, err = run_cli("embed", tmp_path / "nowhere", "--out", tmp_path / "x", "--embedder", tiny_classifier)
    assert code == 2 and err.count("\n") == 1
