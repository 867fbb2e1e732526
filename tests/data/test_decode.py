import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from artextract_hf.data.decode import MAX_PIXELS, decode_image
from artextract_hf.errors import ImageError
from tests.conftest import plain_picture


def encoded(image: Image.Image, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, **options)
    return buffer.getvalue()


def test_every_form_of_the_same_picture_gives_the_same_pixels(tmp_path):
    picture = plain_picture((10, 120, 230))
    data = encoded(picture, format="PNG")
    (tmp_path / "a.png").write_bytes(data)
    for source in (picture, np.asarray(picture), data, tmp_path / "a.png", str(tmp_path / "a.png")):
        assert np.array_equal(decode_image(source), picture)


@pytest.mark.parametrize("mode", ["CMYK", "L", "P", "1"])
def test_other_modes_become_rgb(mode):
    gray = Image.new("L", (20, 10), 255).convert(mode)
    image = decode_image(encoded(gray, format="TIFF"))
    assert image.mode == "RGB"
    assert image.getpixel((5, 5)) == (255, 255, 255)


def test_16_bit_is_scaled_not_clipped():
    ramp = np.linspace(0, 65535, 256).astype(np.uint16)[None].repeat(4, axis=0)
    image = np.asarray(decode_image(encoded(Image.fromarray(ramp), format="PNG")))
    assert image[0, :, 0].tolist() == list(range(256))


def test_transparency_is_laid_on_white():
    image = decode_image(encoded(Image.new("RGBA", (4, 4), (255, 0, 0, 0)), format="PNG"))
    assert image.getpixel((0, 0)) == (255, 255, 255)


def test_animation_gives_its_first_frame():
    red, blue = Image.new("RGB", (8, 8), "red"), Image.new("RGB", (8, 8), "blue")
    data = encoded(red, format="GIF", save_all=True, append_images=[blue])
    assert decode_image(data).getpixel((0, 0)) == (255, 0, 0)  # the palette of a GIF is exact here


def test_exif_orientation_is_applied():
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate a quarter turn clockwise
    assert decode_image(encoded(Image.new("RGB", (30, 10)), format="JPEG", exif=exif)).size == (10, 30)


@pytest.mark.parametrize("keep", [0.02, 0.5, 0.95])
@pytest.mark.parametrize("min_side", [None, 32])
def test_cut_jpeg_raises(keep, min_side):
    data = encoded(plain_picture((90, 10, 10), (400, 300)), format="JPEG")
    with pytest.raises(ImageError):
        decode_image(data[: int(len(data) * keep)], min_side=min_side)


@pytest.mark.parametrize(
    "data", [b"", b"not a picture", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"\x89PNG\r\n\x1a\n"]
)
def test_no_picture_raises(data):
    with pytest.raises(ImageError):
        decode_image(data)


def test_decompression_bomb_is_refused_before_decoding():
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    side = int(MAX_PIXELS**0.5) + 1
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    bomb = (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(10))) + chunk(b"IEND", b"")
    )
    with pytest.raises(ImageError, match=f"{side} x {side}"):
        decode_image(bomb)


def test_jpeg_is_decoded_small_but_never_below_the_wanted_side():
    data = encoded(plain_picture((9, 99, 9), (1000, 800)), format="JPEG")
    assert decode_image(data, min_side=200).size == (250, 200)
    assert decode_image(data, min_side=201).size == (500, 400)
    assert decode_image(data).size == (1000, 800)


def test_missing_file_and_odd_arrays_raise(tmp_path):
    with pytest.raises(ImageError, match="does not exist"):
        decode_image(tmp_path / "nothing.jpg")
    for shape in ((3,), (4, 4, 2), (0, 5, 3)):
        with pytest.raises(ImageError, match="no picture"):
            decode_image(np.zeros(shape, dtype=np.uint8))
