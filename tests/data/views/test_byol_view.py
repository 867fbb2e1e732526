import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2

from artextract_hf.data.views.byol_view import SOLARIZE, ByolView, byol_views, pair_sheet
from artextract_hf.errors import DataError

STILL = {"min_area": 1.0, "max_ratio": 1.0, "flip": 0.0, "jitter": 0.0, "grayscale": 0.0}


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    """Smooth colours of all kinds, with an edge."""
    y, x = np.mgrid[0:160, 0:200]
    waves = [127 + 100 * np.sin(x / 31 + i) * np.cos(y / 23 - 2 * i) for i in range(3)]
    pixels = np.stack(waves, axis=2)
    pixels[60:100, 80:120] = (230, 40, 60)
    return Image.fromarray(pixels.astype(np.uint8))


def moments(views: np.ndarray) -> np.ndarray:
    """Mean and deviation, over many views (N, S, S, 3), of what a network could tell them apart by."""
    values = views.astype(float) / 255
    colorfulness = values.std(axis=3).mean(axis=(1, 2))
    sharpness = np.abs(np.diff(values, axis=2)).mean(axis=(1, 2, 3))
    each = [values[..., c].mean(axis=(1, 2)) for c in range(3)]
    each += [values[..., c].std(axis=(1, 2)) for c in range(3)] + [colorfulness, sharpness]
    return np.array([[v.mean(), v.std()] for v in each])


def reference(*, blur: float, solarize: float, size: int) -> v2.Compose:
    """The paper's list, by torchvision, one step after the other, with antialiasing and clipping between steps."""
    jitter = v2.ColorJitter(0.4, 0.4, 0.2, 0.1)
    return v2.Compose(
        [
            v2.RandomResizedCrop(size, scale=(0.08, 1.0), interpolation=v2.InterpolationMode.BICUBIC),
            v2.RandomHorizontalFlip(),
            v2.RandomApply([jitter], 0.8),
            v2.RandomGrayscale(0.2),
            v2.RandomApply([v2.GaussianBlur(23, (0.1, 2.0))], blur),
            v2.RandomSolarize(128, solarize),
        ]
    )


@pytest.mark.parametrize("which", [0, 1])
def test_same_distribution_as_step_by_step(picture, which):
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    theirs = reference(blur=(1.0, 0.1)[which], solarize=(0.0, 0.2)[which], size=64)
    ours = byol_views()[which]
    number = 1500
    a = moments(np.stack([ours(picture, 64, rng).copy() for _ in range(number)]))
    b = moments(np.stack([np.asarray(theirs(picture)) for _ in range(number)]))
    # Means within four standard errors and the effect of clipping between steps; deviations within 12 %.
    assert np.all(np.abs(a[:, 0] - b[:, 0]) < 4 * b[:, 1] / number**0.5 + 0.012), (a[:, 0], b[:, 0])
    assert a[:, 1] == pytest.approx(b[:, 1], rel=0.12, abs=0.004)


def test_the_asymmetry_is_the_papers():
    first, second = byol_views()
    assert (first.blur, first.solarize, second.blur, second.solarize) == (1.0, 0.0, 0.1, 0.2)
    assert (first.brightness, first.contrast, first.saturation, first.hue) == (0.4, 0.4, 0.2, 0.1)
    assert (first.min_area, first.flip, first.jitter, first.grayscale) == (0.08, 0.5, 0.8, 0.2)


def test_a_view_without_changes_is_the_picture(picture):
    square = picture.crop((0, 0, 160, 160))
    view = ByolView(**STILL)(square, 160, np.random.default_rng(0))
    assert np.array_equal(view, np.asarray(square))


