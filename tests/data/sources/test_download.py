"""Downloads from a server that misbehaves, and through kills: nothing is lost, nothing is fetched twice."""

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from artextract_hf.data.fetch import DownloadSettings, Fetcher
from artextract_hf.data.schema import SkipList
from artextract_hf.data.sources.download import JOURNAL, LEFT_OVER_S, Wanted, download_images
from artextract_hf.errors import DataError
from tests.data.sources.iiif_server import IiifServer, jpeg

QUICK = DownloadSettings(
    per_second=1000, timeout_s=2, pause_s=0.01, max_pause_s=1.5, retries=4, allow_private_hosts=True
)


@pytest.fixture
def server():
    server = IiifServer().start()
    yield server
    server.stop()


def wanted(server, *names):
    return [Wanted(f"{name}.jpg", (f"{server.url}/iiif/{name}/full/max/0/default.jpg",)) for name in names]


def journal(folder):
    return [json.loads(line) for line in (folder / JOURNAL).read_text().splitlines()]


def test_pictures_come_whole_and_in_order_from_a_server_that_misbehaves(server, tmp_path):
    server.faults = {
        "busy": [429],
        "broken": [500, 503],
        "cut": ["cut", "cut"],
        "sorry": ["html"],
        "short": ["truncated"],
        "slow": [("slow", 3)],
        "gone": [404, 404],
        "never": [500] * 50,
        "words": ["text"] * 50,
    }
    names = ["fine", *server.faults]
    skipped, start = SkipList(), time.monotonic()
    files = download_images(wanted(server, *names), tmp_path, skipped, settings=QUICK)
    bad = {"gone", "never", "words"}
    assert [file.name if file else None for file in files] == [None if n in bad else f"{n}.jpg" for n in names]
    assert all(file.read_bytes() == jpeg(file.stem) for file in files if file)
    reasons = {item.path.split("/")[4]: item.reason for item in skipped.items}
    assert reasons.keys() == bad
    assert "404" in reasons["gone"] and "500" in reasons["never"] and "text/plain" in reasons["words"]
    asked = server.pictures()
    assert asked["busy"] == 2 and asked["broken"] == 3 and asked["never"] == 5 and asked["gone"] == 1
    assert time.monotonic() - start < 30
    (agent,) = server.agents
    assert agent.startswith("artextract-hf/")
    assert sorted(entry["file"] for entry in journal(tmp_path)) == sorted(f"{n}.jpg" for n in names if n not in bad)
    assert not list(tmp_path.glob(".*.part"))


def test_retry_after_is_waited_for(server, tmp_path):
    server.faults = {"a": [429]}
    start = time.monotonic()
    download_images(wanted(server, "a"), tmp_path, SkipList(), settings=QUICK)
    assert time.monotonic() - start >= 1


def test_the_rate_and_the_concurrency_are_kept(server, tmp_path):
    server.delay = 0.05
    settings = DownloadSettings(concurrency=3, per_second=40, allow_private_hosts=True)
    download_images(wanted(server, *map(str, range(30))), tmp_path, SkipList(), settings=settings)
    assert server.busiest <= 3
    seconds = max(server.times) - min(server.times)
    assert seconds >= 29 / 40 * 0.95


def test_what_is_there_is_not_fetched_again(server, tmp_path):
    names = ["kept", "changed", "unknown", "half", "elsewhere"]
    download_images(wanted(server, *names), tmp_path, SkipList(), settings=QUICK)
    entries = [entry for entry in journal(tmp_path) if entry["file"] not in ("unknown.jpg", "half.jpg")]
    for entry in entries:
        entry["url"] += "?old" if entry["file"] == "elsewhere.jpg" else ""
    lines = "".join(json.dumps(entry) + "\n" for entry in entries)
    (tmp_path / JOURNAL).write_text(lines + '{"url": "http://cut off by a ki')
    data = bytearray((tmp_path / "changed.jpg").read_bytes())
    data[-10] ^= 1
    (tmp_path / "changed.jpg").write_bytes(data)
    (tmp_path / "half.jpg").write_bytes((tmp_path / "half.jpg").read_bytes()[:300])
    for name, age in ((".left.part", LEFT_OVER_S + 60), (".running.part", 1)):
        (tmp_path / name).write_bytes(b"x")
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    server.asked.clear()
    files = download_images(wanted(server, *names), tmp_path, SkipList(), settings=QUICK)
    assert all(file.read_bytes() == jpeg(file.stem) for file in files)
    assert set(server.pictures()) == {"changed", "half", "elsewhere"}
    server.asked.clear()
    download_images(wanted(server, *names), tmp_path, SkipList(), settings=QUICK)
    assert not server.asked and [path.name for path in tmp_path.glob(".*.part")] == [".running.part"]


SCRIPT = """
import sys
from pathlib import Path
from artextract_hf.data.fetch import DownloadSettings
from artextract_hf.data.schema import SkipList
from artextract_hf.data.sources.download import Wanted, download_images
url, folder = sys.argv[1], Path(sys.argv[2])
wanted = [Wanted(f"p{i}.jpg", (f"{url}/iiif/p{i}/full/max/0/default.jpg",)) for i in range(40)]
settings = DownloadSettings(concurrency=4, per_second=1000, allow_private_hosts=True)
files = download_images(wanted, folder, SkipList(), settings=settings)
print(sum(file is not None for file in files))
"""


