"""The Gabor bank against its formula in numpy, and on stripes whose direction and period are known."""

import math

import numpy as np
import pytest
import torch

from artextract_hf.errors import ModelError
from artextract_hf.models import CrnnConfig, CrnnForImageClassification
from artextract_hf.models.gabor import CHANNELS, ORIENTATIONS, WAVELENGTHS, GaborBank, bell_and_phase

MEAN, STD = (torch.tensor(v)[:, None, None] for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))


def stripes(wavelength: float, theta: float, *, side: int = 64, amplitude: float = 0.3, phase: float = 0.0):
    """A grey painting whose brightness is a wave along theta, as the image processor gives it: (1, 3, side, side)."""
    y, x = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    along = x * math.cos(theta) + y * math.sin(theta)
    grey = 0.5 + amplitude * torch.cos(2 * math.pi * along / wavelength + phase)
    return ((grey.expand(3, side, side) - MEAN) / STD)[None]


def channel(wavelength: int, orientation: int) -> int:
    return wavelength * ORIENTATIONS + orientation


def test_filters_are_the_formula():
    settings = {
        "wavelength": [4.0, 7.5, 3.0],
        "theta": [0.0, 0.7, 2.5],
        "psi": [0.0, 1.1, -0.4],
        "sigma": [2.0, 3.1, 1.5],
        "gamma": [0.5, 1.0, 1.7],
    }
    found = bell_and_phase(*(torch.tensor(v, dtype=torch.float64) for v in settings.values()), side=9)
    filters = torch.polar(*found).numpy()
    assert filters.shape == (3, 9, 9)
    for k, (wavelength, theta, psi, sigma, gamma) in enumerate(zip(*settings.values(), strict=True)):
        for row in range(9):
            for column in range(9):
                x, y = column - 4, row - 4
                xr, yr = x * np.cos(theta) + y * np.sin(theta), -x * np.sin(theta) + y * np.cos(theta)
                bell = np.exp(-(xr**2 + gamma**2 * yr**2) / (2 * sigma**2))
                assert filters[k, row, column] == pytest.approx(bell * np.exp(1j * (2 * np.pi * xr / wavelength + psi)))


def test_the_bank_holds_every_wavelength_in_every_direction():
    bank = GaborBank(learnable=False)
    bell, phase = bell_and_phase(
        torch.tensor(WAVELENGTHS).repeat_interleave(8),
        torch.tensor([k * math.pi / 8 for k in range(8)] * 3),
        0.0,
        0.56 * torch.tensor(WAVELENGTHS).repeat_interleave(8),
        torch.full((24,), 0.5),
    )
    filters = torch.complex(*bank.filters())
    assert filters.shape == (CHANNELS, 31, 31)
    assert torch.allclose(filters.abs().sum(dim=(1, 2)), torch.ones(CHANNELS), atol=1e-5)
    assert torch.allclose(filters * bell.sum(dim=(1, 2))[:, None, None], torch.polar(bell, phase), atol=1e-5)


def test_filters_hold_nearly_all_of_their_bells():
    wavelength, one = torch.tensor(WAVELENGTHS), torch.ones(len(WAVELENGTHS))
    settings = (wavelength, 0 * one, 0.0, 0.56 * wavelength, 0.5 * one)
    inside, whole = (bell_and_phase(*settings, **side)[0].sum(dim=(1, 2)) for side in ({}, {"side": 121}))
    assert (inside / whole).min() > 0.9


