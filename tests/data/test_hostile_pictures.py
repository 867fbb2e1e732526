"""Pictures made to hold a core, to take the memory, or to end in another library's exception."""

import io
import json
import os
import struct
import subprocess
import sys
import time
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from artextract_hf.data import decode
from artextract_hf.data.decode import MAX_BYTES, MAX_PIXELS, decode_image
from artextract_hf.data.formats.avif import coded_pixels
from artextract_hf.data.formats.structure import safe_to_open
from artextract_hf.errors import ImageError
from tests.conftest import ROOT, plain_picture
from tests.data.picture_mutants import encoded, mutants, outcome

PICTURE = plain_picture((90, 140, 60), (64, 48))
GROWTH_MB, SECONDS = 300, 5  # allowed beside the picture, and to decode one
PNG = encoded(PICTURE, format="PNG")
JPEG = encoded(PICTURE, format="JPEG")
PROGRESSIVE = encoded(PICTURE, format="JPEG", progressive=True)
LARGE = (7900, 5000)  # pixels, as many as are decoded at full scale
SCAN = b"\xff\xda\x00\x08\x01\x01\x00\x00\x00\x00"  # of one plane, empty


def png_with(*chunks: tuple[bytes, bytes]) -> bytes:
    """The picture with chunks behind its header."""
    packed = [
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    ]
    return PNG[:33] + b"".join(packed) + PNG[33:]


def jpeg_of(side: int, planes: int, scans: int, *, frame: int = 0xC2) -> bytes:
    """A JPEG of some bytes a scan that promises side x side pixels."""
    layers = b"".join(bytes((number, 0x11, 0)) for number in range(1, planes + 1))
    header = bytes((255, frame)) + struct.pack(">HBHHB", 8 + 3 * planes, 8, side, side, planes) + layers
    tables = b"\xff\xdb\x00\x43\x00" + b"\x01" * 64 + b"\xff\xc4\x00\x14\x00\x01" + bytes(15) + b"\x00"
    return b"\xff\xd8" + tables + header + SCAN * scans + b"\xff\xd9"


def with_scans(jpeg: bytes, more: int, size: tuple[int, int] | None = None) -> bytes:
    """A progressive JPEG whose last scan comes so many times more, and that promises other sides."""
    header, last = jpeg.index(b"\xff\xc2"), jpeg.rindex(b"\xff\xda")
    sides = struct.pack(">HH", *size[::-1]) if size else jpeg[header + 5 : header + 9]
    return jpeg[: header + 5] + sides + jpeg[header + 9 : -2] + jpeg[last:-2] * more + b"\xff\xd9"


def tiff_of(*tags: tuple[int, int, int, int], data: bytes = b"", align: int = 0) -> bytes:
    """A little-endian TIFF; a tag is its number, type, count and value."""
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4 + align) + data


def tiled_tiff(tile: int, *more: tuple[int, int, int, int]) -> bytes:
    data = zlib.compress(bytes(1000))
    layout = [(256, 4, 1, 64), (257, 4, 1, 64), (258, 3, 1, 8), (259, 3, 1, 8), (262, 3, 1, 1), (277, 3, 1, 1)]
    at = 8 + 2 + 12 * (len(layout) + 4 + len(more)) + 4
    tiles = [(322, 4, 1, tile), (323, 4, 1, tile), *more, (324, 4, 1, at), (325, 4, 1, len(data))]
    return tiff_of(*layout, *tiles, data=data)


def greedy_exif(tags: int, size: int) -> bytes:
    """Tags that all read the same bytes, but for the last two of each number."""
    return tiff_of(*((number, 7, size, 8) for number in range(1000, 1000 + tags)), data=bytes(size))


def many(number: int, block: bytes) -> bytes:
    return block * number


