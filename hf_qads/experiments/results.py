"""What a comparison's finished cells say: means, differences to the control, verdicts in a sentence."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hf_qads.config.experiments import UNTRAINED, WHOLE_POOL
from hf_qads.runtime import tables
from hf_qads.statistics.comparison import FEWEST_SEEDS, Comparison, compare_arms, holm

UNITS = {"log_probability": "nats per token", "accuracy": "share of right answers"}
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Line:
    """One arm at one budget by one measure.

    Attributes:
        arm: its name.
        budget: its label; empty for the untrained model and the whole pool.
        measure: `accuracy` or `log_probability`.
        seeds: how many cells are done.
        rows: mean rows trained on.
        tokens: mean tokens of an epoch.
        mean: over seeds and questions, benchmarks weighted equally.
        by_benchmark: the mean of each.
        gain: mean minus that of the untrained model; NaN where it was not measured.
        against: the difference to the control, or None for the control itself and single cells.
    """

    arm: str
    budget: str
    measure: str
    seeds: int
    rows: float
    tokens: float
    mean: float
    by_benchmark: Mapping[str, float]
    gain: float
    against: Comparison | None = None

    @property
    def verdict(self) -> str:
        """Of the difference to the control; empty where there is none."""
        return "" if self.against is None else self.against.verdict


def lines(
    results: Sequence[Mapping[str, Any]],
    *,
    control: str,
    budget: str,
    measure: str,
    benchmarks: Sequence[str] | None = None,
) -> list[Line]:
    """One line per arm of a budget, the control's differences corrected for all arms together (Holm).

    Args:
        results: of finished cells.
        control: the arm that others are compared with.
        budget: its label; cells without a budget are shown beside every one.
        measure: `accuracy` or `log_probability`.
        benchmarks: those to average; None takes all that have the measure.
    """
    cells: dict[str, list[Mapping[str, Any]]] = {}
    for result in results:
        if result["cell"]["budget"] in ("", budget):
            cells.setdefault(result["cell"]["arm"], []).append(result)
    found = {arm: values_of(of, measure, benchmarks) for arm, of in cells.items()}
    found = {arm: values for arm, values in found.items() if values}
    compared: dict[str, Comparison] = {}
    for arm, values in found.items():
        if (
            arm != control
            and control in found
            and min(_seeds(values), _seeds(found[control])) >= FEWEST_SEEDS
        ):
            compared[arm] = compare_arms(values, found[control])
    compared = holm(compared)
    base = mean_of(found.get(UNTRAINED, {}))
    shown = []
    for arm, values in found.items():
        shown.append(
            Line(
                arm=arm,
                budget=cells[arm][0]["cell"]["budget"],
                measure=measure,
                seeds=_seeds(values),
                rows=float(np.mean([one["rows"] for one in cells[arm]])),
                tokens=float(np.mean([one["tokens"] for one in cells[arm]])),
                mean=mean_of(values),
                by_benchmark={name: float(np.nanmean(one)) for name, one in values.items()},
                gain=mean_of(values) - base,
                against=compared.get(arm),
            )
        )
    fixed = {UNTRAINED: 0, WHOLE_POOL: 1, control: 2}
    return sorted(shown, key=lambda line: (fixed.get(line.arm, 3), -line.mean))


def values_of(
    cells: Sequence[Mapping[str, Any]], measure: str, benchmarks: Sequence[str] | None = None
) -> dict[str, Values]:
    """Benchmark -> (seeds, questions) of a measure; benchmarks without it are left out."""
    found = {}
    for name in benchmarks or cells[0]["values"]:
        rows = [cell["values"][name].get(measure) for cell in cells if name in cell["values"]]
        if rows and all(row is not None for row in rows):
            found[name] = np.array([[np.nan if v is None else v for v in row] for row in rows], dtype=float)
    return found


def sentence(line: Line, control: Line, *, factors: Sequence[str] = ()) -> str:
    """The verdict in one sentence, with every factor in which the two arms differ.

    Args:
        line: of an arm that was compared.
        control: of the control.
        factors: settings in which they differ; rows and tokens trained on are added where they do.
    """
    one = line.against
    assert one is not None
    unit = UNITS[line.measure]
    differs = [*factors]
    for what in ("rows", "tokens"):
        mine, theirs = getattr(line, what), getattr(control, what)
        if abs(mine - theirs) > 0.01 * max(theirs, 1):
            differs.append(f"{what} trained on ({mine:,.0f} and {theirs:,.0f})")
    beside = f" They differ in {', '.join(differs)}." if differs else ""
    reach = f"{one.mean:+.4f} {unit} [{one.low:+.4f}, {one.high:+.4f}]"
    seeds = f"{one.seeds[0]} and {one.seeds[1]} seeds, {one.n} questions"
    if line.verdict == "inconclusive":
        return f"{line.arm} against {control.arm}: inconclusive, {reach}, {seeds}.{beside}"
    return f"{line.arm} is {line.verdict} than {control.arm} by {reach}, {seeds}.{beside}"


def markdown(shown: Sequence[Line]) -> str:
    """A table as the paper's Table 3: mean, interval of the difference, verdict, seeds, n."""
    names = list(dict.fromkeys(name for line in shown for name in line.by_benchmark))
    head = ["arm", "seeds", "rows", "tokens", *names, "mean", "gain over untrained", "difference", "verdict"]
    rows = []
    for line in shown:
        one = line.against
        reach = "" if one is None else f"{one.mean:+.4f} [{one.low:+.4f}, {one.high:+.4f}]"
        means = [f"{line.by_benchmark[name]:.4f}" if name in line.by_benchmark else "" for name in names]
        gain = "" if np.isnan(line.gain) else f"{line.gain:+.4f}"
        numbers = [str(line.seeds), f"{line.rows:,.0f}", f"{line.tokens:,.0f}"]
        rows.append([line.arm, *numbers, *means, f"{line.mean:.4f}", gain, reach, line.verdict])
    return tables.table(head, rows, words=(0, -1))


