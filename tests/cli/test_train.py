import subprocess
import sys

import pytest

from artextract_hf.cli.train import find_recipe
from artextract_hf.errors import DataError


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


def test_the_training_gets_the_recipe_and_the_keys_and_gives_the_exit_code(tmp_path):
    command = [sys.executable, "-m", "artextract_hf.cli", "train", "classifier", "--config", "plain"]
    keys = ["--epochs", "1", "--epohcs", "2"]  # the second is the training's to refuse
    done = subprocess.run([*command, *keys], capture_output=True, text=True, timeout=300)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "train_classifier: the configuration has no key 'epohcs'. Did you mean 'epochs'?"
    )
    assert "Traceback" not in done.stderr
