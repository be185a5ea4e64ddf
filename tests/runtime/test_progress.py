import os
import subprocess
import sys

import datasets
from transformers.utils import logging

from hf_qads.runtime import progress
from hf_qads.runtime.progress import bar, hushed

CODE = """
import sys
import datasets
from transformers import AutoModelForCausalLM
from transformers.utils import logging
from hf_qads.embedded import language_model_path
from hf_qads.runtime import progress
from hf_qads.runtime.progress import bar, hushed
with hushed():
    AutoModelForCausalLM.from_pretrained(language_model_path())
print("afterwards", file=sys.stderr)
AutoModelForCausalLM.from_pretrained(language_model_path())
assert logging.is_progress_bar_enabled()
assert logging.get_verbosity() == logging.WARNING
assert not datasets.are_progress_bars_disabled()
"""


def test_bars_of_others_are_off_for_a_while_only():
    shown = {name: value for name, value in os.environ.items() if "PROGRESS_BARS" not in name}
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True, env=shown)
    during, after = done.stderr.split("afterwards")
    assert "Loading weights" not in during
    assert "Loading weights" in after


def test_what_was_off_before_stays_off():
    assert not logging.is_progress_bar_enabled()  # the tests turn bars off
    remarks = logging.get_verbosity()
    with hushed():
        assert logging.get_verbosity() == logging.ERROR
    assert logging.get_verbosity() == remarks
    assert not logging.is_progress_bar_enabled()
    assert datasets.are_progress_bars_disabled()


def test_where_no_bar_is_drawn_what_was_reached_is_logged(monkeypatch, caplog):
    monkeypatch.setattr(progress, "LOG_EVERY", 0.0)
    with caplog.at_level("INFO", logger="hf_qads"), bar(8, "cells", unit="cell", done=1) as shown:
        for reached in (2, 2, 3, 5):
            shown.reach(reached)
    told = [record.getMessage().split(",")[0] for record in caplog.records]
    assert told == [f"cells: {n} of 8 cells ({n / 8:.0%})" for n in (2, 2, 3, 5)]
