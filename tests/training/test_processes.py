"""The processes that were asked for work together, or the run is refused; two that do are in `test_distributed.py`."""

import pytest

from artextract_hf.errors import ArtExtractError
from training.processes import WORLD, start_processes


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
