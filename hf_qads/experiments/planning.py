"""Plan of a comparison: cells, tokens, hours, and the smallest difference that it can detect."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hf_qads.config.experiments import UNTRAINED, WHOLE_POOL, Compare, Experiment, Measure
from hf_qads.errors import ConfigError
from hf_qads.experiments.cells import CELLS, RESULT, TIMES
from hf_qads.experiments.compare import SETTINGS, arms_of, listed, settings_key
from hf_qads.experiments.results import UNITS, values_of
from hf_qads.publishing.cards.templating import plural
from hf_qads.runtime import files
from hf_qads.selection.registry import checked_options, find_strategy
from hf_qads.statistics.comparison import detectable, expected_spread

# Standard deviations where nothing was measured yet: between seeds, between questions (of a difference of two
# arms), and of one seed on one question. Accuracy is that of a model that is right on half of the questions.
PRIOR = {"log_probability": (0.01, 0.1, 0.05), "accuracy": (0.01, 0.3, 0.35)}


def plan_text(experiment: Experiment, out: Path) -> str:
    """What a comparison takes and what it can show, before any of it is done.

    The smallest difference is that of a pilot where there is one: the folder that `pilot` names, or what is
    finished in `out` with these settings; else that of a prior, which is said.

    Args:
        experiment: with a section `compare`.
        out: its folder, which need not be there.

    Returns:
        a line of cells, one of hours where some are done, and one for each measure.

    Raises:
        ConfigError: the file is no comparison, or `pilot` names none.
        SelectionError: there is no such strategy, or it has no such option.
    """
    if experiment.compare is None:
        raise ConfigError(f"{experiment.name} has no section `compare`. Add one.")
    setting = experiment.compare
    arms, cells = arms_of(setting), listed(setting)
    for arm in arms.values():
        checked_options(arm.strategy, find_strategy(arm.strategy), arm.options)
    fixed = [name for name in (UNTRAINED, WHOLE_POOL) if name in setting.controls]
    seeds = Counter(arm for arm, budget, _ in cells if budget == setting.budgets[0].label)
    text = [
        f"{experiment.name}: {len(cells)} cells of {plural(len(arms), 'arm')}, "
        f"{plural(len(setting.budgets), 'budget')} and up to {plural(max(seeds.values()), 'seed')} "
        f"(with {', '.join(fixed) or 'no fixed controls'})."
    ]
    done = _finished(Path(setting.pilot)) if setting.pilot else _finished(out, settings_key(setting))
    if setting.pilot and not done:
        raise ConfigError(f"pilot: {setting.pilot} holds no finished cell. Name the folder of a comparison.")
    seconds = [sum(files.read_json(path.with_name(TIMES)).values()) for path in done]
    if seconds:
        hours = len(cells) * np.mean(seconds) / 3600
        text.append(f"A cell took {np.median(seconds):.0f} s: about {hours:.1f} h.")
    for measure, names in setting.evaluate.by_measure().items():
        text.append(_detectable(setting, seeds, list(done.values()), measure, len(names)))
    return "\n".join(text)


def _finished(folder: Path, settings: str | None = None) -> dict[Path, dict[str, Any]]:
    """Files and results of a folder's cells; of cells made twice the newer ones, of settings where given."""
    paths = sorted((folder / CELLS).glob(f"*/{RESULT}"), key=lambda path: (path.stat().st_mtime_ns, path))
    newest = {}
    for path in paths:
        result = files.read_json(path)
        if settings in (None, result.get(SETTINGS)):
            cell = result["cell"]
            newest[result.get(SETTINGS), cell["arm"], cell["budget"], cell["seed"]] = path, result
    return dict(newest.values())


def _detectable(
    setting: Compare,
    seeds: Mapping[str, int],
    done: Sequence[Mapping[str, Any]],
    measure: Measure,
    test_sets: int,
) -> str:
    known = pilot_spread(done, measure)
    seed, question, noise = known or PRIOR[measure]
    others = [count for name, count in seeds.items() if name != setting.control]
    least = min(others, default=1)
    if min(least, seeds[setting.control]) < 2:
        return f"{measure}: one seed shows no difference, whatever its size. Give at least 2 seeds, better 5."
    spread = expected_spread(
        seed=seed,
        question=question,
        noise=noise,
        seeds=(least, seeds[setting.control]),
        questions=[setting.evaluate.rows] * test_sets,
    )
    size = detectable(spread, comparisons=len(others))
    by = "a pilot" if known else "a prior, since nothing was measured yet"
    return (
        f"{measure.replace('_', '-')}: a true difference to {setting.control} of {size:.4f} {UNITS[measure]} "
        f"is found with 80 % among {plural(len(others), 'arm')} at {plural(least, 'seed')} and "
        f"{setting.evaluate.rows} questions of {plural(test_sets, 'test set')}, by {by}."
    )


def pilot_spread(done: Sequence[Mapping[str, Any]], measure: str) -> tuple[float, float, float] | None:
    """Standard deviations of seeds, questions and noise, from arms with several seeds; None without such.

    The questions' is of the difference of two arms, taken over all pairs of arms at one budget. Cells of
    other settings do not mix: the parts are taken within those of the same, and averaged.

    Args:
        done: results of finished cells, each once.
        measure: `accuracy` or `log_probability`.
    """
    groups: dict[tuple[str, str], dict[str, list[Mapping[str, Any]]]] = {}
    for result in done:
        if result["cell"]["budget"]:
            same = groups.setdefault((result.get(SETTINGS, ""), result["cell"]["budget"]), {})
            same.setdefault(result["cell"]["arm"], []).append(result)
    found = {
        (key, arm): values
        for key, arms in groups.items()
        for arm, cells in arms.items()
        if len(cells) > 1 and (values := values_of(cells, measure))
    }
    if not found:
        return None
    by_seed, noise, question = [], [], []
    for values in found.values():
        for one in values.values():
            kept = one[:, np.isfinite(one).all(axis=0)]
            rest = kept - kept.mean(axis=1, keepdims=True) - kept.mean(axis=0) + kept.mean()
            noise.append(float((rest**2).sum()) / ((len(kept) - 1) * (kept.shape[1] - 1)))
            by_seed.append(float(kept.mean(axis=1).var(ddof=1)) - noise[-1] / kept.shape[1])
    for (key, arm), values in found.items():
        for (other_key, other), theirs in found.items():
            if key == other_key and arm < other:
                for name, one in values.items():
                    gaps = one.mean(axis=0) - theirs[name].mean(axis=0)
                    beyond = np.mean(noise) * (1 / len(one) + 1 / len(theirs[name]))
                    question.append(float(np.nanvar(gaps, ddof=1)) - float(beyond))
    parts = (np.mean(by_seed), np.mean(question) if question else 0.0, np.mean(noise))
    seed, between, rest_ = (math.sqrt(max(float(part), 0.0)) for part in parts)
    return seed, between, rest_
