"""Chat templates: the exact text with the whole answer in the label, or a reason."""

import datetime
import re
from pathlib import Path

import pytest
import trl

from hf_qads.errors import ScoringError
from hf_qads.rows import chat
from hf_qads.rows.rendering import Renderer
from tests.models import CHATML, CHATML_WITH_BOS, tiny_tokenizer

FILES = sorted((Path(trl.__file__).parent / "chat_templates").glob("*.jinja"))
SYSTEM = {"role": "system", "content": "Be brief."}
USER = {"role": "user", "content": "What is 1 + 1?"}
TWO = {"role": "assistant", "content": "It is 2."}
THOUGHT = "<think>\nLet me see: 1 and 1.\n</think>\n\nThe answer is 2."
CASES = {
    "plain": ([], "What is 2 + 3?", "The answer is 5."),
    "system": ([SYSTEM], "What is 2 + 3?", "The answer is 5."),
    "think": ([], "What is 2 + 3?", THOUGHT),
    "think in a line": ([], "What is 2 + 3?", "<think>1 and 1</think>The answer is 2."),
    "empty think": ([], "What is 2 + 3?", "<think>\n\n</think>\n\nThe answer is 2."),
    "open think": ([], "What is 2 + 3?", "<think>\nLet me see"),
    "several turns": ([USER, TWO, USER, TWO], "What is 2 + 3?", "It is 2."),
    "several turns with think": ([SYSTEM, USER, {**TWO, "content": THOUGHT}], "What is 2 + 3?", THOUGHT),
    "white space": ([], " What is 2 + 3? \n", "  The\tanswer:\n\n 5 \n"),
    "words of the template": ([], "QaDSAnswer?", "<|im_end|> QaDSAnswer assistant"),
}
THINKS = ("think", "think in a line", "empty think", "several turns with think")
CUTS = ("deepseek_r1_distill", "deepseekv3", "deepseekv3_training")  # which keep what follows </think>
NO_SYSTEM = ("gemma", "gemma_training")


def with_template(template, **names):
    tokenizer = tiny_tokenizer(chat=template)
    for name, value in names.items():
        setattr(tokenizer, name, value)
    return tokenizer


def parts(text):
    """An answer's texts and marks, without the white space around each."""
    return [part.strip() for part in re.split(r"(</?think>)", text) if part.strip()]


def row(history, question, answer):
    return {"history": history, "question": question, "answer": answer}


@pytest.fixture(scope="module")
def tokenizer():
    return tiny_tokenizer()


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_every_template_of_trl_gives_the_exact_text_or_a_reason(tokenizer, monkeypatch, file):
    monkeypatch.setenv(chat.DATE, datetime.datetime.now().strftime("%Y-%m-%d"))
    tokenizer.chat_template = file.read_text(encoding="utf-8")
    renderer = Renderer(tokenizer, "chat")
    reasons = {}
    for name, (history, question, answer) in CASES.items():
        found = renderer.text(row(history, question, answer))
        if isinstance(found, str):
            reasons[name] = found
            continue
        typed = "typed" if any(word in file.stem for word in ("idefics", "smolvlm", "llava")) else ""
        messages = [*history, {"role": "user", "content": question}, {"role": "assistant", "content": answer}]
        if typed:
            messages = [{**m, "content": [{"type": "text", "text": m["content"]}]} for m in messages]
        text = tokenizer.decode(renderer.bos) + found.text
        assert text == tokenizer.apply_chat_template(messages, tokenize=False), name
        assert parts(found.text[slice(*found.answer)]) == parts(answer), name
        block = renderer.block(row(history, question, answer))
        label = tokenizer.decode(block.ids[slice(*block.answer)])
        assert parts(answer)[-1] in label, name
    expected = {}
    if file.stem in CUTS:
        expected |= dict.fromkeys(THINKS, chat.CUT) | {"empty think": chat.REWRITTEN}
    if file.stem in NO_SYSTEM:
        refused = "the chat template refuses the row (System role not supported)"
        expected |= {"system": refused, "several turns with think": refused}
    assert reasons == expected


