"""Tokenise rows for fine-tuning: token ids, and labels on the answer alone (completion-only loss).

The rows are tokenised here and not by TRL, for two reasons: the tokens are then the very ones that scoring
and embedding see, and every row that does not fit is counted (TRL drops rows whose answer truncation cuts
away without a word).
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from hf_qads.errors import ScoringError, TrainingError
from hf_qads.rows.columns import ColumnMapping, pair_or_reason, recognise
from hf_qads.rows.rendering import Renderer

if TYPE_CHECKING:
    from datasets import Dataset

IGNORED = -100  # the label that a loss passes over
NO_ROOM = "the question fills the maximum length"
VERSION = 1  # raise it when the same row would be tokenised otherwise: cached results are keyed by it


@dataclass(frozen=True)
class TrainingRows:
    """Tokenised rows and what became of the others.

    Attributes:
        data: `input_ids` and `labels`, in the order of the rows given.
        left_out: reason -> how many rows it kept out.
        cut: rows whose answer lost its end to the maximum length.
        tokens: all tokens of `data`.
        answer_tokens: those that carry a loss.
        longest: tokens of the longest row.
    """

    data: "Dataset"
    left_out: dict[str, int] = field(default_factory=dict)
    cut: int = 0
    tokens: int = 0
    answer_tokens: int = 0
    longest: int = 0

    def __str__(self) -> str:
        gone = ", ".join(f"{count} ({reason})" for reason, count in self.left_out.items())
        return (
            f"{len(self.data)} rows, {self.tokens} tokens, {self.answer_tokens} of them answers; "
            f"left out: {gone or 'none'}; cut at the end: {self.cut}"
        )

    def fingerprint(self) -> str:
        """Hash of the token ids, the same on every machine: 32 hex digits.

        Cost: one pass over the ids, about a second per gigabyte.
        """
        digest = hashlib.blake2b(digest_size=16)
        for batch in self.data.with_format("arrow").iter(batch_size=1000):
            ids = batch["input_ids"].combine_chunks()
            digest.update(np.asarray(ids.value_lengths(), dtype="<i8").tobytes())
            digest.update(np.asarray(ids.flatten(), dtype="<i8").tobytes())
        return digest.hexdigest()


def training_rows(
    rows: "Sequence[Mapping[str, Any]] | Dataset",
    tokenizer: Any,
    *,
    template: str = "plain",
    max_length: int,
    columns: Mapping[str, str] | None = None,
    tokens: int | None = None,
    answers_only: bool = True,
    num_proc: int | None = None,
) -> TrainingRows:
    """Tokenise rows as BOS + block + EOS, with labels on the answer and on what ends it.

    Args:
        rows: dicts or a Dataset with any of the usual column pairs.
        tokenizer: a fast tokenizer.
        template: how a row is rendered: `plain`, `chat` or a format string. A chat template ends a turn
            itself, so no EOS follows it.
        max_length: most tokens of a row. A longer answer loses its end; a question that leaves no room for
            any of its answer leaves the row out. Both are counted.
        columns: mapping of `question`, `answer`, ... to the dataset's own column names.
        tokens: most tokens of all rows together: rows are taken in order until the next one would pass it;
            it and all after it are left out, and counted.
        answers_only: False puts a loss on the questions too.
        num_proc: processes that tokenise.

    Raises:
        TrainingError: there is no row to train on, or tokenizer and template do not go together.
        SourceError: no question and answer columns are recognised.
    """
    from datasets import Dataset

    data = rows if isinstance(rows, Dataset) else Dataset.from_list([dict(row) for row in rows])
    if not len(data):
        raise TrainingError("There are no rows to train on. Name another split or subset.")
    if max_length < 2:
        raise TrainingError(f"max_length={max_length} leaves no room for an answer. Give a larger one.")
    mapping = recognise(data.column_names, columns)
    try:
        renderer = Renderer(tokenizer, template)
    except ScoringError as error:
        raise TrainingError(str(error)) from error
    tokenised = data.map(
        _tokenise,
        batched=True,
        remove_columns=data.column_names,
        fn_kwargs={
            "renderer": renderer,
            "mapping": mapping,
            "max_length": max_length,
            "answers_only": answers_only,
            "version": VERSION,
        },
        num_proc=num_proc,
        desc="Tokenising rows",
    )
    return _audited(tokenised, tokens)


def _audited(tokenised: "Dataset", tokens: int | None) -> TrainingRows:
    reasons = np.array(tokenised["reason"][:], dtype=object)
    if tokens is not None:
        beyond = np.cumsum(tokenised["tokens"][:]) > tokens
        reasons[beyond & (reasons == "")] = f"beyond the budget of {tokens} tokens"
    left_out = Counter(str(reason) for reason in reasons if reason)
    if len(reasons) == sum(left_out.values()):
        what = ", ".join(f"{count}: {reason}" for reason, count in left_out.items())
        raise TrainingError(f"No row is left to train on ({what}). Raise max_length, or check the rows.")
    data = tokenised.select(np.flatnonzero(reasons == "")) if left_out else tokenised
    counts = {name: np.asarray(data[name][:]) for name in ("cut", "tokens", "answer_tokens")}
    return TrainingRows(
        data.select_columns(["input_ids", "labels"]),
        dict(left_out),
        **{name: int(count.sum()) for name, count in counts.items()},
        longest=int(counts["tokens"].max()),
    )


def _tokenise(
    batch: Mapping[str, Sequence[Any]],
    renderer: Renderer,
    mapping: ColumnMapping,
    max_length: int,
    answers_only: bool,
    version: int,
) -> dict[str, list[Any]]:
    rows = [dict(zip(batch, values, strict=True)) for values in zip(*batch.values(), strict=True)]
    pairs = [pair_or_reason(row, mapping) for row in rows]
    usable = [pair._asdict() for pair in pairs if not isinstance(pair, str)]
    blocks = iter(renderer.blocks(usable))
    out: dict[str, list[Any]] = {
        name: [] for name in ("input_ids", "labels", "reason", "cut", "tokens", "answer_tokens")
    }
    eos = renderer.tokenizer.eos_token_id
    end = [] if eos is None or renderer.template == "chat" else [int(eos)]
    for pair in pairs:
        block = pair if isinstance(pair, str) else next(blocks)
        ids: list[int] = []
        start, reason = 0, block if isinstance(block, str) else ""
        if not isinstance(block, str):
            ids = [*renderer.bos, *block.ids, *end]
            answer = len(renderer.bos) + block.answer[0]
            start = answer if answers_only else len(renderer.bos)
            if answer >= max_length:
                ids, reason = [], NO_ROOM
        kept = ids[:max_length]
        out["input_ids"].append(kept)
        out["labels"].append([IGNORED] * min(start, len(kept)) + kept[start:])
        out["reason"].append(reason)
        out["cut"].append(int(len(ids) > max_length))
        out["tokens"].append(len(kept))
        out["answer_tokens"].append(len(kept[start:]))
    return out