def test_a_kill_in_the_middle_loses_nothing_and_repeats_nothing(server, tmp_path):
    server.delay = 0.1
    command = [sys.executable, "-c", SCRIPT, server.url, str(tmp_path / "images")]
    root = Path(__file__).parent.parent.parent.parent
    process = subprocess.Popen(command, cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while len(list((tmp_path / "images").glob("*.jpg"))) < 12:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    time.sleep(0.3)  # what was in flight has ended
    finished = {path.stem for path in (tmp_path / "images").glob("*.jpg")}
    assert 12 <= len(finished) < 40
    server.asked.clear()
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "40"
    assert not finished & set(server.pictures())  # what was there is not asked for
    assert set(server.pictures()) == {f"p{i}" for i in range(40)} - finished
    for i in range(40):
        assert (tmp_path / f"images/p{i}.jpg").read_bytes() == jpeg(f"p{i}")
    assert {entry["file"] for entry in journal(tmp_path / "images")} == {f"p{i}.jpg" for i in range(40)}


def test_what_is_wanted_twice_is_fetched_once(server, tmp_path):
    (a,) = wanted(server, "a")
    skipped = SkipList()
    other = Wanted("a.jpg", (f"{server.url}/iiif/b/full/max/0/default.jpg",))
    files = download_images([a, a, other, *[a] * 20], tmp_path, skipped, settings=QUICK)
    assert files == [tmp_path / "a.jpg"] * 2 + [None] + [tmp_path / "a.jpg"] * 20
    assert server.pictures() == {"a": 1} and (tmp_path / "a.jpg").read_bytes() == jpeg("a")
    assert [item.reason for item in skipped.items] == [f"the file a.jpg is of another address, {a.addresses[0]}"]


def test_two_runs_in_one_folder_do_not_disturb_each_other(server, tmp_path):
    names = [f"p{i}" for i in range(30)]

    def run(_):
        return download_images(wanted(server, *names), tmp_path, SkipList(), settings=QUICK)

    with ThreadPoolExecutor(3) as pool:
        assert all(None not in files for files in pool.map(run, range(3)))
    assert all((tmp_path / f"{name}.jpg").read_bytes() == jpeg(name) for name in names)


@pytest.mark.parametrize("name", ["../a.jpg", "/tmp/a.jpg", "x/a.jpg", "..", ".", "", "a\0.jpg"])
def test_a_file_never_leaves_the_folder(server, tmp_path, name):
    skipped = SkipList()
    item = Wanted(name, wanted(server, "a")[0].addresses)
    assert download_images([item], tmp_path / "in", skipped, settings=QUICK) == [None]
    assert "no name of a file" in skipped.items[0].reason and not server.asked
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_the_next_address_is_asked_where_the_first_gives_no_picture(server, tmp_path):
    (bad,), (good,) = (item.addresses for item in wanted(server, "gone", "good"))
    server.faults = {"gone": [404] * 9}
    skipped = SkipList()
    items = [Wanted("a.jpg", (bad, good)), Wanted("b.jpg", (bad, bad.replace("gone", "gone2").replace("max", "x")))]
    assert download_images(items, tmp_path, skipped, settings=QUICK) == [tmp_path / "a.jpg", None]
    assert [(item.path, "404" in item.reason) for item in skipped.items] == [(bad, True)]


def test_a_journal_of_any_shape_is_read(server, tmp_path):
    lines = ["[" * 50_000, "{}", "7", '{"file": [], "url": 1, "sha256": 2, "bytes": 3}', "\x00", '{"file": "a.jpg"}']
    (tmp_path / JOURNAL).write_text("\n".join(lines))
    assert download_images(wanted(server, "a"), tmp_path, SkipList(), settings=QUICK) == [tmp_path / "a.jpg"]


def test_a_body_beyond_the_cap_is_refused(server, tmp_path):
    skipped = SkipList()
    small = DownloadSettings(per_second=1000, max_bytes=100, allow_private_hosts=True)
    assert download_images(wanted(server, "a"), tmp_path, skipped, settings=small) == [None]
    assert "larger than" in skipped.items[0].reason


def test_a_server_that_is_not_there_is_one_clear_error():
    with pytest.raises(DataError, match="gave up"):
        Fetcher(DownloadSettings(retries=1, pause_s=0.01, allow_private_hosts=True)).get("http://127.0.0.1:9/x", bytes)


@pytest.mark.parametrize("bad", [{"concurrency": 0}, {"per_second": 0}, {"retries": -1}])
def test_settings_that_make_no_sense_are_refused(bad):
    with pytest.raises(DataError, match="treat a server"):
        DownloadSettings(**bad)


def test_a_journal_behind_a_link_is_left_alone(server, tmp_path):
    other = tmp_path / "other"
    other.write_text("mine")
    folder = tmp_path / "images"
    folder.mkdir()
    (folder / "downloads.jsonl").symlink_to(other)
    with pytest.raises(DataError, match="is a link"):
        download_images(wanted(server, "a"), folder, SkipList(), settings=QUICK)
    assert other.read_text() == "mine"
