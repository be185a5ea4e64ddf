"""A process with the real Hub client that pushes what it is told to, and tells what came of it."""

import json
import subprocess
import sys

PROGRAM = """
import json, sys
from pathlib import Path
from huggingface_hub import HfApi
from hf_qads.errors import QaDSError
from hf_qads.publishing.hub.push import push
from hf_qads.publishing.hub.staging import Staged
from hf_qads.runtime import retrying

retrying.WAITS = (0.01, 0.01, 0.01, 0.01)
api = HfApi()
for line in sys.stdin:
    kind, name, folder, private, replace = json.loads(line)
    try:
        done = push(api, Staged(kind, name, Path(folder)), f"me/{name}", private=private, replace=replace)
        said = {"state": done.state, "commit": done.commit, "changed": done.changed, "url": done.url}
    except QaDSError as error:
        said = {"error": str(error)}
    print(json.dumps(said), flush=True)
"""


class Pusher:
    """The process; a context manager."""

    def __init__(self, hub, home, **env) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            env=hub.env(home) | env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()
        self.process.stderr.close()

    def push(self, staged, *, private=False, replace=False) -> dict:
        """What `push` returned, or its error."""
        asked = [staged.kind, staged.name, str(staged.folder), private, replace]
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, self.process.stderr.read()
        return json.loads(answer)


def run_client(hub, home, program: str, *arguments: str, token: str = ""):
    """A finished process that ran a program against the Hub."""
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, *arguments],
        env=hub.env(home) | ({"HF_TOKEN": token} if token else {}),
        capture_output=True,
        text=True,
        timeout=900,
    )
