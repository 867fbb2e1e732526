"""The only decoder of images: a file, an address, bytes or an array becomes an upright RGB picture, or an ImageError.

It is safe for the uploads of strangers: it knows few formats, looks at what a file asks for before it decodes anything
(`formats/structure.py`), and never passes on half a picture as a whole one. Colours are sRGB: pixels with another
embedded profile are converted. The limits are measured: a picture at the limit takes at most 300 MB beside its own
pixels.
"""

import ctypes
import io
import os
import stat
import struct
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageFile, ImageOps, TiffImagePlugin, UnidentifiedImageError

from artextract_hf.data.fetch import DownloadSettings, Fetcher, is_address, shown
from artextract_hf.data.formats.avif import coded_pixels
from artextract_hf.data.formats.profiles import srgb_transform
from artextract_hf.data.formats.structure import MAX_WORKING_BYTES, safe_to_open
from artextract_hf.errors import ArtExtractError, DataError, ImageError
from artextract_hf.extras import require

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")  # and HEIC by an extra
HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
MAX_PIXELS = 40_000_000  # decoded; about 120 MB of RGB. A larger JPEG is decoded at a smaller scale
MAX_PIXELS_IN_COPIES = 25_000_000  # of WebP and AVIF, whose decoders keep the pixels up to three times more
MAX_SIDE = 100_000  # pixels; Pillow keeps several numbers a row, for 40 million rows 640 MB
MAX_BYTES = 100_000_000
URL_TIMEOUT_S = 20  # for a whole picture
LARGE_PIXELS = 10_000_000  # only LARGE_AT_ONCE pictures of more pixels are decoded at once, whatever the threads
LARGE_AT_ONCE = 2
WHITE_IS_ZERO = 0  # as a TIFF says that its grey is a negative
STRIP_PIXELS = 1_000_000  # converted at once; a whole picture in a second mode would take its memory again

# Whatever a decoder of Pillow lets out on bytes that it did not expect. Named one by one, since a bug of this package
# in another class (NameError, ...) or the user's Ctrl-C is no damaged picture. A warning is raised under `-W error`.
DECODER_ERRORS = (
    OSError,
    EOFError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    AssertionError,
    RuntimeError,
    MemoryError,
    Warning,
    struct.error,
    zlib.error,
)

ImageSource = str | Path | bytes | Image.Image | np.ndarray

Image.init()  # else Pillow knows only some of FORMATS before the first of the others is met
ImageFile.LOAD_TRUNCATED_IMAGES = False  # a process-wide switch of Pillow: a cut file must raise, not turn grey
_large = threading.BoundedSemaphore(LARGE_AT_ONCE)
# glibc keeps what each thread has freed: 8 threads that decoded 8 large pictures kept 1.2 GB, with this call 0.2 GB.
_give_back = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None


def _forget_large() -> None:
    """In a forked process no thread is left that would give its turn back."""
    global _large
    _large = threading.BoundedSemaphore(LARGE_AT_ONCE)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_large)


def decode_image(source: ImageSource, *, min_side: int | None = None, allow_private_hosts: bool = False) -> Image.Image:
    """Decode a picture to upright sRGB, without metadata.

    Args:
        source: a path, an http(s) address, the encoded bytes, a PIL image, or an array (H, W), (H, W, 3) or (H, W, 4)
            of uint8, and of nothing else.
        min_side: where given, a JPEG may be decoded at a smaller scale (1/2, 1/4, 1/8) whose sides are both still
            at least this many pixels; twice the side that is wanted afterwards loses nothing that is visible.
        allow_private_hosts: fetch an address also from this machine and from hosts of private networks.

    Raises:
        ImageError: not a picture, a format outside FORMATS, cut short, more than MAX_PIXELS, MAX_SIDE or MAX_BYTES, or
            one that asks for more memory or time than pictures need, or not to be fetched.
    """
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if isinstance(source, Image.Image):
        name, data = "the given picture", b""
        if not all(source.size):
            raise ImageError(f"a picture of {source.width} x {source.height} pixels is none.")
    elif not isinstance(source, str | Path | bytes):
        kinds = "a path, an address, the encoded bytes, a PIL image or an array"
        raise ImageError(f"a {type(source).__name__} is no picture; give {kinds}.")
    else:
        data, name = _read(source, allow_private_hosts=allow_private_hosts)
    try:
        if isinstance(source, Image.Image):
            image = ImageOps.exif_transpose(source)
            return _to_rgb(image, image.info.get("icc_profile"))
        return _decode(data, name, min_side)
    except ImageError:
        raise
    except UnidentifiedImageError:
        raise ImageError(f"{name} is not a picture in a known format ({', '.join(FORMATS)}, HEIC).") from None
    except Image.DecompressionBombError as error:
        raise ImageError(f"{name} is too large to be decoded safely: {error}") from None
    except DECODER_ERRORS as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise ImageError(f"{name} is damaged or cut short: {reason}") from None


