"""Why two paintings are similar: where in each the similarity comes from, and which places correspond to each other.

    two pictures --vectors, maps--> heat of each    its cells' shares in the cosine, or what is lost without them
                 `-maps-----------> pairs           places that are each other's nearest

Where an embedding is the mean of the network's last map, its cosine is a sum over pairs of places, and the heat is
exact. Of any other embedding the heat is measured: each place is covered, and what the similarity loses is the heat of
that place (Zeiler and Fergus 2014, "Visualizing and understanding convolutional networks", section 4.2).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import cv2
import numpy as np
from PIL import Image

from artextract_hf.data.decode import ImageSource, decode_image
from artextract_hf.embedders.protocol import Embedder, dense
from artextract_hf.retrieval.box import WHOLE_PICTURE, Box
from artextract_hf.retrieval.vectors.scan import units

WORKING_SIDE = 512  # pixels, long side of the pictures that are explained
CELLS = 8  # a side, that are covered one by one
WINDOW = 2  # cells a side that are covered together: a single one is too small to be missed
BLUR = 1 / 12  # standard deviation of the blur that covers, as a share of the long side
SAME = 1e-4  # largest difference of two vectors that are the same but for rounding
MARGINS = 64  # the margins that an embedder crops are measured in this part of a side
PROBE_SIDE = 256  # pixels, long side of the noise that margins are measured with

Method = Literal["decomposition", "occlusion"]


@dataclass(frozen=True)
class PatchPair:
    """Two places that are each other's nearest.

    Attributes:
        query: (x, y) of the centre in the query, as shares of its width and height.
        answer: the same in the answer.
        strength: the pair's term in the similarity of the maps (`decompose`), where 1 is the term of a pair that is
            as long as the means and points the same way; the mean over all pairs is that similarity.
    """

    query: tuple[float, float]
    answer: tuple[float, float]
    strength: float


@dataclass(frozen=True)
class Side:
    """One of the two pictures.

    Attributes:
        picture: RGB, long side 512 at most.
        heat: (h, w) float32, how much each cell of `seen` contributes to the similarity.
        seen: the part of the picture that the network sees; preprocessings that crop cut its edges off.
    """

    picture: Image.Image
    heat: np.ndarray
    seen: Box


@dataclass(frozen=True)
class Explanation:
    """Why two pictures are similar.

    Attributes:
        similarity: their cosine.
        query: the picture that was searched with.
        answer: the picture that was found.
        pairs: places that correspond to each other, the strongest first.
        method: `decomposition`, where each heat sums to the similarity, or `occlusion`, where it is what the
            similarity loses when the place is covered.
    """

    similarity: float
    query: Side
    answer: Side
    pairs: list[PatchPair]
    method: Method

    def as_json(self) -> dict[str, Any]:
        """All but the pictures, as JSON."""
        sides = {"query": self.query, "answer": self.answer}
        return {
            "similarity": self.similarity,
            "method": self.method,
            "pairs": [asdict(pair) for pair in self.pairs],
            "heat": {name: side.heat.round(5).tolist() for name, side in sides.items()},
            "seen": {name: side.seen.as_list() for name, side in sides.items()},
        }


def explain_similarity(embedder: Embedder, query: ImageSource, answer: ImageSource) -> Explanation:
    """Explain why two pictures are similar: by decomposition where that is exact, else by occlusion.

    Args:
        embedder: whose vectors are compared.
        query: a picture in any form.
        answer: another.

    Raises:
        ImageError: one of them is not a picture.
        ModelError: the embedder has no maps.
    """
    network = dense(embedder)
    pictures = [_working_copy(source) for source in (query, answer)]
    vectors, maps = network.embed(pictures), network.maps(pictures)
    seen = [find_seen_box(embedder, picture.size) for picture in pictures]
    means = maps.mean(axis=(2, 3))
    method: Method = "occlusion"
    if means.shape == vectors.shape and np.allclose(units(means), vectors, atol=SAME):
        method = "decomposition"
        heats = decompose(maps[0], maps[1])
    else:
        heats = tuple(occlude(embedder, pictures[i], vectors[1 - i], box=seen[i]) for i in (0, 1))
    sides = [Side(*side) for side in zip(pictures, heats, seen, strict=True)]
    return Explanation(float(vectors[0] @ vectors[1]), sides[0], sides[1], _find_pairs(maps, seen), method)


def decompose(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, ...]:
    """The cosine of two average-pooled maps as a sum over the places of either.

    With p and q the means of the maps, cos(p, q) = sum_i sum_j first_i . second_j / (n m |p| |q|): the heat of place i
    of the first map is its row of this sum, first_i . q / (n |p| |q|).

    Args:
        first: (C, h, w).
        second: (C, H, W).

    Returns:
        (h, w) and (H, W); each sums to the cosine.
    """
    p, q = first.mean(axis=(1, 2)), second.mean(axis=(1, 2))
    lengths = np.linalg.norm(p) * np.linalg.norm(q)
    heats = (np.einsum("chw,c->hw", features, other) for features, other in ((first, q), (second, p)))
    return tuple(heat / (heat.size * lengths) for heat in heats)


def occlude(embedder: Embedder, picture: Image.Image, vector: np.ndarray, *, box: Box = WHOLE_PICTURE) -> np.ndarray:
    """What the similarity of a picture to a vector loses when a place is blurred.

    Windows of 2 x 2 cells are covered one by one; the heat of a cell is the mean over the windows that it lies in.

    Args:
        embedder: of any kind.
        picture: RGB.
        vector: (dim,), of length 1.
        box: the part of the picture that is divided into cells.

    Returns:
        (8, 8) float32; negative where a place makes the pictures less similar.
    """
    steps = CELLS + WINDOW - 1  # windows reach over the edges, so that each cell lies in as many
    windows = np.zeros((steps * steps, CELLS, CELLS), dtype=bool)
    for number, (top, left) in enumerate(np.ndindex(steps, steps)):
        rows, columns = (slice(max(start - WINDOW + 1, 0), start + 1) for start in (top, left))
        windows[number, rows, columns] = True
    whole, cover = np.asarray(picture), blur(picture)
    pictures = [replace_cells(whole, cover, window, box) for window in windows]
    loss = float(embedder.embed([picture])[0] @ vector) - embedder.embed(pictures) @ vector
    return (np.einsum("n,nhw->hw", loss, windows) / WINDOW**2).astype(np.float32)


def mutual_nearest(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places of two maps that are each other's nearest by the cosine of their features, taken about their common mean:
    deep features have most of their direction in common.

    Args:
        first: (C, h, w).
        second: (C, H, W).

    Returns:
        Places of the first map and of the second, (P,) each, counted row by row, and the strengths of the pairs (P,),
        as in `PatchPair`; the strongest first.
    """
    here, there = (features.reshape(len(features), -1).T for features in (first, second))
    terms = here @ there.T / (np.linalg.norm(here.mean(axis=0)) * np.linalg.norm(there.mean(axis=0)))
    mean = np.concatenate([here, there]).mean(axis=0)
    cosines = units(here - mean) @ units(there - mean).T
    forth, back = cosines.argmax(axis=1), cosines.argmax(axis=0)
    places = np.flatnonzero(back[forth] == np.arange(len(forth)))
    strengths = terms[places, forth[places]]
    order = np.argsort(-strengths, kind="stable")
    return places[order], forth[places][order], strengths[order]