@pytest.mark.parametrize(
    ("changes", "torchvision"),
    [
        ({"brightness": 0.5}, v2.functional.adjust_brightness),
        ({"contrast": 0.5}, v2.functional.adjust_contrast),
        ({"saturation": 0.5}, v2.functional.adjust_saturation),
        ({"hue": 0.3}, v2.functional.adjust_hue),
    ],
)
def test_each_colour_step_is_torchvisions(picture, changes, torchvision, monkeypatch):
    """Of a pale picture, which no step drives out of range."""
    pale = picture.crop((0, 0, 160, 160)).point(lambda v: 80 + v // 4)
    none = dict.fromkeys(("brightness", "contrast", "saturation", "hue"), 0.0)
    view = ByolView(**STILL | {"jitter": 1.0} | none | changes)
    limits = {(0.5, 1.5), (-0.3, 0.3)}
    change = 0.0
    for seed in range(5):
        rng = Recorder(seed, limits)
        ours = view(pale, 160, rng).astype(int)
        theirs = np.asarray(torchvision(pale, rng.factor)).astype(int)
        assert abs(ours - theirs).mean() < 1.0
        change += abs(ours - np.asarray(pale)).mean()
    assert change > 5  # something happened


class Recorder:
    """A random generator that keeps the factor it drew."""

    def __init__(self, seed: int, limits: set) -> None:
        self._rng, self._limits = np.random.default_rng(seed), limits
        self.random, self.integers, self.permutation = self._rng.random, self._rng.integers, self._rng.permutation

    def uniform(self, low: float, high: float) -> float:
        value = self._rng.uniform(low, high)
        if (low, high) in self._limits:
            self.factor = value
        return value


def test_grey_blur_and_solarize(picture):
    square = picture.crop((0, 0, 160, 160))
    rng = np.random.default_rng(0)
    grey = ByolView(**STILL | {"grayscale": 1.0})(square, 160, rng).astype(int)
    assert np.ptp(grey, axis=2).max() <= 1
    assert abs(grey[..., 0] - np.asarray(square.convert("L"))).max() <= 1
    turned = ByolView(**STILL, solarize=1.0)(square, 160, rng)
    values = np.asarray(square)
    assert np.array_equal(turned, np.where(values < 128, values, 255 - values))
    assert SOLARIZE[[0, 127, 128, 255]].tolist() == [0, 127, 127, 0]
    steepest = [np.ptp(np.diff(ByolView(**STILL, blur=1.0)(square, 160, rng).astype(int), axis=0)) for _ in range(20)]
    sharp = np.ptp(np.diff(values.astype(int), axis=0))
    assert max(steepest) <= sharp and min(steepest) < sharp / 2


def test_crops_keep_between_min_area_and_all():
    """Measured on a picture whose pixels tell where they are."""
    y, x = np.mgrid[0:256, 0:256].astype(np.uint8)
    where = np.stack([y, x, np.zeros_like(x)], axis=2)
    view = ByolView(**STILL | {"min_area": 0.2, "max_ratio": 4 / 3})
    rng = np.random.default_rng(0)
    areas = []
    for _ in range(400):
        seen = view(where, 64, rng).astype(int)
        height, width = np.ptp(seen[..., 0]) + 1, np.ptp(seen[..., 1]) + 1
        areas.append(height * width / 256**2)
        assert 0.7 < height / width < 1.43
    assert 0.15 < min(areas) < 0.25 and max(areas) > 0.85
    # 0.54, below the middle since the widest often do not fit, less the half pixel lost on each side.
    assert np.mean(areas) == pytest.approx(0.52, abs=0.04)


def test_a_scroll_is_cropped_in_the_middle():
    scroll = np.zeros((20, 400, 3), dtype=np.uint8)
    scroll[:, 190:210] = 255
    view = ByolView(**STILL | {"min_area": 0.9, "max_ratio": 1.0})(scroll, 20, np.random.default_rng(0))
    assert view.min() == 255  # the square in the middle


def test_repeats_and_varies(picture):
    first = byol_views()[0]
    again = [first(picture, 32, np.random.default_rng((0, 1, 2))) for _ in range(2)]
    assert np.array_equal(*again)
    assert not np.array_equal(again[0], first(picture, 32, np.random.default_rng((0, 1, 3))))
    assert pair_sheet([(again[0], again[1])] * 3).size == (64, 96)


@pytest.mark.parametrize("wrong", [{"hue": 0.7}, {"min_area": 0.0}, {"flipp": 0.5}, {"blur": (1.0,)}, {"flip": 1.5}])
def test_bad_views_are_refused(wrong):
    with pytest.raises(DataError):
        byol_views(**wrong)
