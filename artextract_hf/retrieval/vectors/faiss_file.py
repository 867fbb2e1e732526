"""What a FAISS file says, read without FAISS, which trusts it: a hostile file ends the process, or writes elsewhere.

A file passes if it is what FAISS writes for an index of this factory, metric and number of vectors. Each setting is
that of an index that the factory makes here, each array has the length that follows from the settings and lies within
the file, and numbers by which memory is found (lists, graphs) are in their range. So lists on disk, which name a file
of their own, are refused like everything else that no factory here makes. What remains free are codes, of which any
byte is one, and floats, which must be finite.

The layouts are those of `faiss/impl/index_write.cpp`, FAISS 1.15.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from struct import calcsize, unpack
from typing import Any

import faiss
import numpy as np

LONGEST_EFFORT = 4096  # nodes that a search of a graph visits at most
FLOATS_OF_RANGE = {0: "each", 1: "each", 2: "both", 3: "both", 4: "none", 5: "none", 6: "each", 7: "none", 8: "none"}
"""By FAISS's number of a scalar quantiser: whether it has a range for each dimension, one for all, or none."""


def check_file(path: Path, like: faiss.Index, count: int) -> None:
    """Refuse a FAISS file that is not as FAISS writes it.

    Args:
        path: of the file.
        like: an empty index, as the factory makes it.
        count: how many vectors the file has to hold.

    Raises:
        ValueError: it is another index's, or damaged.
        OSError: it cannot be read.
    """
    stride = _stride(like)
    template = _Reader(faiss.serialize_index(like), stride=stride)
    _read_index(template, 0)
    if not path.stat().st_size:
        raise ValueError("the FAISS file is empty.")
    file = _Reader(np.memmap(path, np.uint8, "r"), stride=stride, expected=iter(template.settings))
    _read_index(file, count)
    if file.place != len(file.data):
        raise ValueError("the FAISS file is longer than its index.")


class _Reader:
    """The bytes of a file, taken from the start to the end.

    Attributes:
        settings: what was read by `setting`, in order.
        checks: whether it is the file, and not the template, whose arrays are empty.
    """

    def __init__(self, data: np.ndarray, *, stride: int, expected: Iterator[Any] | None = None) -> None:
        self.data, self.place, self.stride = data, 0, stride
        self.settings: list[Any] = []
        self._expected = expected
        self.checks = expected is not None

    def take(self, size: int) -> np.ndarray:
        if size > len(self.data) - self.place:
            raise ValueError("the FAISS file is cut short.")
        self.place += size
        return self.data[self.place - size : self.place]

    def number(self, form: str) -> Any:
        """The next number, or `4s` for a kind."""
        return unpack("<" + form, self.take(calcsize("<" + form)).tobytes())[0]

    def _compare(self, name: str, value: Any) -> None:
        self.settings.append(value)
        if self._expected is not None and value != (wanted := next(self._expected, None)):
            raise ValueError(f"{name} of the FAISS file is {value!r}, and the index's has {wanted!r}.")

    def setting(self, name: str, form: str) -> Any:
        """A number that the factory sets."""
        value = self.number(form)
        self._compare(name, value)
        return value

    def constant(self, name: str, kind: str) -> np.ndarray:
        """An array that the factory sets."""
        array = self.array(name, kind)
        self._compare(name, array.tobytes())
        return array

    def limited(self, name: str, form: str, least: int, most: int) -> int:
        """A number that building sets, in this range."""
        value = int(self.number(form))
        self.expect(least <= value <= most, name)
        return value

    def array(self, name: str, kind: str, length: int | None = None) -> np.ndarray:
        """An array, of this length if one is given; floats are finite."""
        size = self.number("Q")
        self.expect(length is None or size == length, name)
        values = self.take(size * np.dtype(kind).itemsize).view(kind)
        self.expect(values.dtype.kind != "f" or bool(np.isfinite(values).all()), name)
        return values

    def expect(self, fits: bool, name: str) -> None:
        """Refuse the file where what was read does not fit; the template always does."""
        if self.checks and not fits:
            raise ValueError(f"{name} of the FAISS file does not fit its index.")


