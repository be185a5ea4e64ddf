"""A Hub to test against: a small HTTP server that the real clients push to and pull from.

It speaks enough of the protocol for `huggingface_hub`, `datasets`, `transformers` and `peft`: repositories of
three kinds with commits, large files, trees, ranges and errors in the Hub's words. Faults are asked for by
method and path:

    with HubServer() as hub:
        hub.fail("POST", r"/commit/main$", Fault(status=500), times=2)
        subprocess.run([...], env=hub.env(tmp_path))

Clients read their endpoint when they are imported, so they run in a process of their own, with `hub.env()`.
"""

import hashlib
import os
import re
import threading
import time
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from pathlib import Path

from tests.hub_routes import TOKEN, Handler


@dataclass
class Fault:
    """What a request gets instead of its answer.

    Args:
        status: answer with this status, and do nothing.
        retry_after: seconds, sent with the status.
        drop: `before` closes the connection after half of the body was read, `after` does what was asked and
            closes without an answer.
        delay: seconds to wait before going on.
        conflict: commit something else first, so that the parent is no longer the head.
    """

    status: int | None = None
    retry_after: int | None = None
    drop: str | None = None
    delay: float = 0.0
    conflict: bool = False


@dataclass
class Commit:
    """A state of a repository: file path -> bytes."""

    oid: str
    files: dict[str, bytes]
    message: str


@dataclass
class Repo:
    """A repository and its history."""

    kind: str
    name: str
    private: bool = False
    sdk: str | None = None
    commits: list[Commit] = field(default_factory=list)
    branches: dict[str, Commit] = field(default_factory=dict)  # heads of other branches than main

    @property
    def head(self) -> Commit:
        return self.commits[-1]

    def commit(self, files: dict[str, bytes], message: str, *, branch: str = "main") -> Commit:
        text = f"{self.name}{len(self.commits)}{branch}{message}{time.time_ns()}"
        made = Commit(hashlib.sha1(text.encode()).hexdigest(), files, message)
        if branch == "main":
            self.commits.append(made)
        else:
            self.branches[branch] = made
        return made

    def at(self, revision: str) -> Commit | None:
        heads = {"main": self.head} | self.branches
        known = {commit.oid: commit for commit in (*self.commits, *self.branches.values())} | heads
        return known.get(revision)


class HubServer:
    """The server, in a thread of this process; a context manager."""

    def __init__(self, user: str = "me") -> None:
        self.user = user
        self.repos: dict[tuple[str, str], Repo] = {}
        self.blobs: dict[str, bytes] = {}
        self.requests: list[tuple[str, str]] = []
        self.faults: list[list] = []
        self.lock = threading.RLock()
        hub = self

        class Bound(Handler):
            server_hub = hub

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Bound)
        self.server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self) -> "HubServer":
        threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def env(self, home: Path, *, token: str | None = TOKEN) -> dict[str, str]:
        """Environment of a client process: this endpoint, an empty cache in `home`, no other network."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "HUGGING"))}
        kept |= {"HF_ENDPOINT": self.endpoint, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1"}
        kept |= {
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "NO_PROXY": "127.0.0.1",
        }
        return kept | ({"HF_TOKEN": token} if token else {})

    def fail(self, method: str, path: str, fault: Fault, *, times: int = 1) -> None:
        """Answer the next `times` requests of `method` whose path matches the pattern with `fault`."""
        self.faults.append([method, re.compile(path), fault, times])

    def create(self, kind: str, name: str, *, private: bool = False, sdk: str | None = None) -> Repo:
        """A new repository, with its first commit."""
        repo = self.repos[kind, name] = Repo(kind, name, private, sdk)
        repo.commit({".gitattributes": b"*.parquet filter=lfs\n"}, "initial commit")
        return repo

    def url(self, kind: str, name: str) -> str:
        """The page of a repository."""
        return f"{self.endpoint}/{'' if kind == 'model' else kind + 's/'}{name}"

    def repo(self, kind: str, name: str) -> Repo:
        """A repository by kind (`dataset`, `model`, `space`) and full name."""
        return self.repos[kind, name]

    def count(self, method: str, path: str) -> int:
        """How often a request came."""
        return sum(m == method and re.search(path, p) is not None for m, p in self.requests)

    def take_fault(self, method: str, path: str) -> Fault | None:
        with self.lock:
            for entry in self.faults:
                if entry[3] and entry[0] == method and entry[1].search(path):
                    entry[3] -= 1
                    return entry[2]
        return None