def _decode(data: bytes, name: str, min_side: int | None) -> Image.Image:
    data, profile = safe_to_open(data, name)
    formats = ("HEIF",) if _is_heic(data, name) else FORMATS
    image = Image.open(io.BytesIO(data), formats=formats)
    with _turn(image.width * image.height):
        with image:
            _bound_pixels(image, name, min_side)
            coded = coded_pixels(data, name) if image.format == "AVIF" else []
            if max(coded, default=0) > MAX_PIXELS_IN_COPIES or sum(coded) > 3 * MAX_PIXELS_IN_COPIES:
                raise ImageError(f"{name} holds {sum(coded)} pixels, though it says {image.width} x {image.height}.")
            image.load()
            profile = profile or image.info.get("icc_profile")
            ImageOps.exif_transpose(image, in_place=True)
        vars(image).pop("_decoder", None)  # of WebP and AVIF, which hold the pixels a second time
        picture = _to_rgb(image, profile)
        del image  # before memory is given back to the system
        return picture


def _is_heic(data: bytes, name: str) -> bool:
    """Whether it is what phones write; Pillow learns to read it by that."""
    brands = data[8 : max(8, min(int.from_bytes(data[:4], "big"), 256))]
    is_heic = any(brand in brands for brand in HEIC_BRANDS) and b"avif" not in brands and b"avis" not in brands
    if data[4:8] != b"ftyp" or not is_heic:
        return False
    try:
        require("pillow_heif", extra="heif").register_heif_opener()
    except ArtExtractError as error:
        raise ImageError(f"{name} is a HEIC picture: {error}") from None
    return True


@contextmanager
def _turn(pixels: int) -> Iterator[None]:
    """Large pictures wait for their turn: visitors and threads that decode at once would add up to gigabytes."""
    if pixels <= LARGE_PIXELS:
        yield
        return
    with _large:
        yield
        if _give_back:
            _give_back(0)


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
    text = f"the given data ({len(source)} bytes)" if isinstance(source, bytes) else str(source)
    if isinstance(source, bytes):
        data = source
    elif is_address(text):
        return fetch_picture(text, allow_private_hosts=allow_private_hosts), shown(text)
    else:
        data = _file_bytes(Path(source))
    if len(data) > MAX_BYTES:
        raise ImageError(f"{text} is larger than {MAX_BYTES // 1_000_000} MB.")
    return data, text


