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

from artextract_hf.data.schema import SkipList
from artextract_hf.digests import document_digest, file_digest
from artextract_hf.documents import MOST_BYTES, read_document, read_json
from artextract_hf.errors import PaintingIndexError, QueryError, first_line
from artextract_hf.outputs import first_other, recover, replacement
from artextract_hf.remote import download_snapshot
from artextract_hf.retrieval.records import RecordTable, refuse_foreign_records
from artextract_hf.retrieval.vectors.arrays import map_array
from artextract_hf.retrieval.vectors.scan import check_vectors

FORMAT = 2
DESCRIPTION, RECORDS = "index.json", "records.parquet"
DIGESTS = "sha256"  # key of the description: digest by file name
KIND, PAINTINGS = "kind", "paintings"  # what an index is of; a description without the key is of paintings, or of faces
DATA = (".faiss", ".json", ".npy", ".parquet", ".safetensors")  # endings of what an index is read from
WRITTEN = r"[^/]+\.(faiss|json|npy|parquet|safetensors)|README\.md|\.gitattributes"  # here, or by the Hub
EXPECTED = {"format": int, "count": int, "dim": int, "embedder": str, "fingerprint": str, "data": str, DIGESTS: dict}
# Of embedder.json, what `read_embeddings` gives.
EMBEDDED = {"embedder": str, "fingerprint": str, "dim": int, "data": str, "vectors": str, "skipped": list}
RECORDS_AT_ONCE = 2**16  # rows
# Bytes in memory for each of a file of records, and beside them: texts that repeat take a hundredth in Parquet.
MOST_GROWTH, LEAST_LIMIT = 100, 2**28
LONGEST_ID = 2**14  # bytes, in ids.json


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

    def check(self) -> None:
        """Refuse numbers that no search takes."""
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
    check_index_output(directory)
    with replacement(directory) as new:
        _write_files(new, store, records, {"format": FORMAT, **about})


def check_index_output(directory: str | Path) -> None:
    """Refuse a folder with anything in it that is of no index, and that an index would replace.

    Raises:
        PaintingIndexError: it is such a folder.
    """
    target = Path(directory)
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
        raise PaintingIndexError(f"{folder} holds no index of {kind}, but one of {str(found)[:40]!r}.")
    store = load(folder)
    records = read_records(folder, about["count"])
    if not len(records) == len(store) == about["count"] or store.dim != about["dim"]:
        raise PaintingIndexError(f"the index in {folder} does not fit together: its counts differ.")
    store.check()
    return store, records, about


def read_records(folder: Path, count: int, *, digest: str | None = None) -> RecordTable:
    """The records of a folder.

    Args:
        folder: what `write_index` or `artextract embed` wrote.
        count: how many there have to be.
        digest: SHA-256 of the file; not given where `read_description` has checked its bytes.

    Raises:
        PaintingIndexError: they are no records, or others.
    """
    path = folder / RECORDS
    try:
        if not path.is_file():  # a pipe never ends
            raise ValueError("it is missing, or no file.")
        if digest not in (None, file_digest(path)):
            raise ValueError("it is damaged, or not of these vectors; embed the collection again.")
        table = _read_table(path, count)
        refuse_foreign_records(table)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise PaintingIndexError(f"{path} cannot be read: {first_line(error)}") from None
    return RecordTable(table)


