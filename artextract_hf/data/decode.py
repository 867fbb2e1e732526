"""The only decoder of images: a file, an address, bytes or an array becomes an upright RGB picture, or an ImageError.

It is safe for the uploads of strangers: it knows few formats, checks the number of pixels before it decodes any, and
never passes on half a picture as a whole one. The limits are measured: a 0.5 MB PNG of 13000 x 13000 takes 658 MB.
"""

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from artextract_hf.data.fetch import DownloadSettings, Fetcher, is_address, shown
from artextract_hf.errors import DataError, ImageError

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
MAX_PIXELS = 40_000_000  # decoded; about 120 MB of RGB. A larger JPEG is decoded at a smaller scale
MAX_BYTES = 100_000_000
URL_TIMEOUT_S = 20  # for a whole picture

ImageSource = str | Path | bytes | Image.Image | np.ndarray

Image.init()  # else Pillow knows only some of FORMATS before the first of the others is met
ImageFile.LOAD_TRUNCATED_IMAGES = False  # a process-wide switch of Pillow: a cut file must raise, not turn grey


def decode_image(source: ImageSource, *, min_side: int | None = None, allow_private_hosts: bool = False) -> Image.Image:
    """Decode a picture to upright RGB.

    Args:
        source: a path, an http(s) address, the encoded bytes, a PIL image, or an array (H, W), (H, W, 3) or (H, W, 4)
            of uint8.
        min_side: where given, a JPEG may be decoded at a smaller scale (1/2, 1/4, 1/8) whose sides are both still
            at least this many pixels; twice the side that is wanted afterwards loses nothing that is visible.
        allow_private_hosts: fetch an address also from this machine and from hosts of private networks.

    Raises:
        ImageError: not a picture, a format outside FORMATS, cut short, more than MAX_PIXELS, or not to be fetched.
    """
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if isinstance(source, Image.Image):
        return _to_upright_rgb(source, "the given picture")
    data, name = _read(source, allow_private_hosts=allow_private_hosts)
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            _bound_pixels(image, name, min_side)
            return _to_upright_rgb(image, name)
    except UnidentifiedImageError:
        raise ImageError(f"{name} is not a picture in a known format ({', '.join(FORMATS)}).") from None
    except Image.DecompressionBombError as error:
        raise ImageError(f"{name} is too large to be decoded safely: {error}") from None
    except (OSError, SyntaxError, EOFError) as error:  # a header that breaks off
        raise ImageError(f"{name} is damaged or cut short: {error}") from None


def fetch_picture(address: str, *, allow_private_hosts: bool = False) -> bytes:
    """The encoded picture at an address, which is not decoded yet.

    Args:
        address: http or https.
        allow_private_hosts: as for `decode_image`.

    Raises:
        ImageError: it could not be fetched, or is larger than MAX_BYTES.
    """
    settings = DownloadSettings(
        retries=0, timeout_s=URL_TIMEOUT_S, max_bytes=MAX_BYTES, allow_private_hosts=allow_private_hosts
    )
    try:
        return Fetcher(settings).get(address, bytes)
    except DataError as error:
        raise ImageError(f"{shown(address)} could not be fetched: {error}") from None


def _read(source: str | Path | bytes, *, allow_private_hosts: bool) -> tuple[bytes, str]:
    if isinstance(source, bytes):
        return source, f"the given data ({len(source)} bytes)"
    text = str(source)
    if is_address(text):
        return fetch_picture(text, allow_private_hosts=allow_private_hosts), shown(text)
    path = Path(source)
    if not path.is_file():
        raise ImageError(f"{path} does not exist or is not a file.")
    data = path.read_bytes()
    if len(data) > MAX_BYTES:
        raise ImageError(f"{text} is larger than {MAX_BYTES // 1_000_000} MB.")
    return data, text


def _bound_pixels(image: ImageFile.ImageFile, name: str, min_side: int | None) -> None:
    """Choose the smallest JPEG scale allowed, then refuse what would still decode to too many pixels."""
    if image.format in ("JPEG", "MPO"):  # MPO: what phones call a JPEG with a second picture behind it
        width, height = image.size
        shrink = min(width, height) / min_side if min_side else (width * height / MAX_PIXELS) ** 0.5
        if shrink >= 2:
            image.draft(None, (int(width / shrink), int(height / shrink)))
    if image.width * image.height > MAX_PIXELS:
        raise ImageError(
            f"{name} has {image.width} x {image.height} pixels, more than the {MAX_PIXELS // 1_000_000} million "
            "that are decoded; give a smaller version."
        )


def _to_upright_rgb(image: Image.Image, name: str) -> Image.Image:
    try:
        image.load()
        image = ImageOps.exif_transpose(image)
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise ImageError(f"{name} is damaged or cut short: {error}") from None
    if image.mode in ("I", "I;16", "I;16B", "I;16L", "F"):
        return _from_array(np.asarray(image))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image).convert("RGB")
    # A fresh image without `.filename`: `datasets` would store the original file in its place.
    return image.convert("RGB") if image.mode != "RGB" else image.copy()


def _from_array(array: np.ndarray) -> Image.Image:
    if array.ndim not in (2, 3) or array.size == 0 or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        raise ImageError(f"an array of shape {array.shape} is no picture; give (H, W), (H, W, 3) or (H, W, 4).")
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.dtype != np.uint8:
        # 16-bit scans use their full range or a part of it; Pillow's own conversion would clip them to white.
        top = 65535.0 if array.dtype == np.uint16 else max(float(array.max()), 1.0)
        array = (np.clip(array / top, 0, 1) * 255).round().astype(np.uint8)
    return _to_upright_rgb(Image.fromarray(array), "the given array")
