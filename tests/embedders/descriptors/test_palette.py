import numpy as np
import pytest
from PIL import Image

from artextract_hf.data.synthetic import PALETTES, PaintingSpec, paint
from artextract_hf.embedders.descriptors.descriptor import to_lab
from artextract_hf.embedders.descriptors.palette import PaletteEmbedder, dominant_colors, soft_histogram

PALETTE = PaletteEmbedder()
COLORS = np.array([(200, 40, 30), (30, 60, 160), (240, 230, 200), (20, 90, 40)], np.uint8)
SHARES = np.array([0.4, 0.3, 0.2, 0.1])


def mixture(seed: int = 0, side: int = 100) -> np.ndarray:
    """COLORS in SHARES, in random places."""
    pixels = np.repeat(COLORS, (SHARES * side**2).astype(int), axis=0)
    return np.random.default_rng(seed).permutation(pixels).reshape(side, side, 3)


def test_a_known_mixture_is_taken_apart():
    centres, shares = dominant_colors(mixture(), 4)
    assert np.abs(centres - to_lab(COLORS[None])[0]).max() < 0.5
    assert shares == pytest.approx(SHARES)


def test_dominant_colors_do_not_depend_on_places_and_are_the_same_each_time():
    picture = np.asarray(paint(PaintingSpec("impasto", "fauve", "still_life")))
    shuffled = np.random.default_rng(0).permutation(picture.reshape(-1, 3))
    for one, other in zip(dominant_colors(picture), dominant_colors(shuffled), strict=True):
        assert np.allclose(one, other)


@pytest.mark.parametrize("colors", [1, 2])
def test_fewer_colours_than_clusters(colors):
    centres, shares = dominant_colors(COLORS[:colors][None], 5)
    assert len(centres) == colors and shares.sum() == pytest.approx(1)


def test_explained_colours_are_those_of_stripes():
    """Stripes of multiples of four pixels, of which the shrinking to a fourth mixes none."""
    heights = np.array([144, 120, 72, 48])
    rows = np.repeat(np.arange(4), heights)
    told = PALETTE.explain(np.broadcast_to(COLORS[rows][:, None], (384, 384, 3)).copy())
    assert [color["hex"] for color in told["colors"]] == ["#" + bytes(color).hex() for color in COLORS]
    assert [color["share"] for color in told["colors"]] == pytest.approx(heights / 384, abs=0.001)
    families = told["families"]
    assert sum(families.values()) == pytest.approx(1, abs=0.01)
    assert families["greens"] > 0.05 and families["cyans"] < 0.05


def test_the_soft_histogram_keeps_the_mean_and_the_whole():
    """Trilinear sharing is exact in the first moment."""
    from artextract_hf.embedders.descriptors.palette import _bin_colors

    rng = np.random.default_rng(0)
    lab = rng.uniform((0, -90, -100), (99, 90, 90), (500, 3))
    shares = soft_histogram(lab)
    assert shares.sum() == pytest.approx(1) and (shares >= 0).all()
    assert shares @ _bin_colors() == pytest.approx(lab.mean(axis=0))


def test_all_of_srgb_lies_within_the_bins():
    cube = np.stack(np.meshgrid(*[np.arange(0, 256, 15)] * 3), axis=-1).reshape(-1, 3).astype(np.uint8)
    lab = to_lab(cube[None])[0]
    assert (lab >= (-0.01, -100, -120)).all() and (lab <= (100.01, 100, 100)).all()


def test_near_colours_are_near_and_far_ones_far():
    patches = [Image.new("RGB", (32, 32), color) for color in ("#c02020", "#c82828", "#2020c0")]
    red, redder, blue = PALETTE.embed(patches)
    assert red @ redder > 0.9 and red @ blue < 0.05
    assert PALETTE.why(*patches[:2]).split(": ")[1].startswith(("reds", "oranges and browns"))


def test_the_palette_is_found_whatever_the_layout():
    names = list(PALETTES)
    first, second = ([paint(PaintingSpec("glaze", name, "landscape", seed)) for name in names] for seed in (5, 6))
    found = (PALETTE.embed(first) @ PALETTE.embed(second).T).argmax(axis=1)
    assert (found == np.arange(len(names))).mean() >= 0.7
