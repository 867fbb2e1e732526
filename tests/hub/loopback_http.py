"""The requests of the Hub's HTTP protocol that the real client makes, answered from a `LoopbackHub`; faults on demand.

Written from the requests that huggingface_hub makes (its `hf_api.py`, `_commit_api.py`, `lfs.py`, `file_download.py`).
"""

import base64
import hashlib
import http.server
import json
import re
import socket
import struct
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import yaml

from tests.hub.loopback_repo import TOKEN, Repo, is_lfs, parents

SLOW_S = 0.2  # of a slow answer
SPACE_COLOURS = ("red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray")
REPO = r"/api/(?P<kind>models|datasets|spaces)/(?P<id>[^/]+/[^/]+)"
FILE = r"/(?:(?P<kind>datasets|spaces)/)?(?P<id>[^/]+/[^/]+)"


def card_errors(content: str, kind: str) -> list[str]:
    """What the Hub refuses in a card's front matter (huggingface.co/docs/hub: spaces-config-reference, model-cards)."""
    match = re.match(r"---\n(.*?)\n---\n", content, re.DOTALL)
    about = yaml.safe_load(match[1]) if match else None
    if not isinstance(about, dict):
        return [] if kind != "space" else ["a Space needs a front matter"]
    errors = []
    if kind == "space":
        errors += [f"{key} is missing" for key in ("title", "sdk", "colorFrom", "colorTo") if key not in about]
        errors += [f"{key} is no colour" for key in ("colorFrom", "colorTo") if about.get(key) not in SPACE_COLOURS]
        errors += ["short_description is too long"] if len(about.get("short_description", "")) > 60 else []
        errors += ["no such sdk"] if about.get("sdk") not in ("gradio", "docker", "static") else []
    for key in ("tags", "datasets", "models"):
        errors += [f"{key} is no list of texts"] if not all(isinstance(v, str) for v in about.get(key, [])) else []
    for model in about.get("model-index", []):
        for result in model["results"]:
            whole = "type" in result["task"] and {"name", "type"} <= set(result["dataset"])
            errors += [] if whole and all({"type", "value"} <= set(m) for m in result["metrics"]) else ["model-index"]
    if not str(about.get("thumbnail", "https://")).startswith(("https://", "http://127.0.0.1")):
        errors.append("thumbnail is no address")
    return errors


