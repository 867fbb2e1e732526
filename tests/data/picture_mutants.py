"""Small pictures of all formats, damaged at random, and how they end.

    python -m tests.data.picture_mutants 2000 1     # as many mutants of a seed
    python -m tests.data.picture_mutants FOLDER     # the files of a folder

A process of its own has its memory for itself. It prints JSON: how they ended, the slowest, the growth of the memory.
"""

import io
import json
import random
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms

from artextract_hf.data.decode import decode_image
from artextract_hf.errors import ImageError


def encoded(image: Image.Image, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, **options)
    return buffer.getvalue()


def seeds() -> dict[str, bytes]:
    """One picture in the forms that take other ways through their decoders."""
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 56, 3), dtype=np.uint8))
    grey, alpha = picture.convert("L"), picture.convert("RGBA")
    sixteen = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    exif = Image.Exif()
    exif[0x0112], exif[0x0110] = 6, "camera"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    frames = {"save_all": True, "append_images": [picture.rotate(90)]}
    return {
        "JPEG": encoded(picture, format="JPEG", exif=exif, icc_profile=profile),
        "JPEG progressive": encoded(picture, format="JPEG", progressive=True),
        "JPEG CMYK": encoded(picture.convert("CMYK"), format="JPEG", progressive=True),
        "JPEG of two": encoded(picture, format="MPO", **frames),
        "PNG": encoded(picture, format="PNG", exif=exif, icc_profile=profile),
        "PNG alpha": encoded(alpha, format="PNG"),
        "PNG palette": encoded(picture.quantize(16), format="PNG", transparency=3),
        "PNG 16 bit": encoded(sixteen, format="PNG"),
        "PNG animated": encoded(picture, format="PNG", **frames),
        "WEBP": encoded(picture, format="WEBP", exif=exif, icc_profile=profile),
        "WEBP lossless": encoded(alpha, format="WEBP", lossless=True),
        "WEBP animated": encoded(picture, format="WEBP", **frames),
        "GIF": encoded(picture, format="GIF", **frames),
        "TIFF": encoded(picture, format="TIFF", icc_profile=profile),
        "TIFF LZW": encoded(alpha, format="TIFF", compression="tiff_lzw"),
        "TIFF JPEG": encoded(picture, format="TIFF", compression="jpeg"),
        "TIFF 16 bit": encoded(sixteen, format="TIFF", compression="tiff_adobe_deflate"),
        "TIFF fax": encoded(picture.convert("1"), format="TIFF", compression="group4"),
        "TIFF big": encoded(picture, format="TIFF", big_tiff=True),
        "BMP": encoded(picture, format="BMP"),
        "BMP palette": encoded(picture.quantize(16), format="BMP"),
        "AVIF": encoded(picture, format="AVIF", exif=exif),
        "AVIF alpha": encoded(alpha, format="AVIF"),
    }


def mutants(number: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Damaged pictures, each with what was done to it; the same for the same seed."""
    rng = random.Random(seed)
    whole = seeds()
    names = list(whole)
    for i in range(number):
        name = names[i % len(names)]
        data = bytearray(whole[name])
        kind = rng.choice(("cut", "bytes", "header", "field", "splice", "extend"))
        if kind == "cut":
            del data[rng.randrange(len(data)) :]
        elif kind in ("bytes", "header"):
            end = len(data) if kind == "bytes" else min(len(data), 64)
            for _ in range(rng.randrange(1, 12)):
                data[rng.randrange(end)] = rng.randrange(256)
        elif kind == "field":  # a length, an offset or a side
            value = rng.choice((0, 1, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, rng.randrange(1 << 32)))
            at, size = rng.randrange(len(data)), rng.choice((2, 4))
            data[at : at + size] = (value & ((1 << 8 * size) - 1)).to_bytes(size, rng.choice(("big", "little")))
        elif kind == "splice":
            other = whole[rng.choice(names)]
            at = rng.randrange(len(data))
            data[at : at + rng.randrange(200)] = other[rng.randrange(len(other)) :][: rng.randrange(1, 200)]
        else:
            data += rng.randbytes(rng.randrange(1, 2000))
        yield f"{name}, {kind}, no. {i}", bytes(data)


def outcome(pictures: Iterable[tuple[str, bytes]]) -> dict[str, object]:
    """Decode all, small and whole: how they ended, the slowest, and the growth of the memory in MB."""
    ends: Counter[str] = Counter()
    slowest, others = (0.0, ""), []
    decode_image(np.zeros((8, 8, 3), dtype=np.uint8))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for name, data in pictures:
        for side in (None, 32):
            start = time.monotonic()
            try:
                mode = decode_image(data, min_side=side).mode
            except ImageError as error:
                mode = "ImageError"
                if "\n" in str(error):
                    others.append(f"{name}: more than a line: {error}")
            except BaseException as error:  # noqa: BLE001 - what else may come is what is looked for
                mode = "other"
                others.append(f"{name}: {type(error).__name__}: {error}")
            ends[mode] += 1
            slowest = max(slowest, (time.monotonic() - start, name))
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    return {"ends": ends, "others": others, "slowest": slowest, "grown_mb": grown}


if __name__ == "__main__":
    given = sys.argv[1:]
    files = ((file.name, file.read_bytes()) for file in (Path(given[0]).iterdir() if len(given) == 1 else ()))
    found = outcome(files if len(given) == 1 else mutants(int(given[0]), int(given[1])))
    sys.stdout.write(json.dumps(found))
