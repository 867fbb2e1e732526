"""Arrays in `.npy` files that somebody else may have written."""

import math
from pathlib import Path
from typing import Any

import numpy as np


def map_array(path: Path, dtype: Any, shape: tuple[int | None, ...]) -> np.ndarray:
    """A memory-mapped array, after its header was compared with what it has to be.

    Args:
        path: of the file.
        dtype: of the numbers, in the byte order of this machine.
        shape: of the array; None for a length that the file may choose.

    Raises:
        ValueError: the file is cut short, too long, or holds another array, or pickled objects.
        OSError: it cannot be opened.
    """
    if not path.is_file():  # a device never ends
        raise FileNotFoundError(f"{path.name} is missing.")
    with path.open("rb") as file:
        try:
            # Later formats are for field names and long headers, which no array of numbers needs.
            if np.lib.format.read_magic(file) != (1, 0):
                raise ValueError("format")
            found, by_columns, kind = np.lib.format.read_array_header_1_0(file)
        except Exception as error:  # noqa: BLE001  (what the parser stumbles over is not of one kind)
            raise ValueError(f"{path.name} has no header of an array ({type(error).__name__}).") from None
        start = file.tell()
    wanted = len(found) == len(shape) and all(want in (None, n) for n, want in zip(found, shape, strict=True))
    if not wanted or kind != np.dtype(dtype) or by_columns or any(n < 0 for n in found):
        raise ValueError(f"{path.name} holds an array of the shape {found} and of {kind}, which is not the index's.")
    if path.stat().st_size != start + math.prod(found) * kind.itemsize:
        raise ValueError(f"{path.name} does not have the bytes of its array.")
    if not math.prod(found):
        return np.empty(found, dtype)
    return np.memmap(path, dtype, "r", offset=start, shape=found)
