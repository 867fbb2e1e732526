"""Output folders: whole at any moment, one writer at a time, and nothing of anybody else's removed."""

import importlib
import multiprocessing
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from artextract_hf import outputs
from artextract_hf.curation.duplicates import read_splits
from artextract_hf.data.prepared import load_prepared
from artextract_hf.data.schema import SkipList
from artextract_hf.errors import ArtExtractError
from artextract_hf.hub.space_repo import space_repository
from artextract_hf.outputs import (
    check_replaceable,
    first_other,
    output_lock,
    recover,
    replacement,
    reserve_space,
    whole_files,
    working_room,
    write_whole,
)
from artextract_hf.retrieval.storage import find_index

ROOT = Path(__file__).parent.parent


def fill(folder: Path, text: str) -> None:
    with replacement(folder) as new:
        (new / "sub").mkdir()
        (new / "sub/file").write_text(text)


def text(folder: Path) -> str:
    return (folder / "sub/file").read_text()


@pytest.fixture
def out(tmp_path):
    fill(tmp_path / "out", "old")
    return tmp_path / "out"


class KilledError(BaseException):
    """In place of SIGKILL."""


@pytest.mark.parametrize(("step", "expected"), [(0, "old"), (1, "new"), (2, "new")])
def test_killed_at_a_rename_it_is_the_old_or_the_new(out, monkeypatch, step, expected):
    """Killed before the first rename, between the two, and after them."""
    renames, rename = 0, Path.rename

    def killed(path: Path, target: Path) -> Path:
        nonlocal renames
        renames += 1
        if renames > step:
            raise KilledError
        rename(path, target)
        if renames == step == 2:
            raise KilledError
        return target

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", killed)
        patched.setattr(outputs.shutil, "rmtree", lambda *_, **__: None)  # the dead clean up nothing
        with pytest.raises(KilledError):
            fill(out, "new")
    assert out.exists() == (step != 1)
    assert {path.name for path in out.parent.iterdir()} - {"out"} == {".out.artextract"}
    recover(out)
    assert text(out) == expected
    with output_lock(out):  # the next run clears what is left
        pass
    assert text(out) == expected and [path.name for path in out.parent.iterdir()] == ["out"]


def test_what_was_deleted_does_not_come_back(out):
    """A run was killed while it removed the old folder, and then somebody removed the new one."""
    shutil.copytree(out, out.parent / ".out.artextract/old")
    shutil.rmtree(out)
    recover(out)
    assert not out.exists() and not list(out.parent.iterdir())


def test_an_error_while_it_is_written_leaves_the_old(out, limited_files):
    with pytest.raises(OSError, match="File too large"), limited_files(1000), replacement(out) as new:
        (new / "large").write_bytes(bytes(2000))
    assert text(out) == "old" and [path.name for path in out.parent.iterdir()] == ["out"]


def test_bytes_are_on_the_disk_before_the_rename_and_the_rename_after_it(out, monkeypatch):
    seen, rename = [], Path.rename
    monkeypatch.setattr(os, "fsync", lambda handle: seen.append(Path(f"/proc/self/fd/{handle}").readlink().name))
    monkeypatch.setattr(Path, "rename", lambda path, target: (seen.append("rename"), rename(path, target))[1])
    fill(out, "new")
    assert sorted(seen[:3]) == ["file", "new", "sub"] and seen[3:] == ["rename", "rename", out.parent.name]


def test_a_second_run_is_refused_until_the_first_ends_however_it_ends(out):
    code = "import sys; from artextract_hf.outputs import output_lock\n"
    code += f"with output_lock({str(out)!r}): print(flush=True); sys.stdin.read()"
    first = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert first.stdout.readline() == b"\n"
        with pytest.raises(ArtExtractError, match=f"another run is writing {out}; wait"), output_lock(out):
            pass
        first.kill()
        first.wait()
        assert (out.parent / ".out.artextract/lock").is_file()  # the dead clean up nothing
        with output_lock(out):
            pass
    finally:
        first.kill()
        first.communicate()
    assert [path.name for path in out.parent.iterdir()] == ["out"]


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_holds_no_lock(out):
    """Those that read pictures for a training live on for seconds when it is killed."""
    with output_lock(out):
        assert outputs._held
        child = multiprocessing.get_context("fork").Process(target=lambda: os._exit(len(outputs._held)))
        child.start()
        child.join()
        assert child.exitcode == 0


