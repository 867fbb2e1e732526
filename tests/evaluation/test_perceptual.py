import urllib.error

import numpy as np
import pytest
import torch
from PIL import Image

from artextract_hf.data.decode import decode_image
from artextract_hf.data.synthetic import PaintingSpec, paint
from artextract_hf.errors import DataError, ModelError
from artextract_hf.evaluation.perceptual import clip_score, load_lpips, lpips, pixels, rmse, score_pairs, ssim


@pytest.fixture(scope="module")
def painting() -> np.ndarray:
    return pixels(paint(PaintingSpec("impasto", "sunlit", "landscape"), size=(128, 96)), 64)


def noisy(picture: np.ndarray, amount: float) -> np.ndarray:
    grain = np.random.default_rng(0).normal(0, amount, picture.shape)
    return np.clip(picture + grain, 0, 1).astype(np.float32)


def ssim_window_by_window(first: np.ndarray, second: np.ndarray) -> float:
    """Wang et al. 2004, equations 13 to 16, each window by itself."""
    offsets = np.arange(-5, 6)
    weights = np.exp(-(offsets[:, None] ** 2 + offsets**2) / (2 * 1.5**2))
    weights /= weights.sum()
    x, y = (0.299 * p[..., 0] + 0.587 * p[..., 1] + 0.114 * p[..., 2] for p in (first, second))
    values = []
    for top in range(x.shape[0] - 10):
        for left in range(x.shape[1] - 10):
            a, b = (p[top : top + 11, left : left + 11].astype(float) for p in (x, y))
            mean_a, mean_b = (weights * a).sum(), (weights * b).sum()
            var_a, var_b = (weights * (a - mean_a) ** 2).sum(), (weights * (b - mean_b) ** 2).sum()
            covariance = (weights * (a - mean_a) * (b - mean_b)).sum()
            c1, c2 = 0.01**2, 0.03**2
            values.append(
                (2 * mean_a * mean_b + c1)
                * (2 * covariance + c2)
                / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))
            )
    return float(np.mean(values))


def test_ssim_is_the_papers(painting):
    rng = np.random.default_rng(1)
    crop = painting[10:40, 5:45]
    others = [crop[::-1].copy(), noisy(crop, 0.1), 1 - crop, rng.random(crop.shape, dtype=np.float32)]
    for other in others:
        assert ssim(crop, other) == pytest.approx(ssim_window_by_window(crop, other), abs=1e-6)


def test_ssim_of_flat_pictures_by_hand():
    """Without variance only the means count: (2 x 0.2 x 0.4 + C1) / (0.2^2 + 0.4^2 + C1)."""
    dark, bright = (np.full((16, 20, 3), value, dtype=np.float32) for value in (0.2, 0.4))
    assert ssim(dark, bright) == pytest.approx((0.16 + 1e-4) / (0.2 + 1e-4), abs=1e-5)


def test_rmse_by_hand():
    first, second = np.zeros((2, 2, 3)), np.zeros((2, 2, 3))
    second[0, 0] = 1
    assert rmse(first, second) == pytest.approx(0.5)
    assert rmse(np.zeros((4, 4, 3)), np.ones((4, 4, 3))) == 1


def test_pictures_are_alike_to_themselves_and_less_so_the_more_they_are_spoilt(painting):
    spoilt = [noisy(painting, amount) for amount in (0.02, 0.05, 0.1, 0.2)]
    for measure, best in ((ssim, 1.0), (lambda a, b: -rmse(a, b), 0.0)):
        values = [measure(painting, other) for other in [painting, *spoilt]]
        assert values[0] == pytest.approx(best)
        assert (np.diff(values) < 0).all()
        assert measure(spoilt[0], painting) == pytest.approx(values[1])


def test_sizes_that_differ_are_refused(painting):
    for measure in (ssim, rmse):
        with pytest.raises(DataError, match="of one size"):
            measure(painting, painting[1:])
    with pytest.raises(DataError, match="from 11 pixels"):
        ssim(painting[:10], painting[:10])


def test_pixels_squeeze_the_whole_picture_to_a_square():
    wide = Image.new("RGB", (400, 100), "red")
    wide.paste("blue", (200, 0, 400, 100))
    found = pixels(wide, 64)
    assert found.shape == (64, 64, 3) and found.dtype == np.float32
    assert found[32, 4] == pytest.approx([1, 0, 0]) and found[32, 60] == pytest.approx([0, 0, 1])


@pytest.fixture(scope="module")
def lpips_network(tmp_path_factory):
    """The real thing but for AlexNet's weights, which are random: they lie where torch would have put them."""
    pytest.importorskip("lpips", reason="lpips is not installed")
    from torchvision.models import AlexNet_Weights, alexnet

    cache = tmp_path_factory.mktemp("torch_hub")
    torch.manual_seed(0)
    network = alexnet()
    file = cache / "checkpoints" / AlexNet_Weights.IMAGENET1K_V1.url.rpartition("/")[2]
    file.parent.mkdir()
    torch.save(network.state_dict(), file)
    before = torch.hub.get_dir()
    torch.hub.set_dir(str(cache))
    load_lpips.cache_clear()
    yield load_lpips(), network
    load_lpips.cache_clear()
    torch.hub.set_dir(before)


