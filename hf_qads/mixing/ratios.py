"""How much of each source is kept: pure functions of sizes and mean scores.

Every rule gives a mapping source -> share in [0, 1]. `kept` turns shares into row counts: share times size,
to the nearest integer, halves up.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Literal, get_args

from hf_qads.errors import MixingError

Rule = Literal["score", "size", "fixed", "total", "all", "explicit"]
RULES: Final[Mapping[str, tuple[str, ...]]] = {  # rule -> its keys; all but `low` are needed
    **dict.fromkeys(get_args(Rule), ()),
    "size": ("upp", "low"),
    "fixed": ("value",),
    "total": ("rows",),
    "explicit": ("shares",),
}


def kept(sizes: Mapping[str, int], shares: Mapping[str, float]) -> dict[str, int]:
    """Rows that each source keeps: `share * size` to the nearest integer, halves up.

    Two counts made from the same sizes are ordered as their shares are, so that subsets stay prefixes.

    Raises:
        MixingError: a source has no share, or a size or share is out of range.
    """
    _check_sizes(sizes)
    missing = [source for source in sizes if source not in shares]
    if missing:
        raise MixingError(f"no ratio for source {missing[0]!r}. Give one for each of: {', '.join(sizes)}.")
    return {source: nearest(_share(source, shares[source]) * size) for source, size in sizes.items()}


def nearest(value: float) -> int:
    """The integer nearest to a value that is not negative, halves up.

    A product that floats put a hair below a half still counts as a half.
    """
    return math.floor(value * (1 + 1e-12) + 0.5)


def by_size(sizes: Mapping[str, int], *, upp: float, low: float = 1000) -> dict[str, float]:
    """Cut the large sources to the mean size of the middle ones, keep the others whole.

    Sources with at least `upp` rows are cut; the mean is over the sizes strictly between `low` and `upp`.

    Raises:
        MixingError: a size is out of range, `low` is not below `upp`, or a source must be cut and no size
            lies between the bounds.

    Source: appendix B, Eq. 5.
    """
    _check_sizes(sizes)
    if not 0 <= low < upp:
        raise MixingError(f"ratio by size needs 0 <= low < upp, got low={low}, upp={upp}.")
    middle = [size for size in sizes.values() if low < size < upp]
    if not middle and max(sizes.values()) >= upp:
        raise MixingError(
            f"ratio by size has no source with more than low={low} and fewer than upp={upp} rows to take the "
            f"mean size from (largest: {max(sizes.values())}). Lower low or raise upp."
        )
    return {
        source: min(1.0, sum(middle) / len(middle) / size) if size >= upp else 1.0
        for source, size in sizes.items()
    }


def by_score(means: Mapping[str, float], *, scale: float = 5.0) -> dict[str, float]:
    """Share = mean score / highest possible score.

    Args:
        means: mean score per source, over its scored rows.
        scale: 5 where the scores are a scorer's (`qads_score`), 1 where they are `qads_influence`.

    Raises:
        MixingError: no source, or a mean that is not in [0, scale].

    Source: section 4, selection scheme of S_large.
    """
    _check_means(means, scale)
    return {source: mean / scale for source, mean in means.items()}


def fixed(sources: Iterable[str], *, value: float) -> dict[str, float]:
    """The same share of every source.

    Raises:
        MixingError: `value` is not in (0, 1].
    """
    if not 0 < value <= 1:
        raise MixingError(f"ratio value must be in (0, 1], got {value}.")
    return {source: float(value) for source in sources}


def keep_all(sources: Iterable[str]) -> dict[str, float]:
    """Every source whole."""
    return fixed(sources, value=1.0)


def total(sizes: Mapping[str, int], means: Mapping[str, float], *, rows: int) -> dict[str, float]:
    """`rows` rows in all, shared so that each source's share is in proportion to its mean score.

    `share = min(1, c * mean)` with the one `c` that makes the counts add up: what a source cannot give
    goes to the others. Fractions of rows go to the largest remainders, the earlier source on ties, and
    `kept` gives back exactly `rows`.

    Raises:
        MixingError: more rows than there are, or than the sources with a score above 0 hold.
    """
    _check_sizes(sizes)
    _check_means({source: means.get(source, math.nan) for source in sizes}, math.inf)
    if not isinstance(rows, int) or rows < 1:
        raise MixingError(f"ratio rows must be a positive integer, got {rows!r}.")
    available = sum(size for source, size in sizes.items() if means[source] > 0)
    if rows > available:
        raise MixingError(f"ratio asks for {rows} rows in all, but the sources hold {available}. Lower rows.")
    wanted = _fill({source: sizes[source] * means[source] for source in sizes}, sizes, rows)
    counts = {source: math.floor(value) for source, value in wanted.items()}
    by_remainder = sorted(sizes, key=lambda source: counts[source] - wanted[source])
    open_sources = [source for source in by_remainder if counts[source] < sizes[source]]
    for source in open_sources[: rows - sum(counts.values())]:
        counts[source] += 1
    return {source: counts[source] / size if size else 0.0 for source, size in sizes.items()}


def from_rule(
    rule: Mapping[str, Any],
    *,
    sizes: Mapping[str, int],
    means: Mapping[str, float] | None = None,
    kinds: Mapping[str, str] | None = None,
    scale: float = 5.0,
) -> dict[str, float]:
    """Shares from a config's `ratio`: `{rule: score}`, or a rule per kind, `{reasoning: {rule: all}, ...}`.

    Args:
        rule: `{rule: score}`, `{rule: size, low:, upp:}`, `{rule: fixed, value:}`, `{rule: total, rows:}`,
            `{rule: all}`, `{rule: explicit, shares: {source: share}}`, or a mapping from kind to one
            of these.
        sizes: rows per source that selection may choose from.
        means: mean score per source; needed by `score` and `total`.
        kinds: kind per source; needed by a rule per kind. Each rule sees its own kind's sources only.
        scale: the highest possible score, 5 or 1.

    Raises:
        MixingError: an unknown rule or key, a missing value, or a value out of range.
    """
    if "rule" in rule:
        return _one_rule(rule, sizes, means, scale)
    if kinds is None or not rule:
        raise MixingError(f"ratio needs a rule, one of {', '.join(RULES)}; got {dict(rule)}.")
    uncovered = sorted({kinds[source] for source in sizes} - set(rule))
    if uncovered:
        raise MixingError(f"ratio has no rule for kind {uncovered[0]!r}; it has: {', '.join(rule)}.")
    shares: dict[str, float] = {}
    for kind, kind_rule in rule.items():
        own = {source: size for source, size in sizes.items() if kinds[source] == kind}
        if not isinstance(kind_rule, Mapping):
            raise MixingError(f"ratio.{kind} must be a mapping such as {{rule: all}}, got {kind_rule!r}.")
        if own:
            shares |= _one_rule(kind_rule, own, means, scale)
    return {source: shares[source] for source in sizes}


def check_keys(rule: Mapping[str, Any]) -> None:
    """Check that a rule is known and has the keys that it takes; keys that are None do not count.

    Raises:
        MixingError: an unknown rule, a key that it does not take, or one that is missing.
    """
    name = str(rule.get("rule"))
    if name not in RULES:
        raise MixingError(f"ratio.rule must be one of {', '.join(RULES)}, got {name!r}.")
    keys = [key for key, value in rule.items() if key != "rule" and value is not None]
    unknown = sorted(set(keys) - set(RULES[name]))
    missing = [key for key in RULES[name] if key not in keys and key != "low"]
    if unknown or missing:
        problem = f"does not take {', '.join(unknown)}" if unknown else f"needs {', '.join(missing)}"
        raise MixingError(f"ratio rule {name} {problem}. Its keys: {', '.join(RULES[name]) or 'none'}.")


def _one_rule(
    rule: Mapping[str, Any], sizes: Mapping[str, int], means: Mapping[str, float] | None, scale: float
) -> dict[str, float]:
    check_keys(rule)
    own_means = {source: means[source] for source in sizes if source in means} if means else {}
    rules: dict[str, Callable[..., dict[str, float]]] = {
        "score": lambda: by_score(_complete(own_means, sizes), scale=scale),
        "size": lambda **keys: by_size(sizes, **keys),
        "fixed": lambda **keys: fixed(sizes, **keys),
        "total": lambda **keys: total(sizes, _complete(own_means, sizes), **keys),
        "all": lambda: keep_all(sizes),
        "explicit": lambda **keys: explicit(sizes, **keys),
    }
    return rules[rule["rule"]](**{k: v for k, v in rule.items() if k != "rule" and v is not None})


def explicit(sizes: Mapping[str, int], *, shares: Mapping[str, float]) -> dict[str, float]:
    """Shares written out per source, each in [0, 1].

    Raises:
        MixingError: a source has no share, or a share is out of range.
    """
    kept(sizes, shares)
    return {source: float(shares[source]) for source in sizes}


def _fill(weights: Mapping[str, float], sizes: Mapping[str, int], rows: int) -> dict[str, float]:
    """Share `rows` in proportion to weights, none above its size: what is capped goes to the others."""
    filled: dict[str, float] = {source: 0.0 for source in sizes}
    free = {source: weight for source, weight in weights.items() if weight > 0}
    left = float(rows)
    while free and left > 0:
        unit = left / sum(free.values())
        full = [source for source, weight in free.items() if weight * unit >= sizes[source]]
        if not full:
            return filled | {source: weight * unit for source, weight in free.items()}
        for source in full:
            filled[source] = float(sizes[source])
            left -= sizes[source]
            del free[source]
    return filled


def _complete(means: Mapping[str, float], sizes: Mapping[str, int]) -> Mapping[str, float]:
    missing = [source for source in sizes if source not in means]
    if missing:
        raise MixingError(
            f"no mean score for source {missing[0]!r}: a ratio by score needs scored rows in every source. "
            "Score it, or use another rule for it."
        )
    return means


def _share(source: str, share: float) -> float:
    if not 0 <= share <= 1:
        raise MixingError(f"ratio of {source!r} must be in [0, 1], got {share}.")
    return share


def _check_sizes(sizes: Mapping[str, int]) -> None:
    if not sizes:
        raise MixingError("no sources to mix. Give at least one.")
    for source, size in sizes.items():
        if size < 0 or size != int(size):
            raise MixingError(f"size of {source!r} must be a whole number of rows, got {size}.")


def _check_means(means: Mapping[str, float], scale: float) -> None:
    if not means:
        raise MixingError("no sources to mix. Give at least one.")
    for source, mean in means.items():
        if not 0 <= mean <= scale:
            raise MixingError(
                f"mean score of {source!r} must be in [0, {scale:g}], got {mean}. "
                "A mean is taken over scored rows; NaN means that none was scored."
            )
