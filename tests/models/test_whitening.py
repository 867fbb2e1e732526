"""The whitening against its definition on data of known axes."""

import itertools

import numpy as np
import pytest
import torch

from artextract_hf import ByolConfig, ByolForPreTraining, ByolModel
from artextract_hf.errors import ModelError
from artextract_hf.models.whitening import POWER, fit_whitening

SMALL = {"backbone": "mobilenetv2_035", "image_size": 64, "projector_hidden_size": 32, "projection_size": 16}


def literal(values: np.ndarray, outputs: int) -> np.ndarray:
    """Root of the shares, centre, project on the axes of the covariance, divide by their variances to POWER."""
    shares = values / np.abs(values).sum(axis=1, keepdims=True)
    roots = np.sign(shares) * np.sqrt(np.abs(shares))
    centred = roots - roots.mean(axis=0)
    variances, axes = np.linalg.eigh(np.cov(centred.T))
    strongest = np.argsort(-variances)[:outputs]
    return centred @ axes[:, strongest] / variances[strongest] ** POWER


def features(count: int = 200, width: int = 8) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    scales = 2.0 ** -torch.arange(width)
    return (torch.randn(count, width, generator=generator) * scales) @ torch.randn(width, width, generator=generator)


def test_is_the_literal_one_but_for_the_signs_of_axes():
    values = features()
    found = fit_whitening(values, 5)(values).numpy()
    assert np.allclose(np.abs(found), np.abs(literal(values.double().numpy(), 5)), atol=1e-4)
    # An axis of variance v is left with v ** (1 - 2 POWER), and axes stay uncorrelated.
    covariance = np.cov(found.T)
    assert np.allclose(covariance, np.diag(np.diag(covariance)), atol=1e-4)


def test_all_axes_keep_distances_of_equal_variance():
    """Where all axes are alike, whitening only turns and scales: every cosine of the centred roots stays."""
    roots = torch.tensor(
        list(itertools.product((-0.5, 0.5), repeat=4))
    )  # all corners of a cube: mean 0, no axis stronger
    values = roots.sign() * roots**2
    found = torch.nn.functional.normalize(fit_whitening(values, 4)(values), dim=1)
    assert torch.allclose(found @ found.T, roots @ roots.T, atol=1e-4)


def test_is_the_same_again_and_raises_no_noise():
    values = features()
    values[:, 3] = values[:, 2]  # an axis without variance
    first, again = fit_whitening(values, 8), fit_whitening(values, 8)
    assert torch.equal(first.project.weight, again.project.weight)
    assert torch.isfinite(first(values)).all()
    assert not any(weight.requires_grad for weight in first.parameters())


@pytest.mark.parametrize(("count", "outputs"), [(200, 9), (200, 0), (5, 5)])
def test_more_axes_than_the_pictures_determine_are_refused(count, outputs):
    with pytest.raises(ModelError, match="cannot be whitened"):
        fit_whitening(features(count), outputs)


def test_a_whitened_encoder_comes_back_whole(tmp_path):
    torch.manual_seed(0)
    model = ByolModel(ByolConfig(**SMALL, whitened_size=24)).eval()
    pixels = torch.randn(2, 3, 64, 64)
    model.save_pretrained(tmp_path)
    again = ByolModel.from_pretrained(tmp_path)
    with torch.no_grad():
        assert again(pixels).pooler_output.shape == (2, 24)
        assert torch.allclose(again(pixels).pooler_output, model(pixels).pooler_output, atol=1e-6)
    with pytest.raises(ModelError, match="whitened_size"):
        ByolConfig(**SMALL, whitened_size=-1)


def test_learning_goes_around_the_whitening():
    torch.manual_seed(0)
    whitened, raw = (ByolForPreTraining(ByolConfig(**SMALL, whitened_size=size)).train() for size in (24, 0))
    whitened.load_state_dict(raw.state_dict(), strict=False)
    views = torch.randn(2, 4, 3, 64, 64)
    assert whitened(*views).loss.item() == pytest.approx(raw(*views).loss.item(), rel=1e-6)
