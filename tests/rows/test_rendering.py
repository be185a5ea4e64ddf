import pytest

from hf_qads.errors import ScoringError
from hf_qads.rows.rendering import Renderer, template_of
from tests.models import CHATML, CHATML_WITH_BOS, tiny_model, tiny_tokenizer

AWKWARD = [
    "72",
    " two spaces before, one after ",
    "line one\n\n\nline two\n",
    "答案是五个苹果。",
    "🙂👩‍👩‍👧 and é",
    "$\\frac{1}{2}$ \\boxed{8} {question} {answer}",
    "Answer: Question: \nAnswer:",
    "end",
    "\ttabs\tand\r\nreturns",
]


@pytest.fixture(scope="module")
def plain():
    return Renderer(tiny_tokenizer())


def decoded(renderer, block):
    """The answer's tokens as text; the space before an answer may belong to its first token."""
    text = renderer.tokenizer.decode(block.ids[: block.answer[1]])
    before = renderer.tokenizer.decode(block.ids[: block.answer[0]])
    return text.removeprefix(before).removeprefix("" if before.endswith((" ", "\n")) else " ")


@pytest.mark.parametrize("answer", AWKWARD)
def test_the_answer_tokens_spell_the_answer(plain, answer):
    found = decoded(plain, plain.block({"question": "How many?", "answer": answer}))
    assert found == answer.rstrip("\n")  # a last newline joins the blank line after the answer


@pytest.mark.parametrize("answer", AWKWARD)
@pytest.mark.parametrize("template", [CHATML, CHATML_WITH_BOS])
def test_the_answer_tokens_spell_the_answer_in_a_chat(answer, template):
    renderer = Renderer(tiny_tokenizer(chat=template), "chat")
    block = renderer.block({"question": "How many?", "answer": answer})
    assert decoded(renderer, block) == answer.strip()  # as the template writes it


@pytest.mark.parametrize("answer", AWKWARD)
def test_answer_tokens_are_the_same_with_and_without_an_example_before(plain, answer):
    example = plain.block({"question": "1 + 1?", "answer": answer})
    anchor = plain.block({"question": answer, "answer": answer})
    zero_shot = [*plain.bos, *anchor.ids]
    one_shot = [*plain.bos, *example.ids, *anchor.ids]
    start, stop = anchor.answer
    shift = len(plain.bos) + len(example.ids)
    assert one_shot[shift + start : shift + stop] == zero_shot[start + 1 : stop + 1]
    text = plain.tokenizer.decode(one_shot[1:])
    assert text == f"Question: 1 + 1?\nAnswer: {answer}\n\nQuestion: {answer}\nAnswer: {answer}\n\n"


def test_a_block_is_the_plain_template_without_special_tokens(plain):
    block = plain.block({"question": "1 + 1?", "answer": "2"})
    assert plain.tokenizer.decode(block.ids) == "Question: 1 + 1?\nAnswer: 2\n\n"
    assert plain.bos == [plain.tokenizer.bos_token_id]
    assert plain.bos[0] not in block.ids


def test_a_tokenizer_without_bos_opens_with_nothing():
    assert Renderer(tiny_tokenizer(bos=False)).bos == []


def test_earlier_turns_stand_before_in_the_same_form(plain):
    history = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "1 + 1?"},
        {"role": "assistant", "content": "2"},
        {"role": "user", "content": "Thanks."},
    ]
    block = plain.block({"question": "And 2 + 2?", "answer": "4", "history": history})
    assert plain.tokenizer.decode(block.ids) == (
        "Be brief.\n\nQuestion: 1 + 1?\nAnswer: 2\n\nQuestion: Thanks.\nAnd 2 + 2?\nAnswer: 4\n\n"
    )
    assert decoded(plain, block) == "4"