def _read_table(path: Path, count: int) -> pa.Table:
    """A Parquet file of so many rows, if it does not grow into more than a file of its size holds.

    Raises:
        ValueError: another number of rows, or a small file of much memory: a value that is written once may stand in
            each of its rows.
    """
    with pq.ParquetFile(path.resolve()) as file:  # a relative name with `://` would be an address
        if file.metadata.num_rows != count:
            raise ValueError(f"it holds {file.metadata.num_rows} records, not {count}.")
        left, batches = MOST_GROWTH * path.stat().st_size + LEAST_LIMIT, []
        groups = range(file.metadata.num_row_groups)
        if sum(file.metadata.row_group(group).total_byte_size for group in groups) > left:
            raise ValueError("its records take far more memory than its size lets expect.")
        for batch in file.iter_batches(RECORDS_AT_ONCE):
            left -= batch.nbytes
            if left < 0:
                raise ValueError("its records take far more memory than its size lets expect.")
            batches.append(batch)
        return pa.Table.from_batches(batches, file.schema_arrow)


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
    about = read_document(folder / "embedder.json", _no_vectors)
    if broken := [key for key, kind in EMBEDDED.items() if type(about.get(key)) is not kind]:
        raise _no_vectors(f"{folder / 'embedder.json'} is damaged: {', '.join(broken)}.")
    try:
        SkipList.from_json(about["skipped"])
    except ValueError:
        raise _no_vectors(f"{folder / 'embedder.json'} is damaged: skipped.") from None
    known = {key: about[key] for key in EMBEDDED}
    array = folder / "embeddings.npy"
    count = array.stat().st_size // (4 * max(known["dim"], 1)) if array.is_file() else 0
    ids = read_json(folder / "ids.json", _no_vectors, most=MOST_BYTES + LONGEST_ID * count)
    if not isinstance(ids, list):
        raise _no_vectors(f"{folder / 'ids.json'} is damaged: it holds no list.")
    records = read_records(folder, len(ids), digest=about.get("records"))  # earlier versions wrote none
    if ids != records.ids or records.fingerprint != known["data"]:
        raise PaintingIndexError(f"{folder / RECORDS} is damaged, or not of these vectors; embed the collection again.")
    try:
        vectors = map_array(folder / "embeddings.npy", np.float32, (len(ids), known["dim"]))
        fits = file_digest(folder / "embeddings.npy") == known["vectors"]
    except (OSError, ValueError) as error:
        raise _no_vectors(f"{folder}: {first_line(error)}") from None
    if not fits:
        raise PaintingIndexError(
            f"{folder / 'embeddings.npy'} is damaged, or not of these records; embed the collection again."
        )
    try:
        check_vectors(vectors, known["dim"], "cosine")
    except QueryError as error:
        raise PaintingIndexError(f"{folder / 'embeddings.npy'} is damaged: {error}") from None
    if only is not None:
        vectors, records = _selected(set(only), vectors, records)
    return vectors, records, known


def _no_vectors(reason: str) -> PaintingIndexError:
    return PaintingIndexError(f"the folder holds no vectors of `artextract embed`: {reason}")


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
    if not isinstance(name, str | Path):
        raise PaintingIndexError(f"{name!r} is no name of an index; give its folder, or `owner/name` on the Hub.")
    if not str(name).strip():
        raise PaintingIndexError("the name of the index is empty; give its folder, or `owner/name` on the Hub.")
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
    if not (folder / DESCRIPTION).exists():
        raise PaintingIndexError(f"{folder} holds no index: its {DESCRIPTION} is missing.")
    about = read_document(folder / DESCRIPTION, PaintingIndexError)
    version = about.get("format")
    if type(version) is int and version != FORMAT:
        raise PaintingIndexError(
            f"the index in {folder} has format {version}, and this version reads {FORMAT}; build the index again."
        )
    if broken := [key for key, kind in EXPECTED.items() if type(about.get(key)) is not kind]:
        raise PaintingIndexError(f"{folder / DESCRIPTION} is damaged: {', '.join(broken)}.")
    _check_digests(folder, about)
    return about


def _check_digests(folder: Path, about: dict[str, Any]) -> None:
    digests: dict[str, Any] = about[DIGESTS]
    if digests.get(DESCRIPTION) != document_digest({key: value for key, value in about.items() if key != DIGESTS}):
        raise PaintingIndexError(f"{folder / DESCRIPTION} is damaged; fetch or build the index again.")
    files = {path.name: path for path in folder.iterdir() if path.is_file()}  # names of the digests are not followed
    there = {name for name, path in files.items() if path.suffix in DATA}
    for name in sorted({RECORDS, *there, *digests} - {DESCRIPTION}):
        if name not in files or file_digest(files[name]) != digests.get(name):
            shown = name if name.isprintable() else repr(name)
            raise PaintingIndexError(
                f"{folder / shown} is missing, damaged, or not of this index; fetch or build it again."
            )
