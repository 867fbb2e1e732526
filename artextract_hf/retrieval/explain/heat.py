"""The heat of a picture, drawn over it."""

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from PIL import Image

from artextract_hf.retrieval.box import Box

COLORS = "viridis"  # its lightness rises evenly, so it is read with any colour vision
COVER = 0.55  # opacity


def show_heat(
    axes: Axes, picture: Image.Image, heat: np.ndarray, seen: Box | None = None, norm: Normalize | None = None
) -> None:
    """Draw a painting in grey below its heat, which is smooth: edges of cells would look like painted ones.

    Args:
        axes: whose coordinates go from 0 to 1 afterwards, downwards.
        picture: the painting.
        heat: (h, w).
        seen: the part of the picture that the heat is of; all if None.
        norm: from heat to 0 to 1; from its least to its most if None.
    """
    extent = (0, 1, 1, 0) if seen is None else (seen.left, seen.right, seen.bottom, seen.top)
    axes.imshow(picture.convert("L"), cmap="gray", vmin=0, vmax=255, extent=(0, 1, 1, 0), aspect="auto")
    fine = cv2.resize(heat, (256, 256), interpolation=cv2.INTER_CUBIC)
    axes.imshow(fine, cmap=COLORS, norm=norm, alpha=COVER, extent=extent, aspect="auto")
    axes.set(xlim=(0, 1), ylim=(1, 0))
    axes.set_axis_off()
