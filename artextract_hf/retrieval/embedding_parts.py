"""A whole collection becomes a folder of vectors, in parts that a killed run need not make again.

    embeddings.npy     (N, dim) float32, each row of length 1; `numpy.load(..., mmap_mode="r")` reads it
    records.parquet    N rows, as `retrieval/embed.py` makes them
    ids.json           the N ids
    embedder.json      `embedder`, `fingerprint`, `dim`, `count`, `data` and `source` (fingerprints of what has vectors
                       and of what was read), `vectors` and `records` (SHA-256 of embeddings.npy and records.parquet),
                       `skipped` (`path` and `reason` of what has no vector); written last
    parts/             while it is unfinished: a file for every so many records, and the plan they follow

A part is written whole or not at all, and depends on nothing but its own records. So parts can be dealt to any number
of processes (`training/embed_collection.py`), and the same call on the same collection goes on where an earlier one was
stopped, and ends with the same bytes. What an earlier call finished stays as it was until the whole folder is replaced.
"""

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from datasets import Dataset
from tqdm import tqdm

from artextract_hf.data.pictures import encoded_bytes, encoded_pictures
from artextract_hf.data.schema import SkipList
from artextract_hf.digests import file_digest
from artextract_hf.documents import read_document
from artextract_hf.embedders.protocol import Embedder
from artextract_hf.errors import DataError, first_line
from artextract_hf.outputs import (
    check_replaceable,
    first_other,
    move_whole,
    output_lock,
    real_path,
    recover,
    replacement,
    write_whole,
)
from artextract_hf.retrieval.embed import embedded_batches, indexed_columns, names_of_classes, row_of
from artextract_hf.retrieval.fingerprint import data_fingerprint
from artextract_hf.retrieval.records import ids_of

PART = 512  # records a part: what a killed process has to do again, at most
PARTS, PLAN, ABOUT = "parts", "parts/plan.json", "embedder.json"
VECTORS, RECORDS, IDS = "embeddings.npy", "records.parquet", "ids.json"
WRITTEN = rf"({VECTORS}|{RECORDS}|{IDS}|{ABOUT})(\.new)?|{PARTS}/[\w.]+"  # here, or by an earlier version

Read = TypeVar("Read")


def embed_collection(
    dataset: Dataset,
    embedder: Embedder,
    out: str | Path,
    *,
    part: int = PART,
    left_out: SkipList | None = None,
    progress: bool = False,
) -> dict[str, Any]:
    """Embed a collection in this process, or go on with it.

    Args:
        dataset: records of `data/schema.py`.
        embedder: what makes the vectors.
        out: folder to write.
        part: records a part.
        left_out: what was left out while the collection was read, to be listed with what cannot be decoded.
        progress: show a progress bar on a terminal.

    Returns:
        What embedder.json holds.

    Raises:
        DataError: two records with one id, no picture that can be decoded, or parts of another collection, embedder or
            size in the folder, or files that are none of these.
        ArtExtractError: another run is writing the folder, or it cannot be replaced.
        OSError: it cannot be written, as on a full disk; what was there is intact.
    """
    with output_lock(out):
        plan_parts(dataset, embedder, out, part=part)
        write_parts(dataset, embedder, out, progress=progress)
        return join_parts(out, left_out=left_out)


def plan_parts(dataset: Dataset, embedder: Embedder, out: str | Path, *, part: int = PART) -> None:
    """Decide what is to be done, before any process does its share; a finished folder stays as it is.

    Where several processes write, the one that calls this holds `output_lock` until `join_parts` has ended.

    Raises:
        DataError: two records with one id, parts of another plan in the folder, or files that would be removed.
        ArtExtractError: the folder cannot be replaced.
    """
    out, plan = real_path(out), _plan(dataset, embedder, part)
    check_embeddings_output(out)
    if _read(out / PLAN) not in ({}, plan):
        raise DataError(
            f"{out / PARTS} holds parts of another collection, embedder or size; finish that, delete it, or choose "
            "another folder."
        )
    done = _read(out / ABOUT)
    if "vectors" in done and all(done.get(key) == plan[key] for key in ("source", "fingerprint", "dim")):
        shutil.rmtree(out / PARTS, ignore_errors=True)
        return
    (out / PARTS).mkdir(parents=True, exist_ok=True)
    _write(out / PLAN, plan)


def check_embeddings_output(out: str | Path) -> None:
    """Refuse a folder with anything in it that `embed_collection` did not write, and that it would remove.

    Raises:
        DataError: there is something else.
        ArtExtractError: the folder cannot be replaced.
    """
    out = real_path(out)
    recover(out)
    check_replaceable(out)
    if out.is_dir() and (other := first_other(out, WRITTEN)):
        raise DataError(f"{other} was not written by `artextract embed`; move it, or choose another folder.")


def write_parts(
    dataset: Dataset, embedder: Embedder, out: str | Path, *, shard: int = 0, shards: int = 1, progress: bool = False
) -> None:
    """Embed one share of the parts that are missing: every `shards`-th, from the `shard`-th on."""
    out = real_path(out)  # pyarrow takes a relative name with `://` for an address
    if not (plan := _read(out / PLAN)):
        return
    share = {start: min(plan["part"], plan["records"] - start) for start in _starts(plan)[shard::shards]}
    missing = {start: size for start, size in share.items() if not _path(out, start).is_file()}
    total, left = sum(share.values()), sum(missing.values())
    disable = None if progress else True
    with tqdm(total=total, initial=total - left, desc="embedding", unit="picture", disable=disable) as bar:
        for start, size in missing.items():
            table = _embedded(dataset.select(range(start, start + size)), embedder, bar)
            unfinished = _path(out, start).with_suffix(".new")
            pq.write_table(table, unfinished, use_dictionary=False)
            move_whole(unfinished, _path(out, start))


