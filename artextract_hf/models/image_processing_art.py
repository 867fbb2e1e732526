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
        """As of transformers, for settings that may come from a stranger's file.

        Raises:
            ModelError: they are not those of this preprocessing, or take memory without bound.
        """
        super().__init__(**kwargs)
        side = self.size.get("height") if hasattr(self.size, "get") else None
        if type(side) is not int or dict(self.size) != {"height": side, "width": side} or not 1 <= side <= MOST_SIDE:
            raise ModelError(f"pictures are squares of 1 to {MOST_SIDE} pixels; the processor's size is {self.size!r}.")
        steps = [getattr(self, name) for name in ("do_convert_rgb", "do_rescale", "do_normalize")]
        further = [getattr(self, name, None) for name in ("do_center_crop", "do_pad")]
        if self.do_resize is not True or any(type(step) is not bool for step in steps) or any(further):
            raise ModelError("the processor does not squeeze pictures to a square, as this preprocessing does.")
        if not isinstance(self.resample, int) or self.resample not in range(6):
            raise ModelError(
                f"the processor's resample is {self.resample!r}; it takes one of Pillow's filters, 0 to 5."
            )
        if not _are_numbers([self.rescale_factor], 1, least=0):
            raise ModelError(f"the processor's rescale_factor is {self.rescale_factor!r}; it is a number in (0, 1].")
        if not _are_numbers(self.image_mean, 3) or not _are_numbers(self.image_std, 3, least=0):
            raise ModelError(
                f"the processor's image_mean is {self.image_mean!r} and its image_std {self.image_std!r}; each takes "
                "three numbers, one a colour."
            )


def _are_numbers(values: Any, count: int, *, least: float = -1e3) -> bool:
    """Whether these are so many numbers above `least`, below a thousand."""
    if not isinstance(values, list | tuple) or len(values) != count:
        return False
    return all(type(value) in (int, float) and least < value < 1e3 for value in values)
