"""The whole way: a run is published, deleted, and used by a process that has never seen it."""

import shutil
import subprocess
import sys

import pytest

from hf_qads.runfolder import RunFolder
from tests.hub_server import HubServer
from tests.publishing.clients import run_client

PUBLISH = """
import sys
from hf_qads.publishing.hub.push import publish
for one in publish(sys.argv[1], "me", private=len(sys.argv) > 2):
    print(one.state, one.repo_id)
"""
USE = """
import sys
from datasets import load_dataset
from hf_qads import QaDSScorer

name, group = sys.argv[1:]
small = load_dataset(f"me/{name}", "10pct", split="train")
whole = load_dataset(f"me/{name}", split="train")
assert 0 < len(small) < len(whole)
assert set(small["row_id"]) <= set(whole["row_id"])
scored = load_dataset(f"me/{name}-scored", split="train")
assert {"qads_score", "qads_rank", "question"} <= set(scored.column_names)
stream = load_dataset(f"me/{name}-scored", split="train", streaming=True)
assert next(iter(stream))["row_id"] == scored[0]["row_id"]
scorer = QaDSScorer.from_pretrained(f"me/{name}-scorer{group}")
again = small.select(range(8)).map(scorer, batched=True)
pairs = zip(again["qads_score"], small["qads_score"][:8], again["qads_reason"])
known = [(new, old) for new, old, reason in pairs if reason is None]
assert known and all(1 <= new <= 5 for new, _ in known)
print(max(abs(new - old) for new, old in known))
"""


def publish_and_use(path, name, group, tmp_path):
    with HubServer() as hub:
        first = run_client(hub, tmp_path / "home", PUBLISH, str(path))
        assert first.returncode == 0, first.stderr
        assert {line.split()[0] for line in first.stdout.splitlines()} == {"created"}
        again = run_client(hub, tmp_path / "home", PUBLISH, str(path))
        assert {line.split()[0] for line in again.stdout.splitlines()} == {"unchanged"}, again.stdout
        for repo in hub.repos.values():
            assert len(repo.commits) == 2
            for file, data in repo.head.files.items():
                for word in (hub.env(tmp_path)["HF_TOKEN"], str(tmp_path), "secret-folder"):
                    assert word.encode() not in data, (repo.name, file)
        shutil.rmtree(path)
        used = run_client(hub, tmp_path / "elsewhere", USE, name, group)
        assert used.returncode == 0, used.stderr
        return float(used.stdout.splitlines()[-1])


def test_an_expired_token_stops_before_anything_is_staged(small_run, tmp_path):
    program = "import sys; from hf_qads import publish; publish(sys.argv[1], 'me', out=sys.argv[2])"
    with HubServer() as hub:
        done = run_client(hub, tmp_path, program, str(small_run.path), str(tmp_path / "out"), token="hf_old")
    assert "PublishingError" in done.stderr.splitlines()[-1]
    assert "hf auth login" in done.stderr
    assert not (tmp_path / "out").exists()


def test_what_is_published_is_used_by_others(small_run, tmp_path):
    shutil.copytree(small_run.path, tmp_path / "run")
    publish_and_use(RunFolder(tmp_path / "run").path, "maths-mix", "-reasoning", tmp_path)


@pytest.mark.slow
def test_the_quickstart_is_published_and_used_by_others(tmp_path):
    run = tmp_path / "quickstart"
    command = [sys.executable, "-m", "hf_qads", "quickstart", "--out", str(run)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    groups = sorted(path.name for path in (run / "scorer").iterdir() if path.is_dir())
    group = f"-{groups[0]}" if len(groups) > 1 else ""
    difference = publish_and_use(run, "quickstart", group, tmp_path)
    assert len(groups) > 1 or difference < 1e-3