WHOLE = {  # hostile beside their pixels, which are whole
    "text over 1 MB": png_with((b"zTXt", b"key\0\0" + zlib.compress(bytes(50_000_000)))),
    "XMP over 1 MB": png_with((b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(b"<x>" * 700_000))),
    "profile over 1 MB": png_with((b"iCCP", b"p\0\0" + zlib.compress(bytes(2_000_000)))),
    "profile bomb": png_with((b"iCCP", b"p\0\0" + zlib.compress(bytes(50_000_000)))),
    "profile of an unknown method": png_with((b"iCCP", b"p\0\7" + zlib.compress(bytes(200)))),
    "broken profile": encoded(PICTURE, format="PNG", icc_profile=b"no profile" * 50),
    "text called transparency": png_with((b"tEXt", b"transparency\0x")),
    "text called icc_profile": png_with((b"tEXt", b"icc_profile\0x")),
    "text called bbox": png_with((b"tEXt", b"bbox\0x")),
}
REFUSED = {  # what is said of each
    "many scans": (jpeg_of(64, 1, 200), "100 scans"),
    "scans of all pixels": (with_scans(PROGRESSIVE, 85, LARGE), "95 scans .* too long"),
    "scans of few coefficients": (jpeg_of(10_900, 1, 98), "98 scans .* too long"),
    "many scans of many pixels": (jpeg_of(13_000, 1, 1000), "MB to be decoded|100 scans"),
    "coefficients in four colours": (jpeg_of(13_300, 4, 1), "MB to be decoded"),
    "planes one after the other": (jpeg_of(13_000, 3, 3, frame=0xC0), "MB to be decoded"),
    "two frames": (jpeg_of(13_300, 4, 1)[:-12] + jpeg_of(64, 1, 1)[2:], "MB to be decoded"),
    "many segments": (JPEG[:2] + many(300_000, b"\xff\xfe\0\2") + JPEG[2:], "segments"),
    "no segment": (JPEG[:2] + b"\xff\xfe\0\2" + bytes(10_000_000) + JPEG[2:], "damaged"),
    "many chunks": (png_with(*[(b"teSt", b"")] * 200_000), "chunks"),
    "many blocks": (b"GIF89a" + bytes(7) + many(200_000, b"!\xfe\1a\0") + b";", "blocks"),
    "run lengths": (
        b"BM" + struct.pack("<IHHIIiiHHIIiiII", 70, 0, 0, 58, 40, 6000, 6000, 1, 8, 1, 4, 0, 0, 1, 1) + bytes(8),
        "run lengths",
    ),
    "a tile of gigabytes": (tiled_tiff(20_000), "MB to be decoded"),
    "a tile said twice": (tiled_tiff(20_000, (322, 4, 1, 64), (323, 4, 1, 64)), "twice"),
    "a line of pixels": (encoded(Image.new("L", (1, 100_001)), format="PNG"), "longer than 100000"),
    "many strips": (tiff_of((256, 4, 1, 9), (273, 4, 5_000_000, 38), data=bytes(20_000_000)), "unpack"),
    "tags that share": (greedy_exif(2000, 1_000_000), "unpack"),
    "EXIF that shares": (encoded(PICTURE, format="WEBP", exif=greedy_exif(3000, 200_000)), "unpack"),
    "EXIF that shares in a PNG": (png_with((b"eXIf", greedy_exif(3000, 200_000))), "unpack"),
    "EXIF of a JPEG in parts": (
        JPEG[:2]
        + b"".join(
            b"\xff\xe1" + struct.pack(">H", 8 + len(part)) + b"Exif\0\0" + part
            for block in [greedy_exif(3000, 200_000)]
            for part in (block[at : at + 65_000] for at in range(0, len(block), 65_000))
        )
        + JPEG[2:],
        "unpack",
    ),
}


@pytest.mark.parametrize("name", WHOLE)
def test_whole_pixels_are_decoded_whatever_stands_beside_them(name):
    start = time.monotonic()
    assert np.array_equal(decode_image(WHOLE[name]), PICTURE)
    assert time.monotonic() - start < SECONDS


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("min_side", [None, 32])
def test_bombs_are_refused_before_they_are_decoded(name, min_side):
    data, reason = REFUSED[name]
    start = time.monotonic()
    with pytest.raises(ImageError, match=reason):
        decode_image(data, min_side=min_side)
    assert time.monotonic() - start < 1


@pytest.mark.parametrize("animated", [False, True])
def test_an_avif_is_judged_by_the_pixels_it_holds(animated, monkeypatch):
    large = Image.new("RGB", (900, 700))
    frames = {"save_all": True, "append_images": [Image.new("RGB", (900, 700), "red")]} if animated else {}
    lying = encoded(large, format="AVIF", **frames).replace(struct.pack(">II", 900, 700), struct.pack(">II", 90, 70))
    assert 900 * 700 in coded_pixels(lying, "it")
    monkeypatch.setattr(decode, "MAX_PIXELS_IN_COPIES", 600_000)
    with pytest.raises(ImageError, match="pixels"):
        decode_image(lying)


