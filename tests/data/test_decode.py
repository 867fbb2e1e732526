import io
import struct
import sys
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

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
    for other in (None, 5, io.BytesIO(b"x"), bytearray(b"x"), Image.new("RGB", (0, 0))):
        with pytest.raises(ImageError, match=r"no picture|is none"):
            decode_image(other)


def matrix_profile(colors: list[tuple[float, float, float]], curve: np.ndarray, *, space: bytes = b"RGB ") -> bytes:
    """An ICC profile of version 2: the XYZ of red, green and blue under D50, and the light of 1,024 equal steps."""
    light = b"curv" + bytes(4) + struct.pack(">I", len(curve)) + np.round(curve * 65535).astype(">u2").tobytes()
    tags = {b"wtpt": (0.9642, 1.0, 0.8249)}
    tags |= dict(zip((b"rXYZ", b"gXYZ", b"bXYZ"), colors, strict=False))
    bodies = {
        tag: b"XYZ " + bytes(4) + np.round(np.array(xyz) * 65536).astype(">i4").tobytes() for tag, xyz in tags.items()
    }
    bodies |= dict.fromkeys((b"kTRC",) if space == b"GRAY" else (b"rTRC", b"gTRC", b"bTRC"), light)
    at, table, data = 132 + 12 * len(bodies), b"", b""
    for tag, body in bodies.items():
        table += tag + struct.pack(">II", at + len(data), len(body))
        data += body + bytes(-len(body) % 4)
    header = struct.pack(">I4sI4s4s4s", at + len(data), b"lcms", 0x02400000, b"mntr", space, b"XYZ ")
    white = struct.pack(">iii", 0xF6D6, 0x10000, 0xD32D)
    header += bytes(12) + b"acsp" + bytes(24) + bytes(4) + white
    return header + bytes(128 - len(header)) + struct.pack(">I", len(bodies)) + table + data


STEPS = np.linspace(0, 1, 1024)
SRGB_CURVE = np.where(STEPS <= 0.04045, STEPS / 12.92, ((STEPS + 0.055) / 1.055) ** 2.4)
# The colorants of the profile that nearly all sRGB pictures carry (Hewlett-Packard, 1998), and of Adobe RGB (1998).
SRGB = matrix_profile(
    [(0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410)], SRGB_CURVE
)
ADOBE_RGB = [(0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457)]
ADOBE = matrix_profile(ADOBE_RGB, STEPS**2.19921875)


def colors_of_all_parts() -> Image.Image:
    return Image.fromarray(np.random.default_rng(1).integers(0, 256, (48, 64, 3), dtype=np.uint8))


