import shutil

import pytest

from tests.publishing.runs import SMALL, add_scorers, make_run


@pytest.fixture(scope="session")
def small_run(tmp_path_factory):
    """A run of three sources, and what kills left beside its scorers; for reading only."""
    run = make_run(tmp_path_factory.mktemp("runs") / "small", sources=SMALL)
    add_scorers(run)
    for left in (".general.training", ".general.part"):
        shutil.copytree(run.path / "scorer" / "general", run.path / "scorer" / left)
    return run


@pytest.fixture(scope="session")
def hostile_run(tmp_path_factory):
    """A run whose rows hold markup, control characters and a cell of a megabyte, for reading only."""
    sources = {"gsm8k": ("reasoning", 80, 4.3, "mit"), "<b>{{x}}|`$y$": ("general", 60, 3.2, "mit")}
    run = make_run(tmp_path_factory.mktemp("runs") / "hostile", sources=sources, hostile=True)
    add_scorers(run)
    return run


@pytest.fixture(scope="session")
def staged_once(small_run, tmp_path_factory):
    """Every repository of the small run, staged for the namespace `me`; for reading only."""
    from hf_qads.publishing.hub.staging import stage_all

    return stage_all(small_run, tmp_path_factory.mktemp("staged"), namespace="me")


@pytest.fixture
def staged(staged_once, tmp_path):
    """A copy of the staged repositories that a test may change: name -> Staged."""
    from dataclasses import replace

    found = {}
    for one in staged_once:
        shutil.copytree(one.folder, tmp_path / "staged" / one.name)
        found[one.name] = replace(one, folder=tmp_path / "staged" / one.name)
    return found
