"""A model in this process: batches, sampling, limits of context and memory."""

from collections import Counter

import numpy as np
import pytest
import torch

from hf_qads.errors import GenerationError
from hf_qads.generation.engine import Output, Sampling, until_stop
from hf_qads.generation.local import TransformersEngine, _Draw, _shared
from tests.models import tiny_model, tiny_tokenizer


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


def test_what_all_prompts_begin_with_is_read_once_and_changes_nothing(monkeypatch):
    model, tokenizer = tiny_model(), tiny_tokenizer()
    beginning = "Question: one two three four five six\nAnswer: seven\n\nQuestion: "
    prompts = [f"{beginning}{'word ' * n}?\nAnswer:" for n in (1, 9, 3, 14, 2)]
    options = {"max_new_tokens": 6, "sampling": Sampling(1.0, seed=3)}
    engine = TransformersEngine(model, tokenizer)
    assert 16 <= _shared(engine._encode(prompts)) < min(map(len, engine._encode(prompts)))
    together = dict(engine.answer(prompts, **options))
    for place, prompt in enumerate(prompts):
        assert dict(engine.answer([prompt], **options))[0] == together[place]
    assert _shared([[1] * 40] * 3) == 39  # each keeps a token of its own
    assert _shared([[1] * 10 + [2], [1] * 10 + [3]]) == 0


@pytest.mark.parametrize("temperature", [0.0, 1.5])
def test_rows_that_have_ended_leave_their_batch_and_nothing_else_changes(monkeypatch, temperature):
    engine = TransformersEngine(tiny_model(), tiny_tokenizer())
    engine.model.generation_config.eos_token_id = list(range(0, 40))  # ends are frequent, and at other places
    prompts = [f"Question: {'word ' * n}?\nAnswer:" for n in range(12)]
    options = {"max_new_tokens": 24, "sampling": Sampling(temperature, seed=3)}
    whole = dict(engine.answer(prompts, **options))
    sizes, ordinary = [], engine.model.generate
    monkeypatch.setattr(
        engine.model, "generate", lambda ids, **rest: sizes.append(len(ids)) or ordinary(ids, **rest)
    )
    monkeypatch.setattr("hf_qads.generation.local.STRETCH", 3)
    assert dict(engine.answer(prompts, **options)) == whole
    if temperature:
        assert sizes[0] == 12 > sizes[-1]
        assert {answer.reason for answer in whole.values()} == {None, "length"}


def test_prompt_beyond_the_context_has_a_reason():
    engine = TransformersEngine(tiny_model(context=32), tiny_tokenizer())
    answers = dict(engine.answer(["word " * 60, "hi"], max_new_tokens=4))
    assert answers[0] == Output("", "prompt too long")
    assert answers[1].reason == "length"


def test_out_of_memory_halves_the_batches(monkeypatch):
    engine = TransformersEngine(tiny_model(), tiny_tokenizer(), batch_tokens=1024)
    ordinary, sizes = engine._batch, []

    def tight(ids, room, *rest):
        sizes.append(len(ids))
        if len(ids) > 2:
            raise RuntimeError("CUDA out of memory")
        return ordinary(ids, room, *rest)

    monkeypatch.setattr(engine, "_batch", tight)
    assert len(dict(engine.answer(["a"] * 6, max_new_tokens=120))) == 6
    assert sizes[0] == 6
    assert sum(size for size in sizes if size <= 2) == 6


def test_a_chat_answer_may_hold_headings():
    assert until_stop("### Step 1\n### Step 2", whole=True, stops=()) == Output("### Step 1\n### Step 2")
    assert TransformersEngine(tiny_model(), tiny_tokenizer(), chat=True).stops == ()


def test_answer_ends_where_the_model_asks_on():
    assert until_stop("It is 5.\n\nProblem: next?", whole=False) == Output("It is 5.\n")
    assert until_stop("It is 5.\n\nQuestion: next?", whole=False) == Output("It is 5.")
    assert until_stop("It is", whole=False) == Output("It is", "length")


def test_a_rows_draw_depends_on_its_prompt_and_number_and_not_on_the_batch():
    model, tokenizer = tiny_model(), tiny_tokenizer()
    prompts = [f"Question: {'word ' * n}?\nAnswer:" for n in (1, 9, 3, 3)]
    options = {"max_new_tokens": 6, "sampling": Sampling(temperature=1.0, top_p=0.9, seed=4)}
    together = dict(TransformersEngine(model, tokenizer).answer(prompts, draws=[0, 0, 0, 1], **options))
    for place, (prompt, draw) in enumerate(zip(prompts, [0, 0, 0, 1], strict=True)):
        alone = dict(TransformersEngine(model, tokenizer).answer([prompt], draws=[draw], **options))
        assert alone[0] == together[place]
    assert together[2] != together[3]


def test_tokens_are_drawn_as_often_as_the_model_finds_them_probable():
    logits = torch.log(torch.tensor([0.5, 0.3, 0.15, 0.05]))
    chance = np.linspace(0, 1, 1000, endpoint=False, dtype=np.float32)[:, None]

    def shares(**settings):
        scores = _Draw(Sampling(**settings), chance, 0)(torch.empty(1000, 0), logits.expand(1000, 4))
        counts = Counter(scores.argmax(-1).tolist())
        return [counts[token] / 1000 for token in range(4)]

    assert shares(temperature=1.0) == pytest.approx([0.5, 0.3, 0.15, 0.05], abs=0.002)
    # top_p 0.75: the first two reach 0.8, and share all draws as 5 to 3
    assert shares(temperature=1.0, top_p=0.75) == pytest.approx([0.625, 0.375, 0, 0], abs=0.002)
    # at temperature 0.5 probabilities are squared: 0.25, 0.09, 0.0225, 0.0025 of 0.365
    assert shares(temperature=0.5) == pytest.approx([0.685, 0.2466, 0.0616, 0.0068], abs=0.002)


@pytest.mark.parametrize("settings", [{"temperature": -1}, {"temperature": 9}, {"top_p": 0}, {"top_p": 2}])
def test_sampling_out_of_range_is_an_error(settings):
    with pytest.raises(GenerationError, match="is not in"):
        Sampling(**settings)


def test_chat_prompts_go_through_the_tokenizers_template():
    tokenizer = tiny_tokenizer()
    tokenizer.chat_template = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>"
    engine = TransformersEngine(tiny_model(), tokenizer, chat=True, name="tiny")
    assert engine.name == "tiny, chat"
    assert tokenizer.decode(engine._encode(["hi"])[0]) == tokenizer.decode(
        tokenizer("<user>hi<assistant>", add_special_tokens=False)["input_ids"]
    )


def test_a_prompt_that_opens_with_bos_gets_no_second_one():
    tokenizer = tiny_tokenizer()
    engine = TransformersEngine(tiny_model(), tokenizer, name="tiny")
    bos = tokenizer.bos_token_id
    assert [ids.count(bos) for ids in engine._encode(["1 + 1?", "<s>1 + 1?"])] == [1, 1]
    assert engine._encode(["1 + 1?"]) == engine._encode(["<s>1 + 1?"])
