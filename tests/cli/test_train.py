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


def test_the_training_gets_the_recipe_and_the_keys_and_gives_the_exit_code(run_cli, tmp_path, monkeypatch):
    """Started by the real `accelerate launch`, with a script that only keeps what it was given."""
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs/plain.yaml").touch()
    script = "import sys; open(__file__ + '.given', 'w').write('|'.join(sys.argv[1:])); sys.exit(7)"
    (tmp_path / "train_classifier.py").write_text(script)
    monkeypatch.setattr("artextract_hf.cli.train.top_folder", lambda name: tmp_path)
    code, _, _ = run_cli("train", "classifier", "--config", "plain", "--epochs", "1", "--data", "with space")
    assert code == 1  # the launcher's, where a training ends with any other than 0
    given = (tmp_path / "train_classifier.py.given").read_text()
    assert given == f"--config|{tmp_path}/configs/plain.yaml|--epochs|1|--data|with space"
