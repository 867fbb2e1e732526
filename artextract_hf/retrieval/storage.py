"""An index on disk, and its way from the Hub. Indexes of paintings, of regions and of faces are stored alike.

    index.faiss, ...  the vectors, see `vectors/store.py`; of regions the patches too, see `regions/store.py`
    records.parquet   one row for each entry: the record without its picture, and a small picture to show
    index.json        what the index is, and the SHA-256 of every file, itself included

FAISS takes about half of all damaged files without complaint, so nothing is parsed before its bytes are checked.
"""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from artextract_hf.digests import document_digest, file_digest
from artextract_hf.errors import PaintingIndexError
from artextract_hf.outputs import first_other, recover, replacement
from artextract_hf.remote import download_snapshot
from artextract_hf.retrieval.records import RecordTable, without_nan

FORMAT = 2
DESCRIPTION, RECORDS = "index.json", "records.parquet"
DIGESTS = "sha256"  # key of the description: digest by file name
KIND, PAINTINGS = "kind", "paintings"  # what an index is of; a description without the key is of paintings, or of faces
DATA = (".faiss", ".json", ".npy", ".parquet", ".safetensors")  # endings of what an index is read from
WRITTEN = r"[^/]+\.(faiss|json|npy|parquet|safetensors)|README\.md|\.gitattributes"  # here, or by the Hub
EXPECTED = {"format": int, "count": int, "dim": int, "embedder": str, "fingerprint": str, "data": str, DIGESTS: dict}


class Stored(Protocol):
    """What an index keeps beside its records: vectors, or patches and vectors."""

    @property
    def dim(self) -> int:
        """Length of the vectors, or of a patch."""
        ...

    def __len__(self) -> int: ...

    def save(self, folder: str | Path) -> None:
        """Write its files into the folder."""
        ...


Store = TypeVar("Store", bound=Stored)


def write_index(directory: str | Path, store: Stored, records: RecordTable, about: dict[str, Any]) -> None:
    """Write an index to a folder, all or nothing; an index that is there already is replaced.

    Args:
        directory: the folder.
        store: writes its own files.
        records: one for each entry.
        about: the description, without the format and the digests, which are added.

    Raises:
        PaintingIndexError: the folder holds something else.
        ArtExtractError: it is the working directory, or a mounted folder.
        OSError: it cannot be written; an index that was there is intact.
    """
    _check_target(Path(directory))
    with replacement(directory) as new:
        _write_files(new, store, records, {"format": FORMAT, **about})


