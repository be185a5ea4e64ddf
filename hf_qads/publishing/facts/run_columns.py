"""Columns of a run as arrays, one source at a time, so that a large pool's texts are never held together."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hf_qads import schema
from hf_qads.errors import RunError
from hf_qads.publishing.facts.evidence import Example
from hf_qads.runfolder import RunFolder
from hf_qads.statistics.correlation import Correlations, correlations
from hf_qads.statistics.intervals import mean_interval
from hf_qads.statistics.wins import wins

SHOWN = 3  # best and worst rows per source that are read; the report picks among them


@dataclass(frozen=True)
class SourceData:
    """What a run knows of a source's `n` rows, in pool order."""

    name: str
    kind: str
    score: np.ndarray  # (n,) float64: what selection went by, NaN where there is none
    influence: np.ndarray  # (n,) float64: measured share of anchors, NaN where not measured
    length: np.ndarray  # (n,) int64: characters of the answer
    rank: np.ndarray  # (n,) int64: place in the source's order, -1 where not picked
    kept: np.ndarray  # (n,) bool: in the mixture (without one: picked)
    start: np.ndarray  # (n,) bool: drawn for the start pool, which is ranked behind all picks
    best: tuple[Example, ...]
    worst: tuple[Example, ...]

    @property
    def mean(self) -> tuple[float, float, float] | None:
        """Mean score of the rows that have one, and its 95 % interval; None where none has."""
        known = self.score[np.isfinite(self.score)]
        return mean_interval(known) if len(known) else None

    @property
    def order(self) -> np.ndarray:
        """Rows that were kept, in the order in which they were picked."""
        rows = np.flatnonzero(self.kept & (self.rank >= 0))
        ordered: np.ndarray = rows[np.argsort(self.rank[rows], kind="stable")]
        return ordered


def read_sources(run: RunFolder, column: str | None) -> Iterator[SourceData]:
    """Read every source of a run.

    Args:
        run: a run folder whose pool is read.
        column: the score that selection went by, or None before scoring.

    Cost: one source's texts in memory.
    """
    kinds, mixture = run.kinds(), _mixture_ids(run)
    for name in run.sources():
        wanted = (schema.ROW_ID, schema.QUESTION, schema.ANSWER, schema.INFLUENCE, schema.RANK, schema.GAIN)
        table = run.table(name, list(dict.fromkeys([*wanted, *([column] if column else [])])))
        score = _floats(table, column) if column else np.full(len(table), np.nan)
        rank = table[schema.RANK].fill_null(-1).to_numpy().astype(np.int64)
        picked = rank >= 0
        inside = picked if mixture is None else _is_in(table[schema.ROW_ID], mixture)
        yield SourceData(
            name=name,
            kind=kinds[name],
            score=score,
            influence=_floats(table, schema.INFLUENCE),
            length=pc.utf8_length(table[schema.ANSWER]).to_numpy().astype(np.int64),
            rank=rank,
            kept=inside,
            start=picked & table[schema.GAIN].is_null().to_numpy(),
            best=_examples(table, name, score, rank, inside, best=True),
            worst=_examples(table, name, score, rank, inside, best=False),
        )


@dataclass(frozen=True)
class HeldOut:
    """Real and predicted scores of one scorer's held-out rows, both known, and how they agree."""

    group: str
    real: np.ndarray
    predicted: np.ndarray
    agreement: Correlations


def held_out(run: RunFolder) -> list[HeldOut]:
    """Held-out rows of each scorer of a run, kinds first."""
    found = []
    for folder in run.scorers():
        path = folder / "held_out.parquet"
        if path.is_file():
            table = pq.read_table(path, columns=["real", "predicted"], partitioning=None)
            real, predicted = (table[c].to_numpy().astype(np.float64) for c in ("real", "predicted"))
            known = np.isfinite(real) & np.isfinite(predicted)
            real, predicted = real[known], predicted[known]
            agreement = correlations(real, predicted, names=("real scores", "predicted scores"))
            found.append(HeldOut(folder.name, real, predicted, agreement))
    order = {kind: place for place, kind in enumerate(schema.KINDS)}
    return sorted(found, key=lambda held: order.get(held.group, len(order)))


def run_wins(run: RunFolder) -> list[np.ndarray]:
    """Eq. 3's indicator of each prompt row and anchor, (n, anchors) float32 for each anchor set.

    NaN where a pair was not scored; nothing where the run has no measured scores.

    Raises:
        RunError: the arrays are not of the anchors that the ledger counts.
    """
    paths = [run.path / "influence" / f"{shot}_shot.npy" for shot in ("one", "zero")]
    if not all(path.exists() for path in paths):
        return []
    one, zero = (np.load(path, mmap_mode="r") for path in paths)
    sizes = list(((run.line("influence") or {}).get("details") or {}).get("anchors", {}).values())
    if one.ndim != 2 or zero.shape != one.shape[1:] or (sizes and sum(sizes) != len(zero)):
        raise RunError(
            f"{run.path / 'influence'} holds log-probabilities of shapes {one.shape} and {zero.shape} for "
            f"{sum(sizes)} anchors. Run again: its stage will be redone."
        )
    return np.split(wins(one, zero), np.cumsum(sizes)[:-1], axis=1)


def _mixture_ids(run: RunFolder) -> pa.ChunkedArray | None:
    shards = sorted((run.path / "mixture").rglob("*.parquet"))
    if not shards:
        return None
    return pa.concat_tables(
        [pq.read_table(path, columns=[schema.ROW_ID], partitioning=None) for path in shards]
    )[schema.ROW_ID]


def _is_in(ids: pa.ChunkedArray, wanted: pa.ChunkedArray) -> np.ndarray:
    found: np.ndarray = pc.is_in(ids, value_set=wanted.combine_chunks()).to_numpy()
    return found


def _floats(table: pa.Table, column: str) -> np.ndarray:
    values: np.ndarray = table[column].cast(pa.float64()).to_numpy()
    return values


def _examples(
    table: pa.Table, name: str, score: np.ndarray, rank: np.ndarray, kept: np.ndarray, *, best: bool
) -> tuple[Example, ...]:
    known = np.flatnonzero(np.isfinite(score))
    chosen = known[np.argsort(-score[known] if best else score[known], kind="stable")][:SHOWN]
    return tuple(
        Example(
            source=name,
            score=float(score[row]),
            question=table[schema.QUESTION][int(row)].as_py(),
            answer=table[schema.ANSWER][int(row)].as_py(),
            rank=int(rank[row]) if rank[row] >= 0 else None,
            kept=bool(kept[row]),
        )
        for row in chosen
    )