def as_json(shown: Sequence[Line]) -> list[dict[str, Any]]:
    """The lines as plain values."""
    return [plain(asdict(line)) | {"verdict": line.verdict} for line in shown]


def plain(value: Any) -> Any:
    """A value as JSON has it: tuples are lists; infinite and missing numbers, which it has not, are null."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [plain(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def jaccard(results: Sequence[Mapping[str, Any]], budget: str) -> tuple[list[str], Values]:
    """Mean overlap of the rows that two arms chose, over common seeds.

    Args:
        results: of finished cells.
        budget: its label.

    Returns:
        names of the arms; and (arms, arms) the Jaccard index of their rows, in [0, 1], NaN where two have no
        seed in common.
    """
    chosen: dict[str, dict[int, set[str]]] = {}
    for result in results:
        if result["cell"]["budget"] == budget:
            rows = chosen.setdefault(result["cell"]["arm"], {})
            rows[result["cell"]["seed"]] = set(result["row_ids"])
    names = list(chosen)
    table = np.ones((len(names), len(names)))
    for i, first in enumerate(names):
        for j, second in enumerate(names):
            common = sorted(chosen[first].keys() & chosen[second].keys())
            shares = [
                len(chosen[first][s] & chosen[second][s]) / max(1, len(chosen[first][s] | chosen[second][s]))
                for s in common
            ]
            table[i, j] = float(np.mean(shares)) if shares else np.nan
    return names, table


def composition(results: Sequence[Mapping[str, Any]], budget: str) -> dict[str, dict[str, float]]:
    """Arm -> source -> its mean share of the chosen rows, in [0, 1].

    Args:
        results: of finished cells.
        budget: its label; arms without one, such as the whole pool, are shown too.
    """
    found: dict[str, list[Mapping[str, int]]] = {}
    for result in results:
        if result["cell"]["budget"] in ("", budget) and result["sources"]:
            found.setdefault(result["cell"]["arm"], []).append(result["sources"])
    names = list(dict.fromkeys(name for of in found.values() for one in of for name in one))
    return {
        arm: {name: float(np.mean([one.get(name, 0) / sum(one.values()) for one in of])) for name in names}
        for arm, of in found.items()
    }


def _seeds(values: Mapping[str, Values]) -> int:
    return len(next(iter(values.values())))


def mean_of(values: Mapping[str, Values]) -> float:
    """Mean over seeds and questions, benchmarks weighted equally; NaN where there is none."""
    return float(np.mean([np.nanmean(one) for one in values.values()])) if values else math.nan