def linear_srgb(values: np.ndarray) -> np.ndarray:
    return np.where(values <= 0.0031308, values * 12.92, 1.055 * np.maximum(values, 0) ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("form", ["PNG", "TIFF", "WEBP", "AVIF"])
def test_colors_of_a_wide_profile_become_srgb(form):
    picture = colors_of_all_parts() if form in ("PNG", "TIFF") else plain_picture((90, 160, 60))
    image = decode_image(encoded(picture, format=form, icc_profile=ADOBE))
    stored = np.asarray(decode_image(encoded(picture, format=form)))
    xyz = (stored / 255.0) ** 2.19921875 @ np.array(ADOBE_RGB)
    xyz_to_linear = [
        [3.1338561, -0.9787684, 0.0719453],
        [-1.6168667, 1.9161415, -0.2289914],
        [-0.4906146, 0.0334540, 1.4052427],
    ]
    expected = np.clip(linear_srgb(xyz @ np.array(xyz_to_linear)), 0, 1) * 255  # Lindbloom's matrix of sRGB under D50
    difference = np.abs(np.asarray(image) - expected)
    assert difference.max() < 4 and difference.mean() < 0.6
    assert np.abs(np.asarray(image).astype(int) - stored).mean() > 5
    assert np.array_equal(decode_image(image), image)  # not converted again


def test_pictures_that_are_srgb_stay_as_they_are():
    picture = colors_of_all_parts()
    built_in = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    broken = (ADOBE[:200], b"no profile", ADOBE.replace(b"acsp", b"none"), ADOBE.replace(b"RGB XYZ ", b"CMYKLab "), b"")
    grey = matrix_profile([], STEPS**2.2, space=b"GRAY")
    for profile in (SRGB, built_in, grey, *broken):
        assert np.array_equal(decode_image(encoded(picture, format="PNG", icc_profile=profile)), picture)


def test_profiles_of_greys_transparency_and_palettes_count():
    greys = Image.fromarray(np.arange(256, dtype=np.uint8)[None].repeat(4, axis=0))
    dark = decode_image(encoded(greys, format="PNG", icc_profile=matrix_profile([], STEPS**1.0, space=b"GRAY")))
    expected = linear_srgb(np.arange(256) / 255) * 255
    assert np.abs(np.asarray(dark)[0] - expected[:, None]).max() < 2
    picture = colors_of_all_parts().quantize(64)
    direct = decode_image(encoded(picture.convert("RGB"), format="PNG", icc_profile=ADOBE))
    assert np.array_equal(decode_image(encoded(picture, format="PNG", icc_profile=ADOBE)), direct)
    opaque = picture.convert("RGBA")
    assert np.array_equal(decode_image(encoded(opaque, format="PNG", icc_profile=ADOBE)), direct)
    opaque.putalpha(0)
    assert set(np.asarray(decode_image(encoded(opaque, format="PNG", icc_profile=ADOBE))).flat) == {255}


def test_a_profile_over_1_mb_in_a_png_still_counts():
    picture = colors_of_all_parts()
    bulky = ADOBE + bytes(2_000_000)
    bulky = struct.pack(">I", len(bulky)) + bulky[4:]
    data = encoded(picture, format="PNG", icc_profile=bulky)
    assert np.array_equal(decode_image(data), decode_image(encoded(picture, format="PNG", icc_profile=ADOBE)))


def test_cmyk_is_converted_by_its_profile():
    picture = Image.new("CMYK", (16, 16), (255, 0, 0, 0))
    plain = decode_image(encoded(picture, format="TIFF"))
    image = decode_image(encoded(picture, format="TIFF", icc_profile=press_profile()))
    assert plain.getpixel((0, 0)) == (0, 255, 255)
    assert np.abs(np.subtract(image.getpixel((0, 0)), PRESS_CYAN)).max() <= 2


PRESS_CYAN = (40, 150, 200)  # about what cyan on coated paper looks like


def press_profile() -> bytes:
    """CMYK to Lab by a table of two steps an ink: cyan alone is the cyan of a press, all other ink is black."""
    lab = ImageCms.createProfile("LAB")
    to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), lab, "RGB", "LAB")
    cyan = np.asarray(to_lab.apply(Image.new("RGB", (1, 1), PRESS_CYAN)))[0, 0].astype(np.int32)
    cyan[1:] = (cyan[1:] + 128) % 256  # Pillow's signed a and b, as ICC counts them
    table = np.tile(np.array([0, 128, 128], dtype=np.uint8), (16, 1))  # black
    table[0], table[8] = (255, 128, 128), cyan  # paper; cyan is the slowest of four
    ramp = np.arange(256, dtype=np.uint8).tobytes()
    identity = np.round(np.eye(3) * 65536).astype(">i4").tobytes()
    lut = b"mft1" + bytes(4) + bytes((4, 3, 2, 0)) + identity + ramp * 4 + table.tobytes() + ramp * 3
    header = struct.pack(">I4sI4s4s4s", 144 + len(lut), b"lcms", 0x02400000, b"prtr", b"CMYK", b"Lab ")
    header += bytes(12) + b"acsp" + bytes(28) + struct.pack(">iii", 0xF6D6, 0x10000, 0xD32D)
    return header + bytes(128 - len(header)) + struct.pack(">I4sII", 1, b"A2B0", 144, len(lut)) + lut