def test_two_that_replace_a_folder_wait_for_each_other(out):
    threads = [threading.Thread(target=fill, args=(out, str(i))) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert text(out) in map(str, range(8)) and [path.name for path in out.parent.iterdir()] == ["out"]


def test_links_are_not_followed(out, tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home/letter").write_text("mine")
    (out / "link").symlink_to(tmp_path / "home")
    assert first_other(out, ".*") == out / "link"
    fill(out, "new")
    assert (tmp_path / "home/letter").read_text() == "mine" and not (out / "link").exists()


@pytest.mark.parametrize("name", ["", "new", "old", "room", "lock", "swap"])
def test_links_where_a_run_works_are_refused(out, tmp_path, name):
    home = tmp_path / "home"
    for left in ("new", "old"):
        (home / left).mkdir(parents=True)
        (home / left / "letter").write_text("mine")
    link = out.parent / ".out.artextract" / name
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(home)
    for use in (replacement, output_lock, working_room):
        with pytest.raises(ArtExtractError, match=f"{link} is a link"), use(out):
            pass
    shutil.move(out, out.parent / "moved")
    with pytest.raises(ArtExtractError, match=f"{link} is a link"), replacement(out):
        pass
    assert sorted(path.name for path in home.rglob("*")) == ["letter", "letter", "new", "old"] and not out.exists()


def test_files_that_are_written_whole_replace_links(out, tmp_path):
    (tmp_path / "letter").write_text("mine")
    for name in ("report", "report.new"):
        (out / name).symlink_to(tmp_path / "letter")
    write_whole(out / "report", "first")
    assert (out / "report").read_text() == "first" and not (out / "report").is_symlink()
    (out / "report").unlink()
    (out / "report").symlink_to(tmp_path / "letter")
    with whole_files(out) as new:
        (new / "report").write_text("second")
    assert (out / "report").read_text() == "second"
    (out / ".new").symlink_to(tmp_path)
    with pytest.raises(ArtExtractError, match=r"\.new is a link"), whole_files(out):
        pass
    assert (tmp_path / "letter").read_text() == "mine"


def test_folders_that_cannot_be_replaced(out, monkeypatch):
    monkeypatch.chdir(out)
    with pytest.raises(ArtExtractError, match="is the working directory"):
        fill(out, "new")
    monkeypatch.chdir(out.parent)
    with pytest.raises(ArtExtractError, match="is a file"):
        fill(out / "sub/file", "new")
    with pytest.raises(ArtExtractError, match="is mounted"):
        fill(Path("/proc"), "new")
    assert text(out) == "old"


def test_a_read_only_folder_is_one_line_before_the_work(out, run_cli, monkeypatch):
    monkeypatch.setattr(os, "access", lambda _, mode: mode != os.W_OK)  # root may write everywhere
    code, _, err = run_cli("prepare", "collection", ".", "--out", out)
    assert code == 2 and err == f"artextract: {out.parent} cannot be written to; choose a folder elsewhere.\n"
    assert text(out) == "old"
    with output_lock(out / "run"):  # a training in a mounted folder needs no lock beside it
        assert [path.name for path in out.iterdir()] == ["sub"]


def test_files_that_are_written_whole_stand_beside_others(out, limited_files):
    (out / "notes").write_text("mine")
    with whole_files(out) as new:
        (new / "weights").write_bytes(bytes(900))
    with limited_files(1000), pytest.raises(OSError, match="File too large"), whole_files(out) as new:
        (new / "config").write_text("{}")
        (new / "weights").write_bytes(bytes(2000))
    assert (out / "weights").read_bytes() == bytes(900) and not (out / "config").exists()
    assert text(out) == "old" and (out / "notes").read_text() == "mine"
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def test_what_a_killed_run_laid_down_is_cleared_by_the_next(out):
    left = out.parent / ".out.artextract/room"
    left.mkdir(parents=True)
    (left / "vectors").write_bytes(bytes(9))
    with working_room(out) as room:
        assert room == left and list(room.iterdir()) == []
        (room / "vectors").write_bytes(bytes(9))
        with pytest.raises(ArtExtractError, match="another run"), working_room(out):
            pass
    assert [path.name for path in out.parent.iterdir()] == ["out"] and text(out) == "old"


def test_space_is_reserved_before_a_file_is_mapped(tmp_path):
    with (tmp_path / "file").open("wb") as file:
        file.truncate(2**20)
    assert (tmp_path / "file").stat().st_blocks == 0
    reserve_space(tmp_path / "file")
    assert (tmp_path / "file").stat().st_blocks * 512 >= 2**20


@pytest.mark.parametrize(
    "command",
    [
        ("index", "."),
        ("index-regions", "."),
        ("prepare", "collection", "."),
        ("prepare", "wikiart", "--root", "."),
        ("prepare", "nga", "--opendata", "."),
    ],
)
def test_a_second_command_on_a_folder_is_refused_before_its_work(out, run_cli, monkeypatch, command):
    with output_lock(out):
        code, _, err = run_cli(*command, "--out", out)
    assert (
        code == 2 and err == f"artextract: another run is writing {out}; wait for its end, or choose another folder.\n"
    )
    monkeypatch.chdir(out)
    code, _, err = run_cli(*command, "--out", out)
    assert code == 2 and err.startswith("artextract: ") and "is the working directory" in err and err.count("\n") == 1


@pytest.mark.parametrize("script", ["train_classifier", "train_byol"])
def test_a_second_training_on_a_folder_is_refused_before_its_work(out, monkeypatch, capsys, script):
    """Only the first process of a training holds the lock; the launcher ends the others with it."""
    training = importlib.import_module(f"training.{script}")
    monkeypatch.setattr(training, "set_up", lambda _: pytest.fail("it went on"))
    command = [script, "--config", "training/configs/plain.yaml", "--data", "x", "--output_dir", str(out)]
    command[2] = "training/configs/byol_40.yaml" if script == "train_byol" else command[2]
    monkeypatch.setattr("sys.argv", command)
    with output_lock(out), pytest.raises(SystemExit) as ended:
        training.main()
    assert ended.value.code == 2 and capsys.readouterr().err.startswith(f"{script}: another run is writing {out}")
    monkeypatch.setenv("RANK", "1")
    with output_lock(out), pytest.raises(pytest.fail.Exception, match="it went on"):
        training.main()


def test_where_no_folder_can_be_made_is_one_line(run_cli, tmp_path):
    code, _, err = run_cli("prepare", "collection", tmp_path, "--out", "/proc/x")
    assert code == 2 and "/proc" in err and len(err.splitlines()) == 1


def test_a_name_that_nothing_can_have_is_one_line(tmp_path):
    name = str(tmp_path / "a\0b")
    refused = [
        lambda: recover(name),
        lambda: read_splits(name, SkipList()),
        lambda: load_prepared(name),
        lambda: space_repository(name, "a/b").write(tmp_path / "space"),
        lambda: find_index(name),
        lambda: check_replaceable(name),
        lambda: output_lock(name).__enter__(),
        lambda: replacement(name).__enter__(),
        lambda: whole_files(Path(name)).__enter__(),
    ]
    for call in refused:
        with pytest.raises(ArtExtractError, match="cannot be the name of a file or folder") as error:
            call()
        assert "\n" not in str(error.value) and "\0" not in str(error.value)


@pytest.mark.parametrize("name", ["file/out", "file/more/out"])
def test_what_would_lie_in_a_file_names_that_file(tmp_path, name):
    (tmp_path / "file").write_text("mine")
    calls = [check_replaceable, lambda out: output_lock(out).__enter__(), lambda out: working_room(out).__enter__()]
    for call in calls:
        with pytest.raises(ArtExtractError, match=r"/file is a file; choose another folder\.$"):
            call(tmp_path / name)
    assert (tmp_path / "file").read_text() == "mine" and len(list(tmp_path.iterdir())) == 1