def test_a_chat_keeps_its_earlier_turns():
    renderer = Renderer(tiny_tokenizer(chat=True), "chat")
    history = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "4"}]
    block = renderer.block({"question": "2 + 2?", "answer": "4", "history": history})
    text = renderer.tokenizer.decode(block.ids)
    assert text.count("<|im_start|>") == 4
    assert decoded(renderer, block) == "4"
    assert block.answer[0] > len(block.ids) // 2  # the last turn's, though the first says the same


def test_a_chat_template_that_writes_bos_gives_one_bos():
    with_bos = Renderer(tiny_tokenizer(chat=CHATML_WITH_BOS), "chat")
    without = Renderer(tiny_tokenizer(chat=CHATML), "chat")
    row = {"question": "2 + 2?", "answer": "4"}
    assert with_bos.block(row) == without.block(row)


def test_an_own_format_string_is_used(plain):
    renderer = Renderer(plain.tokenizer, "{{Q}} {question}\nA:\n{answer}!\n")
    block = renderer.block({"question": "2 + {2}?", "answer": "4"})
    assert renderer.tokenizer.decode(block.ids) == "{Q} 2 + {2}?\nA:\n4!\n"
    assert decoded(renderer, block) == "4"


@pytest.mark.parametrize(
    "template", ["{answer} {question}", "{question}", "{question} {answer} {x}", "{", "plane"]
)
def test_a_format_string_without_the_two_fields_is_refused(plain, template):
    with pytest.raises(ScoringError, match="template="):
        Renderer(plain.tokenizer, template)


def test_a_chat_without_a_chat_template_is_refused(plain):
    with pytest.raises(ScoringError, match="no chat template"):
        Renderer(plain.tokenizer, "chat")


@pytest.mark.parametrize("tokenizer", [None, object()])
def test_anything_but_a_fast_tokenizer_is_refused(tokenizer):
    with pytest.raises(ScoringError, match="fast tokenizer"):
        Renderer(tokenizer)


def test_rows_that_cannot_be_rendered_have_reasons_and_the_others_blocks(plain):
    rows = [
        {"question": "a", "answer": " \n"},
        {"question": "a", "answer": None},
        {"question": "a", "answer": "bad \ud800"},
        {"question": "a", "answer": "b"},
    ]
    blocks = plain.blocks(rows)
    assert blocks[:3] == ["the answer is empty", "the answer is empty", "the text is not valid Unicode"]
    assert decoded(plain, blocks[3]) == "b"


def test_an_answer_within_a_larger_token_has_no_tokens_of_its_own():
    renderer = Renderer(tiny_tokenizer(), "{question}{answer}nswer: \n")
    # "Answer" is one token of this tokenizer, and it ends outside the answer "A".
    assert renderer.blocks([{"question": "\n", "answer": "A"}]) == ["the answer has no tokens of its own"]


def test_one_row_that_cannot_be_rendered_raises(plain):
    with pytest.raises(ScoringError, match=r"'How many'.*empty"):
        plain.block({"question": "How many", "answer": ""})


def test_a_chat_template_that_refuses_a_row_gives_the_reason():
    refuses = "{% if messages | length > 2 %}{{ raise_exception('too many turns') }}{% endif %}" + CHATML
    renderer = Renderer(tiny_tokenizer(chat=refuses), "chat")
    row = {"question": "a", "answer": "b", "history": [{"role": "user", "content": "x"}]}
    assert renderer.blocks([row]) == ["the chat template refuses the row (too many turns)"]


def test_a_chat_template_that_rewrites_the_answer_gives_the_reason():
    rewrites = "{{ messages[-1]['content'] | length }} {{ messages[-1]['content'] }}"
    renderer = Renderer(tiny_tokenizer(chat=rewrites), "chat")
    assert renderer.blocks([{"question": "a", "answer": "b"}]) == [
        "the chat template does not write the answer as it is"
    ]


def test_a_models_own_template_holds_where_none_is_given():
    model = tiny_model()
    assert template_of(model) == "plain"
    model.config.qads_template = "Q {question} A {answer}"
    assert template_of(model) == template_of(model.config) == "Q {question} A {answer}"
    assert template_of(model, "chat") == "chat"
