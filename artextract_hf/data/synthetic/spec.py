"""What decides a painting (composition, palette, texture, seed, pose), and the way from there to the picture."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from artextract_hf.data.synthetic.brushes import TEXTURES
from artextract_hf.data.synthetic.canvas import Canvas
from artextract_hf.data.synthetic.checks import check_name, check_range
from artextract_hf.data.synthetic.figure import draw_figure
from artextract_hf.data.synthetic.outdoors import draw_landscape, draw_seascape
from artextract_hf.data.synthetic.palettes import PALETTES
from artextract_hf.data.synthetic.portrait import draw_portrait
from artextract_hf.data.synthetic.scene import Pose, Scene, Truth
from artextract_hf.data.synthetic.still_life import draw_still_life
from artextract_hf.data.synthetic.town import draw_cityscape
from artextract_hf.errors import DataError

LANDSCAPE_FORMAT, PORTRAIT_FORMAT = (320, 256), (256, 320)  # width, height in pixels


@dataclass(frozen=True)
class Composition:
    """A kind of scene.

    Args:
        draw: puts the shapes into an empty scene.
        format: its natural width and height in pixels.
        genre: the genre of the WikiArt release that it belongs to; None where none of the ten fits.
    """

    draw: Callable[[Scene], None]
    format: tuple[int, int]
    genre: str | None


COMPOSITIONS = {
    "landscape": Composition(draw_landscape, LANDSCAPE_FORMAT, "landscape"),
    "seascape": Composition(draw_seascape, LANDSCAPE_FORMAT, None),  # WikiArt's `marina` is not among the ten
    "cityscape": Composition(draw_cityscape, LANDSCAPE_FORMAT, "cityscape"),
    "still_life": Composition(draw_still_life, LANDSCAPE_FORMAT, "still_life"),
    "portrait": Composition(draw_portrait, PORTRAIT_FORMAT, "portrait"),
    "figure": Composition(draw_figure, PORTRAIT_FORMAT, None),
}


@dataclass(frozen=True)
class PaintingSpec:
    """All that decides a painting. What is where depends on composition, seed and pose only.

    Args:
        texture: one of TEXTURES.
        palette: one of PALETTES.
        composition: one of COMPOSITIONS.
        seed: not negative; another seed is another scene.
        pose: of the figure, where the composition has one.
    """

    texture: str
    palette: str
    composition: str
    seed: int = 0
    pose: Pose = field(default_factory=Pose)

    def __post_init__(self) -> None:
        check_name("texture", self.texture, TEXTURES)
        check_name("palette", self.palette, PALETTES)
        check_name("composition", self.composition, COMPOSITIONS)
        if self.seed < 0:
            raise DataError(f"the seed of a painting is not negative; got {self.seed}.")

    @property
    def truth(self) -> Truth:
        """What the painting shows, and where."""
        return build_scene(self).truth()

    @property
    def title(self) -> str:
        """A title that says what is to be seen, and how it is painted."""
        return f"{build_scene(self).motif}, {TEXTURES[self.texture].words}"

    @property
    def format(self) -> tuple[int, int]:
        """The natural width and height in pixels."""
        return COMPOSITIONS[self.composition].format


def build_scene(spec: PaintingSpec) -> Scene:
    """The shapes of a painting before any brush; the texture has no part in it."""
    rng = np.random.default_rng([spec.seed, *spec.composition.encode()])
    scene = Scene(spec.format, PALETTES[spec.palette], spec.pose, rng)
    COMPOSITIONS[spec.composition].draw(scene)
    return scene


def paint(spec: PaintingSpec, size: tuple[int, int] | None = None) -> Image.Image:
    """The painting as an RGB picture.

    Args:
        spec: what to paint.
        size: width and height in pixels, 32 to 4096; by default the composition's own format. Another shape
            stretches the scene.

    Raises:
        DataError: where a side of `size` is out of range.
    """
    size = size or spec.format
    check_range("size", size, 32, 4096)
    canvas = Canvas(build_scene(spec), size, np.random.default_rng([spec.seed, *spec.texture.encode()]))
    return Image.fromarray(TEXTURES[spec.texture].paint(canvas))
