"""Columns: their names, types, meanings and origin in one table; the schema of a row, and row ids."""

import hashlib
import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypedDict

import pyarrow as pa

ROW_ID: Final = "row_id"
QUESTION: Final = "question"
ANSWER: Final = "answer"
HISTORY: Final = "history"
SOURCE: Final = "source"
KIND: Final = "kind"
FINAL_ANSWER: Final = "final_answer"
ALSO_IN: Final = "also_in"
INFLUENCE: Final = "qads_influence"
PAIRS: Final = "qads_influence_pairs"
LOW: Final = "qads_influence_low"
HIGH: Final = "qads_influence_high"
SCORE: Final = "qads_score"
REASON: Final = "qads_reason"
RANK: Final = "qads_rank"
GAIN: Final = "qads_gain"
EMBEDDING: Final = "qads_embedding"
PARENT_ID: Final = "parent_id"
OPERATOR: Final = "operator"
ROUND: Final = "round"
VERIFIED: Final = "verified"
VOTES: Final = "votes"
GENERATOR: Final = "generator"

KINDS: Final = ("reasoning", "general")
ALL_KINDS: Final = "all"  # the group of a scorer that serves every kind


@dataclass(frozen=True)
class Column:
    """A column that this package knows.

    Attributes:
        type: what it holds in every file.
        meaning: one line, for cards and `docs/columns.md`.
        made_by: the stage of a run whose folder holds it; `pool` for what belongs to the row itself.
        always: a run's table and mixture have it even where nothing filled it in; others only where they are.
    """

    type: pa.DataType
    meaning: str
    made_by: str
    always: bool = True


TURN = pa.struct([("role", pa.string()), ("content", pa.string())])
COLUMNS: Final[Mapping[str, Column]] = {
    ROW_ID: Column(pa.string(), "id of the row, the same in every run", "pool"),
    QUESTION: Column(pa.string(), "what is asked", "pool"),
    ANSWER: Column(pa.string(), "the answer to learn from", "pool"),
    HISTORY: Column(pa.list_(TURN), "earlier turns of the conversation, or null", "pool"),
    SOURCE: Column(pa.string(), "the dataset that the row comes from", "pool"),
    KIND: Column(pa.string(), "`reasoning` or `general`", "pool"),
    FINAL_ANSWER: Column(pa.string(), "the final answer, where the source gives it", "pool"),
    ALSO_IN: Column(pa.list_(pa.string()), "other sources that hold the same row", "pool"),
    PARENT_ID: Column(
        pa.string(), "of a generated row: id of the own row that it goes back to", "augmenting", always=False
    ),
    OPERATOR: Column(
        pa.string(),
        "how its question was made of that row's, in order; `paths` is the row's own question answered again",
        "augmenting",
        always=False,
    ),
    ROUND: Column(pa.int32(), "how often its question was evolved", "augmenting", always=False),
    VERIFIED: Column(
        pa.bool_(), "its answer equals a known one; false: only a majority's", "augmenting", always=False
    ),
    VOTES: Column(
        pa.float32(), "share of its question's sampled answers that agree", "augmenting", always=False
    ),
    GENERATOR: Column(pa.string(), "what wrote it, and with which sampling", "augmenting", always=False),
    INFLUENCE: Column(
        pa.float32(),
        "measured quality score: share of anchors that the row improves, from 0 to 1",
        "influence",
    ),
    PAIRS: Column(pa.int32(), "number of anchors it was measured on", "influence"),
    LOW: Column(pa.float32(), "lower end of the 95 % interval of the measured score", "influence"),
    HIGH: Column(pa.float32(), "upper end of the 95 % interval of the measured score", "influence"),
    **{
        name: Column(pa.float32(), meaning, "row_scores", always=False)
        for name, meaning in {
            "ifd": "instruction-following difficulty: loss of the answer with its question over that without",
            "perplexity": "perplexity of the answer, or of question and answer where so asked",
            "answer_tokens": "length of the answer in tokens of the run's model",
            "deita_complexity": "complexity of the question, from 1 to 6, mean over the turns",
            "deita_quality": "quality of the answer, from 1 to 6, mean over the turns",
            "deita": "complexity times quality, summed over the turns",
            "reward": "output of a reward model, on its own scale",
            "wici": "weighted in-context influence on the rows nearest to it",
        }.items()
    },
    SCORE: Column(pa.float32(), "predicted quality score, from 1 to 5", "scores"),
    REASON: Column(pa.string(), "why there is no score, or null", "scores"),
    RANK: Column(
        pa.int32(), "place in the order in which the source's rows were picked, from 0", "selection"
    ),
    GAIN: Column(
        pa.float32(), "quality score times distance to the rows picked before, at the pick", "selection"
    ),
}

ROW_SCHEMA: Final = pa.schema(
    [(name, column.type) for name, column in COLUMNS.items() if column.made_by == "pool" and column.always]
)


def is_number(column: Column) -> bool:
    """Whether a column holds integers or floats: what joins a mixture, and what a strategy can read."""
    return bool(pa.types.is_floating(column.type) or pa.types.is_integer(column.type))


class Turn(TypedDict):
    """One earlier turn of a conversation."""

    role: str
    content: str


def score_column(names: Collection[str]) -> str | None:
    """The column that selection goes by: the scorer's prediction, else the measured influence, else none.

    The one place of that rule, for runs, datasets, commands and cards.
    """
    return next((name for name in (SCORE, INFLUENCE) if name in names), None)


def content_key(question: str, answer: str, history: Sequence[Turn] | None = None) -> bytes:
    """16-byte digest of what a row says: its history, question and answer.

    Two rows are exact duplicates when their keys are equal, whatever their sources.
    """
    digest = hashlib.blake2b(digest_size=16)
    parts = [part for turn in history or () for part in (turn["role"], turn["content"])]
    for part in (*parts, question, answer):
        encoded = part.encode("utf-8", "surrogatepass")
        digest.update(len(encoded).to_bytes(8, "little"))
        digest.update(encoded)
    return digest.digest()


def row_id(source: str, key: bytes) -> str:
    """Id of a row, stable across runs and machines: `source-` and 32 hex digits of `content_key`."""
    return f"{source}-{key.hex()}"


def normalise_question(question: str) -> str:
    """Letters and digits only, lower case, in Unicode NFKC: what makes two questions the same question.

    A question without any letter or digit is compared by its text without white space.
    """
    folded = unicodedata.normalize("NFKC", question).casefold()
    return re.sub(r"[\W_]+", "", folded) or re.sub(r"\s+", "", folded)


def text_of(row: Mapping[str, object], column: str) -> str:
    """The text in `column` of `row`, or the empty string where it is null."""
    value = row.get(column)
    return "" if value is None else str(value)


def columns_table() -> str:
    """The table of `docs/columns.md`: every column, its type, the stage that makes it, and its meaning."""
    lines = ["| column | type | made by | meaning |", "|---|---|---|---|"]
    lines += [
        f"| `{name}` | {_type_name(column.type)} | {column.made_by} | {column.meaning} |"
        for name, column in COLUMNS.items()
    ]
    return "\n".join(lines)


def _type_name(kind: pa.DataType) -> str:
    if pa.types.is_list(kind):
        inner = kind.value_type
        names = ", ".join(inner.field(i).name for i in range(inner.num_fields))
        return f"list of {{{names}}}" if pa.types.is_struct(inner) else f"list of {inner}s"
    return {"float": "float32", "double": "float64"}.get(str(kind), str(kind))
