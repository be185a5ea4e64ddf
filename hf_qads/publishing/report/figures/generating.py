"""Figure of what was generated and what of it is used."""

from typing import TYPE_CHECKING

from hf_qads.publishing.cards.templating import percent
from hf_qads.publishing.facts.generated import Step
from hf_qads.publishing.facts.measuring import Measured
from hf_qads.publishing.report import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def _steps(measured: Measured) -> list[Step]:
    """Steps of all sources together, in the order in which they were done."""
    found: dict[str, Step] = {}
    for made in measured.facts.generated:
        answers = [Step(f"answers to {s.name}", s.asked, s.kept, s.verified) for s in made.answers]
        for step in (*made.questions, *answers):
            old = found.get(step.name, Step(step.name, 0, 0, 0))
            found[step.name] = Step(
                step.name, old.asked + step.asked, old.kept + step.kept, old.verified + step.verified
            )
    return [step for step in found.values() if step.asked]


def describe_generated(measured: Measured) -> str | None:
    """How much of the generated questions and answers is used."""
    steps = _steps(measured)
    if not steps:
        return None
    groups = {
        "new questions": [step for step in steps if not step.name.startswith("answers")],
        "sampled answers": [step for step in steps if step.name.startswith("answers")],
    }
    parts = []
    for what, group in groups.items():
        asked, kept = sum(step.asked for step in group), sum(step.kept for step in group)
        if asked:
            parts.append(f"{kept:,} of {asked:,} {what} are used ({percent(kept / asked)})")
    verified = sum(step.verified for step in steps)
    return f"{'; '.join(parts)}. {verified:,} answers equal a known one, the other ones a majority's."


def draw_generated(measured: Measured, narrow: bool) -> "Figure":
    """Share used of what each operator, and each kind of question, gave."""
    steps = list(reversed(_steps(measured)))
    figure, axes = style.canvas(0.75 + 0.3 * len(steps), narrow=narrow)
    axis = axes[0]
    shares = [step.kept / step.asked for step in steps]
    axis.barh(range(len(steps)), [1.0] * len(steps), height=0.66, color=style.FAINT)
    axis.barh(range(len(steps)), shares, height=0.66, color=style.PICKED)
    for place, step in enumerate(steps):
        text = f"{step.kept:,} of {step.asked:,}"
        axis.text(1.015, place, text, va="center", fontsize=8.5, color=style.QUIET)
    axis.set_yticks(range(len(steps)), [style.shorten(step.name, 26) for step in steps])
    axis.set_xlim(0, 1.28)
    axis.set_xticks([0, 0.5, 1], ["0 %", "50 %", "100 %"])
    axis.tick_params(axis="y", length=0)
    axis.set_title("used, of what was generated")
    return figure
