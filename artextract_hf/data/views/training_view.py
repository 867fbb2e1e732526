"""Training views of a painting. Evaluation has one preprocessing only: `models/image_processing_art.py`.

A view is a pure function of the picture and a random generator, so a run repeats and resumes exactly. Hue is never
shifted: palette is style.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from artextract_hf.errors import DataError

# ITU-R 601-2 luma, the weights of Pillow's own conversion to grey
LUMA = np.array([0.299, 0.587, 0.114])
CROPS = ("always", "larger", "never")


@dataclass(frozen=True)
class TrainingView:
    """Random crop, mirror and colour of a training view.

    Args:
        crop: when a part of the painting is shown: `always`, `never`, or only of a painting that is `larger` than the
            view on both sides, so that no part is enlarged.
        min_area: smallest share of the painting that a crop keeps; the largest is all of it.
        max_ratio: a crop's sides differ by at most this factor, measured on the painting squeezed to a square, as
            evaluation shows it.
        flip: probability of a mirror image.
        color: strength of brightness, contrast and saturation; 0.2 multiplies each by 0.8 to 1.2.
    """

    crop: str = "always"
    min_area: float = 0.3
    max_ratio: float = 4 / 3
    flip: float = 0.5
    color: float = 0.2

    def __post_init__(self) -> None:
        in_range = 0 < self.min_area <= 1 and self.max_ratio >= 1 and 0 <= self.flip <= 1 and 0 <= self.color < 1
        if not in_range or self.crop not in CROPS:
            raise DataError(f"not a training view: {self}; crop takes {', '.join(CROPS)}.")

    def __call__(self, image: Image.Image, size: int, rng: np.random.Generator) -> np.ndarray:
        """A view of an RGB picture as uint8 (3, size, size)."""
        view = image.resize((size, size), Image.Resampling.BICUBIC, box=self._box(image.size, size, rng))
        if self.color:
            view = view.convert("RGB", tuple(self._color_matrix(rng).ravel()))
        pixels = np.asarray(view).transpose(2, 0, 1)
        if rng.random() < self.flip:
            pixels = pixels[:, :, ::-1]
        return np.ascontiguousarray(pixels)

    def _box(
        self, picture: tuple[int, int], size: int, rng: np.random.Generator
    ) -> tuple[float, float, float, float] | None:
        if self.crop == "never" or (self.crop == "larger" and min(picture) <= size):
            return None
        area = rng.uniform(self.min_area, 1)
        limit = np.log(self.max_ratio)
        ratio = np.exp(rng.uniform(-limit, limit))
        width = min((area * ratio) ** 0.5, 1.0) * picture[0]
        height = min((area / ratio) ** 0.5, 1.0) * picture[1]
        left = rng.uniform(0, picture[0] - width)
        top = rng.uniform(0, picture[1] - height)
        return left, top, left + width, top + height

    def _color_matrix(self, rng: np.random.Generator) -> np.ndarray:
        """Brightness, contrast (about mid-grey) and saturation in one affine map of RGB, (3, 4)."""
        brightness, contrast, saturation = rng.uniform(1 - self.color, 1 + self.color, size=3)
        mix = saturation * np.eye(3) + (1 - saturation) * LUMA
        offset = np.full((3, 1), 127.5 * (1 - contrast))
        return np.hstack([brightness * contrast * mix, offset])


# System 003's lists, one a task: flip, brightness, contrast and saturation for all; a random crop for style, none for
# the artist, whose hand may be anywhere, and for genre one only where the painting is larger than the view.
TASK_VIEWS = {
    "style": TrainingView(crop="always"),
    "genre": TrainingView(crop="larger"),
    "artist": TrainingView(crop="never"),
}


def view_of(recipe: "str | dict[str, object]") -> TrainingView:
    """A view from a configuration: the name of a task in TASK_VIEWS, or the arguments of TrainingView.

    Raises:
        DataError: no such name, or an argument that TrainingView does not take.
    """
    if isinstance(recipe, str):
        if recipe not in TASK_VIEWS:
            raise DataError(f"there is no view {recipe!r}; the named ones are {', '.join(TASK_VIEWS)}.")
        return TASK_VIEWS[recipe]
    try:
        return TrainingView(**recipe)  # type: ignore[arg-type]
    except TypeError as error:
        raise DataError(f"not a training view: {recipe} ({error}).") from None


def view_sheet(pictures: list[Image.Image], view: TrainingView, *, size: int, columns: int, seed: int) -> Image.Image:
    """A sheet to look at: each painting squeezed to a square as evaluation sees it, and beside it `columns` views."""
    sheet = Image.new("RGB", ((columns + 1) * size, len(pictures) * size), "white")
    for row, picture in enumerate(pictures):
        sheet.paste(picture.resize((size, size), Image.Resampling.BICUBIC), (0, row * size))
        for column in range(columns):
            pixels = view(picture, size, np.random.default_rng((seed, column, row)))
            sheet.paste(Image.fromarray(pixels.transpose(1, 2, 0)), ((column + 1) * size, row * size))
    return sheet
