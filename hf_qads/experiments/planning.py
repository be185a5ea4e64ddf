"""Plan of a comparison: cells, tokens, hours, and the smallest difference that it can detect."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hf_qads.config.experiments import Compare, Experiment
from hf_qads.errors import ConfigError
from hf_qads.experiments.cells import CELLS, RESULT, TIMES
from hf_qads.experiments.compare import arms_of
from hf_qads.experiments.results import UNITS, UNTRAINED, WHOLE_POOL, values_of
from hf_qads.runtime import files
from hf_qads.statistics.comparison import detectable, expected_spread

# Standard deviations where nothing was measured yet: between seeds, between questions (of a difference of two
# arms), and of one seed on one question. Accuracy is that of a model that is right on half of the questions.
PRIOR = {"log_probability": (0.01, 0.1, 0.05), "accuracy": (0.01, 0.3, 0.35)}
RANDOM = "random"


def plan_text(experiment: Experiment, out: Path) -> str:
    """What a comparison takes and what it can show, before any of it is done.

    The smallest difference is that of a pilot where there is one: the folder that `pilot` names, or what is
    finished in `out`; else that of a prior, which is said.
    """
    if experiment.compare is None:
        raise ConfigError(f"{experiment.name} has no section `compare`. Add one.")
    setting = experiment.compare
    arms = arms_of(setting)
    seeds = {name: arm.seeds or setting.seeds for name, arm in arms.items()}
    if setting.control_seeds is not None and setting.control in seeds:
        seeds[setting.control] = setting.control_seeds
    fixed = [name for name in (UNTRAINED, WHOLE_POOL) if name in setting.controls]
    cells = sum(seeds.values()) * len(setting.budgets) + len(fixed)
    text = [
        f"{experiment.name}: {len(arms)} arms x {len(setting.budgets)} budgets x seeds = {cells} cells "
        f"(with {', '.join(fixed) or 'no fixed controls'})."
    ]
    pilot = Path(setting.pilot) if setting.pilot else out
    done = [files.read_json(path) for path in sorted((pilot / CELLS).glob(f"*/{RESULT}"))]
    seconds = [sum(files.read_json(path).values()) for path in sorted((pilot / CELLS).glob(f"*/{TIMES}"))]
    if seconds:
        text.append(f"A cell took {np.median(seconds):.0f} s: about {cells * np.mean(seconds) / 3600:.1f} h.")
    for measure in setting.evaluate.measures:
        text.append(_detectable(setting, seeds, done, measure))
    return "\n".join(text)


def _detectable(
    setting: Compare, seeds: Mapping[str, int], done: Sequence[Mapping[str, Any]], measure: str
) -> str:
    known = pilot_spread(done, measure)
    seed, question, noise = known or PRIOR[measure]
    others = [count for name, count in seeds.items() if name != setting.control]
    least = min(others, default=1)
    if min(least, seeds.get(setting.control, 1)) < 2:
        return f"{measure}: one seed shows no difference, whatever its size. Give at least 2 seeds, better 5."
    measured = [name for name in setting.evaluate.benchmarks if name not in setting.evaluate.accuracy_only]
    names = measured if measure == "log_probability" else setting.evaluate.benchmarks
    spread = expected_spread(
        seed=seed,
        question=question,
        noise=noise,
        seeds=(least, seeds.get(setting.control, least)),
        questions=[setting.evaluate.rows] * len(names),
    )
    size = detectable(spread, comparisons=len(others))
    by = "a pilot" if known else "a prior, since nothing was measured yet"
    return (
        f"{measure.replace('_', '-')}: a true difference to {setting.control} of {size:.4f} {UNITS[measure]} "
        f"is found with 80 % among {len(others)} arms at {least} seeds and {setting.evaluate.rows} questions "
        f"of {len(names)} test sets, by {by}."
    )


def pilot_spread(done: Sequence[Mapping[str, Any]], measure: str) -> tuple[float, float, float] | None:
    """Standard deviations of seeds, questions and noise, from arms with several seeds; None without such.

    The questions' is of the difference of two arms, taken over all pairs of arms at one budget.
    """
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for result in done:
        groups.setdefault((result["cell"]["budget"], result["cell"]["arm"]), []).append(result)
    found = {key: values_of(cells, measure) for key, cells in groups.items() if key[0]}
    found = {key: values for key, values in found.items() if values and len(next(iter(values.values()))) > 1}
    if not found:
        return None
    by_seed, noise, question = [], [], []
    for values in found.values():
        for one in values.values():
            kept = one[:, np.isfinite(one).all(axis=0)]
            rest = kept - kept.mean(axis=1, keepdims=True) - kept.mean(axis=0) + kept.mean()
            noise.append(float((rest**2).sum()) / ((len(kept) - 1) * (kept.shape[1] - 1)))
            by_seed.append(float(kept.mean(axis=1).var(ddof=1)) - noise[-1] / kept.shape[1])
    for (budget, arm), values in found.items():
        for (other_budget, other), theirs in found.items():
            if budget == other_budget and arm < other:
                for name, one in values.items():
                    gaps = one.mean(axis=0) - theirs[name].mean(axis=0)
                    beyond = np.mean(noise) * (1 / len(one) + 1 / len(theirs[name]))
                    question.append(float(np.nanvar(gaps, ddof=1)) - float(beyond))
    parts = (np.mean(by_seed), np.mean(question) if question else 0.0, np.mean(noise))
    seed, between, rest_ = (math.sqrt(max(float(part), 0.0)) for part in parts)
    return seed, between, rest_