def _check_target(target: Path) -> None:
    """Refuse a folder with anything in it that is of no index."""
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    try:
        description = json.loads((target / DESCRIPTION).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        description = None
    if not isinstance(description, dict) or DIGESTS not in description:
        raise PaintingIndexError(f"{target} exists and is no index; choose another folder.")
    if other := first_other(target, WRITTEN):
        raise PaintingIndexError(f"{other} is of no index, and would be removed; move it, or choose another folder.")


def _write_files(folder: Path, store: Stored, records: RecordTable, document: dict[str, Any]) -> None:
    store.save(folder)
    pq.write_table(records.table, folder / RECORDS)
    digests = {path.name: file_digest(path) for path in sorted(folder.iterdir())}
    digests[DESCRIPTION] = document_digest(document)
    text = json.dumps({**document, DIGESTS: digests}, indent=2, ensure_ascii=False)
    (folder / DESCRIPTION).write_text(text + "\n", encoding="utf-8")


def read_index(
    folder: Path, load: Callable[[Path], Store], *, kind: str = PAINTINGS
) -> tuple[Store, RecordTable, dict[str, Any]]:
    """The store, the records and the description of an index, every byte checked.

    Args:
        folder: what `write_index` wrote.
        load: reads the store from the folder.
        kind: what the index has to be of.

    Raises:
        PaintingIndexError: missing, cut short, changed, of another kind, or made by another format or program.
    """
    about = read_description(folder)
    if (found := about.get(KIND, PAINTINGS)) != kind:
        raise PaintingIndexError(f"{folder} holds no index of {kind}, but one of {found}.")
    records, store = read_records(folder), load(folder)
    if not len(records) == len(store) == about["count"] or store.dim != about["dim"]:
        raise PaintingIndexError(f"the index in {folder} does not fit together: its counts differ.")
    return store, records, about


def read_records(folder: Path) -> RecordTable:
    """The records of a folder whose bytes `read_description` has checked.

    Raises:
        PaintingIndexError: they are no records.
    """
    try:
        return RecordTable(pq.ParquetFile(folder / RECORDS).read())
    except (pa.ArrowException, OSError, KeyError) as error:
        raise PaintingIndexError(f"{folder / RECORDS} cannot be read: {str(error).splitlines()[0]}") from None


def index_files(folder: Path) -> list[str]:
    """Names of the files of an index."""
    return sorted(read_description(folder)[DIGESTS])


def read_embeddings(
    folder: Path, *, only: Iterable[str] | None = None
) -> tuple[np.ndarray, RecordTable, dict[str, Any]]:
    """Vectors (N, dim), memory-mapped if they are all, records and description of what `artextract embed` wrote.

    Args:
        folder: with embeddings.npy, records.parquet, ids.json and embedder.json.
        only: ids of the records that are wanted; all by default.

    Raises:
        PaintingIndexError: a file is missing or damaged, or is of another collection.
    """
    recover(folder)
    try:
        about = json.loads((folder / "embedder.json").read_text(encoding="utf-8"))
        vectors = np.load(folder / "embeddings.npy", mmap_mode="r", allow_pickle=False)
        records = RecordTable(without_nan(pq.ParquetFile(folder / RECORDS).read()))
        ids = json.loads((folder / "ids.json").read_text(encoding="utf-8"))
        known = {key: about[key] for key in ("embedder", "fingerprint", "dim", "data", "vectors", "skipped")}
    except (pa.ArrowException, OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise PaintingIndexError(f"{folder} holds no vectors of `artextract embed`: {error}".splitlines()[0]) from None
    if ids != records.ids or records.fingerprint != known["data"]:
        raise PaintingIndexError(f"{folder / RECORDS} is damaged, or not of these vectors; embed the collection again.")
    fits = vectors.shape == (len(ids), known["dim"]) and vectors.dtype == np.float32
    if not fits or file_digest(folder / "embeddings.npy") != known["vectors"]:
        raise PaintingIndexError(
            f"{folder / 'embeddings.npy'} is damaged, or not of these records; embed the collection again."
        )
    if only is not None:
        vectors, records = _selected(set(only), vectors, records)
    return vectors, records, known


def _selected(ids: set[str], vectors: np.ndarray, records: RecordTable) -> tuple[np.ndarray, RecordTable]:
    """The vectors and records of these ids; what was given, if that is all of them."""
    others = np.flatnonzero([id_ not in ids for id_ in records.ids])
    if not len(others):
        return vectors, records
    kept = np.delete(vectors, others, axis=0)
    kept.flags.writeable = False  # then an index does not copy it again
    return kept, records.without(others)


def find_index(name: str | Path, revision: str | None = None) -> Path:
    """The folder of an index: the one of this name, or else the one to which it is downloaded from the Hub.

    Args:
        name: a folder, or `owner/name` of a dataset repository.
        revision: a branch, a tag or a commit of the repository.

    Raises:
        PaintingIndexError: there is neither such a folder nor such a repository, or the Hub cannot be reached.
    """
    recover(name)
    if Path(name).is_dir():
        return Path(name)

    def missing(reason: str) -> PaintingIndexError:
        return PaintingIndexError(f"there is no index {str(name)!r}: no such folder, and the Hub said: {reason}")

    return download_snapshot(str(name), missing, kind="dataset", revision=revision, ignore=["*.md", ".git*"])


def read_description(folder: Path) -> dict[str, Any]:
    """What index.json says, after it and all files that it names were checked byte for byte.

    Raises:
        PaintingIndexError: there is no index, or it is damaged, or of another format.
    """
    try:
        about = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        version = about.get("format")
    except FileNotFoundError:
        raise PaintingIndexError(f"{folder} holds no index: its {DESCRIPTION} is missing.") from None
    except (OSError, ValueError, AttributeError, RecursionError):
        raise PaintingIndexError(f"{folder / DESCRIPTION} is damaged.") from None
    if isinstance(version, int) and version != FORMAT:
        raise PaintingIndexError(
            f"the index in {folder} has format {version}, and this version reads {FORMAT}; build the index again."
        )
    if broken := [key for key, kind in EXPECTED.items() if not isinstance(about.get(key), kind)]:
        raise PaintingIndexError(f"{folder / DESCRIPTION} is damaged: {', '.join(broken)}.")
    _check_digests(folder, about)
    return about


def _check_digests(folder: Path, about: dict[str, Any]) -> None:
    digests: dict[str, Any] = about[DIGESTS]
    if digests.get(DESCRIPTION) != document_digest({key: value for key, value in about.items() if key != DIGESTS}):
        raise PaintingIndexError(f"{folder / DESCRIPTION} is damaged; fetch or build the index again.")
    there = {path.name for path in folder.iterdir() if path.suffix in DATA}
    for name in sorted({RECORDS, *there, *digests} - {DESCRIPTION}):
        path = folder / name
        if Path(name).name != name or not path.is_file() or file_digest(path) != digests.get(name):
            raise PaintingIndexError(f"{path} is missing, damaged, or not of this index; fetch or build it again.")
