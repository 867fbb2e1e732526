"""Near-duplicates, found in the pixels: the same painting cropped, turned a little, re-encoded or re-coloured.

    thumbnails (N, 64, 64) --blurred to 16 x 16, standardised--> nearest neighbours --aligned, compared--> pairs

Candidates are near in the coarse picture. Each is then aligned by an affine map (Evangelidis and Psarakis 2008, the
enhanced correlation coefficient) and must agree as a whole and, block by block, in its details: two dark portraits in
oval mounts are alike as a whole and along the mount, but not inside.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import faiss
import numpy as np
from PIL import Image

from artextract_hf.data.parallel import ordered_map

SIDE = 64  # of a thumbnail, pixels
DECODE_SIDE = 2 * SIDE  # pictures are decoded at least this large, so that every search sees the same thumbnail
COARSE = 16  # of the picture that candidates are found by
NEIGHBOURS = 8  # candidates of each picture
COARSE_MIN = 0.6  # correlation of the coarse pictures of a candidate
FLAT = 4.0  # grey levels; a picture that varies less has nothing to compare

# Both from benchmarks/data/leak_recall.py, between what planted duplicates keep and what unrelated paintings reach.
ROUGH_MIN = 0.66  # correlation after a rough alignment at half the size
WHOLE_MIN = 0.88  # correlation of the aligned pictures
DETAIL_MIN = 0.45  # of the details, in the block that a quarter of the blocks stay below
GRID = 8  # side of a block, pixels
PLAIN = 2.0  # grey levels; a block whose details vary less says nothing
MAX_SCALE = 1.3  # of the alignment, either way
MAX_SHIFT = 0.2  # of the side

BLOCK = 4096  # queries at a time


@dataclass(frozen=True, order=True)
class Pair:
    """Two pictures that are the same painting; `first` < `second`, similarity 1 where they are the same pixels."""

    first: int
    second: int
    similarity: float


def grey_thumbnail(image: Image.Image) -> np.ndarray:
    """uint8 (64, 64): the luminance of the whole painting, squeezed to a square."""
    return np.asarray(image.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX))


def near_duplicates(thumbnails: np.ndarray, *, sides: np.ndarray | None = None) -> list[Pair]:
    """All pairs that show the same painting.

    Args:
        thumbnails: uint8 (N, 64, 64), as `grey_thumbnail` gives them.
        sides: (N,) anything comparable; only pairs with two different sides count.

    Returns:
        The pairs in order. Similarity is the smaller of the correlation of the aligned pictures and that of a low
        block.
    """
    pictures = thumbnails.astype(np.float32)
    pairs = list(_candidates(pictures, sides))
    involved = {row for pair in pairs for row in pair}
    known = {row: _Scales.of(pictures[row]) for row in involved}
    found = []
    for (a, b), similarity in zip(
        pairs, ordered_map(lambda p: _agreement(known[p[0]], known[p[1]]), pairs), strict=True
    ):
        if similarity is not None:
            found.append(Pair(a, b, round(similarity, 4)))
    return sorted(found)


def _candidates(pictures: np.ndarray, sides: np.ndarray | None) -> Iterator[tuple[int, int]]:
    """Pairs (a, b), a < b, that are near in the coarse picture; each once."""
    rows = np.flatnonzero(pictures.std(axis=(1, 2)) >= FLAT)
    if len(rows) < 2:
        return
    coarse = np.stack([cv2.resize(cv2.GaussianBlur(pictures[r], (0, 0), 2), (COARSE, COARSE)).ravel() for r in rows])
    coarse -= coarse.mean(axis=1, keepdims=True)
    coarse /= np.linalg.norm(coarse, axis=1, keepdims=True)
    groups = [rows] if sides is None else [rows[sides[rows] == side] for side in np.unique(sides[rows])]
    position = np.zeros(len(pictures), dtype=np.int64)
    position[rows] = np.arange(len(rows))
    seen: set[tuple[int, int]] = set()
    for group in groups:  # what stands in this group is looked for among all that stand elsewhere
        others = rows if sides is None else np.setdiff1d(rows, group)
        if not len(others):
            continue
        index = faiss.IndexFlatIP(COARSE * COARSE)
        index.add(coarse[position[others]])
        for start in range(0, len(group), BLOCK):
            queries = group[start : start + BLOCK]
            near, which = index.search(coarse[position[queries]], min(NEIGHBOURS + 1, len(others)))
            for query, scores, hits in zip(queries, near, which, strict=True):
                for hit in others[hits[scores >= COARSE_MIN]]:
                    pair = (min(int(query), int(hit)), max(int(query), int(hit)))
                    if pair[0] != pair[1] and pair not in seen:
                        seen.add(pair)
                        yield pair


@dataclass(frozen=True)
class _Scales:
    """A picture (64, 64), its half (32, 32), and its details: what is left when its blurred version is taken off."""

    whole: np.ndarray
    half: np.ndarray
    detail: np.ndarray

    @classmethod
    def of(cls, picture: np.ndarray) -> "_Scales":
        half = cv2.resize(picture, (SIDE // 2, SIDE // 2), interpolation=cv2.INTER_AREA)
        return cls(picture, half, picture - cv2.GaussianBlur(picture, (0, 0), 3))


def _agreement(a: _Scales, b: _Scales) -> float | None:
    """The smaller of the two correlations, or None where the pictures are not the same painting."""
    if np.array_equal(a.whole, b.whole):
        return 1.0
    if _align(a.half, b.half, steps=10, blur=3)[0] < ROUGH_MIN:  # most candidates end here, at a quarter of the work
        return None
    aligned, warp = _align(a.whole, b.whole, steps=40, blur=5)
    scales = np.linalg.svd(warp[:, :2], compute_uv=False)
    centre = warp[:, :2] @ np.full(2, SIDE / 2) + warp[:, 2] - SIDE / 2
    if (
        not aligned
        or scales.max() > MAX_SCALE
        or scales.min() < 1 / MAX_SCALE
        or np.abs(centre).max() > MAX_SHIFT * SIDE
    ):
        return None
    overlap = _warped(np.ones((SIDE, SIDE), np.float32), warp) > 0.99
    whole = _correlation(a.whole[overlap], _warped(b.whole, warp)[overlap])
    detail = _block_correlation(a.detail, _warped(b.detail, warp), overlap)
    return min(whole, detail) if whole >= WHOLE_MIN and detail >= DETAIL_MIN else None


def _align(a: np.ndarray, b: np.ndarray, *, steps: int, blur: int) -> tuple[float, np.ndarray]:
    """The enhanced correlation coefficient and the affine map (2, 3) from places in `a` to places in `b`; 0 if none."""
    warp = np.eye(2, 3, dtype=np.float32)
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, steps, 1e-4)
    try:
        coefficient, found = cv2.findTransformECC(  # type: ignore[call-overload]
            a, b, warp, cv2.MOTION_AFFINE, stop, None, blur
        )
    except cv2.error:  # it did not converge
        return 0.0, warp
    return coefficient, np.asarray(found)


def _warped(picture: np.ndarray, warp: np.ndarray) -> np.ndarray:
    return cv2.warpAffine(picture, warp, (SIDE, SIDE), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)


def _block_correlation(a: np.ndarray, b: np.ndarray, overlap: np.ndarray) -> float:
    """The lower quartile of the blocks' correlations, of those that lie in the overlap and show something."""
    found = []
    for top in range(0, SIDE, GRID):
        for left in range(0, SIDE, GRID):
            block = np.s_[top : top + GRID, left : left + GRID]
            inside = overlap[block]
            if inside.mean() < 0.6:
                continue
            x, y = a[block][inside], b[block][inside]
            if max(x.std(), y.std()) >= PLAIN:
                found.append(_correlation(x, y))
    return float(np.quantile(found, 0.25)) if found else 1.0


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a - a.mean(), b - b.mean()
    return float((a @ b) / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-6))
