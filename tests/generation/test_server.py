"""A server behind OpenAI's protocol: faults survived, nothing lost, nothing asked twice."""

import time

import pytest

from hf_qads.errors import GenerationError
from hf_qads.generation import server as module
from hf_qads.generation.engine import Output, Sampling
from hf_qads.generation.server import OpenAIEngine
from hf_qads.generation.usage import Price, Usage, estimate
from tests.generation.server import Server

PROMPTS = ["a" * n for n in range(1, 8)]
ANSWERS = {n - 1: Output(f"The answer is {n}.") for n in range(1, 8)}


@pytest.mark.parametrize("chat", [False, True])
def test_endpoint_answers_every_prompt(chat, monkeypatch):
    monkeypatch.setenv("QADS_TEST_KEY", "hush")
    with Server() as server:
        engine = OpenAIEngine(server.url, "m", chat=chat, key="QADS_TEST_KEY", parallel=3)
        answers = dict(engine.answer(["a" * n for n in range(1, 8)], max_new_tokens=5))
    assert answers == {n - 1: Output(f"The answer is {n}.") for n in range(1, 8)}
    path, request, authorization = server.seen[0]
    assert path == ("/v1/chat/completions" if chat else "/v1/completions")
    assert (request["model"], request["max_tokens"], request["temperature"]) == ("m", 5, 0)
    assert authorization == "Bearer hush"
    assert "hush" not in engine.name


def test_busy_server_is_asked_again():
    with Server(faults=[503, 429]) as server:
        engine = OpenAIEngine(server.url, "m", parallel=1, waits=(0.0, 0.0))
        assert dict(engine.answer(["abc"], max_new_tokens=5)) == {0: Output("The answer is 3.")}
    assert len(server.seen) == 3


@pytest.mark.parametrize(
    ("faults", "body", "message"),
    [
        ([401], None, "refuses with 401"),
        ([500] * 3, None, "refuses with 500"),
        ([], {"odd": 1}, "another form"),
    ],
)
def test_server_that_refuses_is_an_error(faults, body, message):
    with Server(faults=faults, body=body) as server:
        engine = OpenAIEngine(server.url, "m", parallel=1, waits=(0.0, 0.0))
        with pytest.raises(GenerationError, match=message):
            list(engine.answer(["abc"], max_new_tokens=5))


def test_server_that_is_down_is_an_error():
    engine = OpenAIEngine("http://127.0.0.1:9/v1", "m", waits=(0.0,))
    with pytest.raises(GenerationError, match="Is the server up"):
        list(engine.answer(["abc"], max_new_tokens=5))


FAULTS = [429, 500, 502, 503, 504, "cut", "truncated", "empty", "malformed", "odd", "slow"]


@pytest.mark.parametrize("chat", [False, True])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_survived_and_every_prompt_is_answered_once(fault, chat):
    with Server(faults=[fault] * 2) as server:
        engine = OpenAIEngine(server.url, "m", chat=chat, parallel=3, waits=(0.0, 0.0, 0.0), timeout=0.25)
        answers = list(engine.answer(PROMPTS, max_new_tokens=5))
    assert dict(answers) == ANSWERS
    assert len(answers) == len(PROMPTS)
    assert sorted(server.answered) == PROMPTS
    assert len(server.seen) == len(PROMPTS) + 2


def test_the_server_is_given_the_time_that_it_asks_for(monkeypatch):
    with Server(faults=[(429, {"Retry-After": "0.3"})]) as server:
        engine = OpenAIEngine(server.url, "m", parallel=1, waits=(50.0,))
        started = time.monotonic()
        assert dict(engine.answer(["abc"], max_new_tokens=5)) == {0: Output("The answer is 3.")}
        assert 0.3 <= time.monotonic() - started < 20


def test_a_server_that_answers_half_of_the_requests_loses_none_of_the_rest():
    with Server(fails=lambda prompt: len(prompt) % 2 == 0) as server:
        engine = OpenAIEngine(server.url, "m", parallel=2, waits=(0.0,), skip_failed=True)
        answers = dict(engine.answer(PROMPTS, max_new_tokens=5))
    failed = Output("", "the server answered 500", failed=True)
    assert answers == {place: failed if place % 2 else answer for place, answer in ANSWERS.items()}
    assert len(server.seen) == 4 + 3 * 2  # each that fails is asked twice