def _file_bytes(path: Path) -> bytes:
    """The bytes of an ordinary file; a pipe or a device, which may never end, is not opened."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise ImageError(f"{path} does not exist or is not a file.")
        if found.st_size > MAX_BYTES:
            raise ImageError(f"{path} is larger than {MAX_BYTES // 1_000_000} MB.")
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise ImageError(f"{path} does not exist or is not a file.") from None
    except OSError as error:
        raise ImageError(f"{path} cannot be read: {error.strerror}.") from None
    except ImageError:
        raise
    except ValueError as error:  # a zero byte, or letters that the file system has not
        raise ImageError(f"{str(path)!r} cannot be the name of a file: {error}.") from None


def _bound_pixels(image: ImageFile.ImageFile, name: str, min_side: int | None) -> None:
    """Choose the smallest JPEG scale allowed, then refuse what would still decode to too many pixels, or rows."""
    if max(image.size) > MAX_SIDE:
        raise ImageError(
            f"{name} has {image.width} x {image.height} pixels, a side longer than {MAX_SIDE}; give a smaller version."
        )
    if image.format in ("JPEG", "MPO"):  # MPO: what phones call a JPEG with a second picture behind it
        width, height = image.size
        shrink = min(width, height) / min_side if min_side else (width * height / MAX_PIXELS) ** 0.5
        if shrink >= 2:
            image.draft(None, (int(width / shrink), int(height / shrink)))
    limit = MAX_PIXELS_IN_COPIES if image.format in ("WEBP", "AVIF") else MAX_PIXELS
    if image.width * image.height > limit:
        raise ImageError(
            f"{name} has {image.width} x {image.height} pixels, more than the {limit // 1_000_000} million "
            "that are decoded; give a smaller version."
        )
    if isinstance(image, TiffImagePlugin.TiffImageFile) and _strip_bytes(image) > MAX_WORKING_BYTES:
        raise ImageError(f"{name} needs {_strip_bytes(image) // 1_000_000} MB to be decoded; give a smaller version.")


def _strip_bytes(image: TiffImagePlugin.TiffImageFile) -> int:
    """What libtiff unpacks at once: a tile, which may be larger than the picture, or a strip."""
    tags = image.tag_v2
    bits = max(tags.get(TiffImagePlugin.BITSPERSAMPLE, (1,))) * tags.get(TiffImagePlugin.SAMPLESPERPIXEL, 1)
    longest = max(image.size)  # of a picture that may lie on its side
    rows = min(tags.get(TiffImagePlugin.ROWSPERSTRIP, longest), longest)
    width, rows = tags.get(TiffImagePlugin.TILEWIDTH, image.width), tags.get(TiffImagePlugin.TILELENGTH, rows)
    return width * rows * bits // 8


def _to_rgb(image: Image.Image, profile: object) -> Image.Image:
    """A fresh RGB picture of pixels only: `datasets` would store the file of one that has `.filename`."""
    if image.mode in ("I", "I;16", "I;16B", "I;16L", "F"):
        top = _full_scale(image)
        inverted = _tiff_tag(image, TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) == WHITE_IS_ZERO
        image = _in_strips(image, "L", lambda strip: Image.fromarray(_eight_bits(np.asarray(strip), top)))
        image = ImageOps.invert(image) if inverted else image  # of 8 bits and fewer, Pillow does it
    has_alpha = image.has_transparency_data
    mode = "RGBA" if has_alpha else image.mode if image.mode in ("L", "CMYK") else "RGB"
    transform = srgb_transform(profile, mode)
    if image.mode == "RGB" and mode == "RGB" and not transform:
        fresh = image.copy()
        fresh.info = {}
        return fresh

    def convert(strip: Image.Image) -> Image.Image:
        strip = strip if strip.mode == mode else strip.convert(mode)
        strip = transform.apply(strip) if transform else strip
        if has_alpha:
            strip = Image.alpha_composite(Image.new("RGBA", strip.size, "white"), strip)
        return strip if strip.mode == "RGB" else strip.convert("RGB")

    return _in_strips(image, "RGB", convert)


def _in_strips(image: Image.Image, mode: str, convert: Callable[[Image.Image], Image.Image]) -> Image.Image:
    """A picture converted some rows at a time."""
    result = Image.new(mode, image.size)
    rows = max(1, STRIP_PIXELS // image.width)
    for top in range(0, image.height, rows):
        box = (0, top, image.width, min(top + rows, image.height))
        result.paste(convert(image.crop(box)), box)
    return result


def _full_scale(image: Image.Image) -> float:
    """The number that is white. 16-bit scans use their full range or a part of it; Pillow would clip them to white."""
    if image.mode.startswith("I;16"):
        is_12_bit = _tiff_tag(image, TiffImagePlugin.BITSPERSAMPLE) == (12,)
        return 4095.0 if is_12_bit else 65535.0
    return max(float(np.max(image.getextrema())), 1.0)


def _tiff_tag(image: Image.Image, tag: int) -> object:
    """A tag of a TIFF; None of any other picture."""
    return getattr(image, "tag_v2", {}).get(tag)


def _eight_bits(array: np.ndarray, top: float) -> np.ndarray:
    if not np.isfinite(array).all():
        raise ImageError("the picture holds numbers that are not finite.")
    return (np.clip(array / top, 0, 1) * 255).round().astype(np.uint8)


def _from_array(array: np.ndarray) -> Image.Image:
    if array.ndim not in (2, 3) or array.size == 0 or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        raise ImageError(f"an array of shape {array.shape} is no picture; give (H, W), (H, W, 3) or (H, W, 4).")
    if array.dtype != np.uint8:  # whose range could only be guessed
        raise ImageError(f"an array of {array.dtype} is no picture; give uint8, from 0 to 255.")
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    return _to_rgb(Image.fromarray(array), None)