def _stride(index: faiss.Index) -> int:
    """Bytes that a block of fast scan takes; 0 where the index has none."""
    inner = faiss.downcast_index(index.index) if isinstance(index, faiss.IndexPreTransform) else index
    return int(inner.get_block_stride()) if hasattr(inner, "get_block_stride") else 0


def _read_index(file: _Reader, count: int) -> None:
    kind = file.setting("the kind", "4s")
    if kind not in KINDS:
        raise ValueError(f"FAISS's kind {kind!r} is none that is stored here.")
    KINDS[kind](file, _read_header(file, count), count)


def _read_header(file: _Reader, count: int) -> int:
    """What each index begins with; gives the length of its vectors."""
    dim = file.setting("the length of vectors", "i")
    file.limited("the number of vectors", "q", count, count)
    for form in ("q", "q"):
        file.setting("the header", form)
    file.limited("the state of training", "B", 1, 1)
    file.setting("the metric", "i")
    return int(dim)


# --- vectors and codes one after the other --------------------------------------------------------------------------


def _read_flat(file: _Reader, dim: int, count: int) -> None:
    size = file.number("Q")
    file.expect(size == count * dim, "the number of floats")
    file.take(4 * size)  # whether they are finite is looked at with the vectors


def _read_scalar(file: _Reader, dim: int, count: int) -> None:
    file.array("the codes", "u1", count * _scalar_quantiser(file, dim))


def _read_product(file: _Reader, dim: int, count: int) -> None:
    file.array("the codes", "u1", count * _product_quantiser(file))
    for name, form in (("the way to search", "i"), ("the signs", "B"), ("the Hamming threshold", "i")):
        file.setting(name, form)


def _read_one_bit(file: _Reader, dim: int, count: int, *, several: bool = False) -> None:
    file.array("the codes", "u1", count * _bit_quantiser(file, several=several))
    file.array("the centre", "<f4", dim)
    file.setting("the bits of a query", "B")


def _read_several_bits(file: _Reader, dim: int, count: int) -> None:
    _read_one_bit(file, dim, count, several=True)


