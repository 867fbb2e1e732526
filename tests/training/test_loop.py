import math

import numpy as np
import pytest
import torch
from torch import nn

from artextract_hf.data.transforms import TrainingView
from artextract_hf.errors import DataError
from tests.conftest import plain_picture
from training.config import TrainConfig
from training.loop import (
    EpochBatches,
    load_modules,
    load_optimizer,
    mix,
    read_progress,
    save_checkpoint,
    update_average,
    warmup_cosine,
)


def test_schedule_by_hand():
    factors = [warmup_cosine(s, steps=12, warmup=2, final=0.1) for s in range(13)]
    assert factors[:3] == [0.5, 1.0, 1.0]
    assert factors[7] == pytest.approx(0.1 + 0.9 * (1 + math.cos(math.pi / 2)) / 2)
    assert factors[12] == pytest.approx(0.1)


@pytest.mark.parametrize("world", [1, 2, 4])
def test_processes_share_each_global_batch(world):
    def global_batches(processes: int) -> list[list[int]]:
        ranks = [EpochBatches(23, 8 // processes, seed=3, rank=r, world=processes) for r in range(processes)]
        return [sorted(sum(parts, [])) for parts in zip(*ranks, strict=True)]

    assert global_batches(world) == global_batches(1)
    assert len(global_batches(world)) == 2
    assert len(set(sum(global_batches(world), []))) == 16


def test_batches_continue_where_they_stopped_and_change_with_the_epoch():
    batches = EpochBatches(20, 4, seed=0, rank=0, world=1)
    whole = list(batches)
    batches.first = 3
    assert list(batches) == whole[3:] and len(batches) == 2
    batches.first, batches.epoch = 0, 1
    assert list(batches) != whole


def test_average_by_hand():
    average, model = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
    nn.init.constant_(average.weight, 0.0)
    nn.init.constant_(model.weight, 1.0)
    update_average(average, model, decay=0.9, step=0)  # d = min(0.9, 1 / 10)
    assert average.weight.item() == pytest.approx(0.9)
    update_average(average, model, decay=0.9, step=10**6)
    assert average.weight.item() == pytest.approx(0.91)


def test_mixup_by_hand():
    pixels = torch.arange(4.0).view(4, 1)
    mixed, partner, share = mix(pixels, alpha=0.5, seed=(0, 1, 2))
    assert torch.allclose(mixed, share * pixels + (1 - share) * pixels[partner])
    assert sorted(partner.tolist()) == [0, 1, 2, 3] and 0 <= share <= 1


def test_checkpoint_round_trip(tmp_path):
    assert read_progress(tmp_path) is None
    model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.randn(4, 3)).sum().backward()
    optimizer.step()
    save_checkpoint(tmp_path, {"model": model}, optimizer, {"step": 7})
    assert read_progress(tmp_path) == {"step": 7}
    other = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    fresh = torch.optim.AdamW(other.parameters())
    load_modules(tmp_path, {"model": other})
    load_optimizer(tmp_path, fresh)
    assert all(torch.equal(v, other.state_dict()[k]) for k, v in model.state_dict().items())
    for index, state in optimizer.state_dict()["state"].items():
        assert all(torch.equal(v, fresh.state_dict()["state"][index][k]) for k, v in state.items())


def test_views_are_functions_of_their_generator():
    picture = plain_picture((10, 200, 90), (60, 40))
    view = TrainingView()
    first, again, other = (view(picture, 32, np.random.default_rng(s)) for s in (1, 1, 2))
    assert first.shape == (3, 32, 32) and first.dtype == np.uint8
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_view_without_change_is_the_resized_painting():
    picture = plain_picture((10, 200, 90), (64, 32))
    view = TrainingView(min_area=1.0, max_ratio=1.0, flip=0.0, color=0.0)
    expected = np.asarray(picture.resize((16, 16), 3)).transpose(2, 0, 1)
    assert np.array_equal(view(picture, 16, np.random.default_rng(0)), expected)


def test_color_never_turns_grey_into_colour():
    """Brightness, contrast and saturation keep grey grey; a shift of hue would not show, a cast would."""
    grey = plain_picture((128, 128, 128)).convert("L").convert("RGB")
    pixels = TrainingView(color=0.5)(grey, 16, np.random.default_rng(0)).astype(int)
    assert np.abs(pixels[0] - pixels[1]).max() <= 1 and np.abs(pixels[1] - pixels[2]).max() <= 1


def test_configuration_checks_itself(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("data: d\noutput_dir: o\nmodel: {dropout: 0.1}\nsizes: [[0, 64], [2, 96]]\n")
    config = TrainConfig.load(path, ["--model.dropout", "0.4", "--train-splits", "[train, val]", "--lr", "1.0e-2"])
    assert config.model == {"dropout": 0.4} and config.train_splits == ("train", "val") and config.lr == 0.01
    assert [config.size_at(e) for e in (0, 1, 2, 9)] == [64, 64, 96, 96]
    with pytest.raises(DataError, match="Did you mean 'label_smoothing'"):
        TrainConfig.load(path, ["--label_smoothin", "0"])
    with pytest.raises(DataError, match="pairs"):
        TrainConfig.load(path, ["--lr"])
    with pytest.raises(DataError, match="auto, bf16, fp16 or no"):
        TrainConfig.load(path, ["--mixed_precision", "int4"])
    with pytest.raises(DataError, match="there is no configuration"):
        TrainConfig.load(tmp_path / "nothing.yaml")
