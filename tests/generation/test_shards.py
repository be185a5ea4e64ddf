"""Generation in shards: resumed after a kill, nothing asked twice, failures asked again."""

import pytest

from hf_qads.generation.engine import Output, Sampling
from hf_qads.generation.shards import ask, outputs


class Counting:
    """Says the prompt and its draw; counts what it was asked; dies at `dies_at` prompts."""

    name = "counting"
    shard_prompts = 4

    def __init__(self, dies_at=None, fails=()):
        self.asked, self.dies_at, self.fails = [], dies_at, set(fails)

    def answer(self, prompts, *, max_new_tokens, sampling, draws):
        for place in reversed(range(len(prompts))):
            if len(self.asked) == self.dies_at:
                raise KeyboardInterrupt
            self.asked.append((prompts[place], draws[place]))
            failed = prompts[place] in self.fails
            yield place, Output(f"{prompts[place]} {draws[place]}", "no" if failed else None, failed)


PROMPTS = [f"p{number}" for number in range(10)]


def made(engine, folder, prompts=PROMPTS, **settings):
    (written,) = outputs(ask(engine, prompts, folder=folder, max_new_tokens=5, **settings))
    return written


def test_outputs_come_in_the_order_of_the_prompts(tmp_path):
    written = made(Counting(), tmp_path, draws=list(range(10)))
    assert [output.text for output in written] == [f"p{number} {number}" for number in range(10)]
    assert made(Counting(), tmp_path, prompts=[]) == []


def test_a_start_after_a_kill_asks_only_for_the_shards_that_are_not_there(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        made(Counting(dies_at=6), tmp_path)
    engine = Counting()
    written = made(engine, tmp_path)
    assert written == made(Counting(), tmp_path / "other")
    assert sorted(engine.asked) == [(f"p{number}", 0) for number in range(4, 10)]
    again = Counting()
    assert made(again, tmp_path) == written
    assert again.asked == []


def test_a_shard_belongs_to_its_prompts_engine_and_sampling(tmp_path):
    made(Counting(), tmp_path)
    for settings in ({"sampling": Sampling(0.7)}, {"draws": [1] * 10}):
        engine = Counting()
        made(engine, tmp_path, **settings)
        assert len(engine.asked) == 10
    engine = Counting()
    engine.name = "another"
    made(engine, tmp_path)
    assert len(engine.asked) == 10
    engine = Counting()
    made(engine, tmp_path, prompts=[*PROMPTS[:8], "new", "newer"])
    assert [prompt for prompt, _ in engine.asked] == ["newer", "new"]


def test_a_shard_with_failures_is_done_again_by_the_next_start(tmp_path):
    written = made(Counting(fails=["p5"]), tmp_path)
    assert [output.failed for output in written] == [place == 5 for place in range(10)]
    engine = Counting()
    assert not any(output.failed for output in made(engine, tmp_path))
    assert len(engine.asked) == 4


def test_a_damaged_shard_is_made_again(tmp_path):
    made(Counting(), tmp_path)
    file = sorted(tmp_path.glob("*.json"))[0]
    file.write_text("[[")
    engine = Counting()
    assert len(made(engine, tmp_path)) == 10
    assert engine.asked