def test_an_avif_of_endless_parts_is_refused():
    avif = encoded(PICTURE, format="AVIF")
    assert coded_pixels(avif, "it") == [64 * 48]
    start = time.monotonic()
    with pytest.raises(ImageError, match="parts"):
        decode_image(avif + b"iloc" * 1_000_000)
    assert time.monotonic() - start < 1


def test_comments_before_a_gif_cost_no_time():
    gif = encoded(PICTURE.quantize(16), format="GIF", transparency=3)
    start = 13 + (3 << (gif[10] & 7) + 1)
    comments = b"!\xfe" + many(60_000, b"\xff" + b"c" * 255) + b"\0"
    before = time.monotonic()
    assert np.array_equal(decode_image(gif[:start] + comments + gif[start:]), decode_image(gif))
    assert time.monotonic() - before < 1


def test_ordinary_scans_of_the_largest_pictures_are_taken():
    for size in (LARGE, (10_900, 7_300)):
        ordinary = with_scans(PROGRESSIVE, 0, size)
        assert ordinary.count(b"\xff\xda") == 10 and safe_to_open(ordinary, "it") == (ordinary, None)
        with_bytes = ordinary[:-2] + bytes(40_000_000) + ordinary[-2:]  # 8 bits a pixel
        assert safe_to_open(with_bytes, "it") == (with_bytes, None)


def test_as_many_scans_as_are_taken_take_no_more_than_the_time_allowed():
    start = time.monotonic()
    with pytest.raises(ImageError, match="damaged|pixels"):
        decode_image(jpeg_of(10_900, 1, 55)[:-2], min_side=448)
    assert time.monotonic() - start < SECONDS


