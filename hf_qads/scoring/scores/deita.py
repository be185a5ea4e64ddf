"""Deita scores: complexity and quality of a row, read off a model's probabilities of the digits 1 to 6.

Liu et al. 2024, "What Makes Good Data for Alignment?" (arXiv 2312.15685), sections 3.2 and 3.3.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hf_qads import references
from hf_qads.errors import ScoringError
from hf_qads.rows.sequences import context_length, padded
from hf_qads.runtime.batching import TokenBudget, run_batches
from hf_qads.runtime.models import load_model
from hf_qads.schema import ANSWER, HISTORY, QUESTION
from hf_qads.scoring.scores.given import Given, Scored

COLUMNS = ("deita_complexity", "deita_quality", "deita")
NEEDS: tuple[str, ...] = ()
PHRASE = "Deita: a scorer model's complexity of the question times its quality of the answer"
CITATION = references.DEITA
GRADES = "123456"
# The input on which the published scorers were trained: hkust-nlp/deita-complexity-scorer, -quality-scorer.
COMPLEXITY = (
    "You are a helpful assistant. Please identify the complexity score of the following user query. \n"
    "##Query: {question}  \n##Complexity: "
)
QUALITY = (
    "You are a helpful assistant. Please identify the quality score of the Response corresponding to the "
    "Question. \n #Question#:\n{question}\n#Response#:\n{answer} \n##Quality: "
)


def deita(
    given: Given,
    *,
    complexity: str,
    quality: str,
    complexity_prompt: str = COMPLEXITY,
    quality_prompt: str = QUALITY,
) -> Scored:
    """Score rows by complexity and quality, each the expected grade from 1 to 6.

    Args:
        given: rows; the run's own model is not asked.
        complexity: folder or Hub id of a causal language model that answers with a digit.
        quality: the same for the quality of the answer; it may be the same model.
        complexity_prompt: what it is asked, with `{question}`.
        quality_prompt: what it is asked, with `{question}` and `{answer}`.

    Returns:
        `deita_complexity` and `deita_quality`, means over the turns, and `deita`, the sum over the turns of
        complexity times quality (for one turn their product). NaN where a turn does not fit the scorer's
        context, and for all rows where its tokenizer has no token for a digit alone.

    Raises:
        ScoringError: a prompt lacks its fields.
        ModelError: a model cannot be loaded.

    Cost: one forward pass of each model over each turn; one model in memory at a time.
    """
    turns = [[] if isinstance(pair, str) else _exchanges(pair) for pair in given.pairs]
    reasons = {place: pair for place, pair in enumerate(given.pairs) if isinstance(pair, str)}
    owner = np.repeat(np.arange(len(turns)), [len(row) for row in turns])
    flat = [turn for row in turns for turn in row]
    texts = [
        [_filled(prompt, question, answer) for question, answer in flat]
        for prompt in (complexity_prompt, quality_prompt)
    ]
    grades = []
    for name, prompts in zip((complexity, quality), texts, strict=True):
        values, why = _grades(given, name, prompts)
        for place, reason in why.items():
            reasons.setdefault(int(owner[place]), f"{name.rpartition('/')[2]}: {reason}")
        grades.append(values)
    counts = np.maximum(1, np.bincount(owner, minlength=len(turns)))
    found: dict[str, NDArray[Any]] = {
        "deita_complexity": np.bincount(owner, grades[0], len(turns)) / counts,
        "deita_quality": np.bincount(owner, grades[1], len(turns)) / counts,
        "deita": np.bincount(owner, grades[0] * grades[1], len(turns)),
    }
    for values in found.values():
        values[list(reasons)] = np.nan
    return Scored(found, reasons)


def _exchanges(pair: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Question and answer of each turn of a conversation; a system turn belongs to no grade."""
    found: list[tuple[str, str]] = []
    waiting: list[str] = []
    for turn in pair[HISTORY] or ():
        if turn["role"] in ("user", "human"):
            waiting.append(str(turn["content"]))
        elif turn["role"] != "system" and waiting:
            found.append(("\n".join(waiting), str(turn["content"])))
            waiting = []
    return [*found, ("\n".join([*waiting, str(pair[QUESTION])]), str(pair[ANSWER]))]


def _filled(prompt: str, question: str, answer: str) -> str:
    if "{question}" not in prompt:
        raise ScoringError(f"the prompt {prompt[:60]!r} of deita has no {{question}}. Give it one.")
    # one pass over the prompt: braces of a row's own text are no fields
    parts = [part.split("{answer}") for part in prompt.split("{question}")]
    return question.join(answer.join(part) for part in parts)


def _grades(given: Given, name: str, prompts: Sequence[str]) -> tuple[NDArray[np.float64], dict[int, str]]:
    """Expected grade (p,) after each prompt, and index of a prompt -> why it has none."""
    import torch

    model, tokenizer = load_model(name, device=given.device)
    digits = [tokenizer.encode(digit, add_special_tokens=False) for digit in GRADES]
    if any(len(ids) != 1 for ids in digits):
        return np.full(len(prompts), np.nan), dict.fromkeys(
            range(len(prompts)), "its tokenizer has no single token for each of the digits 1 to 6"
        )
    columns = torch.tensor([ids[0] for ids in digits], device=model.device)
    context = context_length(model.config, tokenizer)
    ids = (
        [np.asarray(row, dtype=np.int32) for row in tokenizer(list(prompts))["input_ids"]] if prompts else []
    )
    found = np.full(len(ids), np.nan)
    fits = np.asarray([context is None or len(row) <= context for row in ids], dtype=bool)
    reasons = {
        place: f"longer than the context of {context} tokens" for place in np.flatnonzero(~fits).tolist()
    }
    kept = np.flatnonzero(fits)
    grades = torch.arange(1.0, len(GRADES) + 1, dtype=torch.float64)

    def work(batch: NDArray[np.int64]) -> None:
        chosen = [ids[place] for place in kept[batch]]
        tokens, mask = padded(chosen, 0, model.device)
        last = torch.tensor([len(row) - 1 for row in chosen], device=model.device)
        with torch.inference_mode():
            logits = _last_logits(model, tokens, mask, last)[:, columns].double().cpu()
        found[kept[batch]] = (logits.softmax(-1) @ grades).numpy()

    run_batches([len(ids[place]) for place in kept], TokenBudget(given.batch_tokens), work)
    return found, reasons


def _last_logits(model: Any, tokens: Any, mask: Any, last: Any) -> Any:
    """Logits (b, vocabulary) after each sequence's last token."""
    from hf_qads.rows.forward import body, without_adapter

    hidden = body(model)(input_ids=tokens, attention_mask=mask, use_cache=False).last_hidden_state
    return without_adapter(model).get_output_embeddings()(hidden[range(len(last)), last])
