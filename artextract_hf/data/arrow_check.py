"""A program that validates Arrow files in full, and dies in the place of whoever wants to read them.

    python arrow_check.py MEMORY SECONDS FILE...    bytes beside the files, which are mapped; seconds of a processor

Exit code 0 says that reading them is safe. It imports nothing of this package, so that it starts in 0.2 s.
"""

import sys

import pyarrow as pa


def main(memory: int, seconds: int, files: list[str]) -> None:
    """Validate the files, or end with one line on standard error."""
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for name in files:
        try:
            with pa.memory_map(name) as file:
                pa.ipc.open_stream(file).read_all().validate(full=True)
        except (pa.ArrowException, OSError, MemoryError) as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            sys.exit(f"{name} cannot be read as a data set: {reason}")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
