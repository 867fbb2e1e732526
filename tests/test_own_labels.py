"""The path of docs/your-own-labels.md from a table to a model that strangers load, by real commands."""

import csv
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
import yaml
from datasets import load_from_disk
from huggingface_hub import ModelCard

from artextract_hf.data import synthetic_paintings
from tests.conftest import ROOT
from tests.hub.conftest import stranger as stranger_environment
from tests.hub.loopback_hub import LoopbackHub

stranger = stranger_environment  # a fixture
REPO = "somebody/own"
SCHOOLS = {1: "city", 4: "country", 6: "people", 9: "table"}  # of the genres that are painted


@pytest.fixture(scope="module")
def desk(tmp_path_factory) -> Path:
    """A table of 64 drawn paintings with a school each, some wrong, so that no model is always right."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "pictures").mkdir()
    draw = np.random.default_rng(0)
    with (folder / "list.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["file name", "title", "artist", "rights", "School"])
        for number, painting in enumerate(synthetic_paintings(64)):
            painting["image"].convert("RGB").resize((96, 96)).save(folder / f"pictures/{number}.jpg")
            school = (
                SCHOOLS.get(painting["genre"], "") if draw.random() > 0.15 else str(draw.choice([*SCHOOLS.values()]))
            )
            writer.writerow([f"pictures/{number}.jpg", f"Number {number}", "Ann Example", "CC0", school])
    return folder


def run(desk: Path, *words: object, **environment: str) -> subprocess.CompletedProcess:
    command = [sys.executable, *map(str, words)]
    settings = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", **environment}
    return subprocess.run(command, cwd=desk, env=settings, capture_output=True, text=True, timeout=900)


def artextract(desk: Path, *words: object, **environment: str) -> str:
    done = run(desk, "-m", "artextract_hf.cli", *words, **environment)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.long
def test_from_a_table_to_a_model_that_strangers_load(desk, stranger):
    told = artextract(desk, "prepare", "collection", "list.csv", "--task", "School", "--val", "0.3", "--out", "data")
    assert "school: the commonest class is right on" in told
    splits = load_from_disk(str(desk / "data"))
    names = splits["train"].features["school"].names
    assert names == sorted(SCHOOLS.values()) and list(splits) == ["train", "val"]

    recipe = yaml.safe_load((ROOT / "training/configs/small.yaml").read_text())
    recipe |= {
        "data": "data",
        "sizes": [[0, 64]],
        "kept_views": 1,
        "frozen_epochs": 12,
        "batch_size": 8,
        "eval_every": 4,
    }
    recipe |= {"frozen_baseline": False, "checkpoint_every": 1, "mixed_precision": "no", "patience": 0}
    (desk / "own.yaml").write_text(yaml.safe_dump(recipe))
    script = [str(ROOT / "training/train_classifier.py"), "--config", "own.yaml"]
    done = run(desk, *script, "--output_dir", "one")
    assert done.returncode == 0, done.stderr[-3000:]
    assert "learning school (4 classes)" in done.stdout and "Next:" in done.stdout
    halves = ["--output_dir", "two", "--batch_size", "4"]
    done = run(desk, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", *script, *halves)
    assert done.returncode == 0, done.stderr[-3000:]
    one, two = (losses(desk / name) for name in ("one", "two"))
    assert len(one) == 12 and two == pytest.approx(one, rel=0.25)  # but for dropout the same

    stop_and_go_on(desk, [*script, "--output_dir", "killed"])
    weights = [(desk / name / "best/model.safetensors").read_bytes() for name in ("one", "killed")]
    assert weights[0] == weights[1]

    done = run(desk, ROOT / "training/calibration.py", "--model", "one/best", "--data", "data")
    assert done.returncode == 0, done.stderr[-3000:]
    artextract(desk, "evaluate", "classifier", "--model", "one/calibrated", "--data", "data", "--out", "report")
    report = json.loads((desk / "report/metrics.json").read_text())
    assert report["tasks"]["school"]["accuracy"] > report["baselines"]["majority"]["tasks"]["school"]["accuracy"]
    artextract(desk, "export", "onnx", "--model", "one/calibrated", "--out", "own.onnx")
    answer = json.loads(artextract(desk, "classify", "pictures/3.jpg", "--model", "one/calibrated", "--json"))
    publish_and_load(desk, stranger, names, json.dumps(answer))


def losses(folder: Path) -> list[float]:
    return [float(row["loss"]) for row in csv.DictReader((folder / "log.csv").read_text().splitlines())]


def stop_and_go_on(desk: Path, words: list[str]) -> None:
    """Ctrl-C in the middle, then the same command."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, *words], cwd=desk, env=environment, stderr=subprocess.PIPE, text=True)
    log, deadline = desk / "killed/log.csv", time.monotonic() + 300
    while not (log.exists() and log.read_text().count("\n") > 2) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130 and said.splitlines()[-1].endswith("the same command goes on from where it was.")
    done = run(desk, *words)
    assert done.returncode == 0, done.stderr[-3000:]


def publish_and_load(desk: Path, stranger: Path, names: list[str], answer: str) -> None:
    """The card is true, and an environment without this package gives the answer of the command."""
    hub = LoopbackHub().start()
    artextract(desk, "publish", "model", "one/calibrated", REPO, **hub.environment(desk / "home"))
    card = ModelCard(hub.repo(REPO).files["README.md"].decode())
    assert (
        "of a collection of one's own, by licence: CC0" in card.text
        and "The trunk of the classifier artextract/crnn-wikiart (of" in card.text
    )
    assert all(name in card.text for name in names) and "WikiArt" not in str(card)
    script = f"""
        from PIL import Image
        from transformers import AutoImageProcessor, AutoModelForImageClassification
        model = AutoModelForImageClassification.from_pretrained("{REPO}", trust_remote_code=True)
        processor = AutoImageProcessor.from_pretrained("{REPO}", trust_remote_code=True)
        pixels = processor(Image.open("pictures/3.jpg"), return_tensors="pt")["pixel_values"]
        chances = model(pixels).logits.softmax(1)[0]
        print(model.config.id2label[int(chances.argmax())], round(float(chances.max()), 2))
    """
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | hub.environment(desk / "elsewhere")
    command = [str(stranger), "-c", textwrap.dedent(script)]
    done = subprocess.run(command, cwd=desk, env=environment, capture_output=True, text=True, timeout=300)
    hub.stop()
    assert done.returncode == 0, done.stderr[-3000:]
    label, chance = done.stdout.split()
    assert f'"{label}"' in answer and chance in answer