class Handler(http.server.BaseHTTPRequestHandler):
    hub: Any  # the LoopbackHub that listens; its module imports this one
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None: ...

    def do_GET(self) -> None:
        self._serve()

    do_HEAD = do_POST = do_PUT = do_DELETE = do_GET

    def _serve(self) -> None:
        split = urlsplit(self.path)
        path, query = unquote(split.path), parse_qs(split.query)
        asked, body = f"{self.command} {path}", self._body()
        self.hub.asked.append(asked)
        fault = self.hub.fails(asked)
        if fault and isinstance(fault.how, int):
            headers = {"Retry-After": str(fault.retry_after)} if fault.retry_after is not None else {}
            return self._json({"error": "as asked for"}, fault.how, headers)
        if fault and fault.how == "cut":
            return self._hang_up()
        if fault and fault.how == "slow":
            time.sleep(SLOW_S)
        self.lost, self.half = (bool(fault and fault.how == how) for how in ("lost", "half"))
        for method, pattern, answer in ROUTES:
            match = re.fullmatch(pattern, path)
            if match and re.fullmatch(method, self.command):
                groups = match.groupdict()
                if "id" not in groups:
                    return answer(self, body)
                repo = self.hub.repos.get((groups["kind"] or "models", groups["id"].removesuffix(".git")))
                if repo is None:
                    return self._json({"error": "no such repository"}, 404, {"X-Error-Code": "RepoNotFound"})
                return answer(self, repo, body, query, **{k: v for k, v in groups.items() if k not in ("id", "kind")})
        return self._json({"error": f"this Hub knows no {asked}"}, 404)

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        data = b""
        while size := int(self.rfile.readline(), 16):
            data += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return data

    def _hang_up(self) -> None:
        """Reset the connection."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def _json(self, answer: object, status: int = 200, headers: dict[str, str] | None = None) -> None:
        if getattr(self, "lost", False):
            return self._hang_up()
        data = json.dumps(answer).encode()
        self.send_response(status)
        about = {"Content-Type": "application/json", "Content-Length": str(len(data))}
        for name, value in (about | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)
        return None

    # --- answers: of the Hub as a whole ---

    def whoami(self, body: bytes) -> None:
        if self.headers.get("authorization") != f"Bearer {TOKEN}":
            return self._json({"error": "Invalid token"}, 401)
        return self._json({"name": "somebody", "type": "user", "orgs": []})

    def validate_card(self, body: bytes) -> None:
        asked = json.loads(body)
        errors = card_errors(asked["content"], asked["repoType"])
        self._json({"warnings": [], "errors": [{"message": error} for error in errors]}, 400 if errors else 200)

    def create(self, body: bytes) -> None:
        wanted = json.loads(body)
        id, kind = f"{wanted.get('organization') or 'somebody'}/{wanted['name']}", wanted.get("type", "model") + "s"
        url = f"{self.hub.url}/{'' if kind == 'models' else kind + '/'}{id}"
        if (kind, id) in self.hub.repos:
            return self._json({"error": "You already created this repo", "url": url}, 409)
        private = wanted.get("visibility") == "private" or bool(wanted.get("private"))
        self.hub.repos[kind, id] = Repo(kind, id, private)
        self.hub.repos[kind, id].commit({".gitattributes": b""})
        return self._json({"url": url})

    def put_object(self, body: bytes) -> None:
        oid = self.path.rpartition("/")[2]
        if hashlib.sha256(body).hexdigest() != oid:
            return self._json({"error": "checksum"}, 400)
        self.hub.objects[oid] = body
        return self._json({})

    def create_collection(self, body: bytes) -> None:
        wanted = json.loads(body)
        slug = f"{wanted['namespace']}/{wanted['title'].lower()}-0123456789ab"
        there = slug in self.hub.collections
        self.hub.collections.setdefault(slug, [])
        self._json(self._collection(slug), 409 if there else 200)

    def collection(self, body: bytes) -> None:
        slug = "/".join(urlsplit(self.path).path.split("/")[3:5])
        if self.command == "POST":
            item = json.loads(body)["item"]
            if item in self.hub.collections[slug]:
                return self._json({"error": "already in it"}, 409)
            self.hub.collections[slug].append(item)
        return self._json(self._collection(slug))

    def _collection(self, slug: str) -> dict:
        items = [{"_id": str(i), "position": i, **item} for i, item in enumerate(self.hub.collections[slug])]
        about = {"slug": slug, "title": slug, "owner": {"name": "somebody"}, "items": items, "private": False}
        return about | {"lastUpdated": "2026-01-01T00:00:00.000Z", "position": 0, "theme": "blue", "upvotes": 0}

    # --- answers: of one repository ---

    def info(self, repo: Repo, body: bytes, query: dict, revision: str | None = None) -> None:
        files = repo.at(revision or "main")
        if files is None:
            return self._json({"error": "no such revision"}, 404, {"X-Error-Code": "RevisionNotFound"})
        oid = next(oid for oid, kept in reversed(repo.commits) if kept is files or kept == files)
        return self._json(
            {"id": repo.id, "sha": oid, "private": repo.private, "siblings": [{"rfilename": name} for name in files]}
        )

    def tree(self, repo: Repo, body: bytes, query: dict, revision: str, under: str | None = None) -> None:
        files = repo.at(revision)
        if files is None:
            return self._json({"error": "no such revision"}, 404, {"X-Error-Code": "RevisionNotFound"})
        prefix = f"{under.strip('/')}/" if under and under.strip("/") else ""
        inside = {name: data for name, data in files.items() if name.startswith(prefix)}
        if prefix and not inside:
            return self._json({"error": "no such folder"}, 404, {"X-Error-Code": "EntryNotFound"})
        whole = query.get("recursive", ["false"])[0].lower() in ("true", "1")
        folders = sorted({parent for name in inside for parent in parents(name) if len(parent) > len(prefix)})
        found = [{"type": "directory", "path": folder, "oid": "0" * 40, "size": 0} for folder in folders]
        found += [self.hub.entry(name, data) for name, data in inside.items()]
        return self._json([item for item in found if whole or "/" not in item["path"].removeprefix(prefix)])

    def paths_info(self, repo: Repo, body: bytes, query: dict, revision: str) -> None:
        asked = parse_qs(body.decode()).get("paths", [])
        files = repo.at(revision) or {}
        folders = {parent for name in files for parent in parents(name)}
        found = [self.hub.entry(name, files[name]) for name in asked if name in files]
        found += [{"type": "directory", "path": n, "oid": "0" * 40, "size": 0} for n in asked if n in folders]
        self._json(found)

    def refs(self, repo: Repo, body: bytes, query: dict) -> None:
        branches = [{"name": "main", "ref": "refs/heads/main", "targetCommit": repo.head}]
        tags = [{"name": t, "ref": f"refs/tags/{t}", "targetCommit": oid} for t, oid in repo.tags.items()]
        self._json({"branches": branches, "tags": tags, "converts": []})

    def preupload(self, repo: Repo, body: bytes, query: dict, revision: str) -> None:
        answers = []
        for file in json.loads(body)["files"]:
            path = file["path"]
            answers.append({"path": path, "uploadMode": "lfs" if is_lfs(path) else "regular", "shouldIgnore": False})
            if path in repo.files:
                about = self.hub.entry(path, repo.files[path])
                answers[-1]["oid"] = about["lfs"]["oid"] if "lfs" in about else about["oid"]
        self._json({"files": answers})

    def lfs_batch(self, repo: Repo, body: bytes, query: dict) -> None:
        objects = []
        for wanted in json.loads(body)["objects"]:
            upload = {"upload": {"href": f"{self.hub.url}/lfs/{wanted['oid']}"}}
            objects.append(wanted if wanted["oid"] in self.hub.objects else {**wanted, "actions": upload})
        self._json({"transfer": "basic", "objects": objects})

    def commit(self, repo: Repo, body: bytes, query: dict, revision: str) -> None:
        files = dict(repo.files)
        for operation in (json.loads(line) for line in body.splitlines() if line.strip()):
            value = operation["value"]
            if operation["key"] == "header" and value.get("parentCommit") not in (None, repo.head):
                return self._json({"error": "the parent has moved"}, 412)
            if operation["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif operation["key"] == "lfsFile":
                files[value["path"]] = self.hub.object(value["oid"])
            elif operation["key"] == "deletedFile":
                files.pop(value["path"], None)
        oid = repo.commit(files)
        url = f"{self.hub.address(repo)}/commit/{oid}"
        return self._json({"success": True, "commitUrl": url, "commitOid": oid})

    def tag(self, repo: Repo, body: bytes, query: dict, revision: str) -> None:
        name = json.loads(body)["tag"]
        if name in repo.tags:
            return self._json({"error": "Tag already exists"}, 409)
        repo.tags[name] = repo.head if revision == "main" else revision
        return self._json({})

    def variable(self, repo: Repo, body: bytes, query: dict) -> None:
        wanted = json.loads(body)
        repo.variables[wanted["key"]] = wanted["value"]
        self._json({key: {"value": value} for key, value in repo.variables.items()})

    def xet_token(self, repo: Repo, body: bytes, query: dict, right: str, revision: str) -> None:
        if self.hub.xet is None:
            return self._json({"error": "no Xet here"}, 404)
        large = [data for name, data in (repo.at(revision) or {}).items() if is_lfs(name)]
        url = self.hub.xet.write_url() if right == "write" else self.hub.xet.read_url(large)
        token, expires = "xet_token_of_nobody", 2**31
        headers = {"X-Xet-Cas-Url": url, "X-Xet-Access-Token": token, "X-Xet-Token-Expiration": str(expires)}
        return self._json({"casUrl": url, "accessToken": token, "exp": expires}, headers=headers)

    def resolve(self, repo: Repo, body: bytes, query: dict, revision: str, path: str) -> None:
        files = repo.at(revision)
        if files is None:
            return self._json({"error": "no such revision"}, 404, {"X-Error-Code": "RevisionNotFound"})
        oid = repo.tags.get(revision, repo.head if revision == "main" else revision)
        if path not in files:
            return self._json({"error": "no such file"}, 404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": oid})
        data = files[path]
        about = self.hub.entry(path, data)
        start = int(m[1]) if (m := re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))) else 0
        self.send_response(206 if start else 200)
        self.send_header("X-Repo-Commit", oid)
        self.send_header("ETag", f'"{about["lfs"]["oid"] if "lfs" in about else about["oid"]}"')
        self.send_header("Accept-Ranges", "bytes")
        if "xetHash" in about:
            self.send_header("X-Xet-Hash", about["xetHash"])
            self.send_header("Link", f'<{self.hub.address(repo, api=True)}/xet-read-token/{oid}>; rel="xet-auth"')
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        if self.half:
            self.wfile.write(data[start : start + (len(data) - start) // 2])
            self.wfile.flush()
            return self._hang_up()
        if self.command == "GET":
            self.wfile.write(data[start:])
        return None


def _routes() -> Iterator[tuple]:
    yield "GET", "/api/whoami-v2", Handler.whoami
    yield "POST", "/api/validate-yaml", Handler.validate_card
    yield "POST", "/api/repos/create", Handler.create
    yield "PUT", "/lfs/[0-9a-f]+", Handler.put_object
    yield "POST", "/api/collections", Handler.create_collection
    yield "GET|POST", "/api/collections/[^/]+/[^/]+(?:/items)?", Handler.collection
    yield "GET", REPO + r"(?:/revision/(?P<revision>[^/]+))?", Handler.info
    yield "GET", REPO + r"/tree/(?P<revision>[^/]+)(?P<under>/.*)?", Handler.tree
    yield "POST", REPO + r"/paths-info/(?P<revision>[^/]+)", Handler.paths_info
    yield "GET", REPO + "/refs", Handler.refs
    yield "POST", REPO + r"/preupload/(?P<revision>[^/]+)", Handler.preupload
    yield "POST", REPO + r"/commit/(?P<revision>[^/]+)", Handler.commit
    yield "GET", REPO + r"/xet-(?P<right>write|read)-token/(?P<revision>[^/]+)", Handler.xet_token
    yield "POST", REPO + r"/tag/(?P<revision>[^/]+)", Handler.tag
    yield "POST", REPO + "/variables", Handler.variable
    yield "POST", FILE + r"/info/lfs/objects/batch", Handler.lfs_batch
    yield "GET|HEAD", FILE + r"/resolve/(?P<revision>[^/]+)/(?P<path>.+)", Handler.resolve


ROUTES = list(_routes())
