"""Score tiny rows in a process of its own: `python -m tests.scoring.launched FOLDER OUT [KILL_AT]`.

Each rank writes its result to OUT.RANK.npz. With KILL_AT the process is killed instead of moving its
KILL_AT-th finished file into place.
"""

import os
import signal
import sys

import numpy as np

from hf_qads.runtime import distributed
from hf_qads.scoring.influence.influence import influence
from hf_qads.scoring.influence.result import Influence
from tests.models import tiny_model, tiny_rows, tiny_tokenizer

PROMPTS = tiny_rows(20, seed=1)
ANCHORS = {"maths": tiny_rows(4, seed=2), "chat": tiny_rows(3, seed=3)}


def scored(folder: str | None) -> Influence:
    """The influence of 20 rows on two sets of anchors: two zero-shot and three times two one-shot shards."""
    return influence(tiny_model(), tiny_tokenizer(), PROMPTS, ANCHORS, folder=folder)


def kill_at(moment: int) -> None:
    """Kill this process when it is about to rename its `moment`-th file."""
    rename, count = os.replace, [0]

    def replace(source: str, target: str) -> None:
        count[0] += 1
        if count[0] == moment:
            os.kill(os.getpid(), signal.SIGKILL)
        rename(source, target)

    os.replace = replace


if __name__ == "__main__":
    if len(sys.argv) > 3:
        kill_at(int(sys.argv[3]))
    result = scored(sys.argv[1])
    np.savez(f"{sys.argv[2]}.{distributed.rank()}.npz", one_shot=result.one_shot, win_rate=result.win_rate)
