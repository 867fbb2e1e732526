"""What is looked for: the detail in a box of a picture, as patches at each size that it may have in a painting."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from PIL import Image

from artextract_hf.embedders.protocol import DenseEmbedder
from artextract_hf.errors import QueryError
from artextract_hf.retrieval.box import WHOLE_PICTURE, Box
from artextract_hf.retrieval.regions.patches import GREY, Projection, grid_shape, pad_to_square

SHARES = (3 / 14, 4 / 14, 6 / 14, 8 / 14, 11 / 14, 1.0)  # of a painting's longer side that a detail may fill
MIN_SIDE = 8  # pixels of a box
ROUNDING = 1e-6  # pixels by which a box may miss a bound, as its shares are rounded


@dataclass(frozen=True)
class Templates:
    """A detail at several sizes.

    Attributes:
        patches: (r, c, D) of each template.
        sides: (T, 2), width and height of each in patches; they need not be whole.
    """

    patches: list[np.ndarray]
    sides: np.ndarray

    @classmethod
    def of(cls, detail: Image.Image, embedder: DenseEmbedder, projection: Projection, *, cells: int, side: int) -> Self:
        """The templates of a detail.

        Args:
            detail: RGB.
            embedder: the one that made the maps of the paintings.
            projection: from its maps to patches.
            cells: patches along the longer side of a painting.
            side: pixels of the longer side at which paintings were looked at.
        """
        padded, patches = pad_to_square(detail), []
        lengths = template_lengths(cells)
        for length in lengths:
            (grid,) = projection(embedder.maps([padded], side=side * length // cells))
            rows, columns = grid_shape(detail.size, length)
            patches.append(grid[:rows, :columns])
        return cls(patches, np.array(lengths)[:, None] * (np.array(detail.size) / max(detail.size)))


def template_lengths(cells: int) -> list[int]:
    """Patches along the longer side of a detail, for each size at which it is looked for in `cells` patches."""
    return sorted({max(1, round(share * cells)) for share in SHARES})


def check_sides(embedder: DenseEmbedder, side: int) -> None:
    """Try an embedder at the sizes of all templates, so that one that does not take them fails now and not at a search.

    Raises:
        ModelError: it takes no pictures of one of these sizes.
    """
    blank = Image.new("RGB", (side, side), GREY)
    cells = embedder.maps([blank], side=side).shape[2]
    for length in template_lengths(cells):
        embedder.maps([blank], side=side * length // cells)


def crop(picture: Image.Image, box: Box | None) -> Image.Image:
    """The part of a picture in a box; the whole picture without one.

    Raises:
        QueryError: the box is none, does not lie inside the picture, or is smaller than MIN_SIDE pixels.
    """
    if not isinstance(box, Box | None):
        raise QueryError(f"the box is {box!r}; give a Box(left, top, width, height), in shares of the picture.")
    box = box or WHOLE_PICTURE
    (across, down), least = picture.size, MIN_SIDE - ROUNDING
    left, top, width, height = box.left * across, box.top * down, box.width * across, box.height * down
    if not (width >= least and height >= least):
        raise QueryError(f"the box is {width:g} x {height:g} pixels; it must be at least {MIN_SIDE} x {MIN_SIDE}.")
    inside = min(left, top) >= -ROUNDING and left + width <= across + ROUNDING and top + height <= down + ROUNDING
    if not inside:
        raise QueryError(
            f"the box {left:g},{top:g},{width:g},{height:g} (left, top, width, height) does not lie inside the picture "
            f"of {across} x {down} pixels."
        )
    return picture.crop(box.pixels(picture.size))
