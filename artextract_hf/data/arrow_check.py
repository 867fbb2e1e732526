"""A program that reads Arrow and Parquet files in full, and dies in the place of whoever wants to read them.

    python arrow_check.py SECONDS FILE...    seconds of a processor that it may take

Exit code 0 says that reading them is safe. It imports nothing of this package, so that it starts in 0.2 s.
"""

import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

ARROW_MEMORY = 2**30  # bytes beside the files, which are mapped
PARQUET_MEMORY = 2**32  # a page may have 2 GB
ROWS = 16  # of a Parquet file at a time
MOST_RATIO, MOST_MORE = 20, 2**30  # what a Parquet file may unpack to: times its size, and bytes beside that


def main(seconds: int, files: list[str]) -> None:
    """Read the files, or end with one line on standard error."""
    if sys.platform != "win32":
        import resource

        memory = PARQUET_MEMORY if any(name.endswith(".parquet") for name in files) else ARROW_MEMORY
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for name in files:
        try:
            check_parquet(Path(name)) if name.endswith(".parquet") else check_arrow(Path(name))
        except (pa.ArrowException, OSError, MemoryError, ValueError) as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            sys.exit(f"{name} cannot be read as a data set: {reason}")


def check_arrow(path: Path) -> None:
    """Read an Arrow stream."""
    with pa.memory_map(str(path)) as file:
        pa.ipc.open_stream(file).read_all().validate(full=True)


def check_parquet(path: Path) -> None:
    """Read a Parquet file, some rows at a time."""
    left = MOST_RATIO * path.stat().st_size + MOST_MORE
    for batch in pq.ParquetFile(path, memory_map=True).iter_batches(ROWS, use_threads=False):
        batch.validate(full=True)
        left -= sum(map(unpacked, batch.columns))
        if left < 0:
            raise ValueError(f"it unpacks to more than {MOST_RATIO} times its size.")


def unpacked(array: pa.Array) -> int:
    """Bytes of an array whose dictionaries are written out: a value that one holds once can stand in every row."""
    if pa.types.is_dictionary(array.type):
        return array.dictionary_decode().nbytes
    if pa.types.is_struct(array.type):
        return sum(map(unpacked, array.flatten()))
    if pa.types.is_list(array.type) or pa.types.is_large_list(array.type):
        return unpacked(array.flatten())
    return array.nbytes


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