@pytest.mark.parametrize("wavelength", range(len(WAVELENGTHS)))
@pytest.mark.parametrize("orientation", range(ORIENTATIONS))
def test_stripes_wake_their_own_filter(wavelength, orientation):
    pixels = stripes(WAVELENGTHS[wavelength], orientation * math.pi / ORIENTATIONS)
    magnitudes = GaborBank(learnable=False).magnitudes(pixels)
    assert magnitudes.shape == (1, CHANNELS, 16, 16)
    inner = magnitudes[0, :, 4:12, 4:12].mean(dim=(1, 2))  # away from the mirrored edges
    assert inner.argmax().item() == channel(wavelength, orientation)
    assert inner.max().item() == pytest.approx(0.3 / 2, rel=0.02)  # half the amplitude, whatever the wavelength
    across = inner[channel(wavelength, (orientation + ORIENTATIONS // 2) % ORIENTATIONS)]
    assert across < 0.05 * inner.max()


def test_magnitude_does_not_know_the_phase():
    bank = GaborBank(learnable=False)
    first, second = (bank.magnitudes(stripes(8.0, 0.0, phase=p))[0, :, 4:12, 4:12] for p in (0.0, 1.3))
    tuned = channel(2, 0)
    assert torch.allclose(first[tuned], second[tuned], rtol=0.02)


def test_a_flat_painting_has_no_texture():
    for grey in (0.0, 1.0):
        flat = ((torch.full((3, 48, 48), grey) - MEAN) / STD)[None]
        assert GaborBank(learnable=False).magnitudes(flat).max() < 0.01


@pytest.mark.parametrize("corner", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_texture_stands_where_it_is_in_the_painting(corner):
    """Stripes in one quarter of 128 px: in a grid of 2 x 2 only that cell is textured, as in the backbone's map."""
    pixels = stripes(5.0, 0.0, side=128, amplitude=0.0)
    row, column = (64 * part for part in corner)
    pixels[..., row : row + 64, column : column + 64] = stripes(5.0, 0.0, side=64)
    texture = GaborBank(learnable=False)(pixels, (2, 2))[0, channel(1, 0)]
    assert texture.argmax().item() == 2 * corner[0] + corner[1]
    assert texture[corner] > 5 * (texture.sum() - texture[corner]) / 3


def test_only_a_learnable_bank_learns():
    pixels = stripes(5.5, 0.3) + 0.1 * torch.randn(1, 3, 64, 64)
    assert list(GaborBank(learnable=False).parameters()) == []
    bank = GaborBank(learnable=True)
    bank(pixels, (2, 2))[0, channel(1, 1)].sum().backward()
    for name, parameter in bank.named_parameters():
        assert parameter.grad.isfinite().all() and parameter.grad[channel(1, 1)] != 0, name
    assert {*bank.state_dict()} == {*GaborBank(learnable=False).state_dict()}


def test_a_learnable_bank_finds_the_stripes():
    """Climbing the answer to stripes of 5.5 px along 0.5 rad moves the nearest filter (5 px, 0.39 rad) to them."""
    pixels, bank = stripes(5.5, 0.5), GaborBank(learnable=True)
    bank.log_sigma.requires_grad_(False), bank.log_gamma.requires_grad_(False)
    optimizer = torch.optim.Adam([bank.log_wavelength, bank.theta], lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        (-bank.magnitudes(pixels)[0, channel(1, 1), 4:12, 4:12].mean()).backward()
        optimizer.step()
    assert bank.log_wavelength[channel(1, 1)].exp().item() == pytest.approx(5.5, abs=0.1)
    assert bank.theta[channel(1, 1)].item() == pytest.approx(0.5, abs=0.02)


# --- in the model ---------------------------------------------------------------------------------------------------


def with_gabor(kind: str, **changes: object) -> CrnnForImageClassification:
    torch.manual_seed(0)
    small = {"backbone": "mobilenetv3_small_050", "image_size": 64, "projection_size": 16, "hidden_size": 8}
    return CrnnForImageClassification(CrnnConfig(gabor=kind, **(small | changes))).eval()


@pytest.mark.parametrize("kind", ["fixed", "learnable"])
def test_a_model_with_texture_learns_and_reloads(kind, tmp_path):
    model, pixels = with_gabor(kind), torch.randn(2, 3, 64, 64)
    model.save_pretrained(tmp_path)
    again = CrnnForImageClassification.from_pretrained(tmp_path)
    with torch.no_grad():
        torch.testing.assert_close(model(pixels).logits, again(pixels).logits)
    assert (again.crnn.gabor.theta.requires_grad) == (kind == "learnable")
    model.train()(pixels, labels=torch.tensor([0, 1])).loss.backward()
    if kind == "learnable":
        assert model.crnn.gabor.theta.grad.any()


def test_each_step_reads_the_texture_of_its_own_place():
    """Stripes put into the lower left quarter change the texture of that step of the sequence and of no other."""
    model = with_gabor("fixed", image_size=128, projection_size=0)
    plain = stripes(5.0, 0.0, side=128, amplitude=0.0)
    striped = plain.clone()
    striped[..., 64 + 16 : 128, 0 : 64 - 16] = stripes(5.0, 0.0, side=48)
    with torch.no_grad():
        before, after = (model.crnn.features(p) for p in (plain, striped))
    assert before.shape[-2:] == (4, 4)
    change = (after - before)[0, -CHANNELS:].abs().amax(dim=0)
    assert change[2:, :2].max() > 0.05
    assert change[:2].max() < 0.01 and change[:, 2:].max() < 0.01


def test_read_takes_maps_kept_aside():
    model, pixels = with_gabor("fixed"), torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        kept = model.crnn.features(pixels)
        assert torch.equal(model.crnn.read(kept).pooler_output, model.crnn(pixels).pooler_output)


def test_unknown_kind():
    with pytest.raises(ModelError, match="none, fixed, learnable"):
        CrnnConfig(gabor="yes")
