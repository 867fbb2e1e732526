"""Linear maps that are computed from pictures without labels, and never learnt.

`Whitening`: a representation whose few strong directions no longer drown the others. First the signed root of its
shares, so that a few large features do not decide a cosine (Hellinger's kernel, as in RootSIFT: Arandjelovic and
Zisserman 2012); then the principal axes of the training pictures, each divided by a power of its variance (Jegou and
Chum 2012 divide by its root; half of that exponent measured better here, since full whitening raises what is mostly
noise).

`TypicalPainting`: how far a picture is from the paintings of a collection (Mahalanobis distance, as Lee et al. 2018 use
it, on the statistics of two stages of the backbone, without classes).
"""

import torch
from torch import Tensor, nn

from artextract_hf.errors import ModelError

POWER = 0.25  # of the variance of an axis; 0 is plain PCA, 0.5 full whitening
LEAST_VARIANCE = 1e-6  # as a share of the strongest axis: below, an axis is noise, and is not raised further


class Whitening(nn.Module):
    """(N, inputs) to (N, outputs). It is computed from data by `fit_whitening`, never learnt by gradient."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.project = nn.Linear(inputs, outputs)
        self.requires_grad_(False)

    def forward(self, representation: Tensor) -> Tensor:
        """Root, centre, rotate, scale."""
        return self.project(_signed_root(representation))


class TypicalPainting(nn.Module):
    """(N, F) statistics of pictures to their distances (N,) from the average painting, in standard deviations.

    Args:
        features: F.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("whitening", torch.eye(features))

    def forward(self, statistics: Tensor) -> Tensor:
        """Centre, whiten, measure."""
        return ((statistics - self.mean) @ self.whitening).norm(dim=1) / self.mean.numel() ** 0.5


def fit_whitening(representations: Tensor, outputs: int, *, power: float = POWER) -> Whitening:
    """The whitening of these representations.

    Args:
        representations: (N, C), raw, of pictures like those that will be searched.
        outputs: how many of the strongest axes are kept, at most C.
        power: of the variance, that an axis is divided by.

    Raises:
        ModelError: more axes are wanted than there are, or than the pictures determine.
    """
    count, inputs = representations.shape
    if not 0 < outputs <= min(inputs, count - 1):
        raise ModelError(f"{count} pictures with {inputs} features cannot be whitened to {outputs} dimensions.")
    roots = _signed_root(representations.double())
    mean = roots.mean(dim=0)
    variances, axes = torch.linalg.eigh(torch.cov((roots - mean).T))  # ascending
    variances, axes = variances.flip(0)[:outputs], axes.flip(1)[:, :outputs]
    axes = axes * axes.gather(0, axes.abs().argmax(0, keepdim=True)).sign()  # eigenvectors have no sign of their own
    matrix = axes / variances.clamp(min=LEAST_VARIANCE * float(variances[0])) ** power
    whitening = Whitening(inputs, outputs)
    with torch.no_grad():
        whitening.project.weight.copy_(matrix.T)
        whitening.project.bias.copy_(-mean @ matrix)
    return whitening


def _signed_root(values: Tensor) -> Tensor:
    """Rows of length 1: the root of each feature's share in the sum of all, with its sign."""
    shares = values / values.abs().sum(dim=1, keepdim=True).clamp(min=1e-12)
    return shares.sign() * shares.abs().sqrt()