def _read_fast_bits(file: _Reader, dim: int, count: int) -> None:
    _bit_quantiser(file, several=True)
    file.array("the centre", "<f4", dim)
    file.setting("the bits of a query", "B")
    block = file.setting("the size of a block", "i")
    blocks = -(-count // block)
    file.limited("the number of places", "Q", blocks * block, blocks * block)
    for name in ("the number of codes", "the size of a code"):
        file.setting(name, "Q")
    file.array("the codes", "u1", blocks * file.stride)


def _read_fast_product(file: _Reader, dim: int, count: int) -> None:
    _product_quantiser(file)
    file.setting("the implementation", "i")
    block = file.setting("the size of a block", "i")
    file.setting("the queries at a time", "i")
    blocks = -(-count // block)
    file.limited("the number of places", "Q", blocks * block, blocks * block)
    file.setting("the number of codes", "Q")
    file.array("the codes", "u1", blocks * file.stride)


def _scalar_quantiser(file: _Reader, dim: int) -> int:
    """Gives the bytes of a code."""
    kind = file.setting("the scalar quantiser", "i")
    for name, form in (("the range", "i"), ("the range's argument", "f"), ("its length", "Q")):
        file.setting(name, form)
    size = file.setting("the size of a code", "Q")
    file.array(
        "the range", "<f4", {"each": 2 * dim, "both": 2, "none": 0}[FLOATS_OF_RANGE[kind]] if file.checks else None
    )
    return int(size)


def _product_quantiser(file: _Reader) -> int:
    """Gives the bytes of a code."""
    dim, parts, bits = (file.setting(f"the product quantiser's {name}", "Q") for name in ("length", "parts", "bits"))
    file.array("the centroids", "<f4", dim * 2**bits)
    return int(parts * bits + 7) // 8


def _bit_quantiser(file: _Reader, *, several: bool) -> int:
    """Gives the bytes of a code."""
    file.setting("the quantiser's length", "Q")
    size = file.setting("the size of a code", "Q")
    file.setting("the quantiser's metric", "i")
    if several:
        file.setting("the bits of a code", "Q")
    return int(size)


# --- inverted lists -------------------------------------------------------------------------------------------------


def _lists(file: _Reader) -> int:
    """What each index of inverted lists begins with after its header; gives their number."""
    lists = file.setting("the number of lists", "Q")
    file.limited("the number of probed lists", "Q", 1, lists)
    _read_index(file, lists)
    file.setting("the direct map", "B")
    file.constant("the direct map", "<i8")
    return int(lists)


def _read_flat_lists(file: _Reader, dim: int, count: int) -> None:
    _read_array_lists(file, _lists(file), count, 4 * dim)


def _read_scalar_lists(file: _Reader, dim: int, count: int) -> None:
    lists = _lists(file)
    _scalar_quantiser(file, dim)
    size = file.setting("the size of a code", "Q")
    file.setting("the residuals", "B")
    _read_array_lists(file, lists, count, size)


def _read_product_lists(file: _Reader, dim: int, count: int) -> None:
    lists = _lists(file)
    file.setting("the residuals", "B")
    size = file.setting("the size of a code", "Q")
    _product_quantiser(file)
    _read_array_lists(file, lists, count, size)


def _read_one_bit_lists(file: _Reader, dim: int, count: int, *, several: bool = False) -> None:
    lists = _lists(file)
    _bit_quantiser(file, several=several)
    size = file.setting("the size of a code", "Q")
    file.setting("the residuals", "B")
    file.setting("the bits of a query", "B")
    _read_array_lists(file, lists, count, size)


def _read_several_bits_lists(file: _Reader, dim: int, count: int) -> None:
    _read_one_bit_lists(file, dim, count, several=True)


def _read_fast_bits_lists(file: _Reader, dim: int, count: int) -> None:
    lists = _lists(file)
    _bit_quantiser(file, several=True)
    for name, form in zip(("residuals", "size of a code", "block", "queries", "codes", "way"), "BQiQQi", strict=True):
        file.setting(f"the {name}", form)
    for name in ("the bits of a query", "the centring"):
        file.setting(name, "B")
    _read_block_lists(file, lists, count)


def _read_fast_product_lists(file: _Reader, dim: int, count: int) -> None:
    lists = _lists(file)
    for name, form in zip(("residuals", "size of a code", "block", "codes", "way", "queries"), "BQiQiQ", strict=True):
        file.setting(f"the {name}", form)
    _product_quantiser(file)
    _read_block_lists(file, lists, count)


def _read_array_lists(file: _Reader, lists: int, count: int, code: int) -> None:
    file.setting("the kind of lists", "4s")
    file.setting("the number of lists", "Q")
    file.setting("the size of a code", "Q")
    form, sizes = file.number("4s"), file.array("the sizes of lists", "<u8").copy()
    if form == b"sprs":  # list, size, list, size, ...: of those that are not empty
        file.expect(len(sizes) % 2 == 0, "the sizes of lists")
        which, sizes = sizes[::2], sizes[1::2]
        file.expect(bool((which < lists).all() and (which[1:] > which[:-1]).all()), "the sizes of lists")
    else:
        file.expect(form == b"full" and len(sizes) == lists, "the sizes of lists")
    file.expect(bool((sizes <= count).all()) and int(sizes.sum()) == count, "the sizes of lists")
    file.take(count * (int(code) + 8))  # the codes of a list, then the numbers of its vectors; see `VectorStore.check`


def _read_block_lists(file: _Reader, lists: int, count: int) -> None:
    file.setting("the kind of lists", "4s")
    for name in ("the number of lists", "the size of a code"):
        file.setting(name, "Q")
    each, size = file.setting("the vectors of a block", "Q"), file.setting("the size of a block", "Q")
    found = 0
    for _ in range(lists):
        rows = len(file.array("a list", "<i8"))
        file.array("the codes of a list", "u1", -(-rows // each) * size)
        found += rows
    file.expect(found == count, "the sizes of lists")


# --- graphs and projections -----------------------------------------------------------------------------------------


def _read_graph(file: _Reader, dim: int, count: int) -> None:
    file.constant("the chances of levels", "<f8")
    ends = file.constant("the neighbours of a level", "<i4")
    levels = file.array("the levels", "<i4", count)
    offsets = file.array("the offsets", "<u8", count + 1)
    neighbours = file.array("the neighbours", "<i4")
    entry, top = file.number("i"), file.number("i")
    file.setting("the effort of building", "i")
    file.limited("the effort of a search", "i", 1, LONGEST_EFFORT)
    file.setting("the beam", "i")
    if file.checks and count:
        _check_graph(file, ends, levels, offsets, neighbours)
        file.expect(0 <= entry < count and levels[entry] == levels.max() == top + 1, "the entry point")
    _read_index(file, count)


def _check_graph(
    file: _Reader, ends: np.ndarray, levels: np.ndarray, offsets: np.ndarray, neighbours: np.ndarray
) -> None:
    """Refuse links to nodes that do not exist, or that are not on the level on which the link is followed."""
    file.expect(bool((levels >= 1).all() and (levels < len(ends)).all()), "the levels")
    starts = np.concatenate([[0], np.cumsum(ends[levels], dtype=np.int64)])
    file.expect(np.array_equal(starts.astype(np.uint64), offsets), "the offsets")
    file.expect(len(neighbours) == starts[-1], "the neighbours")
    file.expect(bool((neighbours >= -1).all() and (neighbours < len(levels)).all()), "the neighbours")
    for level in range(1, int(levels.max())):
        nodes = np.flatnonzero(levels > level)
        links = neighbours[starts[nodes][:, None] + np.arange(ends[level], ends[level + 1])]
        file.expect(bool(((links < 0) | (levels[links] > level)).all()), "the neighbours")


def _read_projected(file: _Reader, dim: int, count: int) -> None:
    for _ in range(file.setting("the number of projections", "i")):
        _read_projection(file)
    _read_index(file, count)


def _read_projection(file: _Reader) -> None:
    kind = file.setting("the kind of projection", "4s")
    if kind not in PROJECTIONS:
        raise ValueError(f"FAISS's projection {kind!r} is none that is stored here.")
    if kind == b"Pcam":
        for name, form in zip(("power", "epsilon", "rotation", "bins"), "ffBi", strict=True):
            file.setting(f"the projection's {name}", form)
        for name in ("mean", "eigenvalues", "components"):
            file.array(f"the projection's {name}", "<f4")
    biased = file.setting("the projection's bias", "B")
    matrix, bias = file.array("the projection", "<f4"), file.array("the bias", "<f4")
    incoming, outgoing = file.setting("the projection's input", "i"), file.setting("the projection's output", "i")
    file.expect(len(matrix) == incoming * outgoing and len(bias) == (outgoing if biased else 0), "the projection")
    file.limited("the state of training", "B", 1, 1)


PROJECTIONS: Sequence[bytes] = (b"LTra", b"Pcam", b"rrot")
KINDS: dict[bytes, Callable[[_Reader, int, int], None]] = {
    b"IxFI": _read_flat,
    b"IxF2": _read_flat,
    b"IxSQ": _read_scalar,
    b"IxPq": _read_product,
    b"IPfs": _read_fast_product,
    b"Ixrq": _read_one_bit,
    b"Ixrr": _read_several_bits,
    b"Irfn": _read_fast_bits,
    b"IwFl": _read_flat_lists,
    b"IwSq": _read_scalar_lists,
    b"IwPQ": _read_product_lists,
    b"IwPf": _read_fast_product_lists,
    b"Iwrq": _read_one_bit_lists,
    b"Iwrr": _read_several_bits_lists,
    b"Iwrn": _read_fast_bits_lists,
    b"IHNf": _read_graph,
    b"IHNp": _read_graph,
    b"IHNs": _read_graph,
    b"IxPT": _read_projected,
}
"""By FAISS's four letters, how what follows them is read."""
