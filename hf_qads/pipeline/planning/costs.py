"""What a run will cost, before anything runs: rows, tokens, forward passes, GPU hours and disk per stage."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from hf_qads.errors import MixingError
from hf_qads.mixing import ratios
from hf_qads.mixing.subsets import subset_name

ROW_TOKENS: Final = 300  # the paper gives no lengths
TOKEN_BYTES: Final = 4
FORWARD_USE: Final = 0.5
TRAIN_USE: Final = 0.4
BANDWIDTH_USE: Final = 0.7


class Gpu(NamedTuple):
    """Peak dense bfloat16 operations and memory bytes per second, from the maker's data sheet."""

    flops: float
    bandwidth: float


GPUS: Final = {
    "A100": Gpu(312e12, 2.0e12),
    "H100": Gpu(989e12, 3.35e12),
    "H200": Gpu(989e12, 4.8e12),
}


@dataclass(frozen=True)
class StagePlan:
    """One stage.

    Attributes:
        name: the stage.
        rows: rows that it handles.
        passes: sequences that go through a model, forward or forward and back.
        tokens: tokens of all passes.
        gpu_hours: on one GPU; shared out over more, the sum stays.
        disk: bytes that stay in the run folder.
        how: how it was estimated.
    """

    name: str
    rows: int
    passes: int
    tokens: float
    gpu_hours: float
    disk: float
    how: str


@dataclass(frozen=True)
class Plan:
    """What a run will cost, and what was assumed. `str(plan)` is for reading."""

    stages: tuple[StagePlan, ...]
    kept: Mapping[str, int]
    sizes: Mapping[str, int]
    subsets: Mapping[str, int]
    assumed: tuple[str, ...]
    gpu: str = "H100"

    @property
    def gpu_hours(self) -> float:
        """GPU hours of all stages."""
        return sum(stage.gpu_hours for stage in self.stages)

    @property
    def disk(self) -> float:
        """Bytes of all stages."""
        return sum(stage.disk for stage in self.stages)

    def __str__(self) -> str:
        lines = [f"{'source':<22}{'rows':>12}{'ratio':>8}{'kept':>12}"]
        for source, size in self.sizes.items():
            share = self.kept[source] / size if size else 0.0
            lines.append(f"{source:<22}{size:>12,}{share:>8.3f}{self.kept[source]:>12,}")
        whole, kept = sum(self.sizes.values()), sum(self.kept.values())
        lines.append(f"{'total':<22}{whole:>12,}{kept / max(1, whole):>8.3f}{kept:>12,}")
        lines += [f"  subset {name}: {rows:,} rows" for name, rows in self.subsets.items()]
        lines += ["", f"{'stage':<12}{'rows':>12}{'passes':>14}{'tokens':>9}{'GPU time':>11}{'disk':>9}"]
        for stage in self.stages:
            lines.append(
                f"{stage.name:<12}{stage.rows:>12,}{stage.passes:>14,}{_short(stage.tokens):>9}"
                f"{_time(stage.gpu_hours):>11}{_short(stage.disk) + 'B':>9}"
            )
        lines += [f"{'total':<12}{'':>35}{_time(self.gpu_hours):>11}{_short(self.disk) + 'B':>9}", ""]
        lines += ["How this was estimated:", *(f"- {text}" for text in self.assumed)]
        return "\n".join([*lines, *(f"- {stage.name}: {stage.how}" for stage in self.stages)])


