"""What a safetensors file says of itself, read without torch: publishing looks at weights and imports no networks.

8 bytes    length of the header, little endian
header     JSON: by the name of each tensor its type, shape, and place behind the header
data       the tensors, one behind the other without gaps
"""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from artextract_hf.errors import ModelError

MOST_HEADER = 2**24  # bytes; a thousand tensors take a hundred thousand
LFS_POINTER = b"version https://git-lfs.github.com/spec/"
BYTES = {
    "BOOL": 1,
    "U8": 1,
    "I8": 1,
    "F8_E4M3": 1,
    "F8_E5M2": 1,
    "U16": 2,
    "I16": 2,
    "F16": 2,
    "BF16": 2,
    "U32": 4,
    "I32": 4,
    "F32": 4,
    "U64": 8,
    "I64": 8,
    "F64": 8,
}
"""By safetensors' name of a type, the bytes of a number."""
FLOATS = {"F16": "<f2", "F32": "<f4", "F64": "<f8"}
BF16_EXPONENT = 0x7F80  # all ones in infinity and NaN


def read_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """The shape of each tensor in a file, by its name.

    Raises:
        ModelError: there is no such file, or it is damaged, or a Git LFS pointer.
    """
    return _shapes(_read_header(path)[0])


def check_weights(path: Path) -> dict[str, tuple[int, ...]]:
    """Refuse a file whose weights are damaged, or not all finite numbers; gives what `read_shapes` does.

    Raises:
        ModelError: as `read_shapes`, or a weight that is no number: every answer would be none.
    """
    header, start = _read_header(path)
    for name, entry in header.items():
        kind, count = entry["dtype"], math.prod(entry["shape"])
        if count and (kind in FLOATS or kind == "BF16"):
            stored = np.memmap(path, FLOATS.get(kind, "<u2"), "r", start + entry["data_offsets"][0], (count,))
            finite = np.isfinite(stored) if kind in FLOATS else (stored & BF16_EXPONENT) != BF16_EXPONENT
            if not finite.all():
                raise ModelError(f"{path} is damaged: the weight {name!r} is not finite.")
    return _shapes(header)


def _shapes(header: dict[str, dict[str, Any]]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(entry["shape"]) for name, entry in header.items()}


def _read_header(path: Path) -> tuple[dict[str, dict[str, Any]], int]:
    """The entry of each tensor, all of them whole and in the file, and where the data start."""
    if not path.is_file():  # a device never ends
        raise ModelError(f"{path} is missing, or is no file.")
    with path.open("rb") as file:
        first = file.read(8)
        if first == LFS_POINTER[:8]:
            raise ModelError(f"{path} is a Git LFS pointer, and not the weights; run `git lfs pull` in its folder.")
        length = int.from_bytes(first, "little")
        if len(first) < 8 or length > min(MOST_HEADER, path.stat().st_size - 8):
            raise ModelError(f"{path} is damaged: it is cut short, or no safetensors file.")
        text = file.read(length)
    try:
        header = json.loads(text)
        header.pop("__metadata__", None)
        places = sorted((*entry["data_offsets"], _size(entry)) for entry in header.values())
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise ModelError(f"{path} is damaged: its header is none of a safetensors file.") from None
    end = 0
    for start, stop, size in places:
        if start != end or stop - start != size:
            raise ModelError(f"{path} is damaged: its tensors overlap, or do not have their shapes' bytes.")
        end = stop
    if 8 + length + end != path.stat().st_size:
        raise ModelError(
            f"{path} is damaged: it has {path.stat().st_size:,} bytes, and its header says {8 + length + end:,}."
        )
    return header, 8 + length


def _size(entry: dict[str, Any]) -> int:
    """Bytes of a tensor.

    Raises:
        ValueError: its shape or its place is none of whole numbers.
    """
    start, stop = entry["data_offsets"]
    if not all(type(number) is int and number >= 0 for number in (start, stop, *entry["shape"])):
        raise ValueError("no shape")
    return BYTES[entry["dtype"]] * math.prod(entry["shape"])
