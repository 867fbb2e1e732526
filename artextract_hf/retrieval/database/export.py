"""A table of paintings as the folder of an index in files."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from artextract_hf.outputs import working_room
from artextract_hf.retrieval.database.rows import VECTOR, vectors_of
from artextract_hf.retrieval.database.table import PaintingTable
from artextract_hf.retrieval.records import THUMBNAIL, RecordTable
from artextract_hf.retrieval.storage import write_index
from artextract_hf.retrieval.vectors.store import VectorStore


def write_table(table: PaintingTable, directory: str | Path) -> None:
    """Write a table as an index folder, all or nothing; an index that is there already is replaced.

    Rows are copied to files some at a time, and read from there. What has to fit into memory is the FAISS index.

    Raises:
        PaintingIndexError: the folder holds something else, or the table cannot be read.
        ArtExtractError: another run is writing the folder.
    """
    if not table.calibration.is_exact:
        table.fit_calibration()
    with working_room(directory) as folder:
        vectors, records = _copy(table, folder)
        store = VectorStore.build(vectors, metric=table.metric)
        embedder = {"embedder": table.embedder_name, "fingerprint": table.fingerprint}
        calibration = {"calibration": table.calibration.read().as_json()}
        write_index(
            directory, store, records, store.describe() | embedder | {"data": records.fingerprint} | calibration
        )


def _copy(table: PaintingTable, folder: Path) -> tuple[np.ndarray, RecordTable]:
    """All vectors (N, dim) and records, memory-mapped from files in a folder."""
    columns = [*table.fields.names, THUMBNAIL]
    schema = pa.schema([table.schema.field(name) for name in columns])
    count, has_pictures = 0, False
    with (
        (folder / "vectors").open("wb") as vectors,
        pa.ipc.new_file(str(folder / "records"), schema) as records,
    ):
        for batch in table.batches():
            rows = pa.Table.from_batches([batch])
            vectors.write(np.ascontiguousarray(vectors_of(rows.select([VECTOR]))).tobytes())
            records.write_table(rows.select(columns).cast(schema))
            has_pictures = has_pictures or rows[THUMBNAIL].null_count < len(rows)
            count += len(rows)
    copied = pa.ipc.open_file(pa.memory_map(str(folder / "records"))).read_all()
    mapped = (
        np.memmap(folder / "vectors", np.float32, "r", shape=(count, table.dim))
        if count
        else np.zeros((0, table.dim), np.float32)
    )
    return mapped, RecordTable(copied if has_pictures else copied.drop_columns([THUMBNAIL]))
