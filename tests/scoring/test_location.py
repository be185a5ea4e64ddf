"""Other packages register scorers by an entry point."""

import pytest

from hf_qads import QaDSScorer
from hf_qads.embedded import scorer_path
from hf_qads.errors import ScoringError


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A package on the path that registers the embedded scorer under two names."""
    info = tmp_path / "others-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: others\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[hf_qads.scorers]\nby_function = others:where\nby_value = others:WHERE\n"
    )
    (tmp_path / "others.py").write_text(f"WHERE = {str(scorer_path())!r}\n\ndef where():\n    return WHERE\n")
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.parametrize("name", ["by_function", "by_value"])
def test_a_registered_name_finds_its_scorer(installed, name):
    assert QaDSScorer.from_pretrained(name).folder == scorer_path()


def test_a_folder_without_a_scorer_is_refused(tmp_path):
    with pytest.raises(ScoringError, match=r"has no config\.json"):
        QaDSScorer.from_pretrained(tmp_path)
