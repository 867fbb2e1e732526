"""Embedded colour profiles: what the numbers of a picture mean, so that all pictures are compared in sRGB."""

import io
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

from artextract_hf.data.formats.structure import MAX_PROFILE_BYTES

# Profiles that call themselves sRGB differ from one another by a rounding of their curves; those pictures stay as they
# are, digit for digit. Adobe RGB and Display P3 differ from sRGB by more than 20.
SAME_COLOR = 3  # of 255, in any channel
_EXACT = {"L": ImageCms.Flags.NOOPTIMIZE}  # else dark greys are off by up to 10
_OUTPUT_MODES = {"RGB": "RGB", "RGBA": "RGBA", "L": "RGB", "CMYK": "RGB"}


def srgb_transform(profile: object, mode: str) -> ImageCms.ImageCmsTransform | None:
    """What takes pixels of a profile to sRGB.

    Args:
        profile: the embedded ICC profile.
        mode: Pillow's, of the pixels: RGB, RGBA, L or CMYK.

    Returns:
        None where the pixels are to be read as they are: the profile is sRGB, broken, or one for other modes.
    """
    if not isinstance(profile, bytes) or len(profile) > MAX_PROFILE_BYTES or mode not in _OUTPUT_MODES:
        return None
    return _transform(profile, mode)


@lru_cache(maxsize=8)  # the pictures of a collection often share one
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        target = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
        flags = _EXACT.get(mode, ImageCms.Flags.NONE)
        transform = ImageCms.ImageCmsTransform(source, target, mode, _OUTPUT_MODES[mode], flags=flags)
    except (OSError, ValueError, ImageCms.PyCMSError):
        return None
    if mode == "CMYK":
        return transform
    colors = Image.fromarray(_sample(), "RGB").convert(mode)
    change = np.asarray(transform.apply(colors).convert("RGB"), dtype=int) - np.asarray(colors.convert("RGB"))
    return transform if np.abs(change).max() > SAME_COLOR else None


def _sample() -> np.ndarray:
    """Colours from all parts of the cube (17 steps a side) and all greys: uint8 (1, 5169, 3)."""
    steps = np.linspace(0, 255, 17).astype(np.uint8)
    cube = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3)
    greys = np.arange(256, dtype=np.uint8)[:, None].repeat(3, axis=1)
    return np.concatenate([cube, greys])[None]
