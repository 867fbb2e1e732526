"""An index of paintings: a folder with a FAISS file, the records, and what both were made from.

    index.faiss       the vectors
    records.parquet   one row a vector: the record without its picture, and a small picture to show
    index.json        metric, factory, counts, embedder and its fingerprint, sha256 of the two files above

An index never answers a query from another model than the one it was built with.
"""

import hashlib
import io
import json
import shutil
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self

import faiss
import numpy as np
import pandas as pd
from datasets import ClassLabel, Dataset, Image
from PIL import Image as PILImage
from tqdm import tqdm

from artextract_hf.data.decode import ImageSource, decode_image
from artextract_hf.data.insist import insist
from artextract_hf.data.schema import SkipList
from artextract_hf.errors import ImageError, PaintingIndexError, QueryError
from artextract_hf.models.embedder import AutoEmbedder, Embedder
from artextract_hf.retrieval.filters import parse_where

FORMAT = 1
FACTORIES = ("auto", "flat")
METRICS = ("cosine",)
THUMBNAIL_SIDE = 256  # pixels, long side
UNIT_TOLERANCE = 1e-3
FILES = ("index.faiss", "records.parquet")


@dataclass(frozen=True)
class Hit:
    """One answer of a search; rank 1 is the nearest, score the cosine."""

    id: str
    score: float
    rank: int
    record: dict[str, Any]


