"""An index of paintings: vectors to be searched, the records behind them, and the embedder that both came from.

    index = PaintingIndex.build(paintings, AutoEmbedder.from_pretrained("default"))
    index.search("my_painting.jpg", k=5, where="year >= 1870 and genre == 'portrait'")

An index never answers a query from another model than the one it was built with. What it is on disk says `storage.py`.
"""

import tempfile
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

import numpy as np
from datasets import Dataset

from artextract_hf.data.schema import SkipList, Skipped
from artextract_hf.embedders.protocol import Embedder
from artextract_hf.errors import PaintingIndexError
from artextract_hf.retrieval.calibration import Calibration
from artextract_hf.retrieval.embed import embedded_batches
from artextract_hf.retrieval.records import RecordTable, refuse_twice
from artextract_hf.retrieval.search import PaintingSearch
from artextract_hf.retrieval.snapshot import Hit
from artextract_hf.retrieval.storage import fetch_index, read_embeddings, read_index, write_index
from artextract_hf.retrieval.vectors.scan import METRICS
from artextract_hf.retrieval.vectors.store import VectorStore, factories

__all__ = ["Hit", "PaintingIndex"]


class PaintingIndex(PaintingSearch):
    """Paintings by similarity. Made by `build`, `from_embeddings` or `from_pretrained`; asked as `search.py` says."""

    def __init__(self, store: VectorStore, records: RecordTable, **about: Any) -> None:
        super().__init__(store, records, **about)
        self._changing = threading.Lock()  # one change at a time; searches go on beside it

    # --- making -----------------------------------------------------------------------------------------------------

    @classmethod
    def build(
        cls,
        dataset: Dataset,
        embedder: Embedder,
        factory: str = "auto",
        metric: str = "cosine",
        *,
        progress: bool = False,
    ) -> Self:
        """Embed a collection and index it.

        Args:
            dataset: records of `data/schema.py`; pictures that cannot be decoded are left out and listed in `.skipped`.
            embedder: anything with `embed`, `dim` and `fingerprint`.
            factory: how vectors are searched, see `factories.py`; `auto` chooses by size.
            metric: `cosine`, `ip` or `l2`.
            progress: show a progress bar on a terminal.

        Raises:
            QueryError: an unknown factory or metric.
            PaintingIndexError: nothing to index, or an id that stands twice.
        """
        _check(factory, metric, len(dataset), embedder.dim)
        skipped = SkipList()
        vectors, records = _embedded(dataset, embedder, skipped, progress=progress)
        if not len(records):
            raise PaintingIndexError(f"no picture could be indexed ({len(skipped.items)} were left out).")
        store = VectorStore.build(vectors, factory=factory, metric=metric)
        name = getattr(embedder, "name", type(embedder).__name__)
        index = cls(store, records, embedder=embedder, embedder_name=name, fingerprint=embedder.fingerprint)
        index.skipped = skipped
        _ = index.calibration
        return index

    @classmethod
    def from_embeddings(
        cls,
        folder: str | Path,
        factory: str = "auto",
        metric: str = "cosine",
        *,
        embedder: Embedder | None = None,
        only: Iterable[str] | None = None,
    ) -> Self:
        """Index what `artextract embed` wrote; no picture is decoded again.

        Args:
            folder: with embeddings.npy, records.parquet, ids.json and embedder.json.
            factory: as for `build`.
            metric: as for `build`.
            embedder: of these vectors; loaded by its name when a query needs it, where it is not given.
            only: ids of what is indexed; all by default.

        Raises:
            QueryError: an unknown factory or metric.
            PaintingIndexError: a file is missing, damaged or of another collection, or the embedder is another.
        """
        vectors, records, about = read_embeddings(Path(folder))
        if only is not None:
            vectors, records = _only(set(only), vectors, records)
        store = VectorStore.build(vectors, factory=factory, metric=metric)
        index = cls(
            store, records, embedder=embedder, embedder_name=about["embedder"], fingerprint=about["fingerprint"]
        )
        index.skipped = SkipList([Skipped(**item) for item in about["skipped"]])
        if embedder is not None:
            _ = index.embedder  # its check
        _ = index.calibration
        return index

    # --- changing, all or nothing: equal to an index built of the same records in the order of `ids` ------------------

    def add(self, dataset: Dataset, *, progress: bool = False) -> None:
        """Index more paintings; ids must be new.

        Raises:
            PaintingIndexError: an id that the index or the dataset already holds; nothing is added then.
        """
        with self._changing:
            held = self._collection.records
            if known := next((id_ for id_ in dataset["id"] if id_ in held), None):
                raise PaintingIndexError(f"the id {known!r} is already in the index; update or remove it.")
            skipped = SkipList()
            vectors, records = _embedded(dataset, self.embedder, skipped, progress=progress)
            self._collection = self._collection.extended(vectors, records)
            self.skipped.items += skipped.items

    def remove(self, ids: Iterable[str]) -> None:
        """Take paintings out; the others keep their ids and order.

        Raises:
            PaintingIndexError: an id that the index does not hold; nothing is removed then.
        """
        gone = set(ids)
        with self._changing:
            held = self._collection.records
            if unknown := sorted(id_ for id_ in gone if id_ not in held):
                raise PaintingIndexError(f"the index holds no {unknown[0]!r}.")
            self._collection = self._collection.without(held.rows(gone))

    def update(self, dataset: Dataset, *, progress: bool = False) -> None:
        """Replace paintings by those with the same ids; they move to the end of the order.

        A picture that cannot be decoded is listed in `.skipped`, and what the index holds of it stays.

        Raises:
            PaintingIndexError: an id that the index does not hold, or that the dataset holds twice; nothing changes.
        """
        with self._changing:
            held = self._collection.records
            if unknown := next((id_ for id_ in dataset["id"] if id_ not in held), None):
                raise PaintingIndexError(f"the index holds no {unknown!r}; add it.")
            skipped = SkipList()
            vectors, records = _embedded(dataset, self.embedder, skipped, progress=progress)
            rows = held.rows(records.ids)
            self._collection = self._collection.extended(vectors, records).without(rows)
            self.skipped.items += skipped.items

    # --- keeping ----------------------------------------------------------------------------------------------------

    def save_pretrained(self, directory: str | Path) -> None:
        """Write the index to a folder, all or nothing; one that stands there is replaced.

        Raises:
            PaintingIndexError: the folder holds something else.
        """
        now = self._collection
        write_index(directory, now.store, now.records, self._about(now) | {"calibration": now.calibration.as_json()})

    def push_to_hub(self, repo_id: str, *, allow_restricted: bool = False, private: bool = False, tag: str = "") -> str:
        """Publish the index with a card; gives its address. `from_pretrained` reads it from there.

        Args:
            repo_id: `owner/name`.
            allow_restricted: publish also where a painting has no open licence.
            private: make the repository private where it is new.
            tag: a version that names the commit.

        Raises:
            DataError: paintings without an open licence.
            ArtExtractError: the Hub refused, or cannot be reached.
        """
        from artextract_hf.hub.index_repo import publish_index  # the one step forward: publishing is a later stage

        with tempfile.TemporaryDirectory(prefix="artextract-") as folder:
            self.save_pretrained(Path(folder) / "index")
            options = {"allow_restricted": allow_restricted, "private": private}
            return str(publish_index(Path(folder) / "index", repo_id, tag=tag, **options)["url"])

    @classmethod
    def from_pretrained(
        cls, name: str | Path, revision: str | None = None, *, embedder: Embedder | None = None
    ) -> Self:
        """Read an index from a folder or a Hub repository, and check every byte of it.

        Raises:
            PaintingIndexError: missing, cut short, changed, or made by another format or program.
        """
        folder = Path(name) if Path(name).is_dir() else fetch_index(str(name), revision)
        store, records, about = read_index(folder)
        index = cls(
            store,
            records,
            embedder=embedder,
            embedder_name=about["embedder"],
            fingerprint=about["fingerprint"],
            calibration=Calibration.from_json(about.get("calibration", {})),
        )
        if embedder is not None:
            _ = index.embedder  # its check
        return index


