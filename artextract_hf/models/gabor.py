"""Brush texture: how strongly a painting is striped at each place, in each direction, at each fineness.

The complex Gabor function (Daugman 1985; here in the form of Petkov and Kruizinga 1997) is a wave under a bell:

    g(x, y; lambda, theta, psi, sigma, gamma)
        = exp(-(x'^2 + gamma^2 y'^2) / (2 sigma^2)) exp(i (2 pi x' / lambda + psi))
    x' = x cos(theta) + y sin(theta)        y' = -x sin(theta) + y cos(theta)

x runs to the right, y down, both in pixels. Stripes that repeat every lambda pixels along the direction theta answer
most. The magnitude of the answer does not depend on where in its period the wave stands, nor on psi, so psi is 0 here.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WAVELENGTHS = (3.0, 5.0, 8.0)  # pixels: from the bristle to the stroke, at 224 px a painting
ORIENTATIONS = 8
CHANNELS = len(WAVELENGTHS) * ORIENTATIONS
BANDWIDTH = 0.56  # sigma / lambda of a filter that is one octave wide (Petkov and Kruizinga 1997)
ASPECT = 0.5  # gamma; the same paper
SIDE = 31  # pixels of a filter: each way 3.3 sigma of the largest bell across its stripes, 1.7 along them
STRIDE = 4  # pixels; the mean over a cell of 32 x 32 pixels still sees 64 magnitudes, at a sixteenth of the work

# Luminance (ITU-R BT.601) of pixels that were divided by ImageNet's deviations; the means fall away with the constant.
_LUMINANCE = (0.299 * 0.229, 0.587 * 0.224, 0.114 * 0.225)


def bell_and_phase(
    wavelength: Tensor, theta: Tensor, psi: Tensor | float, sigma: Tensor, gamma: Tensor, *, side: int = SIDE
) -> tuple[Tensor, Tensor]:
    """Modulus and argument of the filters of K settings (K,), at whole pixels around the middle: (K, side, side) each.

    Not one complex tensor, which other runtimes do not know.
    """
    wavelength, theta, sigma, gamma = (value[:, None, None] for value in (wavelength, theta, sigma, gamma))
    psi = psi[:, None, None] if isinstance(psi, Tensor) else psi
    axis = torch.arange(side, device=theta.device, dtype=theta.dtype) - side // 2
    y, x = axis[:, None], axis[None, :]
    along = x * theta.cos() + y * theta.sin()
    across = y * theta.cos() - x * theta.sin()
    bell = torch.exp(-(along**2 + gamma**2 * across**2) / (2 * sigma**2))
    return bell, 2 * math.pi * along / wavelength + psi


class GaborBank(nn.Module):
    """Magnitudes of a bank of Gabor filters, averaged over the cells of a grid.

    (N, 3, H, W), normalised as the image processor does, becomes (N, 24, h, w): three wavelengths of eight
    directions each, theta running fastest. Each filter is divided by the sum of its bell, so that stripes of
    amplitude a to which it is tuned give a / 2 at any wavelength.

    Args:
        learnable: let training move wavelength, direction and shape of each filter.
    """

    def __init__(self, *, learnable: bool) -> None:
        super().__init__()
        wavelength = torch.tensor(WAVELENGTHS).repeat_interleave(ORIENTATIONS)
        theta = (torch.arange(ORIENTATIONS) * math.pi / ORIENTATIONS).repeat(len(WAVELENGTHS))
        settings = {
            # Logarithms keep what must be positive positive, whatever the optimiser does.
            "log_wavelength": wavelength.log(),
            "theta": theta,
            "log_sigma": (BANDWIDTH * wavelength).log(),
            "log_gamma": torch.full((CHANNELS,), math.log(ASPECT)),
        }
        for name, value in settings.items():
            if learnable:
                self.register_parameter(name, nn.Parameter(value))
            else:
                self.register_buffer(name, value)

    def filters(self) -> Tensor:
        """Real and imaginary parts of the filters, (2, 24, 31, 31), each divided by the sum of its bell."""
        wave, sigma, gamma = self.log_wavelength.exp(), self.log_sigma.exp(), self.log_gamma.exp()
        bell, phase = bell_and_phase(wave, self.theta, 0.0, sigma, gamma)
        bell = bell / bell.sum(dim=(1, 2), keepdim=True)
        return torch.stack((bell * phase.cos(), bell * phase.sin()))

    def magnitudes(self, pixel_values: Tensor) -> Tensor:
        """(N, 3, H, W) to (N, 24, H / 4, W / 4), one value every fourth pixel; H and W of at least 16."""
        weights = pixel_values.new_tensor(_LUMINANCE)[:, None, None]
        grey = (pixel_values * weights).sum(dim=1, keepdim=True)
        grey = F.pad(grey, [SIDE // 2] * 4, mode="reflect")  # zeros would be a stripe along the edge of every painting
        parts = self.filters().flatten(0, 1)[:, None].to(grey.dtype)
        real, imaginary = F.conv2d(grey, parts, stride=STRIDE).float().chunk(2, dim=1)
        return (real**2 + imaginary**2 + 1e-12).sqrt()  # the square root of 0 has no gradient

    def forward(self, pixel_values: Tensor, grid: tuple[int, int]) -> Tensor:
        """Texture (N, 24, h, w) on the grid of a backbone's feature map."""
        return F.adaptive_avg_pool2d(self.magnitudes(pixel_values), grid)
