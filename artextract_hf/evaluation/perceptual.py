"""How alike two pictures look: SSIM, RMSE and LPIPS from pixels, and the CLIP score of pairs from embeddings.

They are diagnostics. A mean over the pairs that a search found says little by itself: random pairs have a mean, too,
and no search can do better than the best pairs there are (benchmarks/results/perceptual.json).
"""

import warnings
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from PIL import Image

from artextract_hf.data.decode import ImageSource, decode_image
from artextract_hf.errors import DataError, ModelError
from artextract_hf.extras import require

SIDE = 224  # pixels; SSIM depends on it
LUMINANCE = np.array([0.299, 0.587, 0.114])  # of red, green, blue; ITU-R BT.601, as Pillow's mode L
WINDOW, SIGMA = 11, 1.5  # pixels, Wang et al. 2004, section III-C
SMALLEST = 1e-9  # distance of the bounds of a score below which nothing lies between them
C1, C2 = 0.01**2, 0.03**2  # (K L)^2 for a range L of 1


def pixels(picture: ImageSource, side: int = SIDE) -> np.ndarray:
    """A picture as (side, side, 3) float32 from 0 to 1, squeezed to the square whole: its proportions are lost."""
    small = decode_image(picture, min_side=2 * side).resize((side, side), Image.Resampling.BICUBIC)
    return np.asarray(small, dtype=np.float32) / 255


def ssim(first: np.ndarray, second: np.ndarray) -> float:
    """Structural similarity of the luminance: 1 for the same picture, about 0 for unrelated structure, -1 at least.

    Wang et al. 2004, "Image quality assessment: from error visibility to structural similarity", equation 13 averaged
    over the windows that lie whole inside the picture. scikit-image computes the same with `gaussian_weights=True,
    sigma=1.5, use_sample_covariance=False`.

    Args:
        first: (H, W, 3) from 0 to 1, H and W at least 11.
        second: likewise.

    Raises:
        DataError: the shapes differ, or are smaller than the window.
    """
    if first.shape != second.shape or min(first.shape[:2]) < WINDOW:
        raise DataError(
            f"SSIM compares pictures of one size from {WINDOW} pixels, not {first.shape} and {second.shape}."
        )
    x, y = first @ LUMINANCE, second @ LUMINANCE
    mean_x, mean_y, xx, yy, xy = (_windowed(plane) for plane in (x, y, x * x, y * y, x * y))
    covariance, variances = xy - mean_x * mean_y, xx - mean_x**2 + yy - mean_y**2
    alike = (2 * mean_x * mean_y + C1) * (2 * covariance + C2)
    return float((alike / ((mean_x**2 + mean_y**2 + C1) * (variances + C2))).mean())


def _windowed(plane: np.ndarray) -> np.ndarray:
    """Gaussian mean around each pixel whose window is whole."""
    edge = WINDOW // 2
    return cv2.GaussianBlur(plane, (WINDOW, WINDOW), SIGMA)[edge:-edge, edge:-edge]


def rmse(first: np.ndarray, second: np.ndarray) -> float:
    """Root of the mean squared difference over pixels and channels, (H, W, 3) each: 0 for the same, 1 at most.

    Raises:
        DataError: the shapes differ.
    """
    if first.shape != second.shape:
        raise DataError(f"RMSE compares pictures of one size, not {first.shape} and {second.shape}.")
    return float(np.sqrt(np.square(first - second, dtype=np.float64).mean()))


def lpips(first: np.ndarray, others: np.ndarray, network: Any) -> np.ndarray:
    """Learned perceptual distance of a picture to others: 0 for the same, larger is less alike.

    Args:
        first: (H, W, 3) from 0 to 1.
        others: (N, H, W, 3).
        network: of `load_lpips`.

    Returns:
        (N,) float32.
    """
    import torch

    left, right = (torch.from_numpy(np.ascontiguousarray(p)).movedim(-1, -3) for p in (first[None], others))
    with torch.inference_mode():
        return network(left, right, normalize=True).flatten().numpy()