def test_lpips_properties(lpips_network, painting):
    network, _ = lpips_network
    others = np.stack([painting, *(noisy(painting, amount) for amount in (0.05, 0.1, 0.2))])
    distances = lpips(painting, others, network)
    assert distances.shape == (4,)
    assert distances[0] == pytest.approx(0, abs=1e-6)
    assert (np.diff(distances) > 0).all()
    back = [lpips(other, painting[None], network)[0] for other in others]
    np.testing.assert_allclose(back, distances, rtol=1e-4, atol=1e-7)


def test_lpips_is_the_papers(lpips_network, painting):
    """Zhang et al. 2018, equation 1, with AlexNet layer by layer and the package's own linear weights."""
    network, alexnet = lpips_network
    other = noisy(painting, 0.1)
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    x, y = ((torch.from_numpy(p) - mean) / deviation for p in (painting, other))
    x, y = x.permute(2, 0, 1)[None], y.permute(2, 0, 1)[None]
    linear, expected = iter(network.lins), 0.0
    with torch.inference_mode():
        for layer in alexnet.features[:12]:
            x, y = layer(x), layer(y)
            if isinstance(layer, torch.nn.ReLU):
                difference = torch.nn.functional.normalize(x) - torch.nn.functional.normalize(y)
                weights = next(linear).model[-1].weight
                expected += float((weights * difference**2).sum(1).mean())
    assert lpips(painting, other[None], network)[0] == pytest.approx(expected, rel=1e-2)


def test_lpips_says_what_is_missing(monkeypatch, tmp_path):
    pytest.importorskip("lpips", reason="lpips is not installed")

    def unreachable(*_args, **_kwargs):
        raise urllib.error.URLError("no route")

    monkeypatch.setattr(torch.hub, "download_url_to_file", unreachable)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    load_lpips.cache_clear()
    with pytest.raises(ModelError, match=r"put https://.*alexnet.*\.pth in .*checkpoints; .*no route"):
        load_lpips()


def test_pairs_by_hand():
    similarities = np.array([[1.0, 0.5, 0.1, 0.2], [0.3, 0.9, 0.6, 0.0]])
    found = np.array([[1, 3], [0, 2]])
    scores = score_pairs(similarities, found)
    assert scores.found == pytest.approx((0.5 + 0.2 + 0.3 + 0.6) / 4)
    assert scores.random == pytest.approx(3.6 / 8)
    assert scores.best == pytest.approx((1.0 + 0.5 + 0.9 + 0.6) / 4)
    apart = score_pairs(similarities, found, own=np.array([0, -1]))
    assert apart.found == scores.found and apart.pairs == 4
    assert apart.random == pytest.approx(2.6 / 7)
    assert apart.best == pytest.approx((0.5 + 0.2 + 0.9 + 0.6) / 4)
    assert apart.as_json()["share"] == pytest.approx((0.4 - 2.6 / 7) / (0.55 - 2.6 / 7), abs=1e-4)
    with pytest.raises(DataError, match="own picture"):
        score_pairs(similarities, found, own=np.array([3, -1]))


def test_share_is_one_for_clips_own_search_and_zero_for_a_random_one():
    """A small CLIP with random weights: its scores mean nothing, the bounds around them hold all the same."""
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    torch.manual_seed(0)
    config = CLIPVisionConfig(
        hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2, image_size=32, patch_size=8
    )
    model = CLIPVisionModelWithProjection(config).eval()
    colors = np.random.default_rng(0).random((60, 3))
    pictures = [decode_image(np.tile((255 * color).astype(np.uint8), (32, 32, 1))) for color in colors]
    batch = torch.from_numpy(np.stack([pixels(picture, 32) for picture in pictures])).permute(0, 3, 1, 2)
    with torch.inference_mode():
        embeddings = torch.nn.functional.normalize(model(pixel_values=batch).image_embeds).numpy()
    own = np.arange(60)
    cosines = embeddings @ embeddings.T
    np.fill_diagonal(cosines, -np.inf)
    nearest = np.argsort(-cosines, axis=1)[:, :3]
    assert clip_score(embeddings, embeddings, nearest, own=own).share == pytest.approx(1)
    drawn = np.stack([np.random.default_rng(i).permutation(np.delete(own, i))[:30] for i in own])
    assert clip_score(embeddings, embeddings, drawn, own=own).share == pytest.approx(0, abs=0.1)


def test_where_all_pairs_are_equally_alike_there_is_no_share():
    scores = score_pairs(np.full((3, 4), 0.1), np.array([[0], [1], [2]]))
    assert scores.share is None and scores.as_json() == {
        "found": 0.1,
        "random": 0.1,
        "best": 0.1,
        "pairs": 3,
        "share": None,
    }
