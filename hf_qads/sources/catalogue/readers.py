"""How raw rows of single datasets read, where naming two columns is not enough.

Each reader is a pure function of one raw row. A row of no use raises `pairs.RowError` with the reason.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hf_qads.rows.columns import Pair, RowError, final_text, pair_of_turns
from hf_qads.schema import Turn

LETTERS = "ABCDEFGHIJ"  # not taken from `answers`, which would be loaded with every config for it
Raw = Mapping[str, Any]


def text(raw: Raw, column: str) -> str:
    """The text of a column, trimmed.

    Raises:
        RowError: it is missing, blank or no text.
    """
    value = raw.get(column)
    if value is None:
        raise RowError(f"missing {column}")
    if not isinstance(value, str):
        raise RowError(f"{column} is not text")
    if not value.strip():
        raise RowError(f"blank {column}")
    return value.strip()


def gsm8k_answer(answer: str) -> tuple[str, str | None]:
    """A GSM8K solution without its calculator marks `<<..>>`, its `#### x` as a sentence, and that x."""
    body, mark, final = re.sub(r"<<[^>]*>>", "", answer).partition("####")
    found = final.strip().replace(",", "")
    if not mark or not found:
        return body.strip(), None
    return f"{body.strip()}\nThe answer is {found}".strip(), found


def gsm8k(question: str, answer: str) -> Callable[[Raw], list[Pair]]:
    """Reader of rows in GSM8K's form, with the columns named."""
    return _Gsm8k(question, answer)


class _Gsm8k:
    """A callable that worker processes can be sent."""

    def __init__(self, question: str, answer: str) -> None:
        self.question, self.answer = question, answer

    def __call__(self, raw: Raw) -> list[Pair]:
        answer, final = gsm8k_answer(text(raw, self.answer))
        return [Pair(None, text(raw, self.question), answer, final)]


def dmath(raw: Raw) -> list[Pair]:
    """DMath's English side: the answer is a Python program that prints the final answer."""
    final = final_text(raw.get("answer_en"))
    return [Pair(None, text(raw, "question_en"), text(raw, "solution_code_en"), final)]


def lila(raw: Raw) -> list[Pair]:
    """Lila: a problem and its bare answer; the programs beside it are not used."""
    answer = text(raw, "output_answer")
    return [Pair(None, text(raw, "input"), answer, answer)]


def metamath(raw: Raw) -> list[Pair]:
    """MetaMathQA: each response ends with `The answer is: x`."""
    answer = text(raw, "response")
    _, mark, final = answer.rpartition("The answer is:")
    return [Pair(None, text(raw, "query"), answer, (final.strip() or None) if mark else None)]


def openmath(raw: Raw) -> list[Pair]:
    """OpenMathInstruct-1: the solutions in words alone; those that run code are left out."""
    answer = text(raw, "generated_solution")
    if "<llm-code>" in answer:
        raise RowError("solution that runs code")
    return [Pair(None, text(raw, "question"), answer, final_text(raw.get("expected_answer")))]


def tal(raw: Raw) -> list[Pair]:
    """TAL-SCQ5K: a single-choice problem with its options in the question, and the analysis as the answer."""
    question = text(raw, "problem")
    groups = [group if _is_list(group) else [group] for group in _list(raw, "answer_option_list")]
    options = [_option(option) for group in groups for option in group]
    letter = final_text(raw.get("answer_value"))
    steps = [step.strip() for step in _texts(raw, "answer_analysis") if step.strip()]
    if not steps and letter is None:
        raise RowError("missing answer_analysis and answer_value")
    closing = [f"The answer is {letter}"] if letter else []
    return [Pair(None, _with_choices(question, options), "\n".join([*steps, *closing]), letter)]


def _option(option: object) -> tuple[str, str]:
    if not isinstance(option, Mapping):
        raise RowError("answer_option_list is not a list of options")
    return text(option, "aoVal"), text(option, "content")


def baize(raw: Raw) -> list[Pair]:
    """Baize: one transcript of `[|Human|]` and `[|AI|]` turns after a sentence of introduction."""
    turns: list[Turn] = []
    for piece in re.split(r"\[\|(?=Human\|\]|AI\|\])", text(raw, "input"))[1:]:
        speaker, _, said = piece.partition("|]")
        if said.strip():
            turns.append(Turn(role="user" if speaker == "Human" else "assistant", content=said.strip()))
    return [pair_of_turns(turns)]


