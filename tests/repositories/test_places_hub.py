"""Rows at hf:// addresses, by the real client against a Hub on this machine."""

import json
import subprocess
import sys

from tests.hub_server import HubServer

CODE = """
import json, sys
from hf_qads.errors import SourceError
from hf_qads.repositories.loading import load_rows
from hf_qads.repositories.places import listing

found = {}
for name in sys.argv[1:]:
    try:
        found[name] = [list(load_rows(name).data["question"]), [one.name for one in listing(name).files]]
    except SourceError as error:
        found[name] = str(error)
print(json.dumps(found))
"""


def test_files_of_a_repository_are_read_by_their_address(tmp_path):
    rows = "".join(json.dumps({"question": f"{n}?", "answer": str(n)}) + "\n" for n in range(3)).encode()
    with HubServer() as hub:
        repo = hub.create("dataset", "me/rows")
        repo.commit(
            {"data/train.jsonl": rows, "data/more/b.jsonl": rows[: len(rows) // 3], "README.md": b"# rows"},
            "rows",
        )
        names = [
            f"hf://datasets/me/rows/{rest}" for rest in ("data/train.jsonl", "data/*.jsonl", "data", "no.csv")
        ]
        names[2:2] = ["hf://datasets/me/rows@main/data/train.jsonl"]
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", CODE, *names],
            env=hub.env(tmp_path),
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found[names[0]] == [["0?", "1?", "2?"], ["train.jsonl"]]
    assert found[names[1]] == found[names[0]]
    assert found[names[2]] == found[names[0]]
    assert found[names[3]][1] == ["more/b.jsonl", "train.jsonl"]
    assert "no.csv is not there" in found[names[4]]
