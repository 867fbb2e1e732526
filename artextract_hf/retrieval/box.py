"""A rectangle in a picture, whatever the picture's size: where a detail, a face or an explanation is."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Self, SupportsFloat

from artextract_hf.errors import QueryError


@dataclass(frozen=True)
class Box:
    """A place in a picture, in shares of the picture's width and height: (0, 0) is the upper left corner.

    A box may reach outside the picture, as the box of a face at its edge does; then shares are below 0 or above 1.

    Attributes:
        left: of the left edge, a share of the picture's width.
        top: of the upper edge, a share of the picture's height.
        width: a share of the picture's width.
        height: a share of the picture's height.

    Raises:
        QueryError: one is no number.
    """

    left: float
    top: float
    width: float
    height: float

    def __post_init__(self) -> None:
        if wrong := [value for value in astuple(self) if not isinstance(value, SupportsFloat)]:
            raise QueryError(f"a box has four numbers, shares of the picture, and {wrong[0]!r:.60} is none.")

    @classmethod
    def from_pixels(cls, left: float, top: float, width: float, height: float, size: Sequence[float]) -> Self:
        """A box that is known in pixels.

        Args:
            left: of the left edge.
            top: of the upper edge.
            width: of the box.
            height: of the box.
            size: width and height of the picture, as in `PIL.Image.Image.size`.
        """
        across, down = size
        return cls(left / across, top / down, width / across, height / down)

    @classmethod
    def from_edges(cls, left: float, top: float, right: float, bottom: float) -> Self:
        """A box whose four edges are known, in shares of the picture."""
        return cls(left, top, right - left, bottom - top)

    @property
    def right(self) -> float:
        """Right edge, a share of the picture's width."""
        return self.left + self.width

    @property
    def bottom(self) -> float:
        """Lower edge, a share of the picture's height."""
        return self.top + self.height

    def pixels(self, size: Sequence[float]) -> tuple[int, int, int, int]:
        """Left, top, right and bottom in whole pixels of a picture of this size, as `PIL.Image.Image.crop` takes them.

        Args:
            size: width and height of the picture.
        """
        across, down = size
        left, right = (round(share * across) for share in (self.left, self.right))
        top, bottom = (round(share * down) for share in (self.top, self.bottom))
        return left, top, right, bottom

    def as_list(self) -> list[float]:
        """Left, top, width and height, as JSON."""
        return list(astuple(self))


WHOLE_PICTURE = Box(0.0, 0.0, 1.0, 1.0)
