import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from artextract_hf.data.synthetic import PaintingSpec, paint, synthetic_paintings
from artextract_hf.embedders.descriptors import DESCRIPTORS, CompositionEmbedder
from artextract_hf.embedders.descriptors.composition import DIRECTIONS, edge_maps, whitened
from artextract_hf.errors import ImageError, ModelError
from artextract_hf.retrieval.index import PaintingIndex

COMPOSITION = CompositionEmbedder()
SCENES = [(name, seed) for name in ("landscape", "seascape", "cityscape", "still_life", "figure") for seed in (1, 2)]


def stripes(angle: float, side: int = 128) -> np.ndarray:
    """Bars that run at this angle, counter-clockwise from level."""
    y, x = np.mgrid[:side, :side]
    across = -x * np.sin(np.radians(angle)) - y * np.cos(np.radians(angle))
    grey = 127 + 100 * np.sin(across * 2 * np.pi / 32)
    return np.repeat(grey.astype(np.uint8)[:, :, None], 3, axis=2)


@pytest.mark.parametrize("name", DESCRIPTORS)
def test_every_descriptor_is_an_embedder(name, tmp_path):
    embedder = DESCRIPTORS[name]()
    picture = paint(PaintingSpec("glaze", "earth", "portrait"))
    picture.save(tmp_path / "p.png")
    pictures = [picture, tmp_path / "p.png", np.asarray(picture), Image.new("RGB", (40, 30), "white")]
    vectors = embedder.embed(pictures, batch_size=3)
    assert vectors.dtype == np.float32 and vectors.shape == (4, embedder.dim)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert (vectors[0] == vectors[1]).all() and (vectors[0] == vectors[2]).all()
    assert embedder.embed([]).shape == (0, embedder.dim)
    assert len(embedder.fingerprint) == 16 and embedder.fingerprint == DESCRIPTORS[name]().fingerprint
    assert sorted(np.concatenate(list(embedder.parts.values()))) == list(range(embedder.dim))
    with pytest.raises(ImageError, match="list of pictures"):
        embedder.embed(picture)
    with pytest.raises(ImageError, match="picture 1"):
        embedder.embed([picture, b"no picture"])


@pytest.mark.parametrize("name", DESCRIPTORS)
def test_the_parts_of_a_likeness_add_up_to_the_cosine(name):
    embedder = DESCRIPTORS[name]()
    first, second = (paint(PaintingSpec("impasto", "sunlit", kind)) for kind in ("landscape", "portrait"))
    one, other = embedder.embed([first, second])
    parts = embedder.similarity(first, second)
    assert sum(parts.values()) == pytest.approx(one @ other, abs=1e-5)
    largest = max(parts, key=lambda part: abs(parts[part]))
    assert embedder.why(first, second).startswith(f"{name} {one @ other:.2f}: {largest} ")


@pytest.mark.parametrize("size", [0, -1, "4", 1.5, None, True])
def test_a_batch_size_that_is_none_is_refused(size):
    with pytest.raises(ModelError, match="batch_size is .*; it must be"):
        COMPOSITION.embed([Image.new("RGB", (64, 64))], batch_size=size)


def test_fingerprints_differ():
    assert len({kind().fingerprint for kind in DESCRIPTORS.values()}) == len(DESCRIPTORS)


@pytest.mark.parametrize(("angle", "direction"), [(0, "level"), (45, "rising"), (90, "upright"), (135, "falling")])
def test_directions_of_bars(angle, direction):
    energy = edge_maps(whitened(stripes(angle))).sum(axis=(1, 2))
    assert DIRECTIONS[energy.argmax()] == direction
    assert COMPOSITION.explain(stripes(angle))["directions"][direction] > 0.8


def test_horizons_and_balance_are_found():
    looks = [
        (texture, palette) for texture in ("impasto", "cutout", "pen") for palette in ("sunlit", "nocturne", "rose")
    ]
    specs = [PaintingSpec(*look, "seascape", seed) for seed, look in enumerate(looks)]
    errors = [abs(COMPOSITION.explain(paint(spec))["level_line"] - spec.truth.horizon) for spec in specs]
    assert np.median(errors) < 0.02  # a cliff or a beach may part the picture better than the horizon does
    for x, y in ((0.2, 0.3), (0.75, 0.6)):
        pixels = np.full((200, 160, 3), 90, np.uint8)
        cv2.circle(pixels, (round(x * 160), round(y * 200)), 15, (250, 240, 200), -1)
        found = COMPOSITION.explain(pixels)["balance"]
        # The ground has some mass of its own, which lies about the middle.
        assert np.sign(np.subtract(found, 0.5)).tolist() == np.sign(np.subtract((x, y), 0.5)).tolist()


def test_symmetry_is_seen():
    half = np.asarray(paint(PaintingSpec("glaze", "earth", "still_life", 3)))
    symmetric = np.concatenate([half, half[:, ::-1]], axis=1)
    assert COMPOSITION.explain(symmetric)["mirror"] > 0.99
    assert COMPOSITION.explain(half)["mirror"] < 0.7


@pytest.mark.parametrize(
    "recolour",
    [
        ImageOps.invert,
        lambda picture: Image.fromarray(np.asarray(picture)[:, :, [2, 0, 1]]),
        lambda picture: Image.fromarray((np.asarray(picture) * 0.5 + 40).astype(np.uint8)),
    ],
    ids=["negative", "channels", "contrast"],
)
def test_what_is_affine_in_colour_changes_nothing(recolour):
    for name, seed in SCENES[::3]:
        picture = paint(PaintingSpec("impasto", "rose", name, seed))
        one, other = COMPOSITION.embed([picture, recolour(picture)])
        assert one @ other > 0.995


def test_layout_counts_and_colours_do_not():
    """A scene's nearest is itself in other colours by another brush, no mirror image, and no other of its colours."""
    looks = (("impasto", "sunlit"), ("cutout", "nocturne"))
    first, second = ([paint(PaintingSpec(*look, name, seed)) for name, seed in SCENES] for look in looks)
    queries, gallery = COMPOSITION.embed(first), COMPOSITION.embed([*second, *map(ImageOps.mirror, second)])
    found = (queries @ gallery.T).argmax(axis=1)
    assert (found == np.arange(len(SCENES))).mean() >= 0.9
    among_both = queries @ np.concatenate([queries, gallery[: len(SCENES)]]).T
    np.fill_diagonal(among_both, -1)
    assert (among_both.argmax(axis=1) == len(SCENES) + np.arange(len(SCENES))).mean() >= 0.9


@pytest.mark.parametrize("name", DESCRIPTORS)
def test_an_index_searches_by_it(name):
    paintings = synthetic_paintings(6)
    index = PaintingIndex.build(paintings, DESCRIPTORS[name]())
    assert (index.embedder_name, index.dim) == (name, DESCRIPTORS[name]().dim)
    for row in (0, 4):
        assert index.search(paintings[row]["image"], k=2)[0].id == paintings[row]["id"]
    someone = paintings[3]["artist_name"]
    hits = index.search(paintings[0]["image"], k=6, where=f'artist_name == "{someone}"')
    assert {hit.id for hit in hits} == {row["id"] for row in paintings if row["artist_name"] == someone}


def test_blank_pictures_are_alike():
    white, black = COMPOSITION.embed([Image.new("RGB", (60, 40), color) for color in ("white", "black")])
    assert white @ black == pytest.approx(1)
