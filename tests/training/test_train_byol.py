import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
import yaml
from huggingface_hub import ModelCard
from PIL import Image
from safetensors.torch import load_file, save_file

from artextract_hf import ArtImageProcessor, ByolModel, load_wikiart
from artextract_hf.data.prepared import ALL, load_prepared, take_split
from artextract_hf.errors import ArtExtractError, DataError, ModelError
from artextract_hf.evaluation.predict import represent
from artextract_hf.models.modeling_byol import target_momentum
from training import train_byol
from training.byol.config import ByolTrainConfig
from training.whitening import whitened

ROOT = Path(__file__).parent.parent.parent
CONFIGS = sorted((ROOT / "training/configs").glob("byol_*.yaml"))
ENVIRONMENT = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def recipe(tiny_wikiart, tmp_path_factory) -> dict:
    """A recipe that trains on eight pictures in seconds."""
    folder = tmp_path_factory.mktemp("byol")
    load_wikiart(tiny_wikiart, artists="names").save_to_disk(folder / "data")
    torch.manual_seed(0)
    save_file(timm.create_model("mobilenetv2_035", num_classes=0).state_dict(), folder / "backbone.safetensors")
    return {
        "data": str(folder / "data"),
        "backbone_weights": str(folder / "backbone.safetensors"),
        "model": {"backbone": "mobilenetv2_035", "image_size": 64, "projector_hidden_size": 32, "projection_size": 8},
        "gallery_split": "train",
        "query_split": "val",
        "epochs": 2,
        "sizes": [[0, 64], [1, 96]],
        "batch_size": 4,
        "base_lr": 0.1,
        "warmup_epochs": 1,
        "watch_every": 1,
        "checkpoint_every": 1,
        "mixed_precision": "no",
    }


def read_csv(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


def launch(folder: Path, values: dict, processes: int) -> subprocess.CompletedProcess:
    (folder / "recipe.yaml").write_text(yaml.safe_dump(values))
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", str(processes)]
    command += ["--rdzv_backend", "c10d", "--rdzv_endpoint", "localhost:0"]
    command += ["training/train_byol.py", "--config", str(folder / "recipe.yaml")]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=ENVIRONMENT, timeout=300)


def test_trains_watches_and_keeps_the_encoder(recipe, tmp_path, monkeypatch):
    # A random network on eight pictures comes near two dimensions; on which side depends on the processor.
    monkeypatch.setattr(train_byol, "COLLAPSED_RANK", 1.0)
    out = tmp_path / "run"
    train_byol.train(ByolTrainConfig.from_dict(recipe | {"output_dir": str(out)}))
    assert [(r["epoch"], r["size"]) for r in read_csv(out / "log.csv")] == [("1", "64"), ("2", "96")]
    watched = read_csv(out / "watch.csv")
    assert [row["epoch"] for row in watched] == ["0", "1", "2"]
    assert all(0 <= float(row["knn_style"]) <= 1 and float(row["rank"]) > 1 for row in watched)
    encoder = ByolModel.from_pretrained(out / "last")
    assert encoder(torch.zeros(1, 3, 64, 64)).pooler_output.shape == (1, 1280)
    assert json.loads((out / "last/preprocessor_config.json").read_text())["size"] == {"height": 64, "width": 64}
    with Image.open(out / "views.png") as preview:
        assert preview.size == (192, 8 * 96)
    report = json.loads((out / "evaluation/metrics.json").read_text())
    card = ModelCard.load(out / "last/README.md")
    assert {r.metric_value for r in card.data.eval_results} >= {report["labels"]["style"]["p@10"]}
    assert "Grill et al. 2020" in card.text and "2 epochs, views of 64, 96 px" in card.text
    started = load_file(recipe["backbone_weights"])
    moved = encoder.backbone.state_dict()
    assert any(not torch.equal(started[name], moved[name]) for name in started)


def test_a_whitened_size_is_fit_when_the_training_is_over(recipe, tmp_path):
    values = recipe | {"output_dir": str(tmp_path / "run"), "epochs": 1, "gallery_split": "", "query_split": ""}
    values["model"] = recipe["model"] | {"whitened_size": 3}
    train_byol.train(ByolTrainConfig.from_dict(values))
    encoder = ByolModel.from_pretrained(tmp_path / "run/last")
    pictures = take_split(load_prepared(Path(values["data"])), ALL)
    representations, _, _ = represent(encoder, ArtImageProcessor(size={"height": 64, "width": 64}), pictures)
    assert representations.shape[1] == 3
    assert np.allclose(representations.mean(axis=0), 0, atol=1e-3)  # centred on what it was fit on
    with pytest.raises(ModelError, match="whitened already"):
        whitened(encoder, pictures, size=2)


@pytest.mark.parametrize(
    ("optimizer", "function", "call"),
    [
        ("adamw", "train_step", 4),  # in the middle of the second epoch
        ("lars", "train_step", 4),
        ("adamw", "mean_of_steps", 1),  # between the last step of an epoch and its log
    ],
)
def test_a_killed_run_ends_with_the_weights_of_a_whole_one(recipe, tmp_path, monkeypatch, optimizer, function, call):
    values = recipe | {"optimizer": optimizer, "base_lr": 0.1 if optimizer == "lars" else 1e-3, "epochs": 3}
    values |= {"gallery_split": "", "query_split": ""}
    train_byol.train(ByolTrainConfig.from_dict(values | {"output_dir": str(tmp_path / "whole")}))
    config = ByolTrainConfig.from_dict(values | {"output_dir": str(tmp_path / "killed")})
    real, calls = getattr(train_byol, function), []

    def dies(*arguments):
        calls.append(None)
        if len(calls) == call:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(train_byol, function, dies)
    with pytest.raises(KeyboardInterrupt):
        train_byol.train(config)
    monkeypatch.setattr(train_byol, function, real)
    train_byol.train(config)
    whole, resumed = (load_file(tmp_path / name / "checkpoint.safetensors") for name in ("whole", "killed"))
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[key], resumed[key]) for key in whole)


