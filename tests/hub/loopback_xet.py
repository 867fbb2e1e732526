"""What stands behind Xet on the Hub, as folders that the real client (hf_xet) reads and writes: `local://` addresses.

The client locks such a folder, so every token leads to one of its own. A commit names files by SHA-256 and Xet by a
hash of its own; the shards that the client writes say which is which.
"""

import contextlib
import itertools
import shutil
import struct
import warnings
from collections.abc import Iterator
from pathlib import Path

import hf_xet

ENTRY = 48  # bytes of a shard's header, and of every row of its tables
HAS_VERIFICATION, HAS_SHA256 = 0x80000000, 0x40000000
END = b"\xff" * 32


class XetStore:
    """Everything that was ever uploaded.

    Args:
        root: an empty folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.uploads: list[Path] = []
        self.numbers = itertools.count()

    def write_url(self) -> str:
        """Where the next client puts its files."""
        self.uploads.append(self._folder())
        return f"local://{self.uploads[-1]}"

    def read_url(self, files: list[bytes]) -> str:
        """Where a client finds these files."""
        source = self._folder()
        with quietly():
            hf_xet.upload_bytes(files, f"local://{source}", None, None, None, "model")
        return f"local://{self._copy(source)}"

    def fetch(self, sha256: str) -> bytes:
        """A file that a client has uploaded.

        Raises:
            KeyError: none has.
        """
        for folder in self.uploads:
            for shard in folder.rglob("shards/*.mdb"):
                for digest, xet_hash, size in files_of(shard.read_bytes()):
                    if digest == sha256:
                        file = self._folder() / "file"
                        wanted = [hf_xet.PyXetDownloadInfo(str(file), xet_hash, size)]
                        with quietly():
                            hf_xet.download_files(wanted, f"local://{self._copy(folder)}", None, None, None)
                        return file.read_bytes()
        raise KeyError(sha256)

    def hash_of(self, data: bytes) -> str:
        """Xet's name of a file."""
        file = self._folder() / "file"
        file.write_bytes(data)
        return hf_xet.hash_files([str(file)])[0].hash

    def _folder(self) -> Path:
        folder = self.root / str(next(self.numbers))
        folder.mkdir(parents=True)
        return folder

    def _copy(self, folder: Path) -> Path:
        return shutil.copytree(folder, self._folder(), dirs_exist_ok=True)


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """These two functions are deprecated; what replaces them asks for its tokens over HTTP."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


def files_of(shard: bytes) -> Iterator[tuple[str, str, int]]:
    """SHA-256, Xet's hash and size of the files of a shard (layout: xet-core, `mdb_shard/src/file_structs.rs`)."""
    at = ENTRY
    while shard[at : at + 32] != END:
        name, (flags, number) = shard[at : at + 32], struct.unpack_from("<II", shard, at + 32)
        at += ENTRY
        size = sum(struct.unpack_from("<I", shard, at + ENTRY * i + 36)[0] for i in range(number))
        at += ENTRY * number * (2 if flags & HAS_VERIFICATION else 1)
        if flags & HAS_SHA256:
            yield hexadecimal(shard[at : at + 32]), hexadecimal(name), size
            at += ENTRY


def hexadecimal(digest: bytes) -> str:
    """Xet writes a hash as four numbers of 64 bits, the lowest byte first."""
    return b"".join(digest[i : i + 8][::-1] for i in range(0, 32, 8)).hex()
