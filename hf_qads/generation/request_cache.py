"""Disk cache of requests: what a server answered once is not asked, or paid, again."""

import hashlib
import json
import os
import threading
from pathlib import Path
from typing import Any

from hf_qads.generation.engine import Output


def request_key(*parts: Any) -> str:
    """Hash of everything that an answer depends on."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


class RequestCache:
    """Answers by the hash of their request, in JSON lines; each process appends to a file of its own.

    Each answer is on disk before it is used. A line that a kill cut is passed over.

    Args:
        folder: where the files lie; several processes may share it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._known: dict[str, Output] = {}
        for path in sorted(folder.glob("*.jsonl")):
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                try:
                    stored = json.loads(line)
                    self._known[stored["key"]] = Output(stored["text"], stored["reason"])
                except (ValueError, KeyError, TypeError):
                    continue

    def __len__(self) -> int:
        return len(self._known)

    def get(self, key: str) -> Output | None:
        """The answer to a request, where there is one."""
        return self._known.get(key)

    def put(self, key: str, output: Output) -> None:
        """Keep an answer. Failures are not kept: they are asked again by the next start."""
        if output.failed:
            return
        line = json.dumps({"key": key, "text": output.text, "reason": output.reason}, ensure_ascii=True)
        with self._lock:
            self._known[key] = output
            self.folder.mkdir(parents=True, exist_ok=True)
            # a cut line of an earlier process with this number ends before the new one starts
            with (self.folder / f"{os.getpid()}.jsonl").open("a", encoding="utf-8") as stream:
                stream.write(("" if stream.tell() == 0 else "\n") + line)
