"""The routes of the test Hub: what each request of the protocol gets."""

import base64
import hashlib
import json
import re
import time
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "hf_" + "x" * 34
LARGE = (".parquet", ".safetensors", ".bin", ".png", ".npy", ".arrow")
PLURAL = {"models": "model", "datasets": "dataset", "spaces": "space"}


class _Answer(Exception):
    """Ends a request."""

    def __init__(self, status: int, body: object = None, headers: dict[str, str] | None = None) -> None:
        super().__init__(status)
        self.status, self.body, self.headers = status, body, headers or {}


def _missing(code: str, message: str = "not found") -> _Answer:
    return _Answer(404, {"error": message}, {"X-Error-Code": code, "X-Error-Message": message})


class Handler(BaseHTTPRequestHandler):
    server_hub: Any  # the HubServer whose thread this runs in
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        return

    def _handle(self) -> None:
        hub, method = self.server_hub, self.command
        parts = urlsplit(self.path)
        self.route, self.query = unquote(parts.path), parse_qs(parts.query)
        hub.requests.append((method, self.route))
        fault = hub.take_fault(method, self.route)
        length = int(self.headers.get("Content-Length") or 0)
        chunked = self.headers.get("Transfer-Encoding", "").lower() == "chunked"
        if fault and fault.drop == "before":
            self.rfile.read(length // 2)
            return self._hang_up()
        self.body = self._chunks() if chunked else self.rfile.read(length)
        try:
            if fault:
                time.sleep(fault.delay)
                if fault.status:
                    after = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
                    raise _Answer(fault.status, {"error": f"fault {fault.status}"}, after)
            with hub.lock:
                self._authorise()
                self._dispatch(method, fault)
        except _Answer as answer:
            if fault and fault.drop == "after":
                return self._hang_up()
            self._send(answer)

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = _handle

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.close()

    def _chunks(self) -> bytes:
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _send(self, answer: _Answer) -> None:
        body = (
            answer.body
            if isinstance(answer.body, bytes)
            else json.dumps({} if answer.body is None else answer.body).encode()
        )
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body))} | answer.headers
        try:
            self.send_response(answer.status)
            for key, value in headers.items():
                self.send_header(key, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _authorise(self) -> None:
        given = self.headers.get("Authorization", "").removeprefix("Bearer ")
        self.known = given == TOKEN
        if self.command in ("POST", "PUT", "DELETE") and "/lfs-store/" not in self.route and not self.known:
            raise _Answer(401, {"error": "Invalid credentials"}, {"X-Error-Message": "Invalid user token."})

    def _dispatch(self, method: str, fault: Any) -> None:
        for verb, pattern, action in _ROUTES:
            found = re.fullmatch(pattern, self.route)
            if found and method in verb:
                if action == "_commit" and fault and fault.conflict:
                    repo = self._repo(found[1], found[2])
                    repo.commit({**repo.head.files, "theirs.txt": b"someone else"}, "someone else's commit")
                getattr(self, action)(*found.groups())
        raise _Answer(404, {"error": f"no route {method} {self.route}"})

    def _repo(self, kinds: str | None, name: str) -> Any:
        kind = PLURAL[(kinds or "models").strip("/")]
        repo = self.server_hub.repos.get((kind, name))
        if repo is None or (repo.private and not self.known):
            raise _missing("RepoNotFound", "Repository not found")
        return repo

    def _at(self, repo: Any, revision: str) -> Any:
        commit = repo.at(revision)
        if commit is None:
            raise _missing("RevisionNotFound", f"Invalid rev id: {revision}")
        return commit

    def _whoami(self) -> None:
        if not self.known:
            raise _Answer(401, {"error": "Invalid credentials"}, {"X-Error-Message": "Invalid user token."})
        auth = {"accessToken": {"displayName": "test", "role": "write"}}
        raise _Answer(200, {"type": "user", "name": self.server_hub.user, "orgs": [], "auth": auth})

    def _create(self) -> None:
        asked = json.loads(self.body)
        kind = asked.get("type") or "model"
        name = f"{asked.get('organization') or self.server_hub.user}/{asked['name']}"
        url = self.server_hub.url(kind, name)
        if (kind, name) in self.server_hub.repos:
            raise _Answer(409, {"error": "You already created this repo", "url": url})
        private = bool(asked.get("private")) or asked.get("visibility") == "private"
        self.server_hub.create(kind, name, private=private, sdk=asked.get("sdk"))
        raise _Answer(200, {"url": url, "name": name, "id": name})

    def _delete(self) -> None:
        asked = json.loads(self.body)
        self.server_hub.repos.pop(
            (asked.get("type") or "model", f"{asked['organization']}/{asked['name']}"), None
        )
        raise _Answer(200, {})

    def _validate(self) -> None:
        raise _Answer(200, {"errors": [], "warnings": []})

    def _preupload(self, kinds: str, name: str, revision: str) -> None:
        files = self._at(self._repo(kinds, name), revision).files
        answer = []
        for asked in json.loads(self.body)["files"]:
            path = asked["path"]
            large = path.endswith(LARGE) or asked["size"] > 10 * 2**20
            entry = {"path": path, "uploadMode": "lfs" if large else "regular", "shouldIgnore": False}
            if path in files:
                entry["oid"] = hashlib.sha256(files[path]).hexdigest() if large else _git_oid(files[path])
            answer.append(entry)
        raise _Answer(200, {"files": answer})

    def _lfs_batch(self, kinds: str | None, name: str) -> None:
        self._repo(kinds, name)
        objects = []
        for asked in json.loads(self.body)["objects"]:
            entry = {"oid": asked["oid"], "size": asked["size"]}
            if asked["oid"] not in self.server_hub.blobs:
                href = f"{self.server_hub.endpoint}/lfs-store/{asked['oid']}"
                entry["actions"] = {"upload": {"href": href, "header": {}}}
            objects.append(entry)
        raise _Answer(200, {"transfer": "basic", "objects": objects})

    def _lfs_put(self, oid: str) -> None:
        if hashlib.sha256(self.body).hexdigest() != oid:
            raise _Answer(400, {"error": "sha256 does not match"})
        self.server_hub.blobs[oid] = self.body
        raise _Answer(200, {})

    def _commit(self, kinds: str, name: str, revision: str) -> None:
        repo = self._repo(kinds, name)
        head = self._at(repo, revision)
        files, message = dict(head.files), ""
        for line in self.body.splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "header":
                message = value["summary"]
                parent = value.get("parentCommit")
                if parent and parent != head.oid:
                    raise _Answer(
                        412, {"error": "A commit has happened since. Please refresh and try again."}
                    )
            elif entry["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif entry["key"] == "lfsFile":
                if value["oid"] not in self.server_hub.blobs:
                    raise _Answer(
                        400, {"error": f"LFS pointer pointed to a file that does not exist: {value['path']}"}
                    )
                files[value["path"]] = self.server_hub.blobs[value["oid"]]
            elif entry["key"] == "deletedFile":
                files.pop(value["path"], None)
            elif entry["key"] == "deletedFolder":
                folder = value["path"].rstrip("/") + "/"
                files = {path: data for path, data in files.items() if not path.startswith(folder)}
        commit = repo.commit(files, message, branch=revision)
        url = f"{self.server_hub.url(repo.kind, name)}/commit/{commit.oid}"
        raise _Answer(200, {"success": True, "commitOid": commit.oid, "commitUrl": url, "hookOutput": ""})

    def _info(self, kinds: str, name: str, revision: str | None = None) -> None:
        repo = self._repo(kinds, name)
        commit = self._at(repo, revision or "main")
        siblings = [_entry(path, data) | {"rfilename": path} for path, data in sorted(commit.files.items())]
        body = {
            "_id": "0" * 24,
            "id": name,
            "modelId": name,
            "sha": commit.oid,
            "private": repo.private,
            "tags": [],
        }
        raise _Answer(
            200, body | {"siblings": siblings, "downloads": 0, "likes": 0, "author": name.split("/")[0]}
        )

    def _tree(self, kinds: str, name: str, revision: str, folder: str | None) -> None:
        files = self._at(self._repo(kinds, name), revision).files
        prefix = f"{folder.strip('/')}/" if folder and folder.strip("/") else ""
        inside = {path: data for path, data in sorted(files.items()) if path.startswith(prefix)}
        if prefix and not inside:
            raise _missing("EntryNotFound", f"{folder} does not exist")
        recursive = self.query.get("recursive", ["false"])[0].lower() == "true"
        found = []
        for path, data in inside.items():
            deeper = path[len(prefix) :].split("/")[:-1]
            folders = [prefix + "/".join(deeper[: n + 1]) for n in range(len(deeper))]
            for name_ in folders[: None if recursive else 1]:
                entry = {"type": "directory", "path": name_, "size": 0, "oid": "0" * 40}
                if entry not in found:
                    found.append(entry)
            if recursive or not deeper:
                found.append(_entry(path, data))
        raise _Answer(200, found)

    def _paths(self, kinds: str, name: str, revision: str) -> None:
        files = self._at(self._repo(kinds, name), revision).files
        text = self.body.decode()
        asked = json.loads(text)["paths"] if text.startswith("{") else parse_qs(text)["paths"]
        raise _Answer(200, [_entry(path, files[path]) for path in asked if path in files])

    def _refs(self, kinds: str, name: str) -> None:
        head = self._repo(kinds, name).head.oid
        branch = {"name": "main", "ref": "refs/heads/main", "targetCommit": head}
        raise _Answer(200, {"branches": [branch], "converts": [], "tags": [], "pullRequests": []})

    def _resolve(self, kinds: str | None, name: str, revision: str, path: str) -> None:
        commit = self._at(self._repo(kinds, name), revision)
        if path not in commit.files:
            raise _missing("EntryNotFound", "Entry not found")
        data = commit.files[path]
        headers = {"X-Repo-Commit": commit.oid, "ETag": f'"{_git_oid(data)}"', "Accept-Ranges": "bytes"}
        headers["Content-Type"] = "application/octet-stream"
        status, asked = 200, re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if asked:
            low, high = int(asked[1]), min(int(asked[2] or len(data) - 1), len(data) - 1)
            headers["Content-Range"] = f"bytes {low}-{high}/{len(data)}"
            status, data = 206, data[low : high + 1]
        raise _Answer(status, data, headers | {"Content-Length": str(len(data))})


def _git_oid(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def _entry(path: str, data: bytes) -> dict:
    entry = {"type": "file", "path": path, "size": len(data), "oid": _git_oid(data)}
    if path.endswith(LARGE):
        digest = hashlib.sha256(data).hexdigest()  # trees call it oid, siblings sha256
        entry["lfs"] = {"oid": digest, "sha256": digest, "size": len(data), "pointerSize": 134}
    return entry


_API = r"/api/(models|datasets|spaces)/([^/]+/[^/]+)"
_AT = r"(refs/[^/]+/[^/]+|[^/]+)"  # a branch such as refs/convert/parquet, or any name without slashes
_ROUTES = [
    (("GET",), r"/api/whoami-v2", "_whoami"),
    (("POST",), r"/api/repos/create", "_create"),
    (("DELETE",), r"/api/repos/delete", "_delete"),
    (("POST",), r"/api/validate-yaml", "_validate"),
    (("POST",), _API + r"/preupload/" + _AT, "_preupload"),
    (("POST",), _API + r"/commit/" + _AT, "_commit"),
    (("POST",), _API + r"/paths-info/" + _AT, "_paths"),
    (("GET",), _API + r"/tree/" + _AT + r"(/.*)?", "_tree"),
    (("GET",), _API + r"/refs", "_refs"),
    (("GET",), _API + r"/revision/" + _AT, "_info"),
    (("GET",), _API, "_info"),
    (("POST",), r"/(datasets/|spaces/)?([^/]+/[^/]+)\.git/info/lfs/objects/batch", "_lfs_batch"),
    (("PUT",), r"/lfs-store/([0-9a-f]{64})", "_lfs_put"),
    (("GET", "HEAD"), r"/(datasets/|spaces/)?([^/]+/[^/]+)/resolve/" + _AT + r"/(.+)", "_resolve"),
]
