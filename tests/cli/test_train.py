import subprocess
import sys

import pytest

from artextract_hf.cli.train import find_recipe
from artextract_hf.errors import ERROR_FILE, DataError
from tests.conftest import ROOT


def test_a_recipe_is_found_by_its_name_and_a_file_is_taken_as_it_is(tmp_path, monkeypatch):
    assert find_recipe("crnn_best").parts[-3:] == ("training", "configs", "crnn_best.yaml")
    (tmp_path / "own.yaml").write_text("epochs: 1")
    assert find_recipe(str(tmp_path / "own.yaml")) == tmp_path / "own.yaml"
    with pytest.raises(DataError, match="give a YAML file, or one of: .*crnn_best, .*plain"):
        find_recipe(str(tmp_path / "another.yaml"))


@pytest.mark.parametrize("kind", ["classifier", "byol"])
def test_an_unknown_recipe_is_one_line_and_exit_code_2(run_cli, kind):
    code, out, err = run_cli("train", kind, "--config", "crnn_bset", "--data", "data")
    assert (code, out) == (2, "")
    assert err == "artextract: there is no recipe 'crnn_bset'; did you mean 'crnn_best'?\n"


def test_the_training_gets_the_recipe_and_the_keys_and_its_line_is_said_with_exit_code_2(
    run_cli, tmp_path, monkeypatch
):
    """Started by the real `accelerate launch`, with a script that only keeps what it was given."""
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs/plain.yaml").touch()
    script = "import os, sys; open(__file__ + '.given', 'w').write('|'.join(sys.argv[1:]))\n"
    script += f"open(os.environ['{ERROR_FILE}'], 'w').write('no such folder.'); sys.exit(2)"
    (tmp_path / "train_classifier.py").write_text(script)
    monkeypatch.setattr("artextract_hf.cli.train.top_folder", lambda name: tmp_path)
    answer = run_cli("train", "classifier", "--config", "plain", "--epochs", "1", "--data", "with space")
    assert answer == (2, "", "artextract: no such folder.\n")
    given = (tmp_path / "train_classifier.py.given").read_text()
    assert given == f"--config|{tmp_path}/configs/plain.yaml|--epochs|1|--data|with space"


def test_the_exit_code_of_the_launcher_is_given(run_cli, monkeypatch):
    ended = subprocess.CompletedProcess([], 1)
    monkeypatch.setattr("artextract_hf.cli.train.subprocess.run", lambda *_, **__: ended)
    assert run_cli("train", "byol", "--config", "byol_40")[0] == 1


@pytest.mark.long
def test_what_is_wrong_with_the_input_is_the_last_line_and_exit_code_2(tmp_path):
    command = [sys.executable, "-m", "artextract_hf.cli", "train", "byol", "--config", "byol_40", "--data", "nowhere"]
    command += ["--output_dir", str(tmp_path / "run"), "--epochs", "0"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "") and "Traceback" not in done.stderr
    assert [line for line in done.stderr.splitlines() if "at least one split, one epoch" in line] == [
        done.stderr.splitlines()[-1]
    ]
