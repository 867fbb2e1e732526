"""What an encoded picture asks of its decoder, read before a decoder is asked: bombs are refused, bulk is left out.

A decoder believes its file: it unpacks metadata, reserves memory and runs through scans before the first pixel is
there, so that some kilobytes take gigabytes or minutes. The structure around the pixels tells, at the price of a walk.
"""

import re
import zlib
from collections.abc import Iterator, Mapping

import numpy as np

from artextract_hf.errors import ImageError

MAX_WORKING_BYTES = 240_000_000  # what a decoder holds beside its picture: 40 million pixels of three 16-bit samples
MAX_SCANS = 100  # of a progressive JPEG; encoders write about ten, and libtiff draws its line here too
# Time of scans that are kept until the last: allowed for all together, and what one takes at most, as measured with
# libjpeg-turbo: for each block, each coefficient of a block and each coded byte. Ten scans of 40 million pixels take
# 0.3 s and those of their bytes.
MAX_SCANS_NS, BLOCK_NS, VISIT_NS, BYTE_NS = 2_700_000_000, 25, 0.8, 50
MAX_PARTS = 100_000  # chunks, segments or blocks; each is a step in Python. A PNG of 100 MB has some 12,000
MAX_JUNK = 65_536  # bytes between two segments of a JPEG, which Pillow steps over one by one
MAX_PROFILE_BYTES = 4_000_000  # a colour profile; those of printers have up to 3 MB
MAX_EXIF_BYTES = 4_000_000  # in one JPEG, in segments of 64 KB
MAX_RUN_LENGTH_PIXELS = 4_000_000  # of a BMP
MAX_TAG_BYTES = 64_000_000  # read for the tags of an EXIF block or TIFF, beyond twice its own size
MAX_TAG_VALUES = 500_000  # numbers in tags; Pillow makes an object of each
PILLOW_TEXT_BYTES = 1_048_576  # unpacked; beyond this Pillow gives up the PNG

# Text of a PNG that says which side is up, and how long it may be; no other text reaches a pixel.
_UPRIGHT_TEXT = {b"XML:com.adobe.xmp": PILLOW_TEXT_BYTES, b"Raw profile type exif": 65_536, b"exif": PILLOW_TEXT_BYTES}
_JPEG_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])", re.DOTALL)  # neither a stuffed byte nor a restart
_JPEG_END = b"\xff\xd9"
_JPEG_PROGRESSIVE = (0xC2, 0xC6, 0xCA, 0xCE)  # frames whose coefficients are kept until the last scan
_JPEG_FRAMES = (0xC0, 0xC1, 0xC3, 0xC5, 0xC7, 0xC9, 0xCB, 0xCD, 0xCF, *_JPEG_PROGRESSIVE)
_TIFF_HEADERS = (b"II*\0", b"MM\0*", b"MM*\0", b"II\0*")
_TAG_UNITS = np.zeros(65536, dtype=np.uint64)  # bytes a value, by the tag's type
_TAG_UNITS[1:19] = (1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8)
_TAG_UNITS[[14, 15, 17, 18]] = 0  # types unknown to Pillow
_NUMBERS = (3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 16)  # types of which Pillow makes numbers; it keeps others as bytes
_LAYOUT = (256, 257, 258, 259, 277, 278, 322, 323)  # width, height, bits, compression, samples, strips, tiles
_SUBDIRECTORIES = (34665, 34853, 40965)  # EXIF, GPS, interoperability


