"""`hf-qads score --push` against a Hub: pushed where it can be, refused before any work where it cannot."""

import subprocess
import sys

import pytest

from hf_qads.embedded import scorer_path
from tests.hub_server import HubServer
from tests.models import tiny_rows
from tests.pipeline.conftest import write_rows


def score(hub, folder, repository, *, login=True):
    rows = write_rows(folder / "rows.jsonl", tiny_rows(5))
    env = hub.env(folder / "home") if login else hub.env(folder / "home", token=None)
    command = [sys.executable, "-m", "hf_qads", "score", str(rows), "--scorer", str(scorer_path())]
    return subprocess.run(
        [*command, "--push", repository], cwd=folder, env=env, capture_output=True, text=True, timeout=300
    )


def test_scored_rows_are_pushed(tmp_path):
    with HubServer() as hub:
        done = score(hub, tmp_path, "me/scored")
        assert done.returncode == 0, done.stderr
        assert "pushed to me/scored" in done.stdout
        files = hub.repo("dataset", "me/scored").head.files
    assert any(name.endswith(".parquet") for name in files)
    assert b"qads_score" in files["README.md"]


@pytest.mark.parametrize(
    ("repository", "login", "says"),
    [("me/a/b", True, "can be no repository's name"), ("me/scored", False, "Run: hf auth login")],
)
def test_a_push_that_cannot_work_is_refused_before_any_work(tmp_path, repository, login, says):
    with HubServer() as hub:
        done = score(hub, tmp_path, repository, login=login)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "rows-scored.parquet").exists()
