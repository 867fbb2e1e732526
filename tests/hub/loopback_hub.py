"""A loopback server that speaks as much of the Hub's HTTP protocol as pushing a repository takes."""

import base64
import http.server
import json
import re
import threading
from urllib.parse import urlsplit


class LoopbackHub:
    """One repository in memory: `files` by path, the number of `commits`, and every path that was `asked`."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.objects: dict[str, bytes] = {}
        self.commits = 0
        self.asked: list[str] = []

    def start(self) -> "LoopbackHub":
        """Listen on a free port."""
        handler = type("Handler", (_Handler,), {"hub": self})
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        return self

    def stop(self) -> None:
        """Listen no longer."""
        self.http.shutdown()
        self.http.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    hub: LoopbackHub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None: ...

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        data = b""
        while size := int(self.rfile.readline(), 16):
            data += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return data

    def _send(self, answer: object, status: int = 200) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        self.hub.asked.append(f"GET {path}")
        if path == "/api/whoami-v2":
            return self._send({"name": "somebody", "orgs": []})
        if re.fullmatch(r"/api/datasets/[^/]+/[^/]+(/revision/main)?", path):
            siblings = [{"rfilename": name} for name in self.hub.files]
            return self._send({"id": "somebody/paintings", "sha": f"{self.hub.commits:040d}", "siblings": siblings})
        if "/tree/" in path:
            files = [{"type": "file", "path": n, "oid": "0" * 40, "size": len(d)} for n, d in self.hub.files.items()]
            return self._send(files)
        return self._send({"error": "not found"}, 404)

    def do_POST(self) -> None:
        path, body = urlsplit(self.path).path, self._body()
        self.hub.asked.append(f"POST {path}")
        if path == "/api/repos/create":
            asked = json.loads(body)
            owner = asked.get("organization") or "somebody"
            return self._send({"url": f"{self.hub.url}/datasets/{owner}/{asked['name']}"})
        if path == "/api/validate-yaml":
            return self._send({"warnings": [], "errors": []})
        if "/preupload/" in path:
            files = [
                {"path": f["path"], "uploadMode": self._mode(f["path"]), "shouldIgnore": False}
                for f in json.loads(body)["files"]
            ]
            return self._send({"files": files})
        if path.endswith("/info/lfs/objects/batch"):
            objects = json.loads(body)["objects"]
            upload = [{**o, "actions": {"upload": {"href": f"{self.hub.url}/lfs/{o['oid']}"}}} for o in objects]
            return self._send({"transfer": "basic", "objects": upload})
        if "/commit/" in path:
            self._commit([json.loads(line) for line in body.splitlines() if line.strip()])
            oid = f"{self.hub.commits:040d}"
            return self._send(
                {
                    "success": True,
                    "commitUrl": f"{self.hub.url}/datasets/somebody/paintings/commit/{oid}",
                    "commitOid": oid,
                }
            )
        return self._send({"error": "not found"}, 404)

    def _mode(self, path: str) -> str:
        return "lfs" if path.endswith(".parquet") else "regular"

    def do_PUT(self) -> None:
        self.hub.asked.append("PUT /lfs")
        self.hub.objects[self.path.rpartition("/")[2]] = self._body()
        self._send({})

    def _commit(self, operations: list[dict]) -> None:
        for operation in operations:
            value = operation["value"]
            if operation["key"] == "file":
                self.hub.files[value["path"]] = base64.b64decode(value["content"])
            elif operation["key"] == "lfsFile":
                self.hub.files[value["path"]] = self.hub.objects[value["oid"]]
            elif operation["key"] == "deletedFile":
                self.hub.files.pop(value["path"], None)
        self.hub.commits += 1