def find_seen_box(embedder: Embedder, size: tuple[int, int]) -> Box:
    """The part of a picture of this size that changes its vector: what is left where a preprocessing crops the edges.

    Measured with noise whose edges are changed, as an embedder need not say what it crops. Exact to 1/64 of a side.
    """
    scale = PROBE_SIDE / max(size)
    width, height = (max(round(side * scale), 1) for side in size)
    noise = np.random.default_rng(0).integers(0, 256, size=(height, width, 3), dtype=np.uint8)
    vector = embedder.embed([noise])[0]
    x, y = (_unseen_margin(embedder, noise, vector, axis) for axis in (1, 0))
    return Box(x, y, 1 - 2 * x, 1 - 2 * y)


def _unseen_margin(embedder: Embedder, noise: np.ndarray, vector: np.ndarray, axis: int) -> float:
    """The share of a picture's height (axis 0) or width (axis 1), at either edge, that its vector does not depend on.

    Args:
        embedder: of any kind.
        noise: (H, W, 3) uint8.
        vector: (dim,), of the noise.
        axis: 0 or 1.
    """
    unseen, seen = 0, MARGINS // 2
    while seen - unseen > 1:
        margin = (unseen + seen) // 2 if unseen else 1  # most embedders crop nothing, so the least margin comes first
        edge = round(margin / MARGINS * noise.shape[axis])
        inside = [slice(None), slice(None)]
        inside[axis] = slice(edge, noise.shape[axis] - edge)
        changed = 255 - noise
        changed[tuple(inside)] = noise[tuple(inside)]
        if np.abs(embedder.embed([changed])[0] - vector).max() <= SAME:
            unseen = margin
        else:
            seen = margin
    return unseen / MARGINS


def blur(picture: Image.Image) -> np.ndarray:
    """A picture (H, W, 3) uint8 without its details, to cover places with: a plain colour would add edges."""
    return cv2.GaussianBlur(np.asarray(picture), (0, 0), BLUR * max(picture.size))


def replace_cells(pixels: np.ndarray, other: np.ndarray, cells: np.ndarray, box: Box = WHOLE_PICTURE) -> np.ndarray:
    """`pixels` (H, W, 3) with those of `other` where `cells` (h, w) is true; the cells divide `box` evenly."""
    height, width = pixels.shape[:2]
    left, top, right, bottom = box.pixels((width, height))
    mask = np.zeros((height, width), dtype=np.uint8)
    mask[top:bottom, left:right] = cv2.resize(
        cells.astype(np.uint8), (right - left, bottom - top), interpolation=cv2.INTER_NEAREST
    )
    return np.where(mask[:, :, None].astype(bool), other, pixels)


def _find_pairs(maps: np.ndarray, seen: Sequence[Box]) -> list[PatchPair]:
    places = mutual_nearest(maps[0], maps[1])
    return [
        PatchPair(_centre(first, maps.shape[2:], seen[0]), _centre(second, maps.shape[2:], seen[1]), float(strength))
        for first, second, strength in zip(*places, strict=True)
    ]


def _centre(place: int, grid: tuple[int, ...], box: Box) -> tuple[float, float]:
    """The middle of a cell, counted row by row in a grid (rows, columns) over a box, in shares of the picture."""
    row, column = divmod(int(place), grid[1])
    return box.left + (column + 0.5) / grid[1] * box.width, box.top + (row + 0.5) / grid[0] * box.height


def _working_copy(source: ImageSource) -> Image.Image:
    picture = decode_image(source, min_side=WORKING_SIDE)
    picture.thumbnail((WORKING_SIDE, WORKING_SIDE), Image.Resampling.BICUBIC)
    return picture
