"""Engines: a model in this process, and a server that speaks OpenAI's protocol."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch

from hf_qads.errors import EvaluationError
from hf_qads.generation.engines import OpenAIEngine, Output, TransformersEngine, _cut
from tests.models import tiny_model, tiny_tokenizer


class Server(ThreadingHTTPServer):
    """Answers with the prompt's length, after as many faults as asked for."""

    def __init__(self, faults=(), body=None):
        self.faults, self.seen, self.body = list(faults), [], body
        super().__init__(("127.0.0.1", 0), Handler)

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/v1"


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append((self.path, request, self.headers.get("Authorization")))
        status = self.server.faults.pop(0) if self.server.faults else 200
        chat = self.path.endswith("/chat/completions")
        prompt = request["messages"][0]["content"] if chat else request["prompt"]
        text = f"The answer is {len(prompt)}."
        choice = {"message": {"content": text}} if chat else {"text": text}
        body = self.server.body or {"choices": [choice | {"finish_reason": "stop"}]}
        answer = json.dumps(body if status == 200 else {"error": "no"}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        return


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
        with pytest.raises(EvaluationError, match=message):
            list(engine.answer(["abc"], max_new_tokens=5))


def test_server_that_is_down_is_an_error():
    engine = OpenAIEngine("http://127.0.0.1:9/v1", "m", waits=(0.0,))
    with pytest.raises(EvaluationError, match="Is the server up"):
        list(engine.answer(["abc"], max_new_tokens=5))


def test_batches_write_what_one_prompt_at_a_time_writes():
    model, tokenizer = tiny_model(), tiny_tokenizer()
    prompts = [f"Question: {'word ' * n}?\nAnswer:" for n in (1, 9, 3, 14, 2)]
    together = dict(TransformersEngine(model, tokenizer).answer(prompts, max_new_tokens=6))
    alone = dict(TransformersEngine(model, tokenizer, batch_tokens=64).answer(prompts, max_new_tokens=6))
    for place, prompt in enumerate(prompts):
        ids = torch.tensor(
            [[tokenizer.bos_token_id, *tokenizer(prompt, add_special_tokens=False)["input_ids"]]]
        )
        for _ in range(6):
            ids = torch.cat([ids, model(ids).logits[:, -1:].argmax(-1)], 1)
            if ids[0, -1] == tokenizer.eos_token_id:
                break
        expected = tokenizer.decode(ids[0, -6:], skip_special_tokens=True)
        assert together[place].text == expected
        assert together[place] == alone[place]
        assert together[place].reason == "length"


def test_prompt_beyond_the_context_has_a_reason():
    engine = TransformersEngine(tiny_model(context=32), tiny_tokenizer())
    answers = dict(engine.answer(["word " * 60, "hi"], max_new_tokens=4))
    assert answers[0] == Output("", "prompt too long")
    assert answers[1].reason == "length"


def test_out_of_memory_halves_the_batches(monkeypatch):
    engine = TransformersEngine(tiny_model(), tiny_tokenizer(), batch_tokens=1024)
    ordinary, sizes = engine._batch, []

    def tight(ids, room):
        sizes.append(len(ids))
        if len(ids) > 2:
            raise RuntimeError("CUDA out of memory")
        return ordinary(ids, room)

    monkeypatch.setattr(engine, "_batch", tight)
    assert len(dict(engine.answer(["a"] * 6, max_new_tokens=120))) == 6
    assert sizes[0] == 6
    assert sum(size for size in sizes if size <= 2) == 6


def test_answer_ends_where_the_model_asks_on():
    assert _cut("It is 5.\n\nQuestion: next?", whole=False) == Output("It is 5.")
    assert _cut("It is", whole=False) == Output("It is", "length")