class PaintingIndex:
    """Paintings by similarity. Made by `build` or `from_pretrained`."""

    def __init__(
        self,
        vectors: faiss.Index,
        records: pd.DataFrame,
        *,
        embedder: Embedder | None,
        embedder_name: str,
        fingerprint: str,
        skipped: SkipList | None = None,
    ) -> None:
        self._vectors, self._records = vectors, records
        self._embedder, self.embedder_name, self.fingerprint = embedder, embedder_name, fingerprint
        self.skipped = skipped or SkipList()
        self.metric, self.factory = "cosine", "flat"
        self._lock = threading.Lock()  # loading the embedder, and changing the index
        self._prepare_records()

    def _prepare_records(self) -> None:
        """What a search reads, so that it touches no table."""
        fields = [name for name in self._records.columns if name != "thumbnail"]
        columns = {name: _plain(self._records[name]) for name in fields}
        self._ids = columns["id"].tolist()
        self._rows = [dict(zip(fields, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        self._columns = columns

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
            factory: `flat`, exact; `auto` is the same.
            metric: `cosine`.
            progress: show a progress bar on a terminal.

        Raises:
            QueryError: an unknown factory or metric.
            PaintingIndexError: nothing to index, or an id that stands twice.
        """
        if factory not in FACTORIES:
            raise QueryError(f"there is no factory {factory!r}; the factories are {', '.join(FACTORIES)}.")
        if metric not in METRICS:
            raise QueryError(f"there is no metric {metric!r}; the metrics are {', '.join(METRICS)}.")
        name = getattr(embedder, "name", type(embedder).__name__)
        empty = pd.DataFrame({"id": pd.Series(dtype=str)})
        index = cls(
            faiss.IndexFlatIP(embedder.dim),
            empty,
            embedder=embedder,
            embedder_name=name,
            fingerprint=embedder.fingerprint,
        )
        index.add(dataset, progress=progress)
        if not len(index):
            raise PaintingIndexError(f"no picture could be indexed ({len(index.skipped.items)} were left out).")
        return index

    def add(self, dataset: Dataset, *, progress: bool = False) -> None:
        """Index more paintings; ids must be new.

        Raises:
            PaintingIndexError: an id that the index or the dataset already holds; nothing is added then.
        """
        ids = list(dataset["id"])
        known = set(self._ids)
        for id_ in ids:
            if id_ in known:
                raise PaintingIndexError(f"the id {id_!r} is already in the index; remove it first to replace it.")
            known.add(id_)
        vectors, rows = [], []
        for embedded, records in _embedded(dataset, self.embedder, self.skipped, progress=progress):
            vectors.append(_checked(embedded, self._vectors.d))
            rows.extend(records)
        if not rows:
            return
        with self._lock:
            self._vectors.add(np.concatenate(vectors))
            old = [self._records] if len(self._records) else []
            self._records = pd.concat([*old, pd.DataFrame(rows)], ignore_index=True)
            self._prepare_records()

    def remove(self, ids: Iterable[str]) -> None:
        """Take paintings out; the others keep their ids and order.

        Raises:
            PaintingIndexError: an id that the index does not hold; nothing is removed then.
        """
        gone = set(ids)
        if unknown := gone - set(self._ids):
            raise PaintingIndexError(f"the index holds no {sorted(unknown)[0]!r}.")
        keep = np.array([id_ not in gone for id_ in self._ids])
        with self._lock:
            self._vectors.remove_ids(faiss.IDSelectorBatch(np.flatnonzero(~keep).astype(np.int64)))
            self._records = self._records[keep].reset_index(drop=True)
            self._prepare_records()

    # --- asking -----------------------------------------------------------------------------------------------------

    def search(self, query: ImageSource | np.ndarray, k: int = 5, where: str | None = None) -> list[Hit]:
        """The paintings most similar to a picture.

        Args:
            query: a picture in any form, or a unit vector (dim,) of this index's embedder.
            k: how many; fewer come where the index, or what `where` leaves of it, has fewer.
            where: a filter, see `retrieval/filters.py`; k answers come if k records pass it.

        Raises:
            QueryError: k below 1, a vector of another length, a filter that cannot be read.
            ImageError: the query is no picture.
            PaintingIndexError: the embedder is not the one the index was built with.
        """
        if k < 1:
            raise QueryError(f"k is {k}; it must be at least 1.")
        if isinstance(query, np.ndarray) and query.ndim == 1:
            vector = _checked(query[None], self._vectors.d)
        else:
            vector = _checked(self.embedder.embed([query]), self._vectors.d)
        options: dict[str, Any] = {}
        passing = len(self)
        if where and where.strip():
            rows = np.flatnonzero(parse_where(where, self._columns))
            passing = len(rows)
            options["params"] = faiss.SearchParameters(sel=faiss.IDSelectorBatch(rows.astype(np.int64)))  # type: ignore[call-arg]
        k = min(k, passing)
        if k == 0:
            return []
        scores, rows = self._vectors.search(vector, k, **options)
        found = zip(scores[0].tolist(), rows[0].tolist(), strict=True)
        return [Hit(self._ids[row], score, rank, dict(self._rows[row])) for rank, (score, row) in enumerate(found, 1)]

    def thumbnail(self, id_: str) -> PILImage.Image:
        """A small picture of a painting, long side 256 px at most."""
        try:
            row = self._ids.index(id_)
        except ValueError:
            raise QueryError(f"the index holds no {id_!r}.") from None
        return decode_image(bytes(self._records["thumbnail"][row]))

    @property
    def embedder(self) -> Embedder:
        """The embedder of the index, loaded by its name when first needed, and checked."""
        with self._lock:
            if self._embedder is None:
                self._embedder = AutoEmbedder.from_pretrained(self.embedder_name)
        if self._embedder.fingerprint != self.fingerprint:
            raise PaintingIndexError(
                f"the index was built with {self.embedder_name!r} (fingerprint {self.fingerprint}), but the embedder "
                f"at hand has {self._embedder.fingerprint}; build the index again, or load that embedder."
            )
        return self._embedder

    @property
    def dim(self) -> int:
        """Length of the vectors."""
        return int(self._vectors.d)

    @property
    def ids(self) -> list[str]:
        """Ids of the paintings, in the order of the vectors."""
        return list(self._ids)

    def records(self) -> list[dict[str, Any]]:
        """The records without their pictures, in the order of the ids."""
        return [dict(row) for row in self._rows]

    def vectors(self) -> np.ndarray:
        """The vectors (N, dim), in the order of the ids."""
        return self._vectors.reconstruct_n(0, len(self))

    def __len__(self) -> int:
        return len(self._ids)

    def describe(self) -> dict[str, Any]:
        """What the index is, as JSON."""
        return {
            "count": len(self),
            "dim": self.dim,
            "metric": self.metric,
            "factory": self.factory,
            "embedder": self.embedder_name,
            "fingerprint": self.fingerprint,
        }

    # --- keeping ----------------------------------------------------------------------------------------------------

    def save_pretrained(self, directory: str | Path) -> None:
        """Write the index to a folder, all or nothing."""
        target = Path(directory)
        unfinished = target.with_name(target.name + ".new")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        faiss.write_index(self._vectors, str(unfinished / "index.faiss"))
        self._records.to_parquet(unfinished / "records.parquet", index=False)
        about = {"format": FORMAT, **self.describe(), "sha256": {name: _sha256(unfinished / name) for name in FILES}}
        (unfinished / "index.json").write_text(json.dumps(about, indent=2), encoding="utf-8")
        if target.exists() and not (target / "index.json").is_file() and any(target.iterdir()):
            shutil.rmtree(unfinished)
            raise PaintingIndexError(f"{target} exists and is no index; choose another folder.")
        shutil.rmtree(target, ignore_errors=True)
        unfinished.rename(target)

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
        folder = Path(name) if Path(name).is_dir() else _fetch(str(name), revision)
        about = _read_description(folder)
        try:
            vectors = faiss.read_index(str(folder / "index.faiss"))
            records = pd.read_parquet(folder / "records.parquet")
        except (RuntimeError, OSError, ValueError) as error:
            raise PaintingIndexError(f"the index in {folder} cannot be read: {str(error).splitlines()[0]}") from None
        if not len(records) == vectors.ntotal == about["count"] or vectors.d != about["dim"]:
            raise PaintingIndexError(f"the index in {folder} does not fit together: its counts differ.")
        index = cls(
            vectors, records, embedder=embedder, embedder_name=about["embedder"], fingerprint=about["fingerprint"]
        )
        if embedder is not None:
            _ = index.embedder  # its check
        return index


def _embedded(
    dataset: Dataset, embedder: Embedder, skipped: SkipList, *, progress: bool, batch_size: int = 32
) -> Iterator[tuple[np.ndarray, list[dict[str, Any]]]]:
    """Batches of vectors and records; pictures are decoded once, for the vector and for the thumbnail."""
    names = {field: f.names for field, f in dataset.features.items() if isinstance(f, ClassLabel)}
    rows = dataset.cast_column("image", Image(decode=False)).iter(batch_size)
    steps = -(-len(dataset) // batch_size)
    for batch in tqdm(rows, total=steps, desc="embedding", unit="batch", disable=None if progress else True):
        pictures, records = [], []
        for i, id_ in enumerate(batch["id"]):
            source = batch["image"][i]
            try:
                picture = decode_image(source["bytes"] or source["path"], min_side=2 * THUMBNAIL_SIDE)
            except ImageError as error:
                skipped.add(id_, error)
                continue
            record = {field: _value(batch[field][i], names.get(field)) for field in batch if field != "image"}
            pictures.append(picture)
            records.append(record | {"thumbnail": _thumbnail(picture)})
        if pictures:
            yield embedder.embed(pictures, batch_size=batch_size), records


def _value(value: Any, names: Sequence[str] | None) -> Any:
    """A label as its class name, None where unknown; anything else as it is."""
    if names is None:
        return value
    return None if value is None or value < 0 else names[value]


def _thumbnail(picture: PILImage.Image) -> bytes:
    small = picture.copy()
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), PILImage.Resampling.BICUBIC)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def _plain(column: pd.Series) -> np.ndarray:
    """A column as Python objects, None where unknown, whole numbers as int."""
    values = column.astype(object).where(column.notna(), None).to_numpy()
    whole = [int(v) if isinstance(v, float) and v.is_integer() else v for v in values.tolist()]
    plain = np.empty(len(whole), dtype=object)
    plain[:] = whole
    return plain


def _checked(vectors: np.ndarray, dim: int) -> np.ndarray:
    """Vectors as FAISS takes them; it aborts or answers nonsense on others."""
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    if vectors.ndim != 2 or vectors.shape[1] != dim:
        raise QueryError(f"the index holds vectors of length {dim}, not of shape {vectors.shape[1:]}.")
    if not np.isfinite(vectors).all():
        raise QueryError("a vector holds values that are no numbers.")
    if np.abs(np.linalg.norm(vectors, axis=1) - 1).max(initial=0) > UNIT_TOLERANCE:
        raise QueryError("a vector is not of length 1, which the cosine needs.")
    return vectors


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_description(folder: Path) -> dict[str, Any]:
    """index.json, with the files that it names checked byte for byte."""
    try:
        about = json.loads((folder / "index.json").read_text(encoding="utf-8"))
        expected = {"format": int, "count": int, "dim": int, "embedder": str, "fingerprint": str, "sha256": dict}
        broken = [key for key, kind in expected.items() if not isinstance(about.get(key), kind)]
    except FileNotFoundError:
        raise PaintingIndexError(f"{folder} holds no index: its index.json is missing.") from None
    except (OSError, ValueError, AttributeError):
        raise PaintingIndexError(f"{folder / 'index.json'} is damaged.") from None
    if broken:
        raise PaintingIndexError(f"{folder / 'index.json'} is damaged: {', '.join(broken)}.")
    if about["format"] != FORMAT:
        raise PaintingIndexError(f"the index in {folder} has format {about['format']}; this version reads {FORMAT}.")
    for name in FILES:
        if not (folder / name).is_file() or _sha256(folder / name) != about["sha256"].get(name):
            raise PaintingIndexError(
                f"{folder / name} is missing, damaged, or not of this index; fetch or build it again."
            )
    return about


def _fetch(repo_id: str, revision: str | None) -> Path:
    from httpx2 import TransportError
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError

    try:
        patterns = ["index.*", "*.parquet"]
        download = partial(snapshot_download, repo_type="dataset", revision=revision, allow_patterns=patterns)
        return Path(insist(lambda: str(download(repo_id))))
    except (OSError, TransportError, HFValidationError) as error:
        reason = str(error).splitlines()[0]
        raise PaintingIndexError(f"there is no index {repo_id!r}: no such folder, and the Hub said: {reason}") from None