def safe_to_open(data: bytes, name: str) -> tuple[bytes, bytes | None]:
    """The same picture in a form that a decoder opens in bounded time and memory.

    Args:
        data: the encoded picture; bytes of no known format come back as they are.
        name: what the picture is called in an error.

    Returns:
        The bytes to decode, without bulky metadata, and the colour profile where it had to be taken out of them.

    Raises:
        ImageError: its structure asks for more than any picture needs.
    """
    if data.startswith(b"\xff\xd8\xff"):
        _check_jpeg(data, name)
    elif data.startswith(b"GIF8"):
        return _gif_without_comments(data, name), None
    elif data[:4] in (*_TIFF_HEADERS, b"II+\0", b"MM\0+"):
        _check_tiff(data, name)
    elif data.startswith(b"BM"):
        _check_bmp(data, name)
    else:
        _check_exif(data, name)
        if data.startswith(b"\x89PNG\r\n\x1a\n"):
            return _png_without_text(data, name)
    return data, None


def _check_jpeg(data: bytes, name: str) -> None:
    """Refuse what would hold a core or the memory: greedy tags, endless scans and segments, too many coefficients."""
    exif = bytearray()
    for marker, body, _ in _jpeg_segments(data, name):
        if marker == 0xDA:  # what a decoder reads of tags stands before the first scan
            break
        if marker == 0xE1 and body.startswith(b"Exif\0\0"):
            exif += body[6:]
            if len(exif) > MAX_EXIF_BYTES:
                raise ImageError(f"{name} has more than {MAX_EXIF_BYTES // 1_000_000} MB of EXIF data.")
        elif marker == 0xE2 and body.startswith(b"MPF\0"):
            _check_tags(memoryview(body)[4:], name)
    _check_tags(memoryview(exif), name)
    _check_scans(data, name)


def _check_scans(data: bytes, name: str) -> None:
    """Refuse scans that take more than MAX_SCANS_NS: each may go over all coefficients, and costs a few bytes."""
    planes, buffered, scans, work = dict[int, int](), False, 0, 0.0
    first, last = len(data), len(data)
    may_be_many = data.count(b"\xff\xda") > MAX_SCANS  # counts too many, but at once
    for marker, body, end in _jpeg_segments(data, name):
        if marker in _JPEG_FRAMES and len(body) > 5:
            planes = max(planes, _jpeg_planes(body), key=lambda samples: sum(samples.values()))
            buffered |= marker in _JPEG_PROGRESSIVE
        elif marker == 0xDA:
            scans, first, last = scans + 1, min(first, end), end
            buffered |= len(body) > 0 and body[0] < len(planes)  # the planes come one after the other
            work += _scan_ns(body, planes)
            if buffered and 2 * sum(planes.values()) > MAX_WORKING_BYTES:
                needed = 2 * sum(planes.values()) // 1_000_000
                raise ImageError(f"{name} needs {needed} MB to be decoded; give a smaller version.")
            if scans > MAX_SCANS:
                raise ImageError(f"{name} is a JPEG of more than {MAX_SCANS} scans, which no picture needs.")
            if not buffered and not may_be_many:
                return
    coded = data.find(_JPEG_END, last) % (len(data) + 1) - first  # bytes; without an end, all that is there
    if buffered and work + coded * BYTE_NS > MAX_SCANS_NS:
        raise ImageError(
            f"{name} is a JPEG of {scans} scans in {coded // 1_000_000} MB, which take too long to be decoded; give a "
            "smaller version, or one that is not progressive."
        )


def _scan_ns(scan: bytes, planes: Mapping[int, int]) -> float:
    """What a scan takes beside its coded bytes, by its header and the samples of each plane."""
    low, high = scan[-3:-1] if len(scan) > 3 else (0, 63)
    a_block = BLOCK_NS + VISIT_NS * min(max(high - low + 1, 1), 64)
    return a_block * sum(planes.get(plane, 0) for plane in scan[1:-3:2]) / 64