def guanaco(raw: Raw) -> list[Pair]:
    """OpenAssistant conversations written as one text with `### Human:` and `### Assistant:`."""
    turns: list[Turn] = []
    for piece in re.split(r"### (?=Human:|Assistant:)", text(raw, "text"))[1:]:
        speaker, _, said = piece.partition(":")
        if said.strip():
            turns.append(Turn(role="user" if speaker == "Human" else "assistant", content=said.strip()))
    return [pair_of_turns(turns)]


def self_instruct(raw: Raw) -> list[Pair]:
    """Self-Instruct in GPT-3's form: the prompt ends with `Output:`, the completion with a mark."""
    prompt = text(raw, "prompt").removesuffix("Output:").strip()
    completion = text(raw, "completion").removesuffix("<|endoftext|>").strip()
    if not prompt or not completion:
        raise RowError("blank prompt" if not prompt else "blank completion")
    return [Pair(None, prompt, completion)]


def aqua(raw: Raw) -> list[Pair]:
    """AQuA-RAT: options such as `A)21` go into the question, the rationale is the answer."""
    options = []
    for option in _texts(raw, "options"):
        letter, mark, said = option.partition(")")
        if not mark:
            raise RowError("options without letters")
        options.append((letter.strip(), said.strip()))
    question = _with_choices(text(raw, "question"), options)
    return [Pair(None, question, text(raw, "rationale"), final_text(raw.get("correct")))]


def math(raw: Raw) -> list[Pair]:
    """MATH: the final answer stands in the last box of the solution."""
    solution = text(raw, "solution")
    return [Pair(None, text(raw, "problem"), solution, boxed(solution))]


def boxed(solution: str) -> str | None:
    """The content of the last LaTeX box, with its inner braces, or None."""
    start = solution.rfind("\\boxed{")
    if start < 0:
        return None
    depth = 0
    for at in range(start + 6, len(solution)):
        depth += {"{": 1, "}": -1}.get(solution[at], 0)
        if depth == 0:
            return solution[start + 7 : at].strip() or None
    return None


def svamp(raw: Raw) -> list[Pair]:
    """SVAMP: body and question make the question; the answer is a number."""
    final = final_text(raw.get("Answer"))
    if final is None:
        raise RowError("missing Answer")
    final = final.removesuffix(".0")
    return [Pair(None, f"{text(raw, 'Body')} {text(raw, 'Question')}", final, final)]


def mmlu(raw: Raw) -> list[Pair]:
    """MMLU: four choices and the number of the right one."""
    choices = [final_text(choice) for choice in _list(raw, "choices")]
    shown = [(letter, choice) for letter, choice in zip(LETTERS, choices, strict=False) if choice]
    letter = _letter(raw.get("answer"), len(choices))
    if letter is None:
        raise RowError("answer is not the number of a choice")
    if len(shown) < len(choices):
        raise RowError("choices are too many, or no text")
    return [Pair(None, _with_choices(text(raw, "question"), shown), letter, letter)]


def agieval(raw: Raw) -> list[Pair]:
    """AGIEval: the query already shows its choices; `gold` is a list with the number of the right one."""
    gold = _list(raw, "gold")
    letter = _letter(gold[0], len(LETTERS)) if len(gold) == 1 else None
    if letter is None:
        raise RowError("gold is not the number of one choice")
    return [Pair(None, text(raw, "query"), letter, letter)]


def short_answer(raw: Raw) -> list[Pair]:
    """A question with a bare answer, which may be a number."""
    final = final_text(raw.get("answer"))
    if final is None:
        raise RowError("missing answer")
    return [Pair(None, text(raw, "question"), final, final)]


def _with_choices(question: str, options: Sequence[tuple[str, str]]) -> str:
    """The question with its options behind it, each a letter and a text; without any, as it is."""
    shown = " ".join(f"({letter}) {said}" for letter, said in options)
    return f"{question}\nAnswer Choices: {shown}" if shown else question


def _letter(number: object, choices: int) -> str | None:
    """The letter of a choice, where `number` is one of the first `choices` of them."""
    if isinstance(number, bool) or not isinstance(number, int):
        return None
    return LETTERS[number] if 0 <= number < min(choices, len(LETTERS)) else None


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _list(raw: Raw, column: str) -> list[Any]:
    """The list in a column; empty where the column is missing.

    Raises:
        RowError: it holds something else.
    """
    value = raw.get(column)
    if value is not None and not _is_list(value):
        raise RowError(f"{column} is not a list")
    return list(value or ())


def _texts(raw: Raw, column: str) -> list[str]:
    """As `_list`, with texts alone in it."""
    values = _list(raw, column)
    if not all(isinstance(value, str) for value in values):
        raise RowError(f"{column} is not a list of texts")
    return values
