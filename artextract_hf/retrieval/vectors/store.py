"""Vectors, and the FAISS index that searches them. Rows are known by their position.

    index.faiss    what FAISS searches
    vectors.npy    the float32 vectors as they came, where the FAISS index does not hold them itself
    vectors.json   factory, metric, count and length of the vectors

The vectors stay whole, beside an index of codes: the candidates that the codes find are scored exactly, filtered
searches are exact where few rows may answer, and the index can be built again. They are float32, not float16, so that
an exact answer is exact about the vectors that came; on disk they are memory-mapped and cost no memory.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import faiss
import numpy as np

from artextract_hf.documents import read_document
from artextract_hf.errors import PaintingIndexError, QueryError
from artextract_hf.retrieval.vectors import factories
from artextract_hf.retrieval.vectors.arrays import map_array
from artextract_hf.retrieval.vectors.faiss_index import (
    cut,
    efforts,
    held_vectors,
    in_memory,
    listed_rows,
    read_index,
    selecting,
    set_effort,
)
from artextract_hf.retrieval.vectors.gpu import GpuCopy, has_gpu
from artextract_hf.retrieval.vectors.scan import (
    METRICS,
    check_k,
    check_metric,
    check_rows,
    check_vectors,
    rescore,
    scan,
)

BLOCK = 2**16  # vectors added at a time
EXACT_FLOATS = 2**23  # 32 MB of filtered vectors are scored exactly, in milliseconds
LARGEST = 2**31  # rows, and numbers of a vector: FAISS counts some of them in 32 bits
EXPECTED = {"factory": str, "faiss": str, "metric": str, "reason": str, "count": int, "dim": int}  # of vectors.json


class VectorStore:
    """Searchable vectors. Made by `build` or `load`.

    Searches may run at the same time in several threads; `add` and `remove` must not run beside them.

    Attributes:
        index: the FAISS index. Inverted lists and graphs search as thoroughly as its `nprobe` or `efSearch` says.
        dim: length of the vectors.
        metric: `cosine`, `ip` or `l2`.
        factory: name of the factory, `auto` decided.
        spec: its FAISS factory string.
        reason: why `auto` chose it, empty otherwise.
    """

    def __init__(
        self, index: faiss.Index, kept: np.ndarray | None, *, factory: str, spec: str, metric: str, reason: str = ""
    ) -> None:
        self.index, self.factory, self.spec, self.metric, self.reason = index, factory, spec, metric, reason
        self.dim = int(index.d)
        self._kept = kept  # the vectors, where the index does not hold them itself
        self._oversampling = factories.candidates_per_answer(spec)
        self._mapped = False
        self._on_gpu: GpuCopy | None = None
        self._renew()

    # --- making -----------------------------------------------------------------------------------------------------

    @classmethod
    def build(cls, vectors: np.ndarray, *, factory: str = "auto", metric: str = "cosine") -> Self:
        """Index vectors.

        Inverted lists and graphs are then set to search as thoroughly as it takes to find 97 % of the ten nearest of
        100 of the vectors. Everything is learnt from fixed samples with fixed seeds.

        Args:
            vectors: (N, dim) float32. A read-only array, such as a memory-mapped file, is used where it lies; its file
                must not change while the store lives. Any other is copied.
            factory: see `factories.py`.
            metric: `cosine` (rows of length 1), `ip` (inner product) or `l2` (Euclidean distance).

        Raises:
            QueryError: an unknown factory or metric, too few vectors for it, or vectors that the metric cannot take.
        """
        if np.ndim(vectors) != 2 or np.shape(vectors)[1] < 1:
            raise QueryError(f"vectors have the shape (N, dim), not {np.shape(vectors)}.")
        dim = np.shape(vectors)[1]
        name, spec, index = _empty_index(factory, metric, *np.shape(vectors))
        kept = np.empty((0, dim), np.float32) if held_vectors(index) is None else None
        store = cls(index, kept, factory=name, spec=spec, metric=metric)
        checked = check_vectors(vectors, dim, metric)
        factories.train(index, checked)
        store._append(checked)
        recall = store._tune()
        if factory == "auto":
            store.reason = factories.reason(spec, len(store), dim, recall)
        return store

    def _tune(self) -> float:
        """Search as thoroughly as the recall target asks; gives the recall@10 reached on some of the own vectors.

        A vector finds itself first, which is left out. What scores like the tenth counts as found, so ties do no harm.
        """
        if not len(self) or self.spec == "Flat":
            return 1.0
        sample = np.random.default_rng(factories.SEED).permutation(len(self))[: factories.TUNING_QUERIES]
        queries = self.vectors(np.sort(sample))
        k = min(11, len(self))
        needed = scan(self._originals, queries, k, self.metric)[0][:, -1:] - 1e-6
        recall = 1.0
        for effort in efforts(self.index):
            set_effort(self.index, effort)
            recall = float(np.mean(self.search(queries, k)[0][:, 1:] >= needed)) if k > 1 else 1.0
            if recall >= factories.RECALL_TARGET:
                break
        return recall

    # --- asking -----------------------------------------------------------------------------------------------------

    def search(self, queries: np.ndarray, k: int, *, rows: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """The nearest vectors of each query, best first; k of them if there are k, whatever the index is.

        The answers of `flat` are exact, and those of every index where few rows may answer (`EXACT_FLOATS`), or where
        k is a large part of them. Others find candidates by their codes; all scores are exact.

        Args:
            queries: (Q, dim) float32.
            k: how many; fewer come where fewer exist.
            rows: int64, the rows that may answer; all by default.

        Returns:
            Scores (Q, k) float32, larger is more similar (`l2`: minus the distance), and rows (Q, k) int64.

        Raises:
            QueryError: k below 1, queries of another length or not finite, rows that do not exist.
        """
        k, queries = check_k(k), check_vectors(queries, self.dim, self.metric)
        allowed = None if rows is None else check_rows(rows, len(self))
        count = len(self) if allowed is None else len(allowed)
        k = min(k, count)
        if k == 0 or not len(queries):
            return np.zeros((len(queries), k), np.float32), np.zeros((len(queries), k), np.int64)
        if self.spec == "Flat":
            return self._search_flat(queries, k, allowed)
        few = allowed is not None and count * self.dim <= EXACT_FLOATS
        fetch = max(k, 10) * self._oversampling  # one answer is found as surely as ten
        if few or fetch >= count:
            return scan(self._originals, queries, k, self.metric, rows=allowed)
        found = rescore(self._originals, queries, self._candidates(queries, fetch, allowed), k, self.metric)
        if (missing := found[1][:, -1] < 0).any():  # the probed lists held too few
            found[0][missing], found[1][missing] = scan(self._originals, queries[missing], k, self.metric, rows=allowed)
        return found

    def _search_flat(self, queries: np.ndarray, k: int, rows: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        if has_gpu():
            self._on_gpu = self._on_gpu or GpuCopy(self._originals)
            found = self._on_gpu.search(queries, k, self.metric, rows=rows)
        else:
            scores, found = self.index.search(queries, k, params=self._selection(rows))
            if self.metric != "l2":
                return scores, found
        return rescore(self._originals, queries, found, k, self.metric)

    def _candidates(self, queries: np.ndarray, fetch: int, rows: np.ndarray | None) -> np.ndarray:
        """Rows (Q, fetch) that the codes say are near; none where the index cannot search inside a selection."""
        try:
            return self.index.search(queries, fetch, params=self._selection(rows))[1]
        except RuntimeError as error:
            if rows is None:
                raise PaintingIndexError(f"FAISS cannot search {self.spec}: {str(error).splitlines()[-1]}") from None
            return np.full((len(queries), 1), -1, np.int64)

    def _selection(self, rows: np.ndarray | None) -> Any:
        if rows is None:
            return None
        allowed = np.zeros(len(self), bool)
        allowed[rows] = True
        return selecting(self.index, allowed)

    # --- changing ---------------------------------------------------------------------------------------------------

    def copy(self) -> Self:
        """Another store of the same vectors, to be changed while this one is searched."""
        about = {"factory": self.factory, "spec": self.spec, "metric": self.metric, "reason": self.reason}
        return type(self)(in_memory(self.index), self._kept, **about)  # no change is made in `_kept` itself

    def add(self, vectors: np.ndarray) -> None:
        """Append vectors (M, dim); their rows follow the last one.

        What an index has learnt (centroids, codebooks) stays as `build` learnt it; build it again after many.
        """
        self._append(check_vectors(vectors, self.dim, self.metric))

    def remove(self, rows: np.ndarray) -> None:
        """Take rows out; the others keep their order and move up.

        Codes and inverted lists are cut; a graph is built again, since FAISS takes nothing out of one.

        Raises:
            QueryError: rows that do not exist.
        """
        gone = check_rows(rows, len(self))
        if not len(gone):
            return
        self._own()
        keep = np.ones(len(self), bool)
        keep[gone] = False
        if self._kept is not None:
            self._kept = self._kept[keep]
        if not cut(self.index, keep):
            remaining = self._originals[keep] if self._kept is None else self._kept
            self.index.reset()
            self._index(remaining)
        self._renew()

    def _append(self, vectors: np.ndarray) -> None:
        self._own()
        if self._kept is not None:
            borrowed = not len(self._kept) and not vectors.flags.writeable
            self._kept = vectors if borrowed else np.concatenate([self._kept, vectors])
        self._index(vectors)

    def _index(self, vectors: np.ndarray) -> None:
        try:
            for start in range(0, len(vectors), BLOCK):
                self.index.add(np.ascontiguousarray(vectors[start : start + BLOCK]))
        except RuntimeError as error:
            raise PaintingIndexError(f"FAISS cannot add to {self.spec}: {str(error).splitlines()[-1]}") from None
        self._renew()

    def _own(self) -> None:
        """Bring a memory-mapped index into memory: FAISS ends the process on a change to a mapped one."""
        if self._mapped:
            self.index, self._mapped = in_memory(self.index), False

    def _renew(self) -> None:
        """Look at the vectors where they lie now."""
        held = held_vectors(self.index) if self._kept is None else self._kept
        self._originals = np.empty((0, self.dim), np.float32) if held is None else held
        self._on_gpu = None

    def vectors(self, rows: np.ndarray | None = None) -> np.ndarray:
        """Copies of the vectors (N, dim) float32, of these rows in their order, or of all."""
        return np.array(self._originals if rows is None else self._originals[rows])

    def __len__(self) -> int:
        return int(self.index.ntotal)

    def describe(self) -> dict[str, Any]:
        """What the vectors are and how they are searched, as JSON."""
        return {
            "count": len(self),
            "dim": self.dim,
            "metric": self.metric,
            "factory": self.factory,
            "reason": self.reason,
        }

    # --- keeping ----------------------------------------------------------------------------------------------------

    def save(self, folder: str | Path) -> None:
        """Write the store into a folder, which may be the one it was loaded from."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        about = {"factory": self.factory, "faiss": self.spec, "metric": self.metric, "reason": self.reason}
        text = json.dumps(about | {"count": len(self), "dim": self.dim}, indent=2)
        try:
            _replace(folder / "index.faiss", lambda path: faiss.write_index(self.index, str(path)))
            if self._kept is not None:
                _replace(folder / "vectors.npy", lambda path: _write_array(path, self._originals))
            _replace(folder / "vectors.json", lambda path: path.write_text(text + "\n", encoding="utf-8"))
        except (RuntimeError, OSError) as error:
            raise PaintingIndexError(f"the vectors cannot be written: {str(error).splitlines()[-1]}") from None
        except TypeError:  # of FAISS, for a path whose bytes are no UTF-8
            raise PaintingIndexError(f"FAISS cannot write to {str(folder)!r}, a name that is no text.") from None

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read a store that `save` wrote, files above 64 MB memory-mapped.

        Whether a byte of the vectors has changed is for a checksum to say (`storage.py` keeps one), and what the
        numbers are worth for `check`. Here a file that does not fit the others is refused, and no file can harm the
        process, whoever made it and its checksum.

        Raises:
            PaintingIndexError: a file is missing, damaged, or not of this store.
        """
        folder = Path(folder)
        about = read_document(folder / "vectors.json", PaintingIndexError)
        if broken := [key for key, kind in EXPECTED.items() if type(about.get(key)) is not kind]:
            raise PaintingIndexError(f"{folder / 'vectors.json'} is damaged: {', '.join(broken)}.")
        count, dim, spec, metric = (about[key] for key in ("count", "dim", "faiss", "metric"))
        if metric not in METRICS or not 0 <= count < LARGEST or not 1 <= dim < LARGEST:
            raise PaintingIndexError(f"{folder / 'vectors.json'} is damaged: its metric, count or dim.")
        try:
            like = factories.make_index(spec, count, dim, METRICS[metric])
            index, mapped = read_index(folder / "index.faiss", like, count)
            held = held_vectors(index)
            kept = map_array(folder / "vectors.npy", np.float32, (count, dim)) if held is None else None
        except (RuntimeError, MemoryError, OSError, ValueError) as error:
            reason = str(error).strip().splitlines()[-1:] or [type(error).__name__]
            raise PaintingIndexError(f"the vectors in {folder} cannot be read: {reason[0]}") from None
        store = cls(index, kept, factory=about["factory"], spec=spec, metric=metric, reason=about["reason"])
        store._mapped = mapped
        return store

    def check(self) -> None:
        """Refuse vectors that no metric takes, and lists that do not hold each row once. Every vector is read.

        Raises:
            PaintingIndexError: the store was not made by `build`.
        """
        try:
            check_vectors(self._originals, self.dim, self.metric)
        except QueryError as error:
            raise PaintingIndexError(f"the vectors of the index are damaged: {error}") from None
        rows = listed_rows(self.index)
        if rows is not None and not np.array_equal(np.sort(rows), np.arange(len(self))):
            raise PaintingIndexError("the inverted lists of the index do not hold each vector once; build it again.")


def check_factory(factory: str, metric: str, count: int, dim: int) -> None:
    """Refuse what `VectorStore.build` would refuse, before hours go into embedding.

    Args:
        factory: as for `build`.
        metric: as for `build`.
        count: how many vectors there will be.
        dim: their length.

    Raises:
        QueryError: an unknown factory or metric, or a factory that does not suit so many vectors of this length.
    """
    _empty_index(factory, metric, count, dim)


def _empty_index(factory: str, metric: str, count: int, dim: int) -> tuple[str, str, faiss.Index]:
    """Name of the factory, `auto` decided, its FAISS factory string, and an index without vectors."""
    check_metric(metric)
    name, spec = factories.resolve(factory, count, dim)
    return name, spec, factories.make_index(spec, count, dim, METRICS[metric])


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    """Write beside a file, then put it in its place: the old one may be memory-mapped, by this store itself."""
    unfinished = path.with_name(path.name + ".new")
    write(unfinished)
    unfinished.replace(path)


def _write_array(path: Path, array: np.ndarray) -> None:
    with path.open("wb") as file:
        np.save(file, array, allow_pickle=False)
