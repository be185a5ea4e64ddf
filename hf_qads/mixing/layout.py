"""Which rows of which source stand where in a mixture: ranks and counts only, no texts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from hf_qads.errors import MixingError
from hf_qads.mixing import ratios as rules
from hf_qads.mixing.subsets import (
    check_fractions,
    segments_by_gain,
    segments_by_place,
    segments_by_source,
    subset_name,
)


@dataclass(frozen=True)
class Ranked:
    """One source's selection order.

    Attributes:
        source: its name.
        kind: `reasoning` or `general`, None where unknown or mixed.
        size: rows of the source, with or without a rank.
        rows: (r,) the source's row numbers in rank order.
        gains: (r,) float32, the objective's value at each pick, NaN where there is none.
        places: (r,) places in the order of all sources together, where they were ranked together.
    """

    source: str
    kind: str | None
    size: int
    rows: np.ndarray
    gains: np.ndarray
    places: np.ndarray | None = None

    @classmethod
    def of(
        cls,
        source: str,
        ranks: pa.Array | pa.ChunkedArray,
        gains: pa.Array | pa.ChunkedArray | None,
        *,
        size: int,
        kind: str | None = None,
    ) -> "Ranked":
        """From the columns `qads_rank` and `qads_gain`, null where a row is not ranked.

        Raises:
            MixingError: the ranks are not 0, 1, 2, ... without gaps or repeats.
        """
        values = ranks.cast(pa.float64()).to_numpy(zero_copy_only=False) if len(ranks) else np.empty(0)
        there = np.flatnonzero(~np.isnan(values))
        order = there[np.argsort(values[there], kind="stable")]
        wrong = np.flatnonzero(values[order] != np.arange(len(order)))
        if len(wrong):
            raise MixingError(
                f"ranks of source {source!r} must be 0, 1, 2, ... once each; place {wrong[0]} holds "
                f"{values[order][wrong[0]]:g}. Rank the source again."
            )
        known = np.full(len(values), np.nan, dtype=np.float32)
        if gains is not None and len(gains):
            known = gains.cast(pa.float32()).to_numpy(zero_copy_only=False)
        return cls(source, kind, size, order, known[order])


@dataclass(frozen=True)
class Layout:
    """Where everything stands.

    Attributes:
        pieces: (source, first, last): ranks [first, last) of the source, in the mixture's order.
        segments: (start, stop) rows of the mixture per segment; a subset is the first segments together.
        subsets: rows per subset, smallest first.
        summary: a line per source.
    """

    pieces: list[tuple[str, int, int]]
    segments: list[tuple[int, int]]
    subsets: dict[str, int]
    summary: list[dict[str, Any]]

    @property
    def rows(self) -> int:
        """Rows of the mixture."""
        return self.segments[-1][1]


def lay_out(
    ranked: Mapping[str, Ranked],
    *,
    ratios: Mapping[str, float],
    subsets: Sequence[float] = (),
    by: Literal["source", "global"] = "source",
) -> Layout:
    """Decide how many rows of each source are kept, and in which segment each rank stands.

    Sources that were ranked together have subsets that are prefixes of that one order. A source with fewer
    ranked rows than its ratio asks for gives what it has; `missing` in its summary line
    says how many rows that is short.

    Raises:
        MixingError: no source, a ratio or fraction out of range, or an unknown `by`.
    """
    if by not in ("source", "global"):
        raise MixingError(f'subsets are cut by "source" or "global", got {by!r}.')
    unknown = sorted(set(ratios) - set(ranked))
    if unknown:
        raise MixingError(f"ratio for unknown source {unknown[0]!r}; the sources are: {', '.join(ranked)}.")
    fractions = check_fractions(subsets)
    wanted = rules.kept({source: item.size for source, item in ranked.items()}, ratios)
    kept = {source: min(count, len(ranked[source].rows)) for source, count in wanted.items()}
    places = [item.places for item in ranked.values() if item.places is not None]
    if len(places) == len(ranked):
        parts = segments_by_place(
            [own[:count] for own, count in zip(places, kept.values(), strict=True)], fractions
        )
    elif by == "source":
        parts = [segments_by_source(count, fractions) for count in kept.values()]
    else:
        parts = segments_by_gain([ranked[source].gains[:count] for source, count in kept.items()], fractions)
    bounds = {
        source: np.searchsorted(part, np.arange(len(fractions) + 2))
        for source, part in zip(kept, parts, strict=True)
    }
    return _layout(ranked, ratios, wanted, bounds, [subset_name(fraction) for fraction in fractions])


def _layout(
    ranked: Mapping[str, Ranked],
    ratios: Mapping[str, float],
    wanted: Mapping[str, int],
    bounds: Mapping[str, np.ndarray],
    names: Sequence[str],
) -> Layout:
    pieces, segments, start = [], [], 0
    for segment in range(len(names) + 1):
        found = [(source, int(cuts[segment]), int(cuts[segment + 1])) for source, cuts in bounds.items()]
        rows = sum(last - first for _, first, last in found)
        pieces += found
        segments.append((start, start + rows))
        start += rows
    summary: list[dict[str, Any]] = []
    for source, cuts in bounds.items():
        kept = int(cuts[-1])
        line: dict[str, Any] = {"source": source, "kind": ranked[source].kind, "rows": ranked[source].size}
        line |= {"ranked": len(ranked[source].rows), "ratio": float(ratios[source]), "kept": kept}
        line |= {"missing": wanted[source] - kept}
        line |= {name: int(cuts[i + 1]) for i, name in enumerate(names)}
        summary.append(line)
    return Layout(pieces, segments, {name: segments[i][1] for i, name in enumerate(names)}, summary)
