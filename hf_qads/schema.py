"""Column names, the schema of a row, and row ids."""

import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
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
PAIRS: Final = "qads_pairs"
LOW: Final = "qads_low"
HIGH: Final = "qads_high"
SCORE: Final = "qads_score"
REASON: Final = "qads_reason"
RANK: Final = "qads_rank"
GAIN: Final = "qads_gain"
EMBEDDING: Final = "qads_embedding"

KINDS: Final = ("reasoning", "general")

TURN = pa.struct([("role", pa.string()), ("content", pa.string())])
ROW_SCHEMA: Final = pa.schema(
    [
        (ROW_ID, pa.string()),
        (QUESTION, pa.string()),
        (ANSWER, pa.string()),
        (HISTORY, pa.list_(TURN)),
        (SOURCE, pa.string()),
        (KIND, pa.string()),
        (FINAL_ANSWER, pa.string()),
        (ALSO_IN, pa.list_(pa.string())),  # other sources that hold the same row
    ]
)

SCORE_COLUMNS: Final = {
    INFLUENCE: pa.float32(),
    PAIRS: pa.int32(),
    LOW: pa.float32(),
    HIGH: pa.float32(),
    SCORE: pa.float32(),
    REASON: pa.string(),
    RANK: pa.int32(),
    GAIN: pa.float32(),
}


class Turn(TypedDict):
    """One earlier turn of a conversation."""

    role: str
    content: str


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
