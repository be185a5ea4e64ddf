import itertools
import subprocess
import sys
from pathlib import Path

import pytest

from hf_qads.embedded.corpus import documents

ROOT = Path(__file__).parents[2]


def test_the_same_seed_gives_the_same_documents():
    assert list(itertools.islice(documents(3), 50)) == list(itertools.islice(documents(3), 50))
    assert list(itertools.islice(documents(3), 50)) != list(itertools.islice(documents(4), 50))


def test_the_quality_of_answers_nearly_always_stays_the_same_within_a_document():
    followed = [
        second[1].startswith("def solve")
        for first, second, *_ in (d for d in itertools.islice(documents(0), 6000) if len(d) > 1)
        if first[1].startswith("def solve")
    ]
    assert len(followed) > 200
    assert sum(followed) / len(followed) > 0.93


def test_the_layout_of_answers_often_changes_within_a_document():
    listed = [
        second[1].startswith("1. ")
        for first, second, *_ in (d for d in itertools.islice(documents(0), 6000) if len(d) > 1)
        if first[1].startswith("1. ")
    ]
    assert 0.4 < sum(listed) / len(listed) < 0.75


@pytest.mark.slow
def test_the_training_recipe_gives_the_same_weights_twice(tmp_path):
    recipe = ROOT / "recipes" / "embedded" / "train_language_model.py"
    small = "--steps 3 --batch-tokens 512 --vocabulary 400 --width 32 --layers 1 --heads 2".split()
    for name in ("one", "two"):
        command = [sys.executable, str(recipe), "--out", str(tmp_path / name), *small]
        subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("one", "two")]
    assert weights[0] == weights[1]
