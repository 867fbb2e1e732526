"""A loopback server that speaks the Hub's HTTP protocol: three kinds of repositories, history, and faults on demand.

    loopback_hub.py     the Hub: what it keeps, and how a client finds it
    loopback_http.py    its answers to requests
    loopback_repo.py    repositories and faults
    loopback_xet.py     files that travel by Xet

Everything is in memory, but for what clients bring by Xet; without a store for that they are started with
HF_HUB_DISABLE_XET=1.
"""

import hashlib
import http.server
import re
import threading

from tests.hub.loopback_http import Handler
from tests.hub.loopback_repo import TOKEN, Fault, Repo, blob_id, is_lfs
from tests.hub.loopback_xet import XetStore


class LoopbackHub:
    """All repositories by (kind, id); what was `asked`; faults still to come; with a store, files travel by Xet."""

    def __init__(self, xet: XetStore | None = None) -> None:
        self.xet = xet
        self.repos: dict[tuple[str, str], Repo] = {}
        self.objects: dict[str, bytes] = {}
        self.collections: dict[str, list[dict]] = {}
        self.asked: list[str] = []
        self.faults: list[Fault] = []
        self.lock = threading.Lock()

    def start(self) -> "LoopbackHub":
        """Listen on a free port."""
        handler = type("Handler", (Handler,), {"hub": self})
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        return self

    def stop(self) -> None:
        """Listen no longer."""
        self.http.shutdown()
        self.http.server_close()

    def environment(self, home: object) -> dict[str, str]:
        """What a client's process needs to find this Hub and nothing else."""
        return {
            "HF_ENDPOINT": self.url,
            "HF_HUB_DISABLE_XET": "0" if self.xet else "1",
            "HF_HUB_OFFLINE": "0",
            "HF_TOKEN": TOKEN,
            "HF_HOME": str(home),
            "HF_HUB_DISABLE_TELEMETRY": "1",
        }

    def address(self, repo: Repo, *, api: bool = False) -> str:
        """Of a repository's page, or of its answers to programs."""
        if api:
            return f"{self.url}/api/{repo.kind}/{repo.id}"
        return f"{self.url}/{'' if repo.kind == 'models' else repo.kind + '/'}{repo.id}"

    def repo(self, id: str, kind: str = "models") -> Repo:
        """A repository that is there."""
        return self.repos[kind, id]

    def object(self, oid: str) -> bytes:
        """A file kept outside git, by its SHA-256."""
        if oid not in self.objects and self.xet:
            self.objects[oid] = self.xet.fetch(oid)
        return self.objects[oid]

    def entry(self, name: str, data: bytes) -> dict:
        """A file as `tree` lists it."""
        found: dict = {"type": "file", "path": name, "size": len(data), "oid": blob_id(data)}
        if is_lfs(name):
            digest = hashlib.sha256(data).hexdigest()
            found |= {"lfs": {"oid": digest, "size": len(data), "pointerSize": 134}}
            pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {len(data)}\n"
            found["oid"] = blob_id(pointer.encode())
            found |= {"xetHash": self.xet.hash_of(data)} if self.xet else {}
        return found

    def fails(self, asked: str) -> Fault | None:
        """The fault that meets this request, used up by it."""
        with self.lock:
            for fault in self.faults:
                if fault.times > 0 and re.search(fault.where, asked):
                    fault.times -= 1
                    return fault
        return None