@pytest.mark.parametrize(
    "written",
    [
        "<think>\n1 and 1\n</think>\n\nIt is 2.",
        "\n<think>1 and 1</think>\nIt is 2.  ",
        "First <think>1 and 1</think> It is 2.",
    ],
)
def test_the_label_of_an_answer_with_reasoning_holds_all_of_it(written):
    renderer = Renderer(with_template((FILES[0].parent / "qwen3.jinja").read_text()), "chat")
    found = renderer.text(row([], "q", written))
    if written.startswith("First"):  # which this template drops
        assert found == chat.CUT
    else:
        label = found.text[slice(*found.answer)]
        assert label.rstrip() == "<think>\n1 and 1\n</think>\n\nIt is 2."
        assert found.text[found.answer[1] :] == "<|im_end|>\n"


def test_a_bos_that_marks_turns_stays_in_every_block():
    tokenizer = with_template(CHATML, bos_token="<|im_start|>")
    renderer = Renderer(tokenizer, "chat")
    example, anchor = (renderer.block(row([], question, "4")) for question in ("2 + 2?", "1 + 3?"))
    one_shot = tokenizer.decode([*renderer.bos, *example.ids, *anchor.ids])
    assert one_shot == "".join(
        f"<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n4<|im_end|>\n"
        for question in ("2 + 2?", "1 + 3?")
    )
    assert renderer.bos == []


def test_a_sequence_opens_with_bos_where_the_template_does():
    with_bos = Renderer(tiny_tokenizer(chat=CHATML_WITH_BOS), "chat")
    assert with_bos.bos == [with_bos.tokenizer.bos_token_id]
    assert Renderer(tiny_tokenizer(chat=CHATML), "chat").bos == []


def test_a_bos_before_every_question_is_the_templates_own():
    llama2 = (
        "{% for m in messages %}{% if m.role == 'user' %}{{ bos_token + '[INST] ' + m.content + ' [/INST]' }}"
        "{% else %}{{ ' ' + m.content + ' ' + eos_token }}{% endif %}{% endfor %}"
    )
    renderer = Renderer(tiny_tokenizer(chat=llama2), "chat")
    assert renderer.bos == []
    assert renderer.text(row([], "q", "a")).text == "<s>[INST] q [/INST] a </s>"


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("{{ raise_exception('tools are needed') }}", r"question and its answer \(tools are needed\)"),
        ("{{ tools[0].name }}{{ messages[0].content }}", "question and its answer"),
        ("{% for m in messages %}{{ m.images[0] }}{% endfor %}", "question and its answer"),
        ("{{ messages[-1].content | upper }}", "question and its answer"),
        ("{{ messages[0].content() }}", "question and its answer"),
    ],
)
def test_a_template_that_writes_no_plain_answer_is_refused_at_once(template, why):
    with pytest.raises(ScoringError, match=why):
        Renderer(tiny_tokenizer(chat=template), "chat")


def test_todays_date_is_the_one_that_is_kept(monkeypatch, tmp_path):
    template = "{{ strftime_now('%d %b %Y') }} " + CHATML
    monkeypatch.setenv(chat.DATE, "2026-01-31")
    assert (
        Renderer(tiny_tokenizer(chat=template), "chat")
        .text(row([], "q", "a"))
        .text.startswith("31 Jan 2026 ")
    )
    monkeypatch.setenv(chat.DATE, "yesterday")
    with pytest.raises(ScoringError, match="HF_QADS_DATE='yesterday' is no date"):
        Renderer(tiny_tokenizer(chat=template), "chat")
    monkeypatch.delenv(chat.DATE)
    (tmp_path / "date").write_text("2026-02-01\n")
    with chat.kept_date(tmp_path / "date"):
        text = Renderer(tiny_tokenizer(chat=template), "chat").text(row([], "q", "a")).text
    assert text.startswith("01 Feb 2026 ")
    assert chat.DATE not in chat.os.environ
    with chat.kept_date(tmp_path / "new"):
        pass
    assert datetime.date.fromisoformat((tmp_path / "new").read_text().strip())


def test_a_template_without_the_question_gives_the_reason():
    renderer = Renderer(tiny_tokenizer(chat="A: {{ messages[-1].content }}"), "chat")
    assert renderer.blocks([row([], "q", "a")]) == ["the chat template does not write the question"]