@pytest.mark.parametrize(("bits", "top", "order"), [(12, 4095, "<"), (16, 65535, "<"), (16, 65535, ">")])
def test_white_of_a_tiff_of_12_or_16_bits_is_white(bits, top, order):
    image = np.asarray(decode_image(grey_tiff(bits, top, order)))
    assert np.abs(image[0, :, 0] - np.linspace(0, 255, 64)).max() <= 1


@pytest.mark.parametrize(("bits", "top", "order"), [(8, 255, "<"), (16, 65535, "<"), (32, 1, "<"), (32, 1, ">")])
def test_a_tiff_whose_white_is_zero_is_no_negative(bits, top, order):
    image = np.asarray(decode_image(grey_tiff(bits, top, order, black=True)))
    assert np.abs(image[0, :, 0] - np.linspace(255, 0, 64)).max() <= 1


def grey_tiff(bits: int, top: float, order: str, *, black: bool = False) -> bytes:
    """64 greys from 0 to `top`, which is white, or else black; 32 bits are floats."""
    values = np.linspace(0, top, 64)
    if bits != 12:
        data = values.astype({8: "u1", 16: f"{order}u2", 32: f"{order}f4"}[bits]).tobytes()
    else:
        values = values.astype(np.uint16)
        first, second = values[::2].astype(int), values[1::2].astype(int)
        data = np.stack([first >> 4, (first & 15) << 4 | second >> 8, second & 255], axis=1).astype(np.uint8).tobytes()
    layout = [
        (256, 64),
        (257, 1),
        (258, bits),
        (259, 1),
        (262, 0 if black else 1),
        (273, 8 + 2 + 12 * 9 + 4),
        (277, 1),
        (279, len(data)),
        (339, 3 if bits == 32 else 1),
    ]
    entries = b"".join(
        struct.pack(f"{order}HHI", tag, 3, 1) + struct.pack(f"{order}HH", value, 0) for tag, value in layout
    )
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IH", 8, len(layout))
    return head + entries + bytes(4) + data


def test_avif_is_read():
    image = decode_image(encoded(plain_picture((200, 60, 30)), format="AVIF"))
    assert image.mode == "RGB" and np.abs(np.asarray(image).mean(axis=(0, 1)) - (200, 60, 30)).max() < 5


def test_heic_is_read_upright():
    exif = Image.Exif()
    exif[0x0112] = 6
    image = decode_image(heic(plain_picture((200, 60, 30), (80, 40)), exif=exif.tobytes()))
    assert image.size == (40, 80)
    assert np.abs(np.asarray(image).mean(axis=(0, 1)) - (200, 60, 30)).max() < 5


def heic(picture: Image.Image, **options: object) -> bytes:
    pytest.importorskip("pillow_heif").register_heif_opener()
    return encoded(picture, format="HEIF", **options)


def test_heic_over_the_limits_is_refused_before_it_is_decoded(monkeypatch):
    data = heic(Image.new("RGB", (700, 600)))
    with pytest.raises(ImageError, match="damaged"):  # its coded pixels are more than it says
        decode_image(data.replace(struct.pack(">II", 700, 600), struct.pack(">II", 70, 60)))
    monkeypatch.setattr("artextract_hf.data.decode.MAX_PIXELS", 400_000)
    with pytest.raises(ImageError, match="700 x 600 pixels"):
        decode_image(data)


def test_heic_without_its_extra_is_one_line_that_names_it(monkeypatch):
    data = heic(plain_picture((200, 60, 30)))
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(ImageError, match=r"HEIC picture: pillow_heif .* pip install .*\[heif\]'"):
        decode_image(data)
    with pytest.raises(ImageError, match="no picture|not a picture"):  # a film of the same container
        decode_image(b"\0\0\0\x18ftypmp42\0\0\0\0isommp42" + bytes(100))


def test_what_is_decoded_carries_pixels_only():
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(plain_picture((9, 99, 9)), format="JPEG", exif=exif, comment=b"by whom", icc_profile=SRGB)
    assert decode_image(data).info == {} == decode_image(Image.open(io.BytesIO(data))).info
