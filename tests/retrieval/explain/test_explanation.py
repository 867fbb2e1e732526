"""Explanations against what is known: maps whose sums are computed by hand, and a motif that was pasted in."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from artextract_hf.data.decode import decode_image
from artextract_hf.data.synthetic import PaintingSpec, paint
from artextract_hf.embedders.auto import AutoEmbedder
from artextract_hf.embedders.directory import processed_embedder
from artextract_hf.errors import ModelError
from artextract_hf.models import ArtImageProcessor, ByolConfig, ByolModel
from artextract_hf.retrieval.box import WHOLE_PICTURE, Box
from artextract_hf.retrieval.explain.explanation import (
    Explanation,
    PatchPair,
    decompose,
    explain_similarity,
    find_seen_box,
    mutual_nearest,
    occlude,
    replace_cells,
)
from artextract_hf.retrieval.explain.faithfulness import faithfulness
from artextract_hf.retrieval.explain.picture import draw_explanation
from tests.retrieval.conftest import ColorEmbedder

GRID = 8
BOXES = (Box(0.125, 0.25, 0.25, 0.25), Box(0.5, 0.5, 0.25, 0.25))  # of the motif in the two pictures: whole cells


class CellEmbedder:
    """The map is the mean colour of 8 x 8 cells with, in a fourth channel, how red the cell is; a mean or not."""

    dim, fingerprint, name = 4, "cells", "cells"

    def __init__(self, *, pooled: bool = True, crop: float = 0.0) -> None:
        self.pooled, self.crop = pooled, crop

    def maps(self, images, *, side=None, batch_size=8) -> np.ndarray:
        found = []
        for image in images:
            picture = decode_image(image)
            x, y = (round(self.crop * length) for length in picture.size)
            picture = picture.crop((x, y, picture.width - x, picture.height - y))
            cells = np.asarray(picture.resize((GRID, GRID), Image.Resampling.BOX), dtype=np.float32) / 255
            redness = np.maximum(cells[..., 0] - cells[..., 1:].max(axis=2), 0)
            found.append(np.concatenate([0.05 * cells, redness[..., None]], axis=2).transpose(2, 0, 1))
        return np.stack(found)

    def embed(self, images, batch_size=32) -> np.ndarray:
        means = self.maps(images).mean(axis=(2, 3))
        vectors = means if self.pooled else np.sqrt(means)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def motif_in(background: tuple[int, int, int], box: Box, *, seed: int) -> Image.Image:
    """A red motif on a grainy background, 128 pixels."""
    pixels = np.random.default_rng(seed).integers(-20, 21, size=(128, 128, 3)) + np.array(background)
    left, top, right, bottom = box.pixels((128, 128))
    pixels[top:bottom, left:right] = (220, 30, 40)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def cells_of(box: Box, grid: int = GRID) -> np.ndarray:
    centres = (np.arange(grid) + 0.5) / grid
    rows = (centres >= box.top) & (centres <= box.bottom)
    return rows[:, None] & ((centres >= box.left) & (centres <= box.right))[None]


@pytest.fixture(scope="module")
def pictures() -> list[Image.Image]:
    return [motif_in(c, b, seed=i) for i, (c, b) in enumerate(zip([(60, 110, 60), (70, 80, 150)], BOXES, strict=True))]


@pytest.mark.parametrize("shapes", [((3, 2, 3), (3, 4, 2)), ((16, 7, 7), (16, 7, 7))])
def test_decomposition_is_the_double_sum_over_places(shapes):
    rng = np.random.default_rng(0)
    for _ in range(5):
        first, second = (rng.normal(size=shape) for shape in shapes)
        heats = decompose(first, second)
        p, q = first.mean(axis=(1, 2)), second.mean(axis=(1, 2))
        terms = np.zeros((*shapes[0][1:], *shapes[1][1:]))
        for a in np.ndindex(shapes[0][1:]):
            for b in np.ndindex(shapes[1][1:]):
                terms[(*a, *b)] = first[(slice(None), *a)] @ second[(slice(None), *b)]
        terms /= terms.size * np.linalg.norm(p) * np.linalg.norm(q)
        assert np.allclose(heats[0], terms.sum(axis=(2, 3))) and np.allclose(heats[1], terms.sum(axis=(0, 1)))
        assert heats[0].sum() == pytest.approx(p @ q / np.linalg.norm(p) / np.linalg.norm(q))


def test_mutual_nearest_against_a_literal_search():
    rng = np.random.default_rng(1)
    for _ in range(10):
        first, second = rng.normal(size=(6, 3, 4)), rng.normal(size=(6, 2, 5))
        here, there = first.reshape(6, -1).T, second.reshape(6, -1).T
        mean = np.concatenate([here, there]).mean(axis=0)
        lengths = np.linalg.norm(here.mean(axis=0)) * np.linalg.norm(there.mean(axis=0))

        def cosine(a: np.ndarray, b: np.ndarray, mean: np.ndarray = mean) -> float:
            return float((a - mean) @ (b - mean) / np.linalg.norm(a - mean) / np.linalg.norm(b - mean))

        nearest = [max(range(10), key=lambda j, a=a: cosine(a, there[j])) for a in here]  # noqa: B023
        expected = {
            (i, j): here[i] @ there[j] / lengths
            for i, j in enumerate(nearest)
            if max(range(12), key=lambda a: cosine(here[a], there[j])) == i  # noqa: B023
        }
        firsts, seconds, strengths = mutual_nearest(first, second)
        found = dict(zip(zip(firsts.tolist(), seconds.tolist(), strict=True), strengths, strict=True))
        assert found == pytest.approx(expected) and (np.diff(strengths) <= 0).all()


@pytest.mark.parametrize("pooled", [True, False])
def test_the_motif_is_found_in_both_pictures(pictures, pooled):
    embedder = CellEmbedder(pooled=pooled)
    found = explain_similarity(embedder, *pictures)
    assert found.method == ("decomposition" if pooled else "occlusion")
    vectors = embedder.embed(pictures)
    assert found.similarity == pytest.approx(float(vectors[0] @ vectors[1]), abs=1e-6)
    for side, box in ((found.query, BOXES[0]), (found.answer, BOXES[1])):
        motif = cells_of(box)
        hottest = np.zeros(GRID * GRID, dtype=bool)
        hottest[np.argsort(-side.heat.ravel())[: motif.sum()]] = True
        assert (hottest.reshape(GRID, GRID) & motif).sum() / (hottest.reshape(GRID, GRID) | motif).sum() >= 0.6
        warm = np.maximum(side.heat, 0)
        assert warm[motif].sum() / warm.sum() > 0.4  # which is 6 % of the picture
    for place, box in ((found.pairs[0].query, BOXES[0]), (found.pairs[0].answer, BOXES[1])):
        assert box.left < place[0] < box.right and box.top < place[1] < box.bottom


def test_occlusion_is_what_the_similarity_loses(pictures):
    embedder = CellEmbedder(pooled=False)
    vector = embedder.embed(pictures[1:])[0]
    heat = occlude(embedder, pictures[0], vector)
    assert heat.shape == (GRID, GRID) and np.unravel_index(heat.argmax(), heat.shape) in list(
        zip(*np.nonzero(cells_of(BOXES[0])), strict=True)
    )
    plain = Image.new("RGB", (64, 64), (40, 90, 60))
    assert np.abs(occlude(embedder, plain, vector)).max() < 1e-6  # a blur changes nothing, so nothing is lost


def test_a_true_heat_is_more_faithful_than_chance_and_than_its_reverse(pictures):
    embedder = CellEmbedder()
    found = explain_similarity(embedder, *pictures)
    true = faithfulness(embedder, found, draws=3)
    assert true.deletion < true.random < true.insertion
    reverse = replace(
        found,
        query=replace(found.query, heat=-found.query.heat),
        answer=replace(found.answer, heat=-found.answer.heat),
    )
    false = faithfulness(embedder, reverse, draws=3)
    assert false.deletion == pytest.approx(true.insertion, abs=0.02)
    assert false.insertion == pytest.approx(true.deletion, abs=0.02)
    assert faithfulness(embedder, found, draws=3) == true


def test_replaced_cells_are_those_and_no_others():
    whole, other = np.zeros((40, 80, 3), np.uint8), np.full((40, 80, 3), 9, np.uint8)
    cells = np.array([[True, False], [False, False]])
    assert (replace_cells(whole, other, cells)[:20, :40] == 9).all()
    assert replace_cells(whole, other, cells).sum() == 9 * 20 * 40 * 3
    inner = replace_cells(whole, other, cells, Box(0.25, 0.25, 0.5, 0.5))
    assert (inner[10:20, 20:40] == 9).all() and inner.sum() == 9 * 10 * 20 * 3


@pytest.mark.parametrize("crop", [0.0, 0.125, 0.2])
def test_what_is_cropped_is_not_seen(crop):
    seen = find_seen_box(CellEmbedder(crop=crop), (300, 200))
    assert (seen.left, seen.top) == pytest.approx((crop, crop), abs=1 / 64)
    assert (seen.right, seen.bottom) == pytest.approx((1 - crop, 1 - crop), abs=1 / 64)


def test_places_are_those_of_the_whole_picture_where_edges_are_cropped(pictures):
    found = explain_similarity(CellEmbedder(crop=0.125), *pictures)
    for place, box in ((found.pairs[0].query, BOXES[0]), (found.pairs[0].answer, BOXES[1])):
        assert box.left < place[0] < box.right and box.top < place[1] < box.bottom


def test_an_embedder_without_maps_is_refused(pictures):
    with pytest.raises(ModelError, match="no maps"):
        explain_similarity(ColorEmbedder(), *pictures)


@pytest.fixture(scope="module")
def real() -> Explanation:
    """Of a network that averages its map, with random weights."""
    torch.manual_seed(0)
    network = ByolModel(ByolConfig(backbone="mobilenetv3_small_050", image_size=128)).eval()
    processor = ArtImageProcessor(size={"height": 128, "width": 128})
    specs = [PaintingSpec(texture, "sunlit", "seascape", seed=1) for texture in ("impasto", "dots")]
    return explain_similarity(processed_embedder("random", network, processor), *(paint(spec) for spec in specs))


def test_a_network_that_averages_its_map_is_decomposed_exactly(real):
    assert real.method == "decomposition"
    assert real.query.heat.shape == (4, 4) and real.query.seen == WHOLE_PICTURE
    for side in (real.query, real.answer):
        assert side.heat.sum() == pytest.approx(real.similarity, abs=1e-4)
    assert all(0 < share < 1 for pair in real.pairs for share in (*pair.query, *pair.answer))


def test_the_picture_shows_both_paintings(real):
    drawn = draw_explanation(replace(real, pairs=[PatchPair((0.2, 0.3), (0.7, 0.6), 2.0)]))
    assert drawn.mode == "RGB" and drawn.width > 600 and drawn.height > 400
    weak = draw_explanation(replace(real, pairs=[PatchPair((0.2, 0.3), (0.7, 0.6), 0.5)]))  # which is not joined
    changed = (np.asarray(weak) != np.asarray(drawn)).any(axis=2)
    assert weak.size == drawn.size and changed[: drawn.height // 2].any() and not changed[drawn.height // 2 :].any()
    document = real.as_json()
    assert document["seen"] == {"query": [0, 0, 1, 1], "answer": [0, 0, 1, 1]}
    assert np.shape(document["heat"]["query"]) == (4, 4) and len(document["pairs"]) == len(real.pairs)


def test_a_trained_network_sees_a_motif_on_two_backgrounds():
    motif = paint(PaintingSpec("ink", "nocturne", "portrait", seed=1), (112, 112))
    backgrounds = [
        PaintingSpec("impasto", "sunlit", "seascape", seed=10),
        PaintingSpec("glaze", "rose", "landscape", seed=21),
    ]
    scenes, boxes = [], []
    for spec, (x, y) in zip(backgrounds, ((0, 128), (144, 16)), strict=True):
        scenes.append(paint(spec, (256, 256)))
        scenes[-1].paste(motif, (x, y))
        boxes.append(Box.from_pixels(x, y, 112, 112, size=(256, 256)))
    found = explain_similarity(AutoEmbedder.from_pretrained("artextract/byol-paintings"), *scenes)
    for side, box in ((found.query, boxes[0]), (found.answer, boxes[1])):
        motif_cells, heat = cells_of(box, len(side.heat)), np.maximum(side.heat, 0)
        assert heat[motif_cells].mean() > 1.3 * heat.mean()
        hottest = side.heat >= np.sort(side.heat.ravel())[-motif_cells.sum()]
        assert (hottest & motif_cells).sum() / (hottest | motif_cells).sum() >= 0.5
    for pair in found.pairs[:2]:
        for place, box in ((pair.query, boxes[0]), (pair.answer, boxes[1])):
            assert box.left < place[0] < box.right and box.top < place[1] < box.bottom
