"""The whole of an augmentation, by the rules of the embedded problems and by a server with faults."""

from collections import Counter

import pytest

from hf_qads.augmenting import augment
from hf_qads.augmenting.augment import FIVE, NEW, OWN, Paths
from hf_qads.augmenting.equations import wrong_equations
from hf_qads.augmenting.operators import prompt_reader
from hf_qads.embedded import pool
from hf_qads.embedded.evolution import recognise
from hf_qads.embedded.rule_engine import RuleEngine
from hf_qads.errors import ConfigError
from hf_qads.generation.engine import Sampling
from hf_qads.generation.server import OpenAIEngine
from hf_qads.schema import normalise_question
from tests.generation.server import Server

ROWS = [{"row_id": f"w-{n}", **row} for n, row in enumerate(pool.rows("embedded_word_problems")[:40])]


def rules(**settings):
    return RuleEngine(prompt_reader(FIVE), **settings)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("augmented")
    return augment(ROWS, rules(), folder=folder, wrong_paths=True, paths=Paths(samples=6, most=2))


def test_every_prompt_is_kept_or_left_out_for_a_reason(done):
    for tally in [*done.questions.values(), *done.paths.values()]:
        assert tally.asked == tally.kept + sum(tally.left_out.values())
    assert all(done.questions[operator].asked == len(ROWS) for operator in FIVE)
    assert done.paths[OWN].asked == 6 * len(ROWS)
    assert done.paths[NEW].asked == 6 * sum(tally.kept for tally in done.questions.values())
    assert len(done.rows) == sum(tally.kept for tally in done.paths.values())


def test_kept_rows_are_right_and_name_where_they_come_from(done):
    own = {row["row_id"]: row for row in ROWS}
    wrong = 0
    for row in done.rows:
        parent = own[row["parent_id"]]
        assert wrong_equations(row["answer"]) == []
        assert 0 < row["votes"] <= 1
        assert "temperature 0.7" in row["generator"]
        if row["operator"] == "paths":
            assert (row["question"], row["final_answer"]) == (parent["question"], parent["final_answer"])
            assert (row["round"], row["verified"]) == (0, True)
        else:
            assert row["operator"] in FIVE
            assert (row["round"], row["verified"]) == (1, False)
            assert normalise_question(row["question"]) != normalise_question(parent["question"])
            wrong += recognise(row["question"]).result != int(row["final_answer"])
    assert wrong == 0  # a majority of six, where seven in ten are right


def test_paths_of_one_question_differ_in_their_equations(done):
    counts = Counter((row["question"], row["answer"]) for row in done.rows)
    assert max(counts.values()) == 1
    assert max(Counter(row["question"] for row in done.rows).values()) == 2


def test_wrong_paths_lie_aside_with_their_reason(done):
    reasons = Counter(path["reason"] for path in done.aside)
    for reason, count in reasons.items():
        assert count == sum(tally.left_out.get(reason, 0) for tally in done.paths.values())
    assert "right answer, wrong equation" in reasons


def test_a_second_call_asks_nothing_and_gives_the_same(tmp_path):
    first = augment(ROWS[:8], rules(), folder=tmp_path)

    class Silent:
        name = rules().name
        shard_prompts = rules().shard_prompts

        def answer(self, *_, **__):
            raise AssertionError("asked again")

    assert augment(ROWS[:8], Silent(), folder=tmp_path).rows == first.rows


def test_rounds_go_on_from_the_questions_of_the_round_before(tmp_path):
    done = augment(
        ROWS[:8],
        rules(spoiled=0.0),
        folder=tmp_path,
        operators=["numbers", "complexity"],
        rounds=2,
        paths=Paths(own=0, samples=5),
    )
    assert done.questions["complexity, round 2"].asked == sum(
        done.questions[name].kept for name in ("numbers", "complexity")
    )
    chains = {row["operator"] for row in done.rows if row["round"] == 2}
    assert "complexity, complexity" in chains
    assert "numbers, complexity" in chains
    assert not any(row["operator"] == "paths" for row in done.rows)


def test_no_more_questions_are_answered_than_asked_for(tmp_path):
    done = augment(ROWS, rules(), folder=tmp_path, paths=Paths(own=5, new=7, samples=3))
    assert done.paths[OWN].asked == 15
    assert done.paths[NEW].asked == 21


def test_likely_keeps_what_the_model_to_be_trained_finds_probable(tmp_path):
    asked = []

    def likelihood(pairs):
        asked.extend(pairs)
        return [-len(answer) for _, answer in pairs]  # the shorter, the likelier

    settings = {"operators": [], "paths": Paths(samples=8, most=1, keep="likely")}
    likely = augment(ROWS, rules(), folder=tmp_path, likelihood=likelihood, **settings)
    other = augment(ROWS, rules(), folder=tmp_path, operators=[], paths=Paths(samples=8, most=1))
    shorter = sum(len(row["answer"]) for row in likely.rows)
    assert shorter < sum(len(row["answer"]) for row in other.rows)
    assert {question for question, _ in asked} <= {row["question"] for row in ROWS}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"paths": Paths(keep="best")}, "none of random, different, likely"),
        ({"paths": Paths(keep="likely")}, "needs `likelihood`"),
        ({"operators": ["nothing"]}, "no operator 'nothing'"),
    ],
)
def test_a_wrong_setting_is_an_error(tmp_path, settings, message):
    with pytest.raises(ConfigError, match=message):
        augment(ROWS[:2], rules(), folder=tmp_path, **settings)


def test_a_server_with_every_fault_gives_what_a_good_one_gives(tmp_path):
    """The server writes what the rules write; nothing is lost, nothing is answered twice."""
    engine = rules()

    def write(prompt, request):
        draw = request.get("seed", 0)
        ((_, output),) = engine.answer([prompt], max_new_tokens=9, sampling=Sampling(0.7), draws=[draw])
        return output.text

    faults = [429, 500, "cut", 200, "truncated", 503, "empty", 200, "malformed", "odd", 500] * 3
    found = []
    for place, bad in enumerate(([], faults)):
        with Server(write=write, faults=bad) as server:
            asked = OpenAIEngine(
                server.url, "rules", chat=True, parallel=4, waits=(0.0,) * 40, cache=tmp_path / f"c{place}"
            )
            found.append(augment(ROWS[:6], asked, folder=tmp_path / f"s{place}").rows)
            assert len(server.answered) == len(set(map(str, server.seen))) == asked.meter.total.requests
    assert found[0] == found[1]
    assert len(found[0]) > 20


def test_a_server_that_fails_for_some_prompts_loses_only_those(tmp_path):
    engine = rules(wrong=0.0, spoiled=0.0)

    def write(prompt, request):
        ((_, output),) = engine.answer([prompt], max_new_tokens=9, draws=[request.get("seed", 0)])
        return output.text

    gone = ROWS[3]["question"]
    with Server(write=write, fails=lambda prompt: gone in prompt) as server:
        asked = OpenAIEngine(server.url, "rules", parallel=2, waits=(0.0,), skip_failed=True)
        done = augment(ROWS[:6], asked, folder=tmp_path, operators=["numbers"])
    assert done.questions["numbers"].left_out["the server answered 500"] == 1
    assert done.paths[OWN].left_out["the server answered 500"] == 4
    assert "w-3" not in {row["parent_id"] for row in done.rows}
