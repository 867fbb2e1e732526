"""What every script of the folder does with a user's error, and with files of somebody else where it writes."""

import importlib
import json
import re
from pathlib import Path

import pytest
from PIL import Image

from training.byol.config import ByolTrainConfig
from training.checks.earlier_run import as_document
from training.classifier.config import TrainConfig

ROOT = Path(__file__).parent.parent.parent
SCRIPTS = sorted(p.stem for p in (ROOT / "training").glob("*.py") if "__main__" in p.read_text(encoding="utf-8"))
RECIPE = str(ROOT / "training/configs/plain.yaml")
BYOL_RECIPE = str(ROOT / "training/configs/byol_paintings.yaml")
ARGUMENTS = {  # with folders that are not there
    "calibration": ["--model", "{no}", "--data", "{no}", "--out", "{out}"],
    "default_model": ["--model", "{no}", "--metrics", "{no}", "--config", "{no}"],
    "embed_collection": ["--source", "{no}", "--out", "{out}", "--embedder", "{no}"],
    "ensemble": ["--model", "{no}", "--companions", "{no}", "--out", "{out}"],
    "show_views": ["--config", RECIPE, "--data", "{no}", "--output_dir", "{out}", "--out", "{out}/views.jpg"],
    "train_byol": ["--config", BYOL_RECIPE, "--backbone_weights", "{no}", "--data", "{no}", "--output_dir", "{out}"],
    "train_classifier": ["--config", RECIPE, "--data", "{no}", "--output_dir", "{out}"],
    "whitening": ["--model", "{no}", "--data", "{no}", "--out", "{out}"],
}


@pytest.fixture
def end(tmp_path, monkeypatch, capsys):
    """Runs a script that ends with a user's error, and gives its line."""

    def run(script: str, *arguments: str) -> str:
        words = [word.format(no=tmp_path / "nowhere", out=tmp_path / "out") for word in arguments]
        monkeypatch.setattr("sys.argv", [f"{script}.py", *words])
        with pytest.raises(SystemExit) as ended:
            importlib.import_module(f"training.{script}").main()
        out, err = capsys.readouterr()
        assert ended.value.code == 2 and not out and re.fullmatch(f"{script}: .+\n", err)
        return err

    return run


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_users_error_is_one_line_and_exit_code_2(end, script):
    assert "nowhere" in end(script, *ARGUMENTS[script])


@pytest.mark.parametrize("script", ["calibration", "ensemble", "whitening"])
def test_a_folder_with_something_in_it_is_kept(end, tmp_path, script):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/model.safetensors").write_text("mine")
    assert "out is not empty; delete it" in end(script, *ARGUMENTS[script])
    assert [path.read_text() for path in (tmp_path / "out").iterdir()] == ["mine"]


@pytest.mark.parametrize("script", ["train_byol", "train_classifier"])
@pytest.mark.parametrize("name", ["config.json", "last", "log.csv"])
def test_files_of_no_training_are_kept(end, tmp_path, script, name):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).write_text("{}")
    assert f"{name} is of no earlier run" in end(script, *ARGUMENTS[script])
    assert [path.read_text() for path in (tmp_path / "out").iterdir()] == ["{}"]
    kind = {"train_byol": ByolTrainConfig, "train_classifier": TrainConfig}[script]
    path, *pairs = (word.format(no=tmp_path / "nowhere", out=tmp_path / "out") for word in ARGUMENTS[script][1:])
    (tmp_path / "out/config.json").write_text(json.dumps(as_document(kind.load(path, pairs))))
    assert "nowhere" in end(script, *ARGUMENTS[script])  # it would go on with an earlier run


def test_a_sheet_of_views_replaces_an_earlier_one_only(end, tmp_path, tiny_wikiart, run_cli, monkeypatch):
    arguments = ["--config", RECIPE, "--output_dir", "{out}", "--sizes", "[[0, 32]]", "--rows", "1", "--columns", "2"]
    arguments += ["--data", str(tmp_path / "data")]
    run_cli("prepare", "wikiart", "--root", tiny_wikiart, "--out", tmp_path / "data")
    sheet = tmp_path / "views.jpg"
    sheet.write_text("mine")
    assert "views.jpg is of no earlier run" in end("show_views", *arguments, "--out", str(sheet))
    assert "a JPEG; give a name" in end("show_views", *arguments, "--out", str(tmp_path / "views.gif"))
    assert "shows nothing" in end("show_views", *arguments, "--out", str(sheet), "--columns", "0")
    assert sheet.read_text() == "mine"
    sheet.unlink()
    words = [word.format(out=tmp_path) for word in (*arguments, "--out", str(sheet))]
    monkeypatch.setattr("sys.argv", ["show_views.py", *words])
    for _ in range(2):
        importlib.import_module("training.show_views").main()
    with Image.open(sheet) as drawn:
        assert drawn.format == "JPEG" and drawn.size == (96, 32)
