from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

from artextract_hf.errors import DataError, ModelError
from artextract_hf.evaluation.baselines import frozen_features

BACKBONE = "mobilenetv3_small_050"
TASKS = {"style": ["Impressionism", "Baroque"], "artist": ["Claude_Monet", "Rembrandt"]}


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "backbone.safetensors"
    torch.manual_seed(0)
    save_file(timm.create_model(BACKBONE, num_classes=0).state_dict(), path)
    return path


def test_frozen_features_tell_red_from_blue(paintings, processor, weights):
    learn = paintings([("red", "Impressionism", None), ("blue", "Baroque", "Rembrandt")] * 4)
    scored = paintings([("blue", "Baroque", "Rembrandt"), ("red", "Impressionism", None), ("red", "Fauvism", None)])
    scores = frozen_features(BACKBONE, weights, processor, learn, scored, TASKS)
    assert (scores["style"].accuracy, scores["style"].n) == (1.0, 2)
    assert (scores["artist"].accuracy, scores["artist"].n) == (None, 0)  # one class only: nothing to learn


def test_weights_that_do_not_fit_raise_one_clear_error(paintings, processor, weights, tmp_path):
    data = paintings([("red", "Impressionism", None), ("blue", "Baroque", None)])
    (tmp_path / "damaged.safetensors").write_bytes(b"nothing")
    for backbone, path in [
        (BACKBONE, tmp_path / "absent.safetensors"),
        (BACKBONE, tmp_path / "damaged.safetensors"),
        ("mobilenetv2_035", weights),
    ]:
        with pytest.raises(ModelError, match=path.name):
            frozen_features(backbone, path, processor, data, data, TASKS)


def test_no_whole_picture_is_one_clear_error(paintings, processor, weights):
    data, broken = paintings([("red", "Impressionism", None)]), paintings([(b"x", "Baroque", None)])
    with pytest.raises(DataError, match="no picture"):
        frozen_features(BACKBONE, weights, processor, data, broken, TASKS)
