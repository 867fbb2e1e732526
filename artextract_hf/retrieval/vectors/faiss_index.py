"""What the vectors need of a FAISS index, whichever kind it is.

FAISS ends the process on some calls that it could refuse: a change to a memory-mapped index is one. Those are avoided
here, and what it refuses comes as a RuntimeError.
"""

import threading
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from artextract_hf.retrieval.vectors.faiss_file import check_file

MAP_BYTES = 2**26  # larger files are memory-mapped
_reading = threading.Lock()  # FAISS's limit for what a damaged file may ask for is one for the process


def read_index(path: Path, like: faiss.Index, count: int) -> tuple[faiss.Index, bool]:
    """The index in a file, and whether it is memory-mapped. FAISS sees the file only after `check_file` has.

    Args:
        path: of the file.
        like: an empty index of the same factory, metric and length.
        count: how many vectors it has to hold.

    Raises:
        ValueError: the file is not as FAISS writes such an index.
    """
    check_file(path, like, count)
    size = path.stat().st_size
    with _reading:
        before = faiss.get_deserialization_vector_byte_limit()
        faiss.set_deserialization_vector_byte_limit(size)
        try:
            flags = faiss.IO_FLAG_SKIP_PRECOMPUTE_TABLE | (faiss.IO_FLAG_MMAP_IFC if size > MAP_BYTES else 0)
            return faiss.read_index(str(path), flags), size > MAP_BYTES
        finally:
            faiss.set_deserialization_vector_byte_limit(before)


def in_memory(index: faiss.Index) -> faiss.Index:
    """A memory-mapped index as one in memory, which can be changed."""
    return faiss.deserialize_index(faiss.serialize_index(index))


def held_vectors(index: faiss.Index) -> np.ndarray | None:
    """The float32 vectors (N, dim) that an index holds in the order of its rows, where they lie; None if in no order.

    Raises:
        ValueError: the index of a damaged file holds another number of them than it says.
    """
    flat = faiss.downcast_index(index.storage) if isinstance(index, faiss.IndexHNSW) else index
    if not isinstance(flat, faiss.IndexFlat):
        return None
    if flat.codes.size() != index.ntotal * index.d * 4:
        raise ValueError("it holds another number of vectors than it says.")
    if not index.ntotal:
        return np.empty((0, index.d), np.float32)
    return faiss.rev_swig_ptr(flat.get_xb(), index.ntotal * index.d).reshape(index.ntotal, index.d)


def cut(index: faiss.Index, keep: np.ndarray) -> bool:
    """Take out the rows where `keep` (N,) is False; the others move up. False, and no change, where FAISS cannot."""
    if isinstance(index, faiss.IndexPreTransform):
        inner = faiss.downcast_index(index.index)
        done = cut(inner, keep)
        index.ntotal = inner.ntotal
        return done
    if isinstance(index, faiss.IndexFlatCodes):
        index.remove_ids(faiss.IDSelectorBatch(np.flatnonzero(~keep)))
        return True
    if not isinstance(index, faiss.IndexIVF):
        return False
    lists = faiss.downcast_InvertedLists(index.invlists)  # type: ignore[arg-type]
    if not isinstance(lists, faiss.ArrayInvertedLists):
        return False
    index.remove_ids(faiss.IDSelectorBatch(np.flatnonzero(~keep)))
    new_rows = np.cumsum(keep) - 1
    for number in range(lists.nlist):  # FAISS lets the others keep their old numbers
        if size := lists.list_size(number):
            ids = faiss.rev_swig_ptr(lists.get_ids(number), size)
            ids[:] = new_rows[ids]
    return True


def inverted_lists(index: faiss.Index) -> Any:
    """The `faiss.IndexIVF` within an index, None where there is none."""
    lists = faiss.try_extract_index_ivf(index)
    return lists and faiss.downcast_index(lists)


def listed_rows(index: faiss.Index) -> np.ndarray | None:
    """The rows (N,) int64 that inverted lists say they hold, list after list; None where there are no lists."""
    if not (ivf := inverted_lists(index)):
        return None
    lists = ivf.invlists
    held = [(lists.get_ids(number), lists.list_size(number)) for number in range(ivf.nlist) if lists.list_size(number)]
    return np.concatenate([np.empty(0, np.int64), *(faiss.rev_swig_ptr(ids, size) for ids, size in held)])


def efforts(index: faiss.Index) -> list[int]:
    """How thoroughly the index can search, least first: probed lists, or visited nodes of a graph; [0] for a scan."""
    if lists := inverted_lists(index):
        return [*(2**i for i in range(2, 13) if 2**i < lists.nlist), lists.nlist]
    return [2**i for i in range(5, 12)] if _graph(index) else [0]


def set_effort(index: faiss.Index, effort: int) -> None:
    """Search so thoroughly from now on; FAISS stores it with the index."""
    if lists := inverted_lists(index):
        lists.nprobe = effort
    elif graph := _graph(index):
        graph.hnsw.efSearch = effort


def _graph(index: faiss.Index) -> Any:
    """The `faiss.IndexHNSW` of an index, which may stand behind a projection; None where there is none."""
    inner = faiss.downcast_index(index.index) if isinstance(index, faiss.IndexPreTransform) else index
    return inner if isinstance(inner, faiss.IndexHNSW) else None


def selecting(index: faiss.Index, allowed: np.ndarray) -> Any:
    """Search parameters by which only the rows where `allowed` (N,) is True answer, at the index's own effort.

    A bitmap is made and asked many times faster than FAISS's `IDSelectorBatch`, which is a hash set.
    """
    kinds: Any = faiss  # FAISS's annotations lack the keyword arguments, and some of the classes
    selector = kinds.IDSelectorBitmap(np.packbits(allowed, bitorder="little"))
    if isinstance(index, faiss.IndexPreTransform):
        inner = selecting(faiss.downcast_index(index.index), allowed)
        return kinds.SearchParametersPreTransform(index_params=inner)
    if isinstance(index, faiss.IndexIVF):
        return kinds.SearchParametersIVF(sel=selector, nprobe=index.nprobe)
    if isinstance(index, faiss.IndexHNSW):
        return kinds.SearchParametersHNSW(sel=selector, efSearch=index.hnsw.efSearch)
    return kinds.SearchParameters(sel=selector)