def test_the_target_follows_the_schedule(recipe, tmp_path, monkeypatch):
    seen = []
    update = train_byol.ByolForPreTraining.update_target
    monkeypatch.setattr(
        train_byol.ByolForPreTraining, "update_target", lambda self, m: (seen.append(m), update(self, m))[1]
    )
    values = recipe | {"output_dir": str(tmp_path), "gallery_split": "", "query_split": "", "base_momentum": 0.9}
    train_byol.train(ByolTrainConfig.from_dict(values))
    assert seen == [target_momentum(step, steps=len(seen), base=0.9) for step in range(len(seen))]


@pytest.mark.long
def test_two_processes_take_the_steps_of_one(recipe, tmp_path):
    """Batch norms see the global batch: statistics, loss and weights are those of one process.

    At a low rate: norms of four random pictures blow rounding up from step to step.
    """
    values = recipe | {"gallery_split": "", "query_split": "", "base_lr": 1e-5, "sizes": [[0, 64]]}
    for name, processes, batch in (("one", 1, 4), ("two", 2, 2)):
        done = launch(tmp_path, values | {"output_dir": str(tmp_path / name), "batch_size": batch}, processes)
        assert done.returncode == 0, done.stderr[-3000:]
    rows = [read_csv(tmp_path / name / "log.csv") for name in ("one", "two")]
    assert [float(r["loss"]) for r in rows[1]] == pytest.approx([float(r["loss"]) for r in rows[0]], abs=2e-3)
    one, two = (load_file(tmp_path / name / "last/model.safetensors") for name in ("one", "two"))
    for key, value in one.items():
        assert torch.allclose(value.float(), two[key].float(), rtol=2e-2, atol=2e-3), key


def test_several_processes_without_synced_norms_are_refused(recipe, tmp_path, monkeypatch):
    monkeypatch.setattr(train_byol.Accelerator, "num_processes", 2)
    monkeypatch.setattr("training.run.start_processes", train_byol.Accelerator)  # which would miss the second one
    with pytest.raises(DataError, match="2 processes without sync_norms"):
        train_byol.train(ByolTrainConfig.from_dict(recipe | {"output_dir": str(tmp_path), "sync_norms": False}))


def test_collapse_ends_the_training_with_an_alarm(recipe, tmp_path, monkeypatch, capsys):
    """A backbone whose last layer is dead sees every painting alike."""
    dead = load_file(recipe["backbone_weights"])
    dead["bn2.weight"].zero_()
    save_file(dead, tmp_path / "dead.safetensors")
    values = recipe | {"backbone_weights": str(tmp_path / "dead.safetensors"), "output_dir": str(tmp_path / "run")}
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(values))
    monkeypatch.setattr(sys, "argv", ["train_byol.py", "--config", str(tmp_path / "recipe.yaml")])
    with pytest.raises(SystemExit, match="2"):
        train_byol.main()
    assert re.search("^train_byol: .*collapsed in epoch 0.*\n", capsys.readouterr().err, re.MULTILINE)
    blind = values | {"gallery_split": "", "query_split": ""}  # without labels, the projections tell
    with pytest.raises(ArtExtractError, match="projections"):
        train_byol.train(ByolTrainConfig.from_dict(blind))


def test_views_are_a_function_of_seed_epoch_and_painting(recipe, tmp_path):
    run = train_byol.set_up(ByolTrainConfig.from_dict(recipe | {"output_dir": str(tmp_path)}))
    run.pairs.size = 32
    first = run.pairs[1]
    assert first[0].shape == (32, 32, 3) and first[0].dtype == np.uint8
    assert not np.array_equal(first[0], first[1])
    assert np.array_equal(first[0], run.pairs[1][0])
    run.pairs.epoch = 1
    assert not np.array_equal(first[0], run.pairs[1][0])


def test_presets_are_the_papers():
    presets = {path.stem: ByolTrainConfig.load(path) for path in CONFIGS}
    expected = {40: (0.45, 1e-6, 0.97), 100: (0.45, 1e-6, 0.99), 300: (0.3, 1e-6, 0.99), 1000: (0.2, 1.5e-6, 0.996)}
    for epochs, settings in expected.items():
        preset = presets[f"byol_{epochs}"]
        assert (preset.base_lr, preset.weight_decay, preset.base_momentum) == settings
        assert (preset.epochs, preset.optimizer, preset.batch_size * 32, preset.view) == (epochs, "lars", 4096, {})
    assert {"byol_small_batch", "byol_paintings"} < presets.keys()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"optimiser": "adamw"}, "optimizer"),
        ({"optimizer": "adamz"}, "no optimiser 'adamz'"),
        ({"query_split": ""}, "go together"),
        ({"base_momentum": 1.5}, "base_momentum is 1.5"),
        ({"view": {"hue": 3}}, "hue"),
        ({"batch_size": 1}, "two paintings"),
        ({"push_to_hub": "somebody/byol", "query_split": "", "gallery_split": ""}, "and a query_split"),
        ({"mixed_precision": "fp8"}, "mixed_precision"),
    ],
)
def test_bad_configurations_are_refused(recipe, wrong, message):
    with pytest.raises(DataError, match=message):
        ByolTrainConfig.from_dict(recipe | {"output_dir": "unused"} | wrong)
