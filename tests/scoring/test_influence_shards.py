import json
import logging
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_qads.runtime.models import weights_digest
from hf_qads.scoring.influence.influence import influence
from hf_qads.scoring.influence.shards import ShardFolder, plan_rows
from hf_qads.scoring.influence.shared_prefix import SharedPrefix
from tests.models import tiny_model, tiny_rows, tiny_tokenizer
from tests.scoring.launched import ANCHORS, PROMPTS, scored

ROOT = Path(__file__).parents[2]


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    result = scored(str(folder))
    return result, contents(folder)


@pytest.fixture
def counted(monkeypatch):
    """Counts the shards that are computed, not read."""
    calls = []
    original = SharedPrefix.score

    def score(self, examples, anchors):
        calls.append(len(examples))
        return original(self, examples, anchors)

    monkeypatch.setattr(SharedPrefix, "score", score)
    return calls


@given(st.lists(st.integers(1, 3000), min_size=1, max_size=300))
def test_every_row_is_planned_once_and_groups_hold_rows_of_similar_length(lengths):
    groups = plan_rows(np.array(lengths))
    assert sorted(row for group in groups for row in group.tolist()) == list(range(len(lengths)))
    longest = [max(lengths[row] for row in group) for group in groups]
    assert longest == sorted(longest, reverse=True)
    assert all(len(group) <= 64 for group in groups)


def test_the_folder_holds_the_plan_and_every_shard(whole):
    _, files = whole
    plan = json.loads(files["plan.json"])
    assert plan["anchors"] == {"maths": 4, "chat": 3}
    assert [shard["rows"] for shard in plan["shards"]] == [8, 8, 8, 8, 4, 4]
    names = {shard["file"] for shard in plan["shards"]}
    assert names < set(files)
    assert len(files) == 1 + 6 + 2  # and the zero-shot pass of each set


@pytest.mark.parametrize("moment", range(8))
def test_stopped_at_any_shard_it_goes_on_to_the_same_bytes(moment, whole, tmp_path, monkeypatch, counted):
    original, writes = ShardFolder.write, []

    def stops(self, shard, scores):
        if len(writes) == moment:
            raise KeyboardInterrupt
        writes.append(shard.name)
        original(self, shard, scores)

    with monkeypatch.context() as patched:
        patched.setattr(ShardFolder, "write", stops)
        with pytest.raises(KeyboardInterrupt):
            scored(str(tmp_path))
    counted.clear()
    result = scored(str(tmp_path))
    assert (
        len([rows for rows in counted if rows]) == 8 - moment + 1
    )  # what is left, and the check of the engine
    assert contents(tmp_path) == whole[1]
    assert result.one_shot.tobytes() == whole[0].one_shot.tobytes()


def test_killed_while_a_file_is_moved_it_loses_that_shard_only(whole, tmp_path, counted):
    command = [
        sys.executable,
        "-m",
        "tests.scoring.launched",
        str(tmp_path / "run"),
        str(tmp_path / "out"),
        "5",
    ]
    assert subprocess.run(command, cwd=ROOT, check=False, capture_output=True).returncode == -9
    left = [path.name for path in (tmp_path / "run").iterdir() if not path.name.startswith(".")]
    assert len(left) == 4
    result = scored(str(tmp_path / "run"))
    assert contents(tmp_path / "run") == whole[1]
    assert result.one_shot.tobytes() == whole[0].one_shot.tobytes()


def test_a_finished_folder_is_read_and_nothing_computed(whole, tmp_path, counted):
    scored(str(tmp_path))
    counted.clear()
    result = scored(str(tmp_path))
    assert counted == []
    assert result.one_shot.tobytes() == whole[0].one_shot.tobytes()
    assert np.isnan(result.tokens_per_pair[0])


def test_a_new_anchor_set_leaves_the_shards_of_the_others(tmp_path, counted):
    scored(str(tmp_path))
    counted.clear()
    more = {**ANCHORS, "new": tiny_rows(2, seed=9)}
    influence(tiny_model(), tiny_tokenizer(), PROMPTS, more, folder=tmp_path)
    assert len(counted) == 1 + 1 + 3  # the check, the new set's zero-shot pass and its three groups of rows


@pytest.mark.parametrize("change", ["model", "rows", "template", "tokenizer"])
def test_a_stale_folder_is_not_used(change, tmp_path):
    scored(str(tmp_path))
    model, tokenizer, prompts, template = tiny_model(), tiny_tokenizer(), PROMPTS, "plain"
    if change == "model":
        model = tiny_model(seed=1)
    elif change == "rows":
        prompts = [{**PROMPTS[0], "answer": "other"}, *PROMPTS[1:]]
    elif change == "template":
        template = "{question} {answer}"
    else:
        tokenizer = tiny_tokenizer(bos=False)
    again = influence(model, tokenizer, prompts, ANCHORS, template=template, folder=tmp_path)
    fresh = influence(model, tokenizer, prompts, ANCHORS, template=template)
    assert again.one_shot.tobytes() == fresh.one_shot.tobytes()


def test_a_damaged_shard_is_done_again(whole, tmp_path, caplog):
    scored(str(tmp_path))
    shards = sorted(tmp_path.glob("one-shot-*.npy"))
    shards[0].write_bytes(shards[0].read_bytes()[:-7])
    shards[1].write_bytes(b"")
    np.save(shards[2], np.zeros((2, 2), dtype=np.float32))
    with caplog.at_level(logging.WARNING):
        scored(str(tmp_path))
    assert caplog.text.count("doing it again") == 3
    assert contents(tmp_path) == whole[1]


def test_the_key_of_a_model_changes_with_its_weights_and_config():
    keys = {
        weights_digest(tiny_model()),
        weights_digest(tiny_model(seed=1)),
        weights_digest(tiny_model("qwen2")),
    }
    windowed = tiny_model()
    windowed.config.rms_norm_eps = 1e-3
    assert len(keys | {weights_digest(windowed)}) == 4
    assert weights_digest(tiny_model()) in keys


def test_two_processes_share_the_work_and_each_has_the_result_of_one(whole, tmp_path):
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    command = [*launch, "-m", "tests.scoring.launched", str(tmp_path / "run"), str(tmp_path / "out")]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert contents(tmp_path / "run") == whole[1]
    for rank in (0, 1):
        result = np.load(tmp_path / f"out.{rank}.npz")
        assert result["one_shot"].tobytes() == whole[0].one_shot.tobytes()
        assert result["win_rate"].tobytes() == whole[0].win_rate.tobytes()