@pytest.mark.long
@pytest.mark.parametrize(("colour", "quality"), [(0, 20), (255, 20), (255, 60)])
def test_the_most_scans_of_large_pictures_take_no_more_than_the_time_allowed(colour, quality):
    tile = np.random.default_rng(0).integers(0, colour + 1, (LARGE[1] // 4, LARGE[0] // 4, 3), dtype=np.uint8)
    jpeg = encoded(Image.fromarray(np.tile(tile, (4, 4, 1))), format="JPEG", progressive=True, quality=quality)
    most = 0
    with pytest.raises(ImageError, match="too long"):
        for most in range(91):
            safe_to_open(with_scans(jpeg, most), "it")
    start = time.process_time()
    assert most > 1 and decode_image(with_scans(jpeg, most - 1)).size == LARGE
    assert time.process_time() - start < SECONDS


def test_bombs_take_no_memory(tmp_path):
    for number, data in enumerate([*WHOLE.values(), *(data for data, _ in REFUSED.values())]):
        (tmp_path / str(number)).write_bytes(data)
    found = in_a_process(tmp_path)
    assert found["others"] == [] and found["grown_mb"] < 100  # the largest file has 20 MB
    assert found["ends"] == {"RGB": 2 * len(WHOLE), "ImageError": 2 * len(REFUSED)}


def in_a_process(*arguments: object) -> dict:
    command = [sys.executable, "-W", "ignore", "-m", "tests.data.picture_mutants", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def check(found: dict) -> None:
    assert found["others"] == []
    assert found["slowest"][0] < SECONDS, found["slowest"]
    assert found["grown_mb"] < GROWTH_MB
    assert set(found["ends"]) == {"RGB", "ImageError"} and min(found["ends"].values()) > 20


@pytest.mark.filterwarnings("ignore")  # Pillow's, of damaged EXIF
def test_damaged_pictures_end_as_rgb_or_as_one_error():
    check(outcome(mutants(115, seed=1)))


@pytest.mark.long
def test_thousands_of_damaged_pictures_end_as_rgb_or_as_one_error():
    check(in_a_process(4600, 2))


@pytest.mark.long
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "GIF", "WEBP", "AVIF"])
def test_the_largest_picture_takes_at_most_300_mb_beside_itself(kind, tmp_path):
    pixels = MAX_PIXELS if kind not in ("WEBP", "AVIF") else decode.MAX_PIXELS_IN_COPIES
    picture = plain_picture((90, 140, 60), (80, 50)).convert("RGBA").resize((8000, pixels // 8000), 0)
    picture.putalpha(100)
    options = {
        "JPEG": {"progressive": True, "subsampling": 0},
        "PNG": {"compress_level": 1},
        "TIFF": {"compression": "tiff_lzw"},
        "WEBP": {"lossless": True, "method": 0},
        "AVIF": {"speed": 10},
    }
    if kind in ("JPEG", "GIF"):
        picture = picture.convert("RGB")
    picture.save(tmp_path / "large", kind, **options.get(kind, {}))
    found = in_a_process(tmp_path)
    assert found["ends"] == {"RGB": 2} and found["slowest"][0] < 2 * SECONDS
    assert found["grown_mb"] < GROWTH_MB + 4 * pixels / 2**20  # Pillow holds a pixel of RGB in four bytes


def test_few_large_pictures_are_decoded_at_once(monkeypatch):
    running, most = 0, 0
    to_rgb = decode._to_rgb

    def counted(*arguments: object) -> Image.Image:
        nonlocal running, most
        running += 1
        most = max(most, running)
        time.sleep(0.05)
        try:
            return to_rgb(*arguments)
        finally:
            running -= 1

    monkeypatch.setattr(decode, "_to_rgb", counted)
    monkeypatch.setattr(decode, "LARGE_PIXELS", 1000)
    with ThreadPoolExecutor(8) as pool:
        assert len(list(pool.map(decode_image, [JPEG] * 8))) == 8
        assert most == decode.LARGE_AT_ONCE
        monkeypatch.setattr(decode, "LARGE_PIXELS", 10_000)
        most = 0
        assert len(list(pool.map(decode_image, [JPEG] * 8))) == 8
        assert most > decode.LARGE_AT_ONCE


@pytest.mark.skipif(decode._give_back is None, reason="glibc alone keeps memory for each thread")
def test_threads_keep_no_memory_of_large_pictures():
    data = encoded(plain_picture((90, 140, 60), (80, 50)).resize((4000, 2600), 0), format="PNG", compress_level=1)
    code = (
        "import pathlib, sys; from concurrent.futures import ThreadPoolExecutor;"
        "from artextract_hf.data.decode import decode_image; data = sys.stdin.buffer.read();"
        "size = lambda: int(pathlib.Path('/proc/self/statm').read_text().split()[1]) * 4096 // 2**20;"
        "before = size(); pool = ThreadPoolExecutor(8);"
        "list(pool.map(lambda _: decode_image(data).size, range(8))); pool.shutdown(); print(size() - before)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, input=data, capture_output=True, check=True)
    assert int(done.stdout) < 100


def test_a_file_over_the_limit_is_refused_by_its_size(tmp_path):
    with (tmp_path / "huge.png").open("wb") as file:
        file.truncate(200 * MAX_BYTES)  # 20 GB, none of them on the disk
    with pytest.raises(ImageError, match="larger than 100 MB"):
        decode_image(tmp_path / "huge.png")
    with pytest.raises(ImageError, match="larger than 100 MB"):
        decode_image(bytes(MAX_BYTES + 1))


def test_what_is_no_ordinary_file_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/dev/zero")
    (tmp_path / "secret.png").write_bytes(PNG)
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "link", "/dev/zero", "a\0b", "x" * 300, tmp_path / "link/x"):
        with pytest.raises(ImageError, match="file|too long") as caught:
            decode_image(path)
        assert "\n" not in str(caught.value)


def test_a_file_that_may_not_be_read_is_an_error(tmp_path, monkeypatch):
    (tmp_path / "a.png").write_bytes(PNG)

    def refuse(path: object) -> bytes:
        raise PermissionError(13, "Permission denied")  # the tests may run as root, who may read all

    monkeypatch.setattr("pathlib.Path.read_bytes", refuse)
    with pytest.raises(ImageError, match=r"a\.png cannot be read: Permission denied"):
        decode_image(tmp_path / "a.png")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_refused(value):
    pixels = np.full((4, 4), value, dtype=np.float32)
    with pytest.raises(ImageError, match="not finite"):
        decode_image(encoded(Image.fromarray(pixels), format="TIFF"))


@pytest.mark.parametrize("kind", ["complex64", "object", "U3", "bool", "int64", "uint16", "float32"])
def test_arrays_whose_range_would_be_a_guess_are_refused(kind):
    with pytest.raises(ImageError, match="give uint8"):
        decode_image(np.zeros((4, 4), dtype=kind))


def test_a_given_picture_that_was_not_read_yet_is_an_error_too():
    cut = encoded(PICTURE, format="PNG")[:-100]
    with pytest.raises(ImageError, match="the given picture is damaged"):
        decode_image(Image.open(io.BytesIO(cut)))
