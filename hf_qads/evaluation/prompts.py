"""Prompts of test sets: questions as a model is asked them."""

from collections.abc import Sequence
from typing import Any

from hf_qads.errors import EvaluationError
from hf_qads.evaluation.items import Item
from hf_qads.rows.rendering import PLAIN


def prompt(
    question: str,
    *,
    template: str = "plain",
    shots: Sequence[Item] = (),
    instruction: str | None = None,
    tokenizer: Any = None,
) -> str:
    """The text after which a model writes its answer.

    A plain prompt ends where the answer's first token begins, without the blank before it, because most
    tokenizers join that blank with the first word.

    Args:
        question: the question, with its choices.
        template: `plain`, `chat` (needs the tokenizer), or a format string with `{question}` and `{answer}`.
        shots: solved questions that come first.
        instruction: stands before the question, where one is given.
        tokenizer: for its chat template.

    Raises:
        EvaluationError: a shot has no solution, or there is no chat template.
    """
    asked = f"{instruction}\n\n{question}" if instruction else question
    if template == "chat":
        if tokenizer is None or not tokenizer.chat_template:
            raise EvaluationError("template=chat, but the model's tokenizer has no chat template. Use plain.")
        text = tokenizer.apply_chat_template(
            messages(question, shots=shots, instruction=instruction),
            tokenize=False,
            add_generation_prompt=True,
        )
        return str(text).removeprefix(tokenizer.bos_token or "")
    form = PLAIN if template == "plain" else template
    solved = "".join(form.format(question=shot.question, answer=_solution(shot)) for shot in shots)
    return solved + form.partition("{answer}")[0].format(question=asked).rstrip(" ")


def messages(
    question: str, *, shots: Sequence[Item] = (), instruction: str | None = None
) -> list[dict[str, str]]:
    """The same as a conversation: each shot is an earlier turn, the instruction the system's."""
    turns = [{"role": "system", "content": instruction}] if instruction else []
    for shot in shots:
        turns += [
            {"role": "user", "content": shot.question},
            {"role": "assistant", "content": _solution(shot)},
        ]
    return [*turns, {"role": "user", "content": question}]


def _solution(shot: Item) -> str:
    if not shot.solution:
        raise EvaluationError(f"The example that begins {shot.question[:40]!r} has no worked solution.")
    return shot.solution
