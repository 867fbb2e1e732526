"""The one preprocessing of evaluation, index and Space.

The whole painting is squeezed to a square: nothing of its composition is cut off, and an attention map over the
square is an attention map over the painting. Pillow's bicubic filter, always: the torchvision backend differs by up
to 1/255.
"""

from typing import Any

from transformers.image_processing_backends import PilBackend
from transformers.image_utils import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD, PILImageResampling

from artextract_hf.errors import ModelError

MOST_SIDE = 1024  # pixels, as of CrnnConfig.image_size


class ArtImageProcessor(PilBackend):
    """RGB pictures to `pixel_values` (N, 3, height, width), float32, normalised with ImageNet's mean and deviation."""

    resample = PILImageResampling.BICUBIC
    image_mean = IMAGENET_DEFAULT_MEAN
    image_std = IMAGENET_DEFAULT_STD
    size = {"height": 224, "width": 224}
    default_to_square = True
    do_convert_rgb = True
    do_resize = True
    do_rescale = True
    do_normalize = True
    model_input_names = ["pixel_values"]

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        side = dict(self.size).get("height")
        if dict(self.size) != {"height": side, "width": side} or type(side) is not int or not 1 <= side <= MOST_SIDE:
            raise ModelError(
                f"pictures are squares of 1 to {MOST_SIDE} pixels here; the processor's size is {self.size}."
            )
        for name in ("image_mean", "image_std"):
            values = getattr(self, name)
            numbers = [v for v in values if type(v) in (int, float)] if isinstance(values, list | tuple) else []
            if (
                len(numbers) != 3
                or not all(abs(v) < 1e3 for v in numbers)
                or (name == "image_std" and min(numbers) <= 0)
            ):
                raise ModelError(f"the processor's {name} is {values}; it takes three numbers, one a colour.")
