"""Every test runs offline, on one thread, with the Hub's and the tokenizers' background work off."""

import os
from pathlib import Path
from typing import Any

import pytest

for key, value in {
    "OMP_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "CUDA_VISIBLE_DEVICES": "",
    "MPLBACKEND": "agg",
}.items():
    os.environ.setdefault(key, value)

NOT_RUN: dict[str, int] = {}


def pytest_deselected(items: list[pytest.Item]) -> None:
    """Count what the markers of the command line leave out."""
    for item in items:
        marker = "GPU" if item.get_closest_marker("gpu") else "slow"
        NOT_RUN[marker] = NOT_RUN.get(marker, 0) + 1


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Every worker of xdist collects, and leaves out, the same tests."""
    NOT_RUN.update(getattr(node, "workeroutput", {}).get("not_run", {}))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of xdist tells what it left out."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["not_run"] = NOT_RUN


def pytest_unconfigure(config: pytest.Config) -> None:
    """The last line: what did not run, and how to run it."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or hasattr(config, "workerinput"):
        return
    skipped = len(reporter.stats.get("skipped", ()))
    told = [
        f"{NOT_RUN['slow']} slow tests (make test-slow)" if NOT_RUN.get("slow") else "",
        f"{NOT_RUN['GPU']} tests for a CUDA device (python -m pytest -m gpu)" if NOT_RUN.get("GPU") else "",
        f"{skipped} skipped for the reasons above" if skipped else "",
    ]
    if any(told):
        reporter.write_line("Not run: " + "; ".join(text for text in told if text) + ".")


@pytest.fixture
def one_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of `datasets` for one test, as a user has one for all that is loaded."""
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "one-cache")
    return tmp_path / "one-cache"
