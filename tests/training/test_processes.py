"""The processes that were asked for work together, or the run is refused; two that do are in `test_distributed.py`.

A user's error is said once, whatever started the processes.
"""

import os
import subprocess
import sys
import time

import pytest
from accelerate.commands.config.config_args import load_config_from_file

from artextract_hf.errors import ERROR_FILE, ArtExtractError, DataError
from tests.conftest import ROOT
from training.processes import WORLD, start_processes, user_errors

SCRIPT = f"""
import os, sys
sys.path.insert(0, {str(ROOT)!r})
from artextract_hf.errors import DataError
from training.processes import user_errors
with user_errors("script"):
    if os.environ.get("RANK", "0") in sys.argv[1:]:
        raise DataError("no such\\nfolder.")
"""


@pytest.fixture
def world(monkeypatch):
    """Sets what a launcher says."""
    for name in (*WORLD, "MASTER_ADDR"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_one_process_is_one_process(world):
    assert start_processes().num_processes == 1


def test_one_process_in_place_of_several_is_refused(world):
    world.setenv("MASTER_ADDR", "127.0.0.1")  # as `accelerate launch --num_processes 2` leaves it without GPUs
    with pytest.raises(ArtExtractError, match="several processes were asked for, and one was started.*torchrun"):
        start_processes()


def test_processes_that_do_not_find_each_other_are_refused(world):
    world.setenv("WORLD_SIZE", "2")
    world.setattr("training.processes.Accelerator", lambda: type("Alone", (), {"num_processes": 1}))
    with pytest.raises(ArtExtractError, match="2 processes were started, but 1 work together"):
        start_processes()


def test_a_users_error_is_one_line_and_exit_code_2(capsys):
    with pytest.raises(SystemExit, match="2"), user_errors("script"):
        raise DataError("no such\nfolder.")
    assert capsys.readouterr() == ("", "script: no such folder.\n")
    with pytest.raises(ZeroDivisionError), user_errors("script"):
        raise ZeroDivisionError


def test_a_file_gets_the_line_where_one_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv(ERROR_FILE, str(tmp_path / "error.txt"))
    with pytest.raises(SystemExit, match="2"), user_errors("script"):
        raise DataError("no such\x1b[2J folder.")
    assert (tmp_path / "error.txt").read_text() == r"no such\u001b[2J folder." and capsys.readouterr().err == ""


def test_another_process_than_the_first_leaves_it_the_word(monkeypatch, capsys):
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setattr("training.processes.PATIENCE", 0.2)
    begun = time.monotonic()
    with pytest.raises(SystemExit, match="2"), user_errors("script"):
        raise DataError("no such folder.")
    assert time.monotonic() - begun > 0.2 and "script: no such folder." in capsys.readouterr().err


@pytest.mark.long
@pytest.mark.parametrize("ranks", ["0 1", "1"])
def test_of_several_processes_one_says_it(tmp_path, ranks):
    """All of them meet most errors; one that the first does not meet is said by the other, when it has waited."""
    (tmp_path / "script.py").write_text(SCRIPT)
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", str(tmp_path / "script.py")]
    command = [sys.executable, *launch, *ranks.split()]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.count("no such folder.") == 1


def test_ctrl_c_says_whether_the_same_command_goes_on(capsys):
    for resumes, words in ((True, "the same command goes on from where it was"), (False, "nothing is kept")):
        with pytest.raises(SystemExit) as ended, user_errors("train_x", resumes=resumes):
            raise KeyboardInterrupt
        assert ended.value.code == 130 and capsys.readouterr().err == f"train_x: stopped; {words}.\n"


def test_accumulation_that_a_launcher_asks_for_is_refused(world):
    world.setenv("ACCELERATE_GRADIENT_ACCUMULATION_STEPS", "4")
    with pytest.raises(ArtExtractError, match="give the classifier's training `--accumulate 4`"):
        start_processes()


@pytest.mark.parametrize("path", sorted((ROOT / "training/launch").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_files_for_launchers_are_what_accelerate_reads(path):
    config = load_config_from_file(str(path))
    assert config.distributed_type == "MULTI_GPU" and config.num_processes % config.num_machines == 0