def _check(factory: str, metric: str, count: int, dim: int) -> None:
    """Refuse what no index can be made of before hours go into embedding."""
    VectorStore.build(np.zeros((0, dim), dtype=np.float32), factory="flat", metric=metric)
    factories.make_index(factories.resolve(factory, count, dim)[1], count, dim, METRICS[metric])


def _embedded(
    dataset: Dataset, embedder: Embedder, skipped: SkipList, *, progress: bool
) -> tuple[np.ndarray, RecordTable]:
    """Vectors (N, dim) and records of what can be decoded; N may be 0.

    Raises:
        PaintingIndexError: an id stands twice.
    """
    refuse_twice(dataset["id"])
    vectors, rows = [np.zeros((0, embedder.dim), dtype=np.float32)], []
    for embedded, records in embedded_batches(dataset, embedder, skipped, progress=progress):
        vectors.append(embedded)
        rows.extend(records)
    return np.concatenate(vectors), RecordTable.from_rows(rows)


def _only(ids: set[str], vectors: np.ndarray, records: RecordTable) -> tuple[np.ndarray, RecordTable]:
    """Vectors and records of these ids alone; the very same where that is all of them."""
    others = np.flatnonzero([id_ not in ids for id_ in records.ids])
    if not len(others):
        return vectors, records
    kept = np.delete(vectors, others, axis=0)
    kept.flags.writeable = False  # then an index does not copy it again
    return kept, records.without(others)