def _jpeg_segments(data: bytes, name: str) -> Iterator[tuple[int, bytes, int]]:
    """Marker, body and end of each segment of the first picture; what is coded between two of them is stepped over."""
    at, scanning = 2, False
    for _ in range(MAX_PARTS):
        found = _JPEG_MARKER.search(data, at)
        if not found or found[0] == _JPEG_END:
            return
        if not scanning and found.start() - at > MAX_JUNK:
            raise ImageError(f"{name} is damaged or cut short: no JPEG segment where one should be.")
        at = found.end()
        if found[1] < b"\xc0" or found[1] == b"\xd8":  # these have no body
            continue
        length = max(2, int.from_bytes(data[at : at + 2], "big"))
        yield found[1][0], data[at + 2 : at + length], at + length
        at += length
        scanning |= found[1] == b"\xda"
    raise ImageError(f"{name} is a JPEG of more than {MAX_PARTS} segments, which no picture needs.")


def _jpeg_planes(frame: bytes) -> dict[int, int]:
    """The samples of each plane of a frame header; colour is mostly stored at half the sides."""
    height, width = int.from_bytes(frame[1:3], "big"), int.from_bytes(frame[3:5], "big")
    named = [(plane, byte >> 4, byte & 15) for plane, byte in zip(frame[6::3], frame[7::3], strict=False)][: frame[5]]
    across, down = (max((factors[side] for factors in named), default=0) or 1 for side in (1, 2))
    samples = dict[int, int]()
    for plane, x, y in named:
        samples[plane] = samples.get(plane, 0) + -(-width * x // across) * -(-height * y // down)
    return samples


def _gif_without_comments(data: bytes, name: str) -> bytes:
    """Only what says how to show the first picture stays before it; Pillow joins comments in quadratic time."""
    flags = data[10] if len(data) > 10 else 0
    at = 13 + (3 << (flags & 7) + 1 if flags & 128 else 0)
    kept = [data[:at]]
    parts = 0
    while data[at : at + 1] not in (b",", b";", b""):
        start, is_extension = at, data[at : at + 1] == b"!"
        shows = data[at + 1 : at + 2] == b"\xf9"  # transparency and time
        at += 2 if is_extension else 1
        while is_extension and at < len(data):
            size = data[at]
            at += 1 + size
            parts += 1
            if not size or parts > MAX_PARTS:
                break
        if is_extension and shows:
            kept.append(data[start:at])
        parts += 1
        if parts > MAX_PARTS:
            raise ImageError(f"{name} is a GIF of more than {MAX_PARTS} blocks before its picture.")
    return b"".join((*kept, data[at:]))


def _check_bmp(data: bytes, name: str) -> None:
    """Pillow unpacks run lengths in Python: a second for some million pixels, or for the escapes of some megabytes."""
    width, height, compression = (int.from_bytes(data[at : at + 4], "little", signed=True) for at in (18, 22, 30))
    if compression in (1, 2) and max(abs(width * height), len(data)) > MAX_RUN_LENGTH_PIXELS:
        raise ImageError(f"{name} is a BMP of run lengths with more than {MAX_RUN_LENGTH_PIXELS} pixels or bytes.")


def _png_without_text(data: bytes, name: str) -> tuple[bytes, bytes | None]:
    """Text and colour profiles that Pillow would refuse, and the pixels with them, are taken out."""
    profile, at, kept_from = None, 8, 0
    kept: list[bytes] = []
    for _ in range(MAX_PARTS):
        kind, end = data[at + 4 : at + 8], at + 12 + int.from_bytes(data[at : at + 4], "big")
        if not kind or kind == b"IEND":
            return b"".join((*kept, data[kept_from:])), profile
        drop = False
        if kind in (b"tEXt", b"zTXt", b"iTXt"):
            key, _, value = data[at + 8 : end - 4].partition(b"\0")
            limit = _UPRIGHT_TEXT.get(key)
            drop = limit is None or len(_unpacked(kind, value, limit + 1)) > limit
        elif kind == b"iCCP":
            value = data[at + 8 : end - 4].partition(b"\0")[2]
            unpacked = _unpacked(kind, value, MAX_PROFILE_BYTES + 1)
            drop = value[:1] != b"\0" or not 0 < len(unpacked) < PILLOW_TEXT_BYTES
            profile = unpacked if drop and 0 < len(unpacked) <= MAX_PROFILE_BYTES else None
        if drop:
            kept.append(data[kept_from:at])
            kept_from = end
        at = end
    raise ImageError(f"{name} is a PNG of more than {MAX_PARTS} chunks, which no picture needs.")


def _unpacked(kind: bytes, value: bytes, limit: int) -> bytes:
    """What stands behind the name in a chunk of text or of a profile; not more than `limit` bytes are unpacked."""
    if kind == b"tEXt":
        return value[:limit]
    if kind == b"iTXt":
        compressed, value = value[:1] == b"\x01", value[2:].partition(b"\0")[2].partition(b"\0")[2]
        if not compressed:
            return value[:limit]
    else:
        value = value[1:]  # the method of compression; there is one
    try:
        return zlib.decompressobj().decompress(value, limit)
    except zlib.error:
        return b""


def _check_exif(data: bytes, name: str) -> None:
    """The EXIF block of other formats lies somewhere in the file as it is: look at all that could be one."""
    for header in _TIFF_HEADERS:
        at = data.find(header)
        for _ in range(MAX_PARTS // 100):
            if at < 0:
                break
            _check_tags(memoryview(data)[at:], name)
            at = data.find(header, at + 1)
        else:
            raise ImageError(f"{name} holds more than {MAX_PARTS // 100} EXIF blocks, which no picture needs.")


def _check_tiff(data: bytes, name: str) -> None:
    """Pillow takes the last of two tags of one kind and libtiff the first, so that no bound on one would hold."""
    layout = [tag for tag in _check_tags(memoryview(data), name).tolist() if tag in _LAYOUT]
    if len(set(layout)) < len(layout):
        raise ImageError(f"{name} is damaged: a TIFF that gives its size twice.")


def _check_tags(block: memoryview, name: str) -> np.ndarray:
    """Refuse a TIFF structure whose tags share their bytes, so that reading them takes many times its size.

    Returns:
        The tags of its first directory.
    """
    byteorder, big = ("<" if block[:1] == b"I" else ">"), bytes(block[2:3]) == b"+"
    word = f"{byteorder}u{8 if big else 4}"
    fields = [("tag", f"{byteorder}u2"), ("type", f"{byteorder}u2"), ("count", word), ("value", word)]
    entry = np.dtype(fields)
    directories = [_number(block, 8 if big else 4, word)]
    asked, values = 0, 0
    first_tags = np.zeros(0, dtype=np.uint16)
    for directory in directories:  # grows in the loop, by those that are pointed to
        count = _number(block, directory, word if big else f"{byteorder}u2")
        first = directory + (8 if big else 2)
        count = min(count, max(0, len(block) - first) // entry.itemsize)
        if count > 65_535:
            raise ImageError(f"{name} has {count} tags, which no picture needs.")
        tags = np.frombuffer(block, entry, count, first) if count else np.zeros(0, entry)
        first_tags = tags["tag"] if directory == directories[0] else first_tags
        sizes = _TAG_UNITS[tags["type"]].astype(float) * tags["count"]
        outside = (sizes > tags["value"].itemsize) & (tags["value"].astype(float) + sizes > len(block))
        read = np.logical_and.accumulate(~outside)  # Pillow stops at the first tag that lies outside
        asked += sizes[read].sum()
        values += tags["count"][read & np.isin(tags["type"], _NUMBERS)].astype(float).sum()
        directories += tags["value"][np.isin(tags["tag"], _SUBDIRECTORIES)][: 8 - len(directories)].tolist()
    if asked > 2 * len(block) + MAX_TAG_BYTES or values > MAX_TAG_VALUES:
        raise ImageError(f"{name} has tags that unpack to far more than its size, which no picture needs.")
    return first_tags


def _number(block: memoryview, at: int, kind: str) -> int:
    """The number that stands at a place; 0 beyond the end."""
    size = np.dtype(kind).itemsize
    return int(np.frombuffer(block, kind, 1, at)[0]) if at + size <= len(block) else 0