def test_a_server_that_answers_nothing_is_given_up(monkeypatch):
    monkeypatch.setattr(module, "HOPELESS", 3)
    with Server(fails=lambda prompt: True) as server:
        engine = OpenAIEngine(server.url, "m", parallel=1, waits=(), skip_failed=True)
        with pytest.raises(GenerationError, match="refuses with 500"):
            list(engine.answer(PROMPTS, max_new_tokens=5))
    assert len(server.seen) <= 5


def test_a_refusal_is_an_error_at_once_where_failures_are_skipped_too():
    with Server(faults=[401] * 50) as server:
        engine = OpenAIEngine(server.url, "m", parallel=1, waits=(0.0,), skip_failed=True)
        with pytest.raises(GenerationError, match="refuses with 401"):
            list(engine.answer(["abc"], max_new_tokens=5))
    assert len(server.seen) == 1


def test_a_start_after_a_kill_asks_only_what_was_not_answered(tmp_path):
    """The first start is left in the middle, and the last line of its file is cut."""
    with Server() as server:
        engine = OpenAIEngine(server.url, "m", parallel=1, cache=tmp_path)
        answers = engine.answer(PROMPTS, max_new_tokens=5)
        next(answers), next(answers), next(answers)
        answers.close()
        asked = len(server.answered)
        (file,) = tmp_path.glob("*.jsonl")
        text = file.read_bytes()
        file.write_bytes(text[:-9])
        again = OpenAIEngine(server.url, "m", parallel=1, cache=tmp_path)
        assert dict(again.answer(PROMPTS, max_new_tokens=5)) == ANSWERS
        assert len(server.answered) == len(PROMPTS) + 1  # all once, and the one whose line was cut
        assert asked < len(PROMPTS)
        third = OpenAIEngine(server.url, "m", parallel=1, cache=tmp_path)
        assert dict(third.answer(PROMPTS, max_new_tokens=5)) == ANSWERS
        assert len(server.answered) == len(PROMPTS) + 1


def test_a_failure_is_asked_again_by_the_next_start(tmp_path):
    with Server(faults=[500]) as server:
        for expected in (Output("", "the server answered 500", failed=True), Output("The answer is 3.")):
            engine = OpenAIEngine(server.url, "m", waits=(), cache=tmp_path, skip_failed=True)
            assert dict(engine.answer(["abc"], max_new_tokens=5)) == {0: expected}


def test_draws_of_one_prompt_are_requests_of_their_own(tmp_path):
    def write(prompt, request):
        return f"{request['seed']} {request['temperature']} {request['top_p']}"

    with Server(write=write) as server:
        engine = OpenAIEngine(server.url, "m", cache=tmp_path)
        sampling = Sampling(temperature=0.7, top_p=0.9)
        answers = dict(engine.answer(["abc"] * 3, max_new_tokens=5, sampling=sampling, draws=[0, 1, 2]))
    assert [answers[place].text for place in range(3)] == ["0 0.7 0.9", "1 0.7 0.9", "2 0.7 0.9"]


def test_no_more_requests_at_once_than_asked_for():
    with Server(write=lambda prompt, request: time.sleep(0.02) or "x") as server:
        list(OpenAIEngine(server.url, "m", parallel=3).answer(PROMPTS * 3, max_new_tokens=5))
    assert 1 < server.most_at_once <= 3


def test_usage_is_what_the_server_says_and_its_cost_follows():
    with Server() as server:
        engine = OpenAIEngine(server.url, "m")
        list(engine.answer(PROMPTS, max_new_tokens=5))
    assert engine.meter.total == Usage(7, 28, 28)
    # 28 tokens at 2 and 28 at 8 a million
    assert engine.meter.total.cost(Price(prompt=2.0, answer=8.0)) == pytest.approx(28e-6 * 10)


def test_an_estimate_counts_characters():
    assert estimate(["a" * 35, "b" * 70], answer_tokens=100) == Usage(2, 30, 200)


def test_only_a_model_that_continues_text_is_stopped_at_headings():
    with Server(write=lambda prompt, request: "First.\n### Then\nThe answer is 5.") as server:
        for chat, text in ((True, "First.\n### Then\nThe answer is 5."), (False, "First.")):
            engine = OpenAIEngine(server.url, "m", chat=chat)
            assert dict(engine.answer(["abc"], max_new_tokens=5)) == {0: Output(text)}
    assert "stop" not in server.seen[0][1]
    assert len(server.seen[1][1]["stop"]) == 4
