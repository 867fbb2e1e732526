import numpy as np
import pytest
import torch
from torch import nn

from training.loop import (
    EpochBatches,
    balanced_weights,
    load_modules,
    load_optimizer,
    log_epoch,
    mix,
    read_progress,
    save_checkpoint,
    update_average,
)


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
    mixed, partner, share = mix(pixels, mixup=0.5, cutmix=0.0, seed=(0, 1, 2))
    assert torch.allclose(mixed, share * pixels + (1 - share) * pixels[partner])
    assert sorted(partner.tolist()) == [0, 1, 2, 3] and 0 <= share <= 1


def test_cutmix_pastes_a_square_of_the_partner_and_weighs_by_its_area():
    pixels = torch.arange(4.0).view(4, 1, 1, 1).expand(4, 3, 10, 10)
    for seed in range(20):
        mixed, partner, share = mix(pixels, mixup=0.0, cutmix=1.0, seed=(seed,))
        own = (mixed == pixels).float().mean(dim=(1, 2, 3))[partner != torch.arange(4)]
        assert torch.allclose(own, torch.full_like(own, share))
        assert ((mixed == pixels) | (mixed == pixels[partner])).all()


def test_balanced_draws_meet_every_class_as_often():
    labels = np.array([0] * 90 + [1] * 10 + [-1] * 20)
    weights = balanced_weights(labels)
    assert weights[:90].sum() == pytest.approx(weights[90:100].sum()) == pytest.approx(1)
    assert weights[100] == pytest.approx(2 / 100)  # the mean of the others
    batches = EpochBatches(120, 10, seed=0, rank=0, world=1, weights=weights)
    drawn = labels[np.concatenate([b for e in range(50) for b in _epoch(batches, e)])]
    assert abs((drawn == 0).sum() / (drawn == 1).sum() - 1) < 0.1


def _epoch(batches, epoch):
    batches.epoch = epoch
    return list(batches)


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


def test_an_epoch_that_is_run_again_stands_once_in_the_log(tmp_path):
    log = tmp_path / "log.csv"
    for phase, epoch, loss in [(1, 1, 0.9), (2, 1, 0.8), (2, 2, 0.7), (2, 2, 0.6), (2, 3, 0.5)]:
        log_epoch(log, {"phase": phase, "epoch": epoch, "loss": loss})
    assert log.read_text().split() == ["phase,epoch,loss", "1,1,0.9", "2,1,0.8", "2,2,0.6", "2,3,0.5"]
    assert list(tmp_path.iterdir()) == [log]