def join_parts(out: str | Path, *, left_out: SkipList | None = None) -> dict[str, Any]:
    """Put the parts together, one at a time in memory, and remove them; gives what embedder.json holds.

    Raises:
        DataError: a part is missing or damaged, or none of them holds a vector.
    """
    out = real_path(out)
    if not (plan := _read(out / PLAN)):
        return _read(out / ABOUT)
    paths = [_path(out, start) for start in _starts(plan)]
    with replacement(out) as new:
        ids, skipped = _join(new, paths, plan["dim"])
        about = {key: plan[key] for key in ("embedder", "fingerprint", "dim", "source")} | {
            "count": len(ids),
            "data": data_fingerprint(ids, _thumbnails(new / RECORDS)),
            "vectors": file_digest(new / VECTORS),
            "records": file_digest(new / RECORDS),
            "skipped": [*(left_out.as_json() if left_out else ()), *skipped],
        }
        _write(new / IDS, ids)
        _write(new / ABOUT, about)
    return about


def _plan(dataset: Dataset, embedder: Embedder, part: int) -> dict[str, Any]:
    ids = ids_of(dataset, DataError)
    return {
        "embedder": getattr(embedder, "name", type(embedder).__name__),
        "fingerprint": embedder.fingerprint,
        "dim": embedder.dim,
        "source": data_fingerprint(ids, _contents(dataset)),
        "records": len(ids),
        "part": part,
    }


def _contents(dataset: Dataset) -> Iterator[bytes]:
    """Each record whole: its row, and its picture as it is encoded."""
    names = names_of_classes(dataset.features)
    for record in encoded_pictures(indexed_columns(dataset)):
        row = json.dumps(row_of(record, names), default=str, sort_keys=True)
        yield row.encode() + encoded_bytes(record["image"])


def _starts(plan: dict[str, Any]) -> range:
    """The first record of each part."""
    return range(0, plan["records"], plan["part"])


def _path(out: Path, start: int) -> Path:
    return out / PARTS / f"{start:012d}.parquet"


def _embedded(dataset: Dataset, embedder: Embedder, bar: tqdm) -> pa.Table:
    """Records as rows with the column `vector`; what was skipped is noted in the table's metadata."""
    dataset = indexed_columns(dataset)
    skipped, names = SkipList(), names_of_classes(dataset.features)
    stored = [field for field in dataset.features.arrow_schema if field.name != "image"]
    # Types are those of the collection: else a part without a known year would not fit beside the others.
    fields = [pa.field(f.name, pa.string()) if f.name in names else pa.field(f.name, f.type) for f in stored]
    schema = pa.schema([*fields, ("thumbnail", pa.binary())])
    vectors, rows = [np.zeros((0, embedder.dim), dtype=np.float32)], []
    for found, records in embedded_batches(dataset, embedder, skipped):
        vectors.append(found)
        rows.extend(records)
        bar.update(len(records))
    bar.update(len(skipped.items))
    flat = pa.array(np.concatenate(vectors).ravel(), pa.float32())
    table = pa.Table.from_pylist(rows, schema).append_column(
        "vector", pa.FixedSizeListArray.from_arrays(flat, embedder.dim)
    )
    return table.replace_schema_metadata({"skipped": json.dumps(skipped.as_json())})


def _join(new: Path, paths: Sequence[Path], dim: int) -> tuple[list[str], list[dict[str, str]]]:
    """Write the vectors and rows of all parts, one part behind the other; gives the ids, and what was skipped."""
    count = sum(_from_part(pq.read_metadata, path).num_rows for path in paths)
    if not count:
        raise DataError("no picture of the collection can be decoded, so there is nothing to embed.")
    schema = _from_part(pq.read_schema, paths[0]).remove_metadata()
    schema = schema.remove(schema.get_field_index("vector"))
    header = {"descr": "<f4", "fortran_order": False, "shape": (count, dim)}
    ids: list[str] = []
    skipped: list[dict[str, str]] = []
    with (new / VECTORS).open("wb") as vectors, pq.ParquetWriter(new / RECORDS, schema) as writer:
        np.lib.format.write_array_header_1_0(vectors, header)  # not mapped: there, a full disk ends the process
        for path in paths:
            table = _from_part(pq.read_table, path)
            skipped += json.loads(table.schema.metadata[b"skipped"])
            table = table.replace_schema_metadata()
            vectors.write(table["vector"].combine_chunks().flatten().to_numpy())
            writer.write_table(table.select(schema.names))
            ids.extend(table["id"].to_pylist())
    return ids, skipped


def _from_part(read: Callable[[Path], Read], path: Path) -> Read:
    try:
        return read(path)
    except (OSError, pa.ArrowException) as error:
        reason = first_line(error)
        raise DataError(f"{path} is missing or damaged; delete {path.parent} and run again: {reason}") from None


def _thumbnails(records: Path) -> Iterator[bytes]:
    for batch in pq.ParquetFile(records).iter_batches(PART, columns=["thumbnail"]):
        yield from batch["thumbnail"].to_pylist()


def _read(path: Path) -> dict[str, Any]:
    """A JSON object; empty where there is none."""
    if not path.exists():
        return {}
    return read_document(path, lambda reason: DataError(f"{reason.rstrip('.')}; delete it and run again."))


def _write(path: Path, document: Any) -> None:
    write_whole(path, json.dumps(document, indent=2, ensure_ascii=False) + "\n")