def plan(
    sizes: Mapping[str, int],
    shares: Mapping[str, float],
    *,
    subsets: Sequence[float] = (),
    kinds: Mapping[str, str] | None = None,
    anchors: Sequence[int] = (100,),
    candidates: int = 0,
    prompts: int | Mapping[str, int] = 2_000,
    experience: float | None = 0.05,
    experience_epochs: float = 1.0,
    vectors: Literal["model", "precomputed"] = "model",
    scorer: Literal["model", "probe", "precomputed"] | None = "model",
    scorer_epochs: float = 2.0,
    epochs: float = 1.0,
    parameters: float = 7e9,
    width: int = 4_096,
    row_tokens: float | Mapping[str, float] = ROW_TOKENS,
    gpu: str = "H100",
    notes: Sequence[str] = (),
    before: Sequence[StagePlan] = (),
    further: Sequence[StagePlan] = (),
) -> Plan:
    """Estimate a run from the sizes of its sources and its model.

    Args:
        sizes: rows per source.
        shares: share of each source that is kept.
        subsets: fractions; selection ranks as far as the largest one needs where a source is kept whole.
        kinds: kind per source; one scorer for each kind where given, else one for all.
        anchors: rows of each anchor set.
        candidates: rows that are embedded to choose the anchors among them.
        prompts: rows that are scored for real, for all sources or for some.
        experience: share of the pool for the pre-experienced model; None takes the base model.
        experience_epochs: passes over that share.
        vectors: "precomputed" where the rows bring them: no row goes through the model then.
        scorer: "model", a "probe" on the vectors, or "precomputed" scores; None scores every row for real.
        scorer_epochs: passes of a model over the prompt rows.
        epochs: passes over the mixture in the final training.
        parameters: of the model.
        width: of its hidden states.
        row_tokens: mean tokens of question and answer, for all sources or for each.
        gpu: "A100", "H100" or "H200".
        notes: further lines on where the numbers come from.
        before: stages that come before the pool.
        further: stages that come before selection.

    Raises:
        MixingError: a size, share or fraction out of range, or an unknown GPU.

    Source: section 4 and appendix A for the defaults.
    """
    if gpu not in GPUS:
        raise MixingError(f"no figures for GPU {gpu!r}; there are: {', '.join(GPUS)}.")
    kept = ratios.kept(sizes, shares)
    lengths = {s: float(row_tokens[s] if isinstance(row_tokens, Mapping) else row_tokens) for s in sizes}
    pool, rows = sum(sizes[s] * lengths[s] for s in sizes), sum(sizes.values())
    drawn = prompts if isinstance(prompts, Mapping) else dict.fromkeys(sizes, prompts)
    scored = dict(sizes) if scorer is None else {s: min(drawn.get(s, 0), sizes[s]) for s in sizes}
    rate = _Rate(GPUS[gpu], parameters)
    stages = [
        *before,
        StagePlan("pool", rows, 0, pool, 0.0, _text(pool), "text at 4 bytes a token, halved by zstd"),
    ]
    if vectors == "model":
        if experience is not None:
            stages.append(_experience(experience, experience_epochs, rows, pool, rate))
        how = f"a forward pass a row, 2 operations a parameter and token; float16 vectors of {width:,}"
        stages.append(StagePlan("vectors", rows, rows, pool, rate.forward(pool), rows * width * 2.0, how))
    if scorer != "precomputed":
        stages.append(_influence(scored, lengths, pool / max(1, rows), sum(anchors), candidates, rate))
    if scorer == "model":
        count = len(set(kinds.values())) if kinds else 1
        stages.append(_scorer(scored, lengths, scorer_epochs, count, rate))
        how = "a forward pass a row"
        stages.append(StagePlan("scores", rows, rows, pool, rate.forward(pool), rows * 24.0, how))
    elif scorer == "probe":
        how = "a regression on the vectors of the rows scored for real; no model reads them again"
        stages.append(StagePlan("scorer", sum(scored.values()), 0, 0.0, 0.0, width * 8.0, how))
        how = "a product with each vector"
        stages.append(StagePlan("scores", rows, 0, 0.0, 0.0, rows * 24.0, how))
    stages += further
    stages.append(_selection(sizes, kept, subsets, width, GPUS[gpu]))
    stages += _mixture(sum(kept.values()), sum(kept[s] * lengths[s] for s in sizes), epochs, rate)
    said = (
        f"{pool / max(1, rows):,.0f}, the mean of all sources"
        if isinstance(row_tokens, Mapping)
        else f"{row_tokens:,.0f}"
    )
    assumed = (
        *notes,
        f"model: {_size(parameters)} parameters, hidden width {width:,}",
        f"tokens a row, question and answer: {said}",
        f"GPU: one {gpu}, {GPUS[gpu].flops / 1e12:,.0f} TFLOP/s dense bfloat16, used to {FORWARD_USE:.0%} "
        f"forward and {TRAIN_USE:.0%} in training; {GPUS[gpu].bandwidth / 1e12:g} TB/s, used to "
        f"{BANDWIDTH_USE:.0%}",
        "operations of attention itself are left out: little for rows of this length",
    )
    names = {subset_name(f): sum(ratios.nearest(f * count) for count in kept.values()) for f in subsets}
    return Plan(tuple(stages), kept, dict(sizes), names, assumed, gpu)