@lru_cache(maxsize=1)
def load_lpips() -> Any:
    """LPIPS on AlexNet (Zhang et al. 2018), as its authors' package has it.

    The weights of its layers come with the package, those of AlexNet from torchvision's address or torch's cache.

    Raises:
        ArtExtractError: the package is not installed.
        ModelError: the weights of AlexNet are not in torch's cache, and cannot be fetched.
    """
    import torch
    from torchvision.models import AlexNet_Weights

    lpips = require("lpips", extra="lpips")
    url = AlexNet_Weights.IMAGENET1K_V1.url
    try:
        # Not by LPIPS itself: torchvision would unpickle the file without restriction.
        weights = torch.hub.load_state_dict_from_url(url, check_hash=True, weights_only=True, map_location="cpu")
    except OSError as error:
        folder = f"{torch.hub.get_dir()}/checkpoints"
        raise ModelError(f"LPIPS needs AlexNet's weights: put {url} in {folder}; fetching it failed: {error}") from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package builds AlexNet by arguments that torchvision has deprecated
        network = lpips.LPIPS(net="alex", pnet_rand=True, verbose=False)
    names = {key: "features." + key.partition(".")[2] for key in network.net.state_dict()}  # slice1.0.weight
    network.net.load_state_dict({key: weights[name] for key, name in names.items()})
    return network


@dataclass(frozen=True)
class PairScore:
    """A mean over pairs that a search found, between its bounds.

    Attributes:
        found: the mean.
        random: of all pairs, which is what pairs drawn at random have.
        best: of the best pairs there are, as many for each query.
        pairs: how many were found.
    """

    found: float
    random: float
    best: float
    pairs: int

    @property
    def share(self) -> float | None:
        """Where the mean lies between random (0) and best (1); None where all pairs are equally alike."""
        distance = self.best - self.random
        return (self.found - self.random) / distance if distance > SMALLEST else None

    def as_json(self) -> dict[str, float | None]:
        """All figures, the share among them."""
        figures = {key: round(value, 4) for key, value in asdict(self).items()}
        return figures | {"share": None if self.share is None else round(self.share, 4)}


def score_pairs(similarities: np.ndarray, found: np.ndarray, *, own: np.ndarray | None = None) -> PairScore:
    """The mean similarity of found pairs, beside all pairs and the best ones.

    Args:
        similarities: (M, N), of each query to each gallery picture; larger is more alike.
        found: (M, k) rows of the gallery that a search answered.
        own: (M,) the row of each query's own picture, -1 where the gallery lacks it. It is no pair.

    Raises:
        DataError: a query's own picture is among its answers.
    """
    allowed = np.array(similarities, dtype=np.float64)
    if own is not None:
        has_own = np.flatnonzero(own >= 0)
        allowed[has_own, own[has_own]] = np.nan
    scores = np.take_along_axis(allowed, found, axis=1)
    if np.isnan(scores).any():
        raise DataError("a query's own picture is among its answers; leave it out before the pairs are scored.")
    best = -np.sort(-allowed, axis=1)[:, : found.shape[1]]  # NaN comes last
    return PairScore(float(scores.mean()), float(np.nanmean(allowed)), float(best.mean()), scores.size)


def clip_score(
    queries: np.ndarray, gallery: np.ndarray, found: np.ndarray, *, own: np.ndarray | None = None
) -> PairScore:
    """The mean CLIP score of found pairs: the cosine of their CLIP image embeddings.

    Args:
        queries: (M, dim), unit rows, by a CLIP image encoder.
        gallery: (N, dim), likewise.
        found: see `score_pairs`; the pairs may come from any embedder's search.
        own: see `score_pairs`.
    """
    return score_pairs(queries @ gallery.T, found, own=own)
