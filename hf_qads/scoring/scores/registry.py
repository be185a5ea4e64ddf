"""Registry of further scores (IFD, perplexity, Deita, ...), and scoring rows by several of them at once."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.metadata import entry_points
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hf_qads.errors import ScoringError
from hf_qads.rows.losses import PARTS
from hf_qads.runtime.batching import BATCH_TOKENS
from hf_qads.scoring.scores.answer_tokens import answer_tokens
from hf_qads.scoring.scores.deita import deita
from hf_qads.scoring.scores.given import Given, Neighbourhood, Rows, Scored
from hf_qads.scoring.scores.ifd import ifd
from hf_qads.scoring.scores.perplexity import perplexity
from hf_qads.scoring.scores.reward import reward
from hf_qads.scoring.scores.wici import wici

ScoreFunction = Callable[..., Scored]
Options = Mapping[str, Any]

GROUP = "hf_qads.scores"
NOT_FINITE = "the score is not finite"
SCORES: dict[str, ScoreFunction] = {
    "answer_tokens": answer_tokens,
    "deita": deita,
    "ifd": ifd,
    "perplexity": perplexity,
    "reward": reward,
    "wici": wici,
}


class About(NamedTuple):
    """What the module of a score says of it.

    Attributes:
        name: of the score.
        columns: those that it adds, each with `NAME_reason` of the score beside them.
        phrase: what it is, in half a sentence.
        citation: BibTeX, or an empty string.
        parts: the losses that it reads.
        vectors: whether it needs the rows' vectors.
        model: whether it needs the run's language model.
    """

    name: str
    columns: tuple[str, ...]
    phrase: str
    citation: str
    parts: tuple[str, ...]
    vectors: bool
    model: bool


@cache
def scores() -> dict[str, ScoreFunction]:
    """All scores by name; entry points of the group `hf_qads.scores` add to those of this package."""
    added = {point.name: point.load() for point in entry_points(group=GROUP)}
    return {**added, **SCORES}


def listing() -> str:
    """A line for each score: its name, what it is, what it needs beside the rows."""
    lines = []
    for name, function in sorted(scores().items()):
        module = inspect.getmodule(function)
        options = [
            key
            for key, parameter in inspect.signature(function).parameters.items()
            if parameter.kind is parameter.KEYWORD_ONLY and parameter.default is parameter.empty
        ]
        needs = ["a language model"] if getattr(module, "MODEL", getattr(module, "NEEDS", ())) else []
        needs += ["vectors"] if getattr(module, "VECTORS", False) else []
        needs += [f"the option {option}" for option in options]
        lines.append(f"{name:14} {getattr(module, 'PHRASE', name)}; needs {', '.join(needs) or 'nothing'}")
    return "\n".join(lines)


def find_score(name: str) -> ScoreFunction:
    """The score of that name.

    Raises:
        ScoringError: there is none.
    """
    if name not in scores():
        raise ScoringError(f"score {name!r} is not known. There are: {', '.join(sorted(scores()))}.")
    return scores()[name]


def about(name: str, options: Options | None = None) -> About:
    """What the module of a score says of it, by its constants; `options` may change which losses it reads.

    Raises:
        ScoringError: there is no such score, or no such option.
    """
    function = find_score(name)
    module = inspect.getmodule(function)
    options = checked_options(name, options)
    parts = tuple(getattr(module, "NEEDS", ()))
    if (needs := getattr(module, "needs", None)) is not None:
        parts = tuple(needs(**options))
    return About(
        name,
        tuple(getattr(module, "COLUMNS", (name,))),
        str(getattr(module, "PHRASE", f"the score `{name}`")),
        str(getattr(module, "CITATION", "")),
        parts,
        bool(getattr(module, "VECTORS", False)),
        bool(getattr(module, "MODEL", parts)),
    )


def checked_options(name: str, options: Options | None) -> dict[str, Any]:
    """Options of a score, checked against its signature.

    Raises:
        ScoringError: one that it does not have, or one missing that it needs.
    """
    known = {
        key: parameter
        for key, parameter in inspect.signature(find_score(name)).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    given = dict(options or {})
    for key in given:
        if key not in known:
            there = ", ".join(known) or "none"
            raise ScoringError(f"score {name} has no option {key!r}. Its options: {there}.")
    missing = [key for key, value in known.items() if value.default is value.empty and key not in given]
    if missing:
        raise ScoringError(f"score {name} needs the option{'s' * (len(missing) > 1)} {', '.join(missing)}.")
    return given


def columns_by_score() -> dict[str, str]:
    """By column, the score that adds it."""
    return {
        column: name
        for name, function in scores().items()
        for column in getattr(inspect.getmodule(function), "COLUMNS", (name,))
    }


def reason_column(name: str) -> str:
    """The column that says why a row has no score of that name."""
    return f"{name}_reason"


def compute(
    rows: Rows,
    chosen: Mapping[str, Options | None] | Sequence[str],
    *,
    model: Any = None,
    tokenizer: Any = None,
    template: str = "plain",
    neighbourhood: Neighbourhood | None = None,
    device: Any = None,
    batch_tokens: int = BATCH_TOKENS,
) -> dict[str, NDArray[np.float32] | list[str | None]]:
    """Score rows by several scores; a forward pass that two of them need is done once.

    Args:
        rows: (n,) mappings with any of the usual column pairs, or a dataset.
        chosen: names of `SCORES`, or a mapping of names to options.
        model: a causal language model of transformers, for those that read its losses.
        tokenizer: its fast tokenizer.
        template: `plain`, `chat` or a format string.
        neighbourhood: the pool with its vectors, for those that compare neighbours.
        device: for models that a score loads itself.
        batch_tokens: most tokens of a batch, padding included; halved where memory runs out.

    Returns:
        by column, (n,) float32, NaN where a row has none; and by `NAME_reason`, why, or None.

    Raises:
        ScoringError: an unknown score or option, or a score without the model or vectors that it needs.
        SourceError: the rows have no known pair of columns.

    Cost: that of the scores; see each.
    """
    options = dict(chosen) if isinstance(chosen, Mapping) else dict.fromkeys(chosen)
    known = {name: about(name, given) for name, given in options.items()}
    parts = tuple(part for part in PARTS if any(part in one.parts for one in known.values()))
    given = Given(rows, model, tokenizer, template, parts, neighbourhood, device, batch_tokens)
    found: dict[str, NDArray[np.float32] | list[str | None]] = {}
    for name, one in known.items():
        scored = find_score(name)(given, **dict(options[name] or {}))
        reasons = dict(scored.reasons)
        for column in one.columns:
            with np.errstate(over="ignore"):
                values = np.asarray(scored.columns[column], dtype=np.float32)
            for place in np.flatnonzero(~np.isfinite(values)).tolist():
                reasons.setdefault(place, NOT_FINITE)
            found[column] = values
        for column in one.columns:
            found[column][list(reasons)] = np.nan  # type: ignore[call-overload]
        found[reason_column(name)] = [reasons.get(place) for place in range(len(rows))]
    return found