def forward_hours(tokens: float, parameters: float, gpu: str = "H100") -> float:
    """GPU hours of forward passes over some tokens."""
    return _Rate(GPUS[gpu], parameters).forward(tokens)


class _Rate:
    def __init__(self, gpu: Gpu, parameters: float) -> None:
        self.parameters = parameters
        self._flops = gpu.flops * 3600

    def forward(self, tokens: float) -> float:
        return 2 * self.parameters * tokens / (self._flops * FORWARD_USE)

    def train(self, tokens: float) -> float:
        return 6 * self.parameters * tokens / (self._flops * TRAIN_USE)


def _size(parameters: float) -> str:
    billions = parameters >= 1e9
    return f"{parameters / (1e9 if billions else 1e6):.3g} {'billion' if billions else 'million'}"


def _text(tokens: float) -> float:
    return tokens * TOKEN_BYTES * 0.5


def _experience(share: float, epochs: float, rows: int, pool: float, rate: _Rate) -> StagePlan:
    drawn, tokens = round(share * rows), share * pool * epochs
    how = (
        f"{epochs:g} epoch(s) on {share:.0%} of the pool, 6 operations a parameter and token; the model in "
        "bfloat16"
    )
    passes = round(drawn * epochs)
    return StagePlan("experience", drawn, passes, tokens, rate.train(tokens), 2 * rate.parameters, how)


def _influence(
    scored: Mapping[str, int],
    lengths: Mapping[str, float],
    length: float,
    watched: int,
    candidates: int,
    rate: _Rate,
) -> StagePlan:
    """Each scored row once, after it each anchor, and each anchor alone."""
    rows = sum(scored.values())
    tokens = sum(scored[s] * (lengths[s] + watched * length) for s in scored)
    tokens += (watched + candidates) * length
    how = (
        f"{rows:,} rows as example before each of {watched} anchors, which share the example's pass, and "
        "each anchor alone" + (f"; {candidates:,} rows embedded to choose anchors" if candidates else "")
    )
    passes = rows * watched + watched + candidates
    return StagePlan("influence", rows, passes, tokens, rate.forward(tokens), rows * watched * 4.0, how)


def _scorer(
    scored: Mapping[str, int], lengths: Mapping[str, float], epochs: float, count: int, rate: _Rate
) -> StagePlan:
    rows = sum(scored.values())
    tokens = epochs * sum(scored[s] * lengths[s] for s in scored)
    how = f"{count} scorer(s) as large as the model, {epochs:g} epochs on the rows scored for real"
    disk = 2 * rate.parameters * count
    return StagePlan("scorer", rows, round(rows * epochs), tokens, rate.train(tokens), disk, how)


def _mixture(rows: int, tokens: float, epochs: float, rate: _Rate) -> list[StagePlan]:
    passes, trained = round(rows * epochs), tokens * epochs
    how = f"{epochs:g} epoch(s) on the mixture; a recipe of its own, not part of a run"
    return [
        StagePlan("mixture", rows, 0, tokens, 0.0, _text(tokens), "the kept rows, as the pool"),
        StagePlan("training", rows, passes, trained, rate.train(trained), 2 * rate.parameters, how),
    ]


def _selection(
    sizes: Mapping[str, int], kept: Mapping[str, int], subsets: Sequence[float], width: int, gpu: Gpu
) -> StagePlan:
    largest = max(subsets, default=0.0)
    picks = {s: kept[s] if kept[s] < sizes[s] else ratios.nearest(largest * kept[s]) for s in sizes}
    read = sum(picks[s] * sizes[s] for s in sizes) * width * 2.0
    hours = read / (gpu.bandwidth * BANDWIDTH_USE) / 3600
    how = "at most: for each pick a pass over its source's float16 vectors, at the speed of memory"
    return StagePlan("selection", sum(picks.values()), 0, 0.0, hours, sum(picks.values()) * 48.0, how)


def _time(hours: float) -> str:
    """Seconds below a minute, minutes below an hour."""
    seconds = hours * 3_600
    if 0 < seconds < 0.1:
        return "<0.1 s"
    if seconds < 60:
        return f"{seconds:.2g} s"
    return f"{seconds / 60:.2g} min" if hours < 1 else f"{hours:,.1f} h"


def _short(value: float) -> str:
    for unit in ("", "k", "M", "G", "T"):
        if value < 1_000 or unit == "T":
            return f"{value:,.0f}{unit}" if value >= 100 or not unit else f"{value:.3g}{unit}"
        value /= 1_000
    return ""
