"""What the loopback Hub keeps: repositories with their history, the names that git gives files, and faults to come."""

import hashlib
from dataclasses import dataclass, field

TOKEN = "hf_secret_token_of_nobody"
LFS_SUFFIXES = (".safetensors", ".parquet", ".png", ".jpg", ".onnx", ".faiss", ".bin")


@dataclass
class Fault:
    """What goes wrong: `how` is a status, or `cut`, `slow`, `half` (of a file) or `lost` (done without an answer)."""

    where: str  # pattern of "METHOD /path"
    how: int | str
    times: int = 1
    retry_after: int | None = None


@dataclass
class Repo:
    """One repository: its commits, each with all files, and names for them."""

    kind: str
    id: str
    private: bool = False
    commits: list[tuple[str, dict[str, bytes]]] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def head(self) -> str:
        return self.commits[-1][0]

    @property
    def files(self) -> dict[str, bytes]:
        return self.commits[-1][1]

    def at(self, revision: str) -> dict[str, bytes] | None:
        """All files of a revision."""
        oid = self.head if revision == "main" else self.tags.get(revision, revision)
        return dict(self.commits).get(oid)

    def commit(self, files: dict[str, bytes]) -> str:
        """Add a commit that holds these files."""
        seed = f"{self.id}{len(self.commits)}".encode() + b"".join(sorted(name.encode() for name in files))
        oid = hashlib.sha1(seed).hexdigest()
        self.commits.append((oid, files))
        return oid


def blob_id(data: bytes) -> str:
    """git's name of a file."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def parents(path: str) -> list[str]:
    """The folders above a file: of a/b/c, a and a/b."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[: i + 1]) for i in range(len(parts))]


def is_lfs(path: str) -> bool:
    """Whether the Hub keeps a file outside git."""
    return path.endswith(LFS_SUFFIXES)
