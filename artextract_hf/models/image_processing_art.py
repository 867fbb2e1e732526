"""The one preprocessing of evaluation, index and Space.

The whole painting is squeezed to a square: nothing of its composition is cut off, and an attention map over the
square is an attention map over the painting. Pillow's bicubic filter, always: the torchvision backend differs by up
to 1/255.
"""

from transformers.image_processing_backends import PilBackend
from transformers.image_utils import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD, PILImageResampling


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
